//! What is left of a commit whose process died: its intent.
//!
//! The next command that writes takes back the steps that were handed to the kernel, where the kernel
//! still shows what they left; those that read report it. Another boot needs that no more, since the
//! kernel's tables did not outlive it, nor does a network namespace that is gone; one that is there
//! has to be visited. What was put right is told, and noted in the history.

use std::collections::BTreeSet;

use super::Director;
use super::transaction::kept_sentence;
use super::undo::undo;
use crate::error::{Error, Kind, Result};
use crate::health::Target;
use crate::model::Event;
use crate::plan::Deltas;
use crate::store::{Intent, Store};

impl Director {
    /// Opens the history to write, and puts right what a crash left; says what that was.
    pub(super) fn open_to_write(&mut self) -> Result<(Box<dyn Store>, Vec<String>)> {
        let mut store = self.stores.open_to_write()?;
        let mut notes = store.repairs();
        for message in &notes {
            self.note(&mut *store, message)?;
        }
        self.follow(&*store)?;
        notes.extend(self.recover(&mut *store)?);
        Ok((store, notes))
    }

    /// Notes something in the history.
    pub(super) fn note(&self, store: &mut dyn Store, message: &str) -> Result<()> {
        store.note(&Event {
            time: self.now(),
            head: store.head()?.map(|head| head.id),
            message: message.to_owned(),
        })
    }

    /// Undoes an unfinished commit; says so in a sentence.
    fn recover(&mut self, store: &mut dyn Store) -> Result<Option<String>> {
        let Some(intent) = store.intent()? else {
            return Ok(None);
        };
        let place = self.kernel.place()?;
        if place.boot != intent.place.boot {
            let what = "was cut off by a reboot: nothing of it is left";
            return self.settled(store, &intent, what).map(Some);
        }
        if place.namespace != intent.place.namespace {
            if !self.confirm_timer.has_namespace(&intent.place.namespace) {
                let what = "was cut off by the end of its network namespace: nothing of it is left";
                return self.settled(store, &intent, what).map(Some);
            }
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
        let deltas = Deltas::of_steps(intent.reached.of(&intent.steps));
        if deltas.is_empty() {
            let what = "did not finish: nothing of it had been sent to the kernel";
            return self.settled(store, &intent, what).map(Some);
        }
        let kept = undo(&mut *self.kernel, &deltas).map_err(|e| {
            e.with_kind(Kind::UndoFailed)
                .attempt(format!("cannot undo {}", describe(&intent)))
        })?;
        self.hold_again(store, &deltas)?;
        let what = match kept.is_empty() {
            true => "did not finish: it was undone, the kernel is as before it".to_owned(),
            false => {
                let kept: Vec<String> = kept.iter().map(kept_sentence).collect();
                format!("did not finish: it was undone; {}", kept.join("; "))
            }
        };
        self.settled(store, &intent, &what).map(Some)
    }

    /// Brings servers that their checks hold back to what the kernel should hold, in the services that an
    /// undoing touched: it knows what they were before the commit, not what the daemon found since.
    fn hold_again(&mut self, store: &dyn Store, deltas: &Deltas) -> Result<()> {
        let state = self.health_state();
        let touched = deltas.services();
        let held = state.servers.keys().copied();
        let held: BTreeSet<Target> = held.filter(|one| touched.contains(&one.service)).collect();
        if held.is_empty() {
            return Ok(());
        }
        let rules = store.rules_of_head()?;
        self.write_transitions(&rules, (&state, &state), &held)
            .map(drop)
    }

    /// Ends a commit that was found unfinished. The note comes first: who dies between the two is
    /// followed by one who says it again, not by one who knows nothing.
    fn settled(&self, store: &mut dyn Store, intent: &Intent, what: &str) -> Result<String> {
        let sentence = format!("{} {what}", describe(intent));
        self.note(store, &sentence)?;
        store.clear_intent()?;
        Ok(sentence)
    }

    /// After a write that failed, which may have reached the disk or not: what is there says
    /// whether it was done.
    pub(super) fn look_again(
        &self,
        error: Error,
        is_done: impl FnOnce(&dyn Store) -> Result<bool>,
    ) -> Result<()> {
        let opened = self.stores.open_to_write();
        match opened.and_then(|store| is_done(&*store)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(error.hint("nothing was changed")),
            Err(_) => Err(error.hint(
                "whether it was done is known when the database can be opened again: ipvsh status",
            )),
        }
    }

    /// Reports what the next command that writes settles, and what awaits confirmation, for
    /// commands that only read.
    pub(super) fn unsettled(&self, store: &dyn Store) -> Result<Vec<String>> {
        let awaiting = self.awaiting(store)?.map(|awaiting| awaiting.sentence());
        Ok(self
            .unfinished(store)?
            .into_iter()
            .chain(awaiting)
            .collect())
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
