//! Which options go with which command, and with which kind of tunnel.

use super::kind::{Command, Given, Kind};
use super::refusal::Refusal;
use crate::ipvs::TunnelKind;

/// How an option stands to a command or a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Needed,
    Illegal,
    /// Only one of those may be given.
    Exclusive,
    Optional,
}

/// Refuses options that do not go with the command, and the lack of those that it needs.
pub(super) fn check(command: Command, given: &Given) -> Result<(), Refusal> {
    let kinds = Kind::ALL.map(|(kind, _)| kind);
    let what = format!("'{}' command", command.name());
    check_all(&kinds, |kind| of_command(command, kind), given, &what)
}

/// The same for the options of a tunnel.
pub(super) fn check_tunnel(tunnel: TunnelKind, given: &Given) -> Result<(), Refusal> {
    use Kind::{TunnelCsum, TunnelNoCsum, TunnelPort, TunnelRemCsum};
    let kinds = [TunnelPort, TunnelNoCsum, TunnelCsum, TunnelRemCsum];
    let name = super::text::tunnel_name(tunnel).unwrap_or_default();
    let what = format!("'{name}' tunnel type");
    check_all(&kinds, |kind| of_tunnel(tunnel, kind), given, &what)
}

fn check_all(
    kinds: &[Kind],
    rule: impl Fn(Kind) -> Rule,
    given: &Given,
    what: &str,
) -> Result<(), Refusal> {
    let mut exclusive: Option<Kind> = None;
    for &kind in kinds {
        let name = kind.name();
        match (rule(kind), given.has(kind)) {
            (Rule::Needed, false) => {
                return Err(Refusal::fail(format!(
                    "You need to supply the '{name}' option for the {what}"
                )));
            }
            (Rule::Illegal, true) => {
                return Err(Refusal::fail(format!(
                    "Illegal '{name}' option with the {what}"
                )));
            }
            (Rule::Exclusive, true) => {
                if let Some(first) = exclusive {
                    let first = first.name();
                    return Err(Refusal::fail(format!(
                        "The option '{name}' conflicts with the '{first}' option in the {what}"
                    )));
                }
                exclusive = Some(kind);
            }
            _ => {}
        }
    }
    Ok(())
}

fn of_command(command: Command, kind: Kind) -> Rule {
    use Command as C;
    use Kind as K;
    let of_server = matches!(command, C::AddServer | C::DeleteServer | C::EditServer);
    let of_service = matches!(command, C::AddService | C::EditService | C::DeleteService);
    match (command, kind) {
        (_, K::Service) if of_server || of_service => Rule::Needed,
        (_, K::Server) if of_server => Rule::Needed,
        (C::List, K::Connection | K::Service | K::Timeout | K::Daemon) => Rule::Exclusive,
        (
            C::List,
            K::Numeric
            | K::Stats
            | K::Rate
            | K::Thresholds
            | K::PersistentConn
            | K::NoSort
            | K::SyncId
            | K::Exact
            | K::TunnelInfo,
        )
        | (C::Save, K::Numeric)
        | (C::Zero, K::Service)
        | (C::StopDaemon, K::SyncId)
        | (
            C::StartDaemon,
            K::McastInterface
            | K::SyncId
            | K::McastGroup
            | K::McastPort
            | K::McastTtl
            | K::SyncMaxlen,
        )
        | (
            C::AddService | C::EditService,
            K::Scheduler
            | K::Persistent
            | K::Netmask
            | K::OnePacket
            | K::Engine
            | K::SchedulerFlags,
        )
        | (
            C::AddServer | C::EditServer,
            K::Forward
            | K::Weight
            | K::Upper
            | K::Lower
            | K::TunnelType
            | K::TunnelPort
            | K::TunnelNoCsum
            | K::TunnelCsum
            | K::TunnelRemCsum,
        ) => Rule::Optional,
        _ => Rule::Illegal,
    }
}

fn of_tunnel(tunnel: TunnelKind, kind: Kind) -> Rule {
    match (tunnel, kind) {
        (TunnelKind::Gue, Kind::TunnelPort) => Rule::Needed,
        (TunnelKind::Gue, _) | (TunnelKind::Gre, Kind::TunnelNoCsum | Kind::TunnelCsum) => {
            Rule::Exclusive
        }
        _ => Rule::Illegal,
    }
}
