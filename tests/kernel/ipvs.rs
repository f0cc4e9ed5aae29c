//! The IPVS client against a real kernel, with the real ipvsadm as the witness. Needs root and
//! IPVS (the project's runner boots both); fails without. Each test has a network namespace of
//! its own.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ipvsh::ipvs::*;
use netlink_packet_core::DefaultNla;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::netns::in_namespace;

/// Runs a command in the calling thread's network namespace and gives what it printed.
fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{line}: {}: {words}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

fn open() -> IpvsClient {
    IpvsClient::open_or_load().unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tcp(text: &str) -> ServiceId {
    ServiceId::tcp(socket(text))
}

fn mark(family: Family, mark: u32) -> ServiceId {
    ServiceId::fwmark(family, mark).unwrap()
}

fn server(text: &str, forward: ForwardMethod) -> Destination {
    Destination::new(socket(text), forward)
}

/// Gives the lines of `ipvsadm -Sn`, sorted. Long listings are read until two are the same: those
/// of ipvsadm are torn by changes in other namespaces (133 lines for 127 services were seen), for
/// all share one table.
fn table() -> Vec<String> {
    let read = || {
        let mut lines: Vec<String> = run("ipvsadm -Sn")
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        lines.sort();
        lines
    };
    let mut before = read();
    while before.len() > 50 {
        let again = read();
        if again == before {
            break;
        }
        before = again;
    }
    before
}

#[track_caller]
fn assert_table(expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    expected.sort();
    assert_eq!(table(), expected);
}

#[track_caller]
fn assert_errno<T: std::fmt::Debug>(result: Result<T, IpvsError>, errno: Errno) {
    let error = result.unwrap_err();
    assert_eq!(error.errno(), Some(errno), "{error}");
    assert!(
        error.kernel().unwrap().meaning().is_some(),
        "{error} has no meaning"
    );
}

/// Gives `count` services of the addresses 10.x.y.1.
fn many(count: u32) -> Vec<Service> {
    let id =
        |n: u32| ServiceId::tcp((IpAddr::from((0x0a00_0001 + (n << 8)).to_be_bytes()), 80).into());
    (0..count)
        .map(|n| Service::new(id(n), name("rr")))
        .collect()
}

fn add_all(services: &[Service]) -> Vec<Request> {
    services.iter().cloned().map(Request::AddService).collect()
}

#[test]
fn services_are_added_changed_read_and_removed() {
    in_namespace(|| {
        let mut client = open();
        let id = tcp("192.0.2.10:80");
        let mut service = Service::new(id, name("wrr"));
        client.add_service(&service).unwrap();
        assert_table(&["-A -t 192.0.2.10:80 -s wrr"]);
        assert_eq!(client.service(&id).unwrap().as_ref(), Some(&service));

        service.scheduler = name("sh");
        service.flags = ServiceFlags::PERSISTENT | ServiceFlags::SCHED1;
        service.timeout = 360;
        service.netmask = Netmask::V4([255, 255, 255, 0].into());
        client.update_service(&service).unwrap();
        assert_table(&["-A -t 192.0.2.10:80 -s sh -p 360 -M 255.255.255.0 -b sh-fallback"]);
        assert_eq!(client.service(&id).unwrap().as_ref(), Some(&service));
        assert_eq!(client.services().unwrap(), [service]);

        client.remove_service(&id).unwrap();
        assert_table(&[]);
        assert_eq!(client.service(&id).unwrap(), None);
        assert_eq!(client.services().unwrap(), []);
    });
}

#[test]
fn flags_outside_the_mask_stay_and_a_missing_engine_is_cleared() {
    in_namespace(|| {
        let mut client = open();
        let id = ServiceId::udp(socket("192.0.2.10:5060"));
        let mut service = Service::new(id, name("sh"));
        service.flags = ServiceFlags::PERSISTENT | ServiceFlags::ONEPACKET;
        service.timeout = 60;
        service.pe_name = Some(name("sip"));
        client.add_service(&service).unwrap();
        assert_table(&["-A -u 192.0.2.10:5060 -s sh -p 60 --pe sip -o"]);

        service.flags = ServiceFlags::default();
        service.flags_mask = ServiceFlags::ONEPACKET.bits();
        service.pe_name = None;
        client.update_service(&service).unwrap();
        assert_table(&["-A -u 192.0.2.10:5060 -s sh -p 60"]);
        let live = client.service(&id).unwrap().unwrap();
        assert_eq!(live.flags, ServiceFlags::PERSISTENT);
        assert_eq!(live.pe_name, None);
    });
}

/// What the type holds, the kernel takes: all families, marks beyond 2^31, protocols that
/// ipvsadm does not know.
#[test]
fn every_kind_of_service_is_kept_as_it_was_given() {
    in_namespace(|| {
        let mut client = open();
        let mut v6 = Service::new(tcp("[2001:db8::10]:443"), name("wlc"));
        v6.flags = ServiceFlags::PERSISTENT;
        v6.timeout = 300;
        v6.netmask = Netmask::V6(64);
        let mut everything = vec![
            v6,
            Service::new(ServiceId::sctp(socket("192.0.2.1:9")), name("lc")),
            Service::new(ServiceId::udp(socket("[2001:db8::53]:53")), name("mh")),
            Service::new(mark(Family::Inet, 666), name("rr")),
            Service::new(mark(Family::Inet, u32::MAX), name("sed")),
            Service::new(mark(Family::Inet6, 1 << 31), name("nq")),
            Service::new(ServiceId::address(99, socket("192.0.2.9:7")), name("dh")),
            Service::new(tcp("192.0.2.2:80"), name("none")),
        ];
        for service in &everything {
            client.add_service(service).unwrap();
            assert_eq!(client.service(&service.id).unwrap().as_ref(), Some(service));
        }
        let mut live = client.services().unwrap();
        live.sort_by_key(|service| service.id);
        everything.sort_by_key(|service| service.id);
        assert_eq!(live, everything);
        for id in everything.iter().map(|service| service.id) {
            client.remove_service(&id).unwrap();
        }
        assert_eq!(client.services().unwrap(), []);
    });
}

#[test]
fn destinations_are_added_changed_read_and_removed() {
    in_namespace(|| {
        let mut client = open();
        let id = tcp("192.0.2.10:80");
        client.add_service(&Service::new(id, name("wrr"))).unwrap();
        let mut masq = server("10.0.0.11:8080", ForwardMethod::Masq);
        masq.weight = i32::MAX;
        masq.upper_threshold = 100;
        masq.lower_threshold = 50;
        let direct = server("10.0.0.12:80", ForwardMethod::Direct);
        let mut gue = server("10.0.0.13:80", ForwardMethod::Tunnel);
        gue.tunnel = Tunnel {
            kind: TunnelKind::Gue,
            port: 6080,
            flags: TunnelFlags::REMCSUM,
        };
        let mut gre = server("10.0.0.14:80", ForwardMethod::Tunnel);
        gre.tunnel = Tunnel {
            kind: TunnelKind::Gre,
            port: 0,
            flags: TunnelFlags::CSUM,
        };
        let mut six = server("[2001:db8::1]:80", ForwardMethod::Tunnel);
        six.weight = 0;
        let all = [masq, direct, gue, gre, six];
        for destination in &all {
            client.add_destination(&id, destination).unwrap();
        }
        assert_table(&[
            "-A -t 192.0.2.10:80 -s wrr",
            "-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 2147483647",
            "-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 1",
            "-a -t 192.0.2.10:80 -r 10.0.0.13:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
            "-a -t 192.0.2.10:80 -r 10.0.0.14:80 -i -w 1 --tun-type gre --tun-csum",
            "-a -t 192.0.2.10:80 -r [2001:db8::1]:80 -i -w 0 --tun-type ipip",
        ]);
        // Which -S leaves out.
        let thresholds = run("ipvsadm -Ln --thresholds");
        let words: Vec<&str> = thresholds.split_whitespace().collect();
        assert!(
            words
                .windows(3)
                .any(|w| w == ["10.0.0.11:8080", "100", "50"]),
            "{thresholds}"
        );
        let sorted = |mut list: Vec<Destination>| {
            list.sort_by_key(|destination| destination.id);
            list
        };
        assert_eq!(
            sorted(client.destinations(&id).unwrap()),
            sorted(all.to_vec())
        );

        let mut changed = all[0].clone();
        changed.forward = ForwardMethod::Direct;
        changed.weight = 0;
        changed.upper_threshold = 0;
        changed.lower_threshold = 0;
        client.update_destination(&id, &changed).unwrap();
        for destination in &all[1..] {
            client.remove_destination(&id, &destination.id).unwrap();
        }
        assert_eq!(client.destinations(&id).unwrap(), [changed]);
        assert_eq!(
            client.destinations(&tcp("192.0.2.99:1")).unwrap(),
            [],
            "no such service"
        );
    });
}

#[test]
fn refusals_are_told_with_number_and_meaning() {
    in_namespace(|| {
        let mut client = open();
        let id = tcp("192.0.2.10:80");
        let service = Service::new(id, name("rr"));
        let masq = server("10.0.0.11:80", ForwardMethod::Masq);
        client.add_service(&service).unwrap();
        client.add_destination(&id, &masq).unwrap();
        let before = table();

        assert_errno(client.add_service(&service), Errno::EXIST);
        let mut unknown = Service::new(tcp("192.0.2.11:80"), name("twos"));
        assert_errno(client.add_service(&unknown), Errno::NOENT);
        unknown.scheduler = name("rr");
        unknown.pe_name = Some(name("nope"));
        assert_errno(client.add_service(&unknown), Errno::NOENT);
        let mut wide = Service::new(tcp("[2001:db8::1]:80"), name("rr"));
        wide.netmask = Netmask::V6(129);
        assert_errno(client.add_service(&wide), Errno::INVAL);

        let missing = tcp("192.0.2.99:80");
        assert_errno(
            client.update_service(&Service::new(missing, name("rr"))),
            Errno::SRCH,
        );
        assert_errno(client.remove_service(&missing), Errno::SRCH);
        assert_errno(client.zero(Some(&missing)), Errno::SRCH);
        assert_errno(client.add_destination(&missing, &masq), Errno::SRCH);
        assert_errno(client.update_destination(&missing, &masq), Errno::SRCH);
        assert_errno(client.remove_destination(&missing, &masq.id), Errno::SRCH);

        assert_errno(client.add_destination(&id, &masq), Errno::EXIST);
        let other = server("10.0.0.12:80", ForwardMethod::Masq);
        assert_errno(client.update_destination(&id, &other), Errno::NOENT);
        assert_errno(client.remove_destination(&id, &other.id), Errno::NOENT);
        let with = |change: &dyn Fn(&mut Destination)| {
            let mut destination = other.clone();
            change(&mut destination);
            destination
        };
        let negative = with(&|d| d.weight = -1);
        assert_errno(client.add_destination(&id, &negative), Errno::RANGE);
        let crossed = with(&|d| d.lower_threshold = 5);
        assert_errno(client.add_destination(&id, &crossed), Errno::RANGE);
        let multicast = with(&|d| d.id.address = "224.0.0.1".parse().unwrap());
        assert_errno(client.add_destination(&id, &multicast), Errno::INVAL);
        let other_family = with(&|d| d.id.address = "2001:db8::1".parse().unwrap());
        assert_errno(client.add_destination(&id, &other_family), Errno::INVAL);
        let portless = with(&|d| {
            d.forward = ForwardMethod::Tunnel;
            d.tunnel.kind = TunnelKind::Gue;
        });
        assert_errno(client.add_destination(&id, &portless), Errno::INVAL);
        let endless = Timeouts {
            tcp: u32::MAX,
            ..Timeouts::default()
        };
        assert_errno(client.set_timeouts(&endless), Errno::INVAL);

        assert_eq!(table(), before, "a refused change changed something");
    });
}

#[test]
fn timeouts_are_set_and_0_keeps_them() {
    in_namespace(|| {
        let mut client = open();
        let defaults = Timeouts {
            tcp: 900,
            tcp_fin: 120,
            udp: 300,
        };
        assert_eq!(client.timeouts().unwrap(), defaults);
        client
            .set_timeouts(&Timeouts {
                tcp: 1000,
                tcp_fin: 0,
                udp: 30,
            })
            .unwrap();
        let expected = Timeouts {
            tcp: 1000,
            tcp_fin: 120,
            udp: 30,
        };
        assert_eq!(client.timeouts().unwrap(), expected);
        assert!(run("ipvsadm -Ln --timeout").contains("1000 120 30"));
        let info = client.info().unwrap();
        assert_eq!(info.version_text().to_string(), "1.2.1");
        assert!(info.connection_table_size.is_power_of_two());
    });
}

#[test]
fn daemons_are_started_read_and_stopped() {
    in_namespace(|| {
        run("ip link add eth0 type dummy");
        run("ip addr add 10.9.0.1/24 dev eth0");
        run("ip link set eth0 up");
        let mut client = open();
        assert_eq!(client.daemons().unwrap(), []);
        let master = Daemon::new(DaemonState::Master, name("eth0"), 7);
        let backup = Daemon {
            max_length: Some(1400),
            group: Some("224.0.0.99".parse().unwrap()),
            port: Some(9000),
            ttl: Some(3),
            ..Daemon::new(DaemonState::Backup, name("eth0"), 255)
        };
        client.start_daemon(&master).unwrap();
        client.start_daemon(&backup).unwrap();
        assert_errno(client.start_daemon(&master), Errno::EXIST);
        let filled_in = Daemon {
            max_length: Some(1472),
            group: Some("224.0.0.81".parse().unwrap()),
            port: Some(8848),
            ttl: Some(1),
            ..master
        };
        assert_eq!(client.daemons().unwrap(), [filled_in, backup]);
        let witness = run("ipvsadm -Ln --daemon");
        assert!(
            witness.contains("syncid=7") && witness.contains("224.0.0.99"),
            "{witness}"
        );

        client.stop_daemon(DaemonState::Master).unwrap();
        assert_errno(client.stop_daemon(DaemonState::Master), Errno::SRCH);
        client.stop_daemon(DaemonState::Backup).unwrap();
        let nowhere = Daemon::new(DaemonState::Master, name("eth9"), 1);
        assert_errno(client.start_daemon(&nowhere), Errno::NODEV);
        assert_eq!(client.daemons().unwrap(), []);
    });
}

#[test]
fn counters_of_the_kernel_are_read_and_zeroed() {
    in_namespace(|| {
        run("ip addr add 10.9.0.1/32 dev lo");
        let receiver = UdpSocket::bind("127.0.0.1:5300").unwrap();
        let mut client = open();
        let id = ServiceId::udp(socket("10.9.0.1:53"));
        client.add_service(&Service::new(id, name("rr"))).unwrap();
        client
            .add_destination(&id, &server("127.0.0.1:5300", ForwardMethod::Masq))
            .unwrap();
        let sender = UdpSocket::bind("10.9.0.1:0").unwrap();
        sender.send_to(b"hello", "10.9.0.1:53").unwrap();
        receiver
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        receiver.recv(&mut [0; 16]).unwrap();
        // The kernel brings what it shows up to date every two seconds.
        let shown = |client: &mut IpvsClient| {
            let stats = client.service(&id).unwrap().unwrap().stats;
            (stats.connections, stats.packets_in)
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while shown(&mut client).0 == 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(shown(&mut client), (1, 1));
        let destination = client.destinations(&id).unwrap().remove(0);
        assert_eq!(destination.stats.connections, 1);
        assert_eq!(
            destination.active_connections + destination.inactive_connections,
            1
        );
        client.zero(Some(&id)).unwrap();
        assert_eq!(shown(&mut client), (0, 0));
        client.zero(None).unwrap();
    });
}

#[test]
fn a_batch_runs_in_order_and_each_refusal_has_its_place() {
    in_namespace(|| {
        let mut client = open();
        let mut requests = add_all(&many(200));
        // In the middle of the first datagram, at the end of the second, in the middle of the
        // fourth; and one that depends on the request before it.
        requests[30] = Request::RemoveService(tcp("192.0.2.1:1"));
        requests[127] = Request::AddService(Service::new(tcp("192.0.2.1:2"), name("twos")));
        let removed = match &requests[198] {
            Request::AddService(service) => service.id,
            _ => unreachable!(),
        };
        requests[199] = Request::RemoveService(removed);
        let report = client.execute(&requests, OnError::Continue);
        assert!(report.failure.is_none() && !report.is_done(), "{report:?}");
        for (place, outcome) in report.outcomes.iter().enumerate() {
            match (place, outcome) {
                (30, Outcome::Refused(error)) => {
                    assert_eq!(
                        (error.command, error.errno),
                        (IpvsCommand::DelService, Errno::SRCH)
                    );
                }
                (127, Outcome::Refused(error)) => {
                    assert_eq!(
                        (error.command, error.errno),
                        (IpvsCommand::NewService, Errno::NOENT)
                    );
                }
                (30 | 127, other) => panic!("request {place}: {other:?}"),
                (_, outcome) => assert!(outcome.is_done(), "request {place}: {outcome:?}"),
            }
        }
        assert_eq!(report.first_refusal().unwrap().0, 30);
        assert_eq!(table().len(), 196);
        assert_eq!(
            client.counters(),
            Counters {
                messages: 200,
                writes: 200
            }
        );
    });
}

#[test]
fn a_batch_that_stops_sends_nothing_after_the_datagram_with_the_refusal() {
    in_namespace(|| {
        let mut client = open();
        let mut requests = add_all(&many(200));
        requests[70] = Request::Zero(Some(tcp("192.0.2.1:1")));
        let report = client.execute(&requests, OnError::Stop);
        let count = |test: &dyn Fn(&Outcome) -> bool| {
            report
                .outcomes
                .iter()
                .filter(|outcome| test(outcome))
                .count()
        };
        assert_eq!(report.first_refusal().unwrap().0, 70);
        assert_eq!(count(&Outcome::is_done), 127);
        assert_eq!(count(&|outcome| *outcome == Outcome::NotSent), 72);
        assert!(
            report.outcomes[128..]
                .iter()
                .all(|outcome| *outcome == Outcome::NotSent)
        );
        assert_eq!(table().len(), 127);

        // One request a datagram: nothing at all runs after the refused one.
        client.flush().unwrap();
        let mut options = Options::default();
        options.batch_messages = 1;
        let mut client = IpvsClient::open_with(options).unwrap();
        let report = client.execute(&requests, OnError::Stop);
        assert_eq!(
            report
                .outcomes
                .iter()
                .filter(|outcome| outcome.is_done())
                .count(),
            70
        );
        assert_eq!(table().len(), 70);
        assert!(client.execute(&[], OnError::Stop).is_done());
    });
}

/// With hardly any receive buffer most of 64 refusals get lost; what is not known is not called
/// done, and the client is in step afterwards.
#[test]
fn lost_answers_are_told_as_unknown() {
    in_namespace(|| {
        open();
        let mut options = Options::default();
        options.receive_buffer = 1;
        options.batch_bytes = 1 << 20;
        options.batch_messages = 64;
        let mut client = IpvsClient::open_with(options).unwrap();
        let missing = Request::RemoveService(tcp("192.0.2.1:1"));
        let report = client.execute(&vec![missing; 130], OnError::Continue);
        assert!(
            matches!(
                report.failure,
                Some(IpvsError::Exchange(ExchangeError::Overrun))
            ),
            "{:?}",
            report.failure
        );
        assert!(!report.outcomes.iter().any(Outcome::is_done));
        assert!(
            matches!(report.outcomes[0], Outcome::Refused(_)),
            "the first answer has room"
        );
        assert!(report.outcomes[..64].contains(&Outcome::Unknown));
        assert!(
            report.outcomes[64..]
                .iter()
                .all(|outcome| *outcome == Outcome::NotSent)
        );
        assert_eq!(client.service(&tcp("192.0.2.1:1")).unwrap(), None);
    });
}

#[test]
fn large_tables_are_read_whole() {
    in_namespace(|| {
        let mut client = open();
        let services = many(2000);
        assert!(client.execute(&add_all(&services), OnError::Stop).is_done());
        let id = services[0].id;
        let servers: Vec<Request> = (0..500)
            .map(|port| SocketAddr::new([10, 255, 0, 1].into(), port + 1))
            .map(|socket| {
                Request::AddDestination(id, Destination::new(socket, ForwardMethod::Masq))
            })
            .collect();
        assert!(client.execute(&servers, OnError::Stop).is_done());

        let before = client.counters();
        let mut live = client.services().unwrap();
        live.sort_by_key(|service| service.id);
        assert_eq!(live, services);
        let mut ports: Vec<u16> = client
            .destinations(&id)
            .unwrap()
            .iter()
            .map(|live| live.id.port)
            .collect();
        ports.sort_unstable();
        assert!(ports.iter().copied().eq(1..=500));
        let after = client.counters();
        assert_eq!(after.writes, before.writes, "reading wrote");
        assert!(after.messages > before.messages);
        // A listing of ipvsadm may be torn by other tests; one that is whole settles it.
        assert!((0..20).any(|_| table().len() == 2500));

        // A dump that is given up half way is no trouble for what follows.
        let all = IpvsMessage::new(IpvsCommand::GetService, vec![]);
        let mut dump = client.dump(&all).unwrap();
        assert!(dump.next().unwrap().is_ok());
        assert_eq!(dump.chunks(), 1);
        assert_eq!(client.services().unwrap().len(), 2000);
        assert!(client.dump(&all).unwrap().next().unwrap().is_ok());
        client.flush().unwrap();
        assert_eq!(client.services().unwrap(), []);
    });
}

/// Sets a flag when it goes out of scope.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// While another process keeps adding and removing, nothing is reported twice, and what stayed
/// all the time is never missing.
#[test]
fn a_table_that_changes_while_it_is_read_is_not_torn() {
    in_namespace(|| {
        let mut client = open();
        let services = many(500);
        assert!(client.execute(&add_all(&services), OnError::Stop).is_done());
        let (stay, go) = services.split_at(250);
        let namespace = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            // Also where an assertion fails: the scope waits for the writer.
            let _ended = SetAtEnd(&done);
            scope.spawn(|| {
                let fd = std::os::fd::AsFd::as_fd(&namespace);
                move_into_link_name_space(fd, Some(LinkNameSpaceType::Network)).unwrap();
                let mut client = IpvsClient::open().unwrap();
                while !done.load(Ordering::Relaxed) {
                    for service in go {
                        client.remove_service(&service.id).unwrap();
                        client.add_service(service).unwrap();
                        thread::sleep(Duration::from_millis(3));
                    }
                }
            });
            for _ in 0..15 {
                let live = client.services().unwrap();
                let mut ids: Vec<ServiceId> = live.iter().map(|service| service.id).collect();
                ids.sort_unstable();
                assert!(
                    ids.windows(2).all(|pair| pair[0] != pair[1]),
                    "one is there twice"
                );
                let has = |service: &Service| ids.binary_search(&service.id).is_ok();
                assert!(stay.iter().all(has), "one that stayed is missing");
            }
        });
    });
}

/// The kernel answers before a send returns: even without any patience answers are there.
#[test]
fn no_time_is_needed_to_wait_for_an_answer() {
    in_namespace(|| {
        open();
        let mut options = Options::default();
        options.timeout = Duration::ZERO;
        let mut client = IpvsClient::open_with(options).unwrap();
        let services = many(300);
        assert!(client.execute(&add_all(&services), OnError::Stop).is_done());
        assert_eq!(client.services().unwrap().len(), 300);
    });
}

#[test]
fn a_refusal_by_netlink_itself_carries_its_words() {
    in_namespace(|| {
        let mut client = open();
        // TIMEOUT_TCP with one byte where the policy wants four.
        let short = IpvsAttr::Other(DefaultNla::new(4, vec![1]));
        let message = IpvsMessage::new(IpvsCommand::SetConfig, vec![short]);
        let error = client.request(&message).unwrap_err();
        let error = error.kernel().unwrap();
        assert!(
            error
                .message
                .as_ref()
                .is_some_and(|words| !words.is_empty()),
            "{error:?}"
        );
        assert_eq!(error.offset, Some(20), "{error:?}");
    });
}

#[test]
fn without_the_right_to_administer_the_network_everything_is_refused() {
    in_namespace(|| {
        open();
        let none = rustix::thread::CapabilitySet::empty();
        let sets = rustix::thread::CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        };
        rustix::thread::set_capabilities(None, sets).unwrap();
        let mut client = IpvsClient::open().unwrap();
        assert_errno(client.services(), Errno::PERM);
        assert_errno(client.info(), Errno::PERM);
        assert_errno(client.flush(), Errno::PERM);
        let report = client.execute(&add_all(&many(2)), OnError::Continue);
        assert!(
            report
                .outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Refused(_)))
        );
    });
}

#[test]
fn a_client_stays_in_the_namespace_where_it_was_opened() {
    in_namespace(|| {
        let mut client = open();
        in_namespace(|| {
            open()
                .add_service(&Service::new(tcp("192.0.2.66:80"), name("rr")))
                .unwrap();
            assert_table(&["-A -t 192.0.2.66:80 -s rr"]);
        });
        client
            .add_service(&Service::new(tcp("192.0.2.77:80"), name("rr")))
            .unwrap();
        assert_table(&["-A -t 192.0.2.77:80 -s rr"]);
    });
}

#[test]
fn loading_the_module_again_does_no_harm() {
    load_module().unwrap();
    load_module().unwrap();
    IpvsClient::open().unwrap().refresh_family().unwrap();
}
