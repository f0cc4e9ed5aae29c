//! The words of `ipvsh show`: a view, and what it is narrowed to.

use super::super::objects::is_kind;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::setting::SettingName;
use crate::model::{DaemonRole, Fwmark, SettingKind};
use crate::views::{Selection, Takes, View};

/// What a view is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    /// Nothing: all of it.
    All,
    /// Virtual services, a real server, a network.
    Selection(Selection),
    /// The rules of a mark.
    Mark(Fwmark),
    /// A sync daemon.
    Daemon(DaemonRole),
    /// A setting of the host.
    Setting(SettingName),
}

impl Object {
    /// What a view of services is narrowed to.
    pub(super) fn subject(&self) -> Option<&Selection> {
        match self {
            Object::Selection(subject) => Some(subject),
            _ => None,
        }
    }
}

/// A view, where the first word is one, else services; and an object.
pub(super) fn parse(words: &[String]) -> Result<(View, Object)> {
    let named = words.first().and_then(|word| View::named(word));
    let rest = match named {
        Some(_) => words.get(1..).unwrap_or_default(),
        None => words,
    };
    let view = named.unwrap_or(View::Services);
    let object = match rest {
        [] => return Ok((view, Object::All)),
        // A word that is like a view, or without digits, was to be one.
        [word, ..] if named.is_none() && !is_object(word) => View::parse(word).map(|_| "")?,
        words => &words.join(" "),
    };
    let object = match view.facts().takes {
        Takes::Service => Object::Selection(Selection::parse(object).map_err(|error| {
            let all = format!("to see all of them: ipvsh show {}", view.name());
            error.maybe_hint(is_kind(object).then_some(all))
        })?),
        Takes::Mark => {
            let number = object.trim_start_matches(|c: char| !c.is_ascii_digit());
            Object::Mark(Fwmark::parse(number)?)
        }
        Takes::Daemon => Object::Daemon(DaemonRole::parse(object)?),
        Takes::Setting(kind) => Object::Setting(setting(kind, object)?),
        Takes::Nothing => {
            let error = Error::new(Kind::Usage, format!("unexpected argument '{object}'"));
            return Err(error.hint(format!("show {} takes no object", view.name())));
        }
    };
    Ok((view, object))
}

/// A setting of a kind, with or without its noun.
fn setting(kind: SettingKind, object: &str) -> Result<SettingName> {
    let mut words: Vec<&str> = object.split_whitespace().collect();
    let noun = kind.facts().noun;
    if words.first() != Some(&noun) {
        words.insert(0, noun);
    }
    SettingName::parse(&words)?.ok_or_else(|| {
        Error::new(Kind::Usage, format!("\"{object}\" names no {noun}"))
            .hint("like: vip 192.0.2.10 dev eth0, sysctl net.ipv4.ip_forward, tunnel-device tunl0")
    })
}

/// Says whether a word can begin the name of an object.
fn is_object(word: &str) -> bool {
    is_kind(word)
        || word == "server"
        || word.chars().any(|c| c.is_ascii_digit())
        || did_you_mean(word, ["tcp", "udp", "sctp", "fwmark", "fwmark6"]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(View, Object)> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn views_and_objects_are_told_apart() {
        assert_eq!(parsed("").unwrap(), (View::Services, Object::All));
        assert_eq!(parsed("timeouts").unwrap(), (View::Timeouts, Object::All));
        let name = Object::Selection(Selection::parse("tcp 192.0.2.1:80").unwrap());
        for (text, view) in [
            ("tcp 192.0.2.1:80", View::Services),
            ("services tcp 192.0.2.1:80", View::Services),
            ("stats tcp 192.0.2.1:80", View::Stats),
            ("connections tcp 192.0.2.1:80", View::Connections),
        ] {
            assert_eq!(parsed(text).unwrap(), (view, name.clone()));
        }
        let mark = Object::Mark(Fwmark::new(666).unwrap());
        for text in ["marks 666", "marks fwmark 666", "marks mark 666"] {
            assert_eq!(parsed(text).unwrap(), (View::Marks, mark.clone()));
        }
        let backup = Object::Daemon(DaemonRole::Backup);
        assert_eq!(parsed("daemons backup").unwrap(), (View::Daemons, backup));
    }

    #[test]
    fn half_a_name_is_answered_with_the_other_half_and_with_all() {
        let all = |view| format!("to see all of them: ipvsh show {view}");
        for (text, missing, view) in [
            ("tcp", "the address is missing", "services"),
            ("stats fwmark", "the mark is missing", "stats"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.message().ends_with(missing), "{error}");
            assert!(error.hints()[0].contains("tcp 192.0.2.10:80"));
            assert_eq!(error.hints()[1], all(view));
        }
    }

    #[test]
    fn unknown_views_are_answered() {
        let error = parsed("sevices").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.hints(), ["did you mean \"services\"?"]);
        for text in ["timeouts x", "info tcp"] {
            assert_eq!(parsed(text).unwrap_err().kind(), Kind::Usage);
        }
    }
}
