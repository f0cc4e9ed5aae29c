//! `ipvsh show [VIEW] [OBJECT]`: live state.

use clap::Args;

use super::context::Context;
use super::objects::is_kind;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::{Fwmark, Live, Ruleset, ServiceKey, ServiceName, json};
use crate::output::{self, Output};

/// What the kernel holds: services, marks, timeouts or daemons
///
/// With an object only that one: ipvsh show services tcp 192.0.2.10:80
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A view (services, marks, timeouts, daemons) [default: services], and an object
    #[arg(value_name = "VIEW] [OBJECT")]
    words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Services,
    Marks,
    Timeouts,
    Daemons,
}

impl View {
    const ALL: [View; 4] = [View::Services, View::Marks, View::Timeouts, View::Daemons];

    fn name(self) -> &'static str {
        match self {
            View::Services => "services",
            View::Marks => "marks",
            View::Timeouts => "timeouts",
            View::Daemons => "daemons",
        }
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Services(Option<ServiceName>),
    Marks(Option<Fwmark>),
    Timeouts,
    Daemons,
}

/// Runs `ipvsh show`.
pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<u8> {
    let wanted = parse(&args.words)?;
    let mut director = context.director()?;
    let live = director.live()?;
    let head = director.head_rules();
    let head = head
        .inspect_err(|error| {
            let note = format!("what is ours cannot be told: {error}");
            context.out.note(&note);
        })
        .ok();
    show(&context.out, &wanted, &live, head.as_ref())?;
    Ok(0)
}

/// A view, where the first word is one, and an object.
fn parse(words: &[String]) -> Result<Wanted> {
    let named = words
        .first()
        .and_then(|word| View::ALL.into_iter().find(|view| view.name() == word));
    let rest = match named {
        Some(_) => words.get(1..).unwrap_or_default(),
        None => words,
    };
    let view = named.unwrap_or(View::Services);
    let object = match rest {
        [] => None,
        // A word that is like a view, or without digits, was to be one.
        [word, ..] if named.is_none() && !is_object(word) => return Err(unknown_view(word)),
        words => Some(words.join(" ")),
    };
    let object = object.as_ref();
    match (view, object) {
        (View::Services, object) => object
            .map(|name| ServiceName::parse(name))
            .transpose()
            .map(Wanted::Services),
        (View::Marks, object) => object
            .map(|name| Fwmark::parse(name.trim_start_matches(|c: char| !c.is_ascii_digit())))
            .transpose()
            .map(Wanted::Marks),
        (View::Timeouts, None) => Ok(Wanted::Timeouts),
        (View::Daemons, None) => Ok(Wanted::Daemons),
        (View::Timeouts | View::Daemons, Some(object)) => Err(unexpected(
            object,
            &format!("show {} takes no object", view.name()),
        )),
    }
}

/// Says whether a word can begin the name of an object.
fn is_object(word: &str) -> bool {
    is_kind(word)
        || word.chars().any(|c| c.is_ascii_digit())
        || did_you_mean(word, ["tcp", "udp", "sctp", "fwmark", "fwmark6"]).is_some()
}

fn unexpected(word: &str, hint: &str) -> Error {
    Error::new(Kind::Usage, format!("unexpected argument '{word}'")).hint(hint)
}

fn unknown_view(word: &str) -> Error {
    let names = View::ALL.map(View::name);
    Error::new(Kind::Usage, format!("there is no view '{word}'")).hint(
        match did_you_mean(word, names) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("views are {}", names.join(", ")),
        },
    )
}

fn show(out: &Output, wanted: &Wanted, live: &Live, head: Option<&Ruleset>) -> Result<()> {
    if let Wanted::Services(name) = wanted {
        let keys = fitting(name.as_ref(), live)?;
        if out.json {
            out.print_json(&services_json(&keys, live));
        } else if keys.is_empty() {
            out.sentence("no virtual services");
        } else {
            let remark = output::foreign(head);
            out.print(&output::services(
                live, &keys, &remark, out.paint, out.width,
            ));
        }
        return Ok(());
    }
    let whole = json::live(live);
    let part = |name: &str| whole.get(name).cloned().unwrap_or_default();
    let (value, text) = match wanted {
        Wanted::Marks(mark) => {
            let mut rules = part("marks");
            if let (Some(rules), Some(mark)) = (rules.as_array_mut(), mark) {
                rules.retain(|rule| rule.get("mark") == Some(&mark.value().into()));
            }
            let only = mark.map(Fwmark::value);
            (rules, output::marks(live, only, out.paint, out.width))
        }
        Wanted::Daemons => (
            part("daemons"),
            output::daemons(live, head, out.paint, out.width),
        ),
        Wanted::Timeouts | Wanted::Services(_) => (
            part("timeouts"),
            output::timeouts(live, head, out.paint, out.width),
        ),
    };
    match out.json {
        true => out.print_json(&value),
        false => out.print(&text),
    }
    Ok(())
}

/// The services that fit a name; without one, all.
fn fitting(name: Option<&ServiceName>, live: &Live) -> Result<Vec<ServiceKey>> {
    let all = live.rules.services.keys();
    let Some(name) = name else {
        return Ok(all.copied().collect());
    };
    let keys: Vec<ServiceKey> = all.clone().filter(|key| name.fits(key)).copied().collect();
    match keys.is_empty() {
        true => name.resolve(all).map(|key| vec![key]),
        false => Ok(keys),
    }
}

fn services_json(keys: &[ServiceKey], live: &Live) -> serde_json::Value {
    keys.iter()
        .filter_map(|key| {
            let service = live.rules.services.get(key)?;
            Some(serde_json::Value::Object(json::live_service(
                live, key, service,
            )))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Wanted> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn views_and_objects_are_told_apart() {
        assert_eq!(parsed("").unwrap(), Wanted::Services(None));
        assert_eq!(parsed("timeouts").unwrap(), Wanted::Timeouts);
        let name = ServiceName::parse("tcp 192.0.2.1:80").unwrap();
        for text in ["tcp 192.0.2.1:80", "services tcp 192.0.2.1:80"] {
            assert_eq!(parsed(text).unwrap(), Wanted::Services(Some(name)));
        }
        let mark = Fwmark::new(666).unwrap();
        for text in ["marks 666", "marks fwmark 666", "marks mark 666"] {
            assert_eq!(parsed(text).unwrap(), Wanted::Marks(Some(mark)));
        }
    }

    #[test]
    fn unknown_views_are_answered() {
        let error = parsed("sevices").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.hints(), ["did you mean \"services\"?"]);
        assert_eq!(parsed("timeouts x").unwrap_err().kind(), Kind::Usage);
    }
}
