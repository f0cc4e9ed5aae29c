//! Names of ports: lines that were saved without `-n` have `http` where a number belongs.
//!
//! Source of truth: services(5).

use super::options::Given;
use crate::error::{Error, Result};

/// The services database.
pub(crate) const SERVICES: &str = "/etc/services";

/// The options that name an address service, with their protocols' names.
const SELECTORS: [(&str, &str); 3] = [
    ("tcp-service", "tcp"),
    ("udp-service", "udp"),
    ("sctp-service", "sctp"),
];

/// A line of the services database: `http 80/tcp www # words`.
pub(crate) struct Entry<'a> {
    /// The port.
    pub(crate) port: u16,
    /// The protocol's name.
    pub(crate) protocol: &'a str,
    /// The name, then its aliases.
    pub(crate) names: Vec<&'a str>,
}

/// Reads the text of a services database; lines that make no sense are left out.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?;
        let (port, protocol) = words.next()?.split_once('/')?;
        Some(Entry {
            port: port.parse().ok()?,
            protocol,
            names: std::iter::once(name).chain(words).collect(),
        })
    })
}

/// Looks a port's name up for a protocol.
pub(crate) fn find(database: &str, name: &str, protocol: &str) -> Option<u16> {
    entries(database)
        .find(|entry| entry.protocol == protocol && entry.names.contains(&name))
        .map(|entry| entry.port)
}

/// A name that was read as a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    name: String,
    protocol: &'static str,
    port: u16,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Named {
            name,
            protocol,
            port,
        } = self;
        write!(
            f,
            "{SERVICES} says that \"{name}\" is {protocol} port {port}, and so it was read"
        )
    }
}

/// Puts numbers in the place of ports' names, in the service and the server of a line.
///
/// # Errors
/// `invalid` for a name that the database does not have.
pub(super) fn resolve(given: &mut Given) -> Result<Vec<Named>> {
    let selected = SELECTORS
        .into_iter()
        .find(|(option, _)| given.value(option).is_some());
    let Some((option, protocol)) = selected else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for option in [option, "real-server"] {
        let Some((place, name)) = given.value(option).and_then(port_name) else {
            continue;
        };
        let database = std::fs::read(SERVICES).unwrap_or_default();
        let port = find(&String::from_utf8_lossy(&database), name, protocol).ok_or_else(|| {
            Error::invalid(format!("{SERVICES} has no {protocol} port \"{name}\""))
                .hint("`ipvsadm -Sn` prints numbers where `ipvsadm -S` prints names")
        })?;
        let value = format!("{place}:{port}");
        found.push(Named {
            name: name.to_owned(),
            protocol,
            port,
        });
        given.replace(option, value);
    }
    Ok(found)
}

/// The address and the port's name of `192.0.2.1:http` and `[2001:db8::1]:http`.
fn port_name(word: &str) -> Option<(&str, &str)> {
    let (place, name) = word.rsplit_once(':')?;
    let is_address = match place.strip_prefix('[') {
        Some(inside) => inside
            .strip_suffix(']')
            .is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok()),
        None => place.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    let is_name = name.contains(|c: char| c.is_ascii_alphabetic());
    (is_address && is_name).then_some((place, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_with_aliases_and_comments() {
        let text = "# x\nhttp 80/tcp www # web\nhttp 80/udp\nbad line\ndomain\t53/udp\n";
        let found: Vec<_> = entries(text)
            .map(|entry| {
                format!(
                    "{}/{} {}",
                    entry.port,
                    entry.protocol,
                    entry.names.join(",")
                )
            })
            .collect();
        assert_eq!(found, ["80/tcp http,www", "80/udp http", "53/udp domain"]);
        assert_eq!(find(text, "www", "tcp"), Some(80));
        assert_eq!(find(text, "www", "udp"), None);
    }

    #[test]
    fn only_the_port_of_an_address_is_a_name() {
        assert_eq!(port_name("192.0.2.1:http"), Some(("192.0.2.1", "http")));
        assert_eq!(port_name("[::1]:www"), Some(("[::1]", "www")));
        for word in ["192.0.2.1:80", "web:http", "2001:db8::a", "::1", "666", "x"] {
            assert_eq!(port_name(word), None, "{word}");
        }
    }
}
