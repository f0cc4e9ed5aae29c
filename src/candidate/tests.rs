use super::*;
use crate::model::{Fwmark, MarkKey, MarkRule, ServerPatch, ServicePatch};
use serde_json::json;

fn key() -> ServiceKey {
    ServiceKey::parse("tcp 192.0.2.1:80").unwrap()
}

fn declare(candidate: &mut Candidate, options: serde_json::Value) {
    let patch = ServicePatch::parse(&key(), options.as_object().unwrap()).unwrap();
    candidate.declare_service(key(), &patch);
}

fn server(text: &str) -> ServerKey {
    ServerKey::parse(text, &key()).unwrap()
}

#[test]
fn declaring_resets_what_is_not_named_and_keeps_servers() {
    let mut candidate = Candidate::new(None, Ruleset::default());
    declare(
        &mut candidate,
        json!({"scheduler": "rr", "persistent": 60, "servers": ["10.0.0.1"]}),
    );
    declare(&mut candidate, json!({"scheduler": "sh"}));
    let service = candidate.service(&key()).unwrap();
    assert_eq!(service.options.summary(Family::Ipv4), "sh");
    assert_eq!(service.servers.len(), 1);
}

#[test]
fn servers_without_a_method_follow_the_others() {
    let mut candidate = Candidate::new(None, Ruleset::default());
    declare(
        &mut candidate,
        json!({"forward": "masq", "servers": ["10.0.0.1"]}),
    );
    let mut candidate = Candidate::new(None, candidate.rules().clone());
    candidate.create_server(key(), server("10.0.0.2")).unwrap();
    assert_eq!(
        candidate
            .server(&key(), &server("10.0.0.2"))
            .unwrap()
            .forward,
        Forwarding::Masq
    );
}

#[test]
fn the_scope_is_what_was_named() {
    let mut candidate = Candidate::new(None, Ruleset::default());
    declare(&mut candidate, json!({"servers": ["10.0.0.1", "10.0.0.2"]}));
    let mut candidate = Candidate::new(Some(SnapshotId(1)), candidate.rules().clone());
    assert!(candidate.is_untouched());
    let same = ServerPatch {
        weight: Some(Default::default()),
        ..ServerPatch::default()
    };
    candidate
        .set_server(key(), server("10.0.0.1"), &same)
        .unwrap();
    assert_eq!(candidate.rules(), candidate.base());
    assert_eq!(
        candidate.scope().into_iter().collect::<Vec<_>>(),
        [EntryKey::Server(key(), server("10.0.0.1"))]
    );
}

#[test]
fn a_services_forward_names_that_of_its_servers() {
    let mut candidate = Candidate::new(None, Ruleset::default());
    declare(
        &mut candidate,
        json!({"forward": "masq", "servers": ["10.0.0.1"]}),
    );
    let entry = EntryKey::Server(key(), server("10.0.0.1"));
    assert!(candidate.declared()[&entry].contains("forward"));
}

#[test]
fn what_is_set_after_a_declaration_is_named_too() {
    let mut candidate = Candidate::new(None, Ruleset::default());
    declare(
        &mut candidate,
        json!({"scheduler": "rr", "servers": ["10.0.0.1"]}),
    );
    let weight = ServerPatch {
        weight: Some(crate::model::Weight::ZERO),
        ..ServerPatch::default()
    };
    candidate
        .set_server(key(), server("10.0.0.1"), &weight)
        .unwrap();
    let persistent = json!({"persistent": 60});
    let patch = ServicePatch::parse(&key(), persistent.as_object().unwrap()).unwrap();
    candidate.set_service(key(), &patch).unwrap();
    let declared = candidate.declared();
    assert!(declared[&EntryKey::Server(key(), server("10.0.0.1"))].contains("weight"));
    assert!(declared[&EntryKey::Service(key())].contains("scheduler"));
    assert!(declared[&EntryKey::Service(key())].contains("persistent"));
}

#[test]
fn marks_keep_their_order_on_another_head() {
    let mark = |value| MarkKey {
        family: Family::Ipv4,
        mark: Fwmark::new(value).unwrap(),
    };
    let rule = |value| MarkRule::new(mark(value).mark, Family::Ipv4);
    let mut candidate = Candidate::new(None, Ruleset::default());
    candidate.declare_marks(mark(666), vec![rule(666)]);
    candidate.declare_marks(mark(7), vec![rule(7)]);
    let head = Ruleset {
        marks: vec![rule(1)],
        ..Ruleset::default()
    };
    let moved = candidate.rebase(Some(SnapshotId(1)), &head).unwrap();
    assert_eq!(moved.rules().mark_keys(), [mark(1), mark(666), mark(7)]);
}

#[test]
fn marks_of_a_file_keep_their_order() {
    let mark = |value| MarkRule::new(Fwmark::new(value).unwrap(), Family::Ipv4);
    let file = Ruleset {
        marks: vec![mark(666), mark(7)],
        ..Ruleset::default()
    };
    let mut candidate = Candidate::new(None, Ruleset::default());
    candidate.put_all(&file);
    assert_eq!(candidate.rules(), &file);
}
