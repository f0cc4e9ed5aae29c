//! The parts that need no kernel: codec, plan, diff, store, script.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a bench fails loudly

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::net::SocketAddr;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ipvsh::health::Overlay;
use ipvsh::ipvs::{
    DestAttr, Destination, Detail, ForwardMethod, IpvsAttr, IpvsCommand, IpvsMessage,
    Request as Message, ServiceId, Stats,
};
use ipvsh::model::{EntryKey, Extent, Live, Ruleset, ServiceKey, Weight};
use ipvsh::plan::{Request, Scope, between, plan};
use ipvsh::script::{self, Source};
use ipvsh::store::{DatabaseKind, Draft, SledStores, Stores, Turn};

/// So many services with so many servers each, from the script that declares them.
fn table(services: usize, servers: usize) -> Ruleset {
    script::ruleset(&Source::inline(&declaring(services, servers))).unwrap()
}

fn declaring(services: usize, servers: usize) -> String {
    format!(
        "for i in 0..{services} {{
            let list = [];
            for j in 0..{servers} {{
                list.push(#{{ address: `10.${{j + 1}}.${{i / 250}}.${{i % 250 + 1}}:8080`, weight: 1 }});
            }}
            tcp(`198.18.${{i / 250}}.${{i % 250 + 1}}:80`, #{{ forward: \"masq\", servers: list }});
        }}"
    )
}

/// The same with another weight of one server.
fn reweighed(rules: &Ruleset, weight: i64) -> Ruleset {
    let mut rules = rules.clone();
    let service = rules.services.values_mut().next().unwrap();
    service.servers.values_mut().next().unwrap().weight = Weight::new(weight).unwrap();
    rules
}

fn live(rules: &Ruleset) -> Live {
    Live {
        rules: rules.clone(),
        ..Live::default()
    }
}

fn codec(c: &mut Criterion) {
    let service = ServiceId::tcp(([192, 0, 2, 10], 80).into());
    let server: SocketAddr = ([10, 0, 0, 1], 80).into();
    let request = Message::AddDestination(service, Destination::new(server, ForwardMethod::Masq));
    let mut datagram = Vec::with_capacity(1 << 16);
    c.bench_function("codec: encode one server", |b| {
        b.iter(|| {
            datagram.clear();
            black_box(&request).append(&mut datagram);
        });
    });
    // As the kernel answers, with counts and counters.
    let mut attributes = match request.to_message().attrs.pop() {
        Some(IpvsAttr::Dest(attributes)) => attributes,
        other => panic!("{other:?}"),
    };
    let counts = [
        DestAttr::ActiveConns,
        DestAttr::InactConns,
        DestAttr::PersistConns,
    ];
    attributes.extend(counts.map(|count| count(7)));
    attributes.push(DestAttr::Stats64(Stats::default().to_stats64()));
    let mut answer = Vec::new();
    IpvsMessage::new(IpvsCommand::NewDest, vec![IpvsAttr::Dest(attributes)]).append(&mut answer);
    for (name, detail) in [
        ("", Detail::Whole),
        (" without its counters", Detail::WithoutStats),
    ] {
        c.bench_function(&format!("codec: decode one server{name}"), |b| {
            b.iter(|| IpvsMessage::parse(black_box(&answer), IpvsCommand::NewDest, detail));
        });
    }
}

fn plans(c: &mut Criterion) {
    let (none, all) = (Ruleset::default(), table(10_000, 5));
    let full = |head: &Ruleset, live: &Live, wanted: &Ruleset| {
        plan(&Request {
            head,
            live,
            wanted,
            scope: Scope::Everything,
            overlay: &Overlay::without_state(DateTime::UNIX_EPOCH),
            exact_servers: &BTreeSet::new(),
            declared: &BTreeMap::new(),
            keep_weights: false,
            found: &Default::default(),
        })
    };
    let (empty, loaded) = (live(&none), live(&all));
    let mut group = c.benchmark_group("plan");
    group.sample_size(10);
    group.bench_function("load 10,000 x 5", |b| b.iter(|| full(&all, &empty, &all)));
    group.bench_function("nothing to do, 10,000 x 5", |b| {
        b.iter(|| full(&all, &loaded, &all));
    });
    let changed = reweighed(&all, 7);
    group.bench_function("diff of one weight, 10,000 x 5", |b| {
        b.iter(|| between(&all, &changed));
    });
    group.finish();
    // What a commit of one weight has to do with, whatever else there is.
    let key = *all.services.keys().next().unwrap();
    let part = |rules: &Ruleset| Extent::Services(BTreeSet::from([key])).within(rules);
    let (before, after) = (part(&all), part(&changed));
    let named = before.differences(&after);
    let standing = live(&before);
    c.bench_function("plan/one weight", |b| {
        b.iter(|| {
            plan(&Request {
                head: &before,
                live: &standing,
                wanted: &after,
                scope: Scope::Named(named.iter().copied().collect::<BTreeSet<EntryKey>>()),
                overlay: &Overlay::without_state(DateTime::UNIX_EPOCH),
                exact_servers: &BTreeSet::new(),
                declared: &BTreeMap::new(),
                keep_weights: false,
                found: &Default::default(),
            })
        });
    });
}

fn draft() -> Draft {
    Draft {
        author: "bench".to_owned(),
        message: "one weight".to_owned(),
        ..Draft::default()
    }
}

fn store(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let stores = SledStores::new(dir.path().join("db"), DatabaseKind::Sim);
    let all = table(10_000, 5);
    stores
        .open_to_write()
        .unwrap()
        .record(&draft(), &all)
        .unwrap();
    let mut group = c.benchmark_group("store");
    group.sample_size(10);
    group.bench_function("open, 10,000 x 5", |b| {
        b.iter(|| stores.open().unwrap().head().unwrap());
    });
    group.bench_function("read the head, 10,000 x 5", |b| {
        b.iter_batched(
            || stores.open().unwrap(),
            |store| {
                let head = store.head().unwrap().unwrap();
                store.ruleset(head.id).unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    let key = *all.services.keys().next().unwrap();
    let keys: BTreeSet<ServiceKey> = [key].into();
    let mut weight = 0;
    group.bench_function("record one weight, 10,000 x 5, on disk", |b| {
        b.iter_batched(
            || stores.open_to_write().unwrap(),
            |mut store| {
                weight += 1;
                let head = store.head().unwrap().unwrap();
                let extent = Extent::Services(keys.clone());
                let from = store.part(head.id, &extent).unwrap();
                let to = reweighed(&from, weight);
                let turn = Turn {
                    from: &from,
                    to: &to,
                    found: (&Default::default(), &Default::default()),
                    unless: None,
                };
                store.record_turn(&draft(), &turn).unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn scripts(c: &mut Criterion) {
    let source = Source::inline(&declaring(10_000, 5));
    let mut group = c.benchmark_group("script");
    group.sample_size(10);
    group.bench_function("stage 10,000 x 5 in a loop", |b| {
        b.iter(|| script::ruleset(&source).unwrap());
    });
    group.finish();
}

criterion_group!(benches, codec, plans, store, scripts);
criterion_main!(benches);
