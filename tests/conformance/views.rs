//! What a kernel says of itself and its traffic, when nothing went through yet.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use ipvsh::kernel::Part;
use ipvsh::model::load::load;
use ipvsh::model::{
    Counters, Extent, Family, MarkSupport, Rates, ServiceKey, ServiceTraffic, Usage,
};

use super::{Bench, Case, steps};

pub const CASES: &[Case] = &[
    ("traffic_begins_at_zero", traffic_begins_at_zero),
    ("one_service_is_counted_alone", one_service_is_counted_alone),
    (
        "the_servers_of_one_service_are_read_alone",
        the_servers_of_one_service_are_read_alone,
    ),
    ("a_part_is_read_alone", a_part_is_read_alone),
    (
        "the_load_is_what_costs_more_to_read",
        the_load_is_what_costs_more_to_read,
    ),
    ("counters_are_zeroed", counters_are_zeroed),
    ("nobody_is_connected", nobody_is_connected),
    ("it_says_what_it_is", it_says_what_it_is),
];

const SERVICE: &str = "tcp 192.0.2.10:80";
const OTHER: &str = "fwmark6 7";
const SERVER: &str = "127.0.0.1:80";

fn build(bench: &mut Bench) {
    bench.does(&[
        steps::add(SERVICE),
        steps::serve(SERVICE, SERVER),
        steps::add(OTHER),
    ]);
}

fn nothing() -> ServiceTraffic {
    let server = steps::server_key(SERVICE, SERVER);
    ServiceTraffic {
        total: Usage::default(),
        servers: [(server, Usage::default())].into(),
    }
}

fn traffic_begins_at_zero(bench: &mut Bench) {
    assert!(bench.kernel.traffic(None).unwrap().is_empty());
    build(bench);
    let traffic = bench.kernel.traffic(None).unwrap();
    assert_eq!(
        traffic,
        [
            (steps::key(SERVICE), nothing()),
            (steps::key(OTHER), ServiceTraffic::default()),
        ]
        .into()
    );
}

fn one_service_is_counted_alone(bench: &mut Bench) {
    build(bench);
    let only = steps::key(SERVICE);
    let traffic = bench.kernel.traffic(Some(&only)).unwrap();
    assert_eq!(traffic, [(only, nothing())].into());
    let missing = steps::key("tcp 192.0.2.10:81");
    assert!(bench.kernel.traffic(Some(&missing)).unwrap().is_empty());
}

fn the_servers_of_one_service_are_read_alone(bench: &mut Bench) {
    build(bench);
    let live = bench.live();
    for (service, count) in [
        (SERVICE, Some(1)),
        (OTHER, Some(0)),
        ("tcp 192.0.2.10:81", None),
    ] {
        let key = steps::key(service);
        let servers = bench.kernel.servers(&key).unwrap();
        assert_eq!(servers.as_ref().map(|all| all.len()), count, "{service}");
        assert_eq!(servers, live.servers_of(&key), "{service}");
    }
}

fn a_part_is_read_alone(bench: &mut Bench) {
    build(bench);
    let whole = bench.live();
    let missing = "tcp 192.0.2.10:81";
    let asked: BTreeSet<ServiceKey> = [SERVICE, missing].map(steps::key).into();
    let mut part = Part {
        services: Extent::Services(asked),
        or_whole: 0,
        marks: false,
        ..Part::whole()
    };
    let live = bench.kernel.observe_part(&part).unwrap();
    assert_eq!(live.extent, part.services);
    assert_eq!(
        live.rules.services,
        part.services.within(&whole.rules).services
    );
    assert_eq!(live.rules.settings, whole.rules.settings);
    assert_eq!(*live.marks(Family::Ipv4), MarkSupport::Unread);
    // Two services are a table that is read whole where that is wanted.
    for (most, extent) in [(1, part.services.clone()), (2, Extent::Whole)] {
        part.or_whole = most;
        let live = bench.kernel.observe_part(&part).unwrap();
        assert_eq!(live.extent, extent);
        assert_eq!(live.rules.services.len(), most);
    }
    // And what was given up is not in the way of what follows.
    assert_eq!(bench.live(), whole);
}

fn the_load_is_what_costs_more_to_read(bench: &mut Bench) {
    assert!(bench.kernel.load().unwrap().is_empty());
    build(bench);
    // A mark of both families: /proc does not say which is which.
    bench.does(&[
        steps::add("fwmark 7"),
        steps::serve("fwmark 7", SERVER),
        steps::add("udp [2001:db8::10]:53"),
        steps::serve("udp [2001:db8::10]:53", "[2001:db8::11]:53"),
        steps::serve(OTHER, "[2001:db8::11]:7"),
        steps::serve(OTHER, "[2001:db8::12]:7"),
    ]);
    let live = bench.live();
    let traffic = bench.kernel.traffic(None).unwrap();
    assert_eq!(bench.kernel.load().unwrap(), load(&live, &traffic));
}

fn counters_are_zeroed(bench: &mut Bench) {
    build(bench);
    bench.kernel.zero(Some(&steps::key(OTHER))).unwrap();
    bench.kernel.zero(None).unwrap();
    let error = bench.kernel.zero(Some(&steps::key("fwmark 7")));
    let error = error.unwrap_err();
    assert_eq!(error.kind().name(), "not_found", "{error}");
    assert_eq!(error.object_name(), Some("virtual service fwmark 7"));
}

fn nobody_is_connected(bench: &mut Bench) {
    build(bench);
    let mut seen = Vec::new();
    bench
        .kernel
        .connections(&mut |connection| {
            seen.push(connection);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, []);
}

fn it_says_what_it_is(bench: &mut Bench) {
    bench.does(&[steps::add(SERVICE)]);
    let info = bench.kernel.info().unwrap();
    assert_eq!(info.version, "1.2.1");
    assert!(info.connection_table_size.is_power_of_two());
    // Where modules are built in they may not be listed; what is listed is loaded.
    assert!(info.schedulers.is_sorted());
    assert!(info.schedulers.contains(&"wlc".to_owned()), "{info:?}");
    assert_eq!(
        (info.total.stats, info.total.rates),
        (Counters::default(), Rates::default())
    );
}
