//! Names, ranges and defaults of types and options: each stands here once. Reading, messages and the
//! reference take them from these rows.

use super::definition::Start;
use super::kind::{Exec, Http};
use super::timing::Timing;

/// The most checks of one server.
pub const MOST_CHECKS: usize = 8;

/// The most checks of all servers of a ruleset: the daemon keeps a few hundred bytes of each.
pub const MOST_IN_ALL: usize = 100_000;

/// A type of check.
#[derive(Debug, Clone, Copy)]
pub struct TypeFact {
    /// The name in scripts.
    pub name: &'static str,
    /// When it passes, in one sentence.
    pub doc: &'static str,
    /// The option that it cannot do without.
    pub needs: Option<&'static str>,
}

/// The types of checks.
pub const TYPES: [TypeFact; 6] = [
    TypeFact {
        name: "tcp",
        doc: "a connection is accepted, and the answer matches where one is expected; a hung \
              application whose kernel still accepts passes",
        needs: None,
    },
    TypeFact {
        name: "http",
        doc: "the status of the answer to a request, and then its body, are as they should be; the \
              body is read to 1 MiB at most, and a redirect is an answer like others",
        needs: None,
    },
    TypeFact {
        name: "https",
        doc: "as http, over TLS, and the certificate is valid for the name that is asked for",
        needs: None,
    },
    TypeFact {
        name: "udp",
        doc: "a reply comes to a datagram; an ICMP error fails at once",
        needs: Some("payload"),
    },
    TypeFact {
        name: "ping",
        doc: "an ICMP echo is answered",
        needs: None,
    },
    TypeFact {
        name: "exec",
        doc: "a program exits with status 0; its process group is killed at the timeout",
        needs: Some("command"),
    },
];

/// Which values an option takes, and what holds where it is left out.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// Seconds, whole or not; the numbers here are milliseconds.
    Seconds {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
        /// Where it is left out.
        default: u32,
    },
    /// A whole number.
    Number {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
        /// Where it is left out; `None`: see [`OptionFact::default`].
        default: Option<u32>,
        /// The default in words.
        otherwise: &'static str,
    },
    /// One of these words; the first where it is left out.
    Words(&'static [&'static str]),
    /// What the words say.
    Other {
        /// The values.
        range: &'static str,
        /// Where it is left out.
        default: &'static str,
    },
}

/// An option of a check.
#[derive(Debug, Clone, Copy)]
pub struct OptionFact {
    /// The name in scripts.
    pub name: &'static str,
    /// The types that have it.
    pub types: &'static [&'static str],
    /// Its values.
    pub values: Values,
    /// What it is, in one sentence.
    pub doc: &'static str,
}

impl OptionFact {
    /// The values in words: `0.1 to 3600 seconds`.
    pub fn range(&self) -> String {
        let seconds = |ms: u32| f64::from(ms) / 1000.0;
        match self.values {
            Values::Seconds { least, most, .. } => {
                format!("{} to {} seconds", seconds(least), seconds(most))
            }
            Values::Number { least, most, .. } => format!("{least} to {most}"),
            Values::Words([words @ .., last]) if !words.is_empty() => {
                format!("\"{}\" or \"{last}\"", words.join("\", \""))
            }
            Values::Words(words) => words.join(", "),
            Values::Other { range, .. } => range.to_owned(),
        }
    }

    /// The default in words.
    pub fn default(&self) -> String {
        match self.values {
            Values::Seconds { default, .. } => (f64::from(default) / 1000.0).to_string(),
            Values::Number {
                default: Some(number),
                ..
            } => number.to_string(),
            Values::Number { otherwise, .. } => otherwise.to_owned(),
            Values::Words(words) => format!("\"{}\"", words.first().copied().unwrap_or_default()),
            Values::Other { default, .. } => default.to_owned(),
        }
    }
}

const ALL: &[&str] = &["tcp", "http", "https", "udp", "ping", "exec"];
const PORTS: &[&str] = &["tcp", "http", "https", "udp", "exec"];
const SOCKETS: &[&str] = &["tcp", "http", "https", "udp", "ping"];
const HTTP: &[&str] = &["http", "https"];
const TLS: &[&str] = &["https"];

const fn seconds(name: &'static str, default: u32, doc: &'static str) -> OptionFact {
    OptionFact {
        name,
        types: ALL,
        values: Values::Seconds {
            least: 100,
            most: 3_600_000,
            default,
        },
        doc,
    }
}

const fn count(name: &'static str, default: u32, doc: &'static str) -> OptionFact {
    OptionFact {
        name,
        types: ALL,
        values: Values::Number {
            least: 1,
            most: 100,
            default: Some(default),
            otherwise: "",
        },
        doc,
    }
}

const fn number(
    name: &'static str,
    types: &'static [&'static str],
    most: u32,
    otherwise: &'static str,
    doc: &'static str,
) -> OptionFact {
    OptionFact {
        name,
        types,
        values: Values::Number {
            least: 1,
            most,
            default: None,
            otherwise,
        },
        doc,
    }
}

const fn words(
    name: &'static str,
    types: &'static [&'static str],
    names: &'static [&'static str],
    doc: &'static str,
) -> OptionFact {
    OptionFact {
        name,
        types,
        values: Values::Words(names),
        doc,
    }
}

const fn other(
    name: &'static str,
    types: &'static [&'static str],
    range: &'static str,
    default: &'static str,
    doc: &'static str,
) -> OptionFact {
    OptionFact {
        name,
        types,
        values: Values::Other { range, default },
        doc,
    }
}

/// The options of checks; besides them, `type` names the type.
pub const OPTIONS: &[OptionFact] = &[
    seconds(
        "interval",
        Timing::DEFAULT.interval,
        "from one run to the next",
    ),
    seconds(
        "retry_interval",
        Timing::DEFAULT.retry_interval,
        "from one run to the next while results have not decided",
    ),
    seconds(
        "timeout",
        Timing::DEFAULT.timeout,
        "for all of a run, from its start to the last byte",
    ),
    count(
        "rise",
        Timing::DEFAULT.rise,
        "passes in a row that bring a server up",
    ),
    count(
        "fall",
        Timing::DEFAULT.fall,
        "failures in a row that bring a server down",
    ),
    other(
        "address",
        ALL,
        "an address",
        "the server's",
        "where it is sent",
    ),
    number(
        "port",
        PORTS,
        65_535,
        "the server's",
        "the port that it is sent to",
    ),
    other(
        "source",
        SOCKETS,
        "an address of this host",
        "the kernel's choice",
        "the source address",
    ),
    other(
        "interface",
        SOCKETS,
        "the name of an interface",
        "none",
        "the interface that it leaves by",
    ),
    number(
        "mark",
        SOCKETS,
        u32::MAX,
        "none",
        "the firewall mark of its packets",
    ),
    words(
        "start",
        ALL,
        &Start::NAMES,
        "what becomes of a server that is new: \"wait\" for its \
        first pass, or \"up\" at once; \"auto\" waits where another server is up",
    ),
    other(
        "send",
        &["tcp"],
        "text, or \"hex:\" and digits",
        "nothing",
        "what is sent once connected",
    ),
    other(
        "expect",
        &["tcp"],
        "a regular expression",
        "no answer",
        "what the answer must match",
    ),
    other(
        "path",
        HTTP,
        "a path, with its query",
        Http::PATH,
        "what is asked for",
    ),
    words("method", HTTP, &Http::METHODS, "the method of the request"),
    other(
        "host",
        HTTP,
        "text",
        "the address and the port",
        "the header Host",
    ),
    other(
        "headers",
        HTTP,
        "a map of names and texts",
        "none",
        "further headers",
    ),
    other(
        "status",
        HTTP,
        "a number from 100 to 599, a range like \"200-299\", or a list of both",
        "200-299",
        "the status codes that pass",
    ),
    other(
        "body",
        HTTP,
        "a regular expression",
        "anything",
        "what the body must match",
    ),
    other(
        "verify",
        TLS,
        "true or false",
        "true",
        "whether the certificate must be valid",
    ),
    other(
        "sni",
        TLS,
        "a name of DNS, or an address",
        "the host, else the server's address",
        "the name that is asked for, and that the certificate must have",
    ),
    other(
        "ca",
        TLS,
        "the absolute path of a file (PEM)",
        "the authorities of this host",
        "the certificates that may have signed the server's, or that itself",
    ),
    other(
        "payload",
        &["udp"],
        "text, or \"hex:\" and digits",
        "must be given",
        "what is sent",
    ),
    other(
        "reply",
        &["udp"],
        "a regular expression; \"hex:\" and digits that it begins with, X for any \
        digit; () where no ICMP error is enough",
        "any reply",
        "what must come back",
    ),
    other(
        "command",
        &["exec"],
        "a list: the absolute path of a program, and its arguments, where \
        {address}, {port}, {vip}, {vport} and {mark} are filled in",
        "must be given",
        "what runs, \
        without a shell",
    ),
    other(
        "user",
        &["exec"],
        "the name of a user",
        Exec::USER,
        "the user that it runs as",
    ),
    other(
        "env",
        &["exec"],
        "a map of names and texts",
        "none",
        "its environment besides PATH",
    ),
];

/// Words of keepalived, ldirectord and HAProxy for our options.
pub(super) const SYNONYMS: &[(&str, &str)] = &[
    ("delay_loop", "interval"),
    ("checkinterval", "interval"),
    ("inter", "interval"),
    ("every", "interval"),
    ("delay_before_retry", "retry_interval"),
    ("fastinter", "retry_interval"),
    ("connect_timeout", "timeout"),
    ("checktimeout", "timeout"),
    ("negotiatetimeout", "timeout"),
    ("misc_timeout", "timeout"),
    ("nb_get_retry", "fall"),
    ("retry", "fall"),
    ("retries", "fall"),
    ("checkcount", "fall"),
    ("failurecount", "fall"),
    ("connect_ip", "address"),
    ("addr", "address"),
    ("connect_port", "port"),
    ("checkport", "port"),
    ("bindto", "source"),
    ("bind_if", "interface"),
    ("device", "interface"),
    ("fwmark", "mark"),
    ("so_mark", "mark"),
    ("url", "path"),
    ("uri", "path"),
    ("request", "path"),
    ("httpmethod", "method"),
    ("virtualhost", "host"),
    ("vhost", "host"),
    ("header", "headers"),
    ("status_code", "status"),
    ("code", "status"),
    ("rstatus", "status"),
    ("servername", "sni"),
    ("server_name", "sni"),
    ("enable_sni", "sni"),
    ("ca-file", "ca"),
    ("ca_file", "ca"),
    ("cafile", "ca"),
    ("regex", "body"),
    ("receive", "body"),
    ("rstring", "body"),
    ("require_reply", "reply"),
    ("string", "payload"),
    ("data", "payload"),
    ("send", "payload"),
    ("payload", "send"),
    ("receive", "expect"),
    ("response", "expect"),
    ("rstring", "expect"),
    ("regex", "expect"),
    ("misc_path", "command"),
    ("path", "command"),
    ("checkcommand", "command"),
    ("environment", "env"),
];

/// Words of the same for our types.
pub(super) const TYPE_SYNONYMS: &[(&str, &str)] = &[
    ("tcp_check", "tcp"),
    ("connect", "tcp"),
    ("http_get", "http"),
    ("httpchk", "http"),
    ("ssl_get", "https"),
    ("ssl", "https"),
    ("tls", "https"),
    ("udp_check", "udp"),
    ("ping_check", "ping"),
    ("icmp", "ping"),
    ("misc_check", "exec"),
    ("misc", "exec"),
    ("external", "exec"),
    ("external-perl", "exec"),
    ("script", "exec"),
];
