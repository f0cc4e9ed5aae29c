//! Facts: real servers.

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::SERVER;
use super::services::{filter, handles};
use super::types::Type;
use super::value::Server;
use super::view;
use crate::error::{Kind, Result};
use crate::model::ServerKey;

const ADDRESS: Param = Param::new("address", Type::Text);
const OPTIONS: Param = Param::options(SERVER);

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "server",
        group: Group::Servers,
        on: On::Service,
        forms: &[Form {
            params: &[ADDRESS, OPTIONS],
            call: server,
        }],
        result: Type::Server,
        doc: "Declares a real server of a service, or without options finds it or creates it.\n\
              With options, those left out get their defaults. Without a port the server gets its \
              service's port (of a fwmark service: the port that the client asked for).",
        errors: &[Kind::Invalid, Kind::NotFound],
        example: "let web = tcp(\"192.0.2.10:80\");\n\
                  web.server(\"10.0.0.13\", #{ forward: \"masq\", weight: 2 });",
        words: &[
            "-a",
            "-e",
            "--add-server",
            "-r",
            "real_server",
            "RIP",
            "destination",
        ],
    },
    Function {
        name: "find",
        group: Group::Servers,
        on: On::Service,
        forms: &[Form {
            params: &[ADDRESS],
            call: find,
        }],
        result: Type::Server,
        doc: "Finds a real server of a service, and fails where there is none.\n\
              Without a port it finds the one server of that address.",
        errors: &[Kind::NotFound, Kind::Ambiguous, Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.12\"] })\n    \
                  .find(\"10.0.0.12:80\").set(#{ weight: 0 });",
        words: &["-L", "get", "lookup"],
    },
    Function {
        name: "servers",
        group: Group::Servers,
        on: On::Service,
        forms: &[Form {
            params: &[],
            call: servers_of,
        }],
        result: Type::Servers,
        doc: "Lists a service's real servers.\n\
              As the candidate has them; of a service that only the kernel has, as that has them.",
        errors: &[Kind::NotFound],
        example: "let web = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] });\n\
                  for s in web.servers() { print(`${s.address} ${s.weight}`); }",
        words: &["-L", "--list"],
    },
    Function {
        name: "servers",
        group: Group::Servers,
        on: On::Nothing,
        forms: &[Form {
            params: &[Param::new("filter", Type::TextOrWhole).optional()],
            call: servers,
        }],
        result: Type::Servers,
        doc: "Lists real servers over all services: all, or those that fit an address, port or network.\n\
              One machine that serves several services is there once for each.",
        errors: &[Kind::Invalid],
        example: "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.11\", \"10.0.0.12\"] });\n\
                  for s in servers(\"10.0.0.11\") { s.set(#{ weight: 0 }); }",
        words: &["-L", "--list", "maintenance"],
    },
    Function {
        name: "set",
        group: Group::Servers,
        on: On::Server,
        forms: &[Form {
            params: &[OPTIONS.required()],
            call: set,
        }],
        result: Type::Server,
        doc: "Changes only the options named of a real server, and returns it.\n\
              A property does the same on a variable: `s.weight = 0;`",
        errors: &[Kind::Invalid, Kind::NotFound],
        example: "tcp(\"192.0.2.10:80\").server(\"10.0.0.11\").set(#{ weight: 0 });",
        words: &["-e", "--edit-server", "quiesce", "edit", "change", "modify"],
    },
];

fn server(call: &Call) -> Result<Dynamic> {
    let service = call.service(0)?.0;
    let key = ServerKey::parse(&call.text(1)?, &service)?;
    let options = call.options(2)?;
    let mut session = call.context.session()?;
    view::service(&mut session, &service, |_| ())?;
    match options {
        Some(options) => session.declare_server(service, key, &options)?,
        None => session.find_or_create_server(service, key)?,
    }
    Ok(Dynamic::from(Server { service, key }))
}

fn find(call: &Call) -> Result<Dynamic> {
    let service = call.service(0)?.0;
    let mut session = call.context.session()?;
    view::service(&mut session, &service, |_| ())?;
    let key = session.find_server(service, &call.text(1)?)?;
    Ok(Dynamic::from(Server { service, key }))
}

fn servers_of(call: &Call) -> Result<Dynamic> {
    let service = call.service(0)?.0;
    let mut session = call.context.session()?;
    view::service(&mut session, &service, |s| {
        handles(service, s.servers.keys().copied())
    })
}

fn servers(call: &Call) -> Result<Dynamic> {
    let filter = filter(call, 0)?;
    let all = call.context.session()?.servers(filter.as_ref())?;
    Ok(all
        .into_iter()
        .map(|(service, key)| Dynamic::from(Server { service, key }))
        .collect::<Vec<_>>()
        .into())
}

fn set(call: &Call) -> Result<Dynamic> {
    let server = call.server(0)?;
    let options = call.options(1)?.unwrap_or_default();
    let mut session = call.context.session()?;
    view::server(&mut session, &server.service, &server.key, |_| ())?;
    session.set_server(server.service, server.key, &options)?;
    Ok(Dynamic::from(server))
}
