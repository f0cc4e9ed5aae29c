//! The end of a run whose results could not be written: what was done all the same.

use std::rc::Rc;
use std::time::Duration;

use super::args::DIFFERENT;
use super::author::author;
use super::context::Context;
use crate::director::{Director, Fate};
use crate::error::{Error, Kind, Result};
use crate::kernel::Sim;
use crate::model::{Ruleset, SnapshotId};
use crate::output::{self, Effect};

/// How long to wait for the history: it is only asked for the last words.
const PATIENCE: Duration = Duration::from_secs(2);

impl Context {
    /// The status of a run that ended with `status`: where standard output did not take all of it,
    /// says so, and what was done. The status of a failure stays.
    pub(super) fn ended(&self, status: u8) -> u8 {
        let Err(error) = output::written() else {
            return status;
        };
        let error = match output::effects().is_empty() {
            true => error,
            false => self.with_effects(error.with_kind(Kind::Unreported)),
        };
        self.out.error(&error);
        match status {
            0 | DIFFERENT => error.kind().exit_status(),
            failure => failure,
        }
    }

    /// An error that names what this process did before it, a hint each.
    pub(super) fn with_effects(&self, error: Error) -> Error {
        let effects = output::effects();
        let mut ids: Vec<SnapshotId> = Vec::new();
        for effect in &effects {
            if let Effect::Snapshot(id) = effect {
                ids.push(*id);
            }
        }
        let fates = self.fates(&ids);
        let mut fates = ids.iter().zip(&fates);
        effects.into_iter().fold(error, |error, effect| {
            error.maybe_hint(match effect {
                Effect::Other(sentence) => Some(sentence),
                Effect::Snapshot(_) => fates.next().map(|(id, fate)| fate.sentence(*id, "")),
            })
        })
    }

    fn fates(&self, ids: &[SnapshotId]) -> Vec<Fate> {
        let looked: Result<Vec<Fate>> = self.stores().map(|stores| {
            let stores = Rc::new(stores.waiting(PATIENCE));
            // Only the history is asked: any kernel does.
            let kernel = Box::new(Sim::new(&Ruleset::default()));
            Director::new(kernel, stores, author()).fates(ids)
        });
        looked.unwrap_or_else(|_| vec![Fate::Unknown; ids.len()])
    }
}
