//! Changes in our notation: `+`, `-`, `~`, grouped by object; and the sentence after them.

use super::paint::{Paint, Style, clean};
use crate::director::{Outcome, Report};
use crate::plan::{Action, Change};

fn style(action: Action) -> Style {
    match action {
        Action::Add => Style::Added,
        Action::Remove => Style::Removed,
        Action::Change => Style::Changed,
    }
}

/// The changes, each object's below its name; empty where there are none.
pub fn changes(changes: &[Change], paint: Paint) -> String {
    let mut text = String::new();
    let mut under: Option<&str> = None;
    for change in changes {
        let sign = change.action.sign();
        let object = clean(&change.object);
        let detail = clean(&change.detail);
        match &change.part {
            None => {
                let line = join(&format!("{sign} {object}"), "  ", &detail);
                text += &paint.paint(style(change.action), &line);
            }
            Some(part) => {
                if under != Some(change.object.as_str()) {
                    text += &paint.paint(Style::Strong, &object);
                    text.push('\n');
                }
                // A named part stands apart from what is said of it, a field beside its value.
                let gap = if part.contains(' ') { "  " } else { " " };
                let line = join(&format!("{sign} {}", clean(part)), gap, &detail);
                text += &format!("  {}", paint.paint(style(change.action), &line));
            }
        }
        text.push('\n');
        under = Some(change.object.as_str());
    }
    text
}

fn join(head: &str, gap: &str, detail: &str) -> String {
    match detail.is_empty() {
        true => head.to_owned(),
        false => format!("{head}{gap}{detail}"),
    }
}

/// The sentence that ends a change; a dry one did nothing, whatever its simulator recorded.
pub fn report(report: &Report, dry: bool) -> String {
    match (&report.outcome, dry) {
        (Outcome::Unchanged, _) | (_, false) => report.sentence(),
        (_, true) => Report {
            outcome: Outcome::Planned,
            ..report.clone()
        }
        .sentence(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: Action, object: &str, part: Option<&str>, detail: &str) -> Change {
        Change {
            action,
            object: object.to_owned(),
            part: part.map(str::to_owned),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn parts_stand_below_their_object() {
        let all = [
            change(Action::Add, "tcp 192.0.2.1:80", None, "rr"),
            change(
                Action::Add,
                "tcp 192.0.2.1:80",
                Some("server 10.0.0.1:80"),
                "masq weight 1",
            ),
            change(
                Action::Change,
                "tcp 192.0.2.2:80",
                Some("scheduler"),
                "wlc -> rr",
            ),
            change(
                Action::Remove,
                "tcp 192.0.2.2:80",
                Some("server 10.0.0.1:80"),
                "masq weight 1",
            ),
            change(Action::Change, "timeouts", Some("tcp"), "900 -> 600"),
        ];
        assert_eq!(
            changes(&all, Paint::new(false)),
            "+ tcp 192.0.2.1:80  rr\n  \
               + server 10.0.0.1:80  masq weight 1\n\
             tcp 192.0.2.2:80\n  \
               ~ scheduler wlc -> rr\n  \
               - server 10.0.0.1:80  masq weight 1\n\
             timeouts\n  \
               ~ tcp 900 -> 600\n"
        );
    }
}
