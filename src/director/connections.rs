//! Connections: which are wanted, in which order, how many.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::ops::ControlFlow;

use super::views::shown_of;
use super::{Director, Filter};
use crate::error::{Error, Result, did_you_mean};
use crate::model::connection::STATES;
use crate::model::{Connection, Family, Live, Protocol, ServerKey, ServiceKey};
use crate::signals;
use crate::views::{Order, Selection};

/// How many connections pass between two looks for a signal.
const STRIDE: u32 = 4096;

/// The control connections of FTP: the kernel makes templates of that service for all ports
/// (ip_vs_sched_persist in ip_vs_core.c).
const FTP_PORT: u16 = 21;

/// Which connections are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Those of a service, of the services that a bare address fits, to a real server, or of what
    /// is in a network.
    pub subject: Option<Selection>,
    /// Those to a real server: an address, an address and a port, a port, a network.
    pub server: Option<Filter>,
    /// Those of a client, likewise.
    pub client: Option<Filter>,
    /// Those in a state.
    pub state: Option<String>,
    /// The order; without one, the kernel's. It needs as much memory as the connections that are
    /// given, all or `limit`.
    pub order: Option<Order>,
    /// How many at most.
    pub limit: Option<usize>,
}

impl Wanted {
    /// Reads the name of a state, in any case.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn state(text: &str) -> Result<String> {
        let name = text.to_uppercase();
        if STATES.contains(&name.as_str()) {
            return Ok(name);
        }
        Err(Error::invalid(format!("unknown state \"{text}\""))
            .about(text)
            .hint(match did_you_mean(&name, STATES) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("states are {}", STATES.join(", ")),
            }))
    }

    fn fits(&self, connection: &Connection, owners: Option<&Owners>) -> bool {
        let end = |filter: &Option<Filter>, end: std::net::SocketAddr| {
            filter.is_none_or(|filter| filter.fits(end.ip(), end.port()))
        };
        let state = self.state.as_ref();
        end(&self.client, connection.client)
            && end(&self.server, connection.server)
            && state.is_none_or(|state| *state == connection.state)
            && owners.is_none_or(|owners| owners.own(connection))
    }
}

impl Director {
    /// Walks over connections, in constant memory unless they are to be sorted; `visit` says
    /// whether to go on.
    ///
    /// The kernel does not note which service a connection came by. Those to the address of a
    /// service are its own; any other to a server of an fwmark service counts as that one's.
    ///
    /// # Errors
    /// `not_found` where the service is not there; `interrupted`; as the kernel refuses.
    pub fn connections(
        &mut self,
        wanted: &Wanted,
        visit: &mut dyn FnMut(Connection) -> ControlFlow<()>,
    ) -> Result<()> {
        let owners = match &wanted.subject {
            Some(subject) => Some(Owners::new(subject, &self.live()?)?),
            None => None,
        };
        let limit = wanted.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(());
        }
        let mut first: BinaryHeap<Ranked> = BinaryHeap::new();
        let mut given = 0;
        self.each_connection(&mut |connection| {
            if !wanted.fits(&connection, owners.as_ref()) {
                return ControlFlow::Continue(());
            }
            if let Some(order) = wanted.order {
                first.push(Ranked { order, connection });
                if first.len() > limit {
                    first.pop();
                }
                return ControlFlow::Continue(());
            }
            given += 1;
            match visit(connection) {
                ControlFlow::Continue(()) if given < limit => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        let sorted = first.into_sorted_vec().into_iter();
        // Whether it was stopped half way matters to nobody.
        let _ = sorted
            .map(|ranked| ranked.connection)
            .try_for_each(&mut *visit);
        Ok(())
    }

    /// Walks over all connections, and stops where a signal came.
    fn each_connection(
        &mut self,
        visit: &mut dyn FnMut(Connection) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut passed = 0_u32;
        let mut interrupted = Ok(());
        self.kernel.connections(&mut |connection| {
            passed = passed.wrapping_add(1);
            if passed.is_multiple_of(STRIDE) {
                interrupted = signals::check();
            }
            match interrupted {
                Ok(()) => visit(connection),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        interrupted
    }
}

/// The services whose connections are wanted, among all that there are.
struct Owners {
    /// The real server or the network whose connections are wanted, where it is no service.
    ends: Option<Selection>,
    /// Every service of an address; those wanted are true.
    addresses: BTreeMap<ServiceKey, bool>,
    /// The wanted services of marks, with their servers.
    marks: BTreeMap<ServiceKey, Vec<ServerKey>>,
}

impl Owners {
    fn new(subject: &Selection, live: &Live) -> Result<Owners> {
        let shown = shown_of(Some(subject), live)?;
        let is_of_servers = shown.iter().any(|one| one.only.is_some());
        let wanted: BTreeSet<ServiceKey> = shown.into_iter().map(|one| one.key).collect();
        let mut owners = Owners {
            ends: (is_of_servers || matches!(subject, Selection::Net(_))).then_some(*subject),
            addresses: BTreeMap::new(),
            marks: BTreeMap::new(),
        };
        for (key, service) in &live.rules.services {
            let is_wanted = wanted.contains(key);
            match key {
                ServiceKey::Address { .. } => {
                    owners.addresses.insert(*key, is_wanted);
                }
                ServiceKey::Fwmark { .. } if is_wanted => {
                    let servers = service.servers.keys().copied().collect();
                    owners.marks.insert(*key, servers);
                }
                ServiceKey::Fwmark { .. } => {}
            }
        }
        Ok(owners)
    }

    fn own(&self, connection: &Connection) -> bool {
        if let Some(ends) = &self.ends {
            let end = connection.server;
            let server = ServerKey {
                addr: end.ip(),
                port: end.port(),
            };
            return ends.has_server(&server) || ends.has_vip(&connection.service);
        }
        let ServiceKey::Address {
            protocol,
            addr,
            port,
        } = connection.service
        else {
            return self.marks.contains_key(&connection.service);
        };
        match self.owner(protocol, addr, port, connection.template) {
            Some(is_wanted) => is_wanted,
            None => self.marks.iter().any(|(key, servers)| {
                let end = connection.server;
                key.family() == Family::of(addr)
                    && servers
                        .iter()
                        .any(|s| s.addr == end.ip() && [0, end.port()].contains(&s.port))
            }),
        }
    }

    /// Says whether the service of an address is wanted; none where there is no such service.
    fn owner(&self, protocol: Protocol, addr: IpAddr, port: u16, template: bool) -> Option<bool> {
        let at = |port| {
            let key = ServiceKey::Address {
                protocol,
                addr,
                port,
            };
            self.addresses.get(&key).copied()
        };
        let of_ftp = || match template && port == 0 {
            true => at(FTP_PORT),
            false => None,
        };
        at(port).or_else(|| at(0)).or_else(of_ftp)
    }
}

/// A connection in an order: the greatest is the last.
struct Ranked {
    order: Order,
    connection: Connection,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        let (a, b) = (&self.connection, &other.connection);
        let column = match self.order.column.map(|column| column.name) {
            None => a.service.cmp(&b.service),
            Some("client") => a.client.cmp(&b.client),
            Some("server") => a.server.cmp(&b.server),
            Some("state") => a.state.cmp(&b.state),
            Some(_) => a.expires.cmp(&b.expires),
        };
        let rest = || (a.service, a.client, a.server).cmp(&(b.service, b.client, b.server));
        self.order.directed(column).then_with(rest)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::json;

    use super::*;
    use crate::kernel::{Sim, proc};
    use crate::model::json::parse_ruleset;
    use crate::store::MemoryStores;
    use crate::views::View;

    /// A service of an address, one on all ports, one of a mark, FTP.
    fn director() -> Director {
        let servers = json!([{"address": "10.0.0.1", "port": 80}]);
        let rules = parse_ruleset(json!({"services": [
            {"protocol": "tcp", "address": "192.0.2.1", "port": 80, "servers": servers},
            {"protocol": "tcp", "address": "192.0.2.1", "port": 0, "persistent": 60,
             "servers": servers},
            {"protocol": "tcp", "address": "192.0.2.2", "port": 21, "servers": servers},
            {"mark": 7, "servers": [{"address": "10.0.0.1", "port": 0}]},
        ]}))
        .unwrap();
        let sim = Sim::new(&rules);
        let list = "\
TCP C6336401 8001 C0000201 0050 0A000001 0050 ESTABLISHED     900
TCP C6336401 8002 C0000201 1F90 0A000001 1F90 TIME_WAIT        10
TCP C6336402 0000 C0000201 0000 0A000001 0000 NONE             50
TCP C6336402 0000 C0000202 0000 0A000001 0000 NONE             51
TCP C6336403 8003 C0000209 0016 0A000001 0016 ESTABLISHED     800
IP  C6336403 0000 00000007 0000 0A000001 0000 NONE             52
UDP C6336404 8004 C0000209 0035 0A000009 0035 UDP              70
";
        sim.edit_connections(|all| {
            proc::connections(list.as_bytes(), &mut |connection| {
                all.push(connection);
                ControlFlow::Continue(())
            })
            .unwrap();
        });
        let stores = Rc::new(MemoryStores::new());
        Director::new(Box::new(sim), stores, "somebody".to_owned())
    }

    fn found(wanted: &Wanted) -> Vec<u64> {
        let mut found = Vec::new();
        director()
            .connections(wanted, &mut |connection| {
                found.push(connection.expires);
                ControlFlow::Continue(())
            })
            .unwrap();
        found
    }

    fn of_service(name: &str) -> Vec<u64> {
        found(&Wanted {
            subject: Some(Selection::parse(name).unwrap()),
            ..Wanted::default()
        })
    }

    #[test]
    fn connections_belong_to_services() {
        assert_eq!(of_service("tcp 192.0.2.1:80"), [900]);
        assert_eq!(of_service("tcp 192.0.2.1:0"), [10, 50]);
        assert_eq!(of_service("192.0.2.1"), [900, 10, 50]);
        assert_eq!(of_service("tcp 192.0.2.2:21"), [51]);
        assert_eq!(of_service("fwmark 7"), [800, 52]);
        // A real server or a network: those to it, whatever service they are of.
        assert_eq!(of_service("10.0.0.1"), [900, 10, 50, 51, 800, 52]);
        assert_eq!(of_service("server 10.0.0.1:80"), [900]);
        assert_eq!(of_service("192.0.2.0/31"), [900, 10, 50]);
        assert_eq!(of_service("10.0.0.0/24"), [900, 10, 50, 51, 800, 52, 70]);
        let wanted = Wanted {
            subject: Some(Selection::parse("tcp 192.0.2.1:81").unwrap()),
            ..Wanted::default()
        };
        let error = director().connections(&wanted, &mut |_| ControlFlow::Break(()));
        let error = error.unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"tcp 192.0.2.1:80\"?"]);
    }

    #[test]
    fn ends_and_states_select() {
        let filter = |text: &str| Some(Filter::parse(text).unwrap());
        let all = Wanted::default();
        let client = |text| Wanted {
            client: filter(text),
            ..Wanted::default()
        };
        assert_eq!(found(&all), [900, 10, 50, 51, 800, 52, 70]);
        assert_eq!(found(&client("198.51.100.2")), [50, 51]);
        assert_eq!(
            found(&client("198.51.100.0/30")),
            [900, 10, 50, 51, 800, 52]
        );
        let server = Wanted {
            server: filter("10.0.0.1:80"),
            ..Wanted::default()
        };
        assert_eq!(found(&server), [900]);
        let state = Wanted {
            state: Some(Wanted::state("established").unwrap()),
            ..client("198.51.100.3")
        };
        assert_eq!(found(&state), [800]);
        let error = Wanted::state("ESTABLISHD").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"ESTABLISHED\"?"]);
    }

    #[test]
    fn the_first_of_an_order_are_kept_and_no_more() {
        let wanted = |order, limit| Wanted {
            order: Some(Order::parse(View::Connections, order).unwrap()),
            limit,
            ..Wanted::default()
        };
        assert_eq!(found(&wanted("-expires", Some(3))), [900, 800, 70]);
        assert_eq!(found(&wanted("expires", Some(2))), [10, 50]);
        assert_eq!(
            found(&wanted("client", None)),
            [900, 10, 50, 51, 52, 800, 70]
        );
        assert_eq!(found(&wanted("state", Some(1))), [900]);
        assert_eq!(found(&wanted("-server", Some(1))), [70]);
        let limited = Wanted {
            limit: Some(2),
            ..Wanted::default()
        };
        assert_eq!(found(&limited), [900, 10]);
    }
}
