//! Notes, errors and messages of the program have their place in the guide.

use std::collections::BTreeSet;

use ipvsh::doctor::RULES;
use ipvsh::notes::Topic;

use crate::pages::root;
use crate::{codes, nothing_wrong, page};

/// Says whether a text is what a pattern says; `…` is anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    for (index, part) in pattern.split('…').enumerate() {
        match rest.find(part) {
            Some(at) if index > 0 || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || pattern.ends_with('…')
}

#[test]
fn every_note_is_explained() {
    let page = page("examples/guide/troubleshooting.md");
    let known: Vec<&str> = page
        .prose()
        .iter()
        .flat_map(|(_, line)| codes(line))
        .collect();
    let (mut missing, mut seen) = (BTreeSet::new(), 0);
    // The cases that tests/notes.rs compares with what is said.
    for entry in std::fs::read_dir(root().join("tests/notes")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let case: serde_json::Value = serde_json::from_str(&text).unwrap();
        for note in case["notes"].as_array().into_iter().flatten() {
            let (what, _) = note.as_str().unwrap().split_once(". Fix: ").unwrap();
            seen += 1;
            if !known.iter().any(|pattern| fits(pattern, what)) {
                missing.insert(what.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 15, "only {seen} notes");
}

/// The text of every source file, its lines that go on joined.
fn sources() -> String {
    let (mut text, mut folders) = (String::new(), vec![root().join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text += &std::fs::read_to_string(&path).unwrap_or_default(),
            }
        }
    }
    let joined = text.split("\\\n").map(str::trim_start);
    joined.collect()
}

#[test]
fn every_message_that_is_explained_is_said() {
    let (sources, mut wrong, mut seen) = (sources(), Vec::new(), 0);
    let page = page("examples/guide/troubleshooting.md");
    for (number, line) in page.prose() {
        // The symptom is what stands in bold at the beginning.
        let Some(rest) = line.strip_prefix("**") else {
            continue;
        };
        for code in codes(rest.split("**").next().unwrap()) {
            let parts = code.split('…').map(str::trim);
            for part in parts.filter(|part| part.len() > 3) {
                seen += 1;
                if !sources.contains(part) && !part.starts_with("kill ") {
                    wrong.push(format!("{}:{number}: nobody says \"{part}\"", page.name()));
                }
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 20, "only {seen} messages");
}

/// Every topic of notes has a case: who adds one is led here by the compiler.
#[test]
fn every_topic_has_a_case() {
    let words = |topic: Topic| match topic {
        Topic::Vip => "no address of this host",
        Topic::NotSilent => "silent, but on",
        Topic::Forwarding4 => "does not forward ipv4",
        Topic::Forwarding6 => "does not forward ipv6",
        Topic::NoServers => "no real servers",
        Topic::AllQuiesced => "have weight 0",
        Topic::AllHeld => "are down or in maintenance",
        Topic::Mixed => "forward differently",
        Topic::Loopback => "to a loopback address",
        Topic::NotOnLink => "directly connected network",
        Topic::Port => "at the port that the client asked",
        Topic::Flags => "ignores",
        Topic::Unfed => "gives packets mark",
        Topic::Unused => "to take its packets",
        Topic::Overlap => "the last rule decides",
        Topic::HashedAway => "to it: they are refused",
        Topic::LoopbackVip => "is a loopback address: only",
        Topic::SameNetwork => "both are in one network",
        Topic::ClientAddress => "in the place of each client",
        Topic::SnatAddress => "which is no address of this host",
        Topic::NoMasq => "snat changes nothing",
        Topic::DaemonLink => "nothing is sent or heard there",
        Topic::Cut => "its removal cuts",
        Topic::Silence => "clients wait in vain",
    };
    let mut cases = String::new();
    for entry in std::fs::read_dir(root().join("tests/notes")).unwrap() {
        cases += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    for topic in Topic::ALL {
        assert!(cases.contains(words(topic)), "{topic:?} has no case");
    }
}

#[test]
fn every_rule_of_the_doctor_has_its_row() {
    let lines = page("examples/guide/troubleshooting.md").lines;
    let mut missing = Vec::new();
    for rule in RULES {
        let row = format!("| `{}` | {} | {} |", rule.id, rule.title, rule.why);
        if !lines.contains(&row) {
            missing.push(row);
        }
    }
    nothing_wrong(&missing);
    let rows = lines.iter().filter(|line| {
        let id = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split('`').next());
        id.is_some_and(|id| RULES.iter().any(|rule| rule.id == id))
    });
    assert_eq!(rows.count(), RULES.len(), "a row twice");
}

#[test]
fn every_kind_of_error_is_explained() {
    let source = std::fs::read_to_string(root().join("src/error.rs")).unwrap();
    let kinds: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Kind::")?.split_once("=> \""))
        .map(|(_, name)| name.trim_end_matches("\","))
        .collect();
    assert!(kinds.len() >= 20, "{kinds:?}");
    let text = page("examples/guide/scripts.md").lines.join("\n");
    let missing: Vec<&&str> = kinds
        .iter()
        .filter(|name| !text.contains(&format!("| `{name}` |")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
