//! Where in a call the fault is: the option or value that an error names, not only the call.

use super::token::{Kind, Token, tokens};

/// Finds the line and column of the first of `subjects` (an error's) that the call at a place holds
/// once; none where it holds none of them.
pub fn pinpoint(
    text: &str,
    line: usize,
    column: usize,
    subjects: &[String],
) -> Option<(usize, usize)> {
    let start = offset(text, line, column)?;
    let all = tokens(text);
    let from = all.iter().position(|token| token.range.start >= start)?;
    let call = within_call(text, all.get(from..)?)?;
    let is_key = |at: usize| call.get(at + 1).is_some_and(|next| next.is(text, ":"));
    let named = |word: &str| {
        let is_it = |(at, token): &(usize, &Token)| match token.kind {
            Kind::Word => is_key(*at) && token.text(text) == word,
            Kind::Text => token.text(text).trim_matches('"') == word,
            _ => false,
        };
        let found: Vec<&Token> = call
            .iter()
            .enumerate()
            .filter(is_it)
            .map(|(_, t)| t)
            .collect();
        match found.as_slice() {
            [one] => Some(one.range.start),
            _ => None,
        }
    };
    let at = subjects.iter().find_map(|word| named(word))?;
    Some(place(text, at))
}

/// The tokens of the call that begins here, up to its closing bracket; on the way, those of the
/// calls before it in a chain.
fn within_call<'t>(text: &str, tokens: &'t [Token]) -> Option<&'t [Token]> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Sign {
            continue;
        }
        match token.text(text) {
            "(" | "[" | "{" | "#{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return tokens.get(..=at);
                }
            }
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    Some(tokens)
}

/// Where a line and column are, in bytes.
pub fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let rest = text.get(start..)?;
    let within = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(at, _)| at);
    Some(start + within)
}

/// The line and column of a byte.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_or_value_is_found() {
        let text = "let é = 1;\ntcp(\"a:1\", #{\n  shceduler: \"rr\",\n  weight: 3, forward: \"nut\" });\nf(x);";
        let words = |all: &[&str]| all.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let of = |all: &[&str]| pinpoint(text, 2, 1, &words(all));
        assert_eq!(of(&["shceduler"]), Some((3, 3)));
        assert_eq!(of(&["nut"]), Some((4, 23)));
        assert_eq!(of(&["weight"]), Some((4, 3)));
        assert_eq!(of(&["3x", "weight"]), Some((4, 3)));
        assert_eq!(of(&[]), None);
        assert_eq!(pinpoint("a(); b(#{ x: 1 })", 1, 1, &words(&["x"])), None);
        // Two of a name: it is not known which.
        assert_eq!(
            pinpoint(
                "f([#{ weight: 1 }, #{ weight: 2 }])",
                1,
                1,
                &words(&["weight"])
            ),
            None
        );
    }
}
