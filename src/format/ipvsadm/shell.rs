//! What a line of a text is: a rule, a command that is none of ours, or a shell's work.
//!
//! A text may be the output of a program or a shell script. Nothing here is a shell: where only
//! one could tell what runs (variables, conditions, loops), the line is refused, never guessed.

use super::words::{Line, Trouble};
use crate::error::{Error, Result};
use crate::model::Family;

/// What a line asks for; the words are those behind a program's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// A command of ipvsadm.
    Ipvsadm(&'a [String]),
    /// A command of iptables or ip6tables.
    Iptables(Family, &'a [String]),
    /// A line of `iptables-save`, as it stands.
    Save(&'a [String]),
    /// A rule of iptables that sets a mark, without the program's name.
    Mark(&'a [String]),
    /// What follows is not run.
    End,
    /// A command of another program.
    Other,
    /// The end of what was refused where it began.
    Closing,
}

/// Words that begin what may or may not run.
const OPENING: [&str; 13] = [
    "if", "for", "while", "until", "case", "select", "function", "{", "(", "!", "eval", "exec",
    "trap",
];
const CLOSING: [&str; 10] = [
    "then", "elif", "else", "fi", "do", "done", "in", "esac", ";;", "}",
];
/// Programs whose words are only words.
const TALKING: [&str; 4] = ["echo", "printf", "logger", "export"];

/// Adds what to do about a script that only a shell can run.
pub(super) fn run_it(error: Error) -> Error {
    error.hint("run the script and read what it made: ipvsadm -Sn, iptables-save -t mangle")
}

/// Says whether a line is a command of one of the programs whose rules are read.
pub(in crate::format) fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace().filter(|word| *word != "sudo");
    words.next().is_some_and(is_program)
}

/// Finds out what a line is; within the output of `iptables-save` no shell is looked for.
///
/// # Errors
/// `invalid` where only a shell knows.
pub(super) fn command(line: &Line, in_save: bool) -> Result<Command<'_>, Trouble> {
    let words = match &line.words {
        Ok(words) => words.as_slice(),
        Err(_) if in_save && !line.text.contains("MARK") => return Ok(Command::Save(&[])),
        Err(trouble) => return shell(line, trouble),
    };
    let begins = words.first().map(String::as_str).unwrap_or("");
    if in_save || (begins.len() > 1 && begins.starts_with(['*', ':'])) {
        return Ok(Command::Save(words));
    }
    if begins.starts_with('-') {
        return Ok(match sets_mark(words) {
            true => Command::Mark(words),
            false => Command::Ipvsadm(words),
        });
    }
    let words = without_prefixes(words);
    let Some((first, rest)) = words.split_first() else {
        return Ok(Command::Other);
    };
    if let Some(command) = of_program(first, rest) {
        return Ok(command);
    }
    match first.as_str() {
        "exit" => Ok(Command::End),
        word if CLOSING.contains(&word) => Ok(Command::Closing),
        word if OPENING.contains(&word) => Err(refusal(format!(
            "what runs behind \"{word}\" is not known here"
        ))),
        word if !TALKING.contains(&word) && runs_program(rest) => Err(refusal(format!(
            "what \"{word}\" does with the command behind it is not known here"
        ))),
        _ => Ok(Command::Other),
    }
}

/// A line with a shell's signs in it: not ours to understand, and an error where it matters.
fn shell<'a>(line: &'a Line, trouble: &Trouble) -> Result<Command<'a>, Trouble> {
    let text = line.text.trim_start();
    let first = text
        .split(|c: char| c.is_whitespace() || c == ';')
        .next()
        .unwrap_or("");
    let found = trouble.error.clone();
    let refused = Err(Trouble {
        error: found,
        ..*trouble
    });
    let lower = text.to_lowercase();
    if CLOSING.contains(&first) && !lower.contains("ipvsadm") {
        return Ok(Command::Closing);
    }
    if OPENING.contains(&first) || first.ends_with("()") || text.contains("() {") {
        return Err(refusal(format!(
            "what runs behind \"{first}\" is not known here"
        )));
    }
    let matters = trouble.open
        || first.starts_with(['$', '`', '"'])
        || text.contains("<<")
        || lower.contains("ipvsadm")
        || line.text.contains("MARK");
    match matters {
        true => refused,
        false => Ok(Command::Other),
    }
}

fn refusal(cause: String) -> Trouble {
    Trouble {
        error: run_it(Error::invalid(cause)),
        column: 0,
        open: false,
    }
}

/// Without `sudo` and the variables that are set for one command.
fn without_prefixes(words: &[String]) -> &[String] {
    let is_prefix = |word: &String| word == "sudo" || is_assignment(word);
    let first = words.iter().position(|word| !is_prefix(word));
    first.and_then(|at| words.get(at..)).unwrap_or(&[])
}

/// Says whether a word sets a variable.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_program(word: &str) -> bool {
    of_program(word, &[]).is_some()
}

fn of_program<'a>(word: &str, rest: &'a [String]) -> Option<Command<'a>> {
    let name = program(word);
    let name = name
        .strip_suffix("-legacy")
        .or(name.strip_suffix("-nft"))
        .unwrap_or(name);
    match name {
        "ipvsadm" => Some(Command::Ipvsadm(rest)),
        "iptables" => Some(Command::Iptables(Family::Ipv4, rest)),
        "ip6tables" => Some(Command::Iptables(Family::Ipv6, rest)),
        _ => None,
    }
}

/// Says whether one of our programs is called among the words of another one.
fn runs_program(words: &[String]) -> bool {
    let is_call = |pair: &[String]| match pair {
        [word, option] => is_program(word) && option.starts_with('-'),
        _ => false,
    };
    words.windows(2).any(is_call) || words.iter().any(|word| word.contains("ipvsadm -"))
}

fn sets_mark(words: &[String]) -> bool {
    words.windows(2).any(|pair| match pair {
        [option, target] => ["-j", "--jump"].contains(&option.as_str()) && target == "MARK",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::words::lines;
    use super::*;

    #[track_caller]
    fn is(text: &str) -> Result<String, String> {
        let lines = lines(text);
        let found = command(&lines[0], false);
        match found {
            Ok(command) => Ok(format!("{command:?}")),
            Err(trouble) => Err(trouble.error.message()),
        }
    }

    #[test]
    fn commands_of_ours_are_known_by_their_program() {
        for (text, wanted) in [
            ("-A -t x", "Ipvsadm([\"-A\", \"-t\", \"x\"])"),
            ("/sbin/ipvsadm -C", "Ipvsadm([\"-C\"])"),
            ("LC_ALL=C sudo ipvsadm -C", "Ipvsadm([\"-C\"])"),
            ("/usr/sbin/ip6tables-legacy -L", "Iptables(Ipv6, [\"-L\"])"),
            ("*mangle", "Save([\"*mangle\"])"),
            (
                "-A PREROUTING -j MARK",
                "Mark([\"-A\", \"PREROUTING\", \"-j\", \"MARK\"])",
            ),
            ("exit 0", "End"),
            ("fi", "Closing"),
        ] {
            assert_eq!(is(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_does_not_concern_us_is_another_command() {
        for text in [
            "VIP=192.0.2.1",
            "set -e",
            "sysctl -w net.ipv4.ip_forward=1",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            "echo ipvsadm -C",
            "apt-get install ipvsadm",
            "ip addr add $VIP dev lo",
            "modprobe ip_vs || true",
        ] {
            assert_eq!(is(text).as_deref(), Ok("Other"), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_knows_is_refused() {
        for (text, cause) in [
            ("ipvsadm -A -t $VIP:80", "\"$\" is for a shell"),
            ("$IPVSADM -A -t 192.0.2.1:80", "\"$\" is for a shell"),
            ("$X -A", "\"$\" is for a shell"),
            ("ipvsadm -C; ipvsadm -Z", "\";\" is for a shell"),
            ("[ -x /sbin/ipvsadm ] || exit 0", "\"|\" is for a shell"),
            ("ipvsadm -R <<EOF", "\"<\" is for a shell"),
            ("cat <<EOF", "\"<\" is for a shell"),
            ("for x in 1 2; do", "behind \"for\""),
            ("if true", "behind \"if\""),
            ("case \"$1\" in", "behind \"case\""),
            ("start() {", "behind \"start()\""),
            ("eval x", "behind \"eval\""),
            ("ip netns exec x ipvsadm -C", "what \"ip\" does"),
            ("bash -c 'ipvsadm -C'", "what \"bash\" does"),
            ("awk '{", "closing ' is missing"),
            ("iptables -j MARK --set-mark $M", "\"$\" is for a shell"),
        ] {
            let said = is(text).unwrap_err();
            assert!(said.contains(cause), "{text}: {said}");
        }
    }
}
