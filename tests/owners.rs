//! Whose rules these are, where ipvsh did not put them there: what was adopted is let go of and
//! not removed, and rules of others that do what ours do are named.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::net::IpAddr;
use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Import};
use ipvsh::error::Kind;
use ipvsh::model::{Family, ForeignMark, Fwmark, MarkRule, Ruleset, SnapshotId, SnapshotName};
use ipvsh::notes::{Manager, Route};
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

#[test]
fn what_was_adopted_is_given_back_by_a_rollback_or_a_revert() {
    let host = adopted();
    let before = host.live();
    let mut director = host.director("bob");
    let second = SnapshotName::Id(SnapshotId(2));
    for undo in ["rollback", "revert", "rollback past something"] {
        match undo {
            "rollback" => director.rollback(None, &plain()),
            "revert" => director.revert(&second, &plain()),
            _ => {
                host.declare(OURS, json!({ "scheduler": "sh" })).unwrap();
                let first = SnapshotName::Id(SnapshotId(1));
                director.rollback(Some(&first), &plain())
            }
        }
        .unwrap();
        assert_eq!(host.live().rules, before.rules, "{undo}");
        assert!(
            !director
                .head_rules()
                .unwrap()
                .services
                .contains_key(&key(WEB))
        );
        director.rollback(Some(&second), &plain()).unwrap();
    }
    let report = director.forget(&["2".to_owned()], &plain()).unwrap();
    assert_eq!(report.plan.steps, []);
    assert_eq!(host.live().rules, before.rules);
}

#[test]
fn what_was_adopted_goes_where_it_is_named_or_allowed() {
    let allow = ChangeOptions {
        allow_removals: true,
        ..plain()
    };
    let host = adopted();
    let before = host.live();
    let mut session = host.session();
    session.candidate().unwrap().clear();
    let error = session.commit(&plain()).unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(
        error.message(),
        "refused: this would remove virtual service tcp 192.0.2.10:80 from the kernel, where it was \
         before ipvsh managed it"
    );
    assert!(
        error.hints().contains(
            &"to let go of it and leave the kernel as it is: ipvsh forget \"tcp 192.0.2.10:80\""
                .to_owned()
        ),
        "{error}"
    );
    session.commit(&allow).unwrap();
    assert!(host.live().rules.services.is_empty());
    // Its undo knows what was there.
    let mut director = host.director("bob");
    director.rollback(None, &plain()).unwrap();
    assert_eq!(host.live().rules, before.rules);

    let mut session = host.session();
    session.remove_service(key(WEB)).unwrap();
    session.commit(&plain()).unwrap();
    assert!(!host.live().rules.services.contains_key(&key(WEB)));
    let first = SnapshotName::Id(SnapshotId(1));
    director.rollback(Some(&first), &plain()).unwrap();
    assert_eq!(host.live().rules, before.rules);
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

/// A host in whose PREROUTING somebody marks packets.
struct Marked(Vec<ForeignMark>);

impl ipvsh::notes::Host for Marked {
    fn route(&self, _: IpAddr) -> Option<Route> {
        None
    }

    fn forwards(&self, _: Family, _: Option<&str>) -> Option<bool> {
        None
    }

    fn marks(&self, family: Family) -> Option<Vec<ForeignMark>> {
        (family == Family::Ipv4).then(|| self.0.clone())
    }

    fn managers(&self) -> Vec<Manager> {
        Vec::new()
    }
}

fn rule(mark: i64, to: &str) -> MarkRule {
    MarkRule {
        to: Some(to.parse().unwrap()),
        ..MarkRule::new(Fwmark::new(mark).unwrap(), Family::Ipv4)
    }
}

fn in_prerouting(rule: MarkRule) -> ForeignMark {
    ForeignMark {
        table: "mangle".to_owned(),
        chain: "PREROUTING".to_owned(),
        mark: Some(rule.mark),
        mask: rule.mask,
        words: format!("-d {} -j MARK", rule.to.unwrap())
            .split(' ')
            .map(str::to_owned)
            .collect(),
        rule: Some(rule),
    }
}

#[test]
fn rules_that_an_import_doubles_are_named() {
    let host = Host::new();
    let others = [
        rule(666, "192.0.2.20/32"),
        rule(666, "192.0.2.30/32"),
        rule(7, "192.0.2.7/32"),
    ];
    let marked = Marked(others.map(in_prerouting).to_vec());
    let rules = Ruleset {
        marks: vec![rule(666, "192.0.2.20/32"), rule(8, "192.0.2.8/32")],
        ..Ruleset::default()
    };
    let import = Import {
        name: "rules.v4".to_owned(),
        ..Import::default()
    };
    let mut director = host.director("alice").with_host(Rc::new(marked));
    let report = director.import(&rules, &import, &plain()).unwrap();
    let doubled: Vec<&String> = report
        .notes
        .iter()
        .filter(|note| note.contains("may go"))
        .collect();
    assert_eq!(
        doubled,
        [
            "mark 666: its rule is ours now, beside somebody else's, which may go: iptables -t \
          mangle -D PREROUTING -d 192.0.2.20/32 -j MARK"
        ]
    );
}
