//! Owns the clients of a simulated kernel: connections that come, go on and end as time passes.
//!
//! Nothing else makes traffic in the simulator, and only the demonstration asks for it. Time is
//! the caller's clock, chance is a fixed seed: the same clock gives the same connections. Source
//! of truth: tcp_timeouts and udp_timeouts in ip_vs_proto_tcp.c and ip_vs_proto_udp.c,
//! ip_vs_est.c for the rates, `__ip_vs_update_dest` in ip_vs_ctl.c for what counts as active
//! (net/netfilter/ipvs/).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::model::{
    Connection, Counters, Forwarding, Live, Protocol, Rates, Ruleset, ServerKey, ServiceKey,
    ServiceTraffic, Traffic, Usage, VirtualService,
};

/// How long clients were there before the first look, in seconds: the tables are full and the
/// rates steady by then.
const BEFORE: u64 = 180;

/// The longest time that is made up for after a pause, in seconds; nothing lives longer.
const LONGEST: u64 = 600;

/// Seconds after which the kernel forgets a connection without packets, by state.
const ESTABLISHED: u64 = 900;
const TIME_WAIT: u64 = 120;
const SYN_RECV: u64 = 60;
const UDP: u64 = 300;

/// The seconds after its first at which a client sends a SYN again (tcp(7), tcp_syn_retries).
const RETRIES: [u64; 4] = [1, 3, 7, 15];

/// How often the kernel works out the rates, in seconds.
const ESTIMATED: u64 = 2;

/// Says how much time has passed since the clients came.
type Clock = Box<dyn Fn() -> Duration + Send>;

/// Clients that connect to every TCP and UDP service of a kernel, at its virtual address.
pub struct Clients {
    clock: Clock,
    /// The second that comes next.
    second: u64,
    chance: Chance,
    silent: BTreeSet<ServerKey>,
    open: Vec<Open>,
    estimates: BTreeMap<(ServiceKey, Option<ServerKey>), Estimate>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clients { second, open, .. } = self;
        write!(f, "{} connections in second {second}", open.len())
    }
}

/// A connection from its first packet on.
#[derive(Debug, Clone)]
struct Open {
    service: ServiceKey,
    client: SocketAddr,
    server: ServerKey,
    /// The second of its first packet.
    began: u64,
    /// The second in which it is closed; none where the server never answers.
    closes: Option<u64>,
    is_tcp: bool,
}

impl Open {
    /// Its state in a second, and how long the kernel will remember it; none where it has
    /// forgotten it.
    fn state(&self, now: u64) -> Option<(&'static str, u64)> {
        let (name, until) = match self.closes {
            _ if !self.is_tcp => ("UDP", self.began + UDP),
            None => ("SYN_RECV", self.began + SYN_RECV),
            Some(closes) if now < closes => ("ESTABLISHED", now + ESTABLISHED),
            Some(closes) => ("TIME_WAIT", closes + TIME_WAIT),
        };
        let left = until.saturating_sub(now);
        (left > 0).then_some((name, left))
    }

    fn is_active(&self, now: u64) -> bool {
        matches!(self.state(now), Some(("ESTABLISHED" | "SYN_RECV", _)))
    }
}

impl Clients {
    /// Clients that live by a clock; they have been there for some minutes.
    pub fn new(clock: impl Fn() -> Duration + Send + 'static) -> Clients {
        Clients {
            clock: Box::new(clock),
            second: 0,
            chance: Chance(0x9E37_79B9_7F4A_7C15),
            silent: BTreeSet::new(),
            open: Vec::new(),
            estimates: BTreeMap::new(),
        }
    }

    /// The same where a server answers nothing.
    #[must_use]
    pub fn unanswered_by(mut self, server: ServerKey) -> Clients {
        self.silent.insert(server);
        self
    }

    /// Lets time pass until now, and brings counts, counters and rates up to date; gives the
    /// connections that there are.
    pub(super) fn advance(&mut self, live: &mut Live, traffic: &mut Traffic) -> Vec<Connection> {
        let now = (self.clock)().as_secs().saturating_add(BEFORE);
        self.forget_removed(&live.rules, traffic);
        self.second = self.second.max(now.saturating_sub(LONGEST));
        while self.second <= now {
            self.pass(&live.rules, traffic);
            self.second += 1;
        }
        live.counts.clear();
        for open in &self.open {
            let service = live.counts.entry(open.service).or_default();
            let counts = service.entry(open.server).or_default();
            match open.is_active(now) {
                true => counts.active += 1,
                false => counts.inactive += 1,
            }
        }
        self.open.iter().filter_map(|o| listed(o, now)).collect()
    }

    /// What is no longer in the table has no connections and counts nothing.
    fn forget_removed(&mut self, rules: &Ruleset, traffic: &mut Traffic) {
        let has = |service: &ServiceKey, server: &ServerKey| {
            let service = rules.services.get(service);
            service.is_some_and(|service| service.servers.contains_key(server))
        };
        self.open.retain(|open| has(&open.service, &open.server));
        self.estimates.retain(|(service, server), _| match server {
            Some(server) => has(service, server),
            None => rules.services.contains_key(service),
        });
        traffic.retain(|service, _| rules.services.contains_key(service));
    }

    /// One second.
    fn pass(&mut self, rules: &Ruleset, traffic: &mut Traffic) {
        let second = self.second;
        self.open.retain(|open| open.state(second).is_some());
        for (key, service) in &rules.services {
            self.come(*key, service);
        }
        for open in &self.open {
            let sent = sent(open, second, &mut self.chance);
            let service = rules.services.get(&open.service);
            let server = service.and_then(|service| service.servers.get(&open.server));
            let answers_here = server.is_some_and(|s| s.forward == Forwarding::Masq);
            let counted = match answers_here {
                true => sent,
                false => [sent[0], sent[1], 0, sent[3], 0],
            };
            let of_service: &mut ServiceTraffic = traffic.entry(open.service).or_default();
            add(&mut of_service.total.stats, counted);
            let of_server: &mut Usage = of_service.servers.entry(open.server).or_default();
            add(&mut of_server.stats, counted);
            for of in [None, Some(open.server)] {
                self.estimates
                    .entry((open.service, of))
                    .or_default()
                    .count(counted);
            }
        }
        if second.is_multiple_of(ESTIMATED) {
            self.estimate(traffic);
        }
    }

    fn estimate(&mut self, traffic: &mut Traffic) {
        for ((service, server), estimate) in &mut self.estimates {
            let of_service = traffic.entry(*service).or_default();
            let usage = match server {
                Some(server) => of_service.servers.entry(*server).or_default(),
                None => &mut of_service.total,
            };
            usage.rates = estimate.rates();
        }
    }

    /// The clients of one second that a service has.
    fn come(&mut self, key: ServiceKey, service: &VirtualService) {
        let ServiceKey::Address { protocol, .. } = key else {
            return;
        };
        let is_tcp = protocol == Protocol::TCP;
        if !is_tcp && protocol != Protocol::UDP {
            return;
        }
        // A busier and a quieter minute, so that numbers move.
        let wave = (self.second / 5 % 12).abs_diff(6) / 2;
        let coming = match is_tcp {
            true => 2 + wave + self.chance.below(3),
            false => 1 + self.chance.below(3),
        };
        for _ in 0..coming {
            let Some(server) = self.chosen(service) else {
                return;
            };
            let lasts = 2 + self.chance.below(20);
            let answers = !self.silent.contains(&server);
            self.open.push(Open {
                service: key,
                client: self.chance.client(),
                server,
                began: self.second,
                closes: (is_tcp && answers).then_some(self.second + lasts),
                is_tcp,
            });
        }
    }

    /// A server by weight, whatever the scheduler.
    fn chosen(&mut self, service: &VirtualService) -> Option<ServerKey> {
        let servers = service.servers.iter();
        let weights: Vec<(ServerKey, u64)> = servers
            .map(|(key, server)| (*key, u64::from(server.weight.value())))
            .collect();
        let all = weights.iter().map(|(_, weight)| weight).sum();
        let mut place = self.chance.below(all);
        let mut chosen = weights.iter().filter(|(_, weight)| *weight > 0);
        let found = chosen.find(|(_, weight)| match place.checked_sub(*weight) {
            Some(left) => {
                place = left;
                false
            }
            None => true,
        });
        found.map(|(key, _)| *key)
    }
}

/// A connection as the kernel lists it.
fn listed(open: &Open, now: u64) -> Option<Connection> {
    let (state, expires) = open.state(now)?;
    Some(Connection {
        service: open.service,
        client: open.client,
        server: SocketAddr::new(open.server.addr, open.server.port),
        state: state.to_owned(),
        expires,
        template: false,
        engine: None,
    })
}

/// What goes through a connection in one second: connections, packets of the client and of the
/// server, bytes of each.
fn sent(open: &Open, second: u64, chance: &mut Chance) -> [u64; 5] {
    let age = second.saturating_sub(open.began);
    let is_new = u64::from(age == 0);
    match (open.is_tcp, open.closes) {
        (false, _) => [is_new, is_new, is_new, 70 * is_new, 190 * is_new],
        (true, None) => {
            let syn = is_new + u64::from(RETRIES.contains(&age));
            [is_new, syn, 0, 60 * syn, 0]
        }
        (true, Some(closes)) if second < closes => {
            let (asked, answered) = (2 + chance.below(6), 3 + chance.below(12));
            [is_new, asked, answered, asked * 110, answered * 1300]
        }
        (true, Some(closes)) if second == closes => [0, 2, 2, 104, 104],
        (true, Some(_)) => [0; 5],
    }
}

fn add(stats: &mut Counters, [conns, in_packets, out_packets, in_bytes, out_bytes]: [u64; 5]) {
    stats.connections += conns;
    stats.in_packets += in_packets;
    stats.out_packets += out_packets;
    stats.in_bytes += in_bytes;
    stats.out_bytes += out_bytes;
}

/// The kernel's average: a quarter of what is new, three quarters of what was, in 1/1024.
#[derive(Debug, Default)]
struct Estimate {
    since: [u64; 5],
    averages: [u64; 5],
}

impl Estimate {
    fn count(&mut self, sent: [u64; 5]) {
        for (sum, one) in self.since.iter_mut().zip(sent) {
            *sum += one;
        }
    }

    fn rates(&mut self) -> Rates {
        let since = std::mem::take(&mut self.since);
        for (average, sum) in self.averages.iter_mut().zip(since) {
            *average = (3 * *average + sum * 1024 / ESTIMATED) / 4;
        }
        let [cps, in_pps, out_pps, in_bps, out_bps] = self.averages.map(|a| (a + 512) / 1024);
        Rates {
            cps,
            in_pps,
            out_pps,
            in_bps,
            out_bps,
        }
    }
}

/// Chance with a seed (xorshift64, Marsaglia 2003).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// A number below another one; 0 below 0.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16).checked_rem(end).unwrap_or(0)
    }

    /// An address of the network for documentation (RFC 5737), and a port of a client.
    fn client(&mut self) -> SocketAddr {
        let host = u8::try_from(1 + self.below(254)).unwrap_or(1);
        let port = u16::try_from(32_768 + self.below(28_232)).unwrap_or(u16::MAX);
        SocketAddr::new(Ipv4Addr::new(198, 51, 100, host).into(), port)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::kernel::{Kernel, Sim};
    use crate::model::{Family, RealServer, Weight};

    const DEAD: &str = "10.0.0.13:80";

    fn server(name: &str) -> ServerKey {
        let addr: SocketAddr = name.parse().unwrap();
        ServerKey {
            addr: addr.ip(),
            port: addr.port(),
        }
    }

    fn web() -> ServiceKey {
        ServiceKey::parse("tcp 192.0.2.10:80").unwrap()
    }

    /// A kernel with two servers, one of which answers nothing, and a clock to set.
    fn lab() -> (Sim, Arc<AtomicU64>) {
        let mut service = VirtualService::new(Family::Ipv4);
        for name in ["10.0.0.11:80", DEAD] {
            let options = RealServer {
                forward: Forwarding::Masq,
                ..RealServer::default()
            };
            service.servers.insert(server(name), options);
        }
        let sim = Sim::new(&Ruleset {
            services: [(web(), service)].into(),
            ..Ruleset::default()
        });
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let clock = move || Duration::from_secs(clock.load(Ordering::Relaxed));
        sim.visited_by(Clients::new(clock).unanswered_by(server(DEAD)));
        (sim, seconds)
    }

    fn connections(sim: &mut Sim) -> Vec<Connection> {
        let mut all = Vec::new();
        sim.connections(&mut |connection| {
            all.push(connection);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        all
    }

    #[test]
    fn the_clock_moves_the_numbers_and_nothing_else_does() {
        let (mut sim, seconds) = lab();
        let first = sim.traffic(None).unwrap();
        assert!(first[&web()].total.rates.cps > 0);
        assert_eq!(sim.traffic(None).unwrap(), first);
        seconds.store(2, Ordering::Relaxed);
        let later = sim.traffic(None).unwrap();
        let counted = |traffic: &Traffic| traffic[&web()].total.stats;
        assert!(counted(&later).connections > counted(&first).connections);
        assert!(counted(&later).out_bytes > counted(&first).out_bytes);
        let (mut again, _) = lab();
        assert_eq!(again.traffic(None).unwrap(), first, "the same every time");
    }

    #[test]
    fn a_dead_server_gets_connections_and_answers_none() {
        let (mut sim, _) = lab();
        let all = connections(&mut sim);
        for connection in &all {
            let is_dead = connection.server.to_string() == DEAD;
            assert_eq!(connection.state == "SYN_RECV", is_dead, "{connection:?}");
        }
        let of = sim.traffic(None).unwrap()[&web()].servers[&server(DEAD)];
        assert!(of.rates.in_pps > 0 && of.stats.out_packets == 0, "{of:?}");
        let live = sim.observe().unwrap();
        let counts = live.counts[&web()][&server(DEAD)];
        assert!(counts.active > 0 && counts.inactive == 0, "{counts:?}");
    }

    #[test]
    fn a_server_at_weight_0_gets_nothing_new_and_runs_empty() {
        let (mut sim, seconds) = lab();
        sim.edit(|live| {
            let service = live.rules.services.get_mut(&web()).unwrap();
            service.servers.get_mut(&server(DEAD)).unwrap().weight = Weight::ZERO;
        });
        seconds.store(SYN_RECV + 1, Ordering::Relaxed);
        let all = connections(&mut sim);
        assert!(!all.is_empty());
        assert!(all.iter().all(|c| c.server.to_string() != DEAD));
        sim.edit(|live| live.rules.services.clear());
        assert!(connections(&mut sim).is_empty());
        assert!(sim.traffic(None).unwrap().is_empty());
    }

    #[test]
    fn a_pause_of_days_is_made_up_for_at_once() {
        let (mut sim, seconds) = lab();
        seconds.store(30 * 86_400, Ordering::Relaxed);
        let few = connections(&mut sim).len();
        assert!((50..2000).contains(&few), "{few}");
    }
}
