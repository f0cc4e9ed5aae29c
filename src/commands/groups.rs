//! The verbs in groups, by what a user is about to do: for the help and for the prompt.

use crate::shell::{Offer, VerbGroup};

/// A group's title, and its verbs in the order in which to think of them.
pub(super) type Group = (&'static str, &'static [&'static str]);

/// All groups.
pub(super) const GROUPS: [Group; 6] = [
    (
        "look",
        &[
            "demo", "status", "doctor", "show", "top", "where", "plan", "diff", "history",
        ],
    ),
    (
        "change",
        &[
            "run", "check", "edit", "weight", "disable", "enable", "drain", "shift",
        ],
    ),
    (
        "check servers",
        &[
            "try", "daemon", "health", "why", "events", "ready", "unfreeze",
        ],
    ),
    ("take back", &["rollback", "revert", "restore", "confirm"]),
    (
        "take over",
        &["adopt", "forget", "import", "ipvsadm", "install-dropin"],
    ),
    (
        "more",
        &[
            "real-server",
            "export",
            "tag",
            "prune",
            "fsck",
            "completions",
            "man",
            "help",
        ],
    ),
];

/// The groups of the verbs that a prompt has.
pub(super) fn of(verbs: &[Offer]) -> Vec<VerbGroup> {
    let has = |verb: &&str| verbs.iter().any(|(name, _)| name == verb);
    let groups = GROUPS.iter().map(|(title, of_group)| {
        let there = of_group.iter().filter(|verb| has(verb));
        (
            (*title).to_owned(),
            there.map(|verb| (*verb).to_owned()).collect(),
        )
    });
    groups
        .filter(|(_, verbs): &VerbGroup| !verbs.is_empty())
        .collect()
}

/// What clap writes above the list of verbs.
const HEADING: &str = "Verbs:\n";

/// The help of the program with its list of verbs in groups: clap has one list only.
pub(super) fn grouped(help: &str) -> String {
    let whole = || help.to_owned();
    let Some((before, rest)) = help.split_once(HEADING) else {
        return whole();
    };
    let (list, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let entries = entries(list);
    let mut text = before.to_owned();
    for (title, verbs) in GROUPS {
        let of_group = verbs.iter().filter_map(|verb| {
            let entry = entries.iter().find(|(name, _)| name == verb);
            entry.map(|(_, lines)| lines.as_str())
        });
        text.push_str(&format!(
            "{}:\n{}\n",
            capital(title),
            of_group.collect::<String>()
        ));
    }
    text + after
}

/// The entries of a list, each with its name; lines that go on stand further in.
fn entries(list: &str) -> Vec<(&str, String)> {
    let mut entries: Vec<(&str, String)> = Vec::new();
    for line in list.lines() {
        let indent = line.len() - line.trim_start().len();
        match entries.last_mut() {
            Some((_, lines)) if indent > 2 => lines.push_str(&format!("{line}\n")),
            _ => {
                let name = line.split_whitespace().next().unwrap_or_default();
                entries.push((name, format!("{line}\n")));
            }
        }
    }
    entries
}

fn capital(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_in_one_group() {
        let mut command = super::super::definition();
        command.build();
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let name = verb.get_name();
            let groups = GROUPS.iter().filter(|(_, verbs)| verbs.contains(&name));
            assert_eq!(groups.count(), 1, "{name}");
        }
    }

    #[test]
    fn the_list_of_verbs_is_grouped_and_complete() {
        let text =
            "About\n\nVerbs:\n  run    Run a\n         script\n  status  Where\n\nOptions:\n";
        let expected =
            "About\n\nLook:\n  status  Where\n\nChange:\n  run    Run a\n         script\n";
        let grouped = grouped(text);
        assert!(grouped.starts_with(expected), "{grouped}");
        assert!(grouped.ends_with("\nOptions:\n"), "{grouped}");
    }
}
