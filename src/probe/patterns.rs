//! Compiled regular expressions, which checks share.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use regex::bytes::Regex;

use super::outcome::Missed;
use crate::model::policy::check::Pattern;

/// The most that are kept; a megabyte each at worst, a few kilobytes as a rule.
const MOST: usize = 256;

/// Those compiled.
static COMPILED: Mutex<BTreeMap<Pattern, Regex>> = Mutex::new(BTreeMap::new());

/// The expression, compiled once for all checks that have it.
pub(super) fn compiled(pattern: &Pattern) -> Result<Regex, Missed> {
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = all.get(pattern) {
        return Ok(regex.clone());
    }
    let regex = pattern.compile();
    let regex = regex.map_err(|error| Missed::no_result(error.to_string()))?;
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(pattern.clone(), regex.clone());
    Ok(regex)
}
