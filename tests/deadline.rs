//! What other programs do to the same table while a commit awaits confirmation, and what becomes of it
//! at its deadline, whatever state the history is in.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/shared.rs"]
mod shared;

use std::rc::Rc;

use ipvsh::director::{Director, TimerState};
use ipvsh::model::{EntryValue, ServerKey, SnapshotId, SnapshotName};
use ipvsh::store;
use serde_json::json;
use shared::*;

#[test]
fn a_foreign_service_that_was_removed_comes_back_unless_confirmed() {
    let lab = Lab::with_others();
    lab.declare(WEB, web()).unwrap();
    let before = lab.rules();
    let report = lab
        .commit(&confirmed_within(2), |session| {
            session.remove_service(key(MAIL))
        })
        .unwrap();
    assert_eq!(report.awaiting().unwrap().snapshot, SnapshotId(2));
    assert!(!lab.rules().services.contains_key(&key(MAIL)));
    lab.pass(2);
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.rules(), before);
    assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
}

#[test]
fn the_deadline_takes_back_the_commit_and_repairs_nothing_else() {
    let lab = Lab::new();
    let servers = json!({ "servers": ["10.0.0.1", "10.0.0.2", "10.0.0.3"] });
    lab.declare(WEB, servers.clone()).unwrap();
    lab.declare(MAIL, servers).unwrap();
    lab.declare("udp 192.0.2.1:53", web()).unwrap();
    let added = lab.commit(&confirmed_within(3), |session| {
        let server = ServerKey::parse("10.0.0.9", &key(WEB))?;
        session.find_or_create_server(key(WEB), server)?;
        let weight = json!({ "weight": 5 });
        let server = ServerKey::parse("10.0.0.1", &key(WEB))?;
        session.set_server(key(WEB), server, weight.as_object().unwrap())
    });
    added.unwrap();
    // A health checker takes two servers out, one of them new; an operator removes one and a service.
    lab.others_weigh(WEB, "10.0.0.9", 0);
    lab.others_weigh(MAIL, "10.0.0.2", 0);
    lab.sim.edit(|live| {
        live.rules.put(&server_entry(WEB, "10.0.0.3"), None);
        live.rules.services.remove(&key("udp 192.0.2.1:53"));
    });
    lab.pass(3);
    let mut notes = Vec::new();
    let watched = lab
        .director()
        .check_confirm_timer(SnapshotId(4), &mut None, &mut notes);
    assert_eq!(watched.unwrap(), TimerState::Over);
    assert_eq!(
        notes,
        [
            "snapshot 4 was not confirmed in time: rolled back to snapshot 3, as snapshot 5, 2 changes"
        ]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.9"), None);
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
    assert_eq!(lab.weight(WEB, "10.0.0.3"), None);
    assert_eq!(lab.weight(MAIL, "10.0.0.2"), Some(0));
    assert!(!lab.rules().services.contains_key(&key("udp 192.0.2.1:53")));
}

#[test]
fn what_somebody_set_since_stays_and_is_named() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    let weigh = |weight: i64| {
        lab.commit(&confirmed_within(3), |session| {
            let weight = json!({ "weight": weight, "upper": 9 });
            let server = ServerKey::parse("10.0.0.1", &key(WEB))?;
            session.set_server(key(WEB), server, weight.as_object().unwrap())
        })
    };
    weigh(5).unwrap();
    lab.others_weigh(WEB, "10.0.0.1", 7);
    lab.pass(3);
    let report = lab.declare(MAIL, web()).unwrap();
    assert_eq!(
        report.notes,
        [
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3, 1 change; virtual \
          service tcp 192.0.2.10:80: real server 10.0.0.1:80 stays as the kernel has it: somebody \
          else changed it meanwhile"
        ]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(7));
    let Some(EntryValue::Server(server)) = lab.rules().get(&server_entry(WEB, "10.0.0.1")) else {
        panic!("gone");
    };
    assert_eq!(server.upper, 0);
    let listing = lab.director().listing(&Default::default(), false).unwrap();
    let told = &listing.events.last().unwrap().message;
    assert!(
        told.starts_with("the rollback of snapshot 2 left: "),
        "{told}"
    );
}

#[test]
fn a_full_disk_does_not_keep_the_kernel_from_being_rolled_back() {
    for point in ["mirror", "database"] {
        let lab = Lab::new();
        lab.declare(WEB, web()).unwrap();
        lab.commit(&confirmed_within(3), |session| {
            session.remove_service(key(WEB))
        })
        .unwrap();
        lab.pass(3);
        let full: store::Faults = Rc::new(move |at| match at == point {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        });
        let mut notes = Vec::new();
        let mut known = None;
        let error = lab
            .director_on(lab.stores().with_faults(full))
            .check_confirm_timer(SnapshotId(2), &mut known, &mut notes)
            .unwrap_err();
        assert!(
            error
                .hints()
                .iter()
                .any(|hint| hint.contains("the kernel is rolled back to snapshot 1")),
            "{error:?}"
        );
        assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
        // When there is room again it is recorded.
        let watched = lab
            .director()
            .check_confirm_timer(SnapshotId(2), &mut known, &mut notes);
        assert_eq!(watched.unwrap(), TimerState::Over);
        assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
    }
}

#[test]
fn a_database_that_goes_away_takes_no_rollback_along() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.commit(&confirmed_within(3), |session| {
        session.remove_service(key(WEB))
    })
    .unwrap();
    let (mut known, mut notes) = (None, Vec::new());
    let mut director = lab.director();
    let deadline = lab.clock.now.get() + 3000;
    let watch = |director: &mut Director, known: &mut _, notes: &mut _| {
        director
            .check_confirm_timer(SnapshotId(2), known, notes)
            .unwrap()
    };
    assert_eq!(
        watch(&mut director, &mut known, &mut notes),
        TimerState::Until(deadline)
    );
    let db = lab.dir.path().join("db");
    std::fs::rename(&db, lab.dir.path().join("away")).unwrap();
    assert_eq!(
        watch(&mut director, &mut known, &mut notes),
        TimerState::Until(deadline)
    );
    assert!(!db.exists());
    lab.pass(3);
    assert_eq!(
        watch(&mut director, &mut known, &mut notes),
        TimerState::Over
    );
    assert_eq!(
        notes,
        [
            "snapshot 2 was not confirmed in time: the kernel was rolled back, 2 changes; the history \
          does not hold it any more"
        ]
    );
    assert_eq!(lab.weight(WEB, "10.0.0.1"), Some(1));
    assert!(!db.exists());
    // Back in its place, the history learns of it.
    std::fs::rename(lab.dir.path().join("away"), &db).unwrap();
    lab.director().restore(false, &plain()).unwrap();
    assert_eq!(lab.messages()[0], "rollback to 1 (not confirmed)");
}

#[test]
fn a_timer_waits_for_the_number_that_the_snapshot_gets() {
    let lab = Lab::new();
    lab.declare(WEB, web()).unwrap();
    lab.declare(WEB, json!({ "scheduler": "sh" })).unwrap();
    // The newest snapshot is lost with the database and the end of the mirror; its number is not
    // given again.
    let db = lab.dir.path().join("db");
    std::fs::remove_dir_all(db.join("sled")).unwrap();
    let log = std::fs::read(db.join("mirror.log")).unwrap();
    let end = log[..log.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    std::fs::write(db.join("mirror.log"), &log[..=end]).unwrap();
    lab.stores().repair(chrono::DateTime::UNIX_EPOCH).unwrap();
    let head = lab.director().snapshot(&SnapshotName::Head(0)).unwrap();
    assert_eq!(head.id, SnapshotId(1));
    let report = lab
        .commit(&confirmed_within(3), |session| {
            session.remove_service(key(WEB))
        })
        .unwrap();
    let made = report.snapshot().unwrap().id;
    assert_eq!(made, SnapshotId(3));
    assert_eq!(*lab.clock.watched.borrow(), [made.0]);
}
