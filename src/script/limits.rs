//! Every limit of the engine, in one place: the same in debug and release builds.
//!
//! Rhai's own defaults differ between builds, and operations, texts, arrays and maps are
//! unlimited by default. These are wide enough for 10,000 services with 5 servers each from one
//! inventory, and stop what can only be a mistake.

use rhai::{Dynamic, Engine, OptimizationLevel};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// How deep arrays and maps may hold each other.
pub const NESTING: usize = 200;

/// The stack that the deepest script needs, in bytes, in a debug build (see [`with_stack`]).
pub const STACK: usize = 64 << 20;

/// How many elements of a container are looked at for one that is a container too.
const LOOKED_AT: usize = 4;

/// Says whether a value holds itself too deep, looking at a few elements of each container: a
/// whole look at every use of a large inventory would cost more than the script.
pub fn is_nested_too_deep(value: &Dynamic) -> bool {
    depth_exceeds(value, NESTING)
}

fn depth_exceeds(value: &Dynamic, most: usize) -> bool {
    let holds = |value: &&Dynamic| value.is_array() || value.is_map();
    if !holds(&value) {
        return false;
    }
    if most == 0 {
        return true;
    }
    if let Ok(array) = value.as_array_ref() {
        let mut ends = array.iter().take(LOOKED_AT).chain(array.last());
        return ends
            .find(holds)
            .is_some_and(|inner| depth_exceeds(inner, most - 1));
    }
    value.as_map_ref().is_ok_and(|map| {
        map.values()
            .take(LOOKED_AT)
            .find(holds)
            .is_some_and(|inner| depth_exceeds(inner, most - 1))
    })
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

/// Runs something where the stack holds the deepest script that the limits allow: on this thread,
/// which has to be the main one, where its stack may grow so far; else as [`with_stack`] does. The
/// memory of a thread of its own is dearer: glibc asks the kernel for each page of it.
///
/// # Errors
/// As [`with_stack`].
pub fn with_main_stack<T: Send>(run: impl FnOnce() -> T + Send) -> crate::error::Result<T> {
    let limit = getrlimit(Resource::Stack);
    let wanted = STACK as u64;
    let is_enough = |bytes: Option<u64>| bytes.is_none_or(|bytes| bytes >= wanted);
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    // Linux looks at the limit when the stack grows, and leaves 128 MiB for that (mmap_base).
    let may_grow = is_enough(limit.current)
        || is_enough(limit.maximum) && setrlimit(Resource::Stack, raised).is_ok();
    match may_grow {
        true => Ok(run()),
        false => with_stack(run),
    }
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
