//! Functions of Rhai's own that are replaced, since they drop something in silence.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use super::types::words_of_name;
use crate::format::unique;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Replaces them.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("parse_json", parse_json);
    for name in ["sort", "sort_by"] {
        engine.register_fn(name, sort);
    }
    for name in ["order", "order_by"] {
        engine.register_fn(
            name,
            |context: NativeCallContext, array: &mut Array, by: FnPtr| {
                let mut sorted = array.clone();
                sort(context, &mut sorted, by).map(|()| sorted)
            },
        );
    }
    engine.register_fn("dedup", dedup);
}

/// Rhai's keeps the last value of a key that an object has twice.
fn parse_json(text: &str) -> Result<Dynamic> {
    unique::parse(text)
        .and_then(|_| serde_json::from_str(text))
        .map_err(|error| error.to_string().into())
}

/// Rhai's goes on where the comparing function fails, with any order.
fn sort(context: NativeCallContext, array: &mut Array, by: FnPtr) -> Result<()> {
    let compare = |one: &Dynamic, other: &Dynamic| {
        by.call_raw(&context, None, [one.clone(), other.clone()])
            .and_then(order)
    };
    *array = merge_sorted(array.clone(), &compare)?;
    Ok(())
}

/// Sorts by merging: the standard library's cannot be left at an error, and may panic where the
/// order is none.
fn merge_sorted(
    mut values: Array,
    compare: &impl Fn(&Dynamic, &Dynamic) -> Result<Ordering>,
) -> Result<Array> {
    let length = values.len();
    if length < 2 {
        return Ok(values);
    }
    let second = merge_sorted(values.split_off(length / 2), compare)?;
    let mut second = second.into_iter().peekable();
    let mut sorted = Array::with_capacity(length);
    for value in merge_sorted(values, compare)? {
        while let Some(other) = second.peek() {
            if compare(&value, other)? != Ordering::Greater {
                break;
            }
            sorted.extend(second.next());
        }
        sorted.push(value);
    }
    sorted.extend(second);
    Ok(sorted)
}

/// What a comparing function answered: a number below, equal or above 0, or whether the first of
/// the two comes first.
fn order(answer: Dynamic) -> Result<Ordering> {
    if let Ok(number) = answer.as_int() {
        return Ok(number.cmp(&0));
    }
    match answer.as_bool() {
        Ok(true) => Ok(Ordering::Less),
        Ok(false) => Ok(Ordering::Greater),
        Err(given) => Err(wrong_answer("a number or a boolean", given)),
    }
}

/// Rhai's keeps both elements where the comparing function fails.
fn dedup(context: NativeCallContext, array: &mut Array, by: FnPtr) -> Result<()> {
    let mut failed = None;
    let mut kept = array.clone();
    kept.dedup_by(|next, one| {
        if failed.is_some() {
            return false;
        }
        let answer = by.call_raw(&context, None, [one.clone(), next.clone()]);
        let same = answer.and_then(|answer| {
            answer
                .as_bool()
                .map_err(|given| wrong_answer("a boolean", given))
        });
        same.unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    match failed {
        Some(error) => Err(error),
        None => {
            *array = kept;
            Ok(())
        }
    }
}

fn wrong_answer(wanted: &str, given: &str) -> Box<EvalAltResult> {
    let given = words_of_name(given);
    format!("the comparing function must answer {wanted}, not {given}").into()
}
