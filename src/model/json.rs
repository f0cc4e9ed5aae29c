//! The JSON that users see: keys are the names of the script API.
//!
//! `live()`, `--json`, `save(path, "json")` and `load` share these forms; reading goes through
//! [`super::patch`], so that a value is checked the same way wherever it comes from.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::address::Family;
use super::connection::{Connection, EngineData};
use super::info::Info;
use super::key::{Fwmark, Protocol, ServerKey, ServiceKey};
use super::live::Live;
use super::mark::{MarkRule, PortRange, net_text};
use super::patch::{self, Options, ServicePatch};
use super::policy::ServerPolicy;
use super::ruleset::{Ruleset, VirtualService};
use super::server::{Forwarding, RealServer, Tunnel};
use super::service::{Netmask, ServiceOptions};
use super::setting::SettingKind;
use crate::error::{Error, Result};

/// A service's identity: `protocol address port`, or `mark family`.
pub fn service_key(key: &ServiceKey) -> Options {
    let mut map = Map::new();
    match key {
        ServiceKey::Address {
            protocol,
            addr,
            port,
        } => {
            map.insert("protocol".into(), json!(protocol.to_string()));
            map.insert("address".into(), json!(addr.to_string()));
            map.insert("port".into(), json!(port));
        }
        ServiceKey::Fwmark { family, mark } => {
            map.insert("mark".into(), json!(mark.value()));
            map.insert("family".into(), json!(family.name()));
        }
    }
    map
}

/// A service's own options.
pub fn service_options(options: &ServiceOptions, family: Family) -> Options {
    let mut map = Map::new();
    map.insert("scheduler".into(), json!(options.scheduler.name()));
    map.insert(
        "flags".into(),
        json!(options.flags.names(&options.scheduler)),
    );
    map.insert("persistent".into(), json!(options.persistent.unwrap_or(0)));
    map.insert(
        "netmask".into(),
        match family {
            Family::Ipv4 => json!(options.netmask.text(family)),
            Family::Ipv6 => json!(options.netmask.0),
        },
    );
    map.insert(
        "engine".into(),
        json!(options.engine.as_ref().map(|e| e.name())),
    );
    map.insert("one_packet".into(), json!(options.one_packet));
    map
}

/// A real server's options.
pub fn server_options(server: &RealServer) -> Options {
    let mut map = Map::new();
    map.insert("weight".into(), json!(server.weight.value()));
    map.insert("forward".into(), json!(server.forward.name()));
    map.insert("upper".into(), json!(server.upper));
    map.insert("lower".into(), json!(server.lower));
    if server.forward == Forwarding::Tunnel || server.tunnel != Tunnel::default() {
        map.insert(
            "tunnel".into(),
            json!({
                "type": server.tunnel.kind.to_string(),
                "port": server.tunnel.port,
                "checksum": server.tunnel.checksum.to_string(),
            }),
        );
    }
    map
}

/// A real server: `address port` and its options.
pub fn server(key: &ServerKey, server: &RealServer) -> Options {
    let mut map = Map::new();
    map.insert("address".into(), json!(key.addr.to_string()));
    map.insert("port".into(), json!(key.port));
    map.extend(server_options(server));
    map
}

/// A service with its options and servers.
pub fn service(key: &ServiceKey, service: &VirtualService) -> Options {
    let mut map = service_key(key);
    map.extend(service_options(&service.options, key.family()));
    map.extend(service.policy.json());
    let servers: Vec<Value> = service
        .servers
        .iter()
        .map(|(key, s)| {
            let policy = service.server_policies.get(key);
            let mut map = server(key, s);
            map.extend(policy.into_iter().flat_map(ServerPolicy::json));
            Value::Object(map)
        })
        .collect();
    map.insert("servers".into(), Value::Array(servers));
    map
}

/// A mark rule with its mark.
pub fn mark(rule: &MarkRule) -> Options {
    let ports = |ranges: &[PortRange]| -> Value {
        ranges
            .iter()
            .map(|r| {
                if r.first() == r.last() {
                    json!(r.first())
                } else {
                    json!(r.to_string())
                }
            })
            .collect()
    };
    let mut map = Map::new();
    map.insert("mark".into(), json!(rule.mark.value()));
    map.insert("family".into(), json!(rule.family.name()));
    map.insert(
        "protocol".into(),
        json!(rule.protocol.map_or("all".into(), |p| p.to_string())),
    );
    let net = |net: &Option<ipnet::IpNet>| json!(net.as_ref().map(net_text));
    map.insert("to".into(), net(&rule.to));
    map.insert("from".into(), net(&rule.from));
    if !rule.ports.is_empty() {
        map.insert("ports".into(), ports(&rule.ports));
    }
    if !rule.from_ports.is_empty() {
        map.insert("from_ports".into(), ports(&rule.from_ports));
    }
    map.insert("interface".into(), json!(rule.interface));
    if rule.mask != u32::MAX {
        map.insert("mask".into(), json!(format!("{:#x}", rule.mask)));
    }
    map
}

/// A whole ruleset: `services marks timeouts daemons`.
pub fn ruleset(rules: &Ruleset) -> Value {
    let services: Vec<Value> = rules
        .services
        .iter()
        .map(|(key, s)| Value::Object(service(key, s)))
        .collect();
    let marks: Vec<Value> = rules
        .marks
        .iter()
        .map(|rule| Value::Object(mark(rule)))
        .collect();
    let mut all = Map::new();
    all.insert("services".into(), services.into());
    all.insert("marks".into(), marks.into());
    for kind in SettingKind::ALL {
        all.insert(kind.facts().list.into(), kind.json(&rules.settings));
    }
    all.into()
}

/// Live state: a ruleset whose services and servers carry `active` and `inactive` connections,
/// servers also `persistent_connections`.
pub fn live(state: &Live) -> Value {
    let services: Vec<Value> = state
        .rules
        .services
        .iter()
        .map(|(key, service)| Value::Object(live_service(state, key, service)))
        .collect();
    let mut all = ruleset(&Ruleset {
        services: Default::default(),
        ..state.rules.clone()
    });
    if let Value::Object(lists) = &mut all {
        for kind in SettingKind::ALL {
            if kind.facts().is_of_the_record {
                lists.shift_remove(kind.facts().list);
            }
        }
    }
    if let Some(all) = all.as_object_mut() {
        all.insert("services".into(), Value::Array(services));
    }
    all
}

/// One live service with its counts.
pub fn live_service(state: &Live, key: &ServiceKey, service: &VirtualService) -> Options {
    let mut map = service_key(key);
    map.extend(service_options(&service.options, key.family()));
    let counts = state.service_counts(key);
    map.insert("active".into(), json!(counts.active));
    map.insert("inactive".into(), json!(counts.inactive));
    let servers: Vec<Value> = service
        .servers
        .iter()
        .map(|(server_key, options)| {
            let mut map = server(server_key, options);
            let counts = state.counts_of(key, server_key);
            map.insert("active".into(), json!(counts.active));
            map.insert("inactive".into(), json!(counts.inactive));
            map.insert("persistent_connections".into(), json!(counts.persistent));
            Value::Object(map)
        })
        .collect();
    map.insert("servers".into(), Value::Array(servers));
    map
}

/// A connection: a form that is written at once, since there may be a million of them.
#[derive(Debug, Serialize)]
pub struct ConnectionForm<'a> {
    service: String,
    client: SocketAddr,
    server: SocketAddr,
    state: &'a str,
    expires: u64,
    template: bool,
    engine: Option<&'a str>,
    engine_data: Option<&'a str>,
}

/// A connection.
pub fn connection(connection: &Connection) -> ConnectionForm<'_> {
    let engine = connection.engine.as_ref();
    ConnectionForm {
        service: connection.service.to_string(),
        client: connection.client,
        server: connection.server,
        state: &connection.state,
        expires: connection.expires,
        template: connection.template,
        engine: engine.map(|engine| engine.name.as_str()),
        engine_data: engine.map(|engine| engine.data.as_str()),
    }
}

/// A form as a value.
pub fn object(form: &impl Serialize) -> Options {
    match serde_json::to_value(form) {
        Ok(Value::Object(map)) => map,
        // Forms have fixed names, and values that JSON has: it cannot fail.
        _ => Map::new(),
    }
}

/// Reads a connection; none where it is something else.
pub fn read_connection(value: &Value) -> Option<Connection> {
    let text = |name| value.get(name).and_then(Value::as_str);
    let engine = text("engine").zip(text("engine_data"));
    Some(Connection {
        service: ServiceKey::parse(text("service")?).ok()?,
        client: text("client")?.parse().ok()?,
        server: text("server")?.parse().ok()?,
        state: text("state")?.to_owned(),
        expires: value.get("expires")?.as_u64()?,
        template: value.get("template")?.as_bool()?,
        engine: engine.map(|(name, data)| EngineData {
            name: name.to_owned(),
            data: data.to_owned(),
        }),
    })
}

/// What IPVS says about itself.
pub fn info(info: &Info) -> Options {
    let mut map = Map::new();
    let settings: Map<String, Value> = info
        .settings
        .iter()
        .map(|(name, text)| {
            let number = text.parse::<i64>().map(Value::from);
            (name.clone(), number.unwrap_or_else(|_| json!(text)))
        })
        .collect();
    map.insert("version".into(), json!(info.version));
    map.insert(
        "connection_table_size".into(),
        json!(info.connection_table_size),
    );
    map.insert("schedulers".into(), json!(info.schedulers));
    map.insert("engines".into(), json!(info.engines));
    map.insert("stats".into(), json!(info.total.stats));
    map.insert("rates".into(), json!(info.total.rates));
    map.insert("settings".into(), Value::Object(settings));
    map
}

fn take_text(map: &mut Options, name: &str) -> Result<String> {
    match map.shift_remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Error::invalid(format!("{name} must be a string")).about(name)),
        None => Err(Error::invalid(format!("{name} is missing")).about(name)),
    }
}

fn take_number(map: &mut Options, name: &str) -> Result<i64> {
    match map.shift_remove(name) {
        Some(value) => value
            .as_i64()
            .ok_or_else(|| Error::invalid(format!("{name} must be a whole number")).about(name)),
        None => Err(Error::invalid(format!("{name} is missing")).about(name)),
    }
}

fn take_array(map: &mut Options, name: &str) -> Result<Vec<Value>> {
    match map.shift_remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(Error::invalid(format!("{name} must be an array")).about(name)),
    }
}

fn no_more(map: &Options, what: &str) -> Result<()> {
    match map.keys().next() {
        Some(name) => Err(Error::invalid(format!("{what}: unknown key \"{name}\"")).about(name)),
        None => Ok(()),
    }
}

/// Keys of live state that say nothing about configuration, and the name, which repeats the identity.
const COUNTS: [&str; 4] = ["active", "inactive", "persistent_connections", "name"];

/// Takes the values out that the kernel keeps and a script may not say: what was adopted must
/// read back as it was.
fn take_odd(map: &mut Options, family: Family) -> ServicePatch {
    let mut odd = ServicePatch::default();
    let netmask = map.get("netmask").and_then(|mask| match family {
        Family::Ipv4 => mask.as_str()?.parse::<Ipv4Addr>().ok().map(u32::from),
        Family::Ipv6 => u32::try_from(mask.as_u64()?).ok(),
    });
    if let Some(bits) = netmask {
        odd.netmask = Some(Netmask(bits));
        map.shift_remove("netmask");
    }
    let seconds = map.get("persistent").and_then(Value::as_u64);
    if let Some(seconds) = seconds
        .and_then(|s| u32::try_from(s).ok())
        .filter(|s| *s > 0)
    {
        odd.persistent = Some(Some(seconds));
        map.shift_remove("persistent");
    }
    odd
}

fn read_service(value: Value) -> Result<(ServiceKey, VirtualService)> {
    let Value::Object(mut map) = value else {
        return Err(Error::invalid("a service must be an object"));
    };
    let key = if map.contains_key("mark") {
        let mark = Fwmark::new(take_number(&mut map, "mark")?)?;
        let family = match map.contains_key("family") {
            true => Family::parse(&take_text(&mut map, "family")?)?,
            false => Family::Ipv4,
        };
        ServiceKey::Fwmark { family, mark }
    } else {
        let protocol = take_text(&mut map, "protocol")?;
        let protocol = Protocol::parse(&protocol).ok_or_else(|| {
            Error::invalid(format!("unknown protocol \"{protocol}\"")).about(protocol)
        })?;
        let addr = super::address::parse_ip(&take_text(&mut map, "address")?)?;
        let port = take_number(&mut map, "port")?;
        let port = u16::try_from(port)
            .map_err(|_| Error::invalid(format!("port {port} is out of range")).about("port"))?;
        ServiceKey::Address {
            protocol,
            addr,
            port,
        }
    };
    map.retain(|name, _| !COUNTS.contains(&name.as_str()));
    if let Some(Value::Array(servers)) = map.get_mut("servers") {
        for server in servers.iter_mut().filter_map(Value::as_object_mut) {
            server.retain(|name, _| !COUNTS.contains(&name.as_str()));
        }
    }
    let named = |e: Error| e.object(format!("virtual service {key}"));
    let odd = take_odd(&mut map, key.family());
    let patch = ServicePatch::parse(&key, &map).map_err(named)?;
    let mut service = VirtualService::new(key.family());
    patch.apply(&mut service.options);
    odd.apply(&mut service.options);
    patch.apply_policy(&mut service.policy);
    for (server_key, server_patch) in patch.servers.unwrap_or_default() {
        let mut server = RealServer {
            forward: patch.forward.unwrap_or_default(),
            ..RealServer::default()
        };
        server_patch.apply(&mut server);
        service.servers.insert(server_key, server);
        let mut policy = ServerPolicy::default();
        server_patch.apply_policy(&mut policy);
        if !policy.is_default() {
            service.server_policies.insert(server_key, policy);
        }
    }
    Ok((key, service))
}

/// Reads a whole ruleset; keys that are left out are empty.
///
/// # Errors
/// `invalid` for unknown keys, wrong types and values out of range.
pub fn parse_ruleset(value: Value) -> Result<Ruleset> {
    let Value::Object(mut map) = value else {
        return Err(Error::invalid("a ruleset must be an object")
            .hint("its keys are services, marks, timeouts and daemons"));
    };
    let mut rules = Ruleset::default();
    for value in take_array(&mut map, "services")? {
        let (key, service) = read_service(value)?;
        if rules.services.insert(key, service).is_some() {
            return Err(
                Error::invalid("it is listed twice").object(format!("virtual service {key}"))
            );
        }
    }
    let mut marks = Vec::new();
    for value in take_array(&mut map, "marks")? {
        let Value::Object(mut rule) = value else {
            return Err(Error::invalid("a mark rule must be an object"));
        };
        let mark = Fwmark::new(take_number(&mut rule, "mark")?)?;
        marks.extend(patch::mark_rules(mark, None, &Value::Object(rule))?);
    }
    rules.marks = MarkRule::normalise(marks);
    for kind in SettingKind::ALL {
        if let Some(value) = map.shift_remove(kind.facts().list) {
            kind.read(value, &mut rules.settings)?;
        }
    }
    no_more(&map, "a ruleset")?;
    Ok(rules)
}
