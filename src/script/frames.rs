//! What encloses a place in a text: calls, maps, arrays, blocks.

use super::token::{Kind, Token};

/// Something that is open at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'t> {
    /// `name(`: a call.
    Call {
        /// The function.
        name: &'t str,
        /// The token of the name.
        at: usize,
        /// It is called on what stands before a dot.
        is_method: bool,
        /// Which argument this is, from 0.
        argument: usize,
    },
    /// `#{`: a map.
    Map {
        /// The key whose value this is; none where a key is expected.
        key: Option<&'t str>,
        /// The keys that were given.
        given: Vec<&'t str>,
    },
    /// `[`: an array.
    Array,
    /// `name[`: an element.
    Index,
    /// `(`: a group, or what follows `if`, `while` and the like.
    Group,
    /// `{`: a block.
    Block,
}

/// What is open behind these tokens, outermost first.
pub fn frames<'t>(text: &'t str, tokens: &[Token]) -> Vec<Frame<'t>> {
    let mut open: Vec<Frame> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        step(text, tokens, &mut open, at, token, before);
    }
    open
}

/// Goes one token further.
pub fn step<'t>(
    text: &'t str,
    tokens: &[Token],
    open: &mut Vec<Frame<'t>>,
    at: usize,
    token: &Token,
    before: Option<&Token>,
) {
    let sign = match token.kind {
        Kind::Sign => token.text(text),
        Kind::Word | Kind::Text | Kind::Keyword => {
            if let Some(Frame::Map { key: None, given }) = open.last_mut() {
                given.push(unquoted(token.text(text)));
            }
            return;
        }
        _ => return,
    };
    match sign {
        "(" => {
            let called = before.filter(|before| before.kind == Kind::Word);
            open.push(match called {
                Some(name) => Frame::Call {
                    name: name.text(text),
                    at: at - 1,
                    is_method: at
                        .checked_sub(2)
                        .and_then(|dot| tokens.get(dot))
                        .is_some_and(|dot| dot.is(text, ".") || dot.is(text, "?.")),
                    argument: 0,
                },
                None => Frame::Group,
            });
        }
        "#{" => open.push(Frame::Map {
            key: None,
            given: Vec::new(),
        }),
        "{" => open.push(Frame::Block),
        "[" => {
            let is_index = before.is_some_and(|before| {
                before.kind == Kind::Word || before.is(text, ")") || before.is(text, "]")
            });
            open.push(match is_index {
                true => Frame::Index,
                false => Frame::Array,
            });
        }
        ")" | "]" | "}" => {
            open.pop();
        }
        "," => match open.last_mut() {
            Some(Frame::Call { argument, .. }) => *argument += 1,
            Some(Frame::Map { key, .. }) => *key = None,
            _ => {}
        },
        ":" => {
            if let Some(Frame::Map { key, given }) = open.last_mut()
                && key.is_none()
            {
                *key = given.last().copied();
            }
        }
        ";" => {
            // A statement ends what was left open before it; blocks stay.
            while open.last().is_some_and(|frame| *frame != Frame::Block) {
                open.pop();
            }
        }
        _ => {}
    }
}

/// A text without its quotes, also where it is not closed.
pub fn unquoted(text: &str) -> &str {
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    fn at_end(text: &str) -> Vec<Frame<'_>> {
        frames(text, &tokens(text))
    }

    #[test]
    fn calls_and_maps_are_known_with_their_place() {
        let open = at_end("if true { tcp(\"a\", #{ scheduler: \"rr\", servers: [#{ weight: ");
        assert!(matches!(
            open.as_slice(),
            [
                Frame::Block,
                Frame::Call {
                    name: "tcp",
                    argument: 1,
                    is_method: false,
                    ..
                },
                Frame::Map {
                    key: Some("servers"),
                    ..
                },
                Frame::Array,
                Frame::Map {
                    key: Some("weight"),
                    ..
                },
            ]
        ));
        let open = at_end("find(\"a\").set(#{ weight: 1, ");
        assert_eq!(
            open,
            [
                Frame::Call {
                    name: "set",
                    at: 5,
                    is_method: true,
                    argument: 0
                },
                Frame::Map {
                    key: None,
                    given: vec!["weight"]
                }
            ]
        );
        assert!(at_end("tcp(\"a\"); x[1]").is_empty());
        assert_eq!(at_end("x["), [Frame::Index]);
        assert_eq!(at_end("if ("), [Frame::Group]);
    }
}
