//! Functions of Rhai's own that are replaced, since they drop something in silence.

use rhai::{Dynamic, Engine, EvalAltResult};

use crate::format::unique;

/// Replaces them.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("parse_json", parse_json);
}

/// Rhai's keeps the last value of a key that an object has twice.
fn parse_json(text: &str) -> Result<Dynamic, Box<EvalAltResult>> {
    unique::parse(text)
        .and_then(|_| serde_json::from_str(text))
        .map_err(|error| error.to_string().into())
}
