//! `ipvsh man`: ipvsh(1), a page for each verb, and ipvsh-script(7).

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::context::Context;
use super::examples::FIRST;
use crate::api::manual;
use crate::api::roff::{code, item, paragraph, section, subsection};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::output;

/// Print a manual page: of ipvsh, of a verb, or of the script language
///
/// To read it: ipvsh man | man -l -
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// A verb, or `script` [default: the whole program]
    page: Option<String>,
    /// Write all pages into a directory that is there, under the names that man(1) looks for
    #[arg(short, long, value_name = "DIR", conflicts_with = "page")]
    output: Option<PathBuf>,
}

impl ManArgs {
    /// Returns true where pages go to files; else one is printed.
    pub fn writes(&self) -> bool {
        self.output.is_some()
    }
}

/// Runs `ipvsh man`.
pub(super) fn run(context: &Context, args: &ManArgs) -> Result<u8> {
    let mut root = super::definition();
    root.build();
    if let Some(directory) = &args.output {
        return write_all(&root, directory).map(|()| 0);
    }
    let text = match args.page.as_deref() {
        None => whole(&super::definition()),
        Some("script") => Ok(manual::page()),
        Some(name) => match verbs(&root).find(|verb| verb.get_name() == name) {
            Some(verb) => of_verb(verb),
            None => return Err(unknown(&root, name)),
        },
    };
    context.out.print(&text.map_err(|e| unmade(&e))?);
    Ok(0)
}

fn unmade(error: &std::io::Error) -> Error {
    Error::system("cannot make the manual page", error)
}

/// Writes ipvsh.1, ipvsh-VERB.1 for each verb, and ipvsh-script.7.
fn write_all(root: &Command, directory: &Path) -> Result<()> {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text)
            .map_err(|e| Error::system(format!("cannot write {}", path.display()), &e))
    };
    let main = whole(&super::definition()).map_err(|e| unmade(&e))?;
    write("ipvsh.1", &main)?;
    write("ipvsh-script.7", &manual::page())?;
    for verb in verbs(root) {
        let page = of_verb(verb).map_err(|e| unmade(&e))?;
        write(&format!("ipvsh-{}.1", verb.get_name()), &page)?;
    }
    Ok(())
}

fn verbs(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
}

fn unknown(root: &Command, name: &str) -> Error {
    let names = verbs(root).map(Command::get_name).chain(["script"]);
    let error = Error::new(Kind::Usage, format!("there is no page \"{name}\""));
    match did_you_mean(name, names) {
        Some(close) => error.hint(format!("did you mean \"{close}\"?")),
        None => error.hint("a page is a verb's name, or script: ipvsh help has the verbs"),
    }
}

/// What a page begins with: name, synopsis, description, options.
fn opening(man: &clap_mangen::Man, command: &Command) -> std::io::Result<String> {
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    // Its own synopsis is all options without their values: they are listed below anyway.
    write!(text, "{}", section("synopsis"))?;
    write!(text, "{}", code(&usage(command)))?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The page of one verb.
fn of_verb(verb: &Command) -> std::io::Result<String> {
    let name = format!("ipvsh-{}", verb.get_name());
    let man = clap_mangen::Man::new(verb.clone().display_name(name.clone())).title(name);
    let mut text = opening(&man, verb)?;
    for (title, lines) in below(verb) {
        text.push_str(&section(&title));
        text.push_str(&code(&lines));
    }
    text.push_str(&section("see also"));
    text.push_str("\\fBipvsh\\fR(1), \\fBipvsh\\-script\\fR(7)\n");
    Ok(text)
}

/// ipvsh(1): the program, then each verb with its own options.
fn whole(root: &Command) -> std::io::Result<String> {
    let man = clap_mangen::Man::new(root.clone());
    let mut text = opening(&man, root)?;
    text.push_str(&section("verbs"));
    for verb in verbs(root) {
        text.push_str(&verb_section(verb)?);
    }
    text.push_str(&section("examples"));
    text.push_str(&code(&output::lines_to_type(FIRST)));
    text.push_str(&section("when something went wrong"));
    text.push_str(&code(&super::usage::remedies()));
    text.push_str(&section("exit status"));
    for line in super::usage::EXIT_STATUSES.lines().skip(1) {
        let (status, meaning) = line.trim().split_once(' ').unwrap_or((line, ""));
        text.push_str(&item(status, meaning.trim()));
    }
    text.push_str(&section("environment"));
    for (name, what) in ENVIRONMENT {
        text.push_str(&item(name, what));
    }
    text.push_str(&section("files"));
    for (name, what) in FILES {
        text.push_str(&item(name, what));
    }
    text.push_str(&section("see also"));
    text.push_str("\\fBipvsh\\-script\\fR(7), \\fBipvsadm\\fR(8), \\fBiptables\\fR(8)\n");
    Ok(text)
}

/// How a verb, or the program, is called: `ipvsh rollback [OPTIONS] [SNAPSHOT]`.
fn usage(command: &Command) -> String {
    let mut named = match command.get_name() {
        "ipvsh" => command.clone(),
        verb => command.clone().bin_name(format!("ipvsh {verb}")),
    };
    let usage = named.render_usage().to_string();
    usage.trim_start_matches("Usage: ").trim().to_owned()
}

/// What stands below a verb's help: titles, each with its lines.
fn below(verb: &Command) -> Vec<(String, String)> {
    let more = verb.get_after_help().map(ToString::to_string);
    let more = more.unwrap_or_default();
    let parts = more.split("\n\n").filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once(":\n") {
            Some((title, lines)) => (title.to_lowercase(), lines.to_owned()),
            None => ("more".to_owned(), part.to_owned()),
        })
        .collect()
}

/// A verb within ipvsh(1).
fn verb_section(verb: &Command) -> std::io::Result<String> {
    let mut text = subsection(&usage(verb));
    let about = verb.get_long_about().or(verb.get_about());
    for said in about
        .map(ToString::to_string)
        .unwrap_or_default()
        .split("\n\n")
    {
        text.push_str(&paragraph(said));
    }
    let mut options = Vec::new();
    clap_mangen::Man::new(verb.clone()).render_options_section(&mut options)?;
    for line in String::from_utf8_lossy(&options).lines() {
        match line.strip_prefix(".SH ") {
            // The options' own headings would be sections of the page.
            Some(_) => text.push_str(".PP\n"),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    for (title, lines) in below(verb) {
        text.push_str(&paragraph(&format!("{title}:")));
        text.push_str(&code(&lines));
    }
    Ok(text)
}

const ENVIRONMENT: [(&str, &str); 7] = [
    ("IPVSH_DB", "The database's directory, as --db."),
    (
        "IPVSH_AUTHOR",
        "Who a change is recorded by, marked as claimed; only where no user ran sudo or logged in: \
         in a container, or a job.",
    ),
    (
        "IPVSH_PAGER, PAGER",
        "What shows long results on a terminal; empty: nothing does. Without them less -FRX. Where \
         ipvsh runs by sudo or the like, only less is run.",
    ),
    (
        "NO_COLOR",
        "Set to anything: no colours, unless --color asks for them.",
    ),
    (
        "XDG_STATE_HOME, HOME",
        "Where a user's own database and the prompt's history are.",
    ),
    (
        "IPVSH_RUNTIME_DIR",
        "An absolute path: the daemon's files and its events are below it, in place of /run/ipvsh and \
         /var/log/ipvsh. The daemon and the commands need the same.",
    ),
    (
        "XDG_CONFIG_HOME",
        "Where ipvsh/init.rhai is; else ~/.config.",
    ),
];

const FILES: [(&str, &str); 8] = [
    ("/var/lib/ipvsh", "The database, for root."),
    (
        "/var/lib/ipvsh-dropin.json",
        "What install-dropin did, for its --undo.",
    ),
    ("~/.local/state/ipvsh", "The database of other users."),
    (
        "/run/ipvsh",
        "For root, a directory for each database: what the checks found, and the socket by which \
         commands reach the daemon. For other users below XDG_RUNTIME_DIR, else in the database.",
    ),
    (
        "/var/log/ipvsh",
        "For root, a directory for each database: the events of the daemon, of 90 days and 256 MiB at \
         most. For other users in the database.",
    ),
    (
        "DIR.kernel",
        "Beside the database DIR of --sim: what the simulated kernel holds beside the head. Without \
         it that kernel holds the head alone.",
    ),
    (
        "~/.local/state/ipvsh-shell/history",
        "The lines typed at the prompt.",
    ),
    (
        "~/.config/ipvsh/init.rhai",
        "Run when a prompt starts, for functions of one's own; read only where it and its \
         directory belong to the user and nobody else can write them.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_its_options_are_in_the_page() {
        let page = whole(&super::super::definition()).unwrap();
        let plain = page.replace("\\-", "-");
        for verb in verbs(&super::super::definition()) {
            let name = verb.get_name();
            assert!(plain.contains(&format!(".SS \"ipvsh {name}")), "{name}");
            for arg in verb.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(long) = arg.get_long() else { continue };
                assert!(plain.contains(&format!("--{long}")), "{name} --{long}");
            }
        }
        assert!(plain.contains(".SH \"EXIT STATUS\""));
    }

    #[test]
    fn every_function_and_option_is_in_the_script_page() {
        let page = manual::page().replace("\\-", "-");
        for function in crate::api::functions() {
            let heading = format!(".SS \"{}\"\n", function.full_name());
            assert!(page.contains(&heading), "{heading}");
            for option in function.options() {
                let term = format!("\\fB{}\\fR\n", option.name);
                assert!(page.contains(&term), "{}: {term}", function.name);
            }
        }
    }
}
