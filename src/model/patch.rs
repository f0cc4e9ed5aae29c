//! Option maps: what scripts (`#{ scheduler: "rr" }`) and JSON say about an object.
//!
//! The values are `serde_json`'s, so that Rhai and JSON share one reader. Values are checked
//! here, at the call; combinations are checked by [`super::check`] at plan or commit.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::address::{Endpoint, Family};
use super::daemon::{DaemonRole, SyncDaemon, check_interface};
use super::key::{Fwmark, Protocol, ServerKey, ServiceKey};
use super::mark::{MarkKey, MarkRule, PortRange, parse_net};
use super::server::{Forwarding, RealServer, Tunnel, TunnelChecksum, TunnelKind, Weight};
use super::service::{Engine, Netmask, PERSISTENT_MAX, Scheduler, SchedulerFlags, ServiceOptions};
use super::timeouts::{TimeoutKind, Timeouts};
use crate::error::{Error, Result, did_you_mean};

/// An option map.
pub type Options = Map<String, Value>;

/// The options of a service.
pub const SERVICE_OPTIONS: [&str; 9] = [
    "scheduler",
    "flags",
    "persistent",
    "netmask",
    "engine",
    "one_packet",
    "forward",
    "servers",
    "marks",
];
/// The options of a real server.
pub const SERVER_OPTIONS: [&str; 5] = ["weight", "forward", "upper", "lower", "tunnel"];
/// The options of a server's tunnel.
pub const TUNNEL_OPTIONS: [&str; 3] = ["type", "port", "checksum"];
/// The fields of a mark rule.
pub const MARK_OPTIONS: [&str; 8] = [
    "protocol",
    "to",
    "ports",
    "from",
    "from_ports",
    "interface",
    "mask",
    "family",
];
/// The options of `timeouts`.
pub const TIMEOUT_OPTIONS: [&str; 3] = ["tcp", "tcp_fin", "udp"];
/// The options of a sync daemon.
pub const DAEMON_OPTIONS: [&str; 6] = ["interface", "id", "maxlen", "group", "port", "ttl"];

/// Words of other tools for our options, for "did you mean".
const SYNONYMS: [(&str, &str); 22] = [
    ("lb_algo", "scheduler"),
    ("lvs_sched", "scheduler"),
    ("sched", "scheduler"),
    ("algorithm", "scheduler"),
    ("lb_kind", "forward"),
    ("lvs_method", "forward"),
    ("method", "forward"),
    ("forwarding", "forward"),
    ("persistence_timeout", "persistent"),
    ("persistence", "persistent"),
    ("persistence_granularity", "netmask"),
    ("granularity", "netmask"),
    ("mask", "netmask"),
    ("pe", "engine"),
    ("persistence_engine", "engine"),
    ("ops", "one_packet"),
    ("real_server", "servers"),
    ("real_servers", "servers"),
    ("uthreshold", "upper"),
    ("lthreshold", "lower"),
    ("u_threshold", "upper"),
    ("l_threshold", "lower"),
];

/// Refuses names that are none of those known, saying which was probably meant.
pub(crate) fn check_names(options: &Options, known: &[&str], what: &str) -> Result<()> {
    for name in options.keys() {
        if !known.contains(&name.as_str()) {
            let lower = name.to_lowercase();
            let synonym = SYNONYMS
                .iter()
                .find(|(theirs, ours)| *theirs == lower && known.contains(ours))
                .map(|(_, ours)| *ours);
            let close = synonym.or_else(|| did_you_mean(name, known.iter().copied()));
            return Err(
                Error::invalid(format!("unknown option \"{name}\"")).hint(match close {
                    Some(name) => format!("did you mean \"{name}\"?"),
                    None => format!("{what} has the options {}", known.join(", ")),
                }),
            );
        }
    }
    Ok(())
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => format!("\"{value}\""),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// A value of another type than the option takes.
pub(crate) fn wrong(name: &str, wants: &str, value: &Value) -> Error {
    Error::invalid(format!("{name} must be {wants}, not {}", describe(value)))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str> {
    value.as_str().ok_or_else(|| wrong(name, "a string", value))
}

fn whole(name: &str, value: &Value) -> Result<i64> {
    value
        .as_i64()
        .ok_or_else(|| wrong(name, "a whole number", value))
}

fn boolean(name: &str, value: &Value) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| wrong(name, "true or false", value))
}

fn map<'a>(name: &str, value: &'a Value) -> Result<&'a Options> {
    value
        .as_object()
        .ok_or_else(|| wrong(name, "a map like #{ ... }", value))
}

fn ranged<T: TryFrom<i64>>(name: &str, value: &Value, range: &str) -> Result<T> {
    let number = whole(name, value)?;
    T::try_from(number).map_err(|_| {
        Error::invalid(format!("{name} {number} is out of range"))
            .hint(format!("{name} is {range}"))
    })
}

/// A number from 1: to the kernel 0 is "left out", and it reports what it chose instead.
fn positive<T: TryFrom<i64>>(name: &str, value: &Value, most: i64, unit: &str) -> Result<T> {
    let number = whole(name, value)?;
    T::try_from(number)
        .ok()
        .filter(|_| (1..=most).contains(&number))
        .ok_or_else(|| {
            Error::invalid(format!("{name} {number} is out of range")).hint(
                format!("{name} is 1 to {most} {unit}")
                    .trim_end()
                    .to_owned(),
            )
        })
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// The names of the options that a patch gives.
pub type Named = BTreeSet<&'static str>;

/// What was said about a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServicePatch {
    /// The scheduler.
    pub scheduler: Option<Scheduler>,
    /// The scheduler's flags.
    pub flags: Option<SchedulerFlags>,
    /// Persistence in seconds; `Some(None)` is off.
    pub persistent: Option<Option<u32>>,
    /// Granularity of persistence.
    pub netmask: Option<Netmask>,
    /// Persistence engine; `Some(None)` is none.
    pub engine: Option<Option<Engine>>,
    /// One-packet scheduling.
    pub one_packet: Option<bool>,
    /// Default forwarding method for its servers.
    pub forward: Option<Forwarding>,
    /// Exactly these servers.
    pub servers: Option<Vec<(ServerKey, ServerPatch)>>,
    /// Exactly these mark rules.
    pub marks: Option<Vec<MarkRule>>,
}

impl ServicePatch {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse(key: &ServiceKey, options: &Options) -> Result<ServicePatch> {
        check_names(options, &SERVICE_OPTIONS, "a virtual service")?;
        let family = key.family();
        let mut patch = ServicePatch::default();
        for (name, value) in options {
            match name.as_str() {
                "scheduler" => patch.scheduler = Some(Scheduler::parse(text(name, value)?)?),
                "flags" => patch.flags = Some(flags(value)?),
                "persistent" => patch.persistent = Some(persistent(value)?),
                "netmask" => {
                    patch.netmask = Some(match value {
                        Value::String(mask) => Netmask::parse(mask, family)?,
                        other => Netmask::from_prefix(whole(name, other)?, family)?,
                    });
                }
                "engine" => {
                    patch.engine = Some(match value {
                        Value::Null => None,
                        Value::String(none) if none.is_empty() || none == "none" => None,
                        other => Some(Engine::parse(text(name, other)?)?),
                    });
                }
                "one_packet" => patch.one_packet = Some(boolean(name, value)?),
                "forward" => patch.forward = Some(Forwarding::parse(text(name, value)?)?),
                "servers" => patch.servers = Some(server_list(key, value)?),
                "marks" => patch.marks = Some(service_marks(key, value)?),
                _ => {}
            }
        }
        Ok(patch)
    }

    /// The names of the options given that are the service's own.
    pub fn named(&self) -> Named {
        let all = [
            (self.scheduler.is_some(), "scheduler"),
            (self.flags.is_some(), "flags"),
            (self.persistent.is_some(), "persistent"),
            (self.netmask.is_some(), "netmask"),
            (self.engine.is_some(), "engine"),
            (self.one_packet.is_some(), "one_packet"),
        ];
        all.into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }

    /// Changes the options given and leaves the others.
    pub fn apply(&self, options: &mut ServiceOptions) {
        if let Some(scheduler) = &self.scheduler {
            options.scheduler = scheduler.clone();
        }
        if let Some(flags) = self.flags {
            options.flags = flags;
        }
        if let Some(persistent) = self.persistent {
            options.persistent = persistent;
        }
        if let Some(netmask) = self.netmask {
            options.netmask = netmask;
        }
        if let Some(engine) = &self.engine {
            options.engine = engine.clone();
        }
        if let Some(one_packet) = self.one_packet {
            options.one_packet = one_packet;
        }
    }
}

fn flags(value: &Value) -> Result<SchedulerFlags> {
    let mut flags = SchedulerFlags::default();
    for one in one_or_many(value) {
        for word in text("flags", one)?
            .split(',')
            .map(str::trim)
            .filter(|w| !w.is_empty())
        {
            flags.0 |= SchedulerFlags::parse_one(word)?;
        }
    }
    Ok(flags)
}

fn persistent(value: &Value) -> Result<Option<u32>> {
    match value {
        Value::Bool(true) => Ok(Some(300)),
        Value::Bool(false) => Ok(None),
        other => match ranged::<u32>("persistent", other, "0 (off) to 2678400 seconds")? {
            0 => Ok(None),
            seconds if seconds <= PERSISTENT_MAX => Ok(Some(seconds)),
            seconds => Err(
                Error::invalid(format!("persistent {seconds} is out of range")).hint(format!(
                    "persistent is 0 (off) to {PERSISTENT_MAX} seconds (31 days)"
                )),
            ),
        },
    }
}

fn server_list(service: &ServiceKey, value: &Value) -> Result<Vec<(ServerKey, ServerPatch)>> {
    let Value::Array(values) = value else {
        return Err(wrong("servers", "an array of addresses or maps", value));
    };
    let mut servers: Vec<(ServerKey, ServerPatch)> = Vec::with_capacity(values.len());
    let mut seen = BTreeSet::new();
    for value in values {
        let (key, patch) = listed_server(service, value)?;
        if !seen.insert(key) {
            return Err(Error::invalid(format!("real server {key} is listed twice")));
        }
        servers.push((key, patch));
    }
    Ok(servers)
}

/// Reads an element of `servers`: an address, or a map with `address` (and `port`) and options.
///
/// # Errors
/// `invalid`, naming the server.
pub fn listed_server(service: &ServiceKey, value: &Value) -> Result<(ServerKey, ServerPatch)> {
    match value {
        Value::String(address) => Ok((ServerKey::parse(address, service)?, ServerPatch::default())),
        Value::Object(map) => {
            let mut options = map.clone();
            let Some(address) = options.shift_remove("address") else {
                return Err(Error::invalid("a server of the list has no address")
                    .hint("write #{ address: \"10.0.0.11:80\", weight: 3 }"));
            };
            let mut key = ServerKey::parse(text("address", &address)?, service)?;
            if let Some(port) = options.shift_remove("port") {
                let given = Endpoint::parse(text("address", &address)?)?.port;
                let port = ranged("port", &port, "0 to 65535")?;
                if given.is_some_and(|given| given != port) {
                    return Err(Error::invalid("the port is given twice and differs")
                        .object(format!("real server {key}")));
                }
                key.port = port;
            }
            let patch = ServerPatch::parse(&options)
                .map_err(|e| e.object(super::server::server_name(service, &key)))?;
            Ok((key, patch))
        }
        other => Err(wrong("a server", "an address or a map", other)),
    }
}

/// What was said about a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerPatch {
    /// The weight.
    pub weight: Option<Weight>,
    /// The forwarding method.
    pub forward: Option<Forwarding>,
    /// The upper threshold.
    pub upper: Option<u32>,
    /// The lower threshold.
    pub lower: Option<u32>,
    /// The tunnel.
    pub tunnel: Option<Tunnel>,
}

impl ServerPatch {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse(options: &Options) -> Result<ServerPatch> {
        check_names(options, &SERVER_OPTIONS, "a real server")?;
        let mut patch = ServerPatch::default();
        for (name, value) in options {
            match name.as_str() {
                "weight" => patch.weight = Some(Weight::new(whole(name, value)?)?),
                "forward" => patch.forward = Some(Forwarding::parse(text(name, value)?)?),
                "upper" => patch.upper = Some(ranged(name, value, "0 (off) to 2147483647")?),
                "lower" => patch.lower = Some(ranged(name, value, "0 (off) to 2147483647")?),
                "tunnel" => patch.tunnel = Some(tunnel(value)?),
                _ => {}
            }
        }
        Ok(patch)
    }

    /// The names of the options given.
    pub fn named(&self) -> Named {
        let all = [
            (self.weight.is_some(), "weight"),
            (self.forward.is_some(), "forward"),
            (self.upper.is_some(), "upper"),
            (self.lower.is_some(), "lower"),
            (self.tunnel.is_some(), "tunnel"),
        ];
        all.into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }

    /// Changes the options given and leaves the others.
    pub fn apply(&self, server: &mut RealServer) {
        server.weight = self.weight.unwrap_or(server.weight);
        server.forward = self.forward.unwrap_or(server.forward);
        server.upper = self.upper.unwrap_or(server.upper);
        server.lower = self.lower.unwrap_or(server.lower);
        server.tunnel = self.tunnel.unwrap_or(server.tunnel);
    }
}

fn tunnel(value: &Value) -> Result<Tunnel> {
    let options = map("tunnel", value)?;
    check_names(options, &TUNNEL_OPTIONS, "a tunnel")?;
    let mut tunnel = Tunnel::default();
    for (name, value) in options {
        match name.as_str() {
            "type" => tunnel.kind = TunnelKind::parse(text(name, value)?)?,
            "port" => tunnel.port = ranged(name, value, "0 to 65535")?,
            "checksum" => tunnel.checksum = TunnelChecksum::parse(text(name, value)?)?,
            _ => {}
        }
    }
    Ok(tunnel)
}

fn service_marks(key: &ServiceKey, value: &Value) -> Result<Vec<MarkRule>> {
    let Some(mark) = MarkKey::of_service(key) else {
        return Err(Error::invalid("marks are for a service of a mark")
            .hint("write fwmark(666, #{ marks: [ ... ] })"));
    };
    let rules = mark_rules(mark.mark, Some(mark.family), value)?;
    if let Some(other) = rules.iter().find(|rule| rule.family != mark.family) {
        return Err(
            Error::invalid(format!("an {} rule cannot feed it", other.family))
                .hint("fwmark(...) has IPv4 rules, fwmark6(...) IPv6 rules"),
        );
    }
    Ok(rules)
}

/// Reads one rule or an array of rules of a mark, in their normal form.
///
/// # Errors
/// `invalid` for unknown names, wrong types, ports without a protocol, mixed families.
pub fn mark_rules(mark: Fwmark, family: Option<Family>, value: &Value) -> Result<Vec<MarkRule>> {
    let rules: Result<Vec<MarkRule>> = one_or_many(value)
        .into_iter()
        .map(|rule| {
            mark_rule(mark, family, map("a rule", rule)?)
                .map_err(|e| e.object(format!("rule of mark {mark}")))
        })
        .collect();
    Ok(MarkRule::normalise(rules?))
}

fn mark_rule(mark: Fwmark, family: Option<Family>, options: &Options) -> Result<MarkRule> {
    check_names(options, &MARK_OPTIONS, "a rule")?;
    let mut rule = MarkRule::new(mark, family.unwrap_or(Family::Ipv4));
    let mut families: BTreeSet<Family> = BTreeSet::new();
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "protocol" => rule.protocol = mark_protocol(text(name, value)?)?,
            "to" => rule.to = Some(parse_net(text(name, value)?)?),
            "from" => rule.from = Some(parse_net(text(name, value)?)?),
            "ports" => rule.ports = ports(name, value)?,
            "from_ports" => rule.from_ports = ports(name, value)?,
            "interface" => rule.interface = Some(check_interface(text(name, value)?)?),
            "mask" => rule.mask = mask(value)?,
            "family" => {
                families.insert(Family::parse(text(name, value)?)?);
            }
            _ => {}
        }
    }
    families.extend(
        [rule.to, rule.from]
            .into_iter()
            .flatten()
            .map(|net| Family::of(net.addr())),
    );
    if families.len() > 1 {
        return Err(Error::invalid("it mixes IPv4 and IPv6")
            .hint("a rule is of one family; write one for each"));
    }
    rule.family = families.into_iter().next().unwrap_or(rule.family);
    if rule.mark.value() & !rule.mask != 0 {
        return Err(Error::invalid(format!(
            "mark {mark} has bits outside of its mask {:#x}",
            rule.mask
        ))
        .hint("the mask names the bits that are replaced"));
    }
    let has_ports = !rule.ports.is_empty() || !rule.from_ports.is_empty();
    if has_ports
        && !matches!(
            rule.protocol,
            Some(Protocol::TCP | Protocol::UDP | Protocol::SCTP)
        )
    {
        return Err(Error::invalid("ports need a protocol").hint("add protocol: \"tcp\""));
    }
    Ok(rule)
}

fn mark_protocol(word: &str) -> Result<Option<Protocol>> {
    if word.eq_ignore_ascii_case("all") {
        return Ok(None);
    }
    match Protocol::parse(word) {
        Some(protocol) if protocol.0 <= 255 => Ok(Some(protocol)),
        _ => Err(Error::invalid(format!("unknown protocol \"{word}\""))
            .hint("a protocol is \"tcp\", \"udp\" or \"sctp\"")),
    }
}

fn ports(name: &str, value: &Value) -> Result<Vec<PortRange>> {
    let mut ranges = Vec::new();
    for one in one_or_many(value) {
        match one {
            Value::String(list) => {
                for word in list.split(',') {
                    ranges.push(PortRange::parse(word)?);
                }
            }
            number => {
                let port = ranged::<u16>(name, number, "0 to 65535")?;
                ranges.push(PortRange::new(port, port)?);
            }
        }
    }
    if ranges.is_empty() {
        return Err(
            Error::invalid(format!("{name} is empty")).hint("leave it out to fit all ports")
        );
    }
    Ok(ranges)
}

fn mask(value: &Value) -> Result<u32> {
    let range = "1 to 0xffffffff";
    let bits = match value {
        Value::String(text) => text
            .strip_prefix("0x")
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .or_else(|| text.parse().ok())
            .ok_or_else(|| {
                Error::invalid(format!("\"{text}\" is not a mask")).hint(format!("mask is {range}"))
            })?,
        number => ranged("mask", number, range)?,
    };
    if bits == 0 {
        return Err(Error::invalid("mask 0 would change no bit").hint(format!("mask is {range}")));
    }
    Ok(bits)
}

/// Reads the options of `timeouts`.
///
/// # Errors
/// `invalid` for unknown names, wrong types and values out of range.
pub fn timeouts(options: &Options) -> Result<Timeouts> {
    check_names(options, &TIMEOUT_OPTIONS, "timeouts")?;
    let mut timeouts = Timeouts::default();
    for kind in TimeoutKind::ALL {
        if let Some(value) = options.get(kind.name()) {
            let seconds = whole(kind.name(), value)?;
            timeouts.set(kind, Some(Timeouts::check(kind, seconds)?));
        }
    }
    Ok(timeouts)
}

/// Reads the options of a sync daemon.
///
/// # Errors
/// `invalid` for unknown names, wrong types, values out of range and a missing interface.
pub fn daemon(role: DaemonRole, options: &Options) -> Result<SyncDaemon> {
    check_names(options, &DAEMON_OPTIONS, "a sync daemon")?;
    let Some(interface) = options.get("interface") else {
        return Err(Error::invalid("the interface is missing")
            .object(format!("sync daemon {role}"))
            .hint("write #{ interface: \"eth0\", id: 62 }"));
    };
    let mut daemon = SyncDaemon {
        interface: check_interface(text("interface", interface)?)?,
        id: 0,
        maxlen: None,
        group: None,
        port: None,
        ttl: None,
    };
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "id" => daemon.id = ranged(name, value, "0 to 255")?,
            "maxlen" => daemon.maxlen = Some(positive(name, value, u16::MAX.into(), "bytes")?),
            "group" => {
                let group = super::address::parse_ip(text(name, value)?)?;
                if !group.is_multicast() {
                    return Err(Error::invalid(format!("group {group} is not multicast"))
                        .hint("a group is like \"224.0.0.81\""));
                }
                daemon.group = Some(group);
            }
            "port" => daemon.port = Some(positive(name, value, u16::MAX.into(), "")?),
            "ttl" => daemon.ttl = Some(positive(name, value, u8::MAX.into(), "")?),
            _ => {}
        }
    }
    super::check::check_daemon(role, &daemon)?;
    Ok(daemon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(value: Value) -> Options {
        value.as_object().unwrap().clone()
    }

    fn service(value: Value) -> Result<ServicePatch> {
        ServicePatch::parse(
            &ServiceKey::parse("tcp 192.0.2.1:80").unwrap(),
            &options(value),
        )
    }

    #[test]
    fn a_service_reads_every_option() {
        let patch = service(json!({
            "scheduler": "SH", "flags": ["sh-port"], "persistent": true, "netmask": 24,
            "engine": "sip", "one_packet": false, "forward": "nat",
            "servers": ["10.0.0.1", { "address": "10.0.0.2:81", "weight": 3 }],
        }))
        .unwrap();
        let mut own = ServiceOptions::defaults(Family::Ipv4);
        patch.apply(&mut own);
        assert_eq!(
            own.summary(Family::Ipv4),
            "sh flags sh-port persistent 300 netmask 255.255.255.0 engine sip"
        );
        let servers = patch.servers.unwrap();
        assert_eq!(servers[0].0.to_string(), "10.0.0.1:80");
        assert_eq!(servers[1].1.weight.unwrap().value(), 3);
    }

    #[test]
    fn mistakes_are_answered() {
        for (value, wants, hint) in [
            (
                json!({"shceduler": "rr"}),
                "unknown option \"shceduler\"",
                "\"scheduler\"?",
            ),
            (
                json!({"lb_algo": "rr"}),
                "unknown option \"lb_algo\"",
                "\"scheduler\"?",
            ),
            (
                json!({"persistent": -1}),
                "persistent -1 is out of range",
                "31 days",
            ),
            (json!({"persistent": 2678401}), "out of range", "31 days"),
            (
                json!({"netmask": "255.0.255.0"}),
                "not a row of ones",
                "255.255.255.0",
            ),
            (json!({"one_packet": 1}), "must be true or false, not 1", ""),
            (
                json!({"marks": []}),
                "marks are for a service of a mark",
                "fwmark",
            ),
            (
                json!({"servers": ["10.0.0.1", "10.0.0.1:80"]}),
                "is listed twice",
                "",
            ),
            (
                json!({"servers": [{"address": "10.0.0.1", "wieght": 1}]}),
                "\"wieght\"",
                "weight",
            ),
            (json!({"servers": "10.0.0.1"}), "must be an array", ""),
        ] {
            let error = service(value.clone()).unwrap_err();
            assert!(error.to_string().contains(wants), "{value}: {error}");
            if wants.contains("persistent") {
                continue;
            }
            let hints = error.hints().join("\n");
            assert!(hints.contains(hint), "{value}: {hints}");
        }
    }

    #[test]
    fn a_daemon_takes_no_zero_for_left_out() {
        let read = |value: Value| daemon(DaemonRole::Master, &options(value));
        for bad in [
            json!({"interface": "eth0", "maxlen": 0}),
            json!({"interface": "eth0", "maxlen": 65508}),
            json!({"interface": "eth0", "port": 0}),
            json!({"interface": "eth0", "ttl": 0}),
            json!({"interface": "eth0", "ttl": 256}),
        ] {
            let error = read(bad.clone()).unwrap_err();
            assert!(error.to_string().contains("out of range"), "{bad}: {error}");
        }
        assert!(read(json!({"interface": "eth0", "maxlen": 65507, "ttl": 255})).is_ok());
    }

    #[test]
    fn marks_read_every_field() {
        let rules = mark_rules(
            Fwmark::new(1).unwrap(),
            None,
            &json!({
                "protocol": "tcp", "to": "2001:db8::/64", "ports": [80, "8000-8100"],
                "interface": "eth0", "mask": "0xff",
            }),
        )
        .unwrap();
        assert_eq!(
            rules[0].summary(),
            "tcp to 2001:db8::/64 ports 80,8000-8100 interface eth0 mask 0xff"
        );
        assert_eq!(rules[0].family, Family::Ipv6);
        for bad in [
            json!({"ports": [80]}),
            json!({"to": "192.0.2.1", "from": "2001:db8::1"}),
            json!({"interface": "eth0 -j ACCEPT"}),
            json!({"interface": "-j"}),
            json!({"protocol": "tcp\" -j DROP"}),
            json!({"mask": 0}),
            json!({"mask": 2}),
            json!("x"),
        ] {
            assert!(
                mark_rules(Fwmark::new(1).unwrap(), None, &bad).is_err(),
                "{bad}"
            );
        }
    }
}
