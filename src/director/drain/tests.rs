//! Drains on the simulator, with connections that come and go by a clock that a test moves.

mod lab;

use std::collections::BTreeMap;

use super::*;
use crate::model::SnapshotName;
use lab::{Host, Interfering, Network, counts, one, web};

#[test]
fn it_waits_for_active_connections_and_keeps_weight_0() {
    let host = Host::new();
    let mut network = host.network(&[
        (0, counts(2, 0, 0)),
        (5, counts(1, 1, 0)),
        (30, counts(0, 2, 0)),
    ]);
    let drained = host.drain(&mut network, DrainOptions::default()).unwrap();
    assert_eq!(drained.waited, Duration::from_secs(30));
    assert_eq!(drained.left, counts(0, 2, 0));
    assert_eq!(
        drained.weights,
        [((web(), one()), Some(Weight::new(3).unwrap()))]
    );
    assert_eq!(host.weight(), Some(0));
    assert_eq!(
        network.told,
        [
            "snapshot 2 (1 before), 1 change, verified. Undo: ipvsh rollback 1",
            "drained: real server 10.0.0.11:80 of tcp 192.0.2.10:80 has no active connections \
             after 30 s (2 inactive left)"
        ]
    );
    assert_eq!(
        host.messages()[0],
        "drain real server 10.0.0.11:80 of tcp 192.0.2.10:80"
    );

    // A second one finds it at weight 0: no snapshot.
    let again = host.drain(
        &mut host.network(&[(0, counts(0, 0, 0))]),
        DrainOptions::default(),
    );
    let again = again.unwrap();
    assert_eq!((again.snapshot, again.weights), (None, drained.weights));
    assert_eq!(host.messages().len(), 2);
}

#[test]
fn it_waits_for_the_other_kinds_where_asked() {
    let host = Host::new();
    let mut network = host.network(&[
        (0, counts(1, 0, 0)),
        (10, counts(0, 1, 1)),
        (60, counts(0, 0, 1)),
        (300, counts(0, 0, 0)),
    ]);
    let inactive = DrainOptions {
        inactive: true,
        ..DrainOptions::default()
    };
    let drained = host.drain(&mut network, inactive).unwrap();
    assert_eq!(drained.waited, Duration::from_secs(60));
    network.now = Duration::ZERO;
    network.happen();
    let all = DrainOptions {
        persistent: true,
        ..inactive
    };
    assert_eq!(
        host.drain(&mut network, all).unwrap().waited,
        Duration::from_secs(300)
    );
}

#[test]
fn the_undo_of_a_removal_brings_back_what_was_before_the_drain() {
    let host = Host::new();
    let remove = DrainOptions {
        then: Then::Remove,
        ..DrainOptions::default()
    };
    let mut network = host.network(&[]);
    host.drain(&mut network, remove).unwrap();
    assert_eq!(
        network.told.last().unwrap(),
        "snapshot 3 (2 before), 1 change, verified. Undo: ipvsh rollback 1"
    );
    let before = SnapshotName::Id(SnapshotId(1));
    host.session()
        .director()
        .rollback(Some(&before), &ChangeOptions::default())
        .unwrap();
    assert_eq!(host.weight(), Some(3));

    // Quiesced by an earlier command: only the removal is undone.
    host.drain(&mut host.network(&[]), DrainOptions::default())
        .unwrap();
    let mut network = host.network(&[]);
    host.drain(&mut network, remove).unwrap();
    let last = network.told.last().unwrap();
    assert!(last.ends_with("Undo: ipvsh rollback 5"), "{last}");
}

#[test]
fn it_removes_or_restores_in_a_commit_of_its_own() {
    let host = Host::new();
    let restore = DrainOptions {
        then: Then::Restore,
        ..DrainOptions::default()
    };
    let mut network = host.network(&[(0, counts(1, 0, 0)), (2, counts(0, 0, 0))]);
    host.drain(&mut network, restore).unwrap();
    assert_eq!(host.weight(), Some(3));
    assert_eq!(host.messages().len(), 3);
    assert!(host.messages()[0].starts_with("drained: restore the weight of real server"));

    let remove = DrainOptions {
        then: Then::Remove,
        ..DrainOptions::default()
    };
    let mut network = host.network(&[(0, counts(0, 4, 1))]);
    host.drain(&mut network, remove).unwrap();
    assert_eq!(host.weight(), None);
    assert_eq!(host.messages().len(), 5);
    assert!(
        network
            .told
            .contains(&"removing it cuts what is left: 4 inactive, 1 persistent".to_owned()),
        "{:?}",
        network.told
    );
}

#[test]
fn the_weight_before_is_found_in_the_history() {
    let host = Host::new();
    host.drain(&mut host.network(&[]), DrainOptions::default())
        .unwrap();
    let restore = DrainOptions {
        then: Then::Restore,
        ..DrainOptions::default()
    };
    host.drain(&mut host.network(&[]), restore).unwrap();
    assert_eq!(host.weight(), Some(3));
    assert_eq!(host.messages().len(), 3);

    let host = Host::new();
    host.change(r#"{ "servers": [{ "address": "10.0.0.13", "weight": 0 }] }"#);
    let never = ServerKey::parse("10.0.0.13:80", &web()).unwrap();
    let error = host
        .session()
        .drain(
            (web(), never),
            &restore,
            &ChangeOptions::default(),
            &mut host.network(&[]),
        )
        .unwrap_err();
    assert_eq!(error.kind(), Kind::State, "{error}");
    assert_eq!(host.messages().len(), 2);
}

#[track_caller]
fn fails(host: &Host, network: &mut Network, options: DrainOptions, wants: &str) -> Error {
    let error = host.drain(network, options).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("real server 10.0.0.11:80 of tcp 192.0.2.10:80: {wants}")
    );
    error
}

#[test]
fn out_of_time_it_stays_at_0_and_says_how_to_go_on() {
    let host = Host::new();
    let mut network = host.network(&[(0, counts(3, 1, 0))]);
    let options = DrainOptions {
        timeout: Duration::from_secs(20),
        then: Then::Remove,
        ..DrainOptions::default()
    };
    let wants = "not drained: after 20 s 3 active, 1 inactive connections left";
    let error = fails(&host, &mut network, options, wants);
    assert_eq!(error.kind(), Kind::Timeout);
    assert_eq!(network.now, Duration::from_secs(20));
    assert_eq!(
        error.hints()[1..],
        [
            "to remove it and cut what is left: ipvsh -e \
             'remove(\"tcp 192.0.2.10:80\", \"10.0.0.11:80\")'",
            "to restore its weight: ipvsh -e \
             'find(\"tcp 192.0.2.10:80\").find(\"10.0.0.11:80\").set(#{ weight: 3 })'"
        ]
    );
    assert_eq!((host.weight(), host.messages().len()), (Some(0), 2));
}

#[test]
fn a_signal_ends_it_the_same_way() {
    let host = Host::new();
    let mut network = host.network(&[(0, counts(3, 0, 0))]);
    network.interrupted = Some(Duration::from_secs(4));
    let wants = "not drained: interrupted by SIGINT: 3 active connections left";
    let error = fails(&host, &mut network, DrainOptions::default(), wants);
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(error.hints().len(), 3);
    assert_eq!(host.weight(), Some(0));
}

#[test]
fn it_ends_where_somebody_else_interferes() {
    for (weight, wants) in [
        (
            Some(7),
            "not drained: somebody else gave it weight 7 meanwhile",
        ),
        (None, "not drained: somebody else removed it meanwhile"),
    ] {
        let host = Host::new();
        let mut network = Interfering {
            network: host.network(&[(0, counts(1, 0, 0))]),
            weight,
        };
        let error = host
            .session()
            .drain(
                (web(), one()),
                &DrainOptions::default(),
                &ChangeOptions::default(),
                &mut network,
            )
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().ends_with(wants), "{error}");
        assert_eq!(error.hints(), [""; 0], "it is not at weight 0 any more");
    }
}

#[test]
fn sticky_clients_are_told_of_first_unless_the_kernel_drops_them() {
    let host = Host::new();
    let sticky = |seconds: u32| {
        host.change(&format!(
            r#"{{ "scheduler": "wrr", "persistent": {seconds}, "servers": ["10.0.0.11", "10.0.0.12"] }}"#
        ));
        let mut network = host.network(&[]);
        host.drain(&mut network, DrainOptions::default()).unwrap();
        network.told
    };
    assert_eq!(
        sticky(300)[0],
        "tcp 192.0.2.10:80 is persistent (300 s): clients that it keeps with this server go on \
         coming at weight 0, unless net.ipv4.vs.expire_quiescent_template=1"
    );
    assert_eq!(sticky(0).len(), 2);
    host.sim.edit_machine(|machine| {
        let name = "expire_quiescent_template".to_owned();
        machine.settings.insert(name, "1".to_owned());
    });
    assert!(sticky(301)[0].starts_with("snapshot"));
}

#[test]
fn it_refuses_before_anything_is_done() {
    let host = Host::new();
    host.sim.edit(|live| {
        let web = live.rules.services.get_mut(&web()).unwrap();
        let foreign = ServerKey::parse("10.0.0.99:80", &self::web()).unwrap();
        web.servers.insert(foreign, Default::default());
    });
    let before = host.sim.live();
    let attempt = |session: &mut Session, server: &str| {
        let server = ServerKey::parse(server, &web()).unwrap();
        let change = ChangeOptions::default();
        let mut network = host.network(&[]);
        let drain = DrainOptions::default();
        session
            .drain((web(), server), &drain, &change, &mut network)
            .unwrap_err()
    };
    let error = attempt(&mut host.session(), "10.0.0.99");
    assert_eq!(error.kind(), Kind::Foreign);
    assert_eq!(
        error.hints()[0],
        "take it over first: ipvsh adopt \"tcp 192.0.2.10:80\""
    );
    let error = attempt(&mut host.session(), "10.0.0.98");
    assert_eq!(error.kind(), Kind::NotFound);
    let mut session = host.session();
    session.remove_service(web()).unwrap();
    let error = attempt(&mut session, "10.0.0.11");
    assert_eq!(error.kind(), Kind::State, "{error}");
    assert_eq!(session.staged(), 3, "what is staged stays staged");
    assert_eq!(host.sim.live(), before);
    assert_eq!(host.messages().len(), 1);
}

#[test]
fn a_dry_session_does_not_wait() {
    let host = Host::new();
    host.sim.edit(|live| {
        live.counts
            .insert(web(), BTreeMap::from([(one(), counts(5, 0, 0))]));
    });
    let before = host.sim.live();
    let dry = host.session().director().dry().unwrap();
    let mut session = Session::new(dry, ChangeOptions::default()).dry();
    let mut network = host.network(&[]);
    let options = DrainOptions {
        then: Then::Remove,
        ..DrainOptions::default()
    };
    session
        .drain(
            (web(), one()),
            &options,
            &ChangeOptions::default(),
            &mut network,
        )
        .unwrap();
    assert_eq!(
        network.told[1],
        "would wait up to 600 seconds until real server 10.0.0.11:80 of tcp 192.0.2.10:80 has no \
         active connections"
    );
    assert_eq!(network.told.len(), 3);
    assert_eq!(host.sim.live(), before);
}

#[test]
fn of_udp_it_waits_for_what_the_kernel_calls_inactive() {
    let options = DrainOptions::default();
    let dns = ServiceKey::parse("udp 192.0.2.10:53").unwrap();
    assert!(options.for_service(&dns).inactive);
    assert!(!options.for_service(&web()).inactive);
}

#[test]
fn options_are_read_and_bounded() {
    let parse = |text: &str| DrainOptions::parse(&serde_json::from_str(text).unwrap());
    let all =
        parse(r#"{ "timeout": 1.5, "then": "restore", "inactive": true, "persistent": true }"#);
    assert_eq!(
        all.unwrap(),
        DrainOptions {
            timeout: Duration::from_millis(1500),
            then: Then::Restore,
            inactive: true,
            persistent: true
        }
    );
    for (text, wants) in [
        (r#"{ "timeout": -1 }"#, "timeout -1 is out of range"),
        (r#"{ "timeout": 604801 }"#, "timeout 604801 is out of range"),
        (
            r#"{ "timeout": "1" }"#,
            "timeout must be a number, not \"1\"",
        ),
        (
            r#"{ "then": "delete" }"#,
            "unknown end of a drain \"delete\"",
        ),
        (r#"{ "then": 1 }"#, "then must be text, not 1"),
        (
            r#"{ "inactive": 1 }"#,
            "inactive must be true or false, not 1",
        ),
        (r#"{ "timout": 1 }"#, "unknown option \"timout\""),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), wants);
    }
}
