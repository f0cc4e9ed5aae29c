//! Printing a view once.

use serde_json::Value;

use super::super::context::Context;
use super::asked::Asked;
use super::picture::{self, Picture};
use crate::director::Director;
use crate::error::Result;
use crate::output::Form;
use crate::views::View;

/// Prints a view once; JSON on one line where it comes again and again.
pub(super) fn print(
    context: &Context,
    director: &mut Director,
    asked: &Asked,
    again: bool,
) -> Result<()> {
    let out = &context.out;
    if asked.view == View::Connections && asked.count_by.is_none() {
        let form = match (out.json, again) {
            (false, _) => Form::Table(out.paint),
            (true, false) => Form::Json,
            (true, true) => Form::JsonLine,
        };
        let some = out.connections(form, |visit| {
            director.connections(&asked.connections, visit)
        })?;
        if !some && !out.json {
            out.sentence(asked.view.facts().empty);
        }
        return Ok(());
    }
    match picture::take(context, director, asked)? {
        Picture::Json(value) if again => out.print(&value.to_string()),
        Picture::Json(value) => out.print_json(&value),
        Picture::Array(values) if again => out.print(&json_line(values)),
        Picture::Array(values) => out.print_json_array(values),
        Picture::Table(text) => out.print(&text),
        Picture::Sentence(text) => out.sentence(text),
    }
    Ok(())
}

/// An array of JSON on one line.
pub(super) fn json_line(values: impl Iterator<Item = Value>) -> String {
    values.collect::<Value>().to_string()
}
