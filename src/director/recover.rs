//! What is left of a commit whose process died: its intent.
//!
//! The next command that writes undoes it; those that read report it. Another boot needs no
//! undo, since the kernel's tables did not outlive it; another network namespace is refused.

use super::Director;
use super::transaction::undo;
use crate::error::{Error, Kind, Result};
use crate::store::{Intent, Store};

impl Director {
    /// Undoes an unfinished commit; says so in a sentence.
    pub(super) fn recover(&mut self, store: &mut dyn Store) -> Result<Option<String>> {
        let Some(intent) = store.intent()? else {
            return Ok(None);
        };
        let place = self.kernel.place()?;
        if place.boot != intent.place.boot {
            store.clear_intent()?;
            return Ok(Some(format!(
                "{} was cut off by a reboot: nothing of it is left",
                describe(&intent)
            )));
        }
        if place.namespace != intent.place.namespace {
            return Err(Error::new(
                Kind::State,
                format!(
                    "{} is to be undone first, in another network namespace",
                    describe(&intent)
                ),
            )
            .hint(format!(
                "run any command that writes in {} (this is {}), for example `ipvsh restore`",
                intent.place.namespace, place.namespace
            )));
        }
        undo(&mut *self.kernel, &intent.steps).map_err(|e| {
            e.with_kind(Kind::UndoFailed)
                .attempt(format!("cannot undo {}", describe(&intent)))
        })?;
        store.clear_intent()?;
        Ok(Some(format!(
            "{} did not finish: it was undone, the kernel is as before it",
            describe(&intent)
        )))
    }

    /// Reports an unfinished commit, for commands that only read.
    pub(super) fn unfinished(&self, store: &dyn Store) -> Result<Option<String>> {
        Ok(store.intent()?.map(|intent| {
            format!(
                "{} did not finish: the next command that writes undoes it (ipvsh restore)",
                describe(&intent)
            )
        }))
    }
}

fn describe(intent: &Intent) -> String {
    format!(
        "the commit \"{}\" by {} at {}",
        intent.message,
        intent.author,
        intent.time.format("%Y-%m-%dT%H:%M:%SZ")
    )
}
