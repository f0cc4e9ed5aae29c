//! Lines to copy: in each verb's help, in the manual pages, in the help of the program.

use clap::Command;

/// Lines with what they do.
type Lines = &'static [(&'static str, &'static str)];

/// For the program as a whole.
pub(super) const FIRST: Lines = &[
    ("ipvsh demo", "a simulated director to try things at"),
    ("ipvsh", "a prompt: Tab completes, help says more"),
    ("ipvsh status", "where things stand, and what to do"),
    (
        "ipvsh adopt -m 'as it was'",
        "record the rules that are there",
    ),
    ("ipvsh run --plan site.rhai", "what a script would change"),
];

/// For each verb. A verb that is not there has no help to stand in.
const EXAMPLES: [(&str, Lines); 39] = [
    ("demo", &[("ipvsh demo", "no rights needed, nothing stays")]),
    (
        "run",
        &[
            ("ipvsh run --plan site.rhai", "what it would change"),
            (
                "ipvsh run site.rhai --confirm 300",
                "back in 300 s unless confirmed",
            ),
        ],
    ),
    ("check", &[("ipvsh check site.rhai", "touches nothing")]),
    ("edit", &[("ipvsh edit", "the head, in $EDITOR")]),
    (
        "status",
        &[
            ("ipvsh status", "one screen"),
            (
                "ipvsh status --exit-code",
                "for monitoring: 10 where something differs",
            ),
        ],
    ),
    (
        "doctor",
        &[
            ("ipvsh doctor", "everything that is misconfigured here"),
            (
                "ipvsh doctor --fix --plan",
                "what its safe fixes would change",
            ),
            ("ipvsh doctor redirects --fix", "the fix of one rule"),
        ],
    ),
    (
        "show",
        &[
            ("ipvsh show", "services and servers"),
            ("ipvsh show rates --watch 2", "again every 2 s"),
            (
                "ipvsh show connections --state SYN_RECV",
                "who waits for an answer",
            ),
        ],
    ),
    (
        "top",
        &[
            ("ipvsh top", "all services; q leaves"),
            ("ipvsh top 192.0.2.10:80", "one, with its servers"),
        ],
    ),
    (
        "where",
        &[("ipvsh where 10.0.0.12", "who has this address")],
    ),
    (
        "real-server",
        &[
            (
                "ipvsh real-server 192.0.2.10 > lvs-rs",
                "then on each server: sh lvs-rs start",
            ),
            (
                "ipvsh real-server tcp 192.0.2.10:80 | ssh root@10.0.0.11 'sh -s start'",
                "at once, by ssh",
            ),
            (
                "ipvsh real-server 192.0.2.10 --persist networkd",
                "the files, for every boot",
            ),
        ],
    ),
    (
        "plan",
        &[
            ("ipvsh plan", "what ipvsh restore would do"),
            ("ipvsh plan 41", "what ipvsh rollback 41 would do"),
        ],
    ),
    (
        "diff",
        &[
            ("ipvsh diff", "from the head to what is live"),
            ("ipvsh diff @22:00", "since ten in the evening"),
            ("ipvsh diff 41 head", "between two snapshots"),
        ],
    ),
    (
        "history",
        &[
            (
                "ipvsh history -p --since 2h",
                "the last two hours, with changes",
            ),
            ("ipvsh history tcp 192.0.2.10:80", "of one service"),
        ],
    ),
    (
        "rollback",
        &[
            ("ipvsh rollback", "to the snapshot before the head"),
            ("ipvsh rollback @22:00", "to what was there at ten"),
            ("ipvsh rollback 41 --plan", "only look"),
        ],
    ),
    (
        "revert",
        &[("ipvsh revert 41", "undo 41, keep what came after")],
    ),
    (
        "restore",
        &[
            ("ipvsh plan", "look first"),
            ("ipvsh restore", "the kernel as it was committed"),
        ],
    ),
    (
        "adopt",
        &[
            ("ipvsh adopt -m 'as it was'", "all rules that are there"),
            ("ipvsh adopt tcp 192.0.2.10:443", "one service"),
        ],
    ),
    (
        "forget",
        &[("ipvsh forget tcp 192.0.2.10:443", "leave it to others")],
    ),
    (
        "import",
        &[
            ("ipvsh import rules.save --plan", "what `ipvsadm -Sn` wrote"),
            ("ipvsh import site.json --replace", "this and nothing else"),
        ],
    ),
    (
        "weight",
        &[("ipvsh weight 10.0.0.12 50", "in every service")],
    ),
    (
        "disable",
        &[
            ("ipvsh disable 10.0.0.12", "nothing new goes there"),
            (
                "ipvsh disable web12 --for 2d -m memory",
                "the servers of a machine",
            ),
        ],
    ),
    (
        "enable",
        &[("ipvsh enable 10.0.0.12", "it takes traffic again")],
    ),
    (
        "daemon",
        &[("ipvsh daemon --observe", "what the checks would decide")],
    ),
    (
        "health",
        &[
            ("ipvsh health", "every checked server"),
            ("ipvsh health server 10.0.0.12 --now", "run its checks once"),
        ],
    ),
    (
        "why",
        &[(
            "ipvsh why server 10.0.0.12 --since 30d",
            "who and what changed it",
        )],
    ),
    ("events", &[("ipvsh events --follow", "until Ctrl-C")]),
    (
        "ready",
        &[(
            "ipvsh ready --wait 60",
            "status 0 as soon as it may take traffic",
        )],
    ),
    (
        "try",
        &[
            ("ipvsh try http://192.0.2.10/", "who answers ten requests"),
            (
                "ipvsh try tcp://192.0.2.10:3306 -n 1",
                "does it take connections?",
            ),
        ],
    ),
    (
        "unfreeze",
        &[("ipvsh unfreeze", "what still fails is taken out")],
    ),
    (
        "drain",
        &[
            (
                "ipvsh drain tcp 192.0.2.10:80 10.0.0.12",
                "wait until it is empty",
            ),
            (
                "ipvsh drain 192.0.2.10:80 10.0.0.12 --then remove",
                "and remove it",
            ),
        ],
    ),
    (
        "shift",
        &[(
            "ipvsh shift 192.0.2.10:80 --from 10.0.0.11 --to 10.0.0.12",
            "in steps",
        )],
    ),
    (
        "export",
        &[
            (
                "ipvsh export --format rhai > site.rhai",
                "the head as a script",
            ),
            ("ipvsh export 41 --format ipvsadm", "for `ipvsadm -R`"),
        ],
    ),
    (
        "ipvsadm",
        &[
            ("ipvsh ipvsadm -Ln", "what ipvsadm -Ln prints"),
            ("ipvsh ipvsadm --record -C", "with a snapshot, to be undone"),
        ],
    ),
    (
        "install-dropin",
        &[
            ("ipvsh install-dropin", "ipvsadm is ipvsh from now on"),
            ("ipvsh install-dropin --undo", "and back"),
        ],
    ),
    (
        "confirm",
        &[("ipvsh confirm", "keep the commit that waits")],
    ),
    (
        "tag",
        &[
            (
                "ipvsh tag head before-upgrade",
                "then: ipvsh rollback before-upgrade",
            ),
            (
                "ipvsh tag --delete before-upgrade",
                "the name, not the snapshot",
            ),
        ],
    ),
    (
        "prune",
        &[("ipvsh prune --keep 100", "the newest 100 stay")],
    ),
    (
        "fsck",
        &[
            ("ipvsh fsck", "only look"),
            ("ipvsh fsck --repair", "save what is whole"),
        ],
    ),
    (
        "man",
        &[
            ("ipvsh man | man -l -", "the program"),
            ("ipvsh man script | man -l -", "the script language"),
        ],
    ),
];

/// The definition of the command line with the examples of each verb below its help.
pub(super) fn with_examples(mut command: Command) -> Command {
    for (verb, lines) in EXAMPLES {
        if command.find_subcommand(verb).is_some() {
            command = command.mut_subcommand(verb, |verb| {
                let before = verb.get_after_help().map(|more| format!("{more}\n\n"));
                verb.after_help(format!("{}{}", before.unwrap_or_default(), below(lines)))
            });
        }
    }
    command
}

/// Lines as they stand below a help: what they do beside them, or below where that is too long.
pub(super) fn below(lines: Lines) -> String {
    format!(
        "Examples:\n{}",
        crate::output::lines_to_type(lines).trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_understood_and_every_verb_has_one() {
        let command = super::super::definition();
        for (verb, lines) in EXAMPLES {
            let Some(of) = command.find_subcommand(verb) else {
                continue;
            };
            let help = of.get_after_help().map(ToString::to_string);
            for (line, _) in lines {
                assert!(
                    help.as_ref().is_some_and(|help| help.contains(line)),
                    "{line}"
                );
                check(line);
            }
        }
        for (line, _) in FIRST {
            check(line);
        }
        let without = ["completions"];
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let name = verb.get_name();
            let has = EXAMPLES.iter().any(|(verb, _)| *verb == name);
            assert!(has || without.contains(&name), "{name} has no example");
        }
    }

    /// Parses an example as far as a shell would give it to the program.
    fn check(line: &str) {
        let words = line.split([' ', '\'']).filter(|word| !word.is_empty());
        let own: Vec<&str> = words
            .take_while(|word| !matches!(*word, "|" | ">"))
            .collect();
        let (own, _) = super::super::ipvsadm::split(own.iter().map(Into::into).collect());
        let parsed = super::super::definition().try_get_matches_from(own);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}
