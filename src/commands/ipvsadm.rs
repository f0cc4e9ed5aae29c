//! `ipvsh ipvsadm`, and the program called by one of ipvsadm's names.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Args;

use super::author::author;
use super::context::Context;
use crate::background::syslog::{SOCKET, Severity, SystemLog};
use crate::director::ChangeOptions;
use crate::error::{Error, Kind, Result};
use crate::ipvsadm::{self, Program};
use crate::kernel::Sim;
use crate::model::Grace;

const NAME: &str = "ipvsadm";

/// Options before the verb that take a value as their next word.
const VALUED: [&str; 2] = ["--db", "--color"];

/// A drop-in for ipvsadm: its options, its output, its exit statuses
///
/// It acts on the kernel at once and records nothing: `ipvsh plan` shows what it changed,
/// `ipvsh adopt` takes it over. The system log has each change, with who made it. The binary does the same when it is called ipvsadm, ipvsadm-save
/// or ipvsadm-restore. `ipvsh ipvsadm -h` lists its options. Two are ours, and stand before them:
/// `--record [-m MESSAGE] [--confirm SECONDS]` makes the change a commit with a snapshot; `--atomic` makes all changes
/// of -R, or none, and names the line that was refused. `ipvsh --sim ipvsadm` does all of that on the
/// simulated kernel, which keeps it for the next command.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct IpvsadmArgs {
    /// The words of an ipvsadm command line
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub words: Vec<String>,
}

/// Our own options, which stand before ipvsadm's.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    atomic: bool,
    record: bool,
    message: Option<String>,
    confirm: Option<Grace>,
}

impl Own {
    /// Takes them off the front. `-m` is ours only behind `--record`: ipvsadm has one too.
    fn take(words: Vec<String>) -> Result<(Own, Vec<String>)> {
        let mut own = Own::default();
        let mut words = words.into_iter().peekable();
        let is_ours = |own: &Own, word: &String| match word.as_str() {
            "--atomic" | "--record" => true,
            "-m" | "--message" | "--confirm" => own.record,
            _ => false,
        };
        while let Some(word) = words.next_if(|word| is_ours(&own, word)) {
            match word.as_str() {
                "--atomic" => own.atomic = true,
                "--record" => own.record = true,
                "--confirm" => {
                    let seconds = words.next().unwrap_or_default();
                    let grace = Grace::parse(&seconds).map_err(|e| e.with_kind(Kind::Usage))?;
                    own.confirm = Some(grace);
                }
                _ => {
                    own.message = Some(words.next().ok_or_else(|| {
                        Error::new(Kind::Usage, format!("{word} lacks its message"))
                            .hint("it stands behind that, in quotes: --record -m 'why it is done'")
                    })?);
                }
            }
        }
        Ok((own, words.collect()))
    }
}

/// Runs `ipvsh ipvsadm`.
pub(super) fn run(context: &Context, words: Vec<String>) -> Result<u8> {
    let (own, words) = Own::take(words)?;
    if own.record {
        return record(context, own, words);
    }
    if own.atomic {
        let changes = ipvsadm::changes(words)?;
        return match context.is_sim() {
            // No one else is to be told of what a simulated kernel did.
            true => alone(context, |mut sim| {
                ipvsadm::apply_to(&mut sim, &changes).map(|()| 0)
            }),
            false => together(&changes, &mut change_log()),
        };
    }
    if !context.is_sim() {
        return Ok(stand_in_for(context, None, words, &mut change_log()));
    }
    let is_change = ipvsadm::is_one_change(&words);
    let work = |sim| {
        let table = Some(Box::new(sim) as Box<dyn ipvsadm::KernelTable>);
        Ok(stand_in_for(context, table, words, &mut |_| ()))
    };
    match is_change {
        true => alone(context, work),
        false => work(context.simulated_table()?),
    }
}

/// Does what ipvsadm does. Where results are JSON, what it says of a failure is the message of an
/// error, with ipvsadm's own status.
fn stand_in_for(
    context: &Context,
    table: Option<Box<dyn ipvsadm::KernelTable>>,
    words: Vec<String>,
    log: &mut dyn FnMut(&str),
) -> u8 {
    let run =
        |err: &mut dyn Write, log| ipvsadm::run_on(table, Program::Ipvsadm, NAME, words, err, log);
    if !context.out.json {
        return run(&mut std::io::stderr().lock(), log);
    }
    let mut said = Vec::new();
    let status = run(&mut said, log);
    let said = String::from_utf8_lossy(&said);
    match (status, said.trim_end()) {
        (0, "") => {}
        // Of several lines of -R the last one decides the status.
        (0, said) => context.out.say(said),
        (status, said) => {
            let error = Error::new(Kind::Refused, said).object(NAME);
            context.out.error_with(&error, status);
        }
    }
    status
}

/// Changes a simulated kernel while no other process does, as a kernel takes one request after the
/// other.
fn alone(context: &Context, work: impl FnOnce(Sim) -> Result<u8>) -> Result<u8> {
    let lock = context.lock_simulated()?;
    // At a prompt the kernel was there before.
    context.reconcile_locked(&lock)?;
    let status = work(context.simulated_table()?)?;
    context.reconcile_locked(&lock)?;
    Ok(status)
}

/// Writes changes to the system log with who made them: nothing else records them. The log is
/// opened for the first one.
fn change_log() -> impl FnMut(&str) {
    log_at(Path::new(SOCKET), author)
}

fn log_at(socket: &Path, author: impl Fn() -> String) -> impl FnMut(&str) {
    let mut open = None;
    move |change: &str| {
        let (log, author) = open.get_or_insert_with(|| (SystemLog::open(socket, NAME), author()));
        log.tell(Severity::Notice, &format!("{author}: {change}"));
    }
}

/// Makes all changes, or none, and logs them.
fn together(changes: &[ipvsadm::Change], log: &mut dyn FnMut(&str)) -> Result<u8> {
    let made = ipvsadm::apply(changes);
    let end = match &made {
        Ok(()) => String::new(),
        Err(error) => format!(": not made: {}", error.message()),
    };
    for change in changes {
        log(&format!("{}{end}", change.words));
    }
    made.map(|()| 0)
}

/// A commit is all or nothing by itself.
fn record(context: &Context, own: Own, words: Vec<String>) -> Result<u8> {
    let message = own
        .message
        .unwrap_or_else(|| format!("ipvsadm {}", words.join(" ")));
    let changes = ipvsadm::changes(words)?;
    let mut director = context.director()?;
    let live = director.live()?;
    let mut candidate = director.candidate()?;
    ipvsadm::stage(&changes, &live.rules, &mut candidate)?;
    let options = ChangeOptions {
        message: Some(message),
        confirm: own.confirm,
        // -C and -D name what goes.
        allow_removals: true,
        ..ChangeOptions::default()
    };
    let report = director.commit(&mut candidate, &options)?;
    context.out.report(&report, false);
    Ok(0)
}

/// Does what ipvsadm does where the program was called by its name.
pub(super) fn stand_in() -> Option<u8> {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let name = words.next()?;
    Program::named(&name)
        .map(|program| ipvsadm::run(program, &name, words.collect(), &mut change_log()))
}

/// Sets the words behind the verb `ipvsadm` apart, where that is the verb.
pub(super) fn split(mut words: Vec<OsString>) -> (Vec<OsString>, Option<Vec<String>>) {
    let mut place = 1;
    while let Some(word) = words.get(place).and_then(|word| word.to_str()) {
        if word == NAME {
            let theirs = words.split_off(place + 1);
            let text = |word: OsString| word.to_string_lossy().into_owned();
            return (words, Some(theirs.into_iter().map(text).collect()));
        }
        if !word.starts_with('-') {
            break;
        }
        place += if VALUED.contains(&word) { 2 } else { 1 };
    }
    (words, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_logged_with_who_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("log");
        let listening = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
        let mut log = log_at(&socket, || "alice (sudo)".to_owned());
        log("ipvsadm -D -t 192.0.2.1:80");
        let mut entry = [0; 256];
        let length = listening.recv(&mut entry).unwrap();
        let entry = String::from_utf8_lossy(&entry[..length]).into_owned();
        let (tag, text) = entry.split_once(": ").unwrap();
        assert_eq!(tag, format!("<29>ipvsadm[{}]", std::process::id()));
        assert_eq!(text, "alice (sudo): ipvsadm -D -t 192.0.2.1:80");
    }

    #[test]
    fn our_options_stand_first() {
        let take = |line: &str| Own::take(line.split(' ').map(str::to_owned).collect());
        let (own, rest) = take("--record -m why -a -t x -m").unwrap();
        assert_eq!(own.message.as_deref(), Some("why"));
        assert!(own.record && !own.atomic);
        assert_eq!(rest, ["-a", "-t", "x", "-m"]);
        let (own, rest) = take("-m --record").unwrap();
        assert_eq!((own, rest.len()), (Own::default(), 2));
        assert!(take("--record -m").is_err());
        let (own, rest) = take("--record --confirm 300 -A -t x").unwrap();
        assert_eq!(own.confirm.map(Grace::seconds), Some(300));
        assert_eq!(rest, ["-A", "-t", "x"]);
        assert!(take("--record --confirm -A").is_err());
    }

    #[test]
    fn words_behind_the_verb_are_left_alone() {
        for (line, theirs) in [
            ("ipvsh ipvsadm -A -t x --json", Some("-A -t x --json")),
            ("ipvsh -v --db d ipvsadm -v", Some("-v")),
            ("ipvsh --db=d ipvsadm", Some("")),
            ("ipvsh export --format ipvsadm", None),
            ("ipvsh --db ipvsadm status", None),
        ] {
            let words = line.split(' ').map(OsString::from).collect();
            let (_, found) = split(words);
            assert_eq!(
                found.map(|words| words.join(" ")).as_deref(),
                theirs,
                "{line}"
            );
        }
    }
}
