//! Owns what a step does to the simulated kernel's state, and whether it is refused: in the
//! order in which the kernel checks.

use std::net::IpAddr;

use super::machine::{Answer, HZ, Machine};
use super::settings;
use crate::error::{Error, Kind};
use crate::ipvs::Errno;
use crate::marks::Target;
use crate::model::combination::may_be_a_host;
use crate::model::server::THRESHOLD_MAX;
use crate::model::service::{NAME_MAX, SchedulerFlags};
use crate::model::{
    ChainState, Family, Forwarding, Live, MarkSupport, RealServer, ServerKey, ServiceKey,
    ServiceOptions, TunnelKind,
};
use crate::plan::Step;

/// Why a step was refused.
pub(super) enum Refused {
    /// By IPVS, with a number.
    Number(Errno),
    /// By iptables.
    Marks(Error),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Refused {
        Refused::Number(errno)
    }
}

/// Does a step, or refuses it and changes nothing.
pub(super) fn run(machine: &Machine, live: &mut Live, step: &Step) -> Result<(), Refused> {
    let mut step = step.clone();
    match &mut step {
        Step::AddService { key, options } => {
            known_family(machine, key.family())?;
            if live.rules.services.contains_key(key) {
                return Err(Errno::EXIST.into());
            }
            check_service(machine, key, options)?;
            *options = stored_service(options);
        }
        Step::ChangeService { key, to, .. } => {
            find_service(machine, live, key)?;
            check_service(machine, key, to)?;
            *to = stored_service(to);
        }
        Step::RemoveService { key, .. } => find_service(machine, live, key)?,
        Step::AddServer {
            service,
            key,
            options,
        } => {
            find_service(machine, live, service)?;
            check_server(machine, live, service, key, options)?;
            if has_server(live, service, key) {
                return Err(Errno::EXIST.into());
            }
            check_address(machine, key.addr)?;
        }
        Step::ChangeServer {
            service, key, to, ..
        } => {
            find_service(machine, live, service)?;
            check_server(machine, live, service, key, to)?;
            if !has_server(live, service, key) {
                return Err(Errno::NOENT.into());
            }
        }
        Step::RemoveServer { service, key, .. } => {
            find_service(machine, live, service)?;
            known_family(machine, Family::of(key.addr))?;
            if !has_server(live, service, key) {
                return Err(Errno::NOENT.into());
            }
        }
        Step::SetChain { family, to, .. } => *to = check_chain(live, *family, to)?,
        Step::Set { settings } => {
            for change in settings {
                settings::check(machine, live, change)?;
            }
        }
    }
    step.apply_to(live);
    if let Step::Set { settings } = &step {
        for change in settings {
            settings::follow(live, change);
        }
    }
    Ok(())
}

/// ip_vs_is_af_valid.
fn known_family(machine: &Machine, family: Family) -> Answer {
    if family == Family::Ipv6 && !machine.ipv6 {
        return Err(Errno::AFNOSUPPORT);
    }
    Ok(())
}

fn find_service(machine: &Machine, live: &Live, key: &ServiceKey) -> Answer {
    known_family(machine, key.family())?;
    if live.rules.services.contains_key(key) {
        Ok(())
    } else {
        Err(Errno::SRCH)
    }
}

fn has_server(live: &Live, service: &ServiceKey, server: &ServerKey) -> bool {
    let service = live.rules.services.get(service);
    service.is_some_and(|service| service.servers.contains_key(server))
}

/// ip_vs_add_service and ip_vs_edit_service.
fn check_service(machine: &Machine, key: &ServiceKey, options: &ServiceOptions) -> Answer {
    let names = &machine.names;
    let scheduler = options.scheduler.name();
    let engine = options.engine.as_ref().map(|engine| engine.name());
    if scheduler.len() > NAME_MAX {
        return Err(Errno::INVAL);
    }
    if scheduler != "none" && !names.schedulers.contains(scheduler) {
        return Err(Errno::NOENT);
    }
    if engine.is_some_and(|engine| !names.engines.contains(engine)) {
        return Err(Errno::NOENT);
    }
    if key.family() == Family::Ipv6 && !(1..=128).contains(&options.netmask.0) {
        return Err(Errno::INVAL);
    }
    Ok(())
}

/// A service's options as the kernel keeps them.
fn stored_service(options: &ServiceOptions) -> ServiceOptions {
    /// PERSISTENT, HASHED and ONEPACKET have fields of their own.
    const NOT_OF_THE_SCHEDULER: u32 = 0x07;
    ServiceOptions {
        flags: SchedulerFlags(options.flags.0 & !NOT_OF_THE_SCHEDULER),
        // Kept in ticks, in 32 bits: too long a time wraps around without an error.
        persistent: options
            .persistent
            .map(|seconds| seconds.wrapping_mul(HZ) / HZ),
        ..options.clone()
    }
}

/// ip_vs_genl_set_cmd, then ip_vs_add_dest or ip_vs_edit_dest.
fn check_server(
    machine: &Machine,
    live: &Live,
    service: &ServiceKey,
    key: &ServerKey,
    options: &RealServer,
) -> Answer {
    known_family(machine, Family::of(key.addr))?;
    if Family::of(key.addr) != service.family() {
        let syncs = live.rules.settings.daemons().next().is_some();
        if syncs || options.forward != Forwarding::Tunnel {
            return Err(Errno::INVAL);
        }
    }
    if options.lower > options.upper {
        return Err(Errno::RANGE);
    }
    if options.upper > THRESHOLD_MAX {
        return Err(Errno::INVAL);
    }
    if options.tunnel.kind == TunnelKind::Gue && options.tunnel.port == 0 {
        return Err(Errno::INVAL);
    }
    Ok(())
}

/// ip_vs_new_dest.
fn check_address(machine: &Machine, addr: IpAddr) -> Answer {
    let unicast = match addr {
        // The broadcast address that `lo` has once it is up.
        IpAddr::V4(v4) => machine.loopback && v4.octets() != [127, 255, 255, 255],
        IpAddr::V6(_) => true,
    };
    if unicast && may_be_a_host(addr) {
        Ok(())
    } else {
        Err(Errno::INVAL)
    }
}

/// What iptables would make of a chain.
fn check_chain(live: &Live, family: Family, to: &ChainState) -> Result<ChainState, Refused> {
    if let MarkSupport::Unavailable(why) = live.marks(family) {
        return Err(Refused::Marks(Error::new(Kind::Unsupported, why.clone())));
    }
    Target::new(to).map_err(Refused::Marks)?;
    Ok(ChainState {
        rules: crate::marks::normal(&to.rules),
        ..to.clone()
    })
}
