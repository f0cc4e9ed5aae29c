//! The shape of a fact about a script function: what the table is made of.
//!
//! Every word that a user reads about a function is here once; registration, help, completion
//! and the reference page are made from it.

use rhai::Dynamic;

use super::call::Call;
use super::types::Type;
use crate::error::{Kind, Result};

/// A chapter of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Virtual services.
    Services,
    /// Real servers.
    Servers,
    /// fwmark rules.
    Marks,
    /// Connection timeouts.
    Timeouts,
    /// Sync daemons.
    Daemons,
    /// Addresses, kernel settings and tunnel devices of this host.
    Host,
    /// Plan, commit, history.
    Change,
    /// What acts on or reads the kernel at once.
    Live,
    /// The script's own surroundings.
    Script,
}

impl Group {
    /// All of them, in the order of the reference.
    pub const ALL: [Group; 9] = [
        Group::Services,
        Group::Servers,
        Group::Marks,
        Group::Timeouts,
        Group::Daemons,
        Group::Host,
        Group::Change,
        Group::Live,
        Group::Script,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Services => "services",
            Group::Servers => "servers",
            Group::Marks => "fwmark rules",
            Group::Timeouts => "timeouts",
            Group::Daemons => "sync daemons",
            Group::Host => "this host",
            Group::Change => "change control",
            Group::Live => "live",
            Group::Script => "script",
        }
    }
}

/// What a function is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Nothing: `find("192.0.2.10:80")`.
    Nothing,
    /// A virtual service: `service.find("10.0.0.12")`.
    Service,
    /// A real server: `server.set(#{ weight: 0 })`.
    Server,
    /// A VIP, a kernel setting, a tunnel device, a sync daemon: `vip.set(#{ withdraw: "down" })`.
    Setting,
}

impl On {
    /// The word before the dot, where there is one.
    pub fn word(self) -> Option<&'static str> {
        match self {
            On::Nothing => None,
            On::Service => Some("service"),
            On::Server => Some("server"),
            On::Setting => Some("setting"),
        }
    }

    /// The receiver's type, where there is one.
    pub fn receiver(self) -> Option<Type> {
        match self {
            On::Nothing => None,
            On::Service => Some(Type::Service),
            On::Server => Some(Type::Server),
            On::Setting => Some(Type::Setting),
        }
    }
}

/// An option of a map: `#{ scheduler: "rr" }`; most are also properties.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Type,
    /// Its default as one would write it, or in words.
    pub default: &'static str,
    /// The unit of a number; empty where there is none.
    pub unit: &'static str,
    /// The values that it takes; empty where the type says it all.
    pub range: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// What ipvsadm, keepalived and textbooks call it.
    pub words: &'static [&'static str],
}

/// The default of an option that has none.
pub const REQUIRED: &str = "must be given";

impl Opt {
    /// Its default in words: `default 1`, or that it must be given.
    pub fn default_words(&self) -> String {
        match self.default {
            REQUIRED => REQUIRED.to_owned(),
            default => format!("default {default}"),
        }
    }
}

/// Says whether two lists are the same; constants have no address to compare.
pub fn is_same(one: &[Opt], other: &[Opt]) -> bool {
    one.iter()
        .map(|option| option.name)
        .eq(other.iter().map(|option| option.name))
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Type,
    /// It may be left out, with all that follow it.
    pub optional: bool,
    /// The options, where it takes a map of them.
    pub options: &'static [Opt],
}

impl Param {
    /// A parameter that must be given.
    pub const fn new(name: &'static str, takes: Type) -> Param {
        Param {
            name,
            takes,
            optional: false,
            options: &[],
        }
    }

    /// A map of options that may be left out.
    pub const fn options(options: &'static [Opt]) -> Param {
        Param {
            name: "options",
            takes: Type::Map,
            optional: true,
            options,
        }
    }

    /// The same, to be left out.
    #[must_use]
    pub const fn optional(self) -> Param {
        Param {
            optional: true,
            ..self
        }
    }

    /// The same, to be given.
    #[must_use]
    pub const fn required(self) -> Param {
        Param {
            optional: false,
            ..self
        }
    }
}

/// One way to call a function.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Its parameters.
    pub params: &'static [Param],
    /// What it does.
    pub call: fn(&Call) -> Result<Dynamic>,
}

impl Form {
    /// The fewest arguments that it takes.
    pub fn fewest(&self) -> usize {
        self.params.iter().filter(|param| !param.optional).count()
    }
}

/// A function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its chapter.
    pub group: Group,
    /// What it is called on.
    pub on: On,
    /// The ways to call it.
    pub forms: &'static [Form],
    /// What it returns.
    pub result: Type,
    /// What it is for: the first line is one sentence, then more.
    pub doc: &'static str,
    /// The kinds of errors that it raises.
    pub errors: &'static [Kind],
    /// A script that runs as it stands.
    pub example: &'static str,
    /// What ipvsadm, keepalived and textbooks call it.
    pub words: &'static [&'static str],
}

impl Function {
    /// Its name with the word before the dot: `service.find`.
    pub fn full_name(&self) -> String {
        match self.on.word() {
            Some(word) => format!("{word}.{}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// The first line of the doc.
    pub fn sentence(&self) -> &'static str {
        self.doc.lines().next().unwrap_or_default()
    }

    /// How each form is written: `tcp(address [, options])`.
    pub fn signatures(&self) -> Vec<String> {
        self.forms
            .iter()
            .map(|form| format!("{}({})", self.full_name(), params(form.params)))
            .collect()
    }

    /// Every option that one of its forms takes, with the parameter that holds it.
    pub fn options(&self) -> &'static [Opt] {
        self.forms
            .iter()
            .flat_map(|form| form.params)
            .map(|param| param.options)
            .find(|options| !options.is_empty())
            .unwrap_or_default()
    }
}

fn params(params: &[Param]) -> String {
    let mut text = String::new();
    for (place, param) in params.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        match (param.optional, place) {
            (true, 0) => text.push_str(&format!("[{}]", param.name)),
            (true, _) => text.push_str(&format!(" [{comma}{}]", param.name)),
            (false, _) => text.push_str(&format!("{comma}{}", param.name)),
        }
    }
    text
}

/// A property that can only be read.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// What it belongs to.
    pub on: On,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub gives: Type,
    /// What it says, in a sentence.
    pub doc: &'static str,
}
