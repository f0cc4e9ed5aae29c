//! What completion knows of the world: this kernel, the table, the history, the host.
//!
//! Asked at every Tab, so nothing here waits: the history is read only where nobody holds the
//! database, the kernel once per line, and whatever fails is simply not offered.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use crate::api::Type;
use crate::kernel::Names;
use crate::model::{EntryKey, Live, ServiceKey, ServiceName, Snapshot};
use crate::script::Interpreter;

use super::verbs::{Offer, Verbs};

/// What completion may offer.
pub trait World {
    /// The schedulers and persistence engines of this kernel.
    fn names(&self) -> &Names;
    /// Virtual services, live and staged.
    fn services(&self) -> Vec<ServiceKey>;
    /// Addresses of real servers: of one service, or of all.
    fn servers(&self, of: Option<&ServiceKey>) -> Vec<String>;
    /// Firewall marks.
    fn marks(&self) -> Vec<u32>;
    /// Snapshots, newest first.
    fn snapshots(&self) -> Vec<Snapshot>;
    /// Variables with their types.
    fn variables(&self) -> Vec<(String, Type)>;
    /// The service that a variable names.
    fn service_of(&self, variable: &str) -> Option<ServiceKey>;
    /// The user's own functions, with their parameters: `add(w, ip)`.
    fn functions(&self) -> Vec<String>;
    /// The verbs of the command line, each with what it does.
    fn verbs(&self) -> &[Offer] {
        &[]
    }
    /// What the word of a verb behind these may become; `None` stands for names of files.
    fn verb_words(&self, _before: &[String], _begun: &str) -> Option<Vec<Offer>> {
        Some(Vec::new())
    }
    /// Network interfaces.
    fn interfaces(&self) -> Vec<String> {
        listed(Path::new("/sys/class/net"))
    }
    /// Names of files that begin like this; directories end in `/`.
    fn files(&self, begun: &str) -> Vec<String> {
        files(begun)
    }
    /// Variables of the environment.
    fn environment(&self) -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        sorted(names.collect())
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

fn listed(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    sorted(
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect(),
    )
}

/// The files whose name begins like this.
pub fn files(begun: &str) -> Vec<String> {
    let (dir, name) = match begun.rfind('/') {
        Some(slash) => begun.split_at(slash + 1),
        None => ("", begun),
    };
    let place = if dir.is_empty() { "." } else { dir };
    listed(Path::new(place))
        .into_iter()
        .filter(|file| file.starts_with(name))
        // What is hidden is offered to those who ask for it.
        .filter(|file| !file.starts_with('.') || name.starts_with('.'))
        .filter(|file| !file.contains(['"', '\\']) && !file.contains(char::is_control))
        .map(|file| match Path::new(place).join(&file).is_dir() {
            true => format!("{dir}{file}/"),
            false => format!("{dir}{file}"),
        })
        .collect()
}

/// Reads the history without waiting for anybody; empty where that fails.
pub type SnapshotsOf = Box<dyn Fn() -> Vec<Snapshot>>;

/// The world of a prompt.
pub struct PromptWorld {
    interpreter: Rc<RefCell<Interpreter>>,
    names: Names,
    read_snapshots: SnapshotsOf,
    verbs: Rc<dyn Verbs>,
    snapshots: RefCell<Option<Vec<Snapshot>>>,
    /// Live and staged state, as one.
    state: RefCell<Option<Rc<Live>>>,
}

impl PromptWorld {
    /// The world around an interpreter.
    pub fn new(
        interpreter: Rc<RefCell<Interpreter>>,
        names: Names,
        read_snapshots: SnapshotsOf,
        verbs: Rc<dyn Verbs>,
    ) -> PromptWorld {
        PromptWorld {
            interpreter,
            names,
            read_snapshots,
            verbs,
            snapshots: RefCell::new(None),
            state: RefCell::new(None),
        }
    }

    /// Forgets what was read: a line ran, or a new one begins.
    pub fn refresh(&self) {
        self.snapshots.replace(None);
        self.state.replace(None);
    }

    /// What is live with what is staged over it; read once per line.
    fn state(&self) -> Rc<Live> {
        if let Some(state) = self.state.borrow().as_ref() {
            return Rc::clone(state);
        }
        let state = Rc::new(self.read_state());
        self.state.replace(Some(Rc::clone(&state)));
        state
    }

    fn read_state(&self) -> Live {
        let Ok(interpreter) = self.interpreter.try_borrow() else {
            return Live::default();
        };
        let mut session = interpreter.session();
        let mut state = session.live().cloned().unwrap_or_default();
        if let Some(candidate) = session.loaded() {
            state
                .rules
                .services
                .retain(|key, _| !candidate.is_removed(&EntryKey::Service(*key)));
            for (key, service) in &candidate.rules().services {
                state.rules.services.insert(*key, service.clone());
            }
            state
                .rules
                .marks
                .extend(candidate.rules().marks.iter().cloned());
        }
        state
    }
}

impl World for PromptWorld {
    fn names(&self) -> &Names {
        &self.names
    }

    fn services(&self) -> Vec<ServiceKey> {
        self.state().rules.services.keys().copied().collect()
    }

    fn servers(&self, of: Option<&ServiceKey>) -> Vec<String> {
        let state = self.state();
        let services = state.rules.services.iter();
        sorted(
            services
                .filter(|(key, _)| of.is_none_or(|of| of == *key))
                .flat_map(|(_, service)| service.servers.keys())
                .map(ToString::to_string)
                .collect(),
        )
    }

    fn marks(&self) -> Vec<u32> {
        let state = self.state();
        let of_services = state.rules.services.keys().filter_map(|key| match key {
            ServiceKey::Fwmark { mark, .. } => Some(mark.value()),
            ServiceKey::Address { .. } => None,
        });
        let of_rules = state.rules.marks.iter().map(|rule| rule.mark.value());
        let mut marks: Vec<u32> = of_services.chain(of_rules).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        let mut kept = self.snapshots.borrow_mut();
        kept.get_or_insert_with(|| (self.read_snapshots)()).clone()
    }

    fn variables(&self) -> Vec<(String, Type)> {
        match self.interpreter.try_borrow() {
            Ok(interpreter) => interpreter.typed_variables(),
            Err(_) => Vec::new(),
        }
    }

    fn service_of(&self, variable: &str) -> Option<ServiceKey> {
        self.interpreter.try_borrow().ok()?.service_of(variable)
    }

    fn functions(&self) -> Vec<String> {
        match self.interpreter.try_borrow() {
            Ok(interpreter) => interpreter.own_functions(),
            Err(_) => Vec::new(),
        }
    }

    fn verbs(&self) -> &[Offer] {
        self.verbs.all()
    }

    fn verb_words(&self, before: &[String], begun: &str) -> Option<Vec<Offer>> {
        self.verbs.complete(before, begun)
    }
}

/// The one service that a name means, among those that there are.
pub(super) fn resolve(name: &str, services: &[ServiceKey]) -> Option<ServiceKey> {
    ServiceName::parse(name).ok()?.resolve(services).ok()
}
