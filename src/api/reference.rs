//! The reference page, `examples/REFERENCE.md`, from the table; a test keeps it current.

use super::checks;
use super::fact::{Function, Group, On, Opt, is_same};
use super::help::signatures;
use super::options::{SERVER, SERVICE, TUNNEL};
use super::properties::READ_ONLY;
use super::{functions, types::Type};

const INTRODUCTION: &str = "# ipvsh script reference

Generated from the table in `src/api/` by a test (`UPDATE_REFERENCE=1 cargo test --test script`); \
do not edit.

Scripts are [Rhai](https://rhai.rs/book). A call with an options map *declares*: options left out \
get their defaults. Without one it *finds or creates*. `.set(#{ ... })` *changes only the options \
named*. Nothing is sent to the kernel before a commit: `commit()`, or the end of the script. \
Names are like `tcp 192.0.2.10:80`, `udp [2001:db8::10]:53`, `fwmark 666`; addresses are literals.

Errors can be caught: `try { ... } catch (err) { print(err.kind); }`; `err.kind`, `err.object`, \
`err.message` and `err.hint` are text, or `()` where there is none.
";

/// The whole page.
pub fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for group in Group::ALL {
        text.push_str(&format!("\n## {}\n", capital(group.title())));
        for function in functions().filter(|function| function.group == group) {
            text.push_str(&section(function));
        }
        match group {
            Group::Services => {
                text.push_str(&properties(On::Service, SERVICE));
                text.push_str(&of_checks());
            }
            Group::Servers => text.push_str(&properties(On::Server, SERVER)),
            _ => {}
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn section(function: &Function) -> String {
    let mut text = format!("\n### {}\n\n", function.full_name());
    for signature in signatures(function) {
        let result = match function.result {
            Type::Nothing => String::new(),
            other => format!(" -> {}", other.words()),
        };
        text.push_str(&format!("`{signature}`{result}  \n"));
    }
    text.push('\n');
    for line in function.doc.lines() {
        text.push_str(&format!("{line}\n"));
    }
    let shared = [(SERVICE, "virtual service"), (SERVER, "real server")]
        .into_iter()
        .find(|(list, _)| is_same(list, function.options()));
    if let Some((_, on)) = shared {
        text.push_str(&format!(
            "\nOptions: see [properties of a {on}](#properties-of-a-{}).\n",
            on.replace(' ', "-")
        ));
    } else if !function.options().is_empty() {
        text.push_str(&options(function.options()));
    }
    if !function.errors.is_empty() {
        let kinds: Vec<String> = function
            .errors
            .iter()
            .map(|kind| format!("`{}`", kind.name()))
            .collect();
        text.push_str(&format!("\nErrors: {}.\n", kinds.join(", ")));
    }
    text.push_str(&format!("\n```rhai\n{}\n```\n", function.example));
    text
}

fn options(options: &[Opt]) -> String {
    let mut text = "\n| option | takes | default | |\n|---|---|---|---|\n".to_owned();
    for option in options {
        let mut takes = option.takes.words().to_owned();
        if !option.unit.is_empty() {
            takes.push_str(&format!("; {}", option.unit));
        }
        if !option.range.is_empty() {
            takes.push_str(&format!("; {}", option.range));
        }
        text.push_str(&format!(
            "| `{}` | {takes} | {} | {} |\n",
            option.name, option.default, option.doc
        ));
    }
    text
}

/// The types and options of checks.
fn of_checks() -> String {
    let mut text =
        "\n### Checks\n\nThe option `check` takes the name of a type, a map with `type` and \
        options, or an array of both; of several checks all must pass. The daemon (`ipvsh daemon`) \
        runs them.\n\n| type | passes when |\n|---|---|\n"
            .to_owned();
    for (name, doc) in checks::types() {
        text.push_str(&format!("| `{name}` | {doc} |\n"));
    }
    text.push_str("\n| option | of | takes | default | |\n|---|---|---|---|---|\n");
    for [name, types, range, default, doc] in checks::rows() {
        text.push_str(&format!(
            "| `{name}` | {types} | {range} | {default} | {doc} |\n"
        ));
    }
    text
}

fn properties(on: On, list: &[Opt]) -> String {
    let what = match on {
        On::Server => "real server",
        _ => "virtual service",
    };
    let mut text = format!(
        "\n### Properties of a {what}\n\nOptions, which can also be read and set \
         (`let x = ...; x.{} = ...;`):\n",
        list.first().map_or("", |option| option.name)
    );
    text.push_str(&options(list));
    if on == On::Server {
        text.push_str("\nOptions of `tunnel`:\n");
        text.push_str(&options(TUNNEL));
    }
    text.push_str("\nOnly to be read:\n\n| property | is | |\n|---|---|---|\n");
    for property in READ_ONLY.iter().filter(|property| property.on == on) {
        text.push_str(&format!(
            "| `{}` | {} | {} |\n",
            property.name,
            property.gives.words(),
            property.doc
        ));
    }
    text
}
