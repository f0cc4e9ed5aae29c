//! `ipvsh import FILE`.

use std::path::Path;

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use crate::api::files;
use crate::director::{Import, together};
use crate::error::Result;
use crate::format::{self, Format, Reading};
use crate::script::{self, Source};

/// Commit a ruleset from files: JSON, an exported script, or lines of ipvsadm and iptables
///
/// A file is what `ipvsh export`, `ipvsadm -S` or `iptables-save` printed, a shell script of
/// such commands, or the settings of ipvsadm's own start script (/etc/default/ipvsadm,
/// /etc/sysconfig/ipvsadm-config); its content tells which. A shell script is not run: variables
/// with plain values are put in, of `case "$1"` the branch `start)` is read, and commands that are
/// known to make no rules are ignored, with a note. What only a shell could work out (conditions,
/// loops), what is not understood, and rules of iptables that no mark rule of ours can say are
/// refused. Of settings the sync daemons are taken, and what has no meaning here is said. Several
/// files are one commit, like
/// `ipvsh import /etc/ipvsadm.rules /etc/default/ipvsadm`. Nothing is changed where anything is
/// wrong.
///
/// What the files hold is merged with what is there: its services, servers, marks, timeouts and
/// daemons are set as they stand in it, and nothing else is touched, not even a server that a
/// file does not list for a service of its own. `--replace` also removes what is ours and in none
/// of the files.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// json, rhai or ipvsadm [default: as the content tells]
    #[arg(long, value_name = "FORMAT", value_parser = Format::parse)]
    format: Option<Format>,
    /// Remove what is ours and in none of the files
    #[arg(long)]
    replace: bool,
    /// Look at this object only, like `tcp 192.0.2.10:80` or `timeouts`; may be repeated
    #[arg(long, value_name = "OBJECT")]
    only: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs `ipvsh import`.
pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<u8> {
    let mut sources = Vec::new();
    for file in &args.files {
        sources.push(source(file)?);
    }
    let (mut has_rules, mut can_hold_host) = (false, true);
    let mut files = Vec::new();
    for source in &sources {
        let reading = read(context, source, args.format)?;
        has_rules |= reading.has_rules;
        can_hold_host &= reading.can_hold_host;
        files.push((source.name.clone(), reading.rules));
    }
    let names = args.files.iter().map(|file| match file.as_str() {
        "-" => "standard input",
        path => path,
    });
    let import = Import {
        name: names.collect::<Vec<_>>().join(", "),
        has_rules,
        can_hold_host,
        replace: args.replace,
        only: args.only.clone(),
    };
    let rules = together(&files)?;
    // Only one file can be the script that is recorded; the command line names them all.
    let script = match sources.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let mut director = context.director()?.with_origin(context.origin(script));
    let report = context.guarded(&args.change, |options| {
        director.import(&rules, &import, options)
    })?;
    context.out.report(&report, false);
    Ok(0)
}

fn source(file: &str) -> Result<Source> {
    let (name, text) = files::read_ruleset(file)?;
    // What cannot be found is recorded by no path; it was read all the same.
    let dir = match file {
        "-" => None,
        path => Path::new(path)
            .canonicalize()
            .ok()
            .and_then(|path| Some(path.parent()?.to_owned())),
    };
    Ok(Source {
        name: name.to_owned(),
        text,
        dir,
    })
}

fn read(context: &Context, source: &Source, format: Option<Format>) -> Result<Reading> {
    let Source { name, text, .. } = source;
    let format = format
        .or_else(|| Format::of_text(text))
        .or_else(|| Format::of_path(name));
    if format == Some(Format::Rhai) {
        return Ok(Reading {
            rules: script::ruleset(source)?,
            notes: Vec::new(),
            has_rules: true,
            can_hold_host: true,
        });
    }
    let reading = format::read(format, name, text)?;
    for note in &reading.notes {
        context.out.note(note);
    }
    Ok(reading)
}
