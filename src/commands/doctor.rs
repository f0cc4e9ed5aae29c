//! `ipvsh doctor [RULE...]`.

use clap::Args;

use super::args::{ChangeArgs, DIFFERENT};
use super::context::{Context, is_terminal};
use super::run;
use crate::director::Report;
use crate::doctor::{Diagnosis, RULES, Repair, selected};
use crate::error::{Error, Kind, Result};
use crate::output;
use crate::script::Source;

/// What is misconfigured on this host, why it matters, and what ends it
///
/// Looks at what the kernel and the head hold, and at this host: forwarding, addresses, routes, kernel
/// settings, other programs. A finding is told with its fix; a rule that could not look is named.
#[derive(Debug, Args)]
#[command(after_help = rules())]
pub(super) struct DoctorArgs {
    /// Only these rules
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// Only the rules that read little, as `ipvsh status` does
    #[arg(long, conflicts_with = "rules")]
    quick: bool,
    /// Commit the fixes that are safe, after one question; of named rules every fix that is a script
    #[arg(long)]
    fix: bool,
    /// Exit with status 10 where there are findings
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The table of rules, as the help of the verb has it.
fn rules() -> String {
    let rules = RULES.iter().map(|rule| (rule.id, rule.title));
    let lines: Vec<(&str, &str)> = rules.collect();
    format!("Rules:\n{}", output::lines_to_type(&lines).trim_end())
}

/// Runs `ipvsh doctor`.
pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<u8> {
    if args.change.is_given() && !args.fix {
        return Err(Error::new(Kind::Usage, "options of a change go with --fix")
            .hint("like: ipvsh doctor --fix --plan"));
    }
    let rules = selected(&args.rules, args.quick)?;
    let diagnosis = context.director()?.diagnose(&rules)?;
    if !args.fix {
        tell(context, &diagnosis, !args.rules.is_empty());
        return Ok(status(args, &diagnosis, diagnosis.findings.len()));
    }
    let repair = diagnosis.repair(!args.rules.is_empty());
    let left = match args.change.plan {
        true => diagnosis.findings.len(),
        false => repair.left.len(),
    };
    Ok(match fix(context, args, &repair)? {
        0 => status(args, &diagnosis, left),
        failed => failed,
    })
}

/// The exit status where so many findings stand.
fn status(args: &DoctorArgs, diagnosis: &Diagnosis, findings: usize) -> u8 {
    match (args.exit_code, findings, &diagnosis.unread) {
        (false, ..) => 0,
        // Without the kernel, "no findings" is no answer.
        (true, 0, Some(error)) => error.kind().exit_status(),
        (true, 0, None) if diagnosis.looked.is_empty() => Kind::State.exit_status(),
        (true, 0, None) => 0,
        (true, ..) => DIFFERENT,
    }
}

/// Prints a diagnosis: its findings to standard output, words about them to standard error.
fn tell(context: &Context, diagnosis: &Diagnosis, in_full: bool) {
    let out = &context.out;
    if out.json {
        out.print_json(&output::diagnosis_json(diagnosis));
        return;
    }
    if !diagnosis.findings.is_empty() {
        out.print(&output::diagnosis(diagnosis, out.paint, in_full));
    }
    for note in output::not_looked(diagnosis) {
        out.note(&note);
    }
    let sentence = output::diagnosis_sentence(diagnosis);
    match diagnosis.findings.is_empty() {
        true => out.sentence(&sentence),
        false => out.say(&sentence),
    }
}

/// Commits what a script ends, after a question; names what stays.
fn fix(context: &Context, args: &DoctorArgs, repair: &Repair) -> Result<u8> {
    let out = &context.out;
    let status = match repair.code.as_str() {
        "" => {
            match out.json {
                true => out.report(&Report::unchanged(), false),
                false => out.sentence("no finding that --fix ends"),
            }
            0
        }
        code => commit(context, args, (code, &repair.message()))?,
    };
    for finding in &repair.left {
        out.note(&output::left_to_fix(finding));
    }
    Ok(status)
}

fn commit(context: &Context, args: &DoctorArgs, (code, message): (&str, &str)) -> Result<u8> {
    let source = Source::inline(code);
    let change = args.change.with_message(message);
    let script = |change: &ChangeArgs| run::script(context, &source, Vec::new(), change, false);
    if change.plan || change.yes {
        return script(&change);
    }
    if !context.out.json {
        let planned = script(&change.planning())?;
        if planned != 0 {
            return Ok(planned);
        }
    }
    if !is_terminal() {
        let rules: String = args.rules.iter().map(|rule| format!("{rule} ")).collect();
        return Err(Error::new(
            Kind::State,
            "standard input is no terminal, so that nothing can ask",
        )
        .attempt("not committed")
        .hint(format!(
            "to commit without a question: ipvsh doctor {rules}--fix -y"
        )));
    }
    match context.ask("Commit this?") {
        true => script(&change),
        false => {
            context.declined();
            Ok(1)
        }
    }
}
