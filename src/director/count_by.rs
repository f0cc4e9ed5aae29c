//! Connections counted by what they have in common: a client's network, a server, a service, a state.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use ipnet::IpNet;

use super::{Director, Wanted};
use crate::error::{Error, Result, did_you_mean};
use crate::model::mark::net_text;
use crate::model::{Connection, ServiceKey};

/// How many different values are counted, in about 20 MB; connections of further ones are counted
/// together.
pub const MOST_VALUES: usize = 100_000;

/// The longest prefix of an address.
const LONGEST_PREFIX: u8 = 128;

/// What connections are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountBy {
    /// The client's address, or its network of so many bits.
    Client(Option<u8>),
    /// The real server with its port, or its network of so many bits.
    Server(Option<u8>),
    /// The service.
    Service,
    /// The state.
    State,
}

impl CountBy {
    /// Reads `client`, `client/24`, `server`, `server/24`, `service` or `state`.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<CountBy> {
        let (name, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((name, bits)) => {
                let bits = bits.parse().ok().filter(|bits| *bits <= LONGEST_PREFIX);
                let bits = bits.ok_or_else(|| {
                    Error::invalid(format!("\"{text}\" has no length of a prefix"))
                        .about(text)
                        .hint("like client/24, or client/64 for IPv6")
                })?;
                (name, Some(bits))
            }
        };
        match (name, prefix) {
            ("client", bits) => Ok(CountBy::Client(bits)),
            ("server", bits) => Ok(CountBy::Server(bits)),
            ("service", None) => Ok(CountBy::Service),
            ("state", None) => Ok(CountBy::State),
            ("service" | "state", Some(_)) => Err(Error::invalid(format!(
                "a {name} has no prefix: \"{text}\""
            ))
            .about(text)
            .hint("client/24 and server/24 have one")),
            _ => {
                let close = did_you_mean(name, ["client", "server", "service", "state"]);
                Err(
                    Error::invalid(format!("connections are not counted by \"{text}\""))
                        .about(text)
                        .hint(match close {
                            Some(close) => format!("did you mean \"{close}\"?"),
                            None => {
                                "they are by client, client/24, server, service, state".to_owned()
                            }
                        }),
                )
            }
        }
    }

    /// The word for what is counted by, without a prefix.
    pub fn word(self) -> &'static str {
        match self {
            CountBy::Client(_) => "client",
            CountBy::Server(_) => "server",
            CountBy::Service => "service",
            CountBy::State => "state",
        }
    }

    fn value(self, connection: Connection) -> Value {
        match self {
            CountBy::Client(None) => Value::Address(connection.client.ip()),
            CountBy::Client(Some(bits)) => Value::Net(network(connection.client.ip(), bits)),
            CountBy::Server(None) => Value::End(connection.server),
            CountBy::Server(Some(bits)) => Value::Net(network(connection.server.ip(), bits)),
            CountBy::Service => Value::Service(connection.service),
            CountBy::State => Value::State(connection.state),
        }
    }
}

impl fmt::Display for CountBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CountBy::Client(Some(bits)) | CountBy::Server(Some(bits)) => {
                write!(f, "{}/{bits}", self.word())
            }
            other => f.write_str(other.word()),
        }
    }
}

/// The network of an address; one of IPv4 has 32 bits at most.
fn network(addr: IpAddr, bits: u8) -> IpNet {
    let whole = IpNet::from(addr);
    let bits = bits.min(whole.max_prefix_len());
    IpNet::new(addr, bits).map_or(whole, |net| net.trunc())
}

/// A value that connections have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Address(IpAddr),
    Net(IpNet),
    End(SocketAddr),
    Service(ServiceKey),
    State(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Address(addr) => addr.fmt(f),
            Value::Net(net) => f.write_str(&net_text(net)),
            Value::End(end) => end.fmt(f),
            Value::Service(key) => key.fmt(f),
            Value::State(state) => f.write_str(state),
        }
    }
}

/// Connections, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What they are counted by.
    pub by: CountBy,
    /// The values, the most frequent first, with their connections.
    pub values: Vec<(String, u64)>,
    /// How many values there are that `values` does not have, and their connections.
    pub more: (usize, u64),
    /// The connections of values beyond [`MOST_VALUES`], which were not told apart.
    pub beyond: u64,
    /// All connections.
    pub total: u64,
}

impl Director {
    /// Counts the connections that are wanted, in one pass and bounded memory; gives the `top` most
    /// frequent values. The order and the limit of `wanted` do not matter.
    ///
    /// # Errors
    /// As [`Director::connections`].
    pub fn count_connections(
        &mut self,
        wanted: &Wanted,
        by: CountBy,
        top: usize,
    ) -> Result<Counted> {
        self.count_within(wanted, by, top, MOST_VALUES)
    }

    fn count_within(
        &mut self,
        wanted: &Wanted,
        by: CountBy,
        top: usize,
        most: usize,
    ) -> Result<Counted> {
        let all = Wanted {
            order: None,
            limit: None,
            ..wanted.clone()
        };
        let mut counts: BTreeMap<Value, u64> = BTreeMap::new();
        let (mut total, mut beyond) = (0_u64, 0_u64);
        self.connections(&all, &mut |connection| {
            total = total.saturating_add(1);
            let value = by.value(connection);
            let is_full = counts.len() >= most;
            match counts.entry(value) {
                Entry::Occupied(mut count) => *count.get_mut() += 1,
                Entry::Vacant(_) if is_full => beyond = beyond.saturating_add(1),
                Entry::Vacant(place) => {
                    place.insert(1);
                }
            }
            ControlFlow::Continue(())
        })?;
        let mut sorted: Vec<(Value, u64)> = counts.into_iter().collect();
        // Stable: those that are as frequent stay in the order of their values.
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest = sorted.get(top..).unwrap_or_default();
        let more = (rest.len(), rest.iter().map(|(_, count)| count).sum());
        sorted.truncate(top);
        let text = |(value, count): (Value, u64)| (value.to_string(), count);
        Ok(Counted {
            by,
            values: sorted.into_iter().map(text).collect(),
            more,
            beyond,
            total,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::director::Filter;
    use crate::error::Kind;
    use crate::kernel::{Sim, proc};
    use crate::model::Ruleset;
    use crate::store::MemoryStores;

    const LIST: &str = "\
TCP C6336401 8001 C0000201 0050 0A000001 0050 ESTABLISHED     900
TCP C6336402 8002 C0000201 0050 0A000002 0050 TIME_WAIT        10
TCP C6336402 8003 C0000201 0050 0A000001 0050 ESTABLISHED      50
TCP CB007101 8003 C0000201 0050 0A000001 0050 ESTABLISHED      50
TCP 2001:0db8:0000:0001:0000:0000:0000:0001 8001 2001:db8::1 0050 2001:db8::2 0050 ESTABLISHED 61
TCP 2001:0db8:0000:0001:0000:0000:0000:0002 8001 2001:db8::1 0050 2001:db8::2 0050 ESTABLISHED 61
TCP 2001:0db8:0000:0002:0000:0000:0000:0002 8001 2001:db8::1 0050 2001:db8::2 0050 ESTABLISHED 61
";

    fn director() -> Director {
        let sim = Sim::new(&Ruleset::default());
        sim.edit_connections(|all| {
            proc::connections(LIST.as_bytes(), &mut |connection| {
                all.push(connection);
                ControlFlow::Continue(())
            })
            .unwrap();
        });
        let stores = Rc::new(MemoryStores::new());
        Director::new(Box::new(sim), stores, "ada".to_owned())
    }

    fn counted(by: &str, top: usize) -> Counted {
        let by = CountBy::parse(by).unwrap();
        director()
            .count_connections(&Wanted::default(), by, top)
            .unwrap()
    }

    fn values(by: &str) -> Vec<(String, u64)> {
        counted(by, 99).values
    }

    fn pairs(all: &[(&str, u64)]) -> Vec<(String, u64)> {
        all.iter()
            .map(|(text, n)| ((*text).to_owned(), *n))
            .collect()
    }

    #[test]
    fn connections_are_counted_by_each_of_their_ends() {
        assert_eq!(
            values("client/24"),
            pairs(&[
                ("198.51.100.0/24", 3),
                ("2001:d00::/24", 3),
                ("203.0.113.0/24", 1)
            ])
        );
        assert_eq!(
            values("client/64"),
            pairs(&[
                ("198.51.100.2", 2),
                ("2001:db8:0:1::/64", 2),
                ("198.51.100.1", 1),
                ("203.0.113.1", 1),
                ("2001:db8:0:2::/64", 1),
            ])
        );
        assert_eq!(values("client").len(), 6);
        assert_eq!(
            values("server"),
            pairs(&[
                ("10.0.0.1:80", 3),
                ("[2001:db8::2]:80", 3),
                ("10.0.0.2:80", 1)
            ])
        );
        assert_eq!(
            values("state"),
            pairs(&[("ESTABLISHED", 6), ("TIME_WAIT", 1)])
        );
        assert_eq!(
            values("service"),
            pairs(&[("tcp 192.0.2.1:80", 4), ("tcp [2001:db8::1]:80", 3)])
        );
    }

    #[test]
    fn the_most_frequent_are_given_and_the_rest_is_counted() {
        let top = counted("client", 1);
        assert_eq!(top.values, pairs(&[("198.51.100.2", 2)]));
        assert_eq!((top.more, top.beyond, top.total), ((5, 5), 0, 7));
        let filtered = Wanted {
            server: Some(Filter::parse("10.0.0.1").unwrap()),
            limit: Some(1),
            ..Wanted::default()
        };
        let some = director().count_connections(&filtered, CountBy::State, 9);
        assert_eq!(some.unwrap().total, 3);
    }

    #[test]
    fn memory_is_bounded_and_what_is_beyond_is_counted() {
        let wanted = Wanted::default();
        let by = CountBy::Client(None);
        let few = director().count_within(&wanted, by, 9, 2).unwrap();
        assert_eq!(
            few.values,
            pairs(&[("198.51.100.2", 2), ("198.51.100.1", 1)])
        );
        assert_eq!((few.beyond, few.total), (4, 7));
    }

    #[test]
    fn what_cannot_be_counted_by_is_refused() {
        for (text, hint) in [
            ("clinet", "did you mean \"client\"?"),
            (
                "port",
                "they are by client, client/24, server, service, state",
            ),
            ("client/129", "like client/24, or client/64 for IPv6"),
            ("client/", "like client/24, or client/64 for IPv6"),
            ("state/8", "client/24 and server/24 have one"),
        ] {
            let error = CountBy::parse(text).unwrap_err();
            assert_eq!(
                (error.kind(), error.hints()),
                (Kind::Invalid, &[hint.to_owned()][..])
            );
        }
    }
}
