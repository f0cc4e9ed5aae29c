//! What a line of a text is: a rule, a command that is none of ours, or a shell's work.
//!
//! A text may be the output of a program or a shell script. Nothing here is a shell: where only
//! one could tell what runs (variables, conditions, loops), the line is refused, never guessed.

use super::chain;
use super::options::{DASHES, typographic};
use super::programs::{
    FUNCTIONS, does, is_harmless, is_saver, is_watching, reads_rules, sets_marks, starts_loader,
};
use super::table::{Group, OPTIONS, Row, Takes};
use super::words::{Line, Trouble, is_assignment, run_it};
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
    /// A command that makes no rule, for this reason.
    Other(&'static str),
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
const TALKING: [&str; 5] = ["echo", "printf", "logger", "export", "readonly"];
/// What is said of commands that are left out.
const NOT_ABOUT_RULES: &str = "not about rules";
const ONLY_SHOWS: &str = "it only shows";

/// Says whether a line begins as a rule does, with a dash that is none.
pub(in crate::format) fn is_dashed(line: &str) -> bool {
    line.starts_with(DASHES)
}

/// Says whether a line is a command of one of the programs whose rules are read.
pub(in crate::format) fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace().filter(|word| *word != "sudo");
    words
        .next()
        .is_some_and(|word| is_program(word) || is_variable_of_ours(word))
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
        return Ok(Command::Other(NOT_ABOUT_RULES));
    };
    if first.starts_with(DASHES) {
        return Err(Trouble::line(typographic(first)));
    }
    if let Some(command) = of_program(first, rest) {
        return Ok(command);
    }
    match first.as_str() {
        "exit" => Ok(Command::End),
        word if CLOSING.contains(&word) && !concerns_us(rest) => Ok(Command::Closing),
        word if OPENING.contains(&word) || CLOSING.contains(&word) => Err(refusal(format!(
            "what runs behind \"{word}\" is not known here"
        ))),
        word => other(program(word), words, rest),
    }
}

/// A command of another program: left out where it is known to make no rules.
fn other<'a>(name: &str, words: &[String], rest: &[String]) -> Result<Command<'a>, Trouble> {
    if TALKING.contains(&name) {
        return Ok(Command::Other(NOT_ABOUT_RULES));
    }
    if reads_rules(name) || starts_loader(name, rest) {
        return Err(refused_file(name));
    }
    if is_saver(name) || (is_watching(name) && only_watches(rest)) {
        return Ok(Command::Other(ONLY_SHOWS));
    }
    if runs_program(rest) {
        return Err(refusal(format!(
            "what \"{name}\" does with the command behind it is not known here"
        )));
    }
    if sets_marks(name, rest) {
        return Err(Trouble::line(
            Error::invalid(format!("what \"{name}\" marks is not known here"))
                .hint("only rules of iptables in mangle's PREROUTING are read for marks")
                .hint("declare the rule in words of ours: help mark")
                .hint("or take the line out of the text, and keep the rule where it is"),
        ));
    }
    if [".", "source"].contains(&name) {
        return match rest.first() {
            Some(file) if !FUNCTIONS.contains(&file.as_str()) => Err(unknown(file)),
            _ => Ok(Command::Other(NOT_ABOUT_RULES)),
        };
    }
    if is_harmless(name) {
        return Ok(Command::Other(NOT_ABOUT_RULES));
    }
    if looks_like_rule(words) {
        return Err(Trouble::line(
            Error::invalid("it looks like a rule, and is none that is understood").hint(
                "a rule begins with -A, -a, -E, -e, -D or -d, or with ipvsadm, as `ipvsadm -Sn` \
                 prints it",
            ),
        ));
    }
    Err(unknown(name))
}

fn unknown(name: &str) -> Trouble {
    Trouble::line(
        run_it(Error::invalid(format!(
            "what \"{name}\" does is not known here"
        )))
        .hint("or take the line out of the text, where it makes no rules"),
    )
}

/// Says whether what stands behind the `&&` of a command is run: nothing is asked by it.
pub(super) fn does_something(words: &[String]) -> bool {
    let words = without_prefixes(words);
    let Some(first) = words.first() else {
        return true;
    };
    first.starts_with('-') || is_program(first) || does(program(first))
}

/// Says whether words look like a rule of ipvsadm, whatever is wrong with them.
fn looks_like_rule(words: &[String]) -> bool {
    let bare = |word: &String| {
        word.trim_start_matches('-')
            .trim_start_matches(DASHES)
            .to_owned()
    };
    let bare: Vec<String> = words.iter().map(bare).collect();
    let is = |row: &Row| {
        let is_spelling = |word: &String| {
            let letter = row.short.map(String::from);
            *word == row.long || letter.as_ref() == Some(word)
        };
        bare.iter().any(is_spelling)
    };
    let has_rule = OPTIONS
        .iter()
        .any(|row| row.group == Group::Rule && is(row));
    // `-6` is about a service, and names none.
    let names_service = |row: &&Row| row.group == Group::Selector && row.takes == Takes::Value;
    has_rule && OPTIONS.iter().filter(names_service).any(is)
}

fn concerns_us(words: &[String]) -> bool {
    runs_program(words) || looks_like_rule(words) || words.iter().any(|word| is_program(word))
}

fn refused_file(name: &str) -> Trouble {
    Trouble::line(
        Error::invalid(format!(
            "{name} reads rules from a file that is not read here"
        ))
        .hint("take the line out of the text, and import that file beside it"),
    )
}

/// Says whether what is watched is a list of ours.
fn only_watches(words: &[String]) -> bool {
    let all = words.join(" ");
    let words: Vec<String> = all.split_whitespace().map(str::to_owned).collect();
    let Some(at) = words.iter().position(|word| is_program(word)) else {
        return !concerns_us(&words);
    };
    let is_command = program(words.get(at).map_or("", String::as_str)) == "ipvsadm";
    is_command && only_shows(words.get(at + 1..).unwrap_or(&[]))
}

/// Commands that change nothing: a script ends with them so that its reader sees what it did.
pub(super) fn only_shows(words: &[String]) -> bool {
    let shows = |word: &String| {
        ["--list", "--save", "--help", "--version"].contains(&word.as_str())
            || word.starts_with(['-']) && word.get(1..2).is_some_and(|c| "LlShv".contains(c))
    };
    words.first().is_none_or(shows)
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
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if first.starts_with(DASHES) {
        return Err(Trouble::line(typographic(first)));
    }
    if first.starts_with('-') && text.contains("(null)") {
        return Err(null(line, trouble.column));
    }
    if reads_rules(program(first)) {
        return Err(refused_file(program(first)));
    }
    if CLOSING.contains(&first) && !lower.contains("ipvsadm") && !looks_like_rule(&words) {
        return Ok(Command::Closing);
    }
    if OPENING.contains(&first)
        || first.starts_with('(')
        || first.ends_with("()")
        || text.contains("() {")
    {
        return Err(refusal(format!(
            "what runs behind \"{first}\" is not known here"
        )));
    }
    let matters = trouble.open
        || first.starts_with(['$', '`', '"'])
        || text.contains("<<")
        || lower.contains("ipvsadm")
        || line.text.contains("MARK")
        || [".", "source"].contains(&first)
        || !is_left_out(first);
    if matters {
        return refused;
    }
    if first == "exit" {
        return Ok(Command::End);
    }
    match chain::deciding(&line.text, lets_go_on) {
        Some((operator, at)) => Err(Trouble {
            column: at + 1,
            ..refusal(format!(
                "what runs behind \"{operator}\", or below it, is not known here"
            ))
        }),
        None => Ok(Command::Other(NOT_ABOUT_RULES)),
    }
}

/// Says whether the lines below run whatever becomes of a command behind an operator.
fn lets_go_on(operator: &str, command: &str) -> bool {
    let mut words = command
        .split_whitespace()
        .filter(|word| *word != "sudo")
        .peekable();
    // Variables that are set for one command, or for good.
    while words.next_if(|word| is_assignment(word)).is_some() {}
    words.next().is_none_or(|word| match operator {
        // Behind a pipe it runs in a process of its own, and cannot end the script.
        "|" => !OPENING.contains(&word) && !word.starts_with('('),
        _ => word != "exit" && is_left_out(word),
    })
}

/// Says whether a command that begins with this word is one that is left out.
fn is_left_out(first: &str) -> bool {
    let name = program(first);
    is_assignment(first)
        || first
            .split_once("+=")
            .is_some_and(|(name, _)| is_assignment(&format!("{name}=")))
        || TALKING.contains(&name)
        || is_harmless(name)
        || is_watching(name)
        || ["sudo", "exit"].contains(&name)
        || is_saver(name)
        || of_program(first, &[]).is_some()
}

/// `ipvsadm -S` of a forwarding method that ipvsadm has no letter for.
fn null(line: &Line, column: usize) -> Trouble {
    let server = line
        .text
        .split_whitespace()
        .skip_while(|word| *word != "-r")
        .nth(1);
    let server = server.unwrap_or("the server");
    Trouble {
        error: Error::invalid(format!(
            "ipvsadm printed (null) for the forwarding method of {server}, which it has no option for"
        ))
        .hint("write -g (direct routing), -i (tunnel) or -m (masquerading) in its place"),
        column,
        open: false,
    }
}

fn refusal(cause: String) -> Trouble {
    Trouble::line(run_it(Error::invalid(cause)))
}

/// Without `sudo` and the variables that are set for one command.
fn without_prefixes(words: &[String]) -> &[String] {
    let is_prefix = |word: &String| word == "sudo" || is_assignment(word);
    let first = words.iter().position(|word| !is_prefix(word));
    first.and_then(|at| words.get(at..)).unwrap_or(&[])
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `$IPVSADM`, `"${IPTABLES}"`: what scripts call our programs by.
fn is_variable_of_ours(word: &str) -> bool {
    let name = word.trim_matches('"').strip_prefix('$').unwrap_or("");
    let name = name.trim_matches(['{', '}']).to_lowercase();
    name.contains("ipvsadm") || name.contains("iptables")
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
            Ok(Command::Other(_)) => Ok("Other".to_owned()),
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
            "ps -e -f | grep keepalived",
            "[ -f /etc/sysctl.conf ] && X=$Y sudo /sbin/sysctl -p",
            "ip addr add 192.0.2.1/32 dev lo 2>&1 | awk x; sleep 1 &",
            "echo \"a && exit\" 'b || exit' > /dev/null # && exit",
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
