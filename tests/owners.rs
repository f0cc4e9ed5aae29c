//! Whose rules these are, where ipvsh did not put them there: what was adopted is let go of and
//! not removed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use ipvsh::director::ChangeOptions;
use ipvsh::error::{Error, Kind};
use ipvsh::model::{SnapshotId, SnapshotName};
use serde_json::json;

#[path = "common/host.rs"]
mod host;

use host::{Host, WEB, declare, key};

const OURS: &str = "tcp 192.0.2.99:99";

fn plain() -> ChangeOptions {
    ChangeOptions::default()
}

/// Snapshot 1 is ours alone; 2 adopts a stranger's service with two servers.
fn adopted() -> Host {
    let host = Host::with_strangers_rules();
    host.declare(OURS, json!({})).unwrap();
    host.director("alice").adopt(&[], false, &plain()).unwrap();
    host
}

fn refused(error: &Error) {
    assert_eq!(error.kind(), Kind::Guarded, "{error}");
    assert!(
        error.hints()[0].ends_with("leave the kernel as it is: ipvsh forget 2"),
        "{error}"
    );
}

#[test]
fn what_was_adopted_is_not_removed_by_a_rollback_or_a_revert() {
    let host = adopted();
    let before = host.live();
    let mut director = host.director("bob");
    let error = director.rollback(None, &plain()).unwrap_err();
    assert_eq!(
        error.message(),
        "refused: this would remove virtual service tcp 192.0.2.10:80 from the kernel, where snapshot 2 had found \
         it: ipvsh did not put it there"
    );
    refused(&error);
    refused(
        &director
            .revert(&SnapshotName::Id(SnapshotId(2)), &plain())
            .unwrap_err(),
    );
    // Nor where something came after it.
    host.declare(OURS, json!({ "scheduler": "sh" })).unwrap();
    let first = SnapshotName::Id(SnapshotId(1));
    refused(&director.rollback(Some(&first), &plain()).unwrap_err());
    assert_eq!(
        host.live().rules.services[&key(WEB)],
        before.rules.services[&key(WEB)]
    );
    let second = SnapshotName::Id(SnapshotId(2));
    director.rollback(Some(&second), &plain()).unwrap();

    let report = director.forget(&["2".to_owned()], &plain()).unwrap();
    assert_eq!(report.plan.steps, []);
    assert_eq!(host.live().rules, before.rules);
}

#[test]
fn who_says_so_removes_what_was_adopted() {
    let host = adopted();
    let options = ChangeOptions {
        allow_removals: true,
        ..plain()
    };
    host.director("bob").rollback(None, &options).unwrap();
    assert!(!host.live().rules.services.contains_key(&key(WEB)));
}

#[test]
fn what_ipvsh_added_itself_goes_as_ever() {
    let host = adopted();
    let mut session = host.session();
    declare(
        &mut session,
        "udp 192.0.2.53:53",
        json!({ "servers": ["10.0.0.1"] }),
    );
    session.commit(&plain()).unwrap();
    host.director("bob").rollback(None, &plain()).unwrap();
    assert_eq!(host.live().rules.services.len(), 2);
}
