//! Errors as text: what, where in the script, what to do, what is left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_width::UnicodeWidthChar;

use super::invocation::with_globals;
use super::paint::{Paint, Style, clean};
use crate::error::{Error, Place};

/// An error as lines, with a newline at the end; others that were found beside it follow, and a
/// hint that one of them had is not repeated. `width` is the terminal's, where it is one.
pub fn error(failure: &Error, paint: Paint, width: Option<u16>) -> String {
    let mut told = BTreeSet::new();
    let others = failure.others().iter();
    let all = std::iter::once(failure).chain(others);
    all.map(|each| one(each, paint, width, &mut told)).collect()
}

fn one(error: &Error, paint: Paint, width: Option<u16>, told: &mut BTreeSet<String>) -> String {
    let word = paint.paint(Style::Removed, "Error:");
    let mut text = format!("{word} {}\n", clean(&abridged(error.to_string())));
    if let Some(place) = error.place() {
        text += &position(place, paint, width);
    }
    for hint in error.hints() {
        if !told.insert(hint.clone()) {
            continue;
        }
        let hint = clean(&with_globals(hint));
        text += &format!("{} {hint}\n", paint.paint(Style::Changed, "Hint:"));
    }
    for line in error.leftovers() {
        text += &format!("  {}\n", clean(&with_globals(line)));
    }
    text
}

/// The fewest cells that a line is broken to.
const NARROW: usize = 10;

/// The longest line that is shown whole, in characters: a script made by a program may have one of
/// megabytes.
const LONGEST: usize = 400;

/// How many characters of a longer line are shown before the column, and from it on.
const AROUND: usize = 60;

/// What stands for the rest of a line, or of a message.
const REST: &str = "...";

/// The longest message that is shown whole, in characters: it may quote a value of megabytes.
const MESSAGE: usize = 4_000;

/// How many characters of a longer message are shown, of its beginning and of its end.
const ENDS: (usize, usize) = (1_000, 200);

/// The message as it is, or its beginning and its end, where it is too long to be shown.
fn abridged(message: String) -> String {
    let length = message.chars().count();
    if length <= MESSAGE {
        return message;
    }
    let (first, last) = ENDS;
    let begin: String = message.chars().take(first).collect();
    let end: String = message.chars().skip(length - last).collect();
    format!("{begin}{REST}{end}")
}

/// The line as it is, or what is around the column in a line that is too long to be shown.
fn shortened(place: &Place) -> Cow<'_, Place> {
    if place.source.chars().nth(LONGEST).is_none() {
        return Cow::Borrowed(place);
    }
    let start = place.column.saturating_sub(AROUND + 1);
    let mut rest = place.source.chars().skip(start);
    let shown: String = rest.by_ref().take(2 * AROUND).collect();
    let before = if start > 0 { REST } else { "" };
    let after = if rest.next().is_some() { REST } else { "" };
    let column = match place.column {
        0 => 0,
        column => column - start + before.len(),
    };
    Cow::Owned(Place {
        column,
        source: format!("{before}{shown}{after}"),
        ..place.clone()
    })
}

/// `  --> file:line:column`, the line, and a caret below the column. On a terminal that is too
/// narrow for the line, the caret stands below the row that holds the column.
fn position(place: &Place, paint: Paint, width: Option<u16>) -> String {
    let arrow = paint.paint(Style::Faint, "-->");
    let column = match place.column {
        0 => String::new(),
        column => format!(":{column}"),
    };
    let mut text = format!("  {arrow} {}:{}{column}\n", clean(&place.file), place.line);
    let place = &*shortened(place);
    if place.source.trim().is_empty() {
        return text;
    }
    let number = place.line.to_string();
    let bar = paint.paint(Style::Faint, "|");
    // The number, and the bar with its blanks.
    let room = width.map(|width| usize::from(width).saturating_sub(number.len() + 3));
    let room = room.filter(|room| *room > NARROW).unwrap_or(usize::MAX);
    let indent = " ".repeat(number.len());
    for (index, row) in rows(place, room).iter().enumerate() {
        let margin = if index == 0 { &number } else { &indent };
        text += &format!("{margin} {bar} {}\n", underlined(row, paint));
        if row.column > 0 {
            let caret = paint.paint(Style::Removed, "^");
            let before = row.source.chars().take(row.column - 1);
            let before: usize = before.filter_map(UnicodeWidthChar::width).sum();
            let before = " ".repeat(before);
            text += &format!("{indent} {bar} {before}{caret}\n");
        }
    }
    text
}

/// The rows that a line takes on a terminal, by its cells; the one that holds the column has it.
fn rows(place: &Place, room: usize) -> Vec<Place> {
    let mut rows = Vec::new();
    let row = |source: &str, column: usize| Place {
        source: source.to_owned(),
        column,
        ..place.clone()
    };
    let mut held = String::new();
    let (mut cells, mut begins) = (0, 1);
    let source = clean(&place.source);
    for (index, letter) in source.chars().enumerate() {
        let wide = letter.width().unwrap_or(0);
        if cells + wide > room {
            let column = place.column.saturating_sub(begins - 1);
            let is_here = (begins..=index).contains(&place.column);
            rows.push(row(&held, if is_here { column } else { 0 }));
            (held, cells, begins) = (String::new(), 0, index + 1);
        }
        held.push(letter);
        cells += wide;
    }
    let column = match place.column >= begins {
        true => place.column - begins + 1,
        false => 0,
    };
    rows.push(row(&held, column));
    rows
}

/// The line with the word at the column underlined, where there are colours.
fn underlined(place: &Place, paint: Paint) -> String {
    let line = clean(&place.source);
    let Some(start) = place.column.checked_sub(1) else {
        return line;
    };
    let at = |index| {
        line.char_indices()
            .nth(index)
            .map_or(line.len(), |(at, _)| at)
    };
    let (before, rest) = line.split_at(at(start));
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let length = match rest.chars().next() {
        Some('"') => rest
            .get(1..)
            .and_then(|text| text.find('"'))
            .map_or(1, |end| end + 2),
        Some(c) if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
        Some(c) => c.len_utf8(),
        None => return line,
    };
    let (word, after) = rest.split_at(length);
    format!("{before}{}{after}", paint.paint(Style::Wrong, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn hints_of_several_are_told_once() {
        let failure = Error::invalid("a").hint("see c").beside([
            Error::invalid("b").hint("see c").hint("see d"),
            Error::invalid("e"),
        ]);
        assert_eq!(
            error(&failure, Paint::new(false), None),
            "Error: a\nHint: see c\nError: b\nHint: see d\nError: e\n"
        );
    }

    #[test]
    fn an_error_points_at_its_place() {
        let place = Place {
            file: "web.rhai".to_owned(),
            line: 12,
            column: 5,
            source: "let a = x;".to_owned(),
        };
        let failure = Error::new(Kind::Refused, "no such scheduler")
            .object("virtual service tcp 192.0.2.1:80")
            .attempt("cannot add")
            .hint("did you mean \"rr\"?")
            .leftover("ipvsadm -D -t 192.0.2.1:80")
            .at(place);
        assert_eq!(
            error(&failure, Paint::new(false), None),
            "Error: virtual service tcp 192.0.2.1:80: cannot add: no such scheduler\n  \
               --> web.rhai:12:5\n\
             12 | let a = x;\n   \
                |     ^\n\
             Hint: did you mean \"rr\"?\n  \
               ipvsadm -D -t 192.0.2.1:80\n"
        );
    }

    #[test]
    fn the_caret_counts_cells_and_wraps_with_its_line() {
        let of = |source: &str, column, width| {
            let place = Place {
                file: "x".to_owned(),
                line: 7,
                column,
                source: source.to_owned(),
            };
            position(&place, Paint::new(false), width)
        };
        assert_eq!(
            of("print(\"服务\"); tpc(1);", 14, None),
            "  --> x:7:14\n7 | print(\"服务\"); tpc(1);\n  |                ^\n"
        );
        assert_eq!(
            of("let a = 12345; tpc(1); let b = 1;", 16, Some(24)),
            "  --> x:7:16\n7 | let a = 12345; tpc(1\n  |                ^\n  | ); let b = 1;\n"
        );
        assert_eq!(
            of("let a = 12345; let b; tpc(1)", 23, Some(24)),
            "  --> x:7:23\n7 | let a = 12345; let b\n  | ; tpc(1)\n  |   ^\n"
        );
        // A wide sign is not cut in two.
        assert_eq!(
            of("\"服务服务服务服务服务\" x", 14, Some(24)),
            "  --> x:7:14\n7 | \"服务服务服务服务服\n  | 务\" x\n  |     ^\n"
        );
    }

    #[test]
    fn a_line_of_megabytes_is_shown_around_the_column() {
        let of = |column, source: &str, width| {
            let place = Place {
                file: "x".to_owned(),
                line: 7,
                column,
                source: source.to_owned(),
            };
            position(&place, Paint::new(false), width)
        };
        let long = format!("{}tpc(1);{}", "é".repeat(60_000), "y".repeat(1_000_000));
        let (before, after) = ("é".repeat(60), "y".repeat(53));
        let caret = " ".repeat(63);
        assert_eq!(
            of(60_001, &long, None),
            format!("  --> x:7:60001\n7 | ...{before}tpc(1);{after}...\n  | {caret}^\n")
        );
        // At both ends of the line, and where only the line is known.
        let long = format!("tpc({}", "9".repeat(1_000));
        let shown = format!("tpc({}...", "9".repeat(116));
        assert_eq!(
            of(1, &long, None),
            format!("  --> x:7:1\n7 | {shown}\n  | ^\n")
        );
        assert_eq!(of(0, &long, None), format!("  --> x:7\n7 | {shown}\n"));
        let end = format!("...{}", "9".repeat(60));
        assert_eq!(
            of(1_005, &long, None),
            format!("  --> x:7:1005\n7 | {end}\n  | {caret}^\n")
        );
        // On a narrow terminal what is shown is broken as ever.
        let narrow = of(60_001, &long, Some(40));
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 40),
            "{narrow}"
        );
    }

    #[test]
    fn a_message_of_megabytes_is_shown_at_its_ends() {
        let value = "x".repeat(1_000_000);
        let failure = Error::invalid(format!("\"{value}\" is not an IP address")).object(&value);
        let shown = error(&failure, Paint::new(false), None);
        assert!(shown.starts_with("Error: xxx"), "{shown}");
        assert!(shown.ends_with("xxx\" is not an IP address\n"), "{shown}");
        assert!(shown.len() < 1_500, "{shown}");
        let whole = "x ".repeat(2_000);
        let shown = error(&Error::invalid(&whole), Paint::new(false), None);
        assert_eq!(shown, format!("Error: {whole}\n"));
    }

    #[test]
    fn the_word_at_fault_is_underlined_where_there_are_colours() {
        let of = |source: &str, column| {
            let place = Place {
                file: "x".to_owned(),
                line: 1,
                column,
                source: source.to_owned(),
            };
            underlined(&place, Paint::new(true))
                .replace("\x1b[4;31m", "<")
                .replace("\x1b[0m", ">")
        };
        assert_eq!(of("é = tpc(1)", 5), "é = <tpc>(1)");
        assert_eq!(of("a(\"b c\")", 3), "a(<\"b c\">)");
        assert_eq!(of("a;", 2), "a<;>");
        assert_eq!(of("a", 2), "a");
        assert_eq!(of("a", 0), "a");
    }
}
