//! The daemon's side of the control socket.
//!
//! A thread accepts, and each caller has a thread of its own, so that one who is slow keeps nobody
//! waiting. Requests go to the daemon's main thread through a function.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::Shutdown;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use super::address::Address;
use super::control::patience;
use super::directory::RuntimeDir;
use super::files::failed;
use super::message::{Answer, LONGEST_REQUEST, Request, decode_request, encode_answer};
use super::wire::{read_line, write_line};
use crate::error::{Error, Kind, Result};

/// How many callers are served at once; more are hung up on.
const CALLERS: usize = 32;

/// How long a caller may take to say what they want, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request, and where its answer goes. Dropped without an answer, it is refused.
#[derive(Debug)]
pub struct Asked {
    /// What the caller wants.
    pub request: Request,
    answer: Sender<Result<Answer>>,
}

impl Asked {
    /// Answers; a caller that is gone hears nothing.
    pub fn answer(self, answer: Result<Answer>) {
        let _ = self.answer.send(answer);
    }
}

/// Where requests go; it must not block.
type Deliver = Arc<dyn Fn(Asked) + Send + Sync>;

/// The control socket of a daemon; dropping it closes the socket and takes its file away.
pub struct ControlServer {
    path: PathBuf,
    listener: Arc<UnixListener>,
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlServer {
    /// Listens; the caller holds the daemon's lock, so that a socket that is there is out of date.
    ///
    /// # Errors
    /// `system`, `not_permitted`.
    pub fn start(
        dir: &RuntimeDir,
        deliver: impl Fn(Asked) + Send + Sync + 'static,
    ) -> Result<ControlServer> {
        let path = dir.control();
        let listen = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let address = Address::of(&path)?;
            let listener = UnixListener::bind(&address.path)?;
            // The directory has mode 0700: nobody else came in between.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            Ok(Arc::new(listener))
        };
        let listener = listen().map_err(|error| failed("listen at", &path, &error))?;
        let is_ending = Arc::new(AtomicBool::new(false));
        let (heard, ending) = (Arc::clone(&listener), Arc::clone(&is_ending));
        let deliver: Deliver = Arc::new(deliver);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&heard, &ending, &deliver))
            .map_err(|error| Error::system("cannot start a thread", &error))?;
        Ok(ControlServer {
            path,
            listener,
            is_ending,
            thread: Some(thread),
        })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::SeqCst);
        let _ = fs::remove_file(&self.path);
        // accept(2) returns then.
        let is_shut = rustix::net::shutdown(&self.listener, Shutdown::Both).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| is_shut) {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &UnixListener, is_ending: &AtomicBool, deliver: &Deliver) {
    let callers = Arc::new(AtomicUsize::new(0));
    while !is_ending.load(Ordering::SeqCst) {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => {
                // No descriptors are left: some will be free in a moment.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let caller = Caller::new(&callers);
        let Some(caller) = caller.filter(|_| is_allowed(&stream)) else {
            continue;
        };
        let deliver = Arc::clone(deliver);
        // Without a thread the caller is hung up on.
        let _ = std::thread::Builder::new()
            .name("caller".to_owned())
            .spawn(move || serve(stream, &deliver, caller));
    }
}

/// One of the callers that are served.
struct Caller(Arc<AtomicUsize>);

impl Caller {
    fn new(callers: &Arc<AtomicUsize>) -> Option<Caller> {
        let caller = Caller(Arc::clone(callers));
        (callers.fetch_add(1, Ordering::SeqCst) < CALLERS).then_some(caller)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns true if the caller is root or the user of the daemon.
fn is_allowed(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.uid.is_root() || peer.uid == geteuid())
}

fn serve(mut stream: UnixStream, deliver: &Deliver, _caller: Caller) {
    let Ok(line) = read_line(&mut stream, LONGEST_REQUEST, Instant::now() + PATIENCE) else {
        return;
    };
    let answer = decode_request(&line).and_then(|request| answered(request, deliver));
    if let Ok(line) = encode_answer(answer) {
        let _ = write_line(&mut stream, &line, Instant::now() + PATIENCE);
    }
}

fn answered(request: Request, deliver: &Deliver) -> Result<Answer> {
    let (answer, answered) = channel();
    let patience = patience(&request);
    deliver(Asked { request, answer });
    let unanswered = || Err(Error::new(Kind::State, "the daemon is busy or ending"));
    answered
        .recv_timeout(patience)
        .unwrap_or_else(|_| unanswered())
}
