//! The little of roff that manual pages need.

/// A text in which nothing is a command or an escape.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        for character in line.chars() {
            match character {
                '\\' => escaped.push_str("\\e"),
                '-' => escaped.push_str("\\-"),
                '`' => escaped.push_str("\\(ga"),
                '^' => escaped.push_str("\\(ha"),
                '~' => escaped.push_str("\\(ti"),
                other => escaped.push(other),
            }
        }
    }
    escaped
}

/// A heading of a section.
pub fn section(title: &str) -> String {
    format!(".SH {}\n", quoted(&title.to_uppercase()))
}

/// A heading within a section.
pub fn subsection(title: &str) -> String {
    format!(".SS {}\n", quoted(title))
}

/// A paragraph.
pub fn paragraph(text: &str) -> String {
    format!(".PP\n{}\n", escape(text))
}

/// A term with what is said of it.
pub fn item(term: &str, text: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}\n", escape(term), escape(text))
}

/// A piece of code, line by line.
pub fn code(text: &str) -> String {
    format!(".PP\n.in +4n\n.EX\n{}\n.EE\n.in\n", escape(text))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escape(text).replace('"', "\\(dq"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(escape(".x\n'y\\n -m"), "\\&.x\n\\&'y\\en \\-m");
        assert_eq!(section("a \"b\""), ".SH \"A \\(dqB\\(dq\"\n");
    }
}
