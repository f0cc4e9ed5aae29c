//! How a change is to be made, and how a script says so.

use std::collections::BTreeMap;

use crate::error::{Error, Result, did_you_mean};
use crate::model::patch::unknown_option_of;
use crate::model::{Grace, Options, grace};

/// How a change is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeOptions {
    /// The message; made from the change where none is given.
    pub message: Option<String>,
    /// Take over foreign entries that were declared differently.
    pub adopt: bool,
    /// Remove what is foreign.
    pub exact: bool,
    /// Allow the removal of more than half of ten or more services, of all of three or more, and of
    /// what was there before ipvsh managed it.
    pub allow_removals: bool,
    /// Leave a real server at weight 0 where the kernel has it there: a health checker did that.
    pub keep_weights: bool,
    /// Refuse, unless removals are allowed, to leave a service without a real server whose weight is
    /// above 0 by a change of weights.
    pub keep_serving: bool,
    /// Roll back by itself unless confirmed in this time.
    pub confirm: Option<Grace>,
    /// Only plan.
    pub plan_only: bool,
}

impl ChangeOptions {
    /// The same for a change that cannot await confirmation: a session's time to confirm is not
    /// meant for it.
    pub(super) fn unconditional(&self) -> ChangeOptions {
        ChangeOptions {
            confirm: None,
            ..self.clone()
        }
    }
}

/// Reads the options map of `commit(...)` over a session's defaults.
///
/// # Errors
/// `invalid` for unknown names and wrong types.
pub fn change_options(defaults: &ChangeOptions, options: &Options) -> Result<ChangeOptions> {
    let mut result = defaults.clone();
    let mut flags: BTreeMap<&str, &mut bool> = BTreeMap::from([
        ("adopt", &mut result.adopt),
        ("exact", &mut result.exact),
        ("allow_removals", &mut result.allow_removals),
    ]);
    for (name, value) in options {
        if name == "confirm" {
            result.confirm = Some(match value.as_i64() {
                Some(seconds) => Grace::new(seconds)?,
                None => return Err(grace::refused(&value.to_string())),
            });
            continue;
        }
        let known: Vec<&str> = flags.keys().copied().chain(["confirm"]).collect();
        match (flags.get_mut(name.as_str()), value.as_bool()) {
            (Some(flag), Some(value)) => **flag = value,
            (Some(_), None) => {
                return Err(Error::invalid(format!("{name} must be true or false")).about(name));
            }
            (None, _) => {
                let close = did_you_mean(name, known.iter().copied());
                return Err(unknown_option_of("commit", name, close, &known));
            }
        }
    }
    Ok(result)
}
