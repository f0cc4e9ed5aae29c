//! What a simulated kernel holds beside its head, shared with other processes through a file.
//!
//! A real kernel is one for all processes and outlives them. A simulated one is made from the head
//! of its history by each process; what another tool changed in it is in a file
//! ([`KernelFile`]), and the two are brought together before and after each command.

use std::cell::RefCell;

use crate::error::Result;
use crate::kernel::{Deviation, KernelFile, Sim};
use crate::model::Ruleset;

/// A simulated kernel with the file of its deviations.
pub struct Deviations {
    sim: Sim,
    file: KernelFile,
    /// What the file had when it was read or written last.
    seen: RefCell<Vec<Deviation>>,
}

impl Deviations {
    /// Lets a kernel hold what the file says, too. The file is read before the head that the kernel
    /// holds: a process that commits writes the file afterwards, so that a head is never older than
    /// the file.
    ///
    /// # Errors
    /// `damaged`, `system`: as the file cannot be read; as the kernel cannot be had.
    pub fn open(file: KernelFile, kernel: impl FnOnce() -> Result<Sim>) -> Result<Deviations> {
        let seen = file.read()?;
        let sim = kernel()?;
        sim.edit(|live| {
            for (key, value) in &seen {
                live.rules.put(key, value.clone());
            }
        });
        Ok(Deviations {
            sim,
            file,
            seen: RefCell::new(seen),
        })
    }

    /// Takes over what other processes changed since; returns true where the file says already what
    /// is not as this head has it.
    ///
    /// # Errors
    /// As the file cannot be read.
    pub fn take_over(&self, head: impl FnOnce() -> Result<Ruleset>) -> Result<bool> {
        Ok(self.beside(head)? == *self.seen.borrow())
    }

    /// Takes over what other processes changed since, then writes what is not as this head has it.
    /// The lock of the file is held meanwhile: what is written is written over what was read.
    ///
    /// # Errors
    /// As the file cannot be read or written.
    pub fn reconcile(&self, head: impl FnOnce() -> Result<Ruleset>) -> Result<()> {
        let ours = self.beside(head)?;
        if ours != *self.seen.borrow() {
            self.file.write(&ours)?;
            self.seen.replace(ours);
        }
        Ok(())
    }

    /// What is not as the head has it, with what other processes changed since. The head is read
    /// behind the file, as in [`Deviations::open`].
    fn beside(&self, head: impl FnOnce() -> Result<Ruleset>) -> Result<Vec<Deviation>> {
        let theirs = self.file.read()?;
        // A kernel that holds the head fills in timeouts and daemons.
        let head = Sim::new(&head()?).live().rules;
        let mut seen = self.seen.borrow_mut();
        if theirs != *seen {
            let is_new = |deviation: &&Deviation| !seen.contains(deviation);
            let is_over = |(key, _): &&Deviation| !theirs.iter().any(|(other, _)| other == key);
            self.sim.edit(|live| {
                for (key, _) in seen.iter().filter(is_over) {
                    live.rules.put(key, head.get(key));
                }
                for (key, value) in theirs.iter().filter(is_new) {
                    live.rules.put(key, value.clone());
                }
            });
            *seen = theirs;
        }
        let live = self.sim.live().rules;
        let keys = head.differences(&live).into_iter();
        Ok(keys.map(|key| (key, live.get(&key))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryKey, EntryValue, ServiceKey, ServiceOptions, TimeoutKind};

    fn service(name: &str) -> (EntryKey, EntryValue) {
        let key = ServiceKey::parse(name).unwrap();
        let options = ServiceOptions::defaults(key.family());
        (EntryKey::Service(key), EntryValue::Service(options))
    }

    fn add(sim: &Sim, name: &str) {
        let (key, value) = service(name);
        sim.edit(|live| live.rules.put(&key, Some(value)));
    }

    #[test]
    fn processes_share_what_is_not_the_heads() {
        let dir = tempfile::tempdir().unwrap();
        let mut head = Ruleset::default();
        let (ours, value) = service("tcp 192.0.2.1:80");
        head.put(&ours, Some(value));
        let start = || {
            let file = KernelFile::beside(&dir.path().join("db"));
            let sim = Sim::new(&head);
            (sim.clone(), Deviations::open(file, || Ok(sim)).unwrap())
        };
        let (prompt, of_prompt) = start();
        let (tool, of_tool) = start();
        add(&tool, "tcp 192.0.2.2:80");
        tool.edit(|live| live.rules.put(&ours, None));
        tool.edit(|live| live.rules.settings.set_timeout(TimeoutKind::Tcp, Some(60)));
        of_tool.reconcile(|| Ok(head.clone())).unwrap();

        // Both change something: both changes stand in both.
        add(&prompt, "tcp 192.0.2.3:80");
        of_prompt.reconcile(|| Ok(head.clone())).unwrap();
        let names: Vec<String> = prompt
            .live()
            .rules
            .services
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["tcp 192.0.2.2:80", "tcp 192.0.2.3:80"]);
        assert_eq!(prompt.live().rules.settings.timeouts().tcp, Some(60));
        of_tool.reconcile(|| Ok(head.clone())).unwrap();
        assert_eq!(tool.live(), prompt.live());

        // A repair by one of them is one for all, and the next process starts there.
        prompt.edit(|live| live.rules = Sim::new(&head).live().rules);
        of_prompt.reconcile(|| Ok(head.clone())).unwrap();
        of_tool.reconcile(|| Ok(head.clone())).unwrap();
        assert_eq!(tool.live().rules, Sim::new(&head).live().rules);
        assert_eq!(start().0.live().rules, tool.live().rules);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "no file is left");
    }
}
