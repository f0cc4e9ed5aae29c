//! What is said behind the cursor while a line is typed: how the call goes on.

use super::complete::facts;
use super::context::{Place, params_from};
use super::world::World;
use crate::api::Param;
use crate::script::frames::Frame;
use crate::script::token::{Kind, Token};

/// How many columns a hint may take.
const WIDTH: usize = 60;

/// How many columns say nothing.
const FEW: usize = 12;

/// How the call at the end of a line goes on.
pub(super) fn signature(line: &str, world: &dyn World) -> Option<String> {
    let place = Place::of(line, line.len());
    let is_closed = |token: &Token| token.kind == Kind::Text && token.closed;
    let is_value = place.tokens.last().is_some_and(is_closed);
    if place.in_text || place.is_dead && !is_value {
        return None;
    }
    let hint = match place.frames.last()? {
        Frame::Map { key, given } => of_map(&place, *key, given, world)?,
        Frame::Call { argument, .. } => of_call(&place, *argument, world)?,
        _ => return None,
    };
    Some(hint)
}

/// As much of a hint as there is room for; a hint that says nothing is none. What is cut off has a
/// sign that the terminal can show.
pub(super) fn fitting(hint: &str, room: usize, is_utf8: bool) -> Option<String> {
    let sign = if is_utf8 { "…" } else { "..." };
    let width = room.min(WIDTH);
    if hint.chars().count() <= width {
        return Some(hint.to_owned());
    }
    let begun = width.checked_sub(sign.chars().count())?;
    let begun: String = hint.chars().take(begun).collect();
    (width > FEW).then(|| format!("{begun}{sign}"))
}

/// The options that are left, or what the one whose value comes now takes.
fn of_map(place: &Place, key: Option<&str>, given: &[&str], world: &dyn World) -> Option<String> {
    let options = place.options_of(place.frames.len() - 1, Some(world))?;
    match key {
        None if place.prefix.is_empty() => {
            let left: Vec<&str> = options
                .iter()
                .map(|option| option.name)
                .filter(|name| !given.contains(name))
                .collect();
            Some(left.join(", ")).filter(|names| !names.is_empty())
        }
        Some(key) if place.prefix.is_empty() && place.is_behind(":") => {
            let option = options.iter().find(|option| option.name == key)?;
            Some(match (option.unit, option.range) {
                (_, "") => facts(option),
                ("", range) => range.to_owned(),
                (unit, range) => format!("{unit}, {range}"),
            })
        }
        _ => None,
    }
}

/// The parameters that are left.
fn of_call(place: &Place, argument: usize, world: &dyn World) -> Option<String> {
    let (_, functions) = place.call(world)?;
    let is_begun = !place.prefix.is_empty() || !(place.is_behind("(") || place.is_behind(","));
    let left = params_from(&functions, argument + usize::from(is_begun));
    let mut text = written(&left, is_begun);
    // Nobody knows the function, or what it would do with one more.
    let is_too_many = left.is_empty() && !is_begun && argument > 0;
    if functions.is_empty() || is_too_many {
        return None;
    }
    text.push(')');
    Some(text)
}

/// Parameters as a signature has them: `address [, options]`.
fn written(params: &[Param], is_begun: bool) -> String {
    let mut text = String::new();
    for (index, param) in params.iter().enumerate() {
        let comma = if index == 0 && !is_begun { "" } else { ", " };
        text.push_str(&match (param.optional, comma) {
            (true, "") => format!("[{}]", param.name),
            (true, _) => format!(" [{comma}{}]", param.name),
            (false, _) => format!("{comma}{}", param.name),
        });
    }
    text
}
