//! The command's side of the control socket.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::address::Address;
use super::directory::RuntimeDir;
use super::files::failed;
use super::message::{Answer, LONGEST_ANSWER, Request, decode_answer, encode_request};
use super::wire::{read_line, write_line};
use crate::error::{Error, Kind, Result};

/// How long a request may take in all.
pub(super) fn patience(request: &Request) -> Duration {
    Duration::from_secs(match request {
        // A commit must not wait for a daemon that is stopped; the daemon looks by itself, too.
        Request::Poke => 1,
        Request::Unfreeze | Request::State | Request::Report => 10,
        // Checks may take a while, one behind the other.
        Request::Now { .. } => 120,
    })
}

/// Asks the daemon of a database.
///
/// # Errors
/// `state` where no daemon runs, or where it refuses; `timeout` where it does not answer in time;
/// `not_permitted`, `system`.
pub fn ask(dir: &RuntimeDir, request: &Request) -> Result<Answer> {
    ask_within(dir, request, patience(request))
}

pub(super) fn ask_within(
    dir: &RuntimeDir,
    request: &Request,
    patience: Duration,
) -> Result<Answer> {
    let deadline = Instant::now() + patience;
    let line = encode_request(request)?;
    let ask = || {
        let mut stream = open(dir)?;
        write_line(&mut stream, &line, deadline)?;
        read_line(&mut stream, LONGEST_ANSWER, deadline)
    };
    let answer = ask().map_err(|error| explained(dir, &error, patience))?;
    decode_answer(&answer)
}

/// Connects without waiting: a daemon that is stopped takes nobody's call.
fn open(dir: &RuntimeDir) -> std::io::Result<UnixStream> {
    let address = Address::of(&dir.control())?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(&address.path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn explained(dir: &RuntimeDir, error: &std::io::Error, patience: Duration) -> Error {
    let path = dir.control();
    match error.kind() {
        // The file is missing, or a daemon that was killed left it.
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            Error::new(Kind::State, "no daemon runs for this database")
                .caused_by(Error::system(
                    format!("cannot connect to {}", path.display()),
                    error,
                ))
                .hint("start it: ipvsh daemon")
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Error::new(
            Kind::Timeout,
            format!("the daemon did not answer in {} s", patience.as_secs_f32()),
        )
        .object(path.display())
        .hint("ipvsh status says when it was last alive"),
        ErrorKind::UnexpectedEof => Error::new(
            Kind::State,
            "the daemon hung up: it is ending, or has too many callers",
        )
        .object(path.display())
        .hint("try again"),
        _ => failed("ask the daemon at", &path, error),
    }
}
