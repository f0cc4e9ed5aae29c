//! Errors of a script in the user's words, with their place: Rhai's own as well as ours.

use rhai::{Dynamic, EvalAltResult, Map, ParseErrorType, Position};

use super::meter::Exceeded;
use super::pinpoint::pinpoint;
use super::scan::{declared, scan};
use super::{limits, syntax};
use crate::api::context::Context;
use crate::api::functions;
use crate::api::register::signatures_of;
use crate::api::synonyms;
use crate::api::types::{words_of, words_of_name};
use crate::api::value::Raised;
use crate::error::{Error, Kind, Place, did_you_mean};
use crate::signals;

/// What a message may need to know of the script.
pub struct Surroundings<'a> {
    /// What the functions share.
    pub context: &'a Context,
    /// The script's name.
    pub file: &'a str,
    /// Names and parameters of the functions that it defines.
    pub functions: &'a [String],
    /// Names of functions that Rhai has.
    pub standard: &'a [String],
    /// Names of variables that are there beside those of the text.
    pub variables: &'a [String],
    /// How many arguments the script was given.
    pub arguments: usize,
}

/// An error that ended a script.
pub fn uncaught(mut error: EvalAltResult, around: &Surroundings) -> Error {
    let mut file = around.file.to_owned();
    let mut in_function = false;
    // Innermost first: where it happened, not what called it.
    let mut position = error.position();
    loop {
        error = match error {
            EvalAltResult::ErrorInFunctionCall(_, source, inner, _) => {
                if !source.is_empty() {
                    file = source;
                }
                in_function = true;
                *inner
            }
            EvalAltResult::ErrorInModule(module, inner, _) => {
                if !module.is_empty() {
                    file = module;
                }
                in_function = false;
                *inner
            }
            other => break error_at(other, &file, &mut position, in_function, around),
        };
    }
}

fn error_at(
    error: EvalAltResult,
    file: &str,
    outer: &mut Position,
    in_function: bool,
    around: &Surroundings,
) -> Error {
    let position = match error.position() {
        none if none.is_none() => *outer,
        some => some,
    };
    let place = around.context.place(Some(file), position);
    let error = match error {
        EvalAltResult::ErrorRuntime(value, _) => thrown(&value),
        other => describe(&other, place.as_ref(), in_function, around),
    };
    let error = match place {
        Some(place) => error.at(place),
        None => error,
    };
    pinpointed(error, around.context)
}

/// The error at the option or value that it names, where that is certain.
pub fn pinpointed(error: Error, context: &Context) -> Error {
    if error.kind() != Kind::Invalid {
        return error;
    }
    let Some(place) = error.place() else {
        return error;
    };
    let found = context.source(&place.file).and_then(|text| {
        let (line, column) = pinpoint(&text, place.line, place.column, error.subjects())?;
        context.place_at(&place.file, line, column)
    });
    match found {
        Some(found) => error.moved_to(found),
        None => error,
    }
}

/// A value that was thrown.
pub fn thrown(value: &Dynamic) -> Error {
    if let Some(raised) = value.read_lock::<Raised>() {
        return raised.0.clone();
    }
    if let Some(map) = value.read_lock::<Map>()
        && let Some(message) = map.get("message")
    {
        let error = Error::new(Kind::Script, message.to_string());
        let text = |name: &str| {
            map.get(name)
                .filter(|v| !v.is_unit())
                .map(Dynamic::to_string)
        };
        let error = match text("object") {
            Some(object) => error.object(object),
            None => error,
        };
        return error.maybe_hint(text("hint"));
    }
    let message = match value.is_unit() {
        true => "the script gave up (throw)".to_owned(),
        false if value.is_string() || value.is_int() || value.is_float() => value.to_string(),
        false => format!("the script threw {}", words_of(value)),
    };
    Error::new(Kind::Script, message)
}

/// A comment that is never closed.
pub fn open_comment() -> Error {
    Error::new(Kind::Script, "a comment is not closed").hint("end it with */")
}

/// A value whose maps and arrays hold each other too deep.
pub fn nested_too_deep(name: &str) -> Error {
    Error::new(
        Kind::Script,
        format!("{name} is nested more than {} deep", limits::NESTING),
    )
    .hint("a loop that puts it into itself?")
}

/// An error of Rhai's own.
pub fn describe(
    error: &EvalAltResult,
    place: Option<&Place>,
    in_function: bool,
    around: &Surroundings,
) -> Error {
    use EvalAltResult as E;
    let script = |cause: String| Error::new(Kind::Script, cause);
    match error {
        E::ErrorParsing(kind, _) => parsing(kind, place),
        E::ErrorFunctionNotFound(signature, _) => function_not_found(signature, around),
        E::ErrorVariableNotFound(name, _) => variable_not_found(name, place, in_function, around),
        E::ErrorArrayBounds(length, index, _) => array_bounds(*length, *index, place, around),
        E::ErrorStringBounds(length, index, _) => script(format!(
            "the text has {length} characters: there is no character {index}"
        )),
        E::ErrorDotExpr(text, _) => property_not_found(text, around),
        E::ErrorMismatchDataType(wanted, given, _)
        | E::ErrorMismatchOutputType(wanted, given, _) => script(format!(
            "expected {}, not {}",
            words_of_name(wanted),
            words_of_name(given)
        )),
        E::ErrorIndexingType(kind, _) => script(format!(
            "{} has no elements",
            words_of_name(kind.split(['[', ' ']).next().unwrap_or_default())
        )),
        E::ErrorIndexNotFound(index, _) => script(format!("there is no element {index}")),
        E::ErrorFor(_) => script("this cannot be gone through with for".to_owned())
            .hint("an array, a range like 0..10, or a map's keys() can"),
        E::ErrorAssignmentToConstant(name, _) => script(format!("{name} is a constant"))
            .hint("a variable that changes is declared with let"),
        E::ErrorNonPureMethodCallOnConstant(name, _) => script(format!(
            "a constant cannot be changed by {}",
            name.trim_start_matches("set$").trim_start_matches("get$")
        ))
        .hint("a variable that changes is declared with let"),
        E::ErrorModuleNotFound(name, _) => {
            Error::not_found("it is not beside the script").object(format!("module \"{name}\""))
        }
        E::ErrorTooManyOperations(_) => script(format!(
            "stopped after {} million operations",
            limits::OPERATIONS / 1_000_000
        ))
        .hint("a loop that never ends?"),
        E::ErrorStackOverflow(_) => script(format!(
            "functions call each other more than {} deep",
            limits::CALLS
        ))
        .hint("a function that calls itself for ever? use a loop"),
        E::ErrorTooManyVariables(_) => script(format!("more than {} variables", limits::VARIABLES)),
        E::ErrorTooManyModules(_) => script(format!("more than {} modules", limits::MODULES)),
        E::ErrorDataTooLarge(what, _) => too_large(what),
        E::ErrorTerminated(why, _) if why.is::<Exceeded>() => exceeded(why),
        E::ErrorTerminated(..) => signals::check()
            .err()
            .unwrap_or_else(|| Error::new(Kind::Interrupted, "interrupted")),
        E::ErrorUnboundThis(_) => script("there is no this here".to_owned()),
        other => script(plain(other)),
    }
}

/// A limit that the interpreter does not know.
fn exceeded(why: &Dynamic) -> Error {
    match why.clone().try_cast() {
        Some(Exceeded::Memory(bytes)) => Error::new(
            Kind::Script,
            format!("stopped: it took more than {} MiB of memory", bytes >> 20),
        )
        .hint("a loop that collects what it does not need?"),
        _ => Error::new(
            Kind::Script,
            format!(
                "stopped after {} seconds of computing",
                limits::COMPUTING.as_secs()
            ),
        )
        .hint("a loop that never ends? waiting is not counted"),
    }
}

fn parsing(kind: &ParseErrorType, place: Option<&Place>) -> Error {
    let (line, column) = place.map_or(("", 0), |place| (place.source.as_str(), place.column));
    syntax::describe(kind, line, column)
}

/// What Rhai says, without the position at its end.
fn plain(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let text = match text.rfind(" (line ") {
        Some(at) => text.get(..at).unwrap_or(&text),
        None => &text,
    };
    syntax::lower(text).replace('\'', "\"")
}

fn too_large(what: &str) -> Error {
    let (what, most) = match what {
        "Length of string" => ("a text", format!("{} MiB", limits::TEXT >> 20)),
        "Size of object map" => ("a map", format!("{} entries", limits::MAP)),
        _ => ("an array", format!("{} elements", limits::ARRAY)),
    };
    Error::new(Kind::Script, format!("{what} grew above {most}"))
        .hint("a loop that adds to it for ever?")
}

/// `tpc (&str | ImmutableString | String, map)`: the name, and the arguments' types.
fn function_not_found(signature: &str, around: &Surroundings) -> Error {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let types: Vec<&str> = match types.trim_end_matches(')') {
        "" => Vec::new(),
        list => list.split(", ").map(words_of_name).collect(),
    };
    let script = |cause: String| Error::new(Kind::Script, cause);
    let name = name.rsplit("::").next().unwrap_or(name);
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return operator(name, &types);
    }
    let signatures = signatures_of(name);
    if !signatures.is_empty() {
        let takes_address = signatures.iter().any(|one| one.contains("(address"));
        let has_port = takes_address
            && types
                .windows(2)
                .any(|pair| pair == ["text", "a whole number"]);
        return script(format!("{name} cannot be called with {}", list(&types)))
            .maybe_hint(has_port.then_some("a port belongs to its address: \"192.0.2.10:80\""))
            .hint(format!("it is called as {}", signatures.join(", ")));
    }
    let mine: Vec<&String> = around
        .functions
        .iter()
        .filter(|function| function.split('(').next() == Some(name))
        .collect();
    if let Some(one) = mine.first() {
        return script(format!("{name} cannot be called with {}", list(&types)))
            .hint(format!("it is defined as {one}"));
    }
    if around.standard.iter().any(|known| known == name) {
        return script(format!("{name} cannot be called with {}", list(&types)));
    }
    let own = around
        .functions
        .iter()
        .filter_map(|function| function.split('(').next());
    let known = functions()
        .map(|function| function.name)
        .chain(own)
        .chain(around.standard.iter().map(String::as_str));
    let close = did_you_mean(name, known);
    let theirs = functions().find(|function| function.words.contains(&name));
    script(format!("there is no function {name}")).hint(match (theirs, close) {
        (Some(function), _) => format!("here it is called {}", function.full_name()),
        (None, Some(close)) => format!("did you mean \"{close}\"?"),
        (None, None) => match synonyms::meaning(name) {
            Some(meaning) => meaning.sentence,
            None => "help() says what there is".to_owned(),
        },
    })
}

fn list(types: &[&str]) -> String {
    match types {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn operator(name: &str, types: &[&str]) -> Error {
    let error = match types {
        [left, right] => Error::new(
            Kind::Script,
            format!("\"{name}\" is not for {left} and {right}"),
        ),
        other => Error::new(
            Kind::Script,
            format!("\"{name}\" is not for {}", list(other)),
        ),
    };
    match types.contains(&"text") && types.contains(&"a whole number") {
        true => error.hint("text becomes a number with parse_int(text), a number text with `${n}`"),
        false => error,
    }
}

fn variable_not_found(
    name: &str,
    place: Option<&Place>,
    in_function: bool,
    around: &Surroundings,
) -> Error {
    let error = Error::new(Kind::Script, format!("there is no variable {name}"));
    let text = place.and_then(|place| around.context.source(&place.file));
    let known = declared(&scan(&text.unwrap_or_default()).code);
    if in_function && known.contains(name) {
        return error.hint(format!(
            "a function sees its parameters only: pass {name} to it"
        ));
    }
    if functions().any(|function| function.name == name && !function.forms.is_empty()) {
        return error.hint(format!("{name} is a function: write {name}(...)"));
    }
    let all = known
        .iter()
        .map(String::as_str)
        .chain(around.variables.iter().map(String::as_str))
        .chain(["ARGS", "true", "false"])
        .filter(|other| *other != name);
    error.maybe_hint(match did_you_mean(name, all) {
        Some(close) => Some(format!("did you mean \"{close}\"?")),
        None => match name {
            "null" | "nil" | "None" | "none" => Some("nothing is written ()".to_owned()),
            "True" | "False" => Some(format!("write {}", name.to_lowercase())),
            _ if place.is_some_and(|place| is_first_set(&place.source, name)) => {
                Some(format!("a new variable: let {name} = ..."))
            }
            _ => Some(format!("text stands in quotes: \"{name}\"")),
        },
    })
}

/// Says whether a line begins by setting a variable: `VIP = "192.0.2.10"`.
fn is_first_set(line: &str, name: &str) -> bool {
    let rest = line.trim_start().strip_prefix(name).map(str::trim_start);
    rest.and_then(|rest| rest.strip_prefix('='))
        .is_some_and(|rest| !rest.starts_with('='))
}

fn array_bounds(length: usize, index: i64, place: Option<&Place>, around: &Surroundings) -> Error {
    let of_arguments = length == around.arguments
        && place.is_some_and(|place| scan(&place.source).code.contains("ARGS"));
    if of_arguments && index >= 0 {
        let wants = index.saturating_add(1);
        let given = match around.arguments {
            0 => "none".to_owned(),
            some => format!("only {some}"),
        };
        let error = Error::new(
            Kind::Script,
            format!(
                "this script wants at least {wants} argument{}, and was given {given}",
                if wants == 1 { "" } else { "s" }
            ),
        );
        return match around.file.starts_with(['-', '<']) {
            true => error,
            false => error.hint(format!("ipvsh run {} ARGUMENTS...", around.file)),
        };
    }
    let elements = match length {
        0 => "is empty".to_owned(),
        1 => "has 1 element".to_owned(),
        many => format!("has {many} elements"),
    };
    Error::new(
        Kind::Script,
        format!("the array {elements}: there is no element {index}"),
    )
}

/// `Unknown property 'x' - a getter is not registered for type 'array'`.
fn property_not_found(text: &str, around: &Surroundings) -> Error {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    let (Some(name), Some(kind)) = (quoted.next(), quoted.next()) else {
        return Error::new(Kind::Script, syntax::lower(text).replace('\'', "\""));
    };
    let what = words_of_name(kind);
    let error = Error::new(Kind::Script, format!("{what} has no property \"{name}\""));
    if around.standard.iter().any(|known| known == name) || !signatures_of(name).is_empty() {
        return error.hint(format!("write .{name}()"));
    }
    match kind {
        "()" => error.hint("what stands before the dot is nothing: was it found?"),
        "array" => error.hint("its elements have: for x in array { ... }"),
        _ => error,
    }
}

/// An error of Rhai's own as it reaches `catch`: a map that names the variant. `None` for any
/// other map, which the script threw itself.
pub fn caught(map: &Map, around: &Surroundings) -> Option<Error> {
    let text = |name: &str| map.get(name).map(Dynamic::to_string);
    let number = |name: &str| map.get(name).and_then(|value| value.as_int().ok());
    let variant = text("error").filter(|name| name.starts_with("Error"))?;
    let message = text("message")?;
    let file = text("source").unwrap_or_else(|| around.file.to_owned());
    let place = number("line").and_then(|line| {
        let column = number("position").and_then(|c| usize::try_from(c).ok());
        around
            .context
            .place_at(&file, usize::try_from(line).ok()?, column.unwrap_or(0))
    });
    let at = Position::NONE;
    let length = || {
        number("length")
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0)
    };
    use EvalAltResult as E;
    let error = match variant.as_str() {
        "ErrorFunctionNotFound" => E::ErrorFunctionNotFound(text("function")?, at),
        "ErrorVariableNotFound" => E::ErrorVariableNotFound(text("variable")?, at),
        "ErrorAssignmentToConstant" => E::ErrorAssignmentToConstant(text("variable")?, at),
        "ErrorArrayBounds" => E::ErrorArrayBounds(length(), number("index")?, at),
        "ErrorStringBounds" => E::ErrorStringBounds(length(), number("index")?, at),
        "ErrorDotExpr" => E::ErrorDotExpr(text("property")?, at),
        "ErrorMismatchDataType" => {
            E::ErrorMismatchDataType(text("requested")?, text("actual")?, at)
        }
        "ErrorIndexingType" => E::ErrorIndexingType(text("type")?, at),
        "ErrorFor" => E::ErrorFor(at),
        _ => E::ErrorArithmetic(message, at),
    };
    let error = describe(&error, place.as_ref(), false, around);
    Some(match place {
        Some(place) => error.at(place),
        None => error,
    })
}
