//! `ipvsh ipvsadm`, and the program called by one of ipvsadm's names.

use std::ffi::OsString;

use clap::Args;

use super::context::Context;
use crate::error::{Error, Kind, Result};
use crate::ipvsadm::{self, Program};

const NAME: &str = "ipvsadm";

/// Options before the verb that take a value as their next word.
const VALUED: [&str; 2] = ["--db", "--color"];

/// A drop-in for ipvsadm: its options, its output, its exit statuses
///
/// It acts on the kernel at once and records nothing: `ipvsh plan` shows what it changed,
/// `ipvsh adopt` takes it over. The binary does the same when it is called ipvsadm, ipvsadm-save
/// or ipvsadm-restore. `ipvsh ipvsadm -h` lists the options.
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

/// Runs `ipvsh ipvsadm`.
pub(super) fn run(context: &Context, words: Vec<String>) -> Result<u8> {
    if context.is_sim() {
        return Err(Error::new(
            Kind::Usage,
            "ipvsadm works on the kernel, not on the simulated one",
        )
        .hint("read its lines into the simulator: ipvsh --sim import FILE"));
    }
    Ok(ipvsadm::run(Program::Ipvsadm, NAME, words))
}

/// Does what ipvsadm does where the program was called by its name.
pub(super) fn stand_in() -> Option<u8> {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let name = words.next()?;
    Program::named(&name).map(|program| ipvsadm::run(program, &name, words.collect()))
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
