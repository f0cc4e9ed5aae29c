//! `ipvsh __complete WORDS...`: what the last word may become, for the shells' completions.
//!
//! A line each: the word, a tab, what it is. `:files` alone asks the shell for names of files.
//! Nothing waits and nothing fails: what cannot be read is not offered.

use std::collections::BTreeSet;
use std::net::IpAddr;

use clap::{Args, Command, CommandFactory};

use super::context::Context;
use super::objects::is_kind;
use crate::doctor::{RULES, Rule};
use crate::error::Result;
use crate::model::address::endpoint;
use crate::model::connection::STATES;
use crate::model::{
    HostName, Protocol, Ruleset, ServiceKey, ServiceName, SettingKind, Settings, VirtualService,
};
use crate::shell::complete::snapshots;
use crate::top;
use crate::views::{Order, View};

/// Say what the last of these words may become
#[derive(Debug, Args)]
pub(super) struct CompleteArgs {
    /// The words behind the program's name, up to the cursor
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// An answer: the word, and what it is.
type Answer = (String, String);

/// Runs `ipvsh __complete`.
pub(super) fn run(args: &CompleteArgs) -> Result<u8> {
    let (last, before) = match args.words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", [].as_slice()),
    };
    let context = Context::new(super::Cli::global_of(before).0);
    let Some(answers) = answers(&context, before, last) else {
        context.out.print(":files");
        return Ok(0);
    };
    let lines: Vec<String> = answers
        .into_iter()
        .filter(|(word, _)| word.starts_with(last))
        .map(|(word, what)| match what.is_empty() {
            true => word,
            false => format!("{word}\t{what}"),
        })
        .collect();
    context.out.print(&lines.join("\n"));
    Ok(0)
}

/// Where a command line stands before its last word.
struct Stand {
    verb: Command,
    /// The verb is the program itself: none was named yet.
    is_root: bool,
    /// The option whose value comes next.
    wants: Option<clap::Arg>,
    /// The words that belong to no option.
    rest: Vec<String>,
}

fn stand(words: &[String]) -> Stand {
    let mut root = super::Cli::command();
    root.build();
    let mut stand = Stand {
        verb: root,
        is_root: true,
        wants: None,
        rest: Vec::new(),
    };
    for word in words {
        if stand.wants.take().is_some() {
            continue;
        }
        if word.starts_with('-') && word.len() > 1 {
            stand.wants = option(&stand.verb, word).cloned();
        } else if let Some(verb) = stand.verb.find_subcommand(word).filter(|_| stand.is_root) {
            stand.verb = verb.clone();
            stand.is_root = false;
        } else {
            stand.rest.push(word.clone());
        }
    }
    stand
}

/// The option that takes its value from the next word.
fn option<'c>(verb: &'c Command, word: &str) -> Option<&'c clap::Arg> {
    let takes = |arg: &&clap::Arg| arg.get_action().takes_values();
    match word.strip_prefix("--") {
        Some(name) => verb
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name)),
        None => verb
            .get_arguments()
            .find(|arg| arg.get_short() == word.chars().last()),
    }
    .filter(takes)
}

/// What the word behind these may become; `None` are files.
pub(super) fn answers(context: &Context, before: &[String], last: &str) -> Option<Vec<Answer>> {
    let stand = stand(before);
    if let Some(arg) = &stand.wants {
        return values(context, &stand, arg);
    }
    if let Some((name, _)) = last.split_once('=').filter(|_| last.starts_with("--")) {
        let values = option(&stand.verb, name).and_then(|arg| values(context, &stand, arg));
        let whole = |(value, what): Answer| (format!("{name}={value}"), what);
        return Some(values.into_iter().flatten().map(whole).collect());
    }
    if last.starts_with('-') {
        return Some(options(&stand.verb));
    }
    if stand.is_root {
        return Some(verbs(&stand.verb));
    }
    let positional: Vec<&clap::Arg> = stand.verb.get_positionals().collect();
    let place = stand.rest.len();
    let arg = *positional.get(place).or_else(|| positional.last())?;
    match (stand.verb.get_name(), arg.get_id().as_str()) {
        ("show", _) if place == 0 => {
            let view = |view: View| (view.name().to_owned(), view.facts().doc.to_owned());
            let mut all: Vec<Answer> = View::ALL.map(view).into();
            all.extend(objects(context, &stand.rest));
            all.extend(nouns_of_host());
            Some(all)
        }
        ("doctor", _) => {
            let rule = |rule: &&Rule| (rule.id.to_owned(), rule.title.to_owned());
            Some(RULES.iter().map(rule).collect())
        }
        ("drain", _) if place == 0 => {
            let mut all = objects(context, &stand.rest);
            all.extend(servers(context, None));
            Some(all)
        }
        ("disable" | "enable", _) => {
            let mut all = servers(context, None);
            all.extend(hosts(context));
            Some(all)
        }
        ("where", _) => {
            let mut all = servers(context, None);
            all.extend(vips(context));
            Some(all)
        }
        ("try", _) => Some(tcp_services(context)),
        ("drain", _) if stand.rest.last().is_some_and(|word| !is_kind(word)) => {
            Some(servers(context, Some(&stand.rest.join(" "))))
        }
        ("adopt" | "forget" | "history" | "show" | "why", _) if is_noun(stand.rest.last()) => {
            Some(settings_of(context, stand.rest.last()?))
        }
        ("adopt" | "forget" | "history" | "why", "object") => {
            let mut all = objects(context, &stand.rest);
            all.extend(nouns_of_host().filter(|_| !stand.rest.last().is_some_and(|w| is_kind(w))));
            Some(all)
        }
        (_, "words" | "object" | "objects" | "service") => Some(objects(context, &stand.rest)),
        ("man", _) => {
            let mut all = verbs(&super::Cli::command());
            all.push(("script".to_owned(), "the language of scripts".to_owned()));
            Some(all)
        }
        _ => values(context, &stand, arg),
    }
}

/// The values of an option or an argument.
fn values(context: &Context, stand: &Stand, arg: &clap::Arg) -> Option<Vec<Answer>> {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let help = |value: &clap::builder::PossibleValue| {
            value
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        return Some(
            possible
                .iter()
                .map(|value| (value.get_name().to_owned(), help(value)))
                .collect(),
        );
    }
    match arg.get_id().as_str() {
        "server" if arg.is_positional() => Some(servers(context, None)),
        "server" => Some(servers(context, service_of(stand).as_deref())),
        "from" | "to" => Some(servers(context, Some(&stand.rest.join(" ")))),
        "state" => Some(plain(&STATES)),
        "sort" => Some(columns(stand)),
        "count_by" => Some(plain(&[
            "client",
            "client/24",
            "client/64",
            "server",
            "service",
            "state",
        ])),
        "snapshot" | "a" | "b" | "id" => Some(snapshots(&(context.snapshots_at_hand())())),
        "delete" => {
            let all = (context.snapshots_at_hand())();
            let tags = all.into_iter().flat_map(|snapshot| snapshot.tags);
            Some(tags.map(|tag| (tag, String::new())).collect())
        }
        "format" => Some(plain(&["json", "rhai", "ipvsadm"])),
        "script" | "args" | "file" | "files" | "path" | "db" | "root" | "output" | "again" => None,
        _ => Some(Vec::new()),
    }
}

fn plain(words: &[&str]) -> Vec<Answer> {
    let answer = |word: &&str| ((*word).to_owned(), String::new());
    words.iter().map(answer).collect()
}

/// The verbs that users type, each with what it does.
pub(super) fn verbs(root: &Command) -> Vec<Answer> {
    root.get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .map(|verb| {
            let about = verb.get_about().map(ToString::to_string);
            (verb.get_name().to_owned(), about.unwrap_or_default())
        })
        .collect()
}

fn options(verb: &Command) -> Vec<Answer> {
    let mut all = Vec::new();
    for arg in verb.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        if let Some(long) = arg.get_long() {
            all.push((format!("--{long}"), help));
        } else if let Some(short) = arg.get_short() {
            all.push((format!("-{short}"), help));
        }
    }
    all.sort();
    all
}

/// The rules that are at hand: the head's, and what is live where the kernel may be read.
fn rules(context: &Context) -> Ruleset {
    let mut director = match context.hasty_director() {
        Ok(director) => director,
        Err(_) => return Ruleset::default(),
    };
    let mut rules = director.head_rules().unwrap_or_default();
    if let Ok(live) = director.live() {
        for (key, service) in live.rules.services {
            rules.services.entry(key).or_insert(service);
        }
    }
    rules
}

/// The settings of this host that are at hand: the head's, and the kernel's.
fn host_settings(context: &Context) -> Settings {
    let Ok(mut director) = context.hasty_director() else {
        return Settings::default();
    };
    let mut settings = director.host_settings().unwrap_or_default();
    for (key, value) in director.head_rules().unwrap_or_default().settings.iter() {
        settings.put(*key, Some(value.clone()));
    }
    settings
}

/// Settings of this host whose noun this is, each with its value.
fn settings_of(context: &Context, noun: &str) -> Vec<Answer> {
    let all = host_settings(context);
    let of_kind = all.iter().filter(|(key, _)| key.facts().noun == noun);
    of_kind
        .map(|(key, value)| (key.name(), value.summary(*key)))
        .collect()
}

/// The nouns of settings of the host: the first half of their names.
fn nouns_of_host() -> impl Iterator<Item = Answer> {
    let facts = SettingKind::ALL.into_iter().map(SettingKind::facts);
    let of_host = facts.filter(|facts| facts.is_beside_ipvs());
    of_host.map(|facts| {
        let what = match facts.is_of_the_record {
            true => format!("{} of a real server or a host", facts.noun),
            false => format!("a {} of this host", facts.noun.replace('-', " ")),
        };
        (facts.noun.to_owned(), what)
    })
}

fn is_noun(word: Option<&String>) -> bool {
    word.is_some_and(|word| nouns_of_host().any(|(noun, _)| noun == *word))
}

/// Names of services; behind `tcp` what may follow it.
fn objects(context: &Context, given: &[String]) -> Vec<Answer> {
    let rules = rules(context);
    let kind = given.last().filter(|word| is_kind(word));
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (key, service) in &rules.services {
        let name = key.to_string();
        let (of, rest) = name.split_once(' ').unwrap_or(("", &name));
        let what = service.options.summary(key.family());
        match (kind, key) {
            (Some(kind), _) if kind == of => all.push((rest.to_owned(), what)),
            (Some(_), _) => {}
            (None, ServiceKey::Address { addr, port, .. }) => {
                all.push((endpoint(*addr, *port), format!("{of}, {what}")));
            }
            (None, ServiceKey::Fwmark { .. }) => {
                seen.insert(of.to_owned());
            }
        }
    }
    all.extend(
        seen.into_iter()
            .map(|of| (of, "a firewall mark's service".to_owned())),
    );
    all
}

/// The virtual services that a client can connect to, as a URL names them.
fn tcp_services(context: &Context) -> Vec<Answer> {
    let answer = |(key, service): (&ServiceKey, &VirtualService)| match key {
        ServiceKey::Address {
            protocol: Protocol::TCP,
            addr,
            port: port @ 1..,
        } => Some((
            endpoint(*addr, *port),
            service.options.summary(key.family()),
        )),
        _ => None,
    };
    rules(context).services.iter().filter_map(answer).collect()
}

/// The real servers of the services that a name fits, or of all.
fn servers(context: &Context, of: Option<&str>) -> Vec<Answer> {
    let name = match of.map(ServiceName::parse).transpose() {
        Ok(name) => name,
        Err(_) => return Vec::new(),
    };
    let rules = rules(context);
    let fits = |key: &ServiceKey| name.is_none_or(|name| name.fits(key));
    let fitting = rules.services.iter().filter(|(key, _)| fits(key));
    let names = fitting.flat_map(|(_, service)| service.servers.keys());
    let names: BTreeSet<String> = names.map(ToString::to_string).collect();
    let what = if of.is_some() { "" } else { "real server" };
    names
        .into_iter()
        .map(|name| (name, what.to_owned()))
        .collect()
}

/// The machines that real servers are on.
fn hosts(context: &Context) -> Vec<Answer> {
    let rules = rules(context);
    let policies = rules
        .services
        .values()
        .flat_map(|service| service.server_policies.values());
    let names: BTreeSet<HostName> = policies.filter_map(|policy| policy.host).collect();
    names
        .into_iter()
        .map(|name| (name.to_string(), "host of real servers".to_owned()))
        .collect()
}

/// The addresses of services.
fn vips(context: &Context) -> Vec<Answer> {
    let rules = rules(context);
    let vips: BTreeSet<IpAddr> = rules.services.keys().filter_map(ServiceKey::addr).collect();
    vips.into_iter()
        .map(|vip| (vip.to_string(), "VIP".to_owned()))
        .collect()
}

/// The service that the words behind a view name, where they do.
fn service_of(stand: &Stand) -> Option<String> {
    let words = stand.rest.get(1..)?;
    (!words.is_empty()).then(|| words.join(" "))
}

/// What a view is sorted by, in both directions.
fn columns(stand: &Stand) -> Vec<Answer> {
    let names: Vec<&str> = match stand.verb.get_name() {
        "top" => top::Order::names(),
        _ => {
            let view = stand.rest.first().and_then(|word| View::named(word));
            Order::names(view.unwrap_or(View::Services))
        }
    };
    let both = |name: &&str| {
        [
            ((*name).to_owned(), "smallest first".to_owned()),
            (format!("-{name}"), "largest first".to_owned()),
        ]
    };
    names.iter().flat_map(both).collect()
}
