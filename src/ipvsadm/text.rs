//! The words for forwarding methods, tunnels, scheduler flags and protocols.

use super::refusal::Refusal;
use crate::ipvs::{Destination, ForwardMethod, ServiceFlags, TunnelFlags, TunnelKind};

/// What the C library prints where there is no word.
const NULL: &str = "(null)";

/// What the original keeps of `-b`, in bytes.
const FLAGS_LENGTH: usize = 127;

/// Every scheduler flag: its name, the one scheduler that it is for, its bit.
const FLAGS: [(&str, Option<&str>, ServiceFlags); 7] = [
    ("flag-1", None, ServiceFlags::SCHED1),
    ("flag-2", None, ServiceFlags::SCHED2),
    ("flag-3", None, ServiceFlags::SCHED3),
    ("sh-fallback", Some("sh"), ServiceFlags::SCHED1),
    ("sh-port", Some("sh"), ServiceFlags::SCHED2),
    ("mh-fallback", Some("mh"), ServiceFlags::SCHED1),
    ("mh-port", Some("mh"), ServiceFlags::SCHED2),
];

/// Reads `-b`: names with commas between them. An empty text is no flag at all.
pub(super) fn scheduler_flags(scheduler: &str, text: &str) -> Result<ServiceFlags, Refusal> {
    let mut flags = ServiceFlags::default();
    let text = text.get(..FLAGS_LENGTH).unwrap_or(text);
    let mut names = text.split(',').filter(|name| !name.is_empty()).peekable();
    if names.peek().is_none() && !text.is_empty() {
        return Err(Refusal::fail(format!("invalid scheduler flag `{text}'")));
    }
    for name in names {
        let Some((_, only, bit)) = FLAGS.iter().find(|(known, ..)| *known == name) else {
            return Err(Refusal::fail(format!("invalid scheduler flag `{name}'")));
        };
        if only.is_some_and(|only| only != scheduler) {
            return Err(Refusal::fail(format!(
                "incompatible scheduler flag `{name}'"
            )));
        }
        flags |= *bit;
    }
    Ok(flags)
}

/// The names of the flags that are set, with commas between them; none where no flag is.
pub(super) fn flag_names(scheduler: &str, flags: ServiceFlags) -> Option<String> {
    let all = ServiceFlags::SCHED1 | ServiceFlags::SCHED2 | ServiceFlags::SCHED3;
    if flags.without(flags.without(all)).bits() == 0 {
        return None;
    }
    let own = Some(scheduler).filter(|name| ["sh", "mh"].contains(name));
    let names: Vec<&str> = FLAGS
        .iter()
        .filter(|(_, only, bit)| *only == own && flags.contains(*bit))
        .map(|(name, ..)| *name)
        .collect();
    Some(names.join(","))
}

/// The name of a protocol in lists.
pub(super) fn protocol(number: u16) -> &'static str {
    match number {
        6 => "TCP",
        17 => "UDP",
        132 => "SCTP",
        _ => "?",
    }
}

/// The option of a protocol in rules.
pub(super) fn protocol_option(number: u16) -> &'static str {
    match number {
        6 => "-t",
        17 => "-u",
        132 => "--sctp-service",
        _ => "--xxx-service",
    }
}

/// The name of a forwarding method in lists.
pub(super) fn forward(method: ForwardMethod) -> &'static str {
    match method {
        ForwardMethod::Masq => "Masq",
        ForwardMethod::LocalNode => "Local",
        ForwardMethod::Tunnel => "Tunnel",
        ForwardMethod::Direct => "Route",
        _ => NULL,
    }
}

/// The option of a forwarding method in rules.
pub(super) fn forward_option(method: ForwardMethod) -> &'static str {
    match method {
        ForwardMethod::Masq => "-m",
        ForwardMethod::Tunnel => "-i",
        ForwardMethod::LocalNode | ForwardMethod::Direct => "-g",
        _ => NULL,
    }
}

/// The name of a kind of tunnel.
pub(super) fn tunnel_name(kind: TunnelKind) -> Option<&'static str> {
    match kind {
        TunnelKind::Ipip => Some("ipip"),
        TunnelKind::Gue => Some("gue"),
        TunnelKind::Gre => Some("gre"),
        TunnelKind::Other(_) => None,
    }
}

/// Reads the name of a kind of tunnel.
pub(super) fn tunnel_kind(name: &str) -> Option<TunnelKind> {
    [TunnelKind::Ipip, TunnelKind::Gue, TunnelKind::Gre]
        .into_iter()
        .find(|kind| tunnel_name(*kind) == Some(name))
}

/// How a server's packets are wrapped, for lists: `gue:6080:+c`.
pub(super) fn tunnel_info(server: &Destination) -> String {
    let tunnel = &server.tunnel;
    let checksum = match tunnel.flags {
        TunnelFlags::NOCSUM => "-c",
        TunnelFlags::CSUM => "+c",
        TunnelFlags::REMCSUM => "r+c",
        _ => NULL,
    };
    match (server.forward, tunnel.kind) {
        (ForwardMethod::Tunnel, TunnelKind::Ipip) => "ipip".to_owned(),
        (ForwardMethod::Tunnel, TunnelKind::Gue) => format!("gue:{}:{checksum}", tunnel.port),
        (ForwardMethod::Tunnel, TunnelKind::Gre) => format!("gre:{checksum}"),
        _ => "n/a".to_owned(),
    }
}

/// The options of a tunnel in rules, each behind a blank.
pub(super) fn tunnel_options(server: &Destination) -> String {
    let tunnel = &server.tunnel;
    let checksum = match tunnel.flags {
        TunnelFlags::NOCSUM => "--tun-nocsum",
        TunnelFlags::CSUM => "--tun-csum",
        TunnelFlags::REMCSUM => "--tun-remcsum",
        _ => NULL,
    };
    match (server.forward, tunnel.kind) {
        (ForwardMethod::Tunnel, TunnelKind::Ipip) => " --tun-type ipip".to_owned(),
        (ForwardMethod::Tunnel, TunnelKind::Gue) => {
            format!(" --tun-type gue --tun-port {} {checksum}", tunnel.port)
        }
        (ForwardMethod::Tunnel, TunnelKind::Gre) => format!(" --tun-type gre {checksum}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheduler_flags_know_their_scheduler() {
        let fail = |text: &str| Err(Refusal::fail(text));
        let both = ServiceFlags::SCHED1 | ServiceFlags::SCHED2;
        assert_eq!(scheduler_flags("sh", "sh-port,sh-fallback"), Ok(both));
        assert_eq!(scheduler_flags("", ""), Ok(ServiceFlags::default()));
        assert_eq!(scheduler_flags("rr", ",flag-3,"), Ok(ServiceFlags::SCHED3));
        assert_eq!(
            scheduler_flags("rr", "mh-port"),
            fail("incompatible scheduler flag `mh-port'")
        );
        assert_eq!(
            scheduler_flags("rr", "x"),
            fail("invalid scheduler flag `x'")
        );
        assert_eq!(
            scheduler_flags("rr", ","),
            fail("invalid scheduler flag `,'")
        );
        assert_eq!(
            flag_names("sh", both).as_deref(),
            Some("sh-fallback,sh-port")
        );
        assert_eq!(flag_names("rr", both).as_deref(), Some("flag-1,flag-2"));
        // A flag that this scheduler has no name for.
        assert_eq!(flag_names("sh", ServiceFlags::SCHED3).as_deref(), Some(""));
        assert_eq!(flag_names("sh", ServiceFlags::PERSISTENT), None);
    }
}
