//! What is wrong with a script before it runs: every problem with its place, not only the first.
//!
//! Rhai's parser stops at the first error. The statement that holds it is blanked and the rest
//! parsed again; then calls and option maps are held against the API table, also in branches that
//! a dry run does not take.

use std::collections::BTreeSet;

use super::frames::{Frame, step};
use super::pinpoint::place;
use super::token::{Kind, Token, tokens};
use crate::api::{Function, On, Opt, functions, names};
use crate::error::{Error, Kind as ErrorKind, did_you_mean};
use crate::model::patch;

/// A problem and its place: line and column.
pub type Problem = (Error, usize, usize);

/// What Rhai itself calls without a function being there.
const BUILT_IN: [&str; 7] = [
    "call",
    "curry",
    "debug",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "type_of",
];

/// The most problems that are told of one script.
pub const MOST: usize = 50;

/// Calls that do not exist or have too many arguments, options that no function has.
pub fn problems(text: &str, standard: &[String]) -> Vec<Problem> {
    let all = tokens(text);
    let own = own_functions(text, &all);
    let known = |name: &str| {
        own.contains(name)
            || BUILT_IN.contains(&name)
            || standard.iter().any(|one| one == name)
            || functions().any(|function| function.name == name)
    };
    let mut found = Vec::new();
    let mut open: Vec<Frame> = Vec::new();
    for (at, token) in all.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| all.get(before));
        let next = all.get(at + 1);
        let is_key = matches!(token.kind, Kind::Word)
            && matches!(open.last(), Some(Frame::Map { key: None, .. }))
            && next.is_some_and(|next| next.is(text, ":"));
        if is_key && let Some(error) = unknown_option(&open, token.text(text)) {
            found.push(at_token(text, token, error));
        }
        let is_call = token.kind == Kind::Word && next.is_some_and(|next| next.is(text, "("));
        let is_plain = before.is_none_or(|before| {
            ![".", "?.", "::"].iter().any(|sign| before.is(text, sign)) && !before.is(text, "fn")
        });
        if is_call && is_plain && !known(token.text(text)) {
            found.push(at_token(
                text,
                token,
                unknown_function(token.text(text), &own, standard),
            ));
        }
        if token.is(text, ")")
            && let Some(error) = too_many(&open, before, text, &own)
            && let Some(Frame::Call { at, .. }) = open.last()
            && let Some(name) = all.get(*at)
        {
            found.push(at_token(text, name, error));
        }
        step(text, &all, &mut open, at, token, before);
    }
    found.truncate(MOST);
    found
}

fn at_token(text: &str, token: &Token, error: Error) -> Problem {
    let (line, column) = place(text, token.range.start);
    (error, line, column)
}

/// The functions that a script defines.
fn own_functions<'t>(text: &'t str, all: &[Token]) -> BTreeSet<&'t str> {
    all.windows(2)
        .filter_map(|pair| match pair {
            [word, name] if word.is(text, "fn") => Some(name.text(text)),
            _ => None,
        })
        .collect()
}

fn unknown_function(name: &str, own: &BTreeSet<&str>, standard: &[String]) -> Error {
    let names = functions()
        .map(|function| function.name)
        .chain(own.iter().copied())
        .chain(standard.iter().map(String::as_str));
    let error = Error::new(ErrorKind::Script, format!("there is no function {name}"));
    match did_you_mean(name, names) {
        Some(close) => error.hint(format!("did you mean \"{close}\"?")),
        None => error.hint("help() says what there is"),
    }
}

/// An option that the function does not have; where it cannot be told which function it is, every
/// one that it may be.
fn unknown_option(open: &[Frame], name: &str) -> Option<Error> {
    let options = options_of(open)?;
    if options.iter().any(|option| option.name == name) {
        return None;
    }
    let lower = name.to_lowercase();
    let meant = options
        .iter()
        .find(|option| option.words.contains(&lower.as_str()))
        .map(|option| option.name)
        .or_else(|| did_you_mean(name, options.iter().map(|option| option.name)));
    let error = patch::unknown_option(name);
    Some(match meant {
        Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
        None => {
            let names: Vec<&str> = options.iter().map(|option| option.name).collect();
            error.hint(format!("the options are {}", names.join(", ")))
        }
    })
}

/// So deep do maps of options stand in each other at most: a server's tunnel in a service's servers
/// is the third. A text with thousands is not asked for what its last one may hold.
const DEEPEST: usize = 8;

/// The options that the innermost map may hold.
fn options_of(open: &[Frame]) -> Option<Vec<Opt>> {
    options_within(open, DEEPEST)
}

fn options_within(open: &[Frame], deepest: usize) -> Option<Vec<Opt>> {
    let deepest = deepest.checked_sub(1)?;
    let (last, mut around) = open.split_last()?;
    if !matches!(last, Frame::Map { .. }) {
        return None;
    }
    if let Some((Frame::Array, rest)) = around.split_last() {
        around = rest;
    }
    match around.last()? {
        Frame::Call {
            name,
            is_method,
            argument,
            ..
        } => {
            let mut all: Vec<Opt> = called(name, *is_method)
                .flat_map(|function| function.forms)
                .filter_map(|form| form.params.get(*argument))
                .flat_map(|param| param.options)
                .copied()
                .collect();
            all.dedup_by_key(|option| option.name);
            Some(all).filter(|all| !all.is_empty())
        }
        Frame::Map { key: Some(key), .. } => {
            let option = options_within(around, deepest)?
                .into_iter()
                .find(|o| o.name == *key)?;
            Some(names::within(&option)).filter(|options| !options.is_empty())
        }
        _ => None,
    }
}

fn called<'n>(name: &'n str, is_method: bool) -> impl Iterator<Item = &'static Function> + use<'n> {
    functions()
        .filter(move |function| function.name == name)
        .filter(move |function| (function.on != On::Nothing) == is_method)
}

/// A call of ours with more arguments than any of its forms takes. Fewer are Rhai's to find: its
/// own functions may have the same name.
fn too_many(
    open: &[Frame],
    before: Option<&Token>,
    text: &str,
    own: &BTreeSet<&str>,
) -> Option<Error> {
    let Some(Frame::Call {
        name,
        is_method: false,
        argument,
        ..
    }) = open.last()
    else {
        return None;
    };
    if own.contains(name) {
        return None;
    }
    // A comma may stand behind the last.
    let ends_open = before.is_some_and(|b| b.is(text, ",") || b.is(text, "("));
    let given = argument + usize::from(!ends_open);
    let most = called(name, false)
        .flat_map(|function| function.forms)
        .map(|form| form.params.len())
        .max()?;
    if given <= most {
        return None;
    }
    let signatures = crate::api::register::signatures_of(name).join(", ");
    Some(
        Error::new(
            ErrorKind::Script,
            format!("{name} cannot be called with {given} arguments"),
        )
        .hint(format!("it is called as {signatures}")),
    )
}

/// The text with the statement blanked that holds a place; none where that is not to be done: its
/// brackets do not match, and what follows would only be misunderstood.
pub fn without_statement(text: &str, at: usize) -> Option<String> {
    let all = tokens(text);
    let here = all.iter().position(|token| token.range.end > at)?;
    let ends = |token: &&Token| [";", "{", "}"].iter().any(|sign| token.is(text, sign));
    let start = all
        .get(..here)?
        .iter()
        .rev()
        .find(ends)
        .map_or(0, |token| token.range.end);
    let end = all
        .get(here..)?
        .iter()
        .find(|token| token.is(text, ";"))
        .map(|token| token.range.end)?;
    let blanked = text.get(start..end)?;
    let mut depth = 0i32;
    for token in tokens(blanked) {
        match token.text(blanked) {
            "(" | "[" | "{" | "#{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    if depth != 0 || blanked.trim().is_empty() {
        return None;
    }
    let spaces: String = blanked
        .chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect();
    Some(format!(
        "{}{spaces}{}",
        text.get(..start)?,
        text.get(end..)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let standard = ["len".to_owned(), "parse_json".to_owned()];
        problems(text, &standard)
            .into_iter()
            .map(|(error, line, column)| format!("{line}:{column} {error}"))
            .collect()
    }

    #[test]
    fn unknown_names_are_told_wherever_they_are() {
        let text = "if false {\n  tpc(\"a:1\");\n}\ntcp(\"a:1\", #{ shceduler: 1, servers: [#{ wieght: 2 }] });\n\
                    fn add(x) { x }\nadd(1); nobody(2); plan(1, 2);";
        assert_eq!(
            told(text),
            [
                "2:3 there is no function tpc",
                "4:15 unknown option \"shceduler\"",
                "4:42 unknown option \"wieght\"",
                "6:9 there is no function nobody",
                "6:20 plan cannot be called with 2 arguments",
            ]
        );
    }

    #[test]
    fn what_is_right_is_left_alone() {
        for text in [
            "tcp(\"a:1\", #{ scheduler: \"rr\", servers: [#{ address: \"b\", tunnel: #{ type: \"gue\" } }] });",
            "let m = #{ any: 1, thing: 2 }; m.any.call(3); pools::add(1);",
            "remove(\"a\", \"b\"); commit(\"x\", #{ exact: true }); web.set(#{ weight: 1, scheduler: \"rr\" });",
            "let f = |x| x + 1; [1].map(|x| x); `${len(\"a\")}`;",
            "timeouts(#{ tcp: 1, });",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_statement_is_blanked_where_its_brackets_match() {
        assert_eq!(
            without_statement("a();\nlet b = ;\nc();", 13).as_deref(),
            Some("a();\n         \nc();")
        );
        assert_eq!(without_statement("f(;\ng();", 2), None);
        assert_eq!(without_statement("let a =", 5), None);
    }
}
