//! What the command line refuses, in our own words; and the table of exit statuses.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::examples::{FIRST, below};
use super::groups::grouped;
use crate::api::{functions, help, synonyms};
use crate::error::{Error, Kind, Result};
use crate::format::{Seen, Translated, translate};
use crate::model::{ServiceName, remedy, shell_word};
use crate::output::{self, ColorWhen, Output, Verbosity};

/// What stands below the list of verbs.
pub(super) fn epilogue() -> String {
    format!(
        "{}\n\n{}\n\n`ipvsh --help` has the exit statuses; `ipvsh help VERB` says more of a verb.",
        below(FIRST),
        troubles()
    )
}

/// What stands below the list of verbs in the long help and in the manual page.
pub(super) fn long_epilogue() -> String {
    format!("{}\n\n{}\n\n{EXIT_STATUSES}", below(FIRST), troubles())
}

fn troubles() -> String {
    format!("When something went wrong:\n{}", remedies())
}

/// What helps when something went wrong, a line each.
pub(super) fn remedies() -> String {
    let lines = remedy::lines(|remedy| remedy.command);
    format!("{lines}\n  what differs, and how      ipvsh status, ipvsh plan")
}

/// The exit statuses, for `--help` and the manual page.
pub(super) const EXIT_STATUSES: &str = "\
Exit status:
  0    done
  1    refused, or failed before anything was sent (script errors and missing files too)
  2    the command line was not understood
  3    not permitted, or the kernel lacks support
  4    a change was sent, something failed, and everything was undone
  5    undoing failed too; what is left is listed as lines to run
  6    partly done (restore --best-effort)
  7    done, but the report could not be written
  10   with --exit-code: there are differences or findings
  255  a bug in ipvsh";

/// Prints what clap has to say: help and version are results, the rest are usage errors. `words` are
/// those behind the program's name, without the global options.
pub(super) fn refuse(refusal: &clap::Error, words: &[String], json: bool) -> u8 {
    let out = Output::new(json, Verbosity::Normal, ColorWhen::Auto);
    match tell(refusal, words, &out) {
        Ok(()) => 0,
        Err(error) => {
            out.error(&error);
            error.kind().exit_status()
        }
    }
}

/// Prints help and the version, which clap gives as refusals too. `words` are those of the command
/// line behind the program's name.
///
/// # Errors
/// `usage` for all other refusals; `output`.
pub(super) fn tell(refusal: &clap::Error, words: &[String], out: &Output) -> Result<()> {
    // `help wlc` asks about no verb, and there is an answer all the same.
    if let [asked, topic] = words
        && asked == "help"
        && let Some(text) = help::exactly(topic, out.width.map_or(help::WIDTH, usize::from))
    {
        out.help(&text);
        return output::written();
    }
    match refusal.use_stderr() {
        true => {
            let error = explain(refusal, words);
            let lacks_hint = error.hints().is_empty();
            Err(error.maybe_hint(lacks_hint.then(|| help_of(words))))
        }
        false => {
            out.print(&grouped(&refusal.render().to_string()));
            output::written()
        }
    }
}

/// Where the options of the verb in a command line are explained.
fn help_of(words: &[String]) -> String {
    let definition = super::definition();
    let verb = words
        .iter()
        .find(|word| definition.find_subcommand(word).is_some());
    match verb {
        Some(verb) => format!("what {verb} takes: ipvsh {verb} --help"),
        None => "what there is: ipvsh --help".to_owned(),
    }
}

fn explain(refusal: &clap::Error, words: &[String]) -> Error {
    // A value of ours says by itself what is wrong with it, and what to do.
    let source = std::error::Error::source(refusal);
    if let Some(own) = source.and_then(|source| source.downcast_ref::<Error>()) {
        return own.clone().with_kind(Kind::Usage);
    }
    let text = refusal.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let cause: Vec<&str> = paragraphs.next().unwrap_or("").split_whitespace().collect();
    let cause = cause.join(" ").replace("subcommand", "verb");
    let cause = cause.strip_prefix("error: ").unwrap_or(&cause);
    let mut error = Error::new(Kind::Usage, cause);
    if let Some(script) = looks_like_script(refusal) {
        return error.hint(format!("to run a script: ipvsh run {script}"));
    }
    let (unknown_argument, unknown_verb) = (unknown_argument(refusal), unknown_verb(refusal));
    if unknown_argument.is_some() || unknown_verb.is_some() {
        let hints = leading_on(words);
        if !hints.is_empty() {
            return hints.into_iter().fold(error, Error::hint);
        }
    }
    // What a word means says more than which verb has letters like it.
    let meaning = unknown_verb.as_deref().and_then(synonyms::meaning);
    if let Some(meaning) = meaning {
        let verb = meaning.verb.map(|verb| format!("did you mean \"{verb}\"?"));
        let is_function = |word: &String| functions().any(|function| function.name == *word);
        let code = unknown_verb
            .filter(is_function)
            .map(|_| "a line of a script is run by `ipvsh -e 'CODE'`");
        return error
            .maybe_hint(verb)
            .hint(meaning.sentence)
            .maybe_hint(code);
    }
    let lines = paragraphs.flat_map(str::lines).map(str::trim);
    for line in lines {
        if let Some(tip) = line.strip_prefix("tip: ") {
            error = error.hint(meant(refusal).unwrap_or_else(|| tip.to_owned()));
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            error = error.hint(format!("usage: {usage}"));
        }
    }
    error
}

/// What to type instead of words that are an object's name, or ipvsadm's.
fn leading_on(words: &[String]) -> Vec<String> {
    let line = words.join(" ");
    if ServiceName::parse(&line).is_ok() {
        let show = format!("what is live of it: ipvsh show {line}");
        let make = match words {
            [protocol, address] if !protocol.starts_with("fwmark") => {
                format!("{protocol}(\"{address}\")")
            }
            [function, mark] => format!("{function}({mark})"),
            _ => return vec![show],
        };
        let code = shell_word(&make);
        return vec![
            show,
            format!("what it would take to make it: ipvsh -e {code} --plan"),
        ];
    }
    if !words.first().is_some_and(|first| first.starts_with('-')) {
        return Vec::new();
    }
    let itself = format!("as ipvsadm does it: ipvsh ipvsadm {line}");
    match translate(&line) {
        Ok(Translated::View(Seen { verb, .. })) => {
            vec![format!("in ipvsh's words: ipvsh {verb}"), itself]
        }
        Ok(Translated::Change(code)) => vec![
            format!("in ipvsh's words: ipvsh -e {} --plan", shell_word(&code)),
            itself,
        ],
        Ok(Translated::Save | Translated::Restore) => vec![itself],
        Err(_) => Vec::new(),
    }
}

/// The option that is none.
fn unknown_argument(refusal: &clap::Error) -> Option<&ContextValue> {
    refusal
        .get(ContextKind::InvalidArg)
        .filter(|_| refusal.kind() == ErrorKind::UnknownArgument)
}

/// The close word that clap found, as we say it elsewhere.
fn meant(refusal: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let value = kinds.iter().find_map(|kind| refusal.get(*kind))?;
    let words = match value {
        ContextValue::String(word) => vec![word.clone()],
        ContextValue::Strings(words) => words.clone(),
        _ => return None,
    };
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    Some(format!("did you mean {}?", words.join(" or ")))
}

/// The word that is no verb.
fn unknown_verb(refusal: &clap::Error) -> Option<String> {
    match refusal.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) if refusal.kind() == ErrorKind::InvalidSubcommand => {
            Some(word.clone())
        }
        _ => None,
    }
}

fn looks_like_script(refusal: &clap::Error) -> Option<String> {
    unknown_verb(refusal).filter(|word| word.ends_with(".rhai") || Path::new(word).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> Error {
        let refusal = super::super::definition()
            .try_get_matches_from(args)
            .unwrap_err();
        let words: Vec<String> = args.iter().skip(1).map(|word| (*word).to_owned()).collect();
        explain(&refusal, &words)
    }

    #[test]
    fn unknown_verbs_are_usage_errors_with_a_suggestion() {
        let error = refused(&["ipvsh", "statsu"]);
        assert_eq!(error.to_string(), "unrecognized verb 'statsu'");
        assert_eq!(error.kind().exit_status(), 2);
        assert_eq!(error.hints()[0], "did you mean \"status\"?");
    }

    #[test]
    fn words_of_other_tools_are_answered_by_meaning() {
        let error = refused(&["ipvsh", "undo"]);
        assert_eq!(error.to_string(), "unrecognized verb 'undo'");
        assert_eq!(error.hints()[0], "did you mean \"rollback\"?");
        assert!(
            error.hints()[1].contains("`ipvsh revert N`"),
            "{:?}",
            error.hints()
        );
        for (word, part) in [
            ("ls", "\"show\""),
            ("stats", "\"show stats\""),
            ("discard", "nothing stays staged"),
            ("backend", "real server"),
            ("roundrobin", "scheduler: \"rr\""),
            ("services", "\"show services\""),
            ("commit", "commit at their end"),
        ] {
            let hints = refused(&["ipvsh", word]).hints().join("\n");
            assert!(hints.contains(part), "{word}: {hints}");
        }
    }

    #[test]
    fn names_and_lines_of_ipvsadm_lead_on() {
        for (args, hint) in [
            (
                &["tcp", "192.0.2.1:80"] as &[&str],
                "ipvsh show tcp 192.0.2.1:80",
            ),
            (
                &["tcp", "192.0.2.1:80"],
                "ipvsh -e 'tcp(\"192.0.2.1:80\")' --plan",
            ),
            (&["fwmark", "7"], "ipvsh -e 'fwmark(7)' --plan"),
            (&["192.0.2.1:80"], "ipvsh show 192.0.2.1:80"),
            (&["-Ln"], "ipvsh ipvsadm -Ln"),
            (&["-Ln", "--stats"], "ipvsh show stats"),
            (
                &["-A", "-t", "192.0.2.1:80", "-s", "rr"],
                "ipvsh -e 'tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" })' --plan",
            ),
            (&["find"], "ipvsh -e 'CODE'"),
        ] {
            let args: Vec<&str> = std::iter::once("ipvsh")
                .chain(args.iter().copied())
                .collect();
            let hints = refused(&args).hints().join("\n");
            assert!(hints.contains(hint), "{args:?}: {hints}");
        }
    }

    #[test]
    fn a_script_without_run_is_pointed_to_run() {
        let error = refused(&["ipvsh", "foo.rhai"]);
        assert_eq!(error.hints(), ["to run a script: ipvsh run foo.rhai"]);
    }

    #[test]
    fn the_documented_statuses_are_those_of_the_errors() {
        for kind in [
            Kind::Usage,
            Kind::Invalid,
            Kind::NotPermitted,
            Kind::Unsupported,
            Kind::Undone,
            Kind::UndoFailed,
            Kind::Partial,
            Kind::Unreported,
            Kind::Bug,
        ] {
            let line = format!("\n  {:<5}", kind.exit_status());
            assert!(EXIT_STATUSES.contains(&line), "{line:?} is not documented");
        }
    }
}
