//! What a view of services is narrowed to: services, a real server, a network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::row::{Row, fitting};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::address::Endpoint;
use crate::model::mark::{net_text, parse_net};
use crate::model::{ServerKey, ServiceKey, ServiceName};

/// What a view of services is narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// A virtual service, or an address: that of services or, where no service has it, of real
    /// servers.
    Service(ServiceName),
    /// A real server, in every service that has it.
    Server(Endpoint),
    /// The services and the real servers in a network.
    Net(IpNet),
}

/// A service that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownService {
    /// The service.
    pub key: ServiceKey,
    /// Those of its servers that are shown; none for all of them.
    pub only: Option<BTreeSet<ServerKey>>,
}

impl Selection {
    /// Reads `tcp 192.0.2.10:80`, `192.0.2.10`, `server 10.0.0.11`, `10.0.0.0/24`.
    ///
    /// # Errors
    /// `invalid`, with what would be right where the text names something else.
    pub fn parse(text: &str) -> Result<Selection> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["server", server] => Endpoint::parse(server)
                .map(Selection::Server)
                .map_err(|error| error.object(format!("real server {server}"))),
            ["mark", mark] => Err(Error::new(
                Kind::Usage,
                format!("the rules of a mark are another view: marks {mark}"),
            )
            .hint(format!(
                "ipvsh show marks {mark}; its virtual service: ipvsh show fwmark {mark}"
            ))),
            [net] if net.contains('/') => parse_net(net).map(Selection::Net),
            [number] if number.bytes().all(|b| b.is_ascii_digit()) => {
                Err(Error::invalid(format!("\"{number}\" is no address"))
                    .about(number)
                    .hint(format!(
                        "a mark's service is named fwmark {number}, a port is behind its address: \
                 192.0.2.10:80"
                    ))
                    .hint(format!(
                        "show is about what is live; snapshot {number}: ipvsh export {number}"
                    )))
            }
            _ => ServiceName::parse(text).map(Selection::Service),
        }
    }

    /// Returns true if a connection is of the network, or of the real server.
    pub fn has_server(&self, server: &ServerKey) -> bool {
        match self {
            Selection::Service(ServiceName::Bare { addr, port }) => Endpoint {
                addr: *addr,
                port: *port,
            }
            .fits(server.addr, server.port),
            Selection::Service(ServiceName::Key(_)) => false,
            Selection::Server(wanted) => wanted.fits(server.addr, server.port),
            Selection::Net(net) => net.contains(&server.addr),
        }
    }

    /// The hint for an address that is like one of the real servers'.
    fn close_server(&self, known: BTreeSet<IpAddr>) -> Option<String> {
        let Selection::Service(ServiceName::Bare { addr, .. }) = self else {
            return None;
        };
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        let close = did_you_mean(&addr.to_string(), known.iter().map(String::as_str))?;
        Some(format!("did you mean \"{close}\"?"))
    }

    /// Returns true if a service's address is in the network.
    pub fn has_vip(&self, key: &ServiceKey) -> bool {
        match self {
            Selection::Net(net) => key.addr().is_some_and(|addr| net.contains(&addr)),
            Selection::Service(_) | Selection::Server(_) => false,
        }
    }
}

/// The services that are shown, in their order; without a subject, all. `servers` gives the servers
/// of a service.
///
/// # Errors
/// `not_found` with a "did you mean".
pub fn select<'a>(
    subject: Option<&Selection>,
    keys: impl Iterator<Item = &'a ServiceKey> + Clone,
    servers: &dyn Fn(&ServiceKey) -> Vec<ServerKey>,
) -> Result<Vec<ShownService>> {
    let whole = |key: ServiceKey| ShownService { key, only: None };
    let refusal = match subject {
        None => return Ok(keys.map(|key| whole(*key)).collect()),
        Some(Selection::Service(name)) => match fitting(Some(name), keys.clone()) {
            Ok(found) => return Ok(found.into_iter().map(whole).collect()),
            Err(error) => Some(error),
        },
        Some(Selection::Server(_) | Selection::Net(_)) => None,
    };
    let Some(subject) = subject else {
        return Ok(Vec::new());
    };
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for key in keys {
        if subject.has_vip(key) {
            found.push(whole(*key));
            continue;
        }
        let all = servers(key);
        known.extend(all.iter().map(|server| server.addr));
        let only: BTreeSet<ServerKey> = all
            .into_iter()
            .filter(|server| subject.has_server(server))
            .collect();
        if !only.is_empty() {
            found.push(ShownService {
                key: *key,
                only: Some(only),
            });
        }
    }
    match (found.is_empty(), refusal, subject) {
        (false, _, _) => Ok(found),
        (true, Some(error), _) if !error.hints().is_empty() => Err(error),
        (true, Some(error), subject) => Err(error.maybe_hint(subject.close_server(known))),
        (true, None, Selection::Net(net)) => Err(Error::not_found(
            "no virtual service and no real server is in it",
        )
        .object(format!("network {}", net_text(net)))
        .hint("ipvsh show lists virtual services and real servers")),
        (true, None, Selection::Server(server)) => {
            Err(Error::not_found("no service has this real server")
                .object(format!("real server {server}")))
        }
        (true, None, Selection::Service(_)) => Ok(found),
    }
}

impl ShownService {
    /// Leaves only those servers of a row that are shown.
    pub fn narrow(&self, row: &mut Row) {
        if let Some(only) = &self.only {
            row.servers.retain(|server| only.contains(&server.key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_from_its_words() {
        let net = Selection::Net("10.1.3.0/24".parse().unwrap());
        assert_eq!(Selection::parse("10.1.3.7/24").unwrap(), net);
        let server = Endpoint::parse("10.0.0.11").unwrap();
        assert_eq!(
            Selection::parse("server 10.0.0.11").unwrap(),
            Selection::Server(server)
        );
        for (text, hint) in [
            (
                "mark 6",
                "ipvsh show marks 6; its virtual service: ipvsh show fwmark 6",
            ),
            (
                "666",
                "a mark's service is named fwmark 666, a port is behind its address: 192.0.2.10:80",
            ),
            ("10.0.0.0/33", "a network is like \"192.0.2.0/24\""),
        ] {
            assert_eq!(
                Selection::parse(text).unwrap_err().hints()[0],
                hint,
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_of_a_server_shows_it_in_every_service() {
        let key = |text| ServiceKey::parse(text).unwrap();
        let keys = [
            key("tcp 192.0.2.10:80"),
            key("udp 192.0.2.10:53"),
            key("fwmark 7"),
        ];
        let servers = |key: &ServiceKey| {
            let last = if key.is_mark() {
                "10.0.0.13"
            } else {
                "10.0.0.12"
            };
            ["10.0.0.11", last]
                .map(|server| ServerKey::parse(server, key).unwrap())
                .to_vec()
        };
        let shown = |text: &str| {
            let subject = Selection::parse(text).unwrap();
            let shown = select(Some(&subject), keys.iter(), &servers);
            shown.map(|all| {
                let only = |one: &ShownService| one.only.as_ref().map_or(9, BTreeSet::len);
                all.iter()
                    .map(|one| (one.key, only(one)))
                    .collect::<Vec<_>>()
            })
        };
        let [web, dns, mark] = keys;
        assert_eq!(shown("192.0.2.10").unwrap(), [(web, 9), (dns, 9)]);
        assert_eq!(shown("10.0.0.12").unwrap(), [(web, 1), (dns, 1)]);
        assert_eq!(shown("10.0.0.12:53").unwrap(), [(dns, 1)]);
        assert_eq!(shown("server 10.0.0.13").unwrap(), [(mark, 1)]);
        assert_eq!(
            shown("10.0.0.8/29").unwrap(),
            [(web, 2), (dns, 2), (mark, 2)]
        );
        assert_eq!(shown("192.0.2.0/24").unwrap(), [(web, 9), (dns, 9)]);
        for text in ["10.0.0.99", "server 10.0.0.99", "203.0.113.0/24"] {
            assert_eq!(shown(text).unwrap_err().kind(), Kind::NotFound, "{text}");
        }
    }
}
