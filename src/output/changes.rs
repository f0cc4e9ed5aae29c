//! Changes in our notation: `+`, `-`, `~`, grouped by object; and the sentence after them.

use super::paint::{Paint, Style, clean};
use crate::director::{Outcome, Report};
use crate::plan::{Action, Change, lines};

fn style(action: Action) -> Style {
    match action {
        Action::Add => Style::Added,
        Action::Remove => Style::Removed,
        Action::Change => Style::Changed,
    }
}

/// The changes, each object's below its name; empty where there are none.
pub fn changes(changes: &[Change], paint: Paint) -> String {
    lines(changes)
        .map(|line| {
            let style = line.action.map_or(Style::Strong, style);
            let text = paint.paint(style, &clean(&line.text));
            format!("{:1$}{text}\n", "", line.indent)
        })
        .collect()
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
