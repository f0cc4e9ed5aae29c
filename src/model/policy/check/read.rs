//! Reading checks: the value of the option `check`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::super::address::{Family, parse_ip};
use super::super::super::interface::InterfaceName;
use super::super::super::key::Fwmark;
use super::super::super::patch::{Options, text, unknown_option_of, wrong};
use super::definition::{Check, Start};
use super::facts::{
    MOST_CHECKS, OPTIONS, OptionFact, SYNONYMS, TYPE_SYNONYMS, TYPES, TypeFact, Values,
};
use super::kind::{CheckKind, Exec, Http, Tcp, Udp};
use super::pattern::Pattern;
use super::payload::{Payload, no_nul};
use super::placeholder;
use super::reply::Reply;
use super::status::StatusSet;
use super::tls::tls;
use super::{http, route::Route, timing::Timing};
use crate::error::{Error, Result, did_you_mean};

/// The most arguments of a program, and the most bytes of one.
const MOST_ARGUMENTS: usize = 64;
const LONGEST_ARGUMENT: usize = 4096;

impl Check {
    /// Reads the value of the option `check`: a map, a name like `"tcp"`, a list of both, or `()`.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse_all(value: &Value) -> Result<Vec<Check>> {
        let values = match value {
            Value::Null => return Ok(Vec::new()),
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        if values.len() > MOST_CHECKS {
            return Err(
                Error::invalid(format!("check lists {} checks", values.len()))
                    .about("check")
                    .hint(format!("a server has at most {MOST_CHECKS}")),
            );
        }
        values.iter().map(one).collect()
    }
}

fn one(value: &Value) -> Result<Check> {
    let none = Map::new();
    match value {
        Value::String(name) => options(fact(name)?, &none),
        Value::Object(map) => match map.get("type") {
            Some(name) => options(fact(text("type", name)?)?, map),
            None => Err(Error::invalid("the check has no type")
                .about("check")
                .hint(format!("name it first: type: {}", type_names()))),
        },
        other => Err(wrong(
            "check",
            "a map like #{ type: \"http\", path: \"/health\" }, a name like \"tcp\", a list of both, or ()",
            other,
        )),
    }
}

fn type_names() -> String {
    format!("\"{}\"", TYPES.map(|fact| fact.name).join("\", \""))
}

fn fact(name: &str) -> Result<&'static TypeFact> {
    if let Some(fact) = TYPES.iter().find(|fact| fact.name == name) {
        return Ok(fact);
    }
    let lower = name.to_lowercase();
    let synonym = TYPE_SYNONYMS.iter().find(|(theirs, _)| *theirs == lower);
    // A name with a type of ours in it is another type ("https"), not a slip.
    let is_other = TYPES
        .iter()
        .any(|fact| lower != fact.name && lower.contains(fact.name));
    let meant = synonym.map(|(_, ours)| *ours).or_else(|| {
        let names = TYPES.iter().map(|fact| fact.name);
        (!is_other).then(|| did_you_mean(name, names)).flatten()
    });
    let error = Error::invalid(format!("unknown check type \"{name}\"")).about(name);
    Err(error.hint(match meant {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("check types are {}", type_names()),
    }))
}

fn check_names(of: &TypeFact, options: &Options) -> Result<()> {
    let known: Vec<&str> = OPTIONS
        .iter()
        .filter(|option| option.types.contains(&of.name))
        .map(|option| option.name)
        .collect();
    for name in options.keys() {
        if name == "type" || known.contains(&name.as_str()) {
            continue;
        }
        let lower = name.to_lowercase();
        let synonym = SYNONYMS
            .iter()
            .find(|(theirs, ours)| *theirs == lower && known.contains(ours))
            .map(|(_, ours)| *ours);
        let types = OPTIONS.iter().find(|option| option.name == name);
        let what = format!("a check of type \"{}\"", of.name);
        if let (None, Some(option)) = (synonym, types) {
            return Err(Error::invalid(format!("{what} has no option \"{name}\""))
                .about(name)
                .hint(format!("it is an option of {}", option.types.join(", "))));
        }
        let meant = synonym.or_else(|| did_you_mean(name, known.iter().copied()));
        return Err(unknown_option_of(&what, name, meant, &known));
    }
    Ok(())
}

fn options(of: &TypeFact, options: &Options) -> Result<Check> {
    check_names(of, options)?;
    if let Some(needed) = of.needs
        && !options.contains_key(needed)
    {
        let name = of.name;
        return Err(Error::invalid(format!(
            "a check of type \"{name}\" needs the option {needed}"
        ))
        .about(name)
        .hint(example(needed)));
    }
    let mut check = Check {
        kind: kind(of, options)?,
        timing: Timing::default(),
        route: route(options)?,
        start: Start::default(),
    };
    let timing = &mut check.timing;
    for (name, value) in options {
        match name.as_str() {
            "interval" => timing.interval = number(name, value)?,
            "retry_interval" => timing.retry_interval = number(name, value)?,
            "timeout" => timing.timeout = number(name, value)?,
            "rise" => timing.rise = number(name, value)?,
            "fall" => timing.fall = number(name, value)?,
            "start" => {
                check.start = match word(name, value)? {
                    "up" => Start::Up,
                    "wait" => Start::Wait,
                    _ => Start::Auto,
                }
            }
            _ => {}
        }
    }
    Ok(check)
}

fn example(option: &str) -> &'static str {
    match option {
        "payload" => "like #{ type: \"udp\", payload: \"hex:00 01\" }",
        _ => {
            "like #{ type: \"exec\", command: [\"/usr/local/bin/check-app\", \"{address}\", \"{port}\"] }"
        }
    }
}

fn route(options: &Options) -> Result<Route> {
    let mut route = Route::default();
    for (name, value) in options {
        match name.as_str() {
            "address" => route.address = Some(parse_ip(text(name, value)?)?),
            "source" => route.source = Some(parse_ip(text(name, value)?)?),
            "port" => {
                let port = number(name, value)?;
                route.port = u16::try_from(port).ok();
            }
            "interface" => {
                route.interface = Some(InterfaceName::parse(text(name, value)?)?.of_device()?);
            }
            "mark" => {
                route.mark = Some(match value {
                    Value::String(text) => Fwmark::parse(text)?,
                    value => Fwmark::new(i64::from(number(name, value)?))?,
                });
            }
            _ => {}
        }
    }
    if let (Some(address), Some(source)) = (route.address, route.source)
        && Family::of(address) != Family::of(source)
    {
        return Err(
            Error::invalid(format!("no packet goes from {source} to {address}"))
                .about("source")
                .hint("source and address are of one family"),
        );
    }
    Ok(route)
}

fn kind(of: &TypeFact, options: &Options) -> Result<CheckKind> {
    let kind = match of.name {
        "tcp" => CheckKind::Tcp(tcp(options)?),
        "http" => CheckKind::Http(http_kind(options)?),
        "https" => CheckKind::Http(Http {
            tls: Some(tls(options)?),
            ..http_kind(options)?
        }),
        "udp" => CheckKind::Udp(udp(options)?),
        "exec" => CheckKind::Exec(exec(options)?),
        _ => CheckKind::Ping,
    };
    Ok(kind)
}

fn tcp(options: &Options) -> Result<Tcp> {
    let mut tcp = Tcp::default();
    for (name, value) in options {
        match name.as_str() {
            "send" => tcp.send = Some(payload(name, value)?),
            "expect" => tcp.expect = Some(pattern(name, value)?),
            _ => {}
        }
    }
    Ok(tcp)
}

fn http_kind(options: &Options) -> Result<Http> {
    let mut kind = Http::default();
    for (name, value) in options {
        match name.as_str() {
            "path" => kind.path = http::path(name, value)?,
            "method" => kind.method = word(name, value)?.to_owned(),
            "host" => kind.host = Some(http::host(name, value)?),
            "headers" => kind.headers = http::headers(name, value)?,
            "status" => kind.status = StatusSet::read(name, value)?,
            "body" => kind.body = Some(pattern(name, value)?),
            _ => {}
        }
    }
    if kind.method == "HEAD" && kind.body.is_some() {
        return Err(Error::invalid("the answer to HEAD has no body")
            .about("body")
            .hint("leave body out, or ask by GET"));
    }
    Ok(kind)
}

fn udp(options: &Options) -> Result<Udp> {
    let mut reply = Reply::default();
    let mut sent = None;
    for (name, value) in options {
        match name.as_str() {
            "payload" => sent = Some(payload(name, value)?),
            "reply" => reply = Reply::read(name, value).map_err(|error| error.about(name))?,
            _ => {}
        }
    }
    // The caller has refused a map without it.
    let payload = match sent {
        Some(payload) => payload,
        None => Payload::parse("")?,
    };
    Ok(Udp { payload, reply })
}

fn exec(options: &Options) -> Result<Exec> {
    let mut exec = Exec {
        command: Vec::new(),
        user: Exec::USER.to_owned(),
        env: BTreeMap::new(),
    };
    for (name, value) in options {
        match name.as_str() {
            "command" => exec.command = command(name, value)?,
            "user" => exec.user = user(name, value)?,
            "env" => exec.env = env(name, value)?,
            _ => {}
        }
    }
    Ok(exec)
}

fn command(name: &str, value: &Value) -> Result<Vec<String>> {
    let Value::Array(values) = value else {
        let error = wrong(name, "a list of texts", value);
        return Err(match value.as_str() {
            Some(line) => {
                let words: Vec<String> =
                    line.split_whitespace().map(|w| format!("{w:?}")).collect();
                error.hint(format!(
                    "no shell splits it: command: [{}]",
                    words.join(", ")
                ))
            }
            None => error.hint(example(name)),
        });
    };
    let command = values
        .iter()
        .map(|value| text(name, value).map(str::to_owned))
        .collect::<Result<Vec<_>>>()?;
    let program = command.first().map(String::as_str).unwrap_or_default();
    if !program.starts_with('/') || program.contains(['{', '}']) {
        return Err(Error::invalid(format!(
            "\"{program}\" is not the absolute path of a program"
        ))
        .about(program)
        .about(name)
        .hint(example(name)));
    }
    if command.len() > MOST_ARGUMENTS || command.iter().any(|part| part.len() > LONGEST_ARGUMENT) {
        return Err(Error::invalid(format!("{name} is too long"))
            .about(name)
            .hint(format!(
                "a program has at most {MOST_ARGUMENTS} arguments of {LONGEST_ARGUMENT} bytes"
            )));
    }
    for part in &command {
        no_nul(name, part)?;
        placeholder::check(part).map_err(|error| error.about(name))?;
    }
    Ok(command)
}

fn user(name: &str, value: &Value) -> Result<String> {
    let user = text(name, value)?;
    let is_plain = !user.is_empty()
        && user.len() <= 256
        && user
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && c != ':');
    if !is_plain {
        return Err(
            Error::invalid(format!("\"{user}\" is not the name of a user"))
                .about(user)
                .about(name)
                .hint("like \"nobody\""),
        );
    }
    Ok(user.to_owned())
}

fn env(name: &str, value: &Value) -> Result<BTreeMap<String, String>> {
    let map = value
        .as_object()
        .ok_or_else(|| wrong(name, "a map like #{ MODE: \"fast\" }", value))?;
    let mut env = BTreeMap::new();
    for (variable, value) in map {
        let value = text(variable, value)?;
        if variable.is_empty() || variable.contains('=') {
            return Err(
                Error::invalid(format!("\"{variable}\" is not the name of a variable"))
                    .about(variable)
                    .about(name),
            );
        }
        no_nul(name, variable)?;
        no_nul(variable, value)?;
        env.insert(variable.clone(), value.to_owned());
    }
    Ok(env)
}

fn payload(name: &str, value: &Value) -> Result<Payload> {
    Payload::parse(text(name, value)?).map_err(|error| error.about(name))
}

fn pattern(name: &str, value: &Value) -> Result<Pattern> {
    Pattern::parse(text(name, value)?).map_err(|error| error.about(name))
}

fn row(name: &str) -> Option<&'static OptionFact> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// Reads a number in the range of its row; seconds become milliseconds.
fn number(name: &str, value: &Value) -> Result<u32> {
    let row = row(name);
    let (given, least, most) = match row.map(|row| row.values) {
        Some(Values::Seconds { least, most, .. }) => {
            let seconds = value
                .as_f64()
                .ok_or_else(|| wrong(name, "seconds, like 3 or 0.5", value))?;
            ((seconds * 1000.0).round(), least, most)
        }
        Some(Values::Number { least, most, .. }) => {
            let number = value
                .as_i64()
                .ok_or_else(|| wrong(name, "a whole number", value))?;
            (number as f64, least, most)
        }
        _ => return Err(wrong(name, "no number", value)),
    };
    // Both bounds are exact in a double, and so is every whole number between them.
    if given >= f64::from(least) && given <= f64::from(most) {
        return Ok(given as u32);
    }
    let range = row.map(OptionFact::range).unwrap_or_default();
    Err(Error::invalid(format!("{name} {value} is out of range"))
        .about(name)
        .hint(format!("{name} is {range}")))
}

/// Reads one of the words of its row.
fn word(name: &str, value: &Value) -> Result<&'static str> {
    let typed = text(name, value)?;
    let row = row(name);
    let words = match row.map(|row| row.values) {
        Some(Values::Words(words)) => words,
        _ => &[],
    };
    words
        .iter()
        .copied()
        .find(|word| *word == typed)
        .ok_or_else(|| {
            let error = Error::invalid(format!("unknown {name} \"{typed}\"")).about(typed);
            error.hint(match did_you_mean(typed, words.iter().copied()) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!(
                    "{name} is {}",
                    row.map(OptionFact::range).unwrap_or_default()
                ),
            })
        })
}
