//! What Rhai's own values can do, as far as a prompt offers it: the useful part.
//!
//! Source of truth: the Rhai book, "Language reference".

use crate::api::Type;

/// Methods of texts.
const TEXT: &[&str] = &[
    "contains(part)",
    "ends_with(end)",
    "index_of(part)",
    "is_empty()",
    "len()",
    "replace(from, to)",
    "split(at)",
    "starts_with(start)",
    "sub_string(from, length)",
    "to_lower()",
    "to_upper()",
    "trim()",
];

/// Methods of arrays.
const ARRAY: &[&str] = &[
    "all(|x| ...)",
    "contains(value)",
    "extract(from, length)",
    "filter(|x| ...)",
    "find(|x| ...)",
    "is_empty()",
    "len()",
    "map(|x| ...)",
    "pop()",
    "push(value)",
    "reduce(|sum, x| ...)",
    "reverse()",
    "shift()",
    "some(|x| ...)",
    "sort()",
];

/// Methods of maps.
const MAP: &[&str] = &[
    "contains(key)",
    "is_empty()",
    "keys()",
    "len()",
    "remove(key)",
    "values()",
];

/// Functions that are called without a dot.
pub(super) const FUNCTIONS: &[&str] = &["parse_int(text)", "parse_json(text)", "parse_float(text)"];

/// Words that begin something.
pub(super) const WORDS: &[&str] = &[
    "const", "else", "false", "for", "fn", "if", "import", "in", "let", "loop", "return", "switch",
    "throw", "true", "try", "while",
];

/// The methods of a type's values.
pub(super) fn methods(of: Type) -> &'static [&'static str] {
    match of {
        Type::Text => TEXT,
        list if list.is_list() => ARRAY,
        Type::Map | Type::Snapshot => MAP,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_there() {
        let engine = rhai::Engine::new();
        let known = engine.gen_fn_signatures(true).join("\n");
        for signature in TEXT.iter().chain(ARRAY).chain(MAP).chain(FUNCTIONS) {
            let name = signature.split('(').next().unwrap();
            let there = known
                .lines()
                .any(|line| line.starts_with(&format!("{name}(")));
            assert!(there, "{name}");
        }
    }
}
