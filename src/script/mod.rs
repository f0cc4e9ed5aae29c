//! The Rhai engine: limits, imports, errors with line and caret, values as a reader sees them.
//!
//! Layer 5. What a script may call is in [`crate::api`]; what it means is in the director.
//! Source of truth: the Rhai book (rhai.rs/book) and rhai 1.27's source.

mod depth;
mod errors;
pub mod frames;
pub mod infer;
mod interpreter;
pub mod limits;
mod meter;
mod pinpoint;
mod problems;
mod resolver;
mod ruleset;
mod scan;
mod shown;
mod slips;
mod source;
mod syntax;
pub mod token;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

pub use interpreter::{Interpreter, is_incomplete};
pub use ruleset::{ruleset, ruleset_of};
pub use shown::{Ended, Shown};
pub use source::{MAX_BYTES, Source, utf8};

/// The names of variables that `catch` binds.
type Catches = Rc<RefCell<BTreeSet<String>>>;

/// A script's text as the engine gets it: a first line of `#!` is blank, so that lines keep
/// their numbers, and lines end in one way.
fn prepare(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = match text.starts_with("#!") {
        true => text
            .find('\n')
            .and_then(|end| text.get(end..))
            .unwrap_or(""),
        false => text,
    };
    text.replace("\r\n", "\n")
}
