//! Facts: views of live state: counters, rates, connections, and the like.

use std::ops::ControlFlow;

use rhai::Dynamic;
use serde_json::Value;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::CONNECTIONS;
use super::services::service_or_name;
use super::types::Type;
use super::value::Server;
use super::{convert, view};
use crate::director::{Filter, Wanted};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::patch::unknown_option_of;
use crate::model::server::server_name;
use crate::model::{Options, ServiceName, json};
use crate::views::{Row, Selection, View, counted, of_traffic};

/// The most connections that one call gives: a script can hold no more.
const MOST: usize = 50_000;

const OF_WHOM: Param = Param::new("of", Type::ServiceOrServer).optional();
const SERVICE: Param = Param::new("service", Type::ServiceOrName).optional();

/// A function of this chapter.
const fn live(name: &'static str, forms: &'static [Form], result: Type) -> Function {
    Function {
        name,
        group: Group::Live,
        on: On::Nothing,
        forms,
        result,
        doc: "",
        errors: &[Kind::NotFound, Kind::NotPermitted, Kind::Unsupported],
        example: "",
        words: &[],
    }
}

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        doc: "Reads the counters of a service or a server: a map of connections, in_packets, \
              out_packets, in_bytes and out_bytes since it was made, or zero().\n\
              Also in the map: what it is the counters of, and for a service its servers, each \
              with counters. Without an argument an array of such maps, of all services.",
        example: "let web = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });\n\
                  commit();\nprint(stats(web).connections);\n\
                  print(stats(web.find(\"10.0.0.11\")).in_bytes);",
        words: &[
            "--stats",
            "counters",
            "ipvsadm -Ln --stats",
            "bytes",
            "packets",
        ],
        ..live(
            "stats",
            &[Form {
                params: &[OF_WHOM],
                call: stats,
            }],
            Type::Rules,
        )
    },
    Function {
        doc: "Reads the rates of a service or a server: a map of cps, in_pps, out_pps, in_bps and \
              out_bps: connections, packets and bytes (not bits) per second.\n\
              The kernel averages them over some seconds. The rest is as in stats().",
        example: "for service in rates() { print(`${service.address} ${service.cps}`); }",
        words: &["--rate", "cps", "pps", "bps", "ipvsadm -Ln --rate"],
        ..live(
            "rates",
            &[Form {
                params: &[OF_WHOM],
                call: rates,
            }],
            Type::Rules,
        )
    },
    Function {
        doc: "Lists connections and persistence templates: an array of maps of service, client, \
              server, state, expires (seconds), template, engine and engine_data.\n\
              A filter selects: `connections(#{ client: \"198.51.100.0/24\", limit: 100 })`. More \
              than 50000 are an error, unless there is a limit. The kernel does not note by which \
              service a connection came: service is the address that the client asked for, a mark \
              for the templates of an fwmark service. As a filter, an fwmark service selects what \
              is forwarded to its servers and belongs to no service of an address.",
        errors: &[Kind::Invalid, Kind::NotFound, Kind::Unsupported],
        example: "let busy = connections(#{ state: \"ESTABLISHED\", limit: 10 });\n\
                  for c in busy { print(`${c.client} -> ${c.server}`); }",
        words: &[
            "-c",
            "--connection",
            "ipvsadm -Lnc",
            "conntrack",
            "sessions",
        ],
        ..live(
            "connections",
            &[Form {
                params: &[Param::options(CONNECTIONS)],
                call: connections,
            }],
            Type::Array,
        )
    },
    Function {
        doc: "Lists the thresholds of servers: an array of maps, a service each, as in JSON; its \
              servers have upper, lower, active and inactive.\n\
              With a service only that one.",
        example: "for s in thresholds() {\n    \
                  for r in s.servers { print(`${r.address} ${r.upper}`); }\n}",
        words: &["--thresholds", "ipvsadm -Ln --thresholds"],
        ..live(
            "thresholds",
            &[Form {
                params: &[SERVICE],
                call: |call| listed(call, View::Thresholds),
            }],
            Type::Array,
        )
    },
    Function {
        doc: "Lists persistent connections: an array of maps, a service each, as in JSON; services \
              have persistent (seconds), netmask, engine and persistent_connections, its servers \
              weight and persistent_connections.\n\
              With a service only that one.",
        example: "for s in persistent() { print(`${s.address} ${s.persistent_connections}`); }",
        words: &[
            "--persistent-conn",
            "ipvsadm -Ln --persistent-conn",
            "sticky",
        ],
        ..live(
            "persistent",
            &[Form {
                params: &[SERVICE],
                call: |call| listed(call, View::Persistent),
            }],
            Type::Array,
        )
    },
    Function {
        doc: "Lists tunnels: an array of maps, a service each, as in JSON; of its servers those \
              with tunnels, whose tunnel has type, port and checksum.\n\
              With a service only that one.",
        example: "for s in tunnels() { for r in s.servers { print(r.tunnel.type); } }",
        words: &["--tun-info", "ipvsadm -Ln --tun-info", "gue", "gre", "ipip"],
        ..live(
            "tunnels",
            &[Form {
                params: &[SERVICE],
                call: |call| listed(call, View::Tunnels),
            }],
            Type::Array,
        )
    },
    Function {
        doc: "Reads what IPVS says about itself: a map of version, connection_table_size, \
              schedulers and engines (loaded), stats and rates of everything, settings.\n\
              settings are those of net.ipv4.vs, without that prefix.",
        example: "let info = info();\nprint(`IPVS ${info.version}, ${info.stats.connections}`);",
        words: &[
            "version",
            "sysctl",
            "net.ipv4.vs",
            "IP Virtual Server version",
            "modules",
        ],
        ..live(
            "info",
            &[Form {
                params: &[],
                call: info,
            }],
            Type::Map,
        )
    },
];

fn stats(call: &Call) -> Result<Dynamic> {
    traffic(call, View::Stats)
}

fn rates(call: &Call) -> Result<Dynamic> {
    traffic(call, View::Rates)
}

fn traffic(call: &Call, what: View) -> Result<Dynamic> {
    if !call.has(0) {
        return rows(call, what, None);
    }
    let server = call.arg(0)?.read_lock::<Server>().map(|server| *server);
    let value = match server {
        Some(server) => of_server(call, server, what)?,
        None => {
            let key = service_or_name(call, 0)?.0;
            let mut session = call.context.session()?;
            view::service(&mut session, &key, |_| ())?;
            let traffic = session.director().traffic(Some(&key))?;
            let rows = of_traffic(what, &traffic, &[key]);
            let row = rows
                .first()
                .ok_or_else(|| not_live(format!("virtual service {key}")))?;
            row.json()
        }
    };
    Ok(convert::from_json(&value))
}

fn of_server(call: &Call, server: Server, what: View) -> Result<Value> {
    let Server { service, key } = server;
    let mut session = call.context.session()?;
    view::server(&mut session, &service, &key, |_| ())?;
    let traffic = session.director().traffic(Some(&service))?;
    let usage = traffic.get(&service).and_then(|one| one.servers.get(&key));
    let usage = usage.ok_or_else(|| not_live(server_name(&service, &key)))?;
    let mut map = Options::from_iter([
        ("service".to_owned(), Value::from(service.to_string())),
        ("address".to_owned(), Value::from(key.addr.to_string())),
        ("port".to_owned(), Value::from(key.port)),
    ]);
    map.extend(counted(what, usage));
    Ok(Value::Object(map))
}

fn not_live(object: String) -> Error {
    Error::not_found("the kernel does not have it")
        .object(object)
        .hint("what is staged counts nothing: commit() first")
}

fn listed(call: &Call, what: View) -> Result<Dynamic> {
    let name = match call.has(0) {
        true => Some(ServiceName::Key(service_or_name(call, 0)?.0)),
        false => None,
    };
    rows(call, what, name.as_ref())
}

fn rows(call: &Call, what: View, name: Option<&ServiceName>) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let rows = session
        .director()
        .rows(what, name.copied().map(Selection::Service).as_ref())?;
    Ok(convert::from_json(&rows.iter().map(Row::json).collect()))
}

fn info(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let info = json::info(&session.director().info()?);
    Ok(Dynamic::from_map(convert::map(&info)))
}

fn connections(call: &Call) -> Result<Dynamic> {
    let wanted = wanted(&call.options(0)?.unwrap_or_default())?;
    let mut found: Vec<Dynamic> = Vec::new();
    let most = wanted.limit.unwrap_or(MOST);
    let mut too_many = false;
    call.context
        .session()?
        .director()
        .connections(&wanted, &mut |connection| {
            too_many = found.len() >= most;
            if too_many {
                return ControlFlow::Break(());
            }
            let map = json::object(&json::connection(&connection));
            found.push(Dynamic::from_map(convert::map(&map)));
            ControlFlow::Continue(())
        })?;
    if too_many {
        return Err(
            Error::new(Kind::Guarded, format!("there are more than {MOST}"))
                .object("connections")
                .attempt("cannot list them")
                .hint("select some: connections(#{ service, server, client, state })")
                .hint(
                    "or take some: connections(#{ limit: 100 }); ipvsh show connections shows all",
                ),
        );
    }
    Ok(Dynamic::from_array(found))
}

/// Reads a filter.
fn wanted(options: &Options) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    for (name, value) in options {
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(Error::invalid(format!("{name} must be text")).about(name)),
        };
        match name.as_str() {
            "service" => wanted.subject = Some(Selection::parse(&text()?)?),
            "server" => wanted.server = Some(Filter::parse(&text()?)?),
            "client" => wanted.client = Some(Filter::parse(&text()?)?),
            "state" => wanted.state = Some(Wanted::state(&text()?)?),
            "limit" => {
                let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
                let limit = number.filter(|n| (1..=MOST).contains(n)).ok_or_else(|| {
                    Error::invalid(format!("limit must be a whole number, 1 to {MOST}"))
                        .about("limit")
                })?;
                wanted.limit = Some(limit);
            }
            other => {
                let names: Vec<&str> = CONNECTIONS.iter().map(|option| option.name).collect();
                let close = did_you_mean(other, names.iter().copied());
                return Err(unknown_option_of("connections", other, close, &names));
            }
        }
    }
    Ok(wanted)
}
