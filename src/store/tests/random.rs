//! Random histories, read back.

use proptest::prelude::*;

use super::*;
use crate::model::{DaemonRole, Fwmark, MarkRule, Scheduler, SyncDaemon, TimeoutKind};

fn rulesets() -> impl Strategy<Value = Vec<Ruleset>> {
    let server = (0u8..40, 0i64..3);
    let service = (
        0u8..6,
        prop_oneof![Just("rr"), Just("wlc")],
        proptest::collection::vec(server, 0..40),
    );
    let rule = (1i64..4, 0u8..4);
    let one = (
        proptest::collection::vec(service, 0..6),
        proptest::collection::vec(rule, 0..6),
        proptest::option::of(1u32..3),
        any::<bool>(),
    );
    proptest::collection::vec(
        one.prop_map(|(services, marks, tcp, daemon)| {
            let mut rules = Ruleset::default();
            for (number, scheduler, servers) in services {
                let key = if number < 4 {
                    ServiceKey::parse(&format!("tcp 192.0.2.{number}:80"))
                } else {
                    ServiceKey::parse(&format!("fwmark6 {number}"))
                };
                let mut set = VirtualService::new(Family::Ipv4);
                set.options.scheduler = Scheduler::parse(scheduler).unwrap();
                for (host, weight) in servers {
                    let options = RealServer {
                        weight: Weight::new(weight).unwrap(),
                        ..RealServer::default()
                    };
                    set.servers.insert(
                        ServerKey {
                            addr: [10, 0, 0, host].into(),
                            port: 80,
                        },
                        options,
                    );
                }
                rules.services.insert(key.unwrap(), set);
            }
            for (mark, host) in marks {
                let mut rule = MarkRule::new(Fwmark::new(mark).unwrap(), Family::Ipv4);
                rule.to = Some(crate::model::mark::parse_net(&format!("192.0.2.{host}")).unwrap());
                rules.marks.push(rule);
            }
            rules.settings.set_timeout(TimeoutKind::Tcp, tcp);
            if daemon {
                let daemon = SyncDaemon {
                    interface: "eth0".to_owned(),
                    id: 1,
                    maxlen: None,
                    group: None,
                    port: None,
                    ttl: Some(1),
                };
                rules.settings.set_daemon(DaemonRole::Master, Some(daemon));
            }
            rules
        }),
        1..5,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_is_recorded_reads_back(history in rulesets()) {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        for (place, rules) in history.iter().enumerate() {
            let mut store = stores.open_to_write().unwrap();
            prop_assert_eq!(store.repairs(), [""; 0]);
            let id = store.record(&draft("m"), rules).unwrap().id;
            prop_assert_eq!(id, SnapshotId(place as u64 + 1));
            drop(store);
            prop_assert_eq!(stores.mirror().unwrap(), (id, rules.clone()));
        }
        let store = stores.open().unwrap();
        for (place, rules) in history.iter().enumerate() {
            prop_assert_eq!(&store.ruleset(SnapshotId(place as u64 + 1)).unwrap(), rules);
            for (other, theirs) in history.iter().enumerate() {
                let (a, b) = store.differing(SnapshotId(place as u64 + 1), SnapshotId(other as u64 + 1)).unwrap();
                let differences: BTreeSet<_> = rules.differences(theirs);
                prop_assert_eq!(a.differences(&b), differences);
            }
        }
        drop(store);
        prop_assert_eq!(stores.check().unwrap().problems, [""; 0]);
    }
}
