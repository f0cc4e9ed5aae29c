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

    fn interfaces(&self) -> Option<Vec<ipvsh::notes::Interface>> {
        None
    }

    fn ipvs_setting(&self, _: &str) -> Option<String> {
        None
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
        limit: None,
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

/// A host where mark 6 is live, and what is said and taken of the rules that feed it.
#[track_caller]
fn taken_over(marks: Option<Vec<ForeignMark>>) -> (Vec<MarkRule>, Vec<String>) {
    let host = Host::with_mark_service();
    let told: Rc<dyn ipvsh::notes::Host> = match marks {
        Some(marks) => Rc::new(Marked(marks)),
        None => Rc::new(ipvsh::notes::NoHost),
    };
    let mut director = host.director("alice").with_host(told);
    let report = director.adopt(&[], true, &plain()).unwrap();
    (director.head_rules().unwrap().marks, report.notes)
}

#[test]
fn what_feeds_a_service_and_was_not_taken_over_is_named() {
    let feeding = rule(6, "192.0.2.20/32");
    let (marks, notes) = taken_over(Some(vec![in_prerouting(feeding.clone())]));
    assert_eq!(marks, std::slice::from_ref(&feeding));
    assert!(notes[0].contains("its rule is ours now"), "{notes:?}");

    // An exclusion is not lost.
    let limited = ForeignMark {
        limit: Some("-A PREROUTING -s 192.168.60.100/32 -j RETURN".to_owned()),
        ..in_prerouting(feeding.clone())
    };
    let (marks, notes) = taken_over(Some(vec![limited, in_prerouting(feeding.clone())]));
    assert_eq!(marks, []);
    assert_eq!(
        notes,
        [
            "fwmark 6: fed by this too, and left alone: iptables -t mangle -A PREROUTING -d \
             192.0.2.20/32 -j MARK",
            "fwmark 6: left alone: iptables -t mangle -A PREROUTING -d 192.0.2.20/32 -j MARK. Not \
             all its packets get the mark, by \"-A PREROUTING -s 192.168.60.100/32 -j RETURN\", \
             and a mark rule of ours cannot say that",
        ]
    );

    // Nor a rule that stands elsewhere.
    for (table, chain, is_named) in [
        ("mangle", "INPUT", true),
        ("mangle", "OUTPUT", true),
        ("mangle", "PREROUTING_direct", true),
        ("raw", "PREROUTING", true),
        ("mangle", "POSTROUTING", false),
        ("mangle", "FORWARD", false),
    ] {
        let elsewhere = ForeignMark {
            table: table.to_owned(),
            chain: chain.to_owned(),
            ..in_prerouting(feeding.clone())
        };
        let (marks, notes) = taken_over(Some(vec![elsewhere]));
        assert_eq!(marks, []);
        let named = notes.iter().any(|note| {
            note.ends_with(&format!(
                "left alone: iptables -t {table} -A {chain} -d 192.0.2.20/32 -j MARK"
            ))
        });
        assert_eq!(named, is_named, "{table} {chain}: {notes:?}");
    }

    // Nor an iptables that cannot be read.
    let (marks, notes) = taken_over(None);
    assert_eq!(marks, []);
    assert!(
        notes[0].starts_with("fwmark 6: what feeds it is not known"),
        "{notes:?}"
    );
}
