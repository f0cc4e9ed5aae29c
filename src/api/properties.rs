//! Properties of handles, reports and errors: `w.scheduler`, `s.weight = 0`, `err.kind`.
//!
//! They are registered as indexers, which Rhai asks for any property that has no getter: so a
//! name that does not exist is answered with the names that do.

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, NativeCallContext};
use serde_json::Value;

use super::context::Context;
use super::fact::{On, Opt, Property};
use super::options::{DAEMON, MAINTENANCE, SERVER, SERVICE, SYSCTL, TUNNEL_DEVICE, VIP};
use super::report::Field;
use super::services::handles;
use super::types::Type;
use super::value::{Divergence, Outcome, Raised, Server, Service, SettingHandle, raise};
use super::values::with_meant;
use super::{convert, report, view};
use crate::error::{Error, Result, did_you_mean};
use crate::model::patch::SERVICE_S;
use crate::model::{
    EntryKey, EntryValue, Forwarding, MarkKey, Options, ServerKey, ServerPolicy, ServiceKey,
    SettingKind, json,
};

/// A property of a service that can only be read.
const fn of_service(name: &'static str, gives: Type, doc: &'static str) -> Property {
    Property {
        on: On::Service,
        name,
        gives,
        doc,
    }
}

/// A property of a server that can only be read.
const fn of_server(name: &'static str, gives: Type, doc: &'static str) -> Property {
    Property {
        on: On::Server,
        name,
        gives,
        doc,
    }
}

/// The properties that can only be read; options can be read and set.
pub const READ_ONLY: &[Property] = &[
    of_service("name", Type::Text, "Its full name: tcp 192.0.2.10:80."),
    of_service(
        "protocol",
        Type::Text,
        "tcp, udp or sctp; () for a mark's service.",
    ),
    of_service("address", Type::Text, "The VIP; () for a mark's service."),
    of_service("port", Type::Whole, "The port; () for a mark's service."),
    of_service("mark", Type::Whole, "The mark; () for an address."),
    of_service("family", Type::Text, "ipv4 or ipv6."),
    of_service("active", Type::Whole, "Active connections, live."),
    of_service("inactive", Type::Whole, "Inactive connections, live."),
    of_server("name", Type::Text, "Its address and port."),
    of_server("address", Type::Text, "Its address, without the port."),
    of_server(
        "port",
        Type::Whole,
        "Its port; 0: the one that the client asked for.",
    ),
    of_server("service", Type::Service, "The service that it belongs to."),
    of_server("active", Type::Whole, "Active connections, live."),
    of_server("inactive", Type::Whole, "Inactive connections, live."),
    of_server(
        "persistent_connections",
        Type::Whole,
        "Clients that are bound to it, live.",
    ),
];

/// Makes the properties known to an engine.
pub(super) fn register(engine: &mut Engine, context: &Rc<Context>) {
    readable(
        engine,
        context,
        "a virtual service",
        service_names,
        get_service,
    );
    writable(
        engine,
        context,
        "a virtual service",
        service_names,
        set_service,
    );
    readable(engine, context, "a real server", server_names, get_server);
    writable(engine, context, "a real server", server_names, set_server);
    readable(
        engine,
        context,
        Type::Setting.words(),
        setting_names,
        get_setting,
    );
    writable(
        engine,
        context,
        Type::Setting.words(),
        setting_names,
        set_setting,
    );
    readable(
        engine,
        context,
        "a report",
        || result_names(report::REPORT),
        |_, it: &Outcome, name| Ok(from_data(report::get(report::REPORT, &it.0, name))),
    );
    readable(
        engine,
        context,
        "a difference",
        || result_names(report::DIFFERENCE),
        |_, it: &Divergence, name| Ok(from_data(report::get(report::DIFFERENCE, &it.0, name))),
    );
    readable(
        engine,
        context,
        "an error",
        || result_names(report::ERROR),
        |_, it: &Raised, name| Ok(from_data(report::get(report::ERROR, &it.0, name))),
    );
}

/// The properties of a type's values: each with its type and what it is.
pub fn of_type(value: Type) -> Vec<(&'static str, Type, &'static str)> {
    let options = |on: On, list: &'static [Opt]| {
        let read_only = READ_ONLY.iter().filter(move |p| p.on == on);
        list.iter()
            .map(|o| (o.name, held(o), o.doc))
            .chain(read_only.map(|p| (p.name, p.gives, p.doc)))
            .collect()
    };
    match value {
        Type::Service => options(On::Service, SERVICE),
        Type::Server => options(On::Server, SERVER),
        Type::Daemon => described(DAEMON, &[ROLE]),
        Type::Vip => described(VIP, &[ADDRESS, PREFIX]),
        Type::Sysctl => described(SYSCTL, &[NAME]),
        Type::TunnelDevice => described(TUNNEL_DEVICE, &[NAME]),
        Type::Maintenance | Type::SomeMaintenance => described(MAINTENANCE, &[NAME, SINCE, BY]),
        Type::Setting => {
            let names = setting_names().into_iter();
            names.map(|name| (name, Type::Any, "")).collect()
        }
        Type::Report => of_result(report::REPORT),
        Type::Difference => of_result(report::DIFFERENCE),
        Type::Snapshot => of_result(report::SNAPSHOT),
        _ => Vec::new(),
    }
}

fn of_result<T>(fields: &'static [Field<T>]) -> Vec<(&'static str, Type, &'static str)> {
    let fields = report::certain(fields);
    fields.map(|(name, gives)| (name, gives, "")).collect()
}

/// What an option is as a property: `servers` holds handles.
fn held(option: &Opt) -> Type {
    match option.name {
        "servers" => Type::Servers,
        _ => option.takes,
    }
}

type Names = fn() -> Vec<&'static str>;

fn service_names() -> Vec<&'static str> {
    names_of(On::Service, SERVICE)
}

fn server_names() -> Vec<&'static str> {
    names_of(On::Server, SERVER)
}

fn names_of(on: On, options: &'static [Opt]) -> Vec<&'static str> {
    let read_only = READ_ONLY.iter().filter(|p| p.on == on).map(|p| p.name);
    options.iter().map(|o| o.name).chain(read_only).collect()
}

/// What names a setting, beside its options.
type Described = (&'static str, Type, &'static str);
const ROLE: Described = ("role", Type::Text, "\"master\" or \"backup\".");
const ADDRESS: Described = ("address", Type::Text, "The address.");
const PREFIX: Described = ("prefix", Type::Whole, "The length of the prefix.");
const NAME: Described = ("name", Type::Text, "The name.");
const SINCE: Described = (
    "since",
    Type::Text,
    "When it was recorded; () where nobody knows.",
);
const BY: Described = (
    "by",
    Type::Text,
    "The author who recorded it; () where nobody knows.",
);

fn described(options: &'static [Opt], more: &[Described]) -> Vec<Described> {
    let options = options.iter().map(|o| (o.name, o.takes, o.doc));
    options.chain(more.iter().copied()).collect()
}

fn setting_names() -> Vec<&'static str> {
    let options = [DAEMON, VIP, SYSCTL, TUNNEL_DEVICE, MAINTENANCE]
        .into_iter()
        .flatten();
    let more = [ROLE, ADDRESS, PREFIX, NAME, SINCE, BY].map(|(name, _, _)| name);
    let mut names: Vec<&str> = options.map(|o| o.name).chain(more).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn result_names<T>(fields: &'static [Field<T>]) -> Vec<&'static str> {
    report::certain(fields).map(|(name, _)| name).collect()
}

fn from_data(value: Option<Value>) -> Option<Dynamic> {
    value.as_ref().map(convert::from_json)
}

/// Registers the reading of a type's properties; `None` is a name that does not exist.
fn readable<T: Clone + 'static>(
    engine: &mut Engine,
    context: &Rc<Context>,
    what: &'static str,
    names: Names,
    get: fn(&Context, &T, &str) -> Result<Option<Dynamic>>,
) {
    let context = Rc::clone(context);
    FuncRegistration::new_index_getter()
        .with_volatility(true)
        .register_into_engine(
            engine,
            move |native: NativeCallContext, it: &mut T, name: ImmutableString| {
                let found = get(&context, it, &name)
                    .and_then(|value| value.ok_or_else(|| unknown(what, &name, &names())));
                fail(&context, &native, found)
            },
        );
}

/// Registers the setting of a type's properties.
fn writable<T: Clone + 'static>(
    engine: &mut Engine,
    context: &Rc<Context>,
    what: &'static str,
    names: Names,
    set: fn(&Context, &T, &str, &Dynamic) -> Result<()>,
) {
    let context = Rc::clone(context);
    // Pure: a handle is a name, and setting what it names does not change the name; so a
    // constant handle can be set through.
    FuncRegistration::new_index_setter()
        .with_purity(true)
        .with_volatility(true)
        .register_into_engine(
            engine,
            move |native: NativeCallContext, it: &mut T, name: ImmutableString, value: Dynamic| {
                let known = names().contains(&name.as_str());
                let read_only = READ_ONLY.iter().any(|p| p.name == name.as_str());
                let done = match (known, read_only) {
                    (false, _) => Err(unknown(what, &name, &names())),
                    (true, true) => Err(fixed(&name)),
                    (true, false) => set(&context, it, &name, &value.flatten()),
                };
                fail(&context, &native, done)
            },
        );
}

fn fail<T>(
    context: &Context,
    native: &NativeCallContext,
    result: Result<T>,
) -> std::result::Result<T, Box<EvalAltResult>> {
    result.map_err(|error| {
        let position = native.call_position();
        match context.place(native.call_source(), position) {
            Some(place) => raise(error.at(place), position),
            None => raise(error, position),
        }
    })
}

fn unknown(what: &str, name: &str, names: &[&'static str]) -> Error {
    let close = did_you_mean(name, names.iter().copied());
    Error::invalid(format!("{what} has no property \"{name}\""))
        .about(name)
        .hint(match close {
            Some(close) => format!("did you mean \"{close}\"?"),
            None if SERVER.iter().any(|option| option.name == name) => {
                "it belongs to a real server: service.find(address)".to_owned()
            }
            None if SERVICE.iter().any(|option| option.name == name) => {
                "it belongs to a virtual service: server.service".to_owned()
            }
            None => format!("it has {}", names.join(", ")),
        })
}

fn fixed(name: &str) -> Error {
    let hint = match name {
        "active" | "inactive" | "persistent_connections" => {
            "it is counted by the kernel".to_owned()
        }
        _ => "it is part of the name: declare another object, and remove(...) this one".to_owned(),
    };
    Error::invalid(format!("\"{name}\" can only be read"))
        .about(name)
        .hint(hint)
}

fn get_service(context: &Context, it: &Service, name: &str) -> Result<Option<Dynamic>> {
    let key = it.0;
    let mut session = match name {
        "active" | "inactive" => context.session_with_counters()?,
        _ => context.session()?,
    };
    // A handle of what is gone says so, whatever is asked of it.
    let options = view::service(&mut session, &key, |s| {
        let mut options = json::service_options(&s.options, key.family());
        options.extend(s.policy.json());
        options
    })?;
    if let Some(value) = options.get(name) {
        return Ok(Some(convert::from_json(value)));
    }
    let value = match name {
        "name" => Dynamic::from(key.to_string()),
        "protocol" | "address" | "port" | "mark" => {
            return Ok(Some(
                from_data(json::service_key(&key).get(name).cloned()).unwrap_or(Dynamic::UNIT),
            ));
        }
        "family" => Dynamic::from(key.family().name().to_owned()),
        "active" => count(session.live_with(&key)?.service_counts(&key).active),
        "inactive" => count(session.live_with(&key)?.service_counts(&key).inactive),
        "forward" => {
            let candidate = session.candidate_with(&key)?;
            let forward = candidate.forward_of(&key);
            let own = candidate.service(&key).is_ok();
            let forward = match own {
                true => forward,
                false => view::service(&mut session, &key, |s| {
                    s.servers.values().next().map(|server| server.forward)
                })?
                .unwrap_or_default(),
            };
            Dynamic::from(Forwarding::name(forward).to_owned())
        }
        "servers" => view::service(&mut session, &key, |s| {
            handles(key, s.servers.keys().copied())
        })?,
        "marks" => marks(context_rules(&mut session, &key)?),
        // At their default: no check, by protocol, no source NAT.
        "check" | "on_fail" => Dynamic::UNIT,
        "snat" => Dynamic::FALSE,
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn context_rules(
    session: &mut crate::director::Session,
    key: &ServiceKey,
) -> Result<Vec<crate::model::MarkRule>> {
    let Some(mark) = MarkKey::of_service(key) else {
        return Ok(Vec::new());
    };
    let candidate = session.candidate_with(key)?;
    match candidate.service(key) {
        Ok(_) => Ok(candidate.rules().rules_of(mark)),
        Err(_) => Ok(session.live_with(key)?.rules.rules_of(mark)),
    }
}

/// Rules as `marks` takes them: without the mark, which is the service's.
fn marks(rules: Vec<crate::model::MarkRule>) -> Dynamic {
    rules
        .iter()
        .map(|rule| {
            let mut map = json::mark(rule);
            map.shift_remove("mark");
            Dynamic::from_map(convert::map(&map))
        })
        .collect::<Vec<_>>()
        .into()
}

fn count(number: u32) -> Dynamic {
    Dynamic::from(i64::from(number))
}

fn set_service(context: &Context, it: &Service, name: &str, value: &Dynamic) -> Result<()> {
    let mut session = context.session()?;
    view::service(&mut session, &it.0, |_| ())?;
    if name == "servers" && same_servers(&mut session, &it.0, value)? {
        return Ok(());
    }
    let options = one(name, convert::declared(&mut session, value)?);
    session
        .set_service(it.0, &options)
        .map_err(|error| with_meant(error, &options))
}

/// Says whether an array holds the very servers that the service has: `w.servers[0].weight = 5`
/// reads the array, sets the weight, and sets the array to what it was.
fn same_servers(
    session: &mut crate::director::Session,
    key: &ServiceKey,
    value: &Dynamic,
) -> Result<bool> {
    let Some(array) = value.read_lock::<rhai::Array>() else {
        return Ok(false);
    };
    let given: Option<Vec<ServerKey>> = array
        .iter()
        .map(|element| {
            let server = element.read_lock::<Server>()?;
            (server.service == *key).then_some(server.key)
        })
        .collect();
    let standing: Vec<ServerKey> =
        view::service(session, key, |s| s.servers.keys().copied().collect())?;
    Ok(given.is_some_and(|given| given == standing))
}

fn one(name: &str, value: Value) -> Options {
    Options::from_iter([(name.to_owned(), value)])
}

fn get_server(context: &Context, it: &Server, name: &str) -> Result<Option<Dynamic>> {
    let mut session = match name {
        "active" | "inactive" | "persistent_connections" => context.session_with_counters()?,
        _ => context.session()?,
    };
    let server = view::server(&mut session, &it.service, &it.key, |server| *server)?;
    if let Some(value) = json::server_options(&server).get(name) {
        return Ok(Some(convert::from_json(value)));
    }
    if let "check" | "host" = name {
        let rules = session.candidate_with(&it.service)?.rules();
        let policy = rules.services.get(&it.service);
        let policy = policy.and_then(|service| service.server_policies.get(&it.key));
        let policy = policy.map(ServerPolicy::json).unwrap_or_default();
        return Ok(Some(match (policy.get(name), name) {
            (Some(value), _) => convert::from_json(value),
            (None, "check") => Dynamic::from(SERVICE_S.to_owned()),
            (None, _) => Dynamic::UNIT,
        }));
    }
    let mut counts = || {
        session
            .live_with(&it.service)
            .map(|live| live.counts_of(&it.service, &it.key))
    };
    let value = match name {
        "name" => Dynamic::from(it.key.to_string()),
        "address" => Dynamic::from(it.key.addr.to_string()),
        "port" => Dynamic::from(i64::from(it.key.port)),
        "service" => Dynamic::from(Service(it.service)),
        "active" => count(counts()?.active),
        "inactive" => count(counts()?.inactive),
        "persistent_connections" => count(counts()?.persistent),
        // Shown in JSON for tunnels only.
        "tunnel" => Dynamic::from_map(convert::map(&one("type", Value::from("ipip")))),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn set_server(context: &Context, it: &Server, name: &str, value: &Dynamic) -> Result<()> {
    let mut session = context.session()?;
    view::server(&mut session, &it.service, &it.key, |_| ())?;
    let options = one(name, convert::declared(&mut session, value)?);
    session.set_server(it.service, it.key, &options)
}

fn get_setting(context: &Context, it: &SettingHandle, name: &str) -> Result<Option<Dynamic>> {
    let mut session = context.session()?;
    let whole = view::setting(&mut session, it.0)?.whole_json(it.0);
    Ok(match from_data(whole.get(name).cloned()) {
        Some(value) => Some(value),
        // JSON leaves out of a sync daemon what is the kernel's choice.
        None if it.0.kind() == SettingKind::SyncDaemon => {
            let known = DAEMON.iter().any(|option| option.name == name);
            known.then_some(Dynamic::UNIT)
        }
        None => None,
    })
}

fn set_setting(context: &Context, it: &SettingHandle, name: &str, value: &Dynamic) -> Result<()> {
    let mut session = context.session()?;
    let options = one(name, convert::declared(&mut session, value)?);
    let standing = view::setting(&mut session, it.0)?;
    let changed = session
        .changed_setting(it.0, &standing, &options)
        .map_err(|error| error.object(it.0))?;
    let changed = Some(EntryValue::Setting(changed));
    session.settings()?.put(EntryKey::Setting(it.0), changed);
    Ok(())
}
