//! The types and options of checks, from the rows of the model, in the forms that help takes.

use super::fact::Opt;
use super::types::Type;
use crate::model::policy::check::{OPTIONS, OptionFact, TYPES};

/// The option that says which type a check is of.
const TYPE: Opt = Opt {
    name: "type",
    takes: Type::Text,
    default: "the check's whole name, like \"tcp\"",
    unit: "",
    range: "tcp http https udp ping exec",
    doc: "What is sent, and which answer passes.",
    words: &[],
};

/// The options of the map that is a check, for completion; ranges and defaults are in the reference.
pub fn options() -> Vec<Opt> {
    let of_model = OPTIONS.iter().map(|option| Opt {
        name: option.name,
        takes: Type::Any,
        doc: option.doc,
        ..TYPE
    });
    std::iter::once(TYPE).chain(of_model).collect()
}

/// Returns true if a check has an option of that name.
pub fn is_option(name: &str) -> bool {
    name == TYPE.name || OPTIONS.iter().any(|option| option.name == name)
}

/// The types with when each passes, and the options of all: rows for a page.
pub fn types() -> impl Iterator<Item = (&'static str, &'static str)> {
    TYPES.iter().map(|one| (one.name, one.doc))
}

/// The options with which types have them, their values, their default, and what they are.
pub fn rows() -> impl Iterator<Item = [String; 5]> {
    OPTIONS.iter().map(|option| {
        [
            option.name.to_owned(),
            types_of(option),
            option.range(),
            option.default(),
            option.doc.to_owned(),
        ]
    })
}

/// `all`, or the types: `tcp, http`.
fn types_of(option: &OptionFact) -> String {
    match option.types.len() == TYPES.len() {
        true => "all".to_owned(),
        false => option.types.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_help_names_are_those_of_the_model() {
        let names: Vec<&str> = TYPES.iter().map(|one| one.name).collect();
        assert_eq!(names.join(" "), TYPE.range);
        assert_eq!(options().len(), OPTIONS.len() + 1);
    }
}
