//! Owns the words for what a kernel refuses: from a step and an error number to an error with
//! object, attempt, cause and hint. The one place for it, shared by both kernels.
//!
//! May import: `error`, `model`, `plan`, `ipvs` (error numbers), siblings. Source of truth:
//! ip_vs_genl_set_cmd, ip_vs_add_service, ip_vs_add_dest, ip_vs_new_dest, ip_vs_genl_new_daemon
//! in net/netfilter/ipvs/ip_vs_ctl.c, start_sync_thread in ip_vs_sync.c.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::names::Names;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::ipvs::Errno;
use crate::model::combination::{may_be_a_host, not_a_host};
use crate::model::server::{THRESHOLD_MAX, THRESHOLD_RANGE};
use crate::model::service::SCHEDULERS;
use crate::model::{
    DaemonRole, Family, Forwarding, InterfaceName, RealServer, ServerKey, ServiceKey,
    ServiceOptions, Setting, SettingKey, SyncDaemon, SysctlName, Timeouts, TunnelKind, VipKey,
};
use crate::plan::{SettingChange, Step};

/// What a kernel said about one step.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own words (extended ack), where it had any.
    pub said: Option<&'a str>,
    /// The names that this kernel has.
    pub names: &'a Names,
}

/// A cause with the hints that go with it.
struct Words {
    kind: Kind,
    cause: String,
    hints: Vec<String>,
}

impl Words {
    fn new(cause: impl Into<String>) -> Words {
        Words {
            kind: Kind::Refused,
            cause: cause.into(),
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Words {
        self.hints.push(hint.into());
        self
    }

    fn kind(mut self, kind: Kind) -> Words {
        self.kind = kind;
        self
    }
}

impl Refusal<'_> {
    /// Says why a step was refused, and what to do about it.
    pub fn of_step(&self, step: &Step) -> Error {
        let words = self.general(Some(step)).unwrap_or_else(|| match step {
            Step::AddService { key, options }
            | Step::ChangeService {
                key, to: options, ..
            } => self.of_service(key, options),
            Step::RemoveService { .. } => self.without_service(),
            Step::AddServer {
                service,
                key,
                options,
            }
            | Step::ChangeServer {
                service,
                key,
                to: options,
                ..
            } => self.of_server(
                service,
                key,
                options,
                matches!(step, Step::AddServer { .. }),
            ),
            Step::RemoveServer { .. } => match self.errno {
                Errno::NOENT => Words::new("the virtual service has no such real server"),
                _ => self.without_service(),
            },
            Step::Set { settings } => match settings.first() {
                Some(change) => self.of_setting(change),
                None => self.unexplained(),
            },
            Step::SetChain { .. } => self.unexplained(),
        });
        self.error(words)
            .object(step.object())
            .attempt(step.attempt())
    }

    /// Says why counters could not be set to zero.
    pub fn of_zero(&self, service: Option<&ServiceKey>) -> Error {
        let words = self.general(None).unwrap_or_else(|| match self.errno {
            Errno::SRCH => Words::new("there is no such virtual service").kind(Kind::NotFound),
            _ => self.unexplained(),
        });
        let object = match service {
            Some(service) => format!("virtual service {service}"),
            None => "all virtual services".to_owned(),
        };
        self.error(words)
            .object(object)
            .attempt("cannot zero the counters")
    }

    /// Says why reading was refused.
    pub fn of_observing(&self) -> Error {
        let words = self.general(None).unwrap_or_else(|| self.unexplained());
        self.error(words).attempt("cannot read the IPVS table")
    }

    fn error(&self, words: Words) -> Error {
        let mut cause = format!("{} ({})", words.cause, self.errno);
        if let Some(said) = self.said.filter(|said| !said.is_empty()) {
            cause += &format!("; the kernel says: {said}");
        }
        words
            .hints
            .into_iter()
            .fold(Error::new(words.kind, cause), Error::hint)
    }

    /// What means the same for every request.
    fn general(&self, step: Option<&Step>) -> Option<Words> {
        match self.errno {
            Errno::PERM => Some(
                Words::new("not permitted")
                    .hint(
                        "IPVS needs CAP_NET_ADMIN in the initial user namespace: run it as root \
                         (sudo)",
                    )
                    .kind(Kind::NotPermitted),
            ),
            Errno::NOMEM => Some(Words::new("the kernel is out of memory")),
            Errno::AFNOSUPPORT => {
                let names_a_family = match step {
                    None => false,
                    Some(Step::Set { settings }) => {
                        let mut set = settings.iter().filter_map(|change| change.to.as_ref());
                        set.any(Setting::may_have_a_family)
                    }
                    Some(_) => true,
                };
                names_a_family.then(|| {
                    Words::new("IPv6 is not available in this kernel")
                        .hint("IPv6 may be switched off: ipv6.disable on the kernel command line")
                        .kind(Kind::Unsupported)
                })
            }
            Errno::OPNOTSUPP if step.is_none_or(Step::is_of_ipvs) => Some(
                Words::new("this kernel's IPVS does not know the request").kind(Kind::Unsupported),
            ),
            _ => None,
        }
    }

    fn unexplained(&self) -> Words {
        Words::new("the kernel refuses it")
    }

    fn without_service(&self) -> Words {
        match self.errno {
            Errno::SRCH => Words::new("there is no such virtual service"),
            _ => self.unexplained(),
        }
    }

    fn of_service(&self, key: &ServiceKey, options: &ServiceOptions) -> Words {
        match self.errno {
            Errno::EXIST => Words::new("it is there already")
                .hint(format!("to see it: ipvsh show services \"{key}\"")),
            Errno::SRCH => self.without_service(),
            Errno::NOENT => self.unknown_name(options),
            Errno::INVAL if key.family() == Family::Ipv6 => Words::new(format!(
                "a persistence netmask of {} is no IPv6 prefix length",
                options.netmask.0
            ))
            .hint("for IPv6 it is a prefix length, 1 to 128"),
            _ => self.unexplained(),
        }
    }

    /// ENOENT is a scheduler or an engine: the kernel looks for the scheduler first.
    fn unknown_name(&self, options: &ServiceOptions) -> Words {
        let scheduler = options.scheduler.name();
        let schedulers = &self.names.schedulers;
        let has_scheduler = scheduler == "none" || schedulers.contains(scheduler);
        match &options.engine {
            Some(engine) if has_scheduler => unknown(
                "persistence engine",
                engine.name(),
                "pe_",
                &self.names.engines,
            ),
            _ => unknown("scheduler", scheduler, "", schedulers),
        }
    }

    fn of_server(
        &self,
        service: &ServiceKey,
        key: &ServerKey,
        options: &RealServer,
        is_new: bool,
    ) -> Words {
        match self.errno {
            Errno::EXIST => Words::new("it is there already")
                .hint(format!("to see it: ipvsh show services \"{service}\"")),
            Errno::SRCH => Words::new("there is no such virtual service"),
            Errno::NOENT => Words::new("the virtual service has no such real server"),
            Errno::RANGE if options.lower > options.upper => Words::new(format!(
                "lower threshold {} is above upper threshold {}",
                options.lower, options.upper
            ))
            .hint("lower must not be above upper; upper 0 is off and allows no lower"),
            Errno::RANGE => Words::new("weight or thresholds are out of range"),
            Errno::INVAL => {
                invalid_server(service, key, options).unwrap_or_else(|| match key.addr {
                    IpAddr::V4(addr) if is_new => not_unicast_here(addr),
                    _ => self.unexplained(),
                })
            }
            _ => self.unexplained(),
        }
    }

    fn of_setting(&self, change: &SettingChange) -> Words {
        match (change.key, &change.to) {
            (SettingKey::SyncDaemon(role), Some(Setting::SyncDaemon(daemon))) => {
                self.of_start(role, daemon)
            }
            (SettingKey::SyncDaemon(_), _) => match self.errno {
                Errno::SRCH => Words::new("it is not running"),
                _ => self.unexplained(),
            },
            (SettingKey::Vip(key), to) => self.of_vip(key, to.is_some()),
            (SettingKey::Sysctl(name), to) => self.of_sysctl(name, to.as_ref()),
            (SettingKey::TunnelDevice(name), _) => self.of_tunnel_device(name),
            (SettingKey::Maintenance(_) | SettingKey::SourceNat(_), _) => self.unexplained(),
            (SettingKey::Timeout(_), _) => match self.errno {
                Errno::INVAL => Words::new("a timeout is out of range").hint(format!(
                    "a timeout is 1 to {} seconds",
                    Timeouts::MAX_SECONDS
                )),
                _ => self.unexplained(),
            },
        }
    }

    fn of_vip(&self, key: VipKey, is_added: bool) -> Words {
        let VipKey { addr, interface } = key;
        match self.errno {
            Errno::NODEV => no_interface(interface),
            Errno::EXIST => Words::new("the address is there already")
                .hint(format!("to see it: ip address show to {addr}")),
            Errno::ADDRNOTAVAIL if !is_added => {
                Words::new(format!("{interface} has no such address"))
                    .hint(format!("to see its addresses: ip address show {interface}"))
            }
            // IPv6 is off on the interface (addrconf.c), or the address is none of a host.
            Errno::ACCESS | Errno::ADDRNOTAVAIL | Errno::INVAL if addr.is_ipv6() => {
                Words::new(format!("the kernel does not take it on {interface}")).hint(format!(
                    "IPv6 may be off there: sysctl net.ipv6.conf.{interface}.disable_ipv6"
                ))
            }
            _ => self.unexplained(),
        }
    }

    fn of_sysctl(&self, name: SysctlName, to: Option<&Setting>) -> Words {
        match self.errno {
            Errno::NOENT => match SettingKey::Sysctl(name).interface() {
                Some(interface) => no_interface(interface),
                None if name.is_of_ipvs() => Words::new("this kernel's IPVS has no such setting")
                    .hint("to see those that it has: ls /proc/sys/net/ipv4/vs"),
                None => Words::new("this kernel has no such setting, or not yet").hint(
                    "net.netfilter settings are there once conntrack is: modprobe nf_conntrack",
                ),
            },
            Errno::INVAL | Errno::RANGE => {
                let value = to.map(|to| to.summary(SettingKey::Sysctl(name)));
                Words::new(format!(
                    "the kernel does not take {}",
                    value.unwrap_or_default()
                ))
                .hint(format!("{name} takes {}", name.range()))
            }
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Words::new("it cannot be written here")
                .kind(Kind::NotPermitted)
                .hint(
                    "in a container /proc/sys is read-only; some settings belong to the host alone",
                ),
            _ => self.unexplained(),
        }
    }

    fn of_tunnel_device(&self, name: InterfaceName) -> Words {
        match self.errno {
            Errno::EXIST => Words::new(format!(
                "{name} is another kind of device, or the kernel has one without ends already"
            ))
            .hint("an ipip or gue tunnel comes in by \"tunl0\", a gre tunnel by \"gre0\"")
            .hint(format!("to see it: ip -d link show {name}")),
            Errno::NODEV | Errno::OPNOTSUPP | Errno::NOENT => {
                Words::new("this kernel has no such tunnels")
                    .kind(Kind::Unsupported)
                    .hint("the modules are ipip, ip_gre, fou")
            }
            Errno::ADDRINUSE => {
                Words::new("another program has the port").hint("to see which: ss -ulnp")
            }
            _ => self.unexplained(),
        }
    }

    fn of_start(&self, role: DaemonRole, daemon: &SyncDaemon) -> Words {
        let interface = &daemon.interface;
        match self.errno {
            Errno::EXIST => Words::new("it is running already")
                .hint(format!("a namespace has one {role} daemon: stop it first")),
            Errno::NODEV => Words::new(format!("there is no interface \"{interface}\""))
                .hint("to see the interfaces: ip link"),
            Errno::ADDRNOTAVAIL => {
                Words::new(format!("interface \"{interface}\" has no usable address"))
                    .hint(format!("to see them: ip address show {interface}"))
            }
            Errno::INVAL => match daemon.group {
                Some(group) if !group.is_multicast() => {
                    Words::new(format!("{group} is no multicast group"))
                        .hint("the default is 224.0.0.81")
                }
                _ => Words::new("a virtual service has real servers of the other address family")
                    .hint("connections of such services cannot be synchronised"),
            },
            _ => self.unexplained(),
        }
    }
}

fn no_interface(interface: InterfaceName) -> Words {
    Words::new(format!("there is no interface \"{interface}\""))
        .hint("to see the interfaces: ip link")
}

/// Refuses, before the kernel is asked, a scheduler or an engine that nobody ever had: neither
/// the kernel's own tree nor this machine. A name of the tree is the kernel's to refuse: its
/// module may be a build away.
///
/// # Errors
/// `invalid`, with a "did you mean".
pub fn check_names(key: &ServiceKey, options: &ServiceOptions, names: &Names) -> Result<()> {
    let scheduler = options.scheduler.name();
    let has_scheduler = scheduler == "none"
        || SCHEDULERS.contains(&scheduler)
        || names.schedulers.contains(scheduler);
    let (name, words) = match &options.engine {
        _ if !has_scheduler => (
            scheduler,
            unknown("scheduler", scheduler, "", &names.schedulers),
        ),
        Some(engine) if engine.name() != "sip" && !names.engines.contains(engine.name()) => {
            let engine = engine.name();
            (
                engine,
                unknown("persistence engine", engine, "pe_", &names.engines),
            )
        }
        _ => return Ok(()),
    };
    let error = Error::invalid(words.cause)
        .about(name)
        .object(format!("virtual service {key}"));
    Err(words.hints.into_iter().fold(error, Error::hint))
}

fn unknown(what: &str, name: &str, infix: &str, known: &BTreeSet<String>) -> Words {
    let words = Words::new(format!("unknown {what} \"{name}\""));
    if known.contains(name) {
        return words.hint(format!(
            "its module is there and the kernel did not load it: modprobe ip_vs_{infix}{name}"
        ));
    }
    let list: Vec<&str> = known.iter().map(String::as_str).collect();
    words.hint(match did_you_mean(name, list.iter().copied()) {
        Some(close) => format!("did you mean \"{close}\"?"),
        None => format!(
            "this kernel has no module ip_vs_{infix}{name}; it has: {}",
            list.join(", ")
        ),
    })
}

/// EINVAL has many reasons for a server; the first that shows in its options is told.
fn invalid_server(service: &ServiceKey, key: &ServerKey, options: &RealServer) -> Option<Words> {
    let (mine, theirs) = (Family::of(key.addr), service.family());
    let words = if mine != theirs && options.forward == Forwarding::Tunnel {
        Words::new(format!(
            "an {mine} server cannot serve an {theirs} service while a sync daemon runs"
        ))
        .hint("stop the sync daemon, or use servers of the service's family")
    } else if mine != theirs {
        Words::new(format!("an {mine} server cannot serve an {theirs} service"))
            .hint("only tunnels change the family: forward: \"tunnel\"")
    } else if options.upper > THRESHOLD_MAX {
        Words::new(format!("upper threshold {} is out of range", options.upper))
            .hint(format!("a threshold is {THRESHOLD_RANGE}"))
    } else if options.tunnel.kind == TunnelKind::Gue && options.tunnel.port == 0 {
        Words::new("a GUE tunnel needs a port").hint("tunnel: #{ type: \"gue\", port: 6080 }")
    } else if !may_be_a_host(key.addr) {
        let (cause, hint) = not_a_host(key.addr);
        Words::new(cause).hint(hint)
    } else {
        return None;
    };
    Some(words)
}

/// What only the routes of the namespace can tell.
fn not_unicast_here(addr: Ipv4Addr) -> Words {
    Words::new(format!(
        "{addr} is not a unicast address in this network namespace"
    ))
    .hint("in a namespace whose lo was never up no IPv4 server can be added: ip link set lo up")
    .hint("it may also be the broadcast address of one of the interfaces: ip address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, Scheduler};

    fn add(scheduler: &str, engine: Option<&str>) -> Step {
        let key = ServiceKey::parse("tcp 192.0.2.1:80").unwrap();
        Step::AddService {
            key,
            options: ServiceOptions {
                scheduler: Scheduler::parse(scheduler).unwrap(),
                engine: engine.map(|name| Engine::parse(name).unwrap()),
                ..ServiceOptions::defaults(Family::Ipv4)
            },
        }
    }

    fn told(step: &Step, errno: Errno) -> Error {
        let names = Names::of_debian();
        Refusal {
            errno,
            said: None,
            names: &names,
        }
        .of_step(step)
    }

    #[test]
    fn an_unknown_scheduler_is_told_from_an_unknown_engine() {
        let error = told(&add("twos", None), Errno::NOENT);
        assert_eq!(
            error.to_string(),
            "virtual service tcp 192.0.2.1:80: cannot add: unknown scheduler \"twos\" (ENOENT)"
        );
        assert_eq!(
            error.hints(),
            [
                "this kernel has no module ip_vs_twos; it has: dh, fo, lblc, lblcr, lc, mh, nq, ovf, \
              rr, sed, sh, wlc, wrr"
            ]
        );
        let error = told(&add("rrr", None), Errno::NOENT);
        assert_eq!(error.hints(), ["did you mean \"rr\"?"]);
        let error = told(&add("rr", Some("sipp")), Errno::NOENT);
        assert_eq!(
            error.message(),
            "cannot add: unknown persistence engine \"sipp\" (ENOENT)"
        );
        let error = told(&add("twos", Some("sip")), Errno::NOENT);
        assert_eq!(
            error.message(),
            "cannot add: unknown scheduler \"twos\" (ENOENT)"
        );
    }

    #[test]
    fn rights_and_families_have_kinds_of_their_own() {
        let error = told(&add("rr", None), Errno::PERM);
        assert_eq!(error.kind(), Kind::NotPermitted);
        assert!(error.hints().concat().contains("sudo"));
        let error = told(&add("rr", None), Errno::AFNOSUPPORT);
        assert_eq!(error.kind(), Kind::Unsupported);
    }

    #[test]
    fn a_number_that_nobody_explains_keeps_its_name_and_the_kernels_words() {
        let names = Names::of_debian();
        let refusal = Refusal {
            errno: Errno::BUSY,
            said: Some("wait"),
            names: &names,
        };
        assert_eq!(
            refusal.of_step(&add("rr", None)).message(),
            "cannot add: the kernel refuses it (EBUSY); the kernel says: wait"
        );
    }
}
