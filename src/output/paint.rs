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
    fn code(self) -> &'static str {
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
    is_light: bool,
}

/// Returns true where the terminal says that its background is light: COLORFGBG, as rxvt and
/// others set it, ends in the number of the background's colour.
pub(super) fn is_light(colors: Option<&str>) -> bool {
    let background = colors.and_then(|colors| colors.rsplit(';').next());
    matches!(background, Some("7" | "15"))
}

/// Returns true where the terminal is said to show UTF-8 (locale(7)).
pub fn is_utf8() -> bool {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = said("LC_ALL")
        .or_else(|| said("LC_CTYPE"))
        .or_else(|| said("LANG"));
    names_utf8(locale.as_deref())
}

fn names_utf8(locale: Option<&str>) -> bool {
    let locale = locale.unwrap_or_default().to_uppercase();
    locale.ends_with("UTF-8") || locale.ends_with("UTF8")
}

impl Paint {
    /// Colours where `on`.
    pub fn new(on: bool) -> Paint {
        Paint {
            on,
            is_light: false,
        }
    }

    /// The same for a light background, where yellow and cyan are hard to read.
    #[must_use]
    pub fn on_light(self, is_light: bool) -> Paint {
        Paint { is_light, ..self }
    }

    /// The codes of a style on this background.
    pub fn code(self, style: Style) -> &'static str {
        match (self.is_light, style) {
            (true, Style::Changed | Style::Number) => "34",
            (_, style) => style.code(),
        }
    }

    /// Says whether it colours.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// The text in its colour.
    pub fn paint(self, style: Style, text: &str) -> String {
        match self.on && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", self.code(style)),
            false => text.to_owned(),
        }
    }

    /// Appends what is written, in its colour and without control characters.
    pub fn push(self, text: &mut String, style: Style, write: impl FnOnce(&mut String)) {
        if self.on {
            text.extend(["\x1b[", self.code(style), "m"]);
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
    fn a_light_background_has_no_yellow() {
        for (colors, light) in [("0;15", true), ("0;default;7", true), ("15;0", false)] {
            let paint = Paint::new(true).on_light(is_light(Some(colors)));
            let code = if light { "34" } else { "33" };
            assert_eq!(paint.code(Style::Changed), code, "{colors}");
            assert_eq!(paint.code(Style::Added), "32");
        }
        assert!(!is_light(None));
    }

    #[test]
    fn a_locale_says_whether_utf8_is_shown() {
        for locale in ["en_US.UTF-8", "zh_CN.utf8", "C.UTF-8"] {
            assert!(names_utf8(Some(locale)), "{locale}");
        }
        for locale in [None, Some("C"), Some("POSIX"), Some("de_DE.ISO-8859-1")] {
            assert!(!names_utf8(locale), "{locale:?}");
        }
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
