//! The type of what stands before a dot, from the API table and the variables at hand.

use super::token::{Kind, Token};
use crate::api::{On, Type, functions, properties};

/// Says what type a variable has, where it is known.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<Type>;

/// How far a chain of names is followed: `let a = b; let b = a;` has no end.
const STEPS: usize = 40;

/// The type of the expression that ends with the last of these tokens.
pub fn type_of(text: &str, tokens: &[Token], variables: Variables) -> Option<Type> {
    Reader {
        text,
        all: tokens,
        variables,
    }
    .ending(tokens.len(), STEPS)
}

struct Reader<'a> {
    text: &'a str,
    all: &'a [Token],
    variables: Variables<'a>,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.all.get(at)
    }

    fn is(&self, at: usize, sign: &str) -> bool {
        self.token(at)
            .is_some_and(|token| token.is(self.text, sign))
    }

    /// The type of the expression that ends before `end`.
    fn ending(&self, end: usize, steps: usize) -> Option<Type> {
        let steps = steps.checked_sub(1)?;
        let last = end.checked_sub(1)?;
        let token = self.token(last)?;
        match (token.kind, token.text(self.text)) {
            (Kind::Text, _) => Some(Type::Text),
            (Kind::Number, number) => Some(match number.contains('.') {
                true => Type::Number,
                false => Type::Whole,
            }),
            (Kind::Keyword, "true" | "false") => Some(Type::Bool),
            (Kind::Word, name) => match self.receiver(last) {
                Some(dot) => property(self.ending(dot, steps)?, name),
                None => self.variable(name, last, steps),
            },
            (Kind::Sign, ")") => {
                let open = self.opening(last)?;
                let called = open
                    .checked_sub(1)
                    .filter(|name| self.token(*name).is_some_and(|t| t.kind == Kind::Word));
                match called {
                    Some(name) => self.call(name, steps),
                    None => self.ending(last, steps),
                }
            }
            (Kind::Sign, "]") => {
                let open = self.opening(last)?;
                let indexed = open.checked_sub(1).and_then(|before| self.token(before));
                let is_index = indexed.is_some_and(|before| {
                    before.kind == Kind::Word
                        || before.is(self.text, ")")
                        || before.is(self.text, "]")
                });
                match is_index {
                    true => self.ending(open, steps)?.element(),
                    false => Some(Type::Array),
                }
            }
            (Kind::Sign, "}") => {
                let open = self.opening(last)?;
                self.is(open, "#{").then_some(Type::Map)
            }
            _ => None,
        }
    }

    /// The dot before a name, where there is one.
    fn receiver(&self, name: usize) -> Option<usize> {
        let dot = name.checked_sub(1)?;
        (self.is(dot, ".") || self.is(dot, "?.")).then_some(dot)
    }

    /// What a call of the name gives.
    fn call(&self, at: usize, steps: usize) -> Option<Type> {
        let name = self.token(at)?.text(self.text);
        match self.receiver(at) {
            None => functions()
                .find(|function| function.name == name && function.on == On::Nothing)
                .map(|function| function.result),
            Some(dot) => method(self.ending(dot, steps)?, name),
        }
    }

    /// The bracket that the one here closes.
    fn opening(&self, closing: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in (0..=closing).rev() {
            let token = self.token(at)?;
            if token.kind != Kind::Sign {
                continue;
            }
            match token.text(self.text) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" | "#{" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// A variable: what this text last gave it before, or else what is known of it.
    fn variable(&self, name: &str, before: usize, steps: usize) -> Option<Type> {
        for at in (0..before).rev() {
            if self.token(at)?.text(self.text) != name {
                continue;
            }
            let declares = at
                .checked_sub(1)
                .is_some_and(|word| self.is(word, "let") || self.is(word, "const"));
            if declares && self.is(at + 1, "=") {
                return self.ending(self.end_of(at + 2), steps);
            }
            if at.checked_sub(1).is_some_and(|word| self.is(word, "for")) && self.is(at + 1, "in") {
                return self.ending(self.end_of(at + 2), steps)?.element();
            }
        }
        (self.variables)(name)
    }

    /// Where the expression ends that begins here.
    fn end_of(&self, start: usize) -> usize {
        let mut depth = 0usize;
        for at in start..self.all.len() {
            let Some(token) = self.token(at).filter(|token| token.kind == Kind::Sign) else {
                continue;
            };
            match token.text(self.text) {
                ";" | "{" | "," if depth == 0 => return at,
                "(" | "[" | "{" | "#{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => return at,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
        }
        self.all.len()
    }
}

/// What a method gives.
fn method(on: Type, name: &str) -> Option<Type> {
    let ours = functions()
        .filter(|function| function.name == name)
        .find(|function| function.on.receiver() == Some(on));
    if let Some(function) = ours {
        return Some(function.result);
    }
    match (on, name) {
        (_, "len") => Some(Type::Whole),
        (_, "filter" | "extract") if on.element().is_some() => Some(on),
        (_, "find" | "pop" | "shift") => on.element(),
        (_, "to_string" | "sub_string" | "to_upper" | "to_lower") => Some(Type::Text),
        (_, "contains" | "is_empty" | "starts_with" | "ends_with") => Some(Type::Bool),
        (_, "split" | "keys" | "values" | "map" | "filter") => Some(Type::Array),
        _ => None,
    }
}

fn property(on: Type, name: &str) -> Option<Type> {
    properties::of_type(on)
        .into_iter()
        .find(|(known, _, _)| *known == name)
        .map(|(_, gives, _)| gives)
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    #[test]
    fn types_follow_the_chain() {
        let known = |name: &str| (name == "web").then_some(Type::Service);
        for (text, expected) in [
            ("web", Some(Type::Service)),
            ("find(\"a\")", Some(Type::Service)),
            (
                "tcp(\"a\", #{ servers: [] }).server(\"b\")",
                Some(Type::Server),
            ),
            ("web.servers()", Some(Type::Servers)),
            ("web.servers()[0]", Some(Type::Server)),
            (
                "web.servers().filter(|s| s.weight == 0)",
                Some(Type::Servers),
            ),
            ("web.find(\"a\").service", Some(Type::Service)),
            ("web.name", Some(Type::Text)),
            ("let s = web.servers(); s[0]", Some(Type::Server)),
            ("for s in services() { s", Some(Type::Service)),
            ("let a = find(\"x\"); let b = a; b", Some(Type::Service)),
            ("plan()", Some(Type::Report)),
            ("history()[0]", Some(Type::Snapshot)),
            ("(1 + 2)", Some(Type::Whole)),
            ("#{ a: 1 }", Some(Type::Map)),
            ("let a = a; a", None),
            ("nobody", None),
            ("nobody.len()", None),
            (")", None),
            ("", None),
        ] {
            assert_eq!(type_of(text, &tokens(text), &known), expected, "{text}");
        }
    }
}
