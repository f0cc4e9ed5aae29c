//! One child process with a time limit: what outlives it is killed before its caller hears of it.
//!
//! The crate `iptables` starts the child by itself and waits for it, so that its process id is not
//! known here. The run has a thread of its own instead, and the kernel lists that thread's children
//! (proc_pid_task(5), `children`: kernels with CONFIG_PROC_CHILDREN, which CHECKPOINT_RESTORE selects).

use std::process::Output;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a killed child may take to be gone. One that waits within the kernel goes later, and
/// only finishes the request that it waits for.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// A child process that may not have ended, and the thread that waits for it.
#[derive(Debug)]
pub(super) struct Child {
    thread: Pid,
    output: mpsc::Receiver<std::io::Result<Output>>,
}

/// How the wait for a child ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The child ended by itself, or could not be run.
    Ended(std::io::Result<Output>),
    /// Its time was over: it was killed, and is gone.
    Killed,
    /// Its time was over, and it is still there: it waits within the kernel, or the kernel does not
    /// list children.
    Unkillable,
}

impl Child {
    /// Starts a thread that does nothing but run the child to its end.
    ///
    /// # Errors
    /// What the system said where it has no room for a thread.
    pub fn start(
        run: impl FnOnce() -> std::io::Result<Output> + Send + 'static,
    ) -> std::io::Result<Child> {
        let (sender, output) = mpsc::channel();
        let (introduce, introduced) = mpsc::sync_channel(1);
        // A thread starts in its parent's network namespace.
        std::thread::Builder::new().spawn(move || {
            // The receivers may be gone; nobody waits for the child then.
            let _ = introduce.send(rustix::thread::gettid());
            let _ = sender.send(run());
        })?;
        let thread = introduced.recv().map_err(std::io::Error::other)?;
        Ok(Child { thread, output })
    }

    /// Waits for the child to end; when `limit` is over, kills it with all its descendants and
    /// waits until they are gone.
    pub fn wait(self, limit: Duration) -> Outcome {
        if let Some(ended) = self.ended_within(limit) {
            return Outcome::Ended(ended);
        }
        for process in family(&self.children()) {
            // One that is gone by now needs no signal.
            let _ = kill_process(process, Signal::KILL);
        }
        match self.ended_within(AFTER_KILL) {
            Some(_) => Outcome::Killed,
            None => Outcome::Unkillable,
        }
    }

    fn ended_within(&self, limit: Duration) -> Option<std::io::Result<Output>> {
        match self.output.recv_timeout(limit) {
            Ok(ended) => Some(ended),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(std::io::Error::other(
                "the thread that waits for it is gone",
            ))),
        }
    }

    /// The path of the kernel's list of the thread's children.
    fn children(&self) -> String {
        format!("/proc/self/task/{}/children", self.thread)
    }
}

/// Stops and returns every process that a list of children names, and theirs, parents first.
///
/// A process that is stopped makes no more children, and reaps none: the ids read below it stay
/// those of the same processes.
fn family(list: &str) -> Vec<Pid> {
    let mut found = Vec::new();
    for process in children(list) {
        if kill_process(process, Signal::STOP).is_err() {
            continue;
        }
        found.push(process);
        let threads = std::fs::read_dir(format!("/proc/{process}/task"));
        for thread in threads.into_iter().flatten().flatten() {
            found.extend(family(&thread.path().join("children").to_string_lossy()));
        }
    }
    found
}

/// The processes that one of the kernel's lists of children names.
fn children(list: &str) -> Vec<Pid> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let ids = text.split_whitespace().filter_map(|id| id.parse().ok());
    ids.filter_map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn run(script: &str, limit: Duration) -> Outcome {
        let script = script.to_owned();
        Child::start(move || Command::new("/bin/sh").args(["-c", &script]).output())
            .unwrap()
            .wait(limit)
    }

    #[test]
    fn a_child_that_ends_in_time_is_heard() {
        let Outcome::Ended(Ok(output)) = run("echo done", Duration::from_secs(30)) else {
            panic!("it did not end");
        };
        assert_eq!(output.stdout, b"done\n");
    }

    #[test]
    fn a_child_that_outlives_its_time_writes_nothing_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let written = dir.path().join("written");
        let path = written.display();
        for script in [
            // The child itself, deaf to everything that can be ignored.
            format!("trap '' TERM HUP INT; sleep 1; echo late > {path}"),
            // A child of it, which holds neither of its pipes, and one that holds both.
            format!("(trap '' TERM; sleep 1; echo late > {path}) >/dev/null 2>&1 & sleep 60"),
            format!("(trap '' TERM; (sleep 1; echo late > {path}); sleep 60); sleep 60"),
        ] {
            let outcome = run(&script, Duration::from_millis(300));
            assert!(matches!(outcome, Outcome::Killed), "{script}: {outcome:?}");
            std::thread::sleep(Duration::from_millis(1500));
            assert!(!written.exists(), "{script}");
        }
    }

    #[test]
    fn only_its_own_child_is_killed() {
        let mut other = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let beside = Child::start(|| Command::new("/bin/sleep").arg("1").output()).unwrap();
        let outcome = run("sleep 60", Duration::from_millis(100));
        assert!(matches!(outcome, Outcome::Killed), "{outcome:?}");
        assert!(other.try_wait().unwrap().is_none());
        let Outcome::Ended(Ok(output)) = beside.wait(Duration::from_secs(30)) else {
            panic!("it did not end");
        };
        assert!(output.status.success());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
