//! URLs of requests: what is asked of whom.
//!
//! Source of truth: RFC 3986, 3.2.2 for hosts; RFC 9110, 4.2.1 for http.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use hyper::http::uri::PathAndQuery;

use crate::error::{Error, Kind, Result};
use crate::model::HostName;
use crate::model::address::{endpoint, parse_ip, parse_port};
use crate::probe::Asked;

/// How a URL is written.
const FORMS: &str = "a URL is like http://192.0.2.10/path, tcp://192.0.2.10:3306 or 192.0.2.10:80";

/// The port of http where none is named.
const HTTP_PORT: u16 = 80;

/// What is asked, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    host: Host,
    port: u16,
    /// Path and query of http; none for tcp.
    path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// A name that this host looks up.
    Name(HostName),
}

/// A URL with the address that its host has.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL.
    pub url: Url,
    /// Where its requests go.
    pub addr: SocketAddr,
}

impl Url {
    /// Parses `http://HOST[:PORT]/PATH`, `tcp://HOST:PORT`, `HOST[:PORT][/PATH]`, which is http, and
    /// the name of a virtual service, `tcp 192.0.2.10:80`.
    ///
    /// # Errors
    /// `invalid` for other schemes, users, IPv6 addresses without brackets, and tcp without a port.
    pub fn parse(text: &str) -> Result<Url> {
        let refused = |cause: String| Error::invalid(cause).object(shown(text)).about(text);
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://").or_else(|| of_service(text)) {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.trim()),
            None => ("http".to_owned(), text),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let is_http = match scheme.as_str() {
            "http" => true,
            "tcp" => false,
            "https" => {
                let error = refused("try speaks no TLS".to_owned());
                return Err(error
                    .maybe_hint(tcp_form(authority).map(|url| {
                        format!("{url} shows whether a server accepts the connection")
                    })));
            }
            _ => return Err(refused(format!("unknown scheme \"{scheme}\"")).hint(FORMS)),
        };
        if authority.is_empty() {
            return Err(refused("there is no host".to_owned()).hint(FORMS));
        }
        if authority.contains('@') {
            let error = refused("a user cannot be named".to_owned());
            return Err(error.hint(FORMS));
        }
        let (host, port) = parts(authority).map_err(|error| error.object(shown(text)))?;
        let port = match port {
            Some(0) => return Err(refused("port 0 takes no connections".to_owned())),
            Some(port) => port,
            None if is_http => HTTP_PORT,
            None => return Err(refused("there is no port".to_owned()).hint(FORMS)),
        };
        let path = match is_http {
            true => Some(http_path(path).ok_or_else(|| {
                refused("this is not a path of http".to_owned())
                    .hint("other characters are written as %20")
            })?),
            false if matches!(path, "" | "/") => None,
            false => return Err(refused("tcp has no path".to_owned()).hint(FORMS)),
        };
        Ok(Url { host, port, path })
    }

    /// Looks the host up; of several addresses the first counts, as this host prefers them.
    ///
    /// # Errors
    /// `not_found` where the name has no address.
    pub fn resolve(self) -> Result<Target> {
        let addr = match &self.host {
            Host::Address(addr) => SocketAddr::new(*addr, self.port),
            Host::Name(name) => look_up(name.as_str(), self.port)?,
        };
        Ok(Target { url: self, addr })
    }

    /// The value of the header Host: with the port where it is not that of http.
    pub(super) fn authority(&self) -> String {
        match (&self.host, self.path.is_some() && self.port == HTTP_PORT) {
            (Host::Address(IpAddr::V6(addr)), true) => format!("[{addr}]"),
            (Host::Address(addr), true) => addr.to_string(),
            (Host::Address(addr), false) => endpoint(*addr, self.port),
            (Host::Name(name), true) => name.to_string(),
            (Host::Name(name), false) => format!("{name}:{}", self.port),
        }
    }

    /// What its requests ask; `authority` is that of the same URL.
    pub(super) fn asked<'a>(&'a self, authority: &'a str) -> Asked<'a> {
        match &self.path {
            Some(path) => Asked::Http {
                host: authority,
                path,
            },
            None => Asked::Tcp,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "http://{}{path}", self.authority()),
            None => write!(f, "tcp://{}", self.authority()),
        }
    }
}

/// Protocol and address of the name of a virtual service.
fn of_service(text: &str) -> Option<(&str, &str)> {
    let kinds = ["tcp", "udp", "sctp", "fwmark", "fwmark6"];
    let named = text.split_once(' ');
    named.filter(|(kind, _)| kinds.contains(&kind.to_ascii_lowercase().as_str()))
}

/// A text of the user's as part of an error: without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// What asks for a connection alone, at the port of https where none is named.
fn tcp_form(authority: &str) -> Option<String> {
    let (host, port) = parts(authority).ok()?;
    let port = port.unwrap_or(443);
    Some(match host {
        Host::Address(addr) => format!("tcp://{}", endpoint(addr, port)),
        Host::Name(name) => format!("tcp://{name}:{port}"),
    })
}

/// The host and the port that a URL names.
fn parts(authority: &str) -> Result<(Host, Option<u16>)> {
    if authority.starts_with('[') {
        let (inside, behind) = authority.split_once(']').ok_or_else(|| {
            Error::invalid("a bracket is not closed")
                .about(authority)
                .hint("an IPv6 address is like [2001:db8::10]")
        })?;
        let addr = parse_ip(inside.trim_start_matches('['))?;
        let port = match behind.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if behind.is_empty() => None,
            None => {
                return Err(Error::invalid(format!("\"{behind}\" is no port"))
                    .about(authority)
                    .hint("an IPv6 address with a port is like [2001:db8::10]:80"));
            }
        };
        return Ok((Host::Address(addr), port));
    }
    if authority.matches(':').count() > 1 {
        let error = Error::invalid("an IPv6 address stands in brackets").about(authority);
        let whole = parse_ip(authority).ok();
        return Err(match whole {
            Some(addr) => error.hint(format!("did you mean \"[{addr}]\"?")),
            None => error.hint("an IPv6 address with a port is like [2001:db8::10]:80"),
        });
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (authority, None),
    };
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let host = match is_number || host.contains('%') {
        true => Host::Address(parse_ip(host)?),
        false => Host::Name(HostName::parse(host)?),
    };
    Ok((host, port))
}

/// Path and query, as http sends them.
fn http_path(text: &str) -> Option<String> {
    let text = match text.starts_with('/') {
        true => text.to_owned(),
        false => format!("/{text}"),
    };
    text.is_ascii()
        .then(|| text.parse::<PathAndQuery>().ok())
        .flatten()
        .map(|path| path.to_string())
}

fn look_up(name: &str, port: u16) -> Result<SocketAddr> {
    let failed = |cause: &str| {
        Error::new(Kind::NotFound, cause)
            .object(name)
            .attempt("cannot look the host up")
            .hint("an address needs no look-up: http://192.0.2.10/")
    };
    let mut found = (name, port)
        .to_socket_addrs()
        .map_err(|error| failed("the name cannot be resolved").caused_by(error))?;
    found
        .next()
        .ok_or_else(|| failed("the name has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for (text, expected) in [
            ("http://192.0.2.10/", "http://192.0.2.10/"),
            ("HTTP://192.0.2.10", "http://192.0.2.10/"),
            ("192.0.2.10", "http://192.0.2.10/"),
            ("192.0.2.10:80", "http://192.0.2.10/"),
            ("192.0.2.10:8080/a?b=c#d", "http://192.0.2.10:8080/a?b=c"),
            ("http://192.0.2.10?x", "http://192.0.2.10/?x"),
            ("[2001:db8::10]", "http://[2001:db8::10]/"),
            ("http://[2001:DB8::10]:81/x", "http://[2001:db8::10]:81/x"),
            ("www.example:8080", "http://www.example:8080/"),
            ("http://www.example/", "http://www.example/"),
            ("tcp://192.0.2.10:3306", "tcp://192.0.2.10:3306"),
            ("tcp://[2001:db8::10]:80/", "tcp://[2001:db8::10]:80"),
            ("tcp://db.example:80", "tcp://db.example:80"),
            ("tcp 192.0.2.10:80", "tcp://192.0.2.10:80"),
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_way_out() {
        for (text, cause, hint) in [
            ("", "there is no host", FORMS),
            ("http://", "there is no host", FORMS),
            ("http:///x", "there is no host", FORMS),
            (
                "https://192.0.2.10/",
                "try speaks no TLS",
                "tcp://192.0.2.10:443 shows",
            ),
            (
                "https://www.example:8443/x",
                "try speaks no TLS",
                "tcp://www.example:8443 shows",
            ),
            (
                "https://[2001:db8::10]",
                "try speaks no TLS",
                "tcp://[2001:db8::10]:443 shows",
            ),
            ("udp://192.0.2.10:53", "unknown scheme \"udp\"", FORMS),
            ("udp 192.0.2.10:53", "unknown scheme \"udp\"", FORMS),
            ("fwmark 7", "unknown scheme \"fwmark\"", FORMS),
            (
                "http://me:secret@192.0.2.10/",
                "a user cannot be named",
                FORMS,
            ),
            (
                "2001:db8::10",
                "an IPv6 address stands in brackets",
                "did you mean \"[2001:db8::10]\"?",
            ),
            (
                "http://a:b:c/",
                "an IPv6 address stands in brackets",
                "[2001:db8::10]:80",
            ),
            ("[2001:db8::10", "a bracket is not closed", "[2001:db8::10]"),
            ("[2001:db8::10]x", "\"x\" is no port", "[2001:db8::10]:80"),
            ("[fe80::1%eth0]:80", "has a scope", "without %"),
            ("192.0.2.300", "is not an IP address", "0 to 255"),
            ("192.0.2.010", "is not an IP address", "write 192.0.2.10"),
            ("192.0.2.10:0", "port 0 takes no connections", ""),
            ("192.0.2.10:70000", "out of range", "65535"),
            (
                "192.0.2.10:http",
                "is not a port number",
                "write the number",
            ),
            ("tcp://192.0.2.10", "there is no port", FORMS),
            ("tcp://192.0.2.10:80/x", "tcp has no path", FORMS),
            ("192.0.2.10/a b", "this is not a path of http", "%20"),
            ("192.0.2.10/ä", "this is not a path of http", "%20"),
            ("http://a_b c/", "is not the name of a host", "letters"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.to_string().contains(cause), "{text}: {error}");
            let hints = error.hints().join("\n");
            assert!(hints.contains(hint), "{text}: {hints}");
        }
    }
}
