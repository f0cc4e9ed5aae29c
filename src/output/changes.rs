//! Changes in our notation: `+`, `-`, `~`, grouped by object; and the sentence after them.

use std::fmt::Write;
use std::io;

use super::paint::{Paint, Style};
use crate::director::{Outcome, Report};
use crate::plan::{Action, Change, Line, lines};

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
    for line in lines(changes) {
        push(&mut text, &line, paint);
    }
    text
}

/// Writes the same, so much at once that a long text is never there as a whole.
///
/// # Errors
/// As the writer fails.
pub fn write_changes(
    changes: &[Change],
    paint: Paint,
    at_once: usize,
    out: &mut impl io::Write,
) -> io::Result<()> {
    let mut text = String::new();
    for line in lines(changes) {
        push(&mut text, &line, paint);
        if text.len() >= at_once {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn push(text: &mut String, line: &Line, paint: Paint) {
    let style = line.action.map_or(Style::Strong, style);
    text.extend(std::iter::repeat_n(' ', line.indent));
    paint.push(text, style, |text| {
        // A String takes everything.
        let _ = write!(text, "{line}");
    });
    text.push('\n');
}

/// From how many changes on a plan ends in a summary of them.
const MANY: usize = 20;

/// How many changes of each kind a long plan has; empty for a short one.
pub fn summary(changes: &[Change]) -> String {
    if changes.len() <= MANY {
        return String::new();
    }
    let number = |wanted| {
        changes
            .iter()
            .filter(|change| change.action == wanted)
            .count()
    };
    let kinds = [
        (Action::Add, "added"),
        (Action::Change, "changed"),
        (Action::Remove, "removed"),
    ];
    let kinds = kinds.map(|(action, word)| (number(action), word));
    let some = kinds.iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = some
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!("in all: {}\n", words.join(", "))
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

    use crate::model::{
        Family, Forwarding, RealServer, Scheduler, ServiceKey, ServiceOptions, SettingKey,
        SettingKind, TimeoutKind,
    };
    use crate::plan::{Detail, Object, Part};

    fn service(last: u8) -> Object {
        Object::Service(ServiceKey::parse(&format!("tcp 192.0.2.{last}:80")).unwrap())
    }

    fn server(object: Object, action: Action) -> Change {
        let key = crate::model::ServerKey {
            addr: [10, 0, 0, 1].into(),
            port: 80,
        };
        let options = RealServer {
            forward: Forwarding::Masq,
            ..RealServer::default()
        };
        Change {
            action,
            object,
            part: Some(Part::Server(key)),
            detail: Detail::of_server(options),
        }
    }

    fn option(object: Object, part: Part, detail: &str) -> Change {
        Change {
            action: Action::Change,
            object,
            part: Some(part),
            detail: Detail::text(detail),
        }
    }

    fn all() -> [Change; 5] {
        let options = ServiceOptions {
            scheduler: Scheduler::parse("rr").unwrap(),
            ..ServiceOptions::defaults(Family::Ipv4)
        };
        [
            Change {
                action: Action::Add,
                object: service(1),
                part: None,
                detail: Detail::of_service(Family::Ipv4, &options),
            },
            server(service(1), Action::Add),
            option(service(2), Part::Option("scheduler"), "wlc -> rr"),
            server(service(2), Action::Remove),
            option(
                Object::Settings(SettingKind::Timeout),
                Part::Setting(SettingKey::Timeout(TimeoutKind::Tcp)),
                "900 -> 600",
            ),
        ]
    }

    #[test]
    fn parts_stand_below_their_object() {
        assert_eq!(
            changes(&all(), Paint::new(false)),
            "+ tcp 192.0.2.1:80  rr\n  \
               + server 10.0.0.1:80  masq weight 1\n\
             tcp 192.0.2.2:80\n  \
               ~ scheduler wlc -> rr\n  \
               - server 10.0.0.1:80  masq weight 1\n\
             timeouts\n  \
               ~ tcp 900 -> 600\n"
        );
    }

    #[test]
    fn what_is_written_in_portions_is_the_same() {
        for (paint, at_once) in [(false, 1), (true, 50), (true, 10_000)] {
            let mut out = Vec::new();
            write_changes(&all(), Paint::new(paint), at_once, &mut out).unwrap();
            let whole = changes(&all(), Paint::new(paint));
            assert_eq!(String::from_utf8(out).unwrap(), whole);
        }
    }

    #[test]
    fn a_long_plan_ends_in_a_summary() {
        assert_eq!(summary(&all()), "");
        let many: Vec<Change> = std::iter::repeat_n(all(), 5).flatten().collect();
        assert_eq!(summary(&many), "in all: 10 added, 10 changed, 5 removed\n");
    }

    #[test]
    fn words_of_others_do_no_harm() {
        let words = [option(service(1), Part::Stray, "a\x1b[31m\nb")];
        assert_eq!(
            changes(&words, Paint::new(true)),
            "\x1b[1mtcp 192.0.2.1:80\x1b[0m\n  \x1b[33m~ rule a\u{fffd}[31m b\x1b[0m\n"
        );
    }
}
