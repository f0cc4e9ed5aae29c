//! A connection attempt that a signal can end: `probe`.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::model::Endpoint;
use crate::signals;

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
        match answered.recv_timeout(signals::SLICE) {
            Ok(accepted) => return Ok(accepted),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(Kind::Bug, "the probe ended without an answer"));
            }
        }
    }
}
