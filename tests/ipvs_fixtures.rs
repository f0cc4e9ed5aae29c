//! The codec against datagrams that the real ipvsadm 1.31 exchanged with Linux 6.1: see the
//! header of each file in tests/fixtures/ipvs for the command that made it.

// clippy.toml's exceptions for tests do not reach the helpers of integration tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use ipvsh::ipvs::*;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload, Nla};
use netlink_packet_generic::GenlMessage;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ipvs");

/// Message type of the generic netlink controller, which resolves the family.
const GENL_ID_CTRL: u16 = 16;

type Message = NetlinkMessage<GenlMessage<IpvsMessage>>;

/// One netlink message of a fixture.
struct Captured {
    file: String,
    is_sent: bool,
    bytes: Vec<u8>,
    message: Message,
}

impl Captured {
    fn ipvs(&self) -> Option<&IpvsMessage> {
        match &self.message.payload {
            NetlinkPayload::InnerMessage(message) => Some(&message.payload),
            _ => None,
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let text = text.trim();
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// Reads all messages of all fixtures, those to and from the controller excepted.
fn captured() -> Vec<Captured> {
    let mut all = Vec::new();
    for entry in fs::read_dir(FIXTURES).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# command: "),
            "{file} does not say what made it"
        );
        let mut controller = Vec::new();
        for line in text.lines() {
            let (is_sent, hex) = match (line.strip_prefix("> "), line.strip_prefix("< ")) {
                (Some(hex), _) => (true, hex),
                (_, Some(hex)) => (false, hex),
                _ => continue,
            };
            let datagram = unhex(hex);
            let mut rest = datagram.as_slice();
            while rest.len() >= 16 {
                let length = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
                let kind = u16::from_ne_bytes(rest[4..6].try_into().unwrap());
                let sequence = u64::from_ne_bytes(rest[8..16].try_into().unwrap());
                let bytes = rest[..length].to_vec();
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                if kind == GENL_ID_CTRL {
                    controller.push(sequence);
                }
                if controller.contains(&sequence) {
                    continue;
                }
                let message = Message::deserialize(&bytes)
                    .unwrap_or_else(|error| panic!("{file}: {error}\n{hex}"));
                all.push(Captured {
                    file: file.clone(),
                    is_sent,
                    bytes,
                    message,
                });
            }
        }
    }
    assert!(all.len() > 200, "only {} messages in {FIXTURES}", all.len());
    all
}

/// Finds the one sent message of a command in a fixture.
fn sent(file: &str, cmd: IpvsCommand) -> IpvsMessage {
    let all = captured();
    let mut found = all
        .iter()
        .filter(|captured| captured.file == file && captured.is_sent)
        .filter_map(|captured| captured.ipvs().filter(|message| message.cmd == cmd));
    found
        .next()
        .unwrap_or_else(|| panic!("no {cmd:?} in {file}"))
        .clone()
}

/// Clears what ipvsadm leaves behind an IPv4 address in the 16 bytes of the union: the tail of
/// the IPv6 address of the service, which the kernel does not look at.
fn clear_tail(nest: &mut [DestAttr]) {
    if nest.contains(&DestAttr::AddrFamily(2)) {
        for attribute in nest {
            if let DestAttr::Addr(union) = attribute {
                union[4..].fill(0);
            }
        }
    }
}

/// Gives a message with its attributes sorted by number at both levels.
fn sorted(message: &IpvsMessage) -> IpvsMessage {
    let mut message = message.clone();
    for attribute in &mut message.attrs {
        match attribute {
            IpvsAttr::Service(nest) => nest.sort_by_key(Nla::kind),
            IpvsAttr::Dest(nest) => {
                clear_tail(nest);
                nest.sort_by_key(Nla::kind);
            }
            IpvsAttr::Daemon(nest) => nest.sort_by_key(Nla::kind),
            _ => {}
        }
    }
    message.attrs.sort_by_key(Nla::kind);
    message
}

fn service_nest(message: &IpvsMessage) -> &[ServiceAttr] {
    let nest = message.attrs.iter().find_map(|attribute| match attribute {
        IpvsAttr::Service(nest) => Some(nest),
        _ => None,
    });
    nest.map(Vec::as_slice).unwrap_or_default()
}

fn dest_nest(message: &IpvsMessage) -> &[DestAttr] {
    let nest = message.attrs.iter().find_map(|attribute| match attribute {
        IpvsAttr::Dest(nest) => Some(nest),
        _ => None,
    });
    nest.map(Vec::as_slice).unwrap_or_default()
}

fn daemon_nest(message: &IpvsMessage) -> &[DaemonAttr] {
    let nest = message.attrs.iter().find_map(|attribute| match attribute {
        IpvsAttr::Daemon(nest) => Some(nest),
        _ => None,
    });
    nest.map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn what_ipvsadm_sent_is_parsed_and_emitted_to_the_same_bytes() {
    for captured in captured().iter().filter(|captured| captured.is_sent) {
        let mut message = captured.message.clone();
        message.finalize();
        let mut bytes = vec![0xaa; message.buffer_len()];
        message.serialize(&mut bytes);
        assert_eq!(
            bytes, captured.bytes,
            "{}: {:?}",
            captured.file, captured.message
        );
    }
}

#[test]
fn nothing_that_was_exchanged_is_unknown() {
    for captured in captured() {
        let Some(message) = captured.ipvs() else {
            continue;
        };
        let text = format!("{message:?}");
        assert!(!text.contains("Other("), "{}: {text}", captured.file);
    }
}

#[test]
fn every_command_was_captured() {
    let all = captured();
    let commands: Vec<u8> = all
        .iter()
        .filter_map(|c| c.ipvs())
        .map(|m| m.cmd.into())
        .collect();
    let missing: Vec<u8> = (1..=17)
        .filter(|command| !commands.contains(command))
        .collect();
    assert!(
        missing.is_empty(),
        "no message with the commands {missing:?}"
    );
}

/// Each change goes through the typed records and comes out as it was sent. The order of the
/// attributes may differ: they are compared as sets.
#[test]
fn the_typed_requests_say_what_ipvsadm_said() {
    let mut changes = 0;
    for captured in captured().iter().filter(|captured| captured.is_sent) {
        let Some(message) = captured.ipvs().filter(|message| message.cmd.is_write()) else {
            continue;
        };
        let mut dest = dest_nest(message).to_vec();
        clear_tail(&mut dest);
        let (service, dest, daemon) = (service_nest(message), &dest[..], daemon_nest(message));
        let id = || ServiceId::from_attributes(service).unwrap();
        let record = || Service::from_attributes(service).unwrap();
        let server = || Destination::from_attributes(dest, id().family()).unwrap();
        let request = match message.cmd {
            IpvsCommand::NewService => Request::AddService(record()),
            IpvsCommand::SetService => Request::UpdateService(record()),
            IpvsCommand::DelService => Request::RemoveService(id()),
            IpvsCommand::NewDest => Request::AddDestination(id(), server()),
            IpvsCommand::SetDest => Request::UpdateDestination(id(), server()),
            IpvsCommand::DelDest => Request::RemoveDestination(id(), server().id),
            IpvsCommand::NewDaemon => {
                Request::StartDaemon(Daemon::from_attributes(daemon).unwrap())
            }
            IpvsCommand::DelDaemon => {
                Request::StopDaemon(Daemon::from_attributes(daemon).unwrap().state)
            }
            IpvsCommand::SetConfig => {
                Request::SetTimeouts(Timeouts::from_attributes(&message.attrs))
            }
            IpvsCommand::Zero => Request::Zero((!service.is_empty()).then(id)),
            IpvsCommand::Flush => Request::Flush,
            other => panic!("{}: {other:?} is no change", captured.file),
        };
        let (ours, theirs) = (sorted(&request.to_message()), sorted(message));
        let file = &captured.file;
        match request {
            // ipvsadm adds the options of the service, or of the record to be removed, which the
            // kernel does not look at: ours are among theirs.
            Request::RemoveService(_)
            | Request::AddDestination(..)
            | Request::UpdateDestination(..)
            | Request::RemoveDestination(..)
            | Request::StopDaemon(_)
            | Request::Zero(Some(_)) => {
                let among = |attribute: &ServiceAttr| service.contains(attribute);
                assert!(
                    service_nest(&ours).iter().all(among),
                    "{file}: {ours:?}\n{theirs:?}"
                );
                let among = |attribute: &DestAttr| dest.contains(attribute);
                assert!(
                    dest_nest(&ours).iter().all(among),
                    "{file}: {ours:?}\n{theirs:?}"
                );
                let among = |attribute: &DaemonAttr| daemon.contains(attribute);
                assert!(
                    daemon_nest(&ours).iter().all(among),
                    "{file}: {ours:?}\n{theirs:?}"
                );
                let kinds =
                    |message: &IpvsMessage| message.attrs.iter().map(Nla::kind).collect::<Vec<_>>();
                assert_eq!(kinds(&ours), kinds(&theirs), "{file}");
                if !matches!(request, Request::RemoveDestination(..)) {
                    assert_eq!(dest_nest(&ours), dest_nest(&theirs), "{file}");
                }
            }
            _ => assert_eq!(ours, theirs, "{file}"),
        }
        changes += 1;
    }
    assert!(changes > 60, "only {changes} changes");
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// `ipvsadm -A -u 192.0.2.10:5060 -s rr -p 60 --pe sip`
#[test]
fn a_service_with_a_persistence_engine_is_asked_for_in_ipvsadms_very_bytes() {
    let mut service = Service::new(ServiceId::udp(socket("192.0.2.10:5060")), name("rr"));
    service.flags = ServiceFlags::PERSISTENT;
    service.timeout = 60;
    service.pe_name = Some(name("sip"));
    let request = Request::AddService(service);
    assert_eq!(
        request.to_message(),
        sent("service-add-sip", IpvsCommand::NewService)
    );
}

/// `ipvsadm -a -t 192.0.2.10:81 -r 192.0.2.102 -i --tun-type gue --tun-port 6080`
#[test]
fn a_tunnelled_server_is_asked_for_in_ipvsadms_very_bytes() {
    let server = DestinationId::from(socket("192.0.2.102:81"));
    let mut server = Destination::new(server, ForwardMethod::Tunnel);
    server.tunnel.kind = TunnelKind::Gue;
    server.tunnel.port = 6080;
    let theirs = sent("server-add-tunnel-gue", IpvsCommand::NewDest);
    assert_eq!(server.to_attributes(), dest_nest(&theirs));
    let id = ServiceId::from_attributes(service_nest(&theirs)).unwrap();
    assert_eq!(id, ServiceId::tcp(socket("192.0.2.10:81")));
}

/// `ipvsadm --start-daemon master --mcast-interface eth0 --syncid 62 --sync-maxlen 1400
/// --mcast-group 224.0.0.99 --mcast-port 9000 --mcast-ttl 3`
#[test]
fn a_daemon_with_all_options_is_asked_for_as_ipvsadm_does() {
    let daemon = Daemon {
        max_length: Some(1400),
        group: Some("224.0.0.99".parse().unwrap()),
        port: Some(9000),
        ttl: Some(3),
        ..Daemon::new(DaemonState::Master, name("eth0"), 62)
    };
    let theirs = sent("daemon-start-master-options", IpvsCommand::NewDaemon);
    let ours = Request::StartDaemon(daemon).to_message();
    assert_eq!(sorted(&ours), sorted(&theirs));
}

/// Gives the records of an answer.
fn received(file: &str, cmd: IpvsCommand) -> Vec<IpvsMessage> {
    let all = captured();
    all.iter()
        .filter(|captured| captured.file == file && !captured.is_sent)
        .filter_map(|captured| {
            captured
                .ipvs()
                .filter(|message| message.cmd == cmd)
                .cloned()
        })
        .collect()
}

#[test]
fn a_listing_is_read_with_every_kind_of_service_in_it() {
    let services: Vec<Service> = received("list-all", IpvsCommand::NewService)
        .iter()
        .map(|answer| Service::from_attributes(service_nest(answer)).unwrap())
        .collect();
    let has = |test: &dyn Fn(&ServiceId) -> bool| services.iter().any(|s| test(&s.id));
    assert!(has(&|id| id.to_string().starts_with("tcp 192.0.2.")));
    assert!(has(&|id| id.to_string().starts_with("fwmark ")));
    assert!(has(&|id| matches!(
        id,
        ServiceId::Address { protocol: 132, .. }
    )));
    assert!(has(&|id| matches!(
        id,
        ServiceId::Address {
            address: IpAddr::V6(_),
            ..
        }
    )));
    for service in &services {
        assert!(!service.scheduler.is_empty(), "{service:?}");
        assert!(!service.flags.contains(ServiceFlags::HASHED), "{service:?}");
        assert_eq!(service.flags_mask, u32::MAX);
    }
    let mark6 = sent("service-add-fwmark6", IpvsCommand::NewService);
    let mark6 = ServiceId::from_attributes(service_nest(&mark6)).unwrap();
    assert!(
        matches!(
            mark6,
            ServiceId::Fwmark {
                family: Family::Inet6,
                ..
            }
        ),
        "{mark6}"
    );

    let servers: Vec<Destination> = received("list-all", IpvsCommand::NewDest)
        .iter()
        .map(|answer| Destination::from_attributes(dest_nest(answer), Family::Inet).unwrap())
        .collect();
    let told = |text: &str| {
        let server = servers.iter().find(|server| server.id.to_string() == text);
        let server = server.unwrap_or_else(|| panic!("no {text}"));
        (server.forward, server.weight)
    };
    assert_eq!(told("192.0.2.102:8080"), (ForwardMethod::Masq, 9));
    assert_eq!(told("[2001:db8::102]:80"), (ForwardMethod::Direct, 8));
    assert!(
        servers
            .iter()
            .any(|server| server.tunnel.kind == TunnelKind::Gre)
    );
    assert!(servers.iter().any(|server| server.id.address.is_ipv6()));
    assert!(servers.iter().any(|server| server.upper_threshold > 0));
}

#[test]
fn counters_are_read_from_the_64_bit_nest() {
    let answers = received("service-get-stats", IpvsCommand::NewService);
    let nest = service_nest(answers.first().unwrap());
    assert!(
        nest.iter()
            .any(|attribute| matches!(attribute, ServiceAttr::Stats64(_)))
    );
    let service = Service::from_attributes(nest).unwrap();
    let narrow = nest.iter().find_map(|attribute| match attribute {
        ServiceAttr::Stats(nest) => Some(Stats::from_stats(nest)),
        _ => None,
    });
    // Small numbers: both widths agree.
    assert_eq!(Some(service.stats), narrow);
}

#[test]
fn timeouts_daemons_and_info_are_read() {
    let answers = received("timeouts-get-default", IpvsCommand::SetConfig);
    let timeouts = Timeouts::from_attributes(&answers.first().unwrap().attrs);
    assert_eq!(
        timeouts,
        Timeouts {
            tcp: 900,
            tcp_fin: 120,
            udp: 300
        }
    );

    let answers = received("timeouts-get-default", IpvsCommand::SetInfo);
    let info = Info::from_attributes(&answers.first().unwrap().attrs);
    assert_eq!(info.version_text().to_string(), "1.2.1");
    assert_eq!(info.connection_table_size, 4096);

    let daemons: Vec<Daemon> = received("daemon-list-both", IpvsCommand::NewDaemon)
        .iter()
        .map(|answer| Daemon::from_attributes(daemon_nest(answer)).unwrap())
        .collect();
    let states: Vec<DaemonState> = daemons.iter().map(|daemon| daemon.state).collect();
    assert_eq!(states, [DaemonState::Master, DaemonState::Backup]);
    assert!(
        daemons
            .iter()
            .all(|daemon| daemon.max_length.is_some() && daemon.ttl.is_some())
    );

    let answers = received("daemon-list-group6", IpvsCommand::NewDaemon);
    let daemon = Daemon::from_attributes(daemon_nest(answers.first().unwrap())).unwrap();
    assert!(
        daemon
            .group
            .is_some_and(|group| group.is_ipv6() && group.is_multicast())
    );
}

/// The refusals that were captured, and in which words they are told.
#[test]
fn every_refusal_has_its_meaning() {
    let mut commands = BTreeMap::new();
    let mut told = BTreeMap::new();
    for captured in captured() {
        let sequence = captured.message.header.sequence_number;
        match &captured.message.payload {
            NetlinkPayload::InnerMessage(message) => {
                commands.insert((captured.file, sequence), message.payload.cmd);
            }
            NetlinkPayload::Error(answer) => {
                let Some(code) = answer.code else { continue };
                let command = commands[&(captured.file.clone(), sequence)];
                let errno = Errno::from_raw(-code.get());
                let error = KernelError {
                    command,
                    errno,
                    message: None,
                    offset: None,
                };
                assert!(
                    error.meaning().is_some(),
                    "{}: {error} of {command:?}",
                    captured.file
                );
                told.insert(captured.file, error.to_string());
            }
            _ => {}
        }
    }
    let expected = [
        ("error-service-exists", "EEXIST: the service already exists"),
        (
            "error-scheduler-twos",
            "ENOENT: the kernel has no such scheduler or",
        ),
        (
            "error-engine-unknown",
            "ENOENT: the kernel has no such scheduler or persistence engine",
        ),
        (
            "error-service-edit-missing",
            "ESRCH: there is no such service",
        ),
        (
            "error-service-delete-missing",
            "ESRCH: there is no such service",
        ),
        (
            "error-service-zero-missing",
            "ESRCH: there is no such service",
        ),
        (
            "error-service-get-missing",
            "ESRCH: there is no such service",
        ),
        (
            "error-server-service-missing",
            "ESRCH: the service of the destination",
        ),
        (
            "error-server-exists",
            "EEXIST: the service already has this destination",
        ),
        (
            "error-server-edit-missing",
            "ENOENT: the service has no such destination",
        ),
        (
            "error-server-delete-missing",
            "ENOENT: the service has no such destination",
        ),
        (
            "error-server-thresholds",
            "ERANGE: the weight is negative, or the lower threshold",
        ),
        (
            "error-server-not-unicast",
            "EINVAL: the kernel refuses this destination",
        ),
        (
            "error-daemon-exists",
            "EEXIST: a daemon of this state is running",
        ),
        (
            "error-daemon-interface",
            "ENODEV: there is no such interface",
        ),
        (
            "error-daemon-stop-missing",
            "ESRCH: no daemon of this state",
        ),
        ("error-not-permitted", "EPERM: needs CAP_NET_ADMIN"),
    ];
    for (file, words) in expected {
        let error = told
            .get(file)
            .unwrap_or_else(|| panic!("no refusal in {file}"));
        assert!(error.starts_with(words), "{file}: {error}");
    }
}
