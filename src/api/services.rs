//! Facts: virtual services.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::SERVICE;
use super::types::Type;
use super::value::{Server, Service};
use super::values::with_meant;
use super::view;
use crate::director::Filter;
use crate::error::{Kind, Result};
use crate::model::{Family, Fwmark, Protocol, ServerKey, ServiceKey};

const ADDRESS: Param = Param::new("address", Type::Text);
const MARK: Param = Param::new("mark", Type::Whole);
const OPTIONS: Param = Param::options(SERVICE);
const SERVICE_PARAM: Param = Param::new("service", Type::ServiceOrName);

/// What declares a service.
const fn declares(
    name: &'static str,
    forms: &'static [Form],
    doc: &'static str,
    example: &'static str,
    words: &'static [&'static str],
) -> Function {
    Function {
        name,
        group: Group::Services,
        on: On::Nothing,
        forms,
        result: Type::Service,
        doc,
        errors: &[Kind::Invalid],
        example,
        words,
    }
}

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    declares(
        "tcp",
        &[Form {
            params: &[ADDRESS, OPTIONS],
            call: |call| at(call, Protocol::TCP),
        }],
        "Declares a TCP service, or without options finds it or creates it.\n\
         With options, those left out get their defaults; servers stay unless `servers` is given. \
         Without options, a service that only the kernel has is taken over as it stands. The \
         address has a port; port 0 stands for all ports and needs `persistent`.",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"wrr\", forward: \"masq\", servers: [\n    \
         #{ address: \"10.0.0.11:80\", weight: 3 },\n    \"10.0.0.12:80\",\n] });",
        &["-A", "-E", "-t", "--tcp-service", "virtual_server", "VIP"],
    ),
    declares(
        "udp",
        &[Form {
            params: &[ADDRESS, OPTIONS],
            call: |call| at(call, Protocol::UDP),
        }],
        "Declares a UDP service, or without options finds it or creates it.\n\
         As tcp; `one_packet` sends every datagram to a server chosen anew.",
        "udp(\"192.0.2.10:53\", #{ scheduler: \"rr\", one_packet: true })\n    \
         .server(\"10.0.0.11\");",
        &["-A", "-E", "-u", "--udp-service", "virtual_server", "VIP"],
    ),
    declares(
        "sctp",
        &[Form {
            params: &[ADDRESS, OPTIONS],
            call: |call| at(call, Protocol::SCTP),
        }],
        "Declares an SCTP service, or without options finds it or creates it.\n\
         As tcp.",
        "sctp(\"192.0.2.10:3868\", #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] });",
        &["-A", "-E", "--sctp-service", "virtual_server", "VIP"],
    ),
    declares(
        "fwmark",
        &[Form {
            params: &[MARK, OPTIONS],
            call: |call| marked(call, Family::Ipv4),
        }],
        "Declares a service for packets that carry a firewall mark (IPv4).\n\
         `marks` are the rules that set the mark, declared and removed with the service. Servers \
         without a port get the port that the client asked for.",
        "fwmark(666, #{ scheduler: \"rr\", marks: [\n    \
         #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80, 443] },\n\
         ], servers: [\"10.0.0.21\", \"10.0.0.22\"] });",
        &["-f", "--fwmark-service", "pool", "firewall mark"],
    ),
    declares(
        "fwmark6",
        &[Form {
            params: &[MARK, OPTIONS],
            call: |call| marked(call, Family::Ipv6),
        }],
        "Declares a service for packets that carry a firewall mark (IPv6).\n\
         As fwmark; its rules are IPv6 rules.",
        "fwmark6(666, #{\n    \
             marks: [#{ protocol: \"tcp\", to: \"2001:db8::20\", ports: [80, 443] }],\n\
         })\n    \
         .server(\"2001:db8:1::21\");",
        &["-f", "-6", "--fwmark-service", "pool", "firewall mark"],
    ),
    Function {
        name: "find",
        group: Group::Services,
        on: On::Nothing,
        forms: &[Form {
            params: &[Param::new("name", Type::Text)],
            call: find,
        }],
        result: Type::Service,
        doc: "Finds a service by name, and fails where there is none.\n\
              A name is like `tcp 192.0.2.10:80` or `fwmark 666`; a bare address will do where it \
              fits one service only. What the candidate lacks is looked for in the kernel; \
              changing it takes it over as it stands.",
        errors: &[Kind::NotFound, Kind::Ambiguous, Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.12\"] });\n\
                  find(\"192.0.2.10:80\").find(\"10.0.0.12\").set(#{ weight: 0 });",
        words: &["-L", "get", "lookup", "search"],
    },
    Function {
        name: "services",
        group: Group::Services,
        on: On::Nothing,
        forms: &[Form {
            params: &[Param::new("filter", Type::TextOrWhole).optional()],
            call: services,
        }],
        result: Type::Services,
        doc: "Lists the candidate's services: all, or those that fit an address, port or network.\n\
              Services that are not managed by ipvsh are in `live()`.",
        errors: &[Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\n\
                  for s in services(80) { s.set(#{ persistent: 300 }); }\n\
                  print(services(\"192.0.2.0/24\").len());",
        words: &["-L", "-l", "--list", "ls", "show"],
    },
    Function {
        name: "set",
        group: Group::Services,
        on: On::Service,
        forms: &[Form {
            params: &[OPTIONS.required()],
            call: set,
        }],
        result: Type::Service,
        doc: "Changes only the options named of a service, and returns it.\n\
              `forward` changes all its servers. A property does the same on a variable: \
              `let w = find(\"192.0.2.10:80\"); w.scheduler = \"rr\";`",
        errors: &[Kind::Invalid, Kind::NotFound],
        example: "tcp(\"192.0.2.10:80\").set(#{ scheduler: \"sh\", flags: [\"sh-port\"] });",
        words: &["-E", "--edit-service", "edit", "change", "modify"],
    },
    Function {
        name: "remove",
        group: Group::Services,
        on: On::Nothing,
        forms: &[
            Form {
                params: &[SERVICE_PARAM],
                call: remove,
            },
            Form {
                params: &[SERVICE_PARAM, ADDRESS],
                call: remove_server_at,
            },
            Form {
                params: &[Param::new("server", Type::Server)],
                call: remove_server,
            },
            Form {
                params: &[Param::new("setting", Type::Setting)],
                call: super::settings::remove,
            },
        ],
        result: Type::Nothing,
        doc: "Removes a service with its servers and marks, one server, a sync daemon, a vip, a \
              kernel setting, a tunnel device, or maintenance.\n\
              A service may be given by its name. Handles of what was removed raise an error.",
        errors: &[Kind::NotFound, Kind::Ambiguous],
        example: "let web = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] });\n\
                  remove(web, \"10.0.0.12\");\n\
                  remove(web);",
        words: &[
            "-D",
            "--delete-service",
            "-d",
            "--delete-server",
            "delete",
            "del",
            "rm",
        ],
    },
    Function {
        name: "remove_all",
        group: Group::Services,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: remove_all,
        }],
        result: Type::Nothing,
        doc: "Stages the removal of everything: the commit removes what is not declared \
              afterwards.\n\
              What somebody else made stays, and so do connections of services that are declared \
              again: the kernel's table is never cleared.",
        errors: &[],
        example: "remove_all();\ntcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });",
        words: &["-C", "--clear", "flush"],
    },
    Function {
        name: "clear",
        group: Group::Services,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: remove_all,
        }],
        result: Type::Nothing,
        doc: "The old name of remove_all(), in scripts.\n\
              At the prompt clear() removes nothing, and `clear` clears the screen.",
        errors: &[],
        example: "clear();\ntcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\"] });",
        words: &["wipe", "reset"],
    },
];

fn at(call: &Call, protocol: Protocol) -> Result<Dynamic> {
    declare(call, ServiceKey::at(protocol, &call.text(0)?)?)
}

fn marked(call: &Call, family: Family) -> Result<Dynamic> {
    let mark = Fwmark::new(call.whole(0)?)?;
    declare(call, ServiceKey::Fwmark { family, mark })
}

fn declare(call: &Call, key: ServiceKey) -> Result<Dynamic> {
    let options = call.options(1)?;
    let mut session = call.context.session()?;
    match options {
        Some(options) => session
            .declare_service(key, &options)
            .map_err(|error| with_meant(error, &options))?,
        None => session.find_or_create_service(key)?,
    }
    Ok(Dynamic::from(Service(key)))
}

fn find(call: &Call) -> Result<Dynamic> {
    let key = call.context.session()?.find_service(&call.text(0)?)?;
    Ok(Dynamic::from(Service(key)))
}

fn services(call: &Call) -> Result<Dynamic> {
    let filter = filter(call, 0)?;
    let keys = call.context.session()?.services(filter.as_ref())?;
    Ok(keys
        .into_iter()
        .map(|key| Dynamic::from(Service(key)))
        .collect::<Vec<_>>()
        .into())
}

/// A filter, where one was given.
pub(super) fn filter(call: &Call, index: usize) -> Result<Option<Filter>> {
    match call.has(index) {
        true => Filter::parse(&call.text_or_whole(index)?).map(Some),
        false => Ok(None),
    }
}

fn set(call: &Call) -> Result<Dynamic> {
    let service = call.service(0)?;
    let options = call.options(1)?.unwrap_or_default();
    let mut session = call.context.session()?;
    view::service(&mut session, &service.0, |_| ())?;
    session
        .set_service(service.0, &options)
        .map_err(|error| with_meant(error, &options))?;
    Ok(Dynamic::from(service))
}

/// A service, given by its handle or its name.
pub(super) fn service_or_name(call: &Call, index: usize) -> Result<Service> {
    match call.arg(index)?.is_string() {
        true => {
            let name = call.text(index)?;
            call.context.session()?.find_service(&name).map(Service)
        }
        false => call.service(index),
    }
}

fn remove(call: &Call) -> Result<Dynamic> {
    let service = service_or_name(call, 0)?;
    let mut session = call.context.session()?;
    view::service(&mut session, &service.0, |_| ())?;
    session.remove_service(service.0)?;
    Ok(Dynamic::UNIT)
}

/// `remove(service, address)`.
pub(super) fn remove_server_at(call: &Call) -> Result<Dynamic> {
    let service = service_or_name(call, 0)?;
    let mut session = call.context.session()?;
    view::service(&mut session, &service.0, |_| ())?;
    let key = session.find_server(service.0, &call.text(1)?)?;
    session.remove_server(service.0, key)?;
    Ok(Dynamic::UNIT)
}

fn remove_all(call: &Call) -> Result<Dynamic> {
    call.context.session()?.candidate()?.clear();
    Ok(Dynamic::UNIT)
}

/// Handles of a service's servers.
pub(super) fn handles(service: ServiceKey, keys: impl IntoIterator<Item = ServerKey>) -> Dynamic {
    keys.into_iter()
        .map(|key| Dynamic::from(Server { service, key }))
        .collect::<Vec<_>>()
        .into()
}

/// `remove(server)`.
fn remove_server(call: &Call) -> Result<Dynamic> {
    let server = call.server(0)?;
    let mut session = call.context.session()?;
    view::server(&mut session, &server.service, &server.key, |_| ())?;
    session.remove_server(server.service, server.key)?;
    Ok(Dynamic::UNIT)
}
