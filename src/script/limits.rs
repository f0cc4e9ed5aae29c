//! Every limit of the engine, in one place: the same in debug and release builds.
//!
//! Rhai's own defaults differ between builds, and operations, texts, arrays and maps are
//! unlimited by default. These are wide enough for 10,000 services with 5 servers each from one
//! inventory, and stop what can only be a mistake. Memory and computing time are no limits of
//! Rhai's: `meter` looks at them between two operations, never within one of ours.

use std::cell::Cell;
use std::time::Duration;

use rhai::{Engine, OptimizationLevel};

/// How deep functions may call each other.
pub const CALLS: usize = 64;
/// How deep expressions may be nested outside of functions.
pub const EXPRESSIONS: usize = 128;
/// How deep expressions may be nested within a function.
pub const FUNCTION_EXPRESSIONS: usize = 128;
/// How many operations a script may take; a loop without an end takes seconds to get there.
pub const OPERATIONS: u64 = 200_000_000;
/// The longest text, in bytes; also the sum of all texts in one value.
pub const TEXT: usize = 32 << 20;
/// The most elements of one value's arrays together.
pub const ARRAY: usize = 250_000;
/// The most entries of one value's maps together.
pub const MAP: usize = 500_000;
/// How many variables may be in scope at once.
pub const VARIABLES: usize = 1_000;
/// How many functions a script may define.
pub const FUNCTIONS: usize = 1_000;
/// How many modules a script may import.
pub const MODULES: usize = 100;

/// How deep arrays, maps and functions may hold each other.
pub const NESTING: usize = 200;
/// How much memory a script may take, in bytes, where the host has twice as much to spare: 10,000
/// services with 5 servers each take a third of it, with their commit.
pub const MEMORY: u64 = 512 << 20;
/// How much memory a script may take on the smallest host.
pub const LEAST_MEMORY: u64 = 32 << 20;
/// How long a script may compute, in time of the processor: waiting is free.
pub const COMPUTING: Duration = Duration::from_secs(600);

/// How many bytes of stack the values in one byte of memory need at most, when Rhai frees, copies
/// or hashes them by recursion. Measured with rhai 1.27, per level: 131 to 157 bytes of stack for
/// 64 of memory (arrays), 249 to 301 for 143 (closures that hold closures), 249 for 604 (maps).
const STACK_PER_MEMORY: u64 = 3;

/// The stack that the deepest code needs, in bytes, in a debug build.
const CODE_STACK: u64 = 64 << 20;

/// How often a stack is asked for, each half as large as the one before.
const STACKS: u32 = 5;

thread_local! {
    /// The stack of this thread, in bytes; 0 where it is not known.
    static STACK: Cell<u64> = const { Cell::new(0) };
}

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

/// The most memory that values on this thread may take, so that its stack holds their recursion.
pub fn memory_for_stack() -> u64 {
    match STACK.get() {
        0 => MEMORY,
        stack => MEMORY.min(stack.saturating_sub(CODE_STACK) / STACK_PER_MEMORY),
    }
}

/// Runs something on a thread whose stack holds the deepest script that the limits allow: the
/// main thread's may be as small as the user's `ulimit -s`, and Linux leaves 128 MiB for it. Only
/// what is used of the stack takes memory; where the host does not even promise it, it is smaller,
/// and so is [`memory_for_stack`].
///
/// # Errors
/// `system` where there is no room for the smallest one. A panic goes on in the caller.
pub fn with_stack<T: Send>(run: impl FnOnce() -> T + Send) -> crate::error::Result<T> {
    let mut run = Some(run);
    let run = &mut run;
    let whole = MEMORY * STACK_PER_MEMORY + CODE_STACK;
    let mut refused = std::io::Error::other("no stack was asked for");
    for halved in 0..STACKS {
        let stack = whole >> halved;
        let work = &mut *run;
        let started = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("ipvsh".to_owned())
                .stack_size(usize::try_from(stack).unwrap_or(usize::MAX))
                .spawn_scoped(scope, move || {
                    STACK.set(stack);
                    work.take().map(|run| run())
                })
                .map(|thread| match thread.join() {
                    Ok(value) => value,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        });
        match started {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => break,
            Err(error) => refused = error,
        }
    }
    Err(crate::error::Error::system(
        "cannot start a thread",
        &refused,
    ))
}
