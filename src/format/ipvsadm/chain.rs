//! Commands that a shell joins in one line: which of them decides what runs below.

/// Finds the first operator behind which a command is not harmless, and its index among the
/// characters; `is_harmless` gets the operator and the command.
///
/// An operator at the end joins the next line, but for `;` and `&`. Quoted text, comments and redirections (`2>&1`, `&>`) are none.
pub(super) fn deciding(
    text: &str,
    is_harmless: impl Fn(&str, &str) -> bool,
) -> Option<(&'static str, usize)> {
    let operators = operators(text);
    let end = operators.end;
    let found = &operators.found;
    found
        .iter()
        .enumerate()
        .find_map(|(index, &(operator, at))| {
            let from = at + operator.len();
            let to = found.get(index + 1).map_or(end, |(_, at)| *at);
            let command: String = text
                .chars()
                .skip(from)
                .take(to.saturating_sub(from))
                .collect();
            let command = command.trim_start_matches('&').trim();
            let ends_line = [";", "&"].contains(&operator);
            let decides = match command {
                "" => !ends_line,
                command => !is_harmless(operator, command),
            };
            decides.then_some((operator, at))
        })
}

struct Operators {
    found: Vec<(&'static str, usize)>,
    /// Where a comment begins, or the text ends.
    end: usize,
}

fn operators(text: &str) -> Operators {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\n');
    let mut found = Vec::new();
    let mut quote = None;
    let mut index = 0;
    while index < chars.len() {
        let (c, next) = (at(index), at(index + 1));
        let before = index.checked_sub(1).map_or(' ', at);
        index += 1;
        match (quote, c) {
            (None | Some('"'), '\\') => index += 1,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() => {
                return Operators {
                    found,
                    end: index - 1,
                };
            }
            (None, '&') if before == '>' || before == '<' || next == '>' => {}
            // `>|` writes to a file all the same.
            (None, '|') if before == '>' => {}
            (None, '&' | '|' | ';') => {
                let operator = match (c, next) {
                    ('&', '&') => "&&",
                    ('&', _) => "&",
                    ('|', '|') => "||",
                    ('|', _) => "|",
                    _ => ";",
                };
                found.push((operator, index - 1));
                index += operator.len() - 1;
            }
            _ => {}
        }
    }
    Operators {
        found,
        end: chars.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_decides_by_what_stands_behind_it() {
        let is_harmless = |_: &str, command: &str| command.starts_with("ok");
        for (text, wanted) in [
            ("x", None),
            ("x > /y 2>&1 &> /z >| /w <&3", None),
            ("x && ok 1 || ok; ok | ok &", None),
            ("x;", None),
            ("x \\&\\& y \"&& y\" '|| y' #|| y", None),
            ("x &&", Some(("&&", 2))),
            ("x && ok ||  # y", Some(("||", 8))),
            ("x |", Some(("|", 2))),
            ("x |& y", Some(("|", 2))),
            ("x ; y", Some((";", 2))),
            ("x & y", Some(("&", 2))),
            ("x#&& y", Some(("&&", 2))),
        ] {
            assert_eq!(deciding(text, is_harmless), wanted, "{text}");
        }
    }
}
