//! The hook: a program of the operator's that is told of transitions. One process at a time, never
//! through a shell.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::news::News;
use crate::error::{Error, Kind, Result};
use crate::health::Event;
use crate::probe;

/// The events of so long go to one process.
const GATHERED: Duration = Duration::from_secs(1);

/// A process that runs longer is killed.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The thread that runs the hook.
pub(super) struct Hook {
    events: Sender<Event>,
}

impl Hook {
    /// Examines the program, and starts the thread.
    ///
    /// # Errors
    /// `usage` for a path that is not absolute; as [`probe::examine`].
    pub(super) fn start(path: &Path, news: Sender<News>) -> Result<Hook> {
        let shown = path.display().to_string();
        if !path.is_absolute() {
            return Err(Error::new(Kind::Usage, "its path is not absolute")
                .object(format!("hook {shown}"))
                .hint("name it from the root: --hook /usr/local/sbin/NAME"));
        }
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective());
        if let Ok(Some(user)) = user {
            let examined = probe::examine(std::slice::from_ref(&shown), &user.name);
            examined.map_err(|error| {
                Error::new(error.kind(), error.message()).object(format!("hook {shown}"))
            })?;
        }
        let (events, received) = channel();
        let path = path.to_owned();
        std::thread::Builder::new()
            .name("hook".to_owned())
            .spawn(move || serve(&path, &received, &news))
            .map_err(|error| Error::system("cannot start a thread", &error))?;
        Ok(Hook { events })
    }

    /// Has the program told of an event.
    pub(super) fn tell(&self, event: &Event) {
        // The thread ends only with the sender.
        let _ = self.events.send(event.clone());
    }
}

fn serve(path: &Path, events: &Receiver<Event>, news: &Sender<News>) {
    while let Ok(first) = events.recv() {
        std::thread::sleep(GATHERED);
        let batch: Vec<Event> = std::iter::once(first).chain(events.try_iter()).collect();
        if let Err(error) = run(path, &batch, LIMIT) {
            let _ = news.send(News::HookFailed(error));
        }
    }
}

/// Runs the program once, with the events on its standard input.
fn run(path: &Path, events: &[Event], limit: Duration) -> Result<()> {
    let object = || format!("hook {}", path.display());
    let failed = |error: &std::io::Error| Error::system("cannot run it", error).object(object());
    let text = serde_json::to_vec(events)
        .map_err(|error| Error::new(Kind::Bug, error.to_string()).caused_by(error))?;
    let mut child = Command::new(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(&error))?;
    let input = child.stdin.take();
    // A program that does not read must not hold this thread for ever.
    let writer = std::thread::Builder::new().spawn(move || {
        if let Some(mut input) = input {
            let _ = input.write_all(&text).and_then(|()| input.write_all(b"\n"));
        }
    });
    writer.map_err(|error| failed(&error))?;
    match wait(&mut child, limit).map_err(|error| failed(&error))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            Err(Error::new(Kind::System, format!("it failed: {status}")).object(object()))
        }
        None => Err(Error::new(
            Kind::Timeout,
            format!("it took more than {} s and was killed", limit.as_secs_f64()),
        )
        .object(object())),
    }
}

/// Ends the process and what it started, unless that left its group.
fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // There may be nobody left.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            kill_group(child);
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            kill_group(child);
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::health::EventKind;

    fn script(dir: &Path, text: &str) -> PathBuf {
        let path = dir.join("hook");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn event(object: &str) -> Event {
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        Event::new(time, EventKind::Transition, object, "refused")
    }

    #[test]
    fn one_process_gets_all_events_of_a_second() {
        let lab = tempfile::tempdir().unwrap();
        let out = lab.path().join("out");
        let path = script(lab.path(), &format!("cat >> {}", out.display()));
        let (news, _heard) = channel();
        let (events, received) = channel();
        events.send(event("a")).unwrap();
        events.send(event("b")).unwrap();
        drop(events);
        serve(&path, &received, &news);
        let text = std::fs::read_to_string(out).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let told: Vec<Event> = serde_json::from_str(&text).unwrap();
        assert_eq!(told, [event("a"), event("b")]);
    }

    #[test]
    fn a_hook_that_fails_or_hangs_is_told() {
        let lab = tempfile::tempdir().unwrap();
        let limit = Duration::from_millis(200);
        let many: Vec<Event> = (0..2000).map(|_| event("a")).collect();
        let path = script(lab.path(), "exit 3");
        let error = run(&path, &[event("a")], LIMIT).unwrap_err();
        assert!(
            error.to_string().ends_with(": it failed: exit status: 3"),
            "{error}"
        );
        // It does not read what is more than a pipe holds.
        let path = script(lab.path(), "exec sleep 600");
        let error = run(&path, &many, limit).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        let error = run(&lab.path().join("none"), &[event("a")], limit).unwrap_err();
        assert!(error.to_string().contains("cannot run it"), "{error}");
        let (news, _heard) = channel();
        assert_eq!(
            Hook::start(Path::new("hook"), news).err().map(|e| e.kind()),
            Some(Kind::Usage)
        );
    }
}
