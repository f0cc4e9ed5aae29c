//! Reading: the lines are carried out, one after the other, on an empty table.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::options::Given;
use super::shell::{self, Command};
use super::words::lines;
use crate::error::{Error, Result};
use crate::format::{Reading, iptables, place, together};
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

/// How much of an ignored command is told.
const TOLD: usize = 60;
/// How many ignored commands are told.
const NOTES: usize = 20;

/// Reads lines of ipvsadm, and rules of iptables that set a mark.
///
/// # Errors
/// `invalid` with the places of all lines that cannot be read.
pub(crate) fn read(name: &str, text: &str) -> Result<Reading> {
    let mut table = Table {
        save: iptables::Save::new(text),
        ..Table::default()
    };
    let mut notes = Vec::new();
    let mut problems = Vec::new();
    for line in lines(text) {
        let at = |column| place(name, text, line.number, column);
        let command = match shell::command(&line, table.save.is_open()) {
            Ok(command) => command,
            Err(trouble) => {
                let column = match trouble.column <= at(0).source.chars().count() {
                    true => trouble.column,
                    false => 0,
                };
                problems.push(trouble.error.at(at(column)));
                if trouble.open {
                    break;
                }
                continue;
            }
        };
        if command == Command::End {
            notes.push(format!(
                "{name}:{}: what follows is not read: exit",
                line.number
            ));
            break;
        }
        match table.carry_out(&command) {
            Ok(Done::Taken) => {}
            Ok(Done::Ignored(why)) => {
                let shown: String = line.text.trim().chars().take(TOLD).collect();
                notes.push(format!("{name}:{}: ignored, {why}: {shown}", line.number));
            }
            Err(error) => problems.push(error.at(at(0))),
        }
    }
    notes.extend(table.save.note(name));
    if let Some(error) = together(problems) {
        return Err(error);
    }
    if table.taken == 0 {
        return Err(Error::invalid("no line of it is a rule")
            .object(name)
            .hint("lines are as `ipvsadm -Sn` prints them, or begin with ipvsadm")
            .hint("rules of iptables that set a mark are read too"));
    }
    let more = notes.len().saturating_sub(NOTES);
    if more > 0 {
        notes.truncate(NOTES);
        notes.push(format!("{name}: {more} more lines like these are ignored"));
    }
    let mut rules = table.rules;
    rules.marks = MarkRule::normalise(table.marks);
    Ok(Reading { rules, notes })
}

/// What became of a command.
enum Done {
    Taken,
    /// It says nothing about a ruleset, for this reason.
    Ignored(&'static str),
}

#[derive(Default)]
struct Table {
    rules: Ruleset,
    marks: Vec<MarkRule>,
    save: iptables::Save,
    /// Services whose own line could not be read: lines about them are not to blame.
    broken: BTreeSet<ServiceKey>,
    /// How many commands were about a ruleset.
    taken: usize,
}

impl Table {
    fn carry_out(&mut self, command: &Command) -> Result<Done> {
        let done = match command {
            Command::Ipvsadm(words) if only_shows(words) => Done::Ignored("it only shows"),
            // What is wrong with the service's own line is told there.
            Command::Ipvsadm(words) if self.is_about_broken(words) => Done::Taken,
            Command::Ipvsadm(words) => self.ipvsadm(words)?,
            Command::Iptables(family, words) => iptables::command(words, *family, &mut self.marks)?
                .map_or(Done::Taken, Done::Ignored),
            Command::Save(words) => {
                let before = self.marks.len();
                self.save.line(words, &mut self.marks)?;
                if self.marks.len() == before {
                    return Ok(Done::Taken);
                }
                Done::Taken
            }
            Command::Mark(words) => self
                .save
                .rule(words, &mut self.marks)?
                .map_or(Done::Taken, Done::Ignored),
            Command::Other => Done::Ignored("not about rules"),
            Command::End | Command::Closing => return Ok(Done::Taken),
        };
        if let Done::Taken = done {
            self.taken += 1;
        }
        Ok(done)
    }

    fn is_about_broken(&self, words: &[String]) -> bool {
        let key = Given::parse(words).and_then(|given| service_key(&given));
        key.is_ok_and(|key| self.broken.contains(&key) && !self.rules.services.contains_key(&key))
    }

    fn ipvsadm(&mut self, words: &[String]) -> Result<Done> {
        let given = Given::parse(words)?;
        match given.command() {
            Some(command @ ("add-service" | "edit-service")) => {
                self.put_service(command, &given)?
            }
            Some("delete-service") => {
                given.only("delete-service", &[&SELECT])?;
                let key = service_key(&given)?;
                let gone = self.rules.services.remove(&key);
                gone.map(|_| ()).ok_or_else(|| no_service(&key))?;
            }
            Some(command @ ("add-server" | "edit-server")) => self.put_server(command, &given)?,
            Some("delete-server") => {
                given.only("delete-server", &[&SELECT, &["real-server"]])?;
                let key = service_key(&given)?;
                let (server, service) = (server_key(&given, &key)?, self.service(&key)?);
                let gone = service.servers.remove(&server);
                gone.map(|_| ()).ok_or_else(|| no_server(&key, &server))?;
            }
            Some("set") => self.set_timeouts(&given)?,
            Some("start-daemon") => self.start_daemon(&given)?,
            Some("stop-daemon") => {
                given.only("stop-daemon", &[])?;
                let role = DaemonRole::parse(given.value("stop-daemon").unwrap_or(""))?;
                self.rules.daemons.remove(&role);
            }
            // The kernel keeps timeouts and daemons.
            Some("clear") => {
                given.only("clear", &[])?;
                self.rules.services.clear();
                return Ok(Done::Ignored(
                    "it clears only what stands above it in this text",
                ));
            }
            Some("zero") => {
                given.only("zero", &[&SELECT])?;
                return Ok(Done::Ignored("counters are in no ruleset"));
            }
            Some(other) => {
                return Err(Error::invalid(format!(
                    "the command comes first, and --{other} is none"
                )));
            }
            None => return Err(Error::invalid("there is no command")),
        }
        Ok(Done::Taken)
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
        let options = service_options(&key, given).map_err(|e| {
            self.broken.insert(key);
            e.object(&object)
        })?;
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

/// Commands that change nothing: a script ends with them so that somebody sees what it did.
fn only_shows(words: &[String]) -> bool {
    let shows = |word: &String| {
        ["--list", "--save", "--help", "--version"].contains(&word.as_str())
            || word.starts_with(['-']) && word.get(1..2).is_some_and(|c| "LlShv".contains(c))
    };
    words.first().is_none_or(shows)
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
