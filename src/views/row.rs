//! Rows: what a view shows of services and their servers, in the form of JSON.
//!
//! JSON, tables and the values of scripts are made from the same rows; [`Row::read`] knows them
//! again when a script hands them back.

use serde_json::{Value, json};

use super::{Column, View};
use crate::error::Result;
use crate::model::key::{Fwmark, Protocol};
use crate::model::server::Forwarding;
use crate::model::{
    Family, Live, Options, ServerKey, ServiceKey, ServiceName, Traffic, Usage, json as form,
};

/// The key of the name that a service or a server is given to other commands by.
const NAME: &str = "name";

/// A service in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The service.
    pub key: ServiceKey,
    /// Its identity and the view's keys, as in JSON, without `servers`.
    pub data: Options,
    /// Its servers, in the order of the view.
    pub servers: Vec<ServerRow>,
}

/// A server in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRow {
    /// The server.
    pub key: ServerKey,
    /// Its identity and the view's keys, as in JSON.
    pub data: Options,
}

impl Row {
    /// The row as JSON.
    pub fn json(&self) -> Value {
        let mut map = named(&self.key, &self.data);
        let servers = self.servers.iter();
        let servers = servers.map(|server| Value::Object(named(&server.key, &server.data)));
        map.insert("servers".into(), Value::Array(servers.collect()));
        Value::Object(map)
    }

    /// Reads rows that look like those of one of the views with keys of their own.
    pub fn read(values: &[Value]) -> Option<(View, Vec<Row>)> {
        let views = View::ALL.into_iter();
        views
            .filter(|view| !view.facts().server.is_empty())
            .find_map(|view| {
                let rows: Option<Vec<Row>> = values.iter().map(|v| read(view, v)).collect();
                Some((view, rows?)).filter(|(_, rows)| !rows.is_empty())
            })
    }
}

/// A form below the name that the object has everywhere else.
fn named(key: &impl ToString, data: &Options) -> Options {
    let name = (NAME.to_owned(), json!(key.to_string()));
    std::iter::once(name).chain(data.clone()).collect()
}

/// The value of a column, where there is one.
pub fn value<'a>(data: &'a Options, column: &Column) -> Option<&'a Value> {
    match column.within {
        None => data.get(column.name),
        Some(outer) => data.get(outer)?.get(column.name),
    }
}

fn read(view: View, value: &Value) -> Option<Row> {
    let facts = view.facts();
    let mut data = value.as_object()?.clone();
    data.shift_remove(NAME);
    let Value::Array(servers) = data.shift_remove("servers")? else {
        return None;
    };
    let key = service_key(&data)?;
    let has = |data: &Options, identity: usize, keys: &[&str]| {
        data.len() == identity + keys.len() && keys.iter().all(|key| data.contains_key(*key))
    };
    let servers = servers.into_iter().map(|server| {
        let Value::Object(mut data) = server else {
            return None;
        };
        data.shift_remove(NAME);
        let key = server_key(&data)?;
        has(&data, 2, facts.server).then_some(ServerRow { key, data })
    });
    let servers = servers.collect::<Option<Vec<ServerRow>>>()?;
    has(&data, form::service_key(&key).len(), facts.service).then_some(Row { key, data, servers })
}

fn port(data: &Options) -> Option<u16> {
    u16::try_from(data.get("port")?.as_u64()?).ok()
}

fn service_key(data: &Options) -> Option<ServiceKey> {
    let text = |name| data.get(name).and_then(Value::as_str);
    match data.get("mark") {
        Some(mark) => Some(ServiceKey::Fwmark {
            family: Family::parse(text("family")?).ok()?,
            mark: Fwmark::new(mark.as_i64()?).ok()?,
        }),
        None => Some(ServiceKey::Address {
            protocol: Protocol::parse(text("protocol")?)?,
            addr: text("address")?.parse().ok()?,
            port: port(data)?,
        }),
    }
}

fn server_key(data: &Options) -> Option<ServerKey> {
    Some(ServerKey {
        addr: data.get("address")?.as_str()?.parse().ok()?,
        port: port(data)?,
    })
}

/// The services that fit a name; without one, all.
///
/// # Errors
/// `not_found` with a "did you mean".
pub fn fitting<'a>(
    name: Option<&ServiceName>,
    keys: impl Iterator<Item = &'a ServiceKey> + Clone,
) -> Result<Vec<ServiceKey>> {
    let Some(name) = name else {
        return Ok(keys.copied().collect());
    };
    let found: Vec<ServiceKey> = keys.clone().filter(|key| name.fits(key)).copied().collect();
    match found.is_empty() {
        true => name.resolve(keys).map(|key| vec![key]),
        false => Ok(found),
    }
}

/// Services and their servers by name alone, in their order: for what is read elsewhere.
pub fn of_names(live: &Live, keys: &[ServiceKey]) -> Vec<Row> {
    let rows = keys.iter().filter_map(|key| {
        let servers = live.rules.services.get(key)?.servers.keys();
        let servers = servers.map(|key| ServerRow {
            key: *key,
            data: Options::new(),
        });
        Some(Row {
            key: *key,
            data: Options::new(),
            servers: servers.collect(),
        })
    });
    rows.collect()
}

/// What a view shows of services, from the live state.
pub fn of_live(view: View, live: &Live, keys: &[ServiceKey]) -> Vec<Row> {
    let rows = keys.iter().filter_map(|key| one_of_live(view, live, key));
    rows.collect()
}

/// What a view shows of one service, from the live state; none where it is not in that view.
pub fn one_of_live(view: View, live: &Live, key: &ServiceKey) -> Option<Row> {
    let facts = view.facts();
    let picked = |identity: Options, all: Options, keys: &[&str]| match view {
        View::Services => all,
        _ => pick(identity, &all, keys),
    };
    let service = live.rules.services.get(key)?;
    let mut all = form::live_service(live, key, service);
    let persistent = live.service_counts(key).persistent;
    let Some(Value::Array(values)) = all.shift_remove("servers") else {
        return None;
    };
    if view != View::Services {
        all.insert("persistent_connections".into(), json!(persistent));
    }
    let mut servers = Vec::new();
    for ((key, server), value) in service.servers.iter().zip(values) {
        let Value::Object(all) = value else { continue };
        if view != View::Tunnels || server.forward == Forwarding::Tunnel {
            let data = picked(server_identity(key), all, facts.server);
            servers.push(ServerRow { key: *key, data });
        }
    }
    let is_in_view = view != View::Tunnels || !servers.is_empty();
    is_in_view.then(|| Row {
        key: *key,
        data: picked(form::service_key(key), all, facts.service),
        servers,
    })
}

/// What a view shows of services, from their traffic.
pub fn of_traffic(view: View, traffic: &Traffic, keys: &[ServiceKey]) -> Vec<Row> {
    let data = |mut identity: Options, usage: &Usage| {
        identity.extend(counted(view, usage));
        identity
    };
    let rows = keys.iter().filter_map(|key| {
        let one = traffic.get(key)?;
        let servers = one.servers.iter().map(|(key, usage)| ServerRow {
            key: *key,
            data: data(server_identity(key), usage),
        });
        Some(Row {
            key: *key,
            data: data(form::service_key(key), &one.total),
            servers: servers.collect(),
        })
    });
    rows.collect()
}

/// Counters, or for that view rates, as JSON.
pub fn counted(view: View, usage: &Usage) -> Options {
    match view {
        View::Rates => form::object(&usage.rates),
        _ => form::object(&usage.stats),
    }
}

fn server_identity(key: &ServerKey) -> Options {
    Options::from_iter([
        ("address".to_owned(), json!(key.addr.to_string())),
        ("port".to_owned(), json!(key.port)),
    ])
}

fn pick(mut into: Options, all: &Options, keys: &[&str]) -> Options {
    for key in keys {
        if let Some(value) = all.get(*key) {
            into.insert((*key).to_owned(), value.clone());
        }
    }
    into
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse_ruleset;

    fn live() -> Live {
        let rules = parse_ruleset(json!({"services": [
            {"protocol": "tcp", "address": "192.0.2.10", "port": 80, "persistent": 300,
             "servers": [
                {"address": "10.0.0.11", "port": 80, "weight": 3, "upper": 100, "lower": 50},
                {"address": "10.0.0.12", "port": 80, "forward": "tunnel",
                 "tunnel": {"type": "gue", "port": 6080, "checksum": "full"}},
            ]},
            {"mark": 666, "family": "ipv6", "servers": []},
        ]}))
        .unwrap();
        Live {
            rules,
            ..Live::default()
        }
    }

    #[test]
    fn rows_are_known_again_by_what_they_hold() {
        let live = live();
        let keys: Vec<ServiceKey> = live.rules.services.keys().copied().collect();
        let traffic: Traffic = keys.iter().map(|key| (*key, Default::default())).collect();
        for view in [View::Thresholds, View::Persistent, View::Tunnels] {
            let rows = of_live(view, &live, &keys);
            let values: Vec<Value> = rows.iter().map(Row::json).collect();
            assert_eq!(Row::read(&values), Some((view, rows)));
        }
        for view in [View::Stats, View::Rates] {
            let rows = of_traffic(view, &traffic, &keys);
            let values: Vec<Value> = rows.iter().map(Row::json).collect();
            assert_eq!(Row::read(&values), Some((view, rows)));
        }
        let services = of_live(View::Services, &live, &keys);
        assert_eq!(Row::read(&[services[0].json()]), None);
        assert_eq!(Row::read(&[]), None);
    }

    #[test]
    fn only_tunnels_are_shown_as_tunnels() {
        let live = live();
        let keys: Vec<ServiceKey> = live.rules.services.keys().copied().collect();
        let rows = of_live(View::Tunnels, &live, &keys);
        let values: Vec<Value> = rows.iter().map(Row::json).collect();
        assert_eq!(
            Value::Array(values),
            json!([{"name": "tcp 192.0.2.10:80",
                    "protocol": "tcp", "address": "192.0.2.10", "port": 80, "servers": [
                {"name": "10.0.0.12:80", "address": "10.0.0.12", "port": 80,
                 "tunnel": {"type": "gue", "port": 6080, "checksum": "full"},
                 "weight": 1, "active": 0, "inactive": 0}
            ]}])
        );
    }
}
