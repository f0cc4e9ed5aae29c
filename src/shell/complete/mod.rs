//! Completion: what could stand at the cursor. Pure, but for what it asks of the world.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::context::{Place, Value};
use super::words::WORDS;
use super::world::World;
use super::{split, standard, verbs};
use crate::api::names::Names;
use crate::api::options::SERVICE;
use crate::api::{Function, On, Opt, Type, functions, properties};
use crate::model::{InterfaceName, ServiceKey, Snapshot, SysctlName};
use crate::views::View;

/// Something that could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is put in.
    pub text: String,
    /// What the list shows.
    pub shown: String,
}

impl Candidate {
    fn plain(text: impl Into<String>) -> Candidate {
        let text = text.into();
        Candidate {
            shown: text.trim_end().to_owned(),
            text,
        }
    }
}

/// What could stand at a place of a line, and where what is typed of it begins.
pub fn complete(line: &str, position: usize, world: &dyn World) -> (usize, Vec<Candidate>) {
    if let Some((start, begun)) = topic(line, position) {
        return (start, of_topics(begun));
    }
    if let Some(found) = verb(line, position, world) {
        return found;
    }
    let place = Place::of(line, position);
    if place.is_dead {
        return (position, Vec::new());
    }
    let mut found = match () {
        () if place.in_text => in_text(&place, line.get(position..).unwrap_or_default(), world),
        () if place.is_behind(".") || place.is_behind("?.") => members(&place, world),
        () => match keys(&place, world) {
            Some(keys) => keys,
            None => names(&place, world),
        },
    };
    found.sort_by_key(|one| natural(&one.text));
    found.dedup_by(|a, b| a.text == b.text);
    (place.start, found)
}

/// The part of a line that holds a verb of the command line, where it does.
pub(super) fn command_of<'l>(line: &'l str, world: &dyn World) -> Option<&'l str> {
    verbs::command_of(line, world.verbs(), &variables(world))
}

/// The names of the variables that there are.
pub(super) fn variables(world: &dyn World) -> Vec<String> {
    let variables = world.variables().into_iter();
    variables.map(|(name, _)| name).collect()
}

/// What the word at the cursor may become behind a verb.
fn verb(line: &str, position: usize, world: &dyn World) -> Option<(usize, Vec<Candidate>)> {
    let before = line.get(..position)?;
    command_of(before, world)?;
    // The blanks at the end are of interest here: a new word begins behind them.
    let command = match verbs::behind_program(before) {
        Some("") => "",
        Some(rest) => before.get(before.rfind(rest)?..)?,
        None => before.trim_start(),
    };
    let (words, begun, start) = verbs::at_end(command)?;
    let is_explicit = verbs::behind_program(before).is_some();
    if !is_explicit && words.is_empty() {
        return None;
    }
    let offers = match world.verb_words(&words, &begun) {
        Some(offers) => offers,
        None => world
            .files(&begun)
            .into_iter()
            .map(|file| (file, String::new()))
            .collect(),
    };
    let fitting = offers
        .into_iter()
        .filter(|(word, _)| word.starts_with(&begun));
    let candidate = |(word, what): verbs::Offer| Candidate {
        text: split::typed(&word),
        shown: noted(&word, &what),
    };
    let mut found: Vec<Candidate> = fitting.map(candidate).collect();
    found.sort_by_key(|one| natural(&one.text));
    found.dedup_by(|a, b| a.text == b.text);
    Some((position - (command.len() - start), found))
}

/// Numbers in texts count as numbers, before letters: 10.0.0.9 comes before 10.0.0.10.
fn natural(text: &str) -> Vec<(bool, u64, char)> {
    let mut keys = Vec::new();
    let mut number: Option<u64> = None;
    for character in text.chars() {
        match character.to_digit(10) {
            Some(digit) => {
                let so_far = number.unwrap_or(0);
                number = Some(so_far.saturating_mul(10).saturating_add(u64::from(digit)));
            }
            None => {
                keys.extend(number.take().map(|number| (false, number, ' ')));
                keys.push((true, 0, character));
            }
        }
    }
    keys.extend(number.map(|number| (false, number, ' ')));
    keys
}

/// A topic at the cursor: `?ser`, `help ser`.
fn topic(line: &str, position: usize) -> Option<(usize, &str)> {
    let before = line.get(..position)?;
    let trimmed = before.trim_start();
    let rest = match trimmed.strip_prefix('?') {
        Some(rest) => rest,
        None => trimmed.strip_prefix("help ")?,
    };
    let begun = rest.trim_start();
    let plain = begun
        .chars()
        .all(|c| c.is_alphanumeric() || "_-.".contains(c));
    plain.then(|| (position - begun.len(), begun))
}

fn of_topics(begun: &str) -> Vec<Candidate> {
    let mut names: Vec<String> = functions().map(Function::full_name).collect();
    names.extend(functions().map(|function| function.name.to_owned()));
    names.extend(SERVICE.iter().map(|option| option.name.to_owned()));
    names.retain(|name| name.starts_with(begun));
    names.sort();
    names.dedup();
    names.into_iter().map(Candidate::plain).collect()
}

/// Methods and properties of what stands before the dot.
fn members(place: &Place, world: &dyn World) -> Vec<Candidate> {
    let of = place.receiver(world);
    let receivers = [Some(Type::Service), Some(Type::Server)];
    let fits = |on: On| match of {
        Some(of) => on.receiver() == Some(of),
        None => receivers.contains(&on.receiver()),
    };
    let mut found: Vec<Candidate> = functions()
        .filter(|function| fits(function.on))
        .map(|function| called(function, &short(function)))
        .collect();
    let Some(of) = of else {
        found.retain(|one| one.text.starts_with(place.prefix));
        return found;
    };
    for (name, gives, _) in properties::of_type(of) {
        let shown = match gives {
            Type::Any => name.to_owned(),
            gives => format!("{name}: {}", gives.words()),
        };
        found.push(Candidate {
            text: name.to_owned(),
            shown,
        });
    }
    found.extend(standard::methods(of).iter().map(|method| written(method)));
    found.retain(|one| one.text.starts_with(place.prefix));
    found
}

/// A function as it is put in: with its bracket.
fn called(function: &Function, shown: &str) -> Candidate {
    let text = match (function.forms.is_empty(), shown.ends_with("()")) {
        (true, _) => function.name.to_owned(),
        (false, true) => format!("{}()", function.name),
        (false, false) => format!("{}(", function.name),
    };
    Candidate {
        text,
        shown: shown.to_owned(),
    }
}

/// A function's longest signature, without the word before its dot.
fn short(function: &Function) -> String {
    let longest = function.signatures().into_iter().max_by_key(String::len);
    let full = longest.unwrap_or_else(|| function.name.to_owned());
    match function.on.word() {
        Some(word) => full
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(&full)
            .to_owned(),
        None => full,
    }
}

/// A function that is known by its signature only.
fn written(signature: &str) -> Candidate {
    let name = signature.split('(').next().unwrap_or(signature);
    let text = match signature.ends_with("()") {
        true => signature.to_owned(),
        false => format!("{name}("),
    };
    Candidate {
        text,
        shown: signature.to_owned(),
    }
}

/// Names of options, where the cursor is where one is expected.
fn keys(place: &Place, world: &dyn World) -> Option<Vec<Candidate>> {
    let Some(crate::script::frames::Frame::Map { key: None, given }) = place.frames.last() else {
        return None;
    };
    if !place.is_behind("#{") && !place.is_behind(",") {
        return None;
    }
    let options = place.options_of(place.frames.len() - 1, Some(world))?;
    let free = options
        .iter()
        .filter(|option| !given.contains(&option.name))
        .filter(|option| option.name.starts_with(place.prefix));
    Some(free.map(option).collect())
}

fn option(option: &Opt) -> Candidate {
    Candidate {
        text: format!("{}: ", option.name),
        shown: format!("{}: {}", option.name, facts(option)),
    }
}

/// What an option takes, in a few words.
pub(super) fn facts(option: &Opt) -> String {
    let takes = match option.unit {
        "" => option.takes.words(),
        unit => unit,
    };
    format!("{takes}, {}", option.default_words())
}

/// What stands between quotes; `after` is what follows the cursor.
fn in_text(place: &Place, after: &str, world: &dyn World) -> Vec<Candidate> {
    let is_import = place
        .tokens
        .last()
        .is_some_and(|token| token.is(place.before, "import"));
    let value = match is_import {
        true => Some(Value {
            names: Names::Files,
            takes: Type::Text,
            is_listed: false,
        }),
        false => place.value(world),
    };
    let Some(value) = value else {
        return Vec::new();
    };
    let end = if after.starts_with('"') { "" } else { "\"" };
    values(value.names, place, world)
        .into_iter()
        .map(|(text, note)| {
            let is_dir = value.names == Names::Files && text.ends_with('/');
            Candidate {
                shown: noted(&text, &note),
                text: match is_dir {
                    true => text,
                    false => format!("{text}{end}"),
                },
            }
        })
        .collect()
}

fn noted(text: &str, note: &str) -> String {
    match note.is_empty() {
        true => text.to_owned(),
        false => format!("{text}  {note}"),
    }
}

/// Texts that fit what is typed, each with a note.
fn values(names: Names, place: &Place, world: &dyn World) -> Vec<(String, String)> {
    let begun = place.prefix;
    let plain = |all: Vec<String>| -> Vec<(String, String)> {
        all.into_iter()
            .filter(|text| text.starts_with(begun))
            .map(|text| (text, String::new()))
            .collect()
    };
    match names {
        Names::Nothing | Names::Marks => Vec::new(),
        Names::Schedulers => plain(world.names().schedulers.iter().cloned().collect()),
        Names::Engines => plain(world.names().engines.iter().cloned().collect()),
        Names::OneOf(words) => plain(words.iter().map(|word| (*word).to_owned()).collect()),
        Names::Services => plain(services(world, begun)),
        Names::Vips => plain(vips(world)),
        Names::Addresses => plain(addresses(world)),
        Names::Sysctls => plain(sysctls(world)),
        Names::Servers => plain(world.servers(place.service(world).as_ref())),
        Names::Objects => {
            let mut all = services(world, begun);
            all.extend(world.marks().iter().map(|mark| format!("mark {mark}")));
            all.extend(["timeouts".to_owned(), "daemons".to_owned()]);
            let vips = addresses(world).into_iter();
            all.extend(vips.map(|address| format!("vip {address}")));
            all.extend(["tunnel-device tunl0", "tunnel-device gre0"].map(str::to_owned));
            let sysctls = sysctls(world).into_iter();
            all.extend(sysctls.map(|name| format!("sysctl {name}")));
            plain(all)
        }
        Names::Snapshots => snapshots(&world.snapshots())
            .into_iter()
            .filter(|(name, _)| name.starts_with(begun))
            .collect(),
        Names::Interfaces => plain(world.interfaces()),
        Names::Files => plain(world.files(begun)),
        Names::Variables => plain(world.environment()),
        Names::Topics => of_topics(begun)
            .into_iter()
            .map(|one| (one.text, String::new()))
            .collect(),
    }
}

/// Services by their name; by their address alone where that is what is being typed.
fn services(world: &dyn World, begun: &str) -> Vec<String> {
    match begun.starts_with(|c: char| c.is_ascii_digit() || c == '[') {
        true => vips(world),
        false => world.services().iter().map(ToString::to_string).collect(),
    }
}

fn vips(world: &dyn World) -> Vec<String> {
    let address = |key: &ServiceKey| match key {
        ServiceKey::Address { addr, port, .. } => {
            Some(crate::model::address::endpoint(*addr, *port))
        }
        ServiceKey::Fwmark { .. } => None,
    };
    world.services().iter().filter_map(address).collect()
}

/// The addresses that services listen at.
fn addresses(world: &dyn World) -> Vec<String> {
    let services = world.services();
    let addresses: BTreeSet<IpAddr> = services.iter().filter_map(ServiceKey::addr).collect();
    addresses.iter().map(ToString::to_string).collect()
}

/// The kernel settings of a host with the interfaces of this one.
fn sysctls(world: &dyn World) -> Vec<String> {
    let names = ["all".to_owned(), "default".to_owned()].into_iter();
    let names = names.chain(world.interfaces());
    let interfaces: Vec<InterfaceName> = names
        .filter_map(|name| InterfaceName::parse(&name).ok())
        .collect();
    let all = SysctlName::all_with(&interfaces).into_iter();
    all.map(|name| name.to_string()).collect()
}

/// Names of snapshots with what they are: numbers, tags, `head`.
pub fn snapshots(all: &[Snapshot]) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (place, snapshot) in all.iter().enumerate() {
        names.push((snapshot.id.to_string(), snapshot.message.clone()));
        names.extend(
            snapshot
                .tags
                .iter()
                .map(|tag| (tag.clone(), format!("snapshot {}", snapshot.id))),
        );
        match place {
            0 => names.push(("head".to_owned(), format!("snapshot {}", snapshot.id))),
            1 => names.push(("head~1".to_owned(), format!("snapshot {}", snapshot.id))),
            _ => {}
        }
    }
    names
}

/// The functions that are offered on an empty line: those that a script begins with.
const FIRST: [&str; 8] = [
    "tcp",
    "udp",
    "sctp",
    "fwmark",
    "find",
    "timeouts",
    "sync_daemon",
    "remove",
];

/// Names that could begin an expression, and values that could stand here.
fn names(place: &Place, world: &dyn World) -> Vec<Candidate> {
    let mut found = Vec::new();
    if let Some(value) = place.value(world) {
        found.extend(literals(value, place, world));
        if place.prefix.is_empty() {
            found.extend(fitting_variables(value.takes, world));
            return found;
        }
        if value.takes == Type::Bool && !found.is_empty() {
            return found;
        }
    }
    let is_begin = place.tokens.is_empty() && place.prefix.is_empty();
    // A bare word and a function of the same name are one thing to the reader.
    let words = match place.tokens.is_empty() {
        true => WORDS.as_slice(),
        false => &[],
    };
    found.extend(words.iter().map(|(name, _, what)| Candidate {
        text: (*name).to_owned(),
        shown: noted(name, what),
    }));
    if place.tokens.is_empty() {
        let others = world.verbs().iter();
        let others = others.filter(|(verb, _)| words.iter().all(|(name, _, _)| name != verb));
        found.extend(others.map(|(verb, what)| Candidate {
            text: verb.clone(),
            shown: noted(verb, what),
        }));
    }
    if is_begin {
        found.retain(|one| View::named(&one.text).is_none());
    }
    let ours = functions()
        .filter(|function| function.on == On::Nothing)
        .filter(|function| !is_begin || FIRST.contains(&function.name))
        .filter(|function| words.iter().all(|(name, _, _)| *name != function.name));
    found.extend(ours.map(|function| called(function, &short(function))));
    found.extend(world.functions().iter().map(|signature| written(signature)));
    let variables = world.variables();
    found.extend(variables.into_iter().map(|(name, of)| Candidate {
        shown: format!("{name}: {}", of.words()),
        text: name,
    }));
    if !place.prefix.is_empty() {
        found.extend(
            standard::FUNCTIONS
                .iter()
                .map(|signature| written(signature)),
        );
        found.extend(standard::WORDS.iter().map(|word| Candidate::plain(*word)));
    }
    found.retain(|one| one.text.trim_start_matches('"').starts_with(place.prefix));
    found
}

/// Variables of the type that is wanted.
fn fitting_variables(takes: Type, world: &dyn World) -> Vec<Candidate> {
    let fits = |of: Type| match takes {
        Type::ServiceOrName => of == Type::Service || of == Type::Text,
        Type::TextOrWhole => of == Type::Text || of == Type::Whole,
        takes => of == takes,
    };
    let variables = world.variables().into_iter();
    variables
        .filter(|(_, of)| fits(*of))
        .map(|(name, _)| Candidate::plain(name))
        .collect()
}

/// Values as they are written: texts in quotes, numbers, true and false, the start of a map.
fn literals(value: Value, place: &Place, world: &dyn World) -> Vec<Candidate> {
    let bare = |text: String, note: &str| Candidate {
        shown: noted(&text, note),
        text,
    };
    let has_options = place.prefix.is_empty()
        && !value.is_listed
        && matches!(value.takes, Type::Map | Type::Rules);
    let mut found = match (value.names, value.takes) {
        (Names::Marks, _) => {
            let marks = world.marks().into_iter();
            marks.map(|mark| bare(mark.to_string(), "")).collect()
        }
        (Names::OneOf(words), Type::Bool) => words
            .iter()
            .map(|word| bare((*word).to_owned(), ""))
            .collect(),
        (Names::Snapshots, _) => {
            let all = values(value.names, place, world).into_iter();
            all.map(|(name, note)| match name.parse::<u64>() {
                Ok(_) => bare(name, &note),
                Err(_) => bare(format!("\"{name}\""), &note),
            })
            .collect()
        }
        // There are too many files and topics for somebody who has not begun to type one.
        (Names::Files | Names::Topics | Names::Variables, _) => Vec::new(),
        (_, Type::Array) if !value.is_listed => vec![bare("[".to_owned(), "an array")],
        (names, _) => {
            let all = values(names, place, world).into_iter();
            all.map(|(text, note)| bare(format!("\"{text}\""), &note))
                .collect()
        }
    };
    if has_options {
        found.push(bare("#{ ".to_owned(), "options"));
    }
    found.retain(|one| one.text.trim_start_matches('"').starts_with(place.prefix));
    found
}

#[cfg(test)]
mod tests;
