//! What is left of a server's connections, in words, and what can be done about it.

use std::fmt;

use crate::error::Error;
use crate::model::{Counts, ServerKey, ServiceKey, Weight};

/// Connections that are left.
pub(super) struct Remaining(pub Counts);

impl Remaining {
    /// The kinds of which there are some.
    fn some(&self) -> Vec<String> {
        let Counts {
            active,
            inactive,
            persistent,
        } = self.0;
        let kinds = [
            (active, "active"),
            (inactive, "inactive"),
            (persistent, "persistent"),
        ];
        kinds
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, kind)| format!("{number} {kind}"))
            .collect()
    }

    /// Behind a sentence that says what is gone.
    pub fn after(&self) -> String {
        match self.some().as_slice() {
            [] => String::new(),
            some => format!(" ({} left)", some.join(", ")),
        }
    }

    /// What a removal cuts, where it cuts something.
    pub fn cut(&self) -> Option<String> {
        match self.some().as_slice() {
            [] => None,
            some => Some(format!(
                "removing it cuts what is left: {}",
                some.join(", ")
            )),
        }
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self.0 {
            Counts {
                active,
                inactive,
                persistent,
            } if [active, inactive, persistent]
                .map(u64::from)
                .iter()
                .sum::<u64>()
                == 1 =>
            {
                "connection"
            }
            _ => "connections",
        };
        match self.some().as_slice() {
            [] => f.write_str("no connections"),
            some => write!(f, "{} {noun}", some.join(", ")),
        }
    }
}

/// The ways to go on where a drain did not come to its end.
pub(super) fn hints(
    error: Error,
    service: &ServiceKey,
    server: &ServerKey,
    weight: Option<Weight>,
) -> Error {
    let back = match weight {
        Some(_) => "to restore its weight",
        None => "to give it a weight again",
    };
    let weight = weight.unwrap_or_default();
    error
        .hint("it stays at weight 0; to wait on, drain it again")
        .hint(format!(
            "to remove it and cut what is left: ipvsh -e 'remove(\"{service}\", \"{server}\")'"
        ))
        .hint(format!(
            "{back}: ipvsh -e \
             'find(\"{service}\").find(\"{server}\").set(#{{ weight: {weight} }})'"
        ))
}
