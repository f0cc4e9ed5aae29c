//! What a check sends, and which answer passes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::payload::Payload;
use super::reply::Reply;
use super::status::StatusSet;

/// What is sent, and which answer passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A TCP connection, and an exchange where one is named.
    Tcp(Tcp),
    /// A request of HTTP/1.1.
    Http(Http),
    /// A datagram, and what comes back.
    Udp(Udp),
    /// An ICMP echo.
    Ping,
    /// A program of the operator's.
    Exec(Exec),
}

impl CheckKind {
    /// The name of the type in scripts.
    pub fn name(&self) -> &'static str {
        match self {
            CheckKind::Tcp(_) => "tcp",
            CheckKind::Http(Http { tls: None, .. }) => "http",
            CheckKind::Http(_) => "https",
            CheckKind::Udp(_) => "udp",
            CheckKind::Ping => "ping",
            CheckKind::Exec(_) => "exec",
        }
    }
}

/// A TCP connection, and an exchange where one is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tcp {
    /// What is sent once connected; default nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Payload>,
    /// What the answer must match; default: none is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Pattern>,
}

/// A request of HTTP/1.1, over TLS where that is asked for. Redirects are answers like others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The path, with a query where there is one; default `/`.
    #[serde(skip_serializing_if = "is_root")]
    pub path: String,
    /// The method; default GET.
    #[serde(skip_serializing_if = "is_get")]
    pub method: String,
    /// The header Host; default the address, and the port unless it is 80, with TLS 443.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Further headers; default none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The status codes that pass; default 200 to 299.
    #[serde(skip_serializing_if = "StatusSet::is_default")]
    pub status: StatusSet,
    /// What the body must match; default anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Pattern>,
    /// TLS around the request: the type https; default none: the type http.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// TLS around an exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether the certificate must be valid; default true.
    #[serde(skip_serializing_if = "is_true")]
    pub verify: bool,
    /// The name that is asked for (SNI), and that the certificate must have; default the host of the
    /// request, else the server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// A file of certificates (PEM) that may have signed the server's, or that itself; default those of
    /// this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            verify: true,
            sni: None,
            ca: None,
        }
    }
}

fn is_true(verify: &bool) -> bool {
    *verify
}

impl Http {
    /// The path where a check does not say.
    pub const PATH: &str = "/";
    /// The methods; the first holds where a check does not say.
    pub const METHODS: [&str; 4] = ["GET", "HEAD", "OPTIONS", "POST"];
}

fn is_root(path: &str) -> bool {
    path == Http::PATH
}

fn is_get(method: &str) -> bool {
    method == "GET"
}

impl Default for Http {
    fn default() -> Http {
        Http {
            path: Http::PATH.to_owned(),
            method: "GET".to_owned(),
            host: None,
            headers: BTreeMap::new(),
            status: StatusSet::default(),
            body: None,
            tls: None,
        }
    }
}

/// A datagram, and what comes back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Udp {
    /// What is sent.
    pub payload: Payload,
    /// What must come back; default any datagram.
    #[serde(default, skip_serializing_if = "is_any")]
    pub reply: Reply,
}

fn is_any(reply: &Reply) -> bool {
    *reply == Reply::Any
}

/// A program of the operator's. It runs without a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program, by its absolute path, and its arguments, with placeholders.
    pub command: Vec<String>,
    /// The user that it runs as; default nobody.
    #[serde(default = "nobody", skip_serializing_if = "is_nobody")]
    pub user: String,
    /// Its environment besides PATH; default none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Exec {
    /// The user where a check does not say.
    pub const USER: &str = "nobody";
}

fn nobody() -> String {
    Exec::USER.to_owned()
}

fn is_nobody(user: &str) -> bool {
    user == Exec::USER
}
