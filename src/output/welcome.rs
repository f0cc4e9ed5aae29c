//! What a prompt says before its first line: lines to type, each with what it does.

use super::columns;
use crate::api::help::wrap;

/// How far an explanation stands in, where it has a line of its own.
const INDENT: usize = 4;

/// Lines to type with what they do: beside each other where the terminal is wide enough, else
/// below each other.
pub fn lines_to_type(lines: &[(&str, &str)]) -> String {
    within(lines, columns().map_or(80, usize::from))
}

fn within(lines: &[(&str, &str)], width: usize) -> String {
    let long = |text: &str| text.chars().count();
    let typed = lines.iter().map(|(line, _)| long(line)).max().unwrap_or(0);
    let is_wide = lines
        .iter()
        .all(|(_, what)| 2 + typed + 2 + long(what) <= width);
    let shown = lines.iter().map(|(line, what)| match is_wide {
        true => format!("  {line:typed$}  {what}\n"),
        false => {
            let what = wrap(what, width.saturating_sub(INDENT));
            let what = what.iter().map(|line| format!("{:INDENT$}{line}\n", ""));
            format!("  {line}\n{}", what.collect::<String>())
        }
    });
    shown.collect()
}

/// Breaks a sentence into lines of a terminal.
pub fn paragraph(text: &str) -> String {
    wrap(text, columns().map_or(80, usize::from)).join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [(&str, &str); 2] = [("top", "live rates"), ("?server", "a word explained")];

    #[test]
    fn a_narrow_terminal_has_the_explanation_below() {
        assert_eq!(
            within(&LINES, 80),
            "  top      live rates\n  ?server  a word explained\n"
        );
        assert_eq!(
            within(&LINES, 20),
            "  top\n    live rates\n  ?server\n    a word explained\n"
        );
        assert_eq!(wrap("a word explained", 8), ["a word", "explained"]);
    }
}
