//! Waiting that a signal can end: `sleep` and `probe`.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::director::{Advance, Progress};
use crate::error::{Error, Kind, Result};
use crate::model::Endpoint;
use crate::signals;

/// How often a wait looks for a signal.
const SLICE: Duration = Duration::from_millis(50);

/// Waits.
///
/// # Errors
/// `interrupted` where a signal came.
pub fn sleep(duration: Duration, progress: &dyn Progress) -> Result<()> {
    let slept = sleep_in_slices(duration, progress);
    progress.over();
    slept
}

fn sleep_in_slices(duration: Duration, progress: &dyn Progress) -> Result<()> {
    let start = Instant::now();
    loop {
        signals::check()?;
        let gone = start.elapsed();
        let left = duration.saturating_sub(gone);
        if left.is_zero() {
            return Ok(());
        }
        progress.tell(&Advance {
            what: "waiting",
            done: gone.as_secs(),
            total: Some(duration.as_secs().max(1)),
            unit: "s",
        });
        std::thread::sleep(left.min(SLICE));
    }
}

/// Reads an address with a port.
///
/// # Errors
/// `invalid`, also where the port is missing.
pub fn address(text: &str) -> Result<SocketAddr> {
    let endpoint = Endpoint::parse(text).map_err(|e| e.attempt("cannot probe"))?;
    match endpoint.port {
        Some(port) if port > 0 => Ok(SocketAddr::new(endpoint.addr, port)),
        _ => Err(Error::invalid("a port is missing")
            .object(text)
            .attempt("cannot probe")
            .hint(format!("write \"{}\"", SocketAddr::new(endpoint.addr, 80)))),
    }
}

/// Says whether a connection is accepted in time.
///
/// # Errors
/// `interrupted` where a signal came.
pub fn connects(address: SocketAddr, timeout: Duration) -> Result<bool> {
    let (answer, answered) = channel();
    // A thread of its own, since connect(2) cannot be asked to look for our flag; it has the
    // network namespace of the one that made it.
    std::thread::Builder::new()
        .name("probe".to_owned())
        .spawn(move || {
            let accepted = TcpStream::connect_timeout(&address, timeout).is_ok();
            // Nobody listens any more where a signal ended the wait.
            let _ = answer.send(accepted);
        })
        .map_err(|e| Error::system("cannot probe", &e))?;
    loop {
        signals::check()?;
        match answered.recv_timeout(SLICE) {
            Ok(accepted) => return Ok(accepted),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(Kind::Bug, "the probe ended without an answer"));
            }
        }
    }
}
