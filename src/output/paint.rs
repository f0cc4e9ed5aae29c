//! Colours, from the terminal's own 16, and text that a terminal cannot be harmed by.

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Something new.
    Added,
    /// Something that goes.
    Removed,
    /// Something that changes.
    Changed,
    /// A heading, a word to find.
    Strong,
    /// What matters least.
    Faint,
    /// A word of the language.
    Keyword,
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// What does not belong where it is.
    Wrong,
    /// A bracket whose other half is at the cursor.
    Match,
}

impl Style {
    /// Its codes, as the terminal takes them (ECMA-48, SGR).
    pub fn code(self) -> &'static str {
        match self {
            Style::Added => "32",
            Style::Removed => "31",
            Style::Changed => "33",
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Keyword => "35",
            Style::Text => "32",
            Style::Number => "36",
            Style::Wrong => "4;31",
            Style::Match => "1;4",
        }
    }
}

/// Colours text, or leaves it plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours where `on`.
    pub fn new(on: bool) -> Paint {
        Paint { on }
    }

    /// Says whether it colours.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// The text in its colour.
    pub fn paint(self, style: Style, text: &str) -> String {
        match self.on && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", style.code()),
            false => text.to_owned(),
        }
    }

    /// Appends what is written, in its colour and without control characters.
    pub fn push(self, text: &mut String, style: Style, write: impl FnOnce(&mut String)) {
        if self.on {
            text.extend(["\x1b[", style.code(), "m"]);
        }
        let before = text.len();
        write(text);
        if let Some(written) = text.get(before..).filter(|written| !is_clean(written)) {
            let cleaned = clean(written);
            text.truncate(before);
            text.push_str(&cleaned);
        }
        if self.on {
            text.push_str("\x1b[0m");
        }
    }
}

fn is_clean(text: &str) -> bool {
    // To the end in any case: so the compiler looks at many bytes at once.
    let is_plain = |byte| matches!(byte, b' '..=b'~');
    text.bytes()
        .fold(true, |clean, byte| clean & is_plain(byte))
}

/// Text without control characters: a message or a name may hold anything.
pub fn clean(text: &str) -> String {
    if is_clean(text) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\nc\u{9b}"), "a\u{fffd}[31mb c\u{fffd}");
    }

    #[test]
    fn plain_paint_adds_nothing() {
        assert_eq!(Paint::new(false).paint(Style::Added, "x"), "x");
        assert_eq!(
            Paint::new(true).paint(Style::Added, "x"),
            "\x1b[32mx\x1b[0m"
        );
        assert_eq!(Paint::new(true).paint(Style::Added, ""), "");
    }
}
