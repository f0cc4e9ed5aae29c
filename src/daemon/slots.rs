//! How many checks run at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::health::ProbeId;
use crate::model::Check;
use crate::model::policy::check::CheckKind;

/// The most checks at once.
const MOST: u64 = 4096;

/// The fewest, however few files this process may open.
const LEAST: u64 = 16;

/// Open files that no check uses: the database, the control socket and its callers, pipes of programs.
const RESERVED: u64 = 256;

/// The most programs at once.
const PROGRAMS: usize = 32;

/// The most runs over TLS at once: each holds some 40 kB.
const TLS: usize = 1024;

/// Bounds the runs. Probes whose last run took all of its time never hold more than half of the
/// slots, so that servers that drop packets do not delay the checks of the others; nor do programs and
/// runs over TLS that never ran, since either may take long.
pub(super) struct Slots {
    all: Arc<Semaphore>,
    hung: Arc<Semaphore>,
    tls: Arc<Semaphore>,
    slow_tls: Arc<Semaphore>,
    programs: Arc<Semaphore>,
    slow_programs: Arc<Semaphore>,
    /// The probes that ran, and whether the last run took all of its time.
    known: RefCell<BTreeMap<ProbeId, bool>>,
}

/// The slots that one run holds.
#[derive(Default)]
pub(super) struct Held {
    _slots: Vec<OwnedSemaphorePermit>,
}

impl Slots {
    /// Makes as many slots as this process may open files; raises that limit as far as it may.
    pub(super) fn new() -> Slots {
        Slots::of(usize::try_from(room()).unwrap_or(PROGRAMS))
    }

    fn of(count: usize) -> Slots {
        Slots {
            all: Arc::new(Semaphore::new(count)),
            hung: Arc::new(Semaphore::new(count / 2)),
            tls: Arc::new(Semaphore::new(TLS)),
            slow_tls: Arc::new(Semaphore::new(TLS / 2)),
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            slow_programs: Arc::new(Semaphore::new(PROGRAMS / 2)),
            known: RefCell::default(),
        }
    }

    /// Waits for the slots of a run; `id` is none for a run that a command asked for.
    pub(super) async fn take(&self, id: Option<ProbeId>, check: &Check) -> Held {
        let last = id.and_then(|id| self.known.borrow().get(&id).copied());
        let is_hung = last == Some(true);
        let is_program = matches!(check.kind, CheckKind::Exec(_));
        let is_tls = matches!(&check.kind, CheckKind::Http(http) if http.tls.is_some());
        let needed = [
            (is_hung, &self.hung),
            (is_tls && last != Some(false), &self.slow_tls),
            (is_tls, &self.tls),
            (is_program && last != Some(false), &self.slow_programs),
            (is_program, &self.programs),
            // The last: whoever waits for another one keeps nobody from this.
            (true, &self.all),
        ];
        let mut held = Held::default();
        for (_, slots) in needed.into_iter().filter(|(is_needed, _)| *is_needed) {
            // It fails only if it is closed, which nobody does.
            held._slots
                .extend(Arc::clone(slots).acquire_owned().await.ok());
        }
        held
    }

    /// Notes whether a run took all of its time.
    pub(super) fn note(&self, id: ProbeId, is_hung: bool) {
        self.known.borrow_mut().insert(id, is_hung);
    }
}

/// How many checks this process has room for.
fn room() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, the old limit stays.
    let _ = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    files.saturating_sub(RESERVED).clamp(LEAST, MOST)
}
