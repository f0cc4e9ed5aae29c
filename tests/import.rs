//! Importing: what was exported comes back as it was, and a text that is damaged changes nothing.

#![allow(clippy::unwrap_used, clippy::panic)] // a test: helpers fail loudly

use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Director, Import};
use ipvsh::error::Result;
use ipvsh::format::{self, Format};
use ipvsh::kernel::Sim;
use ipvsh::model::{Ruleset, Snapshot};
use ipvsh::script::{self, Source};
use ipvsh::store::MemoryStores;
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "common/arbitrary.rs"]
mod arbitrary;

fn director(rules: &Ruleset) -> Director {
    let stores = Rc::new(MemoryStores::new());
    let mut director = Director::new(Box::new(Sim::new(rules)), stores, "tester".to_owned());
    director
        .adopt(&[], false, &ChangeOptions::default())
        .unwrap();
    director
}

/// What a command reads of a text.
fn read(format: Format, text: &str) -> Result<Ruleset> {
    match format {
        Format::Rhai => script::ruleset(&Source::inline(text)),
        _ => format::read(Some(format), "rules", text).map(|reading| reading.rules),
    }
}

fn import(director: &mut Director, rules: &Ruleset, replace: bool) -> Result<()> {
    let import = Import {
        name: "rules".to_owned(),
        has_rules: true,
        can_hold_host: true,
        replace,
        only: Vec::new(),
    };
    let options = ChangeOptions {
        allow_removals: true,
        adopt: true,
        ..ChangeOptions::default()
    };
    director.import(rules, &import, &options).map(|_| ())
}

/// The kernel and the history: what an error must not change.
fn state(director: &mut Director) -> (Ruleset, Vec<Snapshot>) {
    (director.live().unwrap().rules, director.history().unwrap())
}

/// A piece of text that means something somewhere.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "\n",
        "\\\n",
        " ",
        "'",
        "\"",
        "#",
        "$X",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ";",
        "-",
        "--",
        "(",
        ")",
        "-A",
        "-a",
        "-t",
        "-f",
        "-j MARK",
        "*mangle\n",
        "COMMIT\n",
        "99999999999",
        "\u{1F600}",
        "\u{0}",
        "tcp",
        "exit\n",
        "iptables -t mangle",
        "null",
        "1e9",
        "//",
        "/*",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => ".{0,8}",
    ]
}

/// Puts pieces into a text in the place of what stands there.
fn damage(text: &str, pieces: Vec<(Index, usize, String)>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, gone, piece) in pieces {
        let at = at.index(chars.len() + 1);
        let end = (at + gone).min(chars.len());
        chars.splice(at..end, piece.chars());
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_exported_comes_back(
        rules in arbitrary::ruleset(),
        before in arbitrary::ruleset(),
    ) {
        let (rules, before) = (arbitrary::peaceful(rules), arbitrary::peaceful(before));
        for format in Format::ALL {
            let (text, notes) = format::write(format, &rules);
            if !notes.is_empty() || rules == Ruleset::default() {
                continue;
            }
            prop_assert_eq!(Format::of_text(&text), Some(format), "{}", text);
            let mut director = director(&before);
            import(&mut director, &read(format, &text).unwrap(), true).unwrap();
            let mut head = director.head_rules().unwrap();
            // One chain per family: what stands between the families has no order.
            head.marks.sort_by_key(|rule| rule.family);
            prop_assert_eq!(&head, &rules, "{}: {}", format, text);
        }
    }

    #[test]
    fn what_is_merged_removes_nothing(
        rules in arbitrary::ruleset(),
        before in arbitrary::ruleset(),
    ) {
        let (rules, before) = (arbitrary::peaceful(rules), arbitrary::peaceful(before));
        let mut director = director(&before);
        let head = director.head_rules().unwrap();
        if import(&mut director, &rules, false).is_err() {
            // The kernel refused what only both together hold.
            prop_assert_eq!(director.head_rules().unwrap(), head);
            return Ok(());
        }
        let merged = director.head_rules().unwrap();
        for entry in rules.entries() {
            prop_assert_eq!(merged.get(&entry), rules.get(&entry));
        }
        for entry in head.entries() {
            let kept = rules.get(&entry).or(head.get(&entry));
            prop_assert_eq!(merged.get(&entry), kept);
        }
    }

    #[test]
    fn a_damaged_text_changes_all_or_nothing(
        rules in arbitrary::ruleset(),
        format in prop::sample::select(Format::ALL.to_vec()),
        pieces in prop::collection::vec((any::<Index>(), 0..12_usize, piece()), 1..4),
    ) {
        let rules = arbitrary::peaceful(rules);
        let text = damage(&format::write(format, &rules).0, pieces);
        let mut director = director(&rules);
        let before = state(&mut director);
        let result = read(format, &text)
            .and_then(|rules| import(&mut director, &rules, true).map(|()| rules));
        match result {
            Ok(read) => prop_assert_eq!(
                director.head_rules().unwrap().services,
                read.services
            ),
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                prop_assert_eq!(state(&mut director), before, "{}", text);
            }
        }
    }
}
