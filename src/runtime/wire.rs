//! Lines over a stream, each within a time and a length.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

fn too_late() -> std::io::Error {
    std::io::Error::from(ErrorKind::TimedOut)
}

/// The time that is left until a deadline; never zero, which would be no limit.
fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(too_late()),
        false => Ok(left),
    }
}

/// Maps the error of a socket's timeout to that of a deadline.
fn timed(error: std::io::Error) -> std::io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => too_late(),
        _ => error,
    }
}

/// Reads a line up to a deadline, without its end; the stream's end without one is an error.
pub(super) fn read_line(
    stream: &mut UnixStream,
    longest: usize,
    deadline: Instant,
) -> std::io::Result<Vec<u8>> {
    let (mut line, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof)),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(timed(error)),
        };
        let read = chunk.get(..read).unwrap_or_default();
        let end = read.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(read.get(..end.unwrap_or(read.len())).unwrap_or_default());
        if line.len() > longest {
            return Err(std::io::Error::new(
                ErrorKind::InvalidData,
                format!("a message is longer than {longest} bytes"),
            ));
        }
        if end.is_some() {
            return Ok(line);
        }
    }
}

/// Writes a line, with its end, up to a deadline.
pub(super) fn write_line(
    stream: &mut UnixStream,
    mut line: &[u8],
    deadline: Instant,
) -> std::io::Result<()> {
    while !line.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(line) {
            Ok(0) => return Err(std::io::Error::from(ErrorKind::WriteZero)),
            Ok(written) => line = line.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(timed(error)),
        }
    }
    Ok(())
}
