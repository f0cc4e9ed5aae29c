//! `ipvsh import FILE`.

use std::path::Path;

use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::origin::origin;
use crate::api::files;
use crate::director::Import;
use crate::error::Result;
use crate::format::{self, Format};
use crate::model::Ruleset;
use crate::script::{self, Source};

/// Commit a ruleset from a file: JSON, an exported script, or lines of ipvsadm and iptables
///
/// The file is what `ipvsh export`, `ipvsadm -S` or `iptables-save` printed, or a shell script of
/// such commands; its content tells which. Of a shell script each command is read as it stands:
/// those that are not about rules are ignored, with a note, and what only a shell could work out
/// (variables, conditions, loops) is refused. Nothing is changed where anything is wrong.
///
/// What the file holds is merged with what is there: its services, servers, marks, timeouts and
/// daemons are set as they stand in it, and nothing else is touched, not even a server that the
/// file does not list for a service of its own. `--replace` also removes what is ours and not in
/// the file.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file, or `-` for standard input
    file: String,
    /// json, rhai or ipvsadm [default: as the content tells]
    #[arg(long, value_name = "FORMAT", value_parser = Format::parse)]
    format: Option<Format>,
    /// Remove what is ours and not in the file
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
    let source = source(&args.file)?;
    let rules = read(context, &source, args.format)?;
    let import = Import {
        name: match args.file.as_str() {
            "-" => "standard input".to_owned(),
            path => path.to_owned(),
        },
        replace: args.replace,
        only: args.only.clone(),
    };
    let mut director = context.director()?.with_origin(origin(Some(&source)));
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

fn read(context: &Context, source: &Source, format: Option<Format>) -> Result<Ruleset> {
    let Source { name, text, .. } = source;
    let format = format
        .or_else(|| Format::of_text(text))
        .or_else(|| Format::of_path(name));
    if format == Some(Format::Rhai) {
        return script::ruleset(source);
    }
    let reading = format::read(format, name, text)?;
    for note in &reading.notes {
        context.out.note(note);
    }
    Ok(reading.rules)
}
