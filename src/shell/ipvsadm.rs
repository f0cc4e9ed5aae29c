//! Lines of ipvsadm and of the programs around it, typed at the prompt: answered with the same
//! thing in our language, or with where they belong.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::format::{Format, Seen, Translated, host_statement, mark_statement, read, translate};
use crate::model::MarkKey;

/// The letters that are commands of ipvsadm.
const COMMANDS: &[char] = &['A', 'E', 'D', 'C', 'R', 'S', 'a', 'e', 'd', 'L', 'l', 'Z'];

/// What to do about a line of ipvsadm.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Offer this line, ready to run.
    Offer(String),
    /// Run this verb: it only shows.
    Run(String),
    /// Say this.
    Say(&'static str),
}

/// Programs of ipvsadm's own package.
const OWN: [&str; 3] = ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"];

/// Programs whose rules are ours to make where they set marks.
const TABLES: [&str; 2] = ["iptables", "ip6tables"];

/// Programs of the host whose lines are pasted beside those of ipvsadm, and what there is to say.
const HOST: [(&[&str], &str); 6] = [
    (
        &["modprobe", "insmod"],
        "`show info` says what IPVS has now; the module is loaded when it is needed",
    ),
    (
        &["sysctl", "echo"],
        "`sysctl(\"net.ipv4.ip_forward\", 1)` sets a kernel setting, `show sysctls` lists those \
         that are set: help(\"sysctl\")",
    ),
    (
        &["ip", "ifconfig", "arping"],
        "`vip(\"192.0.2.10\", #{ interface: \"eth0\" })` adds an address and announces it: \
         help(\"vip\"). Routes and links are set by the network configuration of this host",
    ),
    (
        &["route"],
        "routes of this host are set by its network configuration",
    ),
    (
        &[
            "systemctl",
            "service",
            "journalctl",
            "keepalived",
            "ldirectord",
        ],
        "`status` says what else manages IPVS on this host",
    ),
    (
        &[
            "nft",
            "firewall-cmd",
            "iptables-save",
            "iptables-restore",
            "ip6tables-save",
        ],
        "`mark(...)` declares rules that set marks: help(\"mark\")",
    ),
];

/// Says whether a line is one for ipvsadm, or for a program that is used with it. `-a` alone may be
/// a variable with a sign, and so may `ip` be one.
pub(super) fn is_line(line: &str, variables: &[String]) -> bool {
    is_shell_script(line)
        || line
            .lines()
            .next()
            .is_some_and(|line| is_one(line, variables))
}

fn is_one(line: &str, variables: &[String]) -> bool {
    let mut words = line.split_whitespace();
    let first = match words.next() {
        Some("sudo") => words.next(),
        first => first,
    };
    let Some(first) = first else {
        return false;
    };
    let name = first.rsplit('/').next().unwrap_or(first);
    if OWN.contains(&name) {
        return true;
    }
    if name == "echo" {
        return line.contains("> /proc/sys/") || line.contains(">/proc/sys/");
    }
    // What follows the name of another program is a word, and no operator of a script.
    let begins_word =
        |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic() || "-'/".contains(c));
    let is_known = name == "watch" || TABLES.contains(&name) || host(name).is_some();
    let is_free = !variables.iter().any(|variable| variable == name);
    match is_known {
        true => {
            is_free
                && words
                    .next()
                    .is_some_and(|word| begins_word(word) && word != "in")
        }
        false => is_command(first),
    }
}

/// What there is to say of a program of the host.
fn host(name: &str) -> Option<&'static str> {
    HOST.iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, said)| *said)
}

/// Says whether a text is a shell script: its first line says so.
fn is_shell_script(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("#!") && first.trim_end().ends_with("sh")
}

fn is_command(word: &str) -> bool {
    if let Some(name) = word.strip_prefix("--") {
        return name.starts_with(|c: char| c.is_ascii_alphabetic());
    }
    let Some(letters) = word.strip_prefix('-') else {
        return false;
    };
    letters.starts_with(COMMANDS) && letters.chars().all(char::is_alphabetic)
}

/// What to do about it: one line, or several that were pasted together.
///
/// # Errors
/// `invalid` for what ipvsadm would not understand either; `usage` for what is no business of ours.
pub(super) fn answer(text: &str) -> Result<Answer> {
    if is_shell_script(text) {
        return Err(script_of_a_shell(Error::new(
            Kind::Usage,
            "this is a shell script, and the prompt is no shell",
        )));
    }
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.len() < 2 {
        return of_line(text);
    }
    let mut code = Vec::with_capacity(lines.len());
    for line in lines {
        match of_line(line).map_err(|error| script_of_a_shell(error.object(line)))? {
            Answer::Offer(one) => code.push(one),
            Answer::Run(_) | Answer::Say(_) => {
                let why = "among several lines only those that change something are understood";
                return Err(script_of_a_shell(Error::invalid(why).object(line)));
            }
        }
    }
    Ok(Answer::Offer(code.join(";\n")))
}

/// What to do with the lines of a shell script.
fn script_of_a_shell(error: Error) -> Error {
    error.hint(
        "a shell script is read from its file: `ipvsh import FILE --plan` shows what it would \
         change, `ipvsh import FILE` makes it",
    )
}

fn of_line(line: &str) -> Result<Answer> {
    let mut words = line.split_whitespace().skip_while(|word| *word == "sudo");
    let first = words.next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or(first);
    if TABLES.contains(&name) {
        return of_tables(name, line);
    }
    if let Some(said) = host(name) {
        let translated = host_statement(line);
        let elsewhere = "other settings are made in a shell; Ctrl-D leaves the prompt";
        if let Some(code) = translated.map_err(|error| error.hint(elsewhere))? {
            return Ok(Answer::Offer(code));
        }
        return Err(Error::new(
            Kind::Usage,
            "this program is run in a shell, not at this prompt",
        )
        .object(name)
        .hint(said)
        .hint("Ctrl-D leaves the prompt"));
    }
    let translated = translate(line).map_err(|error: Error| {
        error.hint("ipvsadm itself is there too, outside of this prompt: ipvsh ipvsadm ...")
    })?;
    Ok(match translated {
        Translated::Change(code) => Answer::Offer(code),
        Translated::View(Seen { verb, .. }) => Answer::Run(verb),
        Translated::Save => {
            Answer::Say("every commit is saved (history). To a file: save(\"FILE\", \"ipvsadm\")")
        }
        Translated::Restore => Answer::Say(
            "a file that ipvsadm -S wrote: load(\"FILE\"). What was committed last: restore()",
        ),
    })
}

/// A rule of iptables that sets a mark, as `mark(...)`.
fn of_tables(name: &str, line: &str) -> Result<Answer> {
    let text = line.trim_start().trim_start_matches("sudo ");
    let refused = |cause: &str| Error::new(Kind::Usage, cause).object(name);
    let has = |options: &[&str]| text.split_whitespace().any(|word| options.contains(&word));
    if has(&["-L", "-S", "--list", "--list-rules"]) {
        if has(&["mangle"]) {
            return Ok(Answer::Run("show marks".to_owned()));
        }
        return Err(refused("rules of iptables are listed in a shell")
            .hint("`show marks` lists those that set the marks of virtual services")
            .hint("Ctrl-D leaves the prompt"));
    }
    let deletion = ["-D", "--delete"];
    let is_deletion = has(&deletion);
    let words = text.split_whitespace();
    let words = words.map(|word| if deletion.contains(&word) { "-A" } else { word });
    let made = words.collect::<Vec<_>>().join(" ");
    let mut marks: BTreeMap<MarkKey, Vec<_>> = BTreeMap::new();
    if has(&["MARK"]) {
        let text = if is_deletion { made.as_str() } else { text };
        for rule in read(Some(Format::Ipvsadm), name, text)?.rules.marks {
            marks.entry(rule.key()).or_default().push(rule);
        }
    }
    let Some(first) = marks.keys().next() else {
        return Err(
            refused("only rules that set a mark are made and removed here")
                .hint("other rules are made in a shell; Ctrl-D leaves the prompt"),
        );
    };
    if is_deletion {
        let mark = first.mark;
        return Err(
            refused("rules are removed with their mark, or declared anew without it")
                .hint(format!("all rules of the mark: unmark({mark})"))
                .hint(format!(
                    "those that stay: mark({mark}, [#{{ ... }}]); `marks` lists them"
                )),
        );
    }
    let calls = marks.iter().map(|(key, rules)| mark_statement(*key, rules));
    Ok(Answer::Offer(calls.collect::<Vec<_>>().join(";\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_line(line: &str) -> bool {
        super::is_line(line, &["ip".to_owned()])
    }

    #[test]
    fn programs_around_ipvsadm_are_answered() {
        for (line, verb) in [
            ("ipvsadm -Ln --stats", "show stats"),
            ("watch -n 1 ipvsadm -Ln --rate", "show rates --watch 1"),
        ] {
            assert!(is_line(line), "{line}");
            assert_eq!(answer(line).unwrap(), Answer::Run(verb.to_owned()));
        }
        let line = "sudo iptables -t mangle -S PREROUTING";
        assert_eq!(answer(line).unwrap(), Answer::Run("show marks".to_owned()));
        for (line, part) in [
            ("iptables -L -n", "`show marks`"),
            ("iptables -t nat -L", "`show marks`"),
            (
                "iptables -t mangle -D PREROUTING -d 192.0.2.20 -p tcp -j MARK --set-mark 666",
                "unmark(666)",
            ),
            ("iptables -D INPUT -j ACCEPT", "made in a shell"),
            (
                "iptables -t nat -A POSTROUTING -j MASQUERADE",
                "made in a shell",
            ),
            ("iptables -F", "made in a shell"),
        ] {
            assert!(is_line(line), "{line}");
            let error = answer(line).unwrap_err();
            let hints = error.hints().join("\n");
            assert!(hints.contains(part), "{line}: {error} {hints}");
            assert!(!error.to_string().contains("ipvsadm"), "{line}: {error}");
        }
        for line in ["ipvsadm-save -n", "sudo ipvsadm-restore", "ipvsadm -S"] {
            assert!(is_line(line), "{line}");
            assert!(matches!(answer(line).unwrap(), Answer::Say(_)), "{line}");
        }
        let line = "iptables -t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 666";
        assert!(is_line(line));
        let code = "mark(666, #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80] })";
        assert_eq!(answer(line).unwrap(), Answer::Offer(code.to_owned()));
        for line in [
            "sysctl -p",
            "sysctl -w net.core.somaxconn=1024",
            "route add default gw 192.0.2.1",
            "sudo systemctl stop keepalived",
            "iptables -A INPUT -j ACCEPT",
            "/sbin/modprobe ip_vs",
            "watch ls",
        ] {
            assert!(is_line(line), "{line}");
            assert!(answer(line).is_err(), "{line}");
        }
        // A variable, and what only looks like a program.
        for line in [
            "echo 1",
            "ip addr",
            "sysctl",
            "route = 1",
            "service + 1",
            "route in x",
        ] {
            assert!(!is_line(line), "{line}");
        }
    }

    #[test]
    fn lines_that_set_up_the_host_are_answered_with_calls() {
        let text = "sudo sysctl -w net.ipv4.ip_forward=1\n\
                    echo 1 > /proc/sys/net/ipv4/vs/conntrack\n\
                    ip addr add 192.0.2.10/32 dev eth0\n\
                    -A -t 192.0.2.10:80 -s rr";
        let code = "sysctl(\"net.ipv4.ip_forward\", 1);\n\
                    sysctl(\"net.ipv4.vs.conntrack\", 1);\n\
                    vip(\"192.0.2.10\", #{ interface: \"eth0\" });\n\
                    tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" })";
        for line in text.lines() {
            assert!(super::is_line(line, &[]), "{line}");
        }
        assert_eq!(answer(text).unwrap(), Answer::Offer(code.to_owned()));
    }

    #[test]
    fn a_pasted_shell_script_is_pointed_to_import() {
        for text in [
            "#!/bin/sh\nVIP=192.0.2.1\nipvsadm -A -t $VIP:80\n",
            "ipvsadm -C\nipvsadm -A -t $VIP:80 -s rr\n",
            "ipvsadm -C\nif true; then :; fi\n",
        ] {
            assert!(is_line(text), "{text}");
            let error = answer(text).unwrap_err();
            let hints = error.hints().join("\n");
            assert!(
                hints.contains("ipvsh import FILE"),
                "{text}: {error} {hints}"
            );
        }
    }

    #[test]
    fn several_lines_become_several() {
        let text = "-A -t 192.0.2.1:80 -s rr\n\n# web\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n";
        let code = "tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" });\n\
                    find(\"tcp 192.0.2.1:80\").server(\"10.0.0.1:80\", #{ forward: \"masq\" })";
        assert_eq!(answer(text).unwrap(), Answer::Offer(code.to_owned()));
        for (text, object) in [("-C\n-S", "-S"), ("-C\n-A -t 192.0.2.1:80 -Q", "-A -t")] {
            let error = answer(text).unwrap_err();
            assert!(error.object_name().unwrap().starts_with(object), "{error}");
        }
    }

    #[test]
    fn lines_of_ipvsadm_are_known() {
        for line in [
            "-A -t x",
            "ipvsadm",
            "sudo ipvsadm -Ln",
            "-Ln",
            "--set 1 2 3",
            " -C",
        ] {
            assert!(is_line(line), "{line}");
        }
        for line in [
            "-1 + 2",
            "-x",
            "",
            "- A",
            "ipvsadmin",
            "--1",
            "-(1)",
            "-abs(1)",
        ] {
            assert!(!is_line(line), "{line}");
        }
    }
}
