//! Reading: the lines are carried out, one after the other, on an empty table.

use serde_json::{Map, Value};

use super::options::{Given, Line, lines};
use crate::error::{Error, Result};
use crate::format::{iptables, place};
use crate::model::address::Endpoint;
use crate::model::check::check_server;
use crate::model::server::{
    Forwarding, RealServer, Tunnel, TunnelChecksum, TunnelKind, Weight, server_name,
};
use crate::model::service::{
    Engine, Netmask, PERSISTENT_MAX, Scheduler, SchedulerFlags, ServiceOptions,
};
use crate::model::{
    DaemonRole, Family, Fwmark, MarkRule, Protocol, Ruleset, ServerKey, ServiceKey, TimeoutKind,
    Timeouts, VirtualService, patch,
};

/// What `-p` without a number is: observed of ipvsadm 1.31, whose manual says 300.
const PERSISTENT_DEFAULT: u32 = 360;
/// Where a daemon sends to, unless told otherwise (ipvsadm(8)).
const INTERFACE_DEFAULT: &str = "eth0";

const PROTOCOLS: [&str; 4] = [
    "tcp-service",
    "udp-service",
    "sctp-service",
    "fwmark-service",
];
const SELECT: [&str; 5] = [
    "tcp-service",
    "udp-service",
    "sctp-service",
    "fwmark-service",
    "ipv6",
];
const SERVICE: [&str; 6] = [
    "scheduler",
    "persistent",
    "netmask",
    "pe",
    "ops",
    "sched-flags",
];
const SERVER: [&str; 7] = [
    "real-server",
    "gatewaying",
    "ipip",
    "masquerading",
    "weight",
    "u-threshold",
    "l-threshold",
];
const TUNNEL: [&str; 5] = [
    "tun-type",
    "tun-port",
    "tun-nocsum",
    "tun-csum",
    "tun-remcsum",
];
/// A daemon's options here and in a script; the values of the latter are numbers, unless false.
const OF_DAEMON: [(&str, &str, bool); 6] = [
    ("mcast-interface", "interface", false),
    ("mcast-group", "group", false),
    ("mcast-port", "port", true),
    ("mcast-ttl", "ttl", true),
    ("syncid", "id", true),
    ("sync-maxlen", "maxlen", true),
];

/// Reads lines of ipvsadm, and rules of iptables that set a mark.
///
/// # Errors
/// `invalid` with the place of the first line that is not understood.
pub(crate) fn read(name: &str, text: &str) -> Result<Ruleset> {
    let at = |number: usize, error: Error| error.at(place(name, text, number, 0));
    let mut table = Table {
        save: iptables::Save::new(text),
        ..Table::default()
    };
    for line in lines(text).map_err(|(number, error)| at(number, error))? {
        table.line(&line).map_err(|error| at(line.number, error))?;
    }
    let mut rules = table.rules;
    rules.marks = MarkRule::normalise(table.marks);
    Ok(rules)
}

#[derive(Default)]
struct Table {
    rules: Ruleset,
    marks: Vec<MarkRule>,
    save: iptables::Save,
}

impl Table {
    fn line(&mut self, line: &Line) -> Result<()> {
        let words = match line.words.split_first() {
            Some((sudo, rest)) if sudo == "sudo" => rest,
            _ => line.words.as_slice(),
        };
        let Some((first, rest)) = words.split_first() else {
            return Ok(());
        };
        let is_mark = words.windows(2).any(|pair| match pair {
            [option, target] => ["-j", "--jump"].contains(&option.as_str()) && target == "MARK",
            _ => false,
        });
        match first.rsplit('/').next().unwrap_or(first) {
            "ipvsadm" => self.command(rest),
            "iptables" => iptables::command(rest, Family::Ipv4, &mut self.marks),
            "ip6tables" => iptables::command(rest, Family::Ipv6, &mut self.marks),
            _ if self.save.is_open() || first.starts_with(['*', ':']) => {
                self.save.line(words, &mut self.marks)
            }
            _ if is_mark => self.save.rule(words, &mut self.marks),
            _ if first.starts_with('-') => self.command(words),
            _ => Err(
                Error::invalid(format!("\"{first}\" is not understood here"))
                    .hint("lines are as `ipvsadm -Sn` prints them, or begin with ipvsadm")
                    .hint("rules of iptables that set a mark are read too"),
            ),
        }
    }

    fn command(&mut self, words: &[String]) -> Result<()> {
        let given = Given::parse(words)?;
        match given.command() {
            Some(command @ ("add-service" | "edit-service")) => self.put_service(command, &given),
            Some("delete-service") => {
                given.only("delete-service", &[&SELECT])?;
                let key = service_key(&given)?;
                let gone = self.rules.services.remove(&key);
                gone.map(|_| ()).ok_or_else(|| no_service(&key))
            }
            Some(command @ ("add-server" | "edit-server")) => self.put_server(command, &given),
            Some("delete-server") => {
                given.only("delete-server", &[&SELECT, &["real-server"]])?;
                let key = service_key(&given)?;
                let (server, service) = (server_key(&given, &key)?, self.service(&key)?);
                let gone = service.servers.remove(&server);
                gone.map(|_| ()).ok_or_else(|| no_server(&key, &server))
            }
            Some("set") => self.set_timeouts(&given),
            Some("start-daemon") => self.start_daemon(&given),
            Some("stop-daemon") => {
                given.only("stop-daemon", &[])?;
                let role = DaemonRole::parse(given.value("stop-daemon").unwrap_or(""))?;
                self.rules.daemons.remove(&role);
                Ok(())
            }
            // The kernel keeps timeouts and daemons.
            Some("clear") => {
                given.only("clear", &[])?;
                self.rules.services.clear();
                Ok(())
            }
            Some("zero") => given.only("zero", &[&SELECT]),
            Some(other) => Err(Error::invalid(format!(
                "the command comes first, and --{other} is none"
            ))),
            None => Err(Error::invalid("there is no command")),
        }
    }

    fn service(&mut self, key: &ServiceKey) -> Result<&mut VirtualService> {
        self.rules
            .services
            .get_mut(key)
            .ok_or_else(|| no_service(key))
    }

    fn put_service(&mut self, command: &str, given: &Given) -> Result<()> {
        given.only(command, &[&SELECT, &SERVICE])?;
        let key = service_key(given)?;
        let object = format!("virtual service {key}");
        let options = service_options(&key, given).map_err(|e| e.object(&object))?;
        match (command, self.rules.services.contains_key(&key)) {
            ("add-service", true) => Err(Error::invalid("it is added twice").object(object)),
            ("add-service", false) => {
                let servers = Default::default();
                let service = VirtualService { options, servers };
                self.rules.services.insert(key, service);
                Ok(())
            }
            _ => {
                self.service(&key)?.options = options;
                Ok(())
            }
        }
    }

    fn put_server(&mut self, command: &str, given: &Given) -> Result<()> {
        given.only(command, &[&SELECT, &SERVER, &TUNNEL])?;
        let service = service_key(given)?;
        let key = server_key(given, &service)?;
        let object = server_name(&service, &key);
        let server = real_server(given).map_err(|e| e.object(&object))?;
        let key = match service {
            ServiceKey::Address { port, .. } if server.forward != Forwarding::Masq => {
                ServerKey { port, ..key }
            }
            _ => key,
        };
        check_server(&service, &key, &server)?;
        let there = self.service(&service)?.servers.contains_key(&key);
        match (command, there) {
            ("add-server", true) => Err(Error::invalid("it is added twice").object(object)),
            ("edit-server", false) => Err(no_server(&service, &key)),
            _ => {
                self.service(&service)?.servers.insert(key, server);
                Ok(())
            }
        }
    }

    fn set_timeouts(&mut self, given: &Given) -> Result<()> {
        let first = given.value("set").map(str::to_owned);
        let words: Vec<String> = first
            .into_iter()
            .chain(given.rest.iter().cloned())
            .collect();
        if words.len() != TimeoutKind::ALL.len() {
            return Err(Error::invalid("--set takes three numbers")
                .hint("seconds for tcp, tcp_fin and udp; 0 leaves one as it is"));
        }
        for (kind, word) in TimeoutKind::ALL.into_iter().zip(words) {
            match number(&format!("timeout {kind}"), &word)? {
                0 => {}
                seconds => {
                    let seconds = Timeouts::check(kind, seconds)?;
                    self.rules.timeouts.set(kind, Some(seconds));
                }
            }
        }
        Ok(())
    }

    fn start_daemon(&mut self, given: &Given) -> Result<()> {
        given.only("start-daemon", &[&OF_DAEMON.map(|(name, _, _)| name)])?;
        let role = DaemonRole::parse(given.value("start-daemon").unwrap_or(""))?;
        let mut options = Map::new();
        options.insert("interface".to_owned(), Value::from(INTERFACE_DEFAULT));
        for (theirs, ours, is_number) in OF_DAEMON {
            if let Some(word) = given.value(theirs) {
                let value = if is_number {
                    Value::from(number(theirs, word)?)
                } else {
                    Value::from(word)
                };
                options.insert(ours.to_owned(), value);
            }
        }
        let daemon = patch::daemon(role, &options)?;
        match self.rules.daemons.insert(role, daemon) {
            None => Ok(()),
            Some(_) => {
                Err(Error::invalid("it is started twice").object(format!("sync daemon {role}")))
            }
        }
    }
}

fn no_service(key: &ServiceKey) -> Error {
    Error::invalid("no line before this one adds it").object(format!("virtual service {key}"))
}

fn no_server(service: &ServiceKey, key: &ServerKey) -> Error {
    Error::invalid("no line before this one adds it").object(server_name(service, key))
}

fn number(what: &str, word: &str) -> Result<i64> {
    word.parse()
        .map_err(|_| Error::invalid(format!("{what}: \"{word}\" is not a whole number")))
}

fn endpoint(word: &str) -> Result<Endpoint> {
    Endpoint::parse(word).map_err(|error| match error.hints().is_empty() {
        true => error,
        false => error.hint("`ipvsadm -Sn` prints numbers where `ipvsadm -S` prints names"),
    })
}

fn service_key(given: &Given) -> Result<ServiceKey> {
    let mut selected = PROTOCOLS
        .into_iter()
        .filter_map(|option| Some((option, given.value(option)?)));
    let (Some((option, word)), None) = (selected.next(), selected.next()) else {
        return Err(Error::invalid("a line is about one service")
            .hint("one of -t, -u, --sctp-service and -f"));
    };
    let protocol = match option {
        "tcp-service" => Protocol::TCP,
        "udp-service" => Protocol::UDP,
        "sctp-service" => Protocol::SCTP,
        _ => {
            let family = match given.has("ipv6") {
                true => Family::Ipv6,
                false => Family::Ipv4,
            };
            let mark = fwmark(word)?;
            return Ok(ServiceKey::Fwmark { family, mark });
        }
    };
    if given.has("ipv6") {
        return Err(Error::invalid(
            "-6 is for -f: an address says its family itself",
        ));
    }
    let Endpoint { addr, port } = endpoint(word)?;
    Ok(ServiceKey::Address {
        protocol,
        addr,
        port: port.unwrap_or(0),
    })
}

/// `-S` prints marks as signed numbers.
fn fwmark(word: &str) -> Result<Fwmark> {
    match word.parse::<i32>() {
        Ok(signed) if signed < 0 => Fwmark::new(i64::from(signed.cast_unsigned())),
        _ => Fwmark::parse(word),
    }
}

fn server_key(given: &Given, service: &ServiceKey) -> Result<ServerKey> {
    let Some(word) = given.value("real-server") else {
        return Err(Error::invalid("the real server is missing")
            .object(format!("virtual service {service}"))
            .hint("name it with -r"));
    };
    let Endpoint { addr, port } = endpoint(word)?;
    Ok(ServerKey {
        addr,
        port: port.unwrap_or(service.default_port()),
    })
}

fn service_options(key: &ServiceKey, given: &Given) -> Result<ServiceOptions> {
    let family = key.family();
    let mut options = ServiceOptions::defaults(family);
    if let Some(word) = given.value("scheduler") {
        options.scheduler = Scheduler::parse(word)?;
    }
    if given.has("persistent") {
        let seconds = match given.value("persistent") {
            Some(word) => number("persistence", word)?,
            None => PERSISTENT_DEFAULT.into(),
        };
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=PERSISTENT_MAX).contains(&seconds) => {
                options.persistent = Some(seconds);
            }
            _ => {
                return Err(
                    Error::invalid(format!("persistence of {seconds} s is out of range"))
                        .hint(format!("it is 1 to {PERSISTENT_MAX} seconds (31 days)")),
                );
            }
        }
    }
    if let Some(word) = given.value("netmask") {
        options.netmask = netmask(word, family)?;
    }
    options.engine = given.value("pe").map(Engine::parse).transpose()?;
    options.one_packet = given.has("ops");
    for word in given.value("sched-flags").unwrap_or("").split(',') {
        if !word.is_empty() {
            options.flags.0 |= SchedulerFlags::parse_one(word)?;
        }
    }
    let ServiceKey::Address { protocol, port, .. } = key else {
        return Ok(options);
    };
    if *port == 0 && options.persistent.is_none() {
        return Err(Error::invalid("port 0 (all ports) needs persistence").hint("add -p 300"));
    }
    if options.one_packet && *protocol != Protocol::UDP {
        return Err(Error::invalid(
            "one-packet scheduling is for UDP and fwmark services",
        ));
    }
    Ok(options)
}

/// The kernel takes any 32 bits for IPv4, so that holes are kept as they were found.
fn netmask(word: &str, family: Family) -> Result<Netmask> {
    match (family, word.parse::<std::net::Ipv4Addr>()) {
        (Family::Ipv4, Ok(mask)) => Ok(Netmask(u32::from(mask))),
        (Family::Ipv4, Err(_)) => Err(Error::invalid(format!("\"{word}\" is not a netmask"))
            .hint("ipvsadm takes a length for a number: write 255.255.255.0 for 24")),
        (Family::Ipv6, _) => Netmask::parse(word, family),
    }
}

fn real_server(given: &Given) -> Result<RealServer> {
    let mut server = RealServer::default();
    let methods = [
        ("gatewaying", Forwarding::Direct),
        ("ipip", Forwarding::Tunnel),
        ("masquerading", Forwarding::Masq),
    ];
    let mut named = methods.into_iter().filter(|(name, _)| given.has(name));
    match (named.next(), named.next()) {
        (Some((_, forward)), None) => server.forward = forward,
        (Some(_), Some(_)) => {
            return Err(Error::invalid("it has more than one forwarding method"));
        }
        (None, _) => {}
    }
    if let Some(word) = given.value("weight") {
        server.weight = Weight::new(number("weight", word)?)?;
    }
    let threshold = |name: &str| -> Result<u32> {
        let value = given.value(name).map_or(Ok(0), |word| number(name, word))?;
        u32::try_from(value)
            .ok()
            .filter(|value| *value <= i32::MAX.cast_unsigned())
            .ok_or_else(|| {
                Error::invalid(format!("--{name} {value} is out of range"))
                    .hint("a threshold is 0 (off) to 2147483647")
            })
    };
    server.upper = threshold("u-threshold")?;
    server.lower = threshold("l-threshold")?;
    server.tunnel = tunnel(given, server.forward)?;
    Ok(server)
}

fn tunnel(given: &Given, forward: Forwarding) -> Result<Tunnel> {
    let mut tunnel = Tunnel::default();
    if let Some(word) = given.value("tun-type") {
        tunnel.kind = TunnelKind::parse(word)?;
    }
    if let Some(word) = given.value("tun-port") {
        tunnel.port = crate::model::address::parse_port(word)?;
    }
    let checksums = [
        ("tun-nocsum", TunnelChecksum::None),
        ("tun-csum", TunnelChecksum::Full),
        ("tun-remcsum", TunnelChecksum::Remote),
    ];
    for (name, checksum) in checksums {
        if given.has(name) {
            tunnel.checksum = checksum;
        }
    }
    if forward != Forwarding::Tunnel && TUNNEL.iter().any(|name| given.has(name)) {
        return Err(Error::invalid("options of a tunnel are for -i"));
    }
    Ok(tunnel)
}
