//! A change as a reader sees it: an object, and what happens to it (`+`, `-`, `~`).
//!
//! A plan for a large table has one per real server: each holds values, and is made text where
//! it is shown.

use std::fmt;

use serde_json::{Map, Value};

use crate::health::Held;
use crate::model::{
    Family, RealServer, ServerKey, ServiceKey, ServiceOptions, SettingKey, SettingKind, json,
};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `+`
    Add,
    /// `-`
    Remove,
    /// `~`
    Change,
}

impl Action {
    /// The sign in front of a line.
    pub fn sign(self) -> char {
        match self {
            Action::Add => '+',
            Action::Remove => '-',
            Action::Change => '~',
        }
    }

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::Add => "add",
            Action::Remove => "remove",
            Action::Change => "change",
        }
    }
}

/// One change to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// The object.
    pub object: Object,
    /// The part of the object; `None` is the object itself.
    pub part: Option<Part>,
    /// The rest of the line: `masq weight 1`, `wlc -> rr`.
    pub detail: Detail,
}

impl Change {
    /// What the object or its part was, and what it is to be, as JSON: the options of what is added
    /// or removed, those options of a real server that change, or one value. Null where there is
    /// nothing, and where words alone say it.
    pub fn sides(&self) -> (Value, Value) {
        if let Some(sides) = self.detail.sides.as_deref() {
            return match sides {
                Sides::Server(from, to) => differing_options(from, to),
                Sides::Values(from, to) => (from.clone(), to.clone()),
            };
        }
        let value = match &self.detail.said {
            Said::Service(service) => {
                let (family, options) = &**service;
                Value::Object(json::service_options(options, *family))
            }
            Said::Server(options) => Value::Object(json::server_options(options)),
            Said::Text(_) => return (Value::Null, Value::Null),
        };
        match self.action {
            Action::Add => (Value::Null, value),
            Action::Remove => (value, Value::Null),
            Action::Change => (Value::Null, Value::Null),
        }
    }
}

/// The options of a real server that are not the same on two sides.
fn differing_options(from: &RealServer, to: &RealServer) -> (Value, Value) {
    let (mut old, mut new) = (json::server_options(from), json::server_options(to));
    let same: Vec<String> = old
        .iter()
        .filter(|(name, value)| new.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    let without = |options: &mut Map<String, Value>| {
        options.retain(|name, _| !same.contains(name));
    };
    without(&mut old);
    without(&mut new);
    (Value::Object(old), Value::Object(new))
}

/// What changes, as a reader calls it: `tcp 192.0.2.10:80`, `timeouts`, `sync daemon master`,
/// `ipv4 mark chain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A virtual service, with its servers and the rules of its mark.
    Service(ServiceKey),
    /// All settings of a kind that are one object.
    Settings(SettingKind),
    /// A setting by itself.
    Setting(SettingKey),
    /// Our chain of mark rules in one family.
    Chain(Family),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Service(key) => key.fmt(f),
            Object::Settings(kind) => f.write_str(kind.facts().list),
            Object::Setting(key) => key.fmt(f),
            Object::Chain(family) => write!(f, "{family} mark chain"),
        }
    }
}

/// A part of an object: `server 10.0.0.13:80`, `scheduler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A real server of a service.
    Server(ServerKey),
    /// A rule of a service's mark.
    Mark,
    /// A stray rule in our chain.
    Stray,
    /// A setting of a kind that is one object.
    Setting(SettingKey),
    /// An option, or what else has a name.
    Option(&'static str),
    /// An option of a real server's policy.
    ServerOption(ServerKey, &'static str),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Server(key) => {
                f.write_str("server ")?;
                key.fmt(f)
            }
            Part::Mark => f.write_str("mark"),
            Part::Stray => f.write_str("rule"),
            Part::Setting(key) => f.write_str(&key.name()),
            Part::Option(name) => f.write_str(name),
            Part::ServerOption(key, name) => write!(f, "server {key} {name}"),
        }
    }
}

/// What is said of a change: `masq weight 1`, `wlc -> rr`, `rr (not managed by ipvsh)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    said: Said,
    is_foreign: bool,
    /// Why the kernel does not have the server as it was declared.
    held: Option<Held>,
    /// Both sides, where the words are not made from one; boxed, because most changes have none.
    sides: Option<Box<Sides>>,
}

/// What something was, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sides {
    Server(RealServer, RealServer),
    Values(Value, Value),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// What a service is set to; boxed, because most changes are to servers.
    Service(Box<(Family, ServiceOptions)>),
    Server(RealServer),
    Text(Box<str>),
}

impl Detail {
    /// What a service is set to.
    pub fn of_service(family: Family, options: &ServiceOptions) -> Detail {
        Said::Service(Box::new((family, options.clone()))).into()
    }

    /// What a real server is set to.
    pub fn of_server(options: RealServer) -> Detail {
        Said::Server(options).into()
    }

    /// Any words.
    pub fn text(words: impl Into<Box<str>>) -> Detail {
        Said::Text(words.into()).into()
    }

    /// Any words about a real server that changes.
    pub fn between_servers(words: String, from: RealServer, to: RealServer) -> Detail {
        Detail {
            sides: Some(Box::new(Sides::Server(from, to))),
            ..Detail::text(words)
        }
    }

    /// The same, with what it was and what it is to be as JSON.
    #[must_use]
    pub fn with_sides(self, from: Value, to: Value) -> Detail {
        Detail {
            sides: Some(Box::new(Sides::Values(from, to))),
            ..self
        }
    }

    /// The same, with a note where it is about somebody else's.
    #[must_use]
    pub fn foreign(self, is_foreign: bool) -> Detail {
        Detail { is_foreign, ..self }
    }

    /// The same, with why the kernel does not have the server as it was declared.
    #[must_use]
    pub fn held(self, held: Held) -> Detail {
        Detail {
            held: Some(held),
            ..self
        }
    }

    /// The same, without why the kernel does not have it so: that passes.
    #[must_use]
    pub fn without_held(self) -> Detail {
        Detail { held: None, ..self }
    }

    /// Says whether there are no words at all.
    pub fn is_empty(&self) -> bool {
        !self.is_foreign && matches!(&self.said, Said::Text(text) if text.is_empty())
    }
}

impl From<Said> for Detail {
    fn from(said: Said) -> Detail {
        Detail {
            said,
            is_foreign: false,
            held: None,
            sides: None,
        }
    }
}

impl Default for Detail {
    fn default() -> Detail {
        Detail::text("")
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.said {
            Said::Service(service) => {
                let (family, options) = &**service;
                options.write_summary(*family, f)?;
            }
            Said::Server(options) => options.write_summary(f)?,
            Said::Text(text) => f.write_str(text)?,
        }
        if self.is_foreign {
            f.write_str(" (not managed by ipvsh)")?;
        }
        match self.held {
            Some(held) => write!(f, " ({held})"),
            None => Ok(()),
        }
    }
}
