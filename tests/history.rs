//! The history as an operator uses it: revert, moments, what touched what, drift; on the
//! simulator.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::Cell;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ipvsh::director::{ChangeOptions, Director, Outcome, Query, Report};
use ipvsh::error::{Error, Kind};
use ipvsh::model::{Moment, SnapshotId, SnapshotName, Timeouts, Weight};
use ipvsh::notes::Note;
use ipvsh::store::Stores;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "common/host.rs"]
mod host;

use host::{Host, WEB, declare, key, server, two_servers};

const OTHER: &str = "tcp 192.0.2.11:80";

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn clock() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW.get(), 0).unwrap()
}

fn name(text: &str) -> SnapshotName {
    SnapshotName::parse(text).unwrap()
}

fn set_server(host: &Host, address: &str, options: Value) {
    let mut session = host.session();
    let (service, server) = (key(WEB), server(WEB, address));
    session
        .set_server(service, server, options.as_object().unwrap())
        .unwrap();
    session.commit(&ChangeOptions::default()).unwrap();
}

fn add_server(host: &Host, address: &str) {
    let mut session = host.session();
    session
        .find_or_create_server(key(WEB), server(WEB, address))
        .unwrap();
    session.commit(&ChangeOptions::default()).unwrap();
}

fn set_timeout(host: &Host, tcp: u32) {
    let mut session = host.session();
    let timeouts = Timeouts {
        tcp: Some(tcp),
        ..Timeouts::default()
    };
    session
        .candidate()
        .unwrap()
        .set_settings(&(&timeouts).into());
    session.commit(&ChangeOptions::default()).unwrap();
}

fn revert(host: &Host, snapshot: &str) -> Result<Report, Error> {
    host.director("bob")
        .revert(&name(snapshot), &ChangeOptions::default())
}

fn lines(report: &Report) -> Vec<String> {
    let lines = ipvsh::plan::lines(&report.plan.changes);
    lines.map(|line| line.to_string()).collect()
}

/// 1: the service; 2: a weight; 3: another service; 4: an upper threshold of the same server.
fn four() -> Host {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    set_server(&host, "10.0.0.1", json!({ "weight": 7 }));
    host.declare(OTHER, two_servers()).unwrap();
    set_server(&host, "10.0.0.1", json!({ "upper": 100 }));
    host
}

#[test]
fn a_revert_undoes_one_snapshot_and_keeps_what_came_after() {
    let host = four();
    let report = revert(&host, "2").unwrap();
    assert_eq!(lines(&report), [WEB, "~ server 10.0.0.1:80  weight 7 -> 1"]);
    let snapshot = report.snapshot().unwrap();
    assert_eq!(snapshot.revert_of, Some(SnapshotId(2)));
    assert_eq!(
        snapshot.message,
        "revert of 2: tcp 192.0.2.10:80: server 10.0.0.1:80 weight 1 -> 7"
    );
    let live = host.live().rules;
    let first = live.services[&key(WEB)].servers[&server(WEB, "10.0.0.1")];
    assert_eq!((first.weight.value(), first.upper), (1, 100));
    assert!(live.services.contains_key(&key(OTHER)));

    // Once more finds nothing of it; the revert can be reverted.
    let report = revert(&host, "2").unwrap();
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(
        report.all_notes(Note::to_string),
        ["nothing of what snapshot 2 changed is left in the head"]
    );
    let report = revert(&host, "head").unwrap();
    assert_eq!(lines(&report), [WEB, "~ server 10.0.0.1:80  weight 1 -> 7"]);
}

#[test]
fn a_revert_of_what_was_changed_again_names_who_did() {
    let host = four();
    set_server(&host, "10.0.0.1", json!({ "weight": 9 }));
    set_timeout(&host, 600);
    let error = revert(&host, "2").unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    // Snapshot 4 changed another field of the same server.
    assert_eq!(
        error.to_string(),
        "virtual service tcp 192.0.2.10:80: real server 10.0.0.1:80: cannot revert snapshot 2: \
         weight was changed again by snapshot 5 \"tcp 192.0.2.10:80: server 10.0.0.1:80 weight \
         7 -> 9\" by alice"
    );
    assert_eq!(
        error.hints()[0],
        "revert the later one first (ipvsh revert 5), or set it by hand"
    );
    assert_eq!(host.director("bob").history().unwrap().len(), 6);
    revert(&host, "5").unwrap();
    revert(&host, "2").unwrap();
}

#[test]
fn the_first_snapshot_can_be_reverted_unless_others_built_on_it() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.declare(OTHER, two_servers()).unwrap();
    add_server(&host, "10.0.0.3");
    let error = revert(&host, "1").unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(
        error.to_string().contains("10.0.0.3:80: cannot revert")
            && error.to_string().contains("snapshot 3 \"+1 server in"),
        "{error}"
    );
    revert(&host, "3").unwrap();
    revert(&host, "1").unwrap();
    let services = host.live().rules.services;
    assert_eq!(services.into_keys().collect::<Vec<_>>(), [key(OTHER)]);
}

#[test]
fn a_rollback_can_be_reverted() {
    let host = four();
    let mut bob = host.director("bob");
    bob.rollback(Some(&name("1")), &ChangeOptions::default())
        .unwrap();
    assert!(!host.live().rules.services.contains_key(&key(OTHER)));
    set_timeout(&host, 600);
    revert(&host, "5").unwrap();
    let live = host.live().rules;
    assert_eq!(live.settings.timeouts().tcp, Some(600));
    let first = live.services[&key(WEB)].servers[&server(WEB, "10.0.0.1")];
    assert_eq!((first.weight.value(), first.upper), (7, 100));
    assert!(live.services.contains_key(&key(OTHER)));
}

#[test]
fn a_revert_of_what_followed_a_pruned_snapshot_is_refused() {
    let host = four();
    let pruned = BTreeSet::from([SnapshotId(2)]);
    host.stores.open_to_write().unwrap().prune(&pruned).unwrap();
    let error = revert(&host, "3").unwrap_err();
    assert_eq!(error.kind(), Kind::State);
    assert_eq!(
        error.to_string(),
        "snapshot 3: cannot revert: the snapshot before it, 2, was pruned: what it changed \
         cannot be told"
    );
    let director = host.director("bob");
    let listing = director.listing(&Query::default(), true).unwrap();
    let changes = listing.changes.unwrap();
    let known: Vec<bool> = changes.iter().map(Option::is_some).collect();
    assert_eq!(known, [true, false, true]);
}

#[test]
fn reverting_touches_only_what_the_snapshot_touched() {
    let host = four();
    host.sim.edit(|live| {
        let service = live.rules.services.get_mut(&key(OTHER)).unwrap();
        service.servers.clear();
    });
    let report = revert(&host, "2").unwrap();
    assert_eq!(
        report.all_notes(Note::to_string),
        ["2 differences from the head left alone (ipvsh plan)"]
    );
    assert!(host.live().rules.services[&key(OTHER)].servers.is_empty());
}

#[test]
fn two_writers_are_told_who_changed_the_same_thing() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    let mut session = host.session();
    declare(&mut session, WEB, json!({ "scheduler": "sh" }));
    host.declare(WEB, json!({ "scheduler": "wrr" })).unwrap();
    set_timeout(&host, 600);
    let error = session.commit(&ChangeOptions::default()).unwrap_err();
    // Not the head, which changed something else.
    assert_eq!(
        error.to_string(),
        "virtual service tcp 192.0.2.10:80: scheduler was also changed by snapshot 2 \
         \"tcp 192.0.2.10:80: scheduler rr -> wrr\" by alice"
    );
}

/// Commits at 100, 200 and 300 seconds; it is 400 now.
fn with_times() -> (Host, Director) {
    let host = Host::new();
    for (time, seconds) in [(100, 30), (200, 40), (300, 50)] {
        NOW.set(time);
        let mut director = host.director("alice").with_clock(clock);
        let mut candidate = director.candidate().unwrap();
        candidate.set_settings(
            &(&Timeouts {
                tcp: Some(seconds),
                ..Timeouts::default()
            })
                .into(),
        );
        director
            .commit(&mut candidate, &ChangeOptions::default())
            .unwrap();
    }
    NOW.set(400);
    let director = host.director("bob").with_clock(clock);
    (host, director)
}

#[test]
fn a_moment_names_the_snapshot_that_was_the_head() {
    let (host, mut director) = with_times();
    let at = |text: &str| director.snapshot(&name(text)).map(|found| found.id.0);
    assert_eq!(at("@1970-01-01T00:01:40Z").unwrap(), 1);
    assert_eq!(at("@1970-01-01T00:03:19Z").unwrap(), 1);
    assert_eq!(at("@1970-01-01T00:03:20Z").unwrap(), 2);
    assert_eq!(at("@10s").unwrap(), 3);
    let early = at("@1970-01-01T00:01:39Z").unwrap_err();
    assert_eq!(early.kind(), Kind::NotFound);
    assert!(
        early.to_string().contains("there was none yet at")
            && early.hints()[0].starts_with("the first that is there is snapshot 1 of"),
        "{early} {:?}",
        early.hints()
    );
    let late = at("@1970-01-01T00:07Z").unwrap_err();
    assert!(late.to_string().contains("is yet to come"), "{late}");

    let report = director
        .rollback(Some(&name("@1970-01-01T00:04Z")), &ChangeOptions::default())
        .unwrap();
    assert_eq!(host.live().rules.settings.timeouts().tcp, Some(40));
    let note = &report.all_notes(Note::to_string)[0];
    assert!(
        note.starts_with("@1970-01-01T00:04Z: the head was snapshot 2 of "),
        "{note}"
    );

    let pruned = BTreeSet::from([SnapshotId(2)]);
    host.stores.open_to_write().unwrap().prune(&pruned).unwrap();
    let error = director.snapshot(&name("@1970-01-01T00:04Z")).unwrap_err();
    assert!(
        error.to_string().contains("may have been pruned"),
        "{error}"
    );
}

#[test]
fn a_history_is_cut_by_time_count_and_object() {
    let (host, director) = with_times();
    let ids = |query: Query| -> Vec<u64> {
        let found = director.find_history(&query).unwrap();
        found.into_iter().map(|snapshot| snapshot.id.0).collect()
    };
    let since = |text: &str| Query {
        since: Some(Moment::parse(text).unwrap()),
        ..Query::default()
    };
    assert_eq!(ids(since("3m")), [3]);
    assert_eq!(ids(since("200s")), [3, 2]);
    assert_eq!(ids(since("1s")), [0; 0]);
    let newest = Query {
        count: Some(2),
        ..Query::default()
    };
    assert_eq!(ids(newest), [3, 2]);
    host.declare(WEB, two_servers()).unwrap();
    add_server(&host, "10.0.0.3");
    set_server(&host, "10.0.0.1", json!({ "weight": 7 }));
    for (object, found) in [
        ("timeouts", &[3, 2, 1][..]),
        ("daemons", &[]),
        (WEB, &[6, 5, 4]),
        ("192.0.2.10:80 10.0.0.1", &[6, 4]),
        ("server 10.0.0.3", &[5]),
        // An address alone is that of services, of real servers, or of both.
        ("192.0.2.10", &[6, 5, 4]),
        ("10.0.0.3", &[5]),
        ("10.0.0.1:80", &[6, 4]),
        ("10.0.0.1:81", &[]),
    ] {
        let query = Query {
            object: Some(object.to_owned()),
            ..Query::default()
        };
        assert_eq!(ids(query), found, "{object}");
    }
    let newest = Query {
        object: Some(WEB.to_owned()),
        count: Some(1),
        since: None,
    };
    assert_eq!(ids(newest), [6]);
}

#[test]
fn an_address_that_a_service_and_a_server_have_means_both_in_a_history() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.declare("tcp 10.0.0.2:443", json!({ "servers": ["10.9.0.1"] }))
        .unwrap();
    set_server(&host, "10.0.0.2", json!({ "weight": 7 }));
    set_server(&host, "10.0.0.1", json!({ "weight": 7 }));
    let query = Query {
        object: Some("10.0.0.2".to_owned()),
        ..Query::default()
    };
    let found = host.director("bob").find_history(&query).unwrap();
    let ids: Vec<u64> = found.into_iter().map(|snapshot| snapshot.id.0).collect();
    assert_eq!(ids, [3, 2, 1]);
}

#[test]
fn a_change_does_not_guess_that_an_address_is_a_servers() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.declare(OTHER, two_servers()).unwrap();
    let options = ChangeOptions::default();
    let mut director = host.director("bob");
    let name = ["10.0.0.1".to_owned()];
    let hint =
        "2 real servers have that address; a real server is named \"server 10.0.0.1\"".to_owned();
    let error = director.forget(&name, &options).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.hints().contains(&hint), "{:?}", error.hints());
    let error = director.adopt(&name, false, &options).unwrap_err();
    assert!(error.hints().contains(&hint), "{:?}", error.hints());
    director
        .forget(&["server 10.0.0.1".to_owned()], &options)
        .unwrap();
}

/// What the newest snapshot is told by: its message, and what it added, changed, removed.
fn newest(host: &Host) -> (String, [usize; 3]) {
    let newest = host.director("bob").history().unwrap().remove(0);
    let tally = newest.tally.unwrap();
    let counts = [tally.added, tally.changed, tally.removed];
    (newest.message, counts)
}

#[test]
fn a_snapshot_of_what_the_kernel_had_already_says_what_it_recorded() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    host.declare(OTHER, json!({})).unwrap();
    let lost = host.live();
    host.sim.edit(|live| {
        live.rules.services.remove(&key(OTHER));
    });
    let mut session = host.session();
    session.remove_service(key(OTHER)).unwrap();
    let report = session.commit(&ChangeOptions::default()).unwrap();
    assert!(
        report
            .sentence()
            .contains("1 change recorded, the kernel untouched")
    );
    assert_eq!(newest(&host), (format!("-{OTHER}"), [0, 0, 1]));

    // The other way round: what somebody else made is declared as it stands.
    host.sim.edit(|live| live.rules = lost.rules.clone());
    host.declare(OTHER, json!({})).unwrap();
    assert_eq!(newest(&host), (format!("+{OTHER}"), [1, 0, 0]));

    host.sim.edit(|live| {
        live.rules.services.remove(&key(OTHER));
    });
    let options = ChangeOptions::default();
    let mut director = host.director("bob");
    director.rollback(Some(&name("3")), &options).unwrap();
    assert_eq!(newest(&host), ("rollback to 3".to_owned(), [0, 0, 1]));
}

#[test]
fn diff_shows_a_timeout_that_only_the_head_manages() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    set_timeout(&host, 600);
    let mut bob = host.director("bob");
    let changes = bob.diff(Some(&name("1")), None).unwrap().changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].detail.to_string(), "not managed -> 600");
    // The kernel's default is what "not managed" leads to.
    set_timeout(&host, 900);
    assert!(bob.diff(Some(&name("1")), None).unwrap().changes.is_empty());
}

#[test]
fn a_health_checkers_weight_0_is_kept_where_that_is_asked() {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    set_server(&host, "10.0.0.2", json!({ "upper": 100 }));
    let quiesce = || {
        host.sim.edit(|live| {
            let service = live.rules.services.get_mut(&key(WEB)).unwrap();
            for address in ["10.0.0.1", "10.0.0.2"] {
                let server = service.servers.get_mut(&server(WEB, address)).unwrap();
                (server.weight, server.upper) = (Weight::ZERO, 0);
            }
        });
    };
    quiesce();
    let keep = ChangeOptions {
        keep_weights: true,
        ..ChangeOptions::default()
    };
    let mut bob = host.director("bob");
    let kept = "2 real servers left at weight 0, as the kernel has them";
    let report = bob.restore(false, &keep).unwrap();
    assert_eq!(
        lines(&report),
        [WEB, "~ server 10.0.0.2:80  upper 0 -> 100"]
    );
    assert_eq!(report.all_notes(Note::to_string), [kept]);
    let status = bob.status(&keep).unwrap();
    assert!(status.drift.unwrap().is_empty());
    assert_eq!(
        bob.status(&ChangeOptions::default())
            .unwrap()
            .drift
            .unwrap()
            .changes
            .len(),
        2
    );

    let report = bob.rollback(Some(&name("1")), &keep).unwrap();
    assert_eq!(
        lines(&report),
        [WEB, "~ server 10.0.0.2:80  upper 100 -> 0"]
    );
    let regret = "tcp 192.0.2.10:80: all real servers have weight 0, so new clients are refused. \
                  Fix: ipvsh -e 'find(\"tcp 192.0.2.10:80\").find(\"10.0.0.1:80\").set(#{ weight: 1 })'";
    assert_eq!(report.all_notes(Note::to_string), [regret, kept]);
    // The record is what was wanted; without the option the weights come back.
    let report = bob.restore(false, &ChangeOptions::default()).unwrap();
    assert_eq!(report.plan.changes.len(), 2);
}

/// A history of edits of one field of one server each, without the one that is left out.
fn play(edits: &[(&'static str, &'static str)], left_out: Option<usize>) -> Host {
    let host = Host::new();
    host.declare(WEB, two_servers()).unwrap();
    for (place, (address, field)) in edits.iter().enumerate() {
        if left_out != Some(place) {
            // No two edits set the same value, so that each makes a snapshot.
            set_server(&host, address, json!({ *field: place + 2 }));
        }
    }
    host
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A snapshot is taken out of a history as if it had never been, unless a later one changed
    /// the same field of the same server.
    #[test]
    fn a_revert_is_the_history_without_it(
        edits in proptest::collection::vec(
            (
                proptest::sample::select(vec!["10.0.0.1", "10.0.0.2"]),
                proptest::sample::select(vec!["weight", "upper"]),
            ),
            1..8,
        ),
        which in any::<proptest::sample::Index>(),
    ) {
        let which = which.index(edits.len());
        let (with, without) = (play(&edits, None), play(&edits, Some(which)));
        let again = edits[which + 1..].contains(&edits[which]);
        match revert(&with, &(which + 2).to_string()) {
            Ok(_) => {
                prop_assert!(!again);
                prop_assert_eq!(with.live(), without.live());
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::Conflict);
                prop_assert!(again, "{}", error);
            }
        }
    }
}
