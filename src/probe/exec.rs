//! Checks of type exec: a program of the operator's.
//!
//! No shell, no environment but what the check names, no group but the user's first, a process group of
//! its own. Whatever is left of the group when the program has ended, or its time is over, is killed.
//!
//! Source of truth: fork(2), kill(2), pidfd_open(2).

use std::future::{Future, poll_fn};
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::unistd::Uid;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::errors::said;
use super::outcome::{Missed, Outcome, Passed, excerpt, seconds};
use super::program::{self, Runner};
use super::socket;
use crate::health::Target;
use crate::model::ServiceKey;
use crate::model::policy::check::{Exec, Route, Timing, fill_in};

/// Where programs that a program runs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The most bytes of an output that are kept; the rest is read and dropped.
const MOST: usize = 4096;

/// How long the run waits for the death of what it killed, and for the rest of an output.
const REAPING: Duration = Duration::from_millis(300);

/// Runs the check. It ends by itself at the deadline: what it started must be dead by then.
pub(super) async fn run(
    check: &Exec,
    timing: &Timing,
    route: &Route,
    target: &Target,
    deadline: Instant,
) -> Outcome {
    let limit = Duration::from_millis(timing.timeout.into());
    let (command, user) = (check.command.clone(), check.user.clone());
    let looked = tokio::task::spawn_blocking(move || program::find(&command, &user));
    let Ok(looked) = timeout_at(deadline, looked).await else {
        let user = &check.user;
        return Err(Missed::no_result(format!(
            "user {user} was not found in {}",
            seconds(limit)
        )));
    };
    let runner = match looked {
        Ok(found) => found.map_err(|error| Missed::no_result(error.to_string()))?,
        Err(error) => return Err(Missed::no_result(error.to_string())),
    };
    let mut child = spawn(check, route, target, runner)?;
    let mut out = Output::new(child.stdout.take());
    let mut err = Output::new(child.stderr.take());
    let mut group = Group::of(&child);
    // Readable once the process has ended: it keeps its number until it is waited for, so that the
    // signal to its group cannot hit another.
    let pidfd = group.watch();
    let ended = {
        let end = async {
            match &pidfd {
                Some(pidfd) => drop(pidfd.readable().await),
                None => drop(child.wait().await),
            }
        };
        let mut end = pin!(end);
        let both = poll_fn(|cx| {
            out.poll(cx);
            err.poll(cx);
            end.as_mut().poll(cx)
        });
        timeout_at(deadline, both).await
    };
    if ended.is_err() || pidfd.is_some() {
        group.kill();
    }
    let status = timeout(REAPING, child.wait()).await;
    if let Ok(Ok(status)) = status {
        group.is_gone();
        if ended.is_ok() {
            // What the program itself wrote is in the pipes; a process that left the group could
            // hold them open.
            let rest = poll_fn(|cx| match out.poll(cx) & err.poll(cx) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            });
            let until = deadline.min(Instant::now() + REAPING);
            drop(timeout_at(until, rest).await);
            let said = [&out.kept, &err.kept].map(|kept| excerpt(kept));
            return judge(status, said.iter().find(|line| !line.is_empty()));
        }
    }
    let said = [&out.kept, &err.kept].map(|kept| excerpt(kept));
    let said = said.into_iter().find(|line| !line.is_empty());
    let reason = format!("still ran after {}; killed", seconds(limit));
    Err(Missed::failed(reason).with(said.unwrap_or_default()))
}

fn spawn(check: &Exec, route: &Route, target: &Target, runner: Runner) -> Result<Child, Missed> {
    let value = |name: &str| placeholder(name, route, target);
    let mut parts = check.command.iter();
    let program = parts.next().map(String::as_str).unwrap_or_default();
    let mut command = Command::new(program);
    command
        .args(parts.map(|part| fill_in(part, value)))
        .env_clear()
        .env("PATH", PATH)
        .envs(&check.env)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if Uid::effective().is_root() {
        // The standard library drops all other groups with them.
        command.uid(runner.uid).gid(runner.gid);
    }
    command
        .spawn()
        .map_err(|error| Missed::no_result(format!("cannot run {program}: {}", said(&error))))
}

/// What stands for a placeholder; nothing for what the service does not have.
fn placeholder(name: &str, route: &Route, target: &Target) -> String {
    let to = socket::destination(route, target);
    match (name, &target.service) {
        ("address", _) => to.ip().to_string(),
        ("port", _) => to.port().to_string(),
        ("vip", ServiceKey::Address { addr, .. }) => addr.to_string(),
        ("vport", ServiceKey::Address { port, .. }) => port.to_string(),
        ("mark", ServiceKey::Fwmark { mark, .. }) => mark.to_string(),
        _ => String::new(),
    }
}

/// What an exit status says.
fn judge(status: ExitStatus, said: Option<&String>) -> Outcome {
    let said = said.cloned().unwrap_or_default();
    let reason = match (status.code(), status.signal()) {
        (Some(0), _) => return Ok(Passed::with(said)),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    };
    let reason = match said.is_empty() {
        true => reason,
        false => format!("{reason}: {said}"),
    };
    Err(Missed::failed(reason).with(said))
}

/// The processes that a program started, and itself; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Group(number.and_then(Pid::from_raw))
    }

    /// A descriptor that is readable once the first process has ended; none before Linux 5.3.
    fn watch(&self) -> Option<Receiver> {
        let pidfd = pidfd_open(self.0?, PidfdFlags::NONBLOCK).ok()?;
        // Only whether it is readable is asked for, which is the same for every descriptor.
        Receiver::from_owned_fd_unchecked(pidfd).ok()
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            // It fails where all of them have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// The first process was waited for: its number may be another's from now on.
    fn is_gone(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An output of a program: its beginning.
struct Output<R> {
    pipe: Option<R>,
    kept: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Output<R> {
    fn new(pipe: Option<R>) -> Output<R> {
        Output {
            pipe,
            kept: Vec::new(),
        }
    }

    /// Reads what there is; returns true at the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut bytes = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(pipe).poll_read(cx, &mut buffer) {
                // Tokio lets other checks run after some reads; a flood does not hold them up.
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let room = MOST.saturating_sub(self.kept.len());
                    self.kept.extend(buffer.filled().iter().take(room));
                }
                Poll::Ready(_) => self.pipe = None,
            }
        }
        true
    }
}
