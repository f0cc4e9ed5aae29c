//! One screen: where things stand.

use chrono::{DateTime, Utc};

use super::changes::changes;
use super::count;
use super::invocation::{warning, with_globals};
use super::paint::{Paint, Style, clean};
use crate::director::{HealthSummary, Left, Status};
use crate::error::Error;
use crate::model::Family;
use crate::model::moment::local;
use crate::plan::Plan;

/// How many lines of what differs are shown.
const SHOWN: usize = 8;

/// What a status says beside the director's answer: about the host.
#[derive(Debug)]
pub struct Facts {
    /// The answer; or why the database cannot be read.
    pub status: Result<Status, Error>,
    /// The database's place.
    pub database: String,
    /// Its size in bytes, where it is there and can be read.
    pub bytes: Option<u64>,
    /// The link that makes boot restore, where there is one.
    pub boot_unit: Option<String>,
    /// A simulator, not the kernel.
    pub is_sim: bool,
    /// Now, for ages.
    pub now: DateTime<Utc>,
}

/// The screen.
pub fn status(facts: &Facts, paint: Paint) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    match &facts.status {
        Ok(status) => {
            health(&status.health, facts.now, paint, &mut lines);
            head(status, facts.now, &mut lines);
            kernel(status, facts.is_sim, paint, &mut lines);
            doctor(status.findings, paint, &mut lines);
        }
        // Why is an error of its own, told after the screen.
        Err(_) => lines.push(("head", paint.paint(Style::Removed, "cannot be read"))),
    }
    let size = match facts.bytes {
        Some(bytes) => human(bytes),
        None => "not there yet".to_owned(),
    };
    lines.push(("database", format!("{} ({size})", clean(&facts.database))));
    if !facts.is_sim {
        lines.push((
            "boot",
            match &facts.boot_unit {
                Some(unit) => format!("restored by {}", clean(unit)),
                None => "not restored: ipvsh-restore.service is not enabled".to_owned(),
            },
        ));
    }
    let mut text = String::new();
    for (name, value) in lines {
        let name = paint.paint(Style::Faint, &format!("{name:<9}"));
        text += &format!("{name} {value}\n");
    }
    let next = facts.status.as_ref().ok().and_then(Status::suggestion);
    if let Some((command, why)) = next {
        let command = paint.paint(Style::Strong, &with_globals(command));
        text += &format!("\n{command}    {}\n", with_globals(why));
    }
    text
}

/// What the checks say and who keeps servers out; the worst first.
fn health(
    health: &HealthSummary,
    now: DateTime<Utc>,
    paint: Paint,
    lines: &mut Vec<(&str, String)>,
) {
    if let Some(why) = &health.unreadable {
        let what = format!("the state of the checks cannot be read: {}", clean(why));
        lines.push(("health", paint.paint(Style::Removed, &what)));
        lines.push(("", "checked servers stay as the kernel has them".to_owned()));
    }
    if let Some(why) = &health.failure {
        let what = format!("the daemon cannot write what it finds out: {}", clean(why));
        lines.push(("health", paint.paint(Style::Removed, &what)));
    }
    if let Some(guard) = &health.guard {
        let many = count(guard.held, "real server");
        let what = format!(
            "on until {}: {many} would be down, and this host may be at fault (ipvsh unfreeze)",
            local(guard.until)
        );
        let what = with_globals(&what);
        lines.push(("guard", paint.paint(Style::Removed, &what)));
    }
    if health.unproven > 0 {
        let many = count(health.unproven, "real server");
        let what = format!("{many} by checks that have passed nowhere yet, and take nothing out");
        lines.push(("failing", paint.paint(Style::Removed, &what)));
    }
    if let Some((target, deviation)) = health.down.first() {
        let many = count(health.down.len(), "real server");
        let age = age((now - deviation.since).num_seconds());
        let longest = match health.down.len() {
            1 => "",
            _ => "; the longest",
        };
        let (server, service) = (target.server, target.service);
        let what = format!("{many}{longest}: {server} of {service}, since {age}");
        lines.push(("down", paint.paint(Style::Removed, &what)));
        lines.push(("", clean(&deviation.reason)));
    }
    if !health.waiting.is_empty() {
        let many = count(health.waiting.len(), "real server");
        lines.push((
            "waiting",
            format!("{many} for the first pass of the checks"),
        ));
    }
    for (key, maintenance) in &health.maintenance {
        let by = maintenance.by.as_ref();
        let by = by.map_or_else(String::new, |by| format!(", by {by}"));
        let since = maintenance.since;
        let since = since.map_or_else(String::new, |since| format!(", since {}", local(since)));
        let what = format!("{key} {}{since}{by}", maintenance.summary());
        lines.push(("upkeep", clean(&what)));
    }
    if health.checked > 0 {
        let checked = count(health.checked, "checked server");
        lines.push(match health.has_daemon() {
            true => ("daemon", format!("runs, {checked}")),
            false => {
                let what = format!("does not run: nothing watches over {checked}");
                ("daemon", paint.paint(Style::Changed, &what))
            }
        });
    }
}

fn head(status: &Status, now: DateTime<Utc>, lines: &mut Vec<(&str, String)>) {
    match &status.head {
        None => lines.push(("head", "no snapshots yet".to_owned())),
        Some(head) => {
            let tags = match head.tags.is_empty() {
                true => String::new(),
                false => format!(" ({})", head.tags.join(", ")),
            };
            lines.push((
                "head",
                clean(&format!("snapshot {}{tags}  {}", head.id, head.message)),
            ));
            let age = age((now - head.time).num_seconds());
            let author = clean(&head.author);
            lines.push(("", format!("by {author}, {} ({age})", local(head.time))));
        }
    }
    if let Some(awaiting) = &status.pending {
        let (to, what) = (
            awaiting.target(),
            match awaiting.left {
                Left::Seconds(_) => "awaits confirmation: rolls back",
                _ => "was not confirmed: is to be rolled back",
            },
        );
        let time = match awaiting.left {
            Left::Seconds(seconds) => format!(" in {seconds} s"),
            _ => String::new(),
        };
        lines.push(("pending", format!("{what} to {to}{time}")));
    }
    if let Some(unfinished) = &status.unfinished {
        lines.push(("warning", clean(&with_globals(unfinished))));
    }
}

fn kernel(status: &Status, is_sim: bool, paint: Paint, lines: &mut Vec<(&str, String)>) {
    let plan = match &status.drift {
        Ok(plan) => plan,
        Err(error) => {
            let why = clean(&error.to_string());
            lines.push((
                "kernel",
                paint.paint(Style::Removed, &format!("cannot be read: {why}")),
            ));
            let hints = error.hints().iter();
            lines.extend(hints.map(|hint| ("", clean(&with_globals(hint)))));
            return;
        }
    };
    let (services, servers) = status.live.unwrap_or_default();
    let what = if is_sim { "simulated, " } else { "" };
    lines.push((
        "kernel",
        format!(
            "{what}{}, {}",
            count(services, "virtual service"),
            count(servers, "real server")
        ),
    ));
    if status.head.is_some() {
        let (services, servers) = status.ours;
        lines.push((
            "ours",
            format!(
                "{}, {}",
                count(services, "virtual service"),
                count(servers, "real server")
            ),
        ));
        drift(status, plan, paint, lines);
    }
    if let Some(words) = plan.foreign.words() {
        lines.push(("foreign", format!("{words} not managed by ipvsh")));
    }
    for family in Family::ALL {
        if let crate::model::MarkSupport::Unavailable(why) = plan.target.marks(family) {
            lines.push(("marks", format!("{family}: not available: {}", clean(why))));
        }
    }
}

/// What the kernel lost of the head, or changed; the first lines of it, and what does not work.
fn drift(status: &Status, plan: &Plan, paint: Paint, lines: &mut Vec<(&str, String)>) {
    let differences = status.changed.len();
    lines.push((
        "drift",
        match differences {
            0 => "none: the kernel is as the head has it".to_owned(),
            some => paint.paint(
                Style::Changed,
                &format!(
                    "{}: what the kernel lost (-), changed (~) or has more (+)",
                    count(some, "difference")
                ),
            ),
        },
    ));
    let text = changes(&status.changed, paint);
    let all = text.lines().count();
    lines.extend(text.lines().take(SHOWN).map(|line| ("", line.to_owned())));
    if all > SHOWN {
        let more = format!("... {} more lines: ipvsh diff", all - SHOWN);
        lines.push(("", with_globals(&more).into_owned()));
    }
    lines.extend(plan.kept_words().map(|kept| ("", kept)));
    let warnings = status.warnings.iter().take(SHOWN);
    lines.extend(warnings.map(|note| ("note", clean(&warning(note)))));
    if status.warnings.len() > SHOWN {
        let more = format!("... {} more: ipvsh plan", status.warnings.len() - SHOWN);
        lines.push(("note", with_globals(&more).into_owned()));
    }
}

/// What the quick rules of the doctor find that is not on this screen.
fn doctor(findings: usize, paint: Paint, lines: &mut Vec<(&str, String)>) {
    if findings > 0 {
        let what = format!("{} (ipvsh doctor)", count(findings, "finding"));
        lines.push(("doctor", paint.paint(Style::Changed, &with_globals(&what))));
    }
}

/// `3 days ago`.
fn age(seconds: i64) -> String {
    let (number, noun) = match seconds {
        ..0 => return "in the future: the clock went back".to_owned(),
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural} ago")
}

/// `1.5 MiB`.
pub(super) fn human(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // shown with one digit
    let amount = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", amount / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", amount / 1_048_576.0),
        _ => format!("{:.1} GiB", amount / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_read_well() {
        assert_eq!(age(1), "1 second ago");
        assert_eq!(age(3 * 86_400), "3 days ago");
        assert_eq!(age(7200), "2 hours ago");
        assert_eq!(age(-5), "in the future: the clock went back");
        assert_eq!(human(512), "512 B");
        assert_eq!(human(1_572_864), "1.5 MiB");
    }
}
