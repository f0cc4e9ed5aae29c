//! How deep a value holds others, looked at while a script runs.
//!
//! Rhai compares, prints and frees values by recursion. A whole look at every use of a large
//! inventory would cost more than the script; so one path is followed each time, and all of them
//! as far as the credit goes that every look adds to.

use std::cell::Cell;

use rhai::{Array, Dynamic, FnPtr, Map};

use super::limits::NESTING;

/// How many elements of a container are looked at for one that is a container too, each time.
const LOOKED_AT: usize = 4;
/// How many values each look adds to the credit of whole looks.
const EARNED: usize = 8;
/// The most credit: a whole look stops here.
const CREDIT: usize = 20_000;

/// Looks at values, and at most of them only in part.
#[derive(Debug, Default)]
pub(super) struct Depth {
    credit: Cell<usize>,
}

impl Depth {
    /// Says whether a value was seen to be nested too deep.
    pub fn exceeds(&self, value: &Dynamic) -> bool {
        if !holds(value) {
            return false;
        }
        let credit = self.credit.get().saturating_add(EARNED).min(CREDIT);
        self.credit.set(credit);
        // Small change is saved: a look that ends half-way has seen nothing.
        let is_rich = credit >= CREDIT / 2;
        path_exceeds(value, NESTING) || is_rich && self.tree_exceeds(value, NESTING)
    }

    /// Follows all paths through arrays and maps: these hold no value twice, so that it ends.
    fn tree_exceeds(&self, value: &Dynamic, most: usize) -> bool {
        if most == 0 {
            return true;
        }
        let exceeds = |inner: &Dynamic| {
            (inner.is_array() || inner.is_map()) && self.tree_exceeds(inner, most - 1)
        };
        if let Some(array) = value.read_lock::<Array>() {
            // An array's elements lie side by side, and are looked at as quickly.
            return self.pay(1 + array.len() / EARNED) && array.iter().any(exceeds);
        }
        let map = value.read_lock::<Map>();
        map.is_some_and(|map| self.pay(1 + map.len()) && map.values().any(exceeds))
    }

    /// Takes the price of a look from the credit, if there is enough.
    fn pay(&self, price: usize) -> bool {
        let left = self.credit.get().checked_sub(price.min(CREDIT));
        left.inspect(|left| self.credit.set(*left)).is_some()
    }
}

/// Says whether a value may hold others.
fn holds(value: &Dynamic) -> bool {
    value.is_array() || value.is_map() || value.is_fnptr()
}

/// Follows one path, through one element of each container that holds others. A function holds
/// what its closure captured, which may hold the function: only one path has an end then.
fn path_exceeds(value: &Dynamic, most: usize) -> bool {
    if most == 0 {
        return holds(value);
    }
    let next = |inner: Option<&Dynamic>| inner.is_some_and(|inner| path_exceeds(inner, most - 1));
    if let Some(array) = value.read_lock::<Array>() {
        let mut ends = array.iter().take(LOOKED_AT).chain(array.last());
        return next(ends.find(|inner| holds(inner)));
    }
    if let Some(map) = value.read_lock::<Map>() {
        return next(map.values().take(LOOKED_AT).find(|inner| holds(inner)));
    }
    value
        .read_lock::<FnPtr>()
        .is_some_and(|function| next(function.curry().iter().rfind(|inner| holds(inner))))
}
