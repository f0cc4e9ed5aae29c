//! `ipvsh prune`.

use chrono::TimeDelta;
use clap::Args;

use super::context::{Context, is_terminal};
use crate::director::Retention;
use crate::error::{Error, Result};
use crate::model::snapshot::ranges;
use crate::output::{self, Effect};

/// Remove old snapshots for good and give their room back; never the head or what has a tag
///
/// With both --keep and --older-than a snapshot goes only where both say so.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Keep the newest so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Remove only what is older: 30d, 12h (w, d, h, m, s)
    #[arg(long, value_name = "AGE", value_parser = parse_age, required_unless_present = "keep")]
    older_than: Option<TimeDelta>,
    /// Only print what would be removed
    #[arg(long)]
    plan: bool,
    /// Answer yes where a terminal would ask
    #[arg(short, long)]
    yes: bool,
}

fn parse_age(text: &str) -> Result<TimeDelta> {
    let wrong = || {
        Error::invalid(format!("\"{text}\" is not an age"))
            .hint("an age is a number and a unit: 30d, 12h (w, d, h, m, s)")
    };
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number: i64 = text
        .strip_suffix(unit)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(wrong)?;
    let age = match unit {
        'w' => TimeDelta::try_weeks(number),
        'd' => TimeDelta::try_days(number),
        'h' => TimeDelta::try_hours(number),
        'm' => TimeDelta::try_minutes(number),
        's' => TimeDelta::try_seconds(number),
        _ => None,
    };
    age.ok_or_else(wrong)
}

/// Runs `ipvsh prune`.
pub(super) fn run(context: &Context, args: &PruneArgs) -> Result<u8> {
    let mut director = context.director()?;
    let which = Retention {
        keep: args
            .keep
            .map(|keep| usize::try_from(keep).unwrap_or(usize::MAX)),
        older_than: args.older_than,
    };
    let out = &context.out;
    let mut is_asked = false;
    if !args.plan && !args.yes && is_terminal() {
        let planned = director.prune(&which, true)?;
        out.say(output::pruned(&planned, true).trim_end());
        if !planned.removed.is_empty() && !context.ask("Remove them for good?") {
            out.say("nothing changed");
            return Ok(1);
        }
        is_asked = !planned.removed.is_empty();
    }
    let pruned = director.prune(&which, args.plan)?;
    if !args.plan && !pruned.removed.is_empty() {
        let removed = ranges(pruned.removed.iter().copied());
        output::did(Effect::Other(format!("snapshots removed: {removed}")));
    }
    if out.json {
        // It holds the notes too.
        out.print_json(&output::forms::pruned(&pruned));
        return Ok(0);
    }
    match is_asked {
        // What the question was about is on the screen already.
        true => out.print(&output::pruned_as_planned(&pruned)),
        false => out.print(&output::pruned(&pruned, args.plan)),
    }
    pruned.notes.iter().for_each(|note| out.note(note));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(parse_age("2w").unwrap(), TimeDelta::days(14));
        assert_eq!(parse_age("90m").unwrap(), TimeDelta::minutes(90));
        for bad in [
            "",
            "d",
            "30",
            "-1d",
            "1y",
            "1 d",
            "99999999999999999w",
            "1é",
        ] {
            assert!(parse_age(bad).is_err(), "{bad:?}");
        }
    }
}
