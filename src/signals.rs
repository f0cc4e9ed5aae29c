//! SIGINT, SIGTERM and SIGHUP: they end the program at once, except where it holds them.
//!
//! Layer 0. A commit holds them from its intent to its record, a script while it runs; a signal
//! that comes meanwhile is remembered, and whoever waits or loops asks [`interrupted`].

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::{Error, Kind, Result};

/// How often a wait looks for a signal.
pub const SLICE: Duration = Duration::from_millis(50);

static HOLDS: AtomicUsize = AtomicUsize::new(0);
static INTERRUPT_HOLDS: AtomicUsize = AtomicUsize::new(0);
static DEAFENED: AtomicUsize = AtomicUsize::new(0);
static STATE: OnceLock<State> = OnceLock::new();

struct State {
    /// True while nothing is held: the signal's default action is taken.
    at_once: Arc<AtomicBool>,
    /// The same for SIGINT alone, which a prompt never dies of.
    interrupt_at_once: Arc<AtomicBool>,
    /// The last signal that came while held; 0 for none.
    pending: Arc<AtomicUsize>,
}

/// Takes over the three signals; called once, first thing in `main`.
///
/// # Errors
/// `system` where the handlers cannot be installed.
pub fn install() -> Result<()> {
    let state = STATE.get_or_init(|| State {
        at_once: Arc::new(AtomicBool::new(true)),
        interrupt_at_once: Arc::new(AtomicBool::new(true)),
        pending: Arc::new(AtomicUsize::new(0)),
    });
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal).unwrap_or(usize::MAX);
        signal_hook::flag::register_usize(signal, Arc::clone(&state.pending), number)
            .and_then(|_| {
                let at_once = match signal {
                    SIGINT => &state.interrupt_at_once,
                    _ => &state.at_once,
                };
                signal_hook::flag::register_conditional_default(signal, Arc::clone(at_once))
            })
            .map_err(|e| Error::system("cannot take over signals", &e))?;
    }
    Ok(())
}

/// While one of these lives, signals wait.
#[derive(Debug)]
pub struct Hold(());

/// Holds signals back until the guard is dropped; guards nest.
pub fn hold() -> Hold {
    if HOLDS.fetch_add(1, Ordering::SeqCst) == 0
        && let Some(state) = STATE.get()
    {
        state.at_once.store(false, Ordering::SeqCst);
        state.interrupt_at_once.store(false, Ordering::SeqCst);
    }
    Hold(())
}

/// While one of these lives, SIGINT waits; the other signals do only while a [`Hold`] lives.
#[derive(Debug)]
pub struct InterruptHold(());

/// Holds SIGINT back until the guard is dropped. A prompt needs it between its lines: there the
/// terminal is in its ordinary mode, and Ctrl-C a signal, before and after a line is edited.
pub fn hold_interrupts() -> InterruptHold {
    INTERRUPT_HOLDS.fetch_add(1, Ordering::SeqCst);
    if let Some(state) = STATE.get() {
        state.interrupt_at_once.store(false, Ordering::SeqCst);
    }
    InterruptHold(())
}

impl Drop for InterruptHold {
    fn drop(&mut self) {
        let is_last = INTERRUPT_HOLDS.fetch_sub(1, Ordering::SeqCst) == 1;
        if is_last
            && HOLDS.load(Ordering::SeqCst) == 0
            && let Some(state) = STATE.get()
        {
            state.interrupt_at_once.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if HOLDS.fetch_sub(1, Ordering::SeqCst) == 1
            && let Some(state) = STATE.get()
        {
            state.at_once.store(true, Ordering::SeqCst);
            if INTERRUPT_HOLDS.load(Ordering::SeqCst) == 0 {
                state.interrupt_at_once.store(true, Ordering::SeqCst);
            }
        }
    }
}

/// While one of these lives, nobody hears of a signal that came: what takes things back because
/// of it must come to its end.
#[derive(Debug)]
pub struct Deaf(());

/// Lets nobody hear of signals until the guard is dropped; guards nest.
pub fn deafen() -> Deaf {
    DEAFENED.fetch_add(1, Ordering::SeqCst);
    Deaf(())
}

impl Drop for Deaf {
    fn drop(&mut self) {
        DEAFENED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The name of the signal that came while signals were held, if one did.
pub fn interrupted() -> Option<&'static str> {
    if DEAFENED.load(Ordering::SeqCst) > 0 {
        return None;
    }
    let number = STATE.get()?.pending.load(Ordering::SeqCst);
    match i32::try_from(number).ok()? {
        SIGINT => Some("SIGINT"),
        SIGTERM => Some("SIGTERM"),
        SIGHUP => Some("SIGHUP"),
        _ => None,
    }
}

/// Forgets a signal that came: the prompt goes on after Ctrl-C.
pub fn forget() {
    if let Some(state) = STATE.get() {
        state.pending.store(0, Ordering::SeqCst);
    }
}

/// Waits, saying now and then how long it has; a signal that comes while signals are held ends it.
///
/// # Errors
/// `interrupted`.
pub fn sleep(duration: Duration, mut told: impl FnMut(Duration)) -> Result<()> {
    let start = Instant::now();
    loop {
        check()?;
        let gone = start.elapsed();
        let left = duration.saturating_sub(gone);
        if left.is_zero() {
            return Ok(());
        }
        told(gone);
        std::thread::sleep(left.min(SLICE));
    }
}

/// A file whose reader is not kept waiting by a signal: a FIFO that nobody writes to, a terminal.
#[derive(Debug)]
pub struct Patient<T>(T);

/// Opens a file for reading; a FIFO without a writer is waited for when it is read.
///
/// # Errors
/// What the system said.
pub fn open(path: &Path) -> io::Result<Patient<File>> {
    let file = File::options()
        .read(true)
        // Without it the open of a FIFO waits, and nothing ends it.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    Ok(Patient(file))
}

impl<T> Patient<T> {
    /// Reads what is open already.
    pub fn new(input: T) -> Patient<T> {
        Patient(input)
    }
}

impl<T: Read + AsFd> Read for Patient<T> {
    /// # Errors
    /// [`Error`] of the kind `interrupted` within the system's, where a signal came while signals
    /// are held: [`unread`] takes it out.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let slice = Timespec::try_from(SLICE).map_err(io::Error::other)?;
        loop {
            check().map_err(io::Error::other)?;
            let mut waiting = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut waiting, Some(&slice)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match self.0.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Why a file could not be read: the system's error, or the interruption that ended the read.
pub fn unread(error: &io::Error) -> Error {
    let interruption = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<Error>());
    match interruption {
        Some(error) => error.clone(),
        None => Error::system("cannot read", error),
    }
}

/// Fails where a signal came.
///
/// # Errors
/// `interrupted`.
pub fn check() -> Result<()> {
    match interrupted() {
        Some(name) => Err(Error::new(
            Kind::Interrupted,
            format!("interrupted by {name}"),
        )),
        None => Ok(()),
    }
}
