//! The head of a history with which nothing is to be done first, without opening the database.
//!
//! Boot restores a head that somebody committed, and in most cases confirmed, a while ago. The mirror
//! holds it, and the files beside say whether anything is open: an intent, a line on its way, a wait
//! for a confirmation, an exchange of files. Where anything is, or is in doubt, this says nothing and
//! the database is opened, which settles it.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::directory;
use super::intent;
use super::lock::{Lock, Patience};
use super::mirror::{self, Mirror, State};
use super::table::ENGINE;
use super::{DatabaseKind, Faults, Intent, Journal, KernelLock, Reached, Settled, swap};
use crate::error::Result;
use crate::model::Ruleset;

/// Where an intent is written without the database; it holds the lock until it is dropped.
struct Beside {
    dir: PathBuf,
    rules: Rc<Ruleset>,
    faults: Faults,
    _lock: Lock,
    _kernel: KernelLock,
}

impl Beside {
    fn fault(&self, point: &'static str) -> Result<()> {
        (self.faults)(point).map_err(|error| directory::failed("write", &self.dir, &error))
    }
}

impl Journal for Beside {
    fn set_intent(&mut self, intent: &Intent) -> Result<()> {
        self.fault("intent")
            .and_then(|()| intent::write(&self.dir, intent, Some(&self.rules)))
            .map_err(|error| error.of_database(directory::location(&self.dir)))
    }

    fn note_reached(&mut self, reached: &Reached) -> Result<()> {
        self.fault("reached")
            .and_then(|()| intent::note(&self.dir, reached))
            .map_err(|error| error.of_database(directory::location(&self.dir)))
    }

    fn clear_intent(&mut self) -> Result<()> {
        self.fault("clear")
            .and_then(|()| intent::remove(&self.dir))
            .map_err(|error| error.of_database(directory::location(&self.dir)))
    }
}

/// Reads the settled head of a database; none where there is none, or where that is not certain. The
/// caller took the lock of the kernel.
///
/// # Errors
/// `busy`, `interrupted`, `not_permitted`: what the lock says.
pub(super) fn open(
    dir: &Path,
    (kind, kernel): (DatabaseKind, KernelLock),
    patience: &Patience<'_>,
    faults: &Faults,
) -> Result<Option<Settled>> {
    let lock = Lock::acquire(dir, patience)?;
    // What fails here is told by who opens the database for it.
    if swap::is_open(dir) || intent::exists(dir) || !dir.join(ENGINE).join("db").is_file() {
        return Ok(None);
    }
    let Some(tip) = Mirror::open(dir, kind).ok().flatten().and_then(|m| m.tip) else {
        return Ok(None);
    };
    let head = tip.head.snapshot.id;
    let is_done = matches!(tip.state, State::Done | State::Kept);
    if !is_done || tip.is_pending() || lock.witness().head != head.0 {
        return Ok(None);
    }
    let rules = mirror::rules_of(dir, kind, &tip.head).ok().flatten();
    Ok(rules.map(Rc::new).map(|rules| Settled {
        head,
        rules: Rc::clone(&rules),
        journal: Box::new(Beside {
            dir: dir.to_owned(),
            rules,
            faults: Rc::clone(faults),
            _lock: lock,
            _kernel: kernel,
        }),
    }))
}
