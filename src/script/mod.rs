//! The Rhai engine: limits, imports, errors with line and caret, values as a reader sees them.
//!
//! Layer 5. What a script may call is in [`crate::api`]; what it means is in the director.
//! Source of truth: the Rhai book (rhai.rs/book) and rhai 1.27's source.

mod interpreter;
mod shown;
mod source;

pub use interpreter::{Interpreter, is_incomplete};
pub use shown::{Ended, Shown};
pub use source::Source;
