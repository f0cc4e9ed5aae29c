//! Properties of the codec: what is emitted is parsed back, and no bytes make it panic.

// clippy.toml's exceptions for tests do not reach the helpers of integration tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::net::IpAddr;

use ipvsh::ipvs::*;
use netlink_packet_core::{Emitable, ParseableParametrized};
use netlink_packet_generic::GenlHeader;
use proptest::prelude::*;

fn emit(message: &IpvsMessage) -> Vec<u8> {
    let mut bytes = vec![0xaa; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn parse(cmd: u8, bytes: &[u8]) -> Result<IpvsMessage, netlink_packet_core::DecodeError> {
    IpvsMessage::parse_with_param(bytes, GenlHeader { cmd, version: 1 })
}

/// Emits and parses back; the message must not change on the way.
fn through_the_wire(message: &IpvsMessage) -> IpvsMessage {
    let bytes = emit(message);
    assert_eq!(bytes.len() % 4, 0);
    let mut appended = b"before".to_vec();
    message.append(&mut appended);
    assert_eq!(appended, [b"before", &bytes[..]].concat());
    let parsed = parse(message.cmd.into(), &bytes).unwrap();
    assert_eq!(&parsed, message);
    parsed
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9_.-]{1,15}".prop_map(|text| Name::new(&text).unwrap())
}

fn service_id() -> impl Strategy<Value = ServiceId> {
    let address =
        (any::<u16>(), any::<IpAddr>(), any::<u16>()).prop_map(|(protocol, address, port)| {
            ServiceId::Address {
                protocol,
                address,
                port,
            }
        });
    let mark = (any::<bool>(), 1u32..).prop_map(|(v6, mark)| {
        ServiceId::fwmark(if v6 { Family::Inet6 } else { Family::Inet }, mark).unwrap()
    });
    prop_oneof![address, mark]
}

prop_compose! {
    fn stats()(values in any::<[u64; 10]>()) -> Stats {
        let [connections, packets_in, packets_out, bytes_in, bytes_out, connection_rate,
            packet_rate_in, packet_rate_out, byte_rate_in, byte_rate_out] = values;
        Stats { connections, packets_in, packets_out, bytes_in, bytes_out, connection_rate,
            packet_rate_in, packet_rate_out, byte_rate_in, byte_rate_out }
    }
}

prop_compose! {
    fn service()(
        id in service_id(),
        scheduler in name(),
        pe_name in proptest::option::of(name()),
        flags: u32, flags_mask: u32, timeout: u32, netmask: u32,
    ) -> Service {
        let mut service = Service::new(id, scheduler);
        service.flags = ServiceFlags::from_bits(flags).without(ServiceFlags::HASHED);
        service.flags_mask = flags_mask;
        service.timeout = timeout;
        service.netmask = match id.family() {
            Family::Inet => Netmask::V4(netmask.into()),
            Family::Inet6 => Netmask::V6(netmask),
        };
        service.pe_name = pe_name;
        service
    }
}

fn forward() -> impl Strategy<Value = ForwardMethod> {
    prop_oneof![
        Just(ForwardMethod::Masq),
        Just(ForwardMethod::LocalNode),
        Just(ForwardMethod::Tunnel),
        Just(ForwardMethod::Direct),
        Just(ForwardMethod::Bypass),
        (5u32..8).prop_map(ForwardMethod::Other),
    ]
}

prop_compose! {
    fn destination()(
        address: IpAddr, port: u16, forward in forward(), weight: i32, upper: u32, lower: u32,
        kind in prop_oneof![
            Just(TunnelKind::Ipip), Just(TunnelKind::Gue), Just(TunnelKind::Gre),
            (3u8..).prop_map(TunnelKind::Other),
        ],
        tunnel_port: u16, tunnel_flags: u16,
    ) -> Destination {
        let mut destination = Destination::new(DestinationId { address, port }, forward);
        destination.weight = weight;
        destination.upper_threshold = upper;
        destination.lower_threshold = lower;
        let flags = TunnelFlags::from_bits(tunnel_flags);
        destination.tunnel = Tunnel { kind, port: tunnel_port, flags };
        destination
    }
}

prop_compose! {
    fn daemon()(
        master: bool, interface in name(), sync_id: u32, max_length: Option<u16>,
        group: Option<IpAddr>, port: Option<u16>, ttl: Option<u8>,
    ) -> Daemon {
        let state = if master { DaemonState::Master } else { DaemonState::Backup };
        Daemon { state, interface, sync_id, max_length, group, port, ttl }
    }
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        service().prop_map(Request::AddService),
        service().prop_map(Request::UpdateService),
        service_id().prop_map(Request::RemoveService),
        (service_id(), destination()).prop_map(|(id, one)| Request::AddDestination(id, one)),
        (service_id(), destination()).prop_map(|(id, one)| Request::UpdateDestination(id, one)),
        (service_id(), destination()).prop_map(|(id, one)| Request::RemoveDestination(id, one.id)),
        daemon().prop_map(Request::StartDaemon),
        Just(Request::StopDaemon(DaemonState::Backup)),
        any::<[u32; 3]>().prop_map(|[tcp, tcp_fin, udp]| {
            Request::SetTimeouts(Timeouts { tcp, tcp_fin, udp })
        }),
        proptest::option::of(service_id()).prop_map(Request::Zero),
        Just(Request::Flush),
    ]
}

/// Gives the record nests of a message: service, destination, daemon.
fn nests(message: &IpvsMessage) -> (Vec<ServiceAttr>, Vec<DestAttr>, Vec<DaemonAttr>) {
    let mut nests = (vec![], vec![], vec![]);
    for attribute in &message.attrs {
        match attribute {
            IpvsAttr::Service(nest) => nests.0.clone_from(nest),
            IpvsAttr::Dest(nest) => nests.1.clone_from(nest),
            IpvsAttr::Daemon(nest) => nests.2.clone_from(nest),
            _ => {}
        }
    }
    nests
}

proptest! {
    #[test]
    fn services_survive_the_wire(service in service(), counts in stats()) {
        let sent = through_the_wire(&Request::AddService(service.clone()).to_message());
        let (mut nest, ..) = nests(&sent);
        prop_assert_eq!(&Service::from_attributes(&nest).unwrap(), &service);
        prop_assert_eq!(ServiceId::from_attributes(&nest).unwrap(), service.id);

        // As the kernel answers: with both kinds of counters, of which the wide one wins.
        nest.push(ServiceAttr::Stats64(counts.to_stats64()));
        nest.push(ServiceAttr::Stats(vec![StatsAttr::Conns(1), StatsAttr::InBytes(2)]));
        let answer = IpvsMessage::new(IpvsCommand::NewService, vec![IpvsAttr::Service(nest)]);
        let (nest, ..) = nests(&through_the_wire(&answer));
        prop_assert_eq!(Service::from_attributes(&nest).unwrap().stats, counts);
    }

    #[test]
    fn destinations_survive_the_wire(id in service_id(), server in destination()) {
        let request = Request::AddDestination(id, server.clone());
        let (_, nest, _) = nests(&through_the_wire(&request.to_message()));
        for family in [Family::Inet, Family::Inet6] {
            prop_assert_eq!(&Destination::from_attributes(&nest, family).unwrap(), &server);
        }
        // An old kernel leaves the family out: then it is the service's.
        let without: Vec<_> =
            nest.into_iter().filter(|a| !matches!(a, DestAttr::AddrFamily(_))).collect();
        let family = Family::of(server.id.address);
        prop_assert_eq!(&Destination::from_attributes(&without, family).unwrap(), &server);
    }

    #[test]
    fn a_request_is_written_as_its_message_is(request in request()) {
        let mut written = b"before".to_vec();
        request.append(&mut written);
        prop_assert_eq!(written, [b"before", &emit(&request.to_message())[..]].concat());
    }

    #[test]
    fn daemons_survive_the_wire(daemon in daemon()) {
        let (_, _, nest) =
            nests(&through_the_wire(&Request::StartDaemon(daemon.clone()).to_message()));
        prop_assert_eq!(Daemon::from_attributes(&nest).unwrap(), daemon);
    }

    #[test]
    fn timeouts_and_info_survive_the_wire(tcp: u32, tcp_fin: u32, udp: u32) {
        let timeouts = Timeouts { tcp, tcp_fin, udp };
        let sent = through_the_wire(&Request::SetTimeouts(timeouts).to_message());
        prop_assert_eq!(Timeouts::from_attributes(&sent.attrs), timeouts);
        let info = Info { version: tcp, connection_table_size: udp };
        let answer = IpvsMessage::new(IpvsCommand::SetInfo, info.to_attributes());
        prop_assert_eq!(Info::from_attributes(&through_the_wire(&answer).attrs), info);
    }

    #[test]
    fn no_bytes_make_it_panic(cmd: u8, bytes: Vec<u8>) {
        let _ = parse(cmd, &bytes);
    }

    /// Well-formed attributes with any type, flags and content, nested two deep: closer to what
    /// reaches the inner parsers than plain noise.
    #[test]
    fn no_attributes_make_it_panic(
        cmd in 0u8..20,
        outer in 0u16..8,
        inner in proptest::collection::vec((any::<u16>(), 0u16..18, any::<Vec<u8>>()), 0..6),
    ) {
        let mut nest = Vec::new();
        for (flags, kind, mut value) in inner {
            value.truncate(40);
            nest.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            // One flag or none: core 0.9 loses one of two (which no kernel sends).
            nest.extend((kind | [0, 0x4000, 0x8000][usize::from(flags % 3)]).to_ne_bytes());
            nest.extend(&value);
            nest.resize(nest.len().next_multiple_of(4), 0);
        }
        let mut bytes = u16::try_from(nest.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(outer.to_ne_bytes());
        bytes.extend(nest);
        if let Ok(message) = parse(cmd, &bytes) {
            let (service, dest, daemon) = nests(&message);
            let _ = Service::from_attributes(&service);
            let _ = Destination::from_attributes(&dest, Family::Inet);
            let _ = Daemon::from_attributes(&daemon);
            let _ = Info::from_attributes(&message.attrs);
            // What could be read can be written.
            let again = parse(cmd, &emit(&message)).unwrap();
            prop_assert_eq!(again, message);
        }
    }

    #[test]
    fn names_are_bounded(text: String) {
        let fits = text.len() <= Name::MAX_LEN && !text.contains('\0');
        prop_assert_eq!(Name::new(&text).is_ok(), fits);
    }

    #[test]
    fn names_are_what_their_texts_are(one in "[aé]{0,7}", other in "[aé]{0,7}") {
        let names = [&one, &other].map(|text| Name::new(text).unwrap());
        prop_assert_eq!(names[0].as_str(), &one);
        prop_assert_eq!(names[0].is_empty(), one.is_empty());
        prop_assert_eq!(names[0].cmp(&names[1]), one.cmp(&other));
        prop_assert_eq!(format!("{:?}", names[0]), format!("Name({one:?})"));
    }
}

#[test]
fn unknown_attributes_are_kept_at_every_level() {
    let unknown = || netlink_packet_core::DefaultNla::new(99, vec![1, 2, 3]);
    let message = IpvsMessage::new(
        IpvsCommand::NewDest,
        vec![
            IpvsAttr::Service(vec![
                ServiceAttr::Stats(vec![StatsAttr::Other(unknown())]),
                ServiceAttr::Stats64(vec![Stats64Attr::Other(unknown())]),
                ServiceAttr::Other(unknown()),
            ]),
            IpvsAttr::Dest(vec![DestAttr::Other(unknown())]),
            IpvsAttr::Daemon(vec![DaemonAttr::Other(unknown())]),
            IpvsAttr::Other(unknown()),
        ],
    );
    through_the_wire(&message);
    let info = IpvsAttr::Info(InfoAttr::Other(unknown()));
    through_the_wire(&IpvsMessage::new(IpvsCommand::SetInfo, vec![info]));
}

#[test]
fn a_wrong_length_is_an_error_that_names_the_attribute() {
    // A SERVICE nest with a FWMARK of two bytes.
    let bytes = [12, 0, 1, 0, 6, 0, 5, 0, 1, 2, 0, 0];
    let error = parse(1, &bytes).unwrap_err().to_string();
    assert!(error.contains("IPVS_SVC_ATTR_FWMARK"), "{error}");
}

/// A new service that carried the flag would be taken for one that is in the table already, and
/// be lost (ip_vs_svc_hash).
#[test]
fn the_kernels_own_flag_is_never_sent() {
    let id = ServiceId::tcp("192.0.2.1:80".parse().unwrap());
    let mut service = Service::new(id, Name::new("rr").unwrap());
    service.flags = ServiceFlags::HASHED | ServiceFlags::PERSISTENT;
    let flags = service
        .to_attributes()
        .into_iter()
        .find_map(|attribute| match attribute {
            ServiceAttr::Flags { flags, .. } => Some(flags),
            _ => None,
        });
    assert_eq!(flags, Some(1));
}
