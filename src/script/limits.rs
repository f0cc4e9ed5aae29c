//! Every limit of the engine, in one place: the same in debug and release builds.
//!
//! Rhai's own defaults differ between builds, and operations, texts, arrays and maps are
//! unlimited by default. These are wide enough for 10,000 services with 5 servers each from one
//! inventory, and stop what can only be a mistake.

use rhai::{Engine, OptimizationLevel};

/// How deep functions may call each other.
pub const CALLS: usize = 64;
/// How deep expressions may be nested outside of functions.
pub const EXPRESSIONS: usize = 64;
/// How deep expressions may be nested within a function.
pub const FUNCTION_EXPRESSIONS: usize = 32;
/// How many operations a script may take; a loop without an end takes seconds to get there.
pub const OPERATIONS: u64 = 200_000_000;
/// The longest text, in bytes; also the sum of all texts in one value.
pub const TEXT: usize = 32 << 20;
/// The most elements of one value's arrays together.
pub const ARRAY: usize = 1_000_000;
/// The most entries of one value's maps together.
pub const MAP: usize = 1_000_000;
/// How many variables may be in scope at once.
pub const VARIABLES: usize = 1_000;
/// How many functions a script may define.
pub const FUNCTIONS: usize = 1_000;
/// How many modules a script may import.
pub const MODULES: usize = 100;

/// The stack that the deepest script needs, in bytes, in a debug build (see [`with_stack`]).
pub const STACK: usize = 64 << 20;

/// Sets every limit.
pub fn set(engine: &mut Engine) {
    engine
        .set_max_call_levels(CALLS)
        .set_max_expr_depths(EXPRESSIONS, FUNCTION_EXPRESSIONS)
        .set_max_operations(OPERATIONS)
        .set_max_string_size(TEXT)
        .set_max_array_size(ARRAY)
        .set_max_map_size(MAP)
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_modules(MODULES)
        // Nothing is gained by folding constants, and positions stay what the user wrote.
        .set_optimization_level(OptimizationLevel::None)
        // `eval` would run text that no error could point into.
        .disable_symbol("eval");
}

/// Runs something on a thread whose stack holds the deepest script that the limits allow: the
/// main thread's may be as small as the user's `ulimit -s`.
///
/// # Errors
/// `system` where there is no memory for it. A panic goes on in the caller.
pub fn with_stack<T: Send>(run: impl FnOnce() -> T + Send) -> crate::error::Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("ipvsh".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, run)
            .map_err(|e| crate::error::Error::system("cannot start a thread", &e))
            .map(|thread| match thread.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}
