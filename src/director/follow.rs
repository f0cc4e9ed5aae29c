//! A simulated kernel that several processes share, in effect: each has its own, and follows what
//! the others commit to the history that they have in common.

use super::Director;
use super::simulated::Simulated;
use crate::error::Result;
use crate::model::SnapshotId;
use crate::store::Store;

impl Director {
    /// The same on a simulated kernel that follows what other processes commit.
    #[must_use]
    pub fn following(mut self, simulated: Simulated) -> Director {
        self.followed = Some(simulated);
        self
    }

    /// Lets a simulated kernel follow what other processes committed meanwhile; says so in a
    /// sentence.
    ///
    /// # Errors
    /// As the store fails to open or read.
    pub fn follow_others(&mut self) -> Result<Option<String>> {
        match self.followed {
            Some(_) => {
                let store = self.stores.open()?;
                self.follow(&*store)
            }
            None => Ok(None),
        }
    }

    /// The same where the history is open.
    pub(super) fn follow(&mut self, store: &dyn Store) -> Result<Option<String>> {
        match &self.followed {
            Some(followed) => followed.follow(store),
            None => Ok(None),
        }
    }

    /// Notes that this process made the head: its kernel holds that already.
    pub(super) fn made_head(&mut self, id: SnapshotId) {
        if let Some(followed) = &self.followed {
            followed.reach(Some(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::director::{ChangeOptions, NoChecks, Session};
    use crate::model::Ruleset;
    use crate::model::{Options, ServiceKey};
    use crate::store::{MemoryStores, Stores};

    struct Process {
        session: Session,
        simulated: Simulated,
    }

    impl Process {
        /// A process as it starts: on a kernel that holds what the head says.
        fn start(stores: &Rc<MemoryStores>) -> Process {
            let store = stores.open().unwrap();
            let head = store.head().unwrap().map(|head| head.id);
            let rules = head.map_or(Ruleset::default(), |id| store.ruleset(id).unwrap());
            let simulated = Simulated::new(&rules, head, Rc::new(NoChecks));
            let director = director(stores, &simulated);
            Process {
                session: Session::new(director, ChangeOptions::default()),
                simulated,
            }
        }

        fn declare(&mut self, name: &str) {
            let key = ServiceKey::parse(name).unwrap();
            self.session.declare_service(key, &Options::new()).unwrap();
            self.session.commit(&ChangeOptions::default()).unwrap();
        }

        fn drift(&mut self) -> usize {
            let status = self.session.director().status(&ChangeOptions::default());
            status.unwrap().drift.unwrap().changes.len()
        }

        fn follow(&mut self) -> bool {
            let followed = self.session.director().follow_others().unwrap();
            self.session.discard();
            followed.is_some()
        }
    }

    fn director(stores: &Rc<MemoryStores>, simulated: &Simulated) -> Director {
        let stores = Rc::clone(stores) as Rc<dyn Stores>;
        let kernel = Box::new(simulated.kernel().clone());
        Director::new(kernel, stores, "alice".to_owned()).following(simulated.clone())
    }

    #[test]
    fn directors_of_one_process_have_one_kernel_and_follow_it_as_one() {
        let stores = Rc::new(MemoryStores::new());
        let mut prompt = Process::start(&stores);
        prompt.declare("tcp 192.0.2.1:80");
        prompt.declare("tcp 192.0.2.2:80");
        let mut verb = director(&stores, &prompt.simulated);
        verb.rollback(None, &ChangeOptions::default()).unwrap();
        assert!(!prompt.follow(), "no other process did that");
        assert_eq!(prompt.drift(), 0);
        let live = prompt.session.director().live().unwrap();
        assert_eq!(live.rules.services.len(), 1);
    }

    #[test]
    fn a_prompt_on_the_simulator_sees_no_drift_where_another_process_committed() {
        let stores = Rc::new(MemoryStores::new());
        let mut prompt = Process::start(&stores);
        prompt.declare("tcp 192.0.2.1:80");
        assert!(!prompt.follow(), "its own commit");
        let mut other = Process::start(&stores);
        other.declare("tcp 192.0.2.2:80");
        assert!(prompt.follow());
        assert_eq!(prompt.drift(), 0);
        assert!(!prompt.follow(), "once");

        // A commit that meets another follows it first: both stand in both kernels.
        other.declare("tcp 192.0.2.3:80");
        prompt.declare("tcp 192.0.2.4:80");
        assert_eq!(prompt.drift(), 0);
        assert!(other.follow());
        assert_eq!(other.drift(), 0);
    }

    #[test]
    fn what_its_own_process_let_go_of_stays_in_its_kernel() {
        let stores = Rc::new(MemoryStores::new());
        let mut prompt = Process::start(&stores);
        prompt.declare("tcp 192.0.2.1:80");
        let name = ["tcp 192.0.2.1:80".to_owned()];
        let director = prompt.session.director();
        director.forget(&name, &ChangeOptions::default()).unwrap();
        assert!(!prompt.follow());
        let live = prompt.session.director().live().unwrap();
        assert_eq!(live.rules.services.len(), 1);
    }

    #[test]
    fn a_history_that_was_pruned_meanwhile_is_followed_all_the_same() {
        let stores = Rc::new(MemoryStores::new());
        let mut prompt = Process::start(&stores);
        prompt.declare("tcp 192.0.2.1:80");
        let mut other = Process::start(&stores);
        other.declare("tcp 192.0.2.2:80");
        let mut store = stores.open_to_write().unwrap();
        store.prune(&[SnapshotId(1)].into()).unwrap();
        drop(store);
        assert!(prompt.follow());
        assert_eq!(prompt.drift(), 0);
    }
}
