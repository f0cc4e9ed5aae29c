//! Where in a call the fault is: the option or value that an error names, not only the call.

use super::token::{Kind, Token, tokens};

/// The line and column of what an error's message is about, within the call at a place; none
/// where that is not told or not certain.
pub fn pinpoint(text: &str, line: usize, column: usize, message: &str) -> Option<(usize, usize)> {
    let start = offset(text, line, column)?;
    let all = tokens(text);
    let from = all.iter().position(|token| token.range.start >= start)?;
    let call = within_call(text, all.get(from..)?)?;
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
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
    // `weight must be ...`, `weight 5 is out of range`.
    let first = message.split([' ', ':']).next();
    let at = quoted.into_iter().chain(first).find_map(named)?;
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
        let of = |message: &str| pinpoint(text, 2, 1, message);
        assert_eq!(of("unknown option \"shceduler\""), Some((3, 3)));
        assert_eq!(of("unknown forwarding method \"nut\""), Some((4, 23)));
        assert_eq!(of("weight 3 is out of range"), Some((4, 3)));
        assert_eq!(of("it is refused"), None);
        assert_eq!(pinpoint("a(); b(#{ x: 1 })", 1, 1, "x is wrong"), None);
        // Two of a name: it is not known which.
        assert_eq!(
            pinpoint(
                "f([#{ weight: 1 }, #{ weight: 2 }])",
                1,
                1,
                "weight 2 is wrong"
            ),
            None
        );
    }
}
