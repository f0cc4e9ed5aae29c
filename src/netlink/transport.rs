//! Owns the socket: sending, receiving with a deadline, reading the answers of a request or of a
//! dump, and getting back into step.
//!
//! May import: `netlink-sys`, rustix, siblings. Source of truth: netlink(7),
//! net/netlink/af_netlink.c.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

use super::answer::{parse_done, parse_error};
use super::errno::Errno;
use super::error::{ExchangeError, Refusal};
use super::frame::{Frame, Frames, append};

/// Room for one datagram: netlink_dump never makes one of more than 32 KiB.
const DATAGRAM_SIZE: usize = 64 * 1024;
/// Room that the kernel is offered at first: it makes the datagrams of a dump as long as the
/// most that it was ever offered on a socket, 32 KiB at most (netlink_dump).
const NARROW: usize = 20 * 1024;

/// Holds what is set when a socket is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The protocol: one of `netlink_sys::protocols`.
    pub(crate) protocol: isize,
    /// How long to wait for one answer.
    pub(crate) timeout: Duration,
    /// Receive buffer in bytes, as far as the system allows; none for the system's default.
    pub(crate) receive_buffer: Option<usize>,
}

impl Settings {
    /// Gives the settings for a few requests: the system's buffer, five seconds.
    pub(crate) fn new(protocol: isize) -> Self {
        Self {
            protocol,
            timeout: Duration::from_secs(5),
            receive_buffer: None,
        }
    }
}

/// Holds what one datagram of a dump brought besides its records.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// How the dump ended, where this datagram ended it.
    pub(crate) end: Option<Result<(), Refusal>>,
    /// The kernel marked the dump as inconsistent (`NLM_F_DUMP_INTR`).
    pub(crate) is_interrupted: bool,
}

/// Holds the socket and what is needed to tell answers from left-overs.
#[derive(Debug)]
pub(crate) struct Transport {
    socket: Socket,
    /// Our port id, to which answers are addressed.
    port: u32,
    sequence: u32,
    /// The datagram received last.
    buffer: Vec<u8>,
    timeout: Duration,
    /// Set from a send until its last answer is read: if still set at the next send, an operation
    /// was given up, and its answers (or its dump, which would make the next one EBUSY) are still
    /// in the socket.
    unfinished: bool,
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> ExchangeError {
    move |source| ExchangeError::Socket { action, source }
}

/// Turns what an end says into whether the kernel did it.
fn told(end: Result<Option<Refusal>, DecodeError>) -> Result<Result<(), Refusal>, ExchangeError> {
    Ok(end?.map_or(Ok(()), Err))
}

impl Transport {
    /// Opens a socket in the calling thread's network namespace.
    pub(crate) fn open(settings: Settings) -> Result<Self, ExchangeError> {
        let mut socket = Socket::new(settings.protocol).map_err(failed("open"))?;
        let port = socket.bind_auto().map_err(failed("bind"))?.port_number();
        // Both are refinements that an old kernel may lack: errors then quote the whole request
        // and have no text.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        // The forced form passes net.core.rmem_max but needs CAP_NET_ADMIN; without either the
        // default of 208 KiB remains, which is enough for the answers of one datagram.
        if let Some(size) = settings.receive_buffer
            && rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, size).is_err()
        {
            let _ = socket.set_rx_buf_sz(i32::try_from(size).unwrap_or(i32::MAX));
        }
        Ok(Self {
            socket,
            port,
            sequence: 0,
            buffer: Vec::with_capacity(NARROW),
            timeout: settings.timeout,
            unfinished: false,
        })
    }

    /// Gives the socket, for calls that need one in its network namespace.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends a datagram; the kernel has worked through all of it when this returns. Where this
    /// fails, nothing of it was done.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> Result<(), ExchangeError> {
        if self.unfinished {
            self.discard()?;
        }
        loop {
            match self.socket.send_to(datagram, &SocketAddr::new(0, 0), 0) {
                Ok(_) => {
                    self.unfinished = true;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("send to")(error)),
            }
        }
    }

    /// Has the next dumps come in longer datagrams than those before; false: they do already.
    pub(crate) fn widen(&mut self) -> bool {
        let is_narrow = self.buffer.capacity() < DATAGRAM_SIZE;
        if is_narrow {
            self.buffer = Vec::with_capacity(DATAGRAM_SIZE);
        }
        is_narrow
    }

    /// Notes that all answers to what was sent have been read.
    pub(crate) fn finish(&mut self) {
        self.unfinished = false;
    }

    /// Sends one request that asks for an acknowledgement, gives `visit` the messages of its
    /// answer, and says whether the kernel did it.
    pub(crate) fn request<E: From<ExchangeError>>(
        &mut self,
        (kind, flags): (u16, u16),
        body: impl FnOnce(&mut Vec<u8>),
        mut visit: impl FnMut(&Frame<'_>) -> Result<(), E>,
    ) -> Result<Result<(), Refusal>, E> {
        let sequence = self.start((kind, flags | NLM_F_REQUEST | NLM_F_ACK), body)?;
        let deadline = self.deadline();
        let mut end = None;
        while end.is_none() {
            self.receive(deadline, |frame| {
                match frame.message_type {
                    _ if frame.sequence != sequence => {}
                    NLMSG_ERROR => end = Some(told(parse_error(frame.flags, frame.payload))?),
                    _ => visit(frame)?,
                }
                Ok::<(), E>(())
            })?;
        }
        self.finish();
        Ok(end.unwrap_or(Ok(())))
    }

    /// Starts a dump and gives its sequence number, for [`Transport::dump_chunk`].
    pub(crate) fn start_dump(
        &mut self,
        kind: u16,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u32, ExchangeError> {
        self.start((kind, NLM_F_REQUEST | NLM_F_DUMP), body)
    }

    fn start(
        &mut self,
        (kind, flags): (u16, u16),
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u32, ExchangeError> {
        let sequence = self.next_sequence();
        let mut datagram = Vec::new();
        append(&mut datagram, (kind, flags, sequence), body);
        self.send(&datagram)?;
        Ok(sequence)
    }

    /// Receives one datagram of a dump and gives `visit` its records.
    pub(crate) fn dump_chunk<E: From<ExchangeError>>(
        &mut self,
        sequence: u32,
        mut visit: impl FnMut(&Frame<'_>) -> Result<(), E>,
    ) -> Result<Chunk, E> {
        let mut chunk = Chunk::default();
        self.receive(self.deadline(), |frame| {
            if frame.sequence != sequence {
                return Ok(());
            }
            chunk.is_interrupted |= frame.flags & NLM_F_DUMP_INTR != 0;
            match frame.message_type {
                NLMSG_DONE => chunk.end = Some(told(parse_done(frame.flags, frame.payload))?),
                NLMSG_ERROR => chunk.end = Some(told(parse_error(frame.flags, frame.payload))?),
                _ => visit(frame)?,
            }
            Ok::<(), E>(())
        })?;
        if chunk.end.is_some() {
            self.finish();
        }
        Ok(chunk)
    }

    /// Waits for the next datagram of the kernel and gives `visit` its messages, in order; those
    /// to another port are left out. It is there already as a rule: the kernel answers before a
    /// send returns.
    pub(crate) fn receive<E: From<ExchangeError>>(
        &mut self,
        deadline: Instant,
        mut visit: impl FnMut(&Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.receive_now()? {
            self.wait(deadline)?;
        }
        for frame in Frames::new(&self.buffer) {
            let frame = frame.map_err(ExchangeError::Malformed)?;
            if frame.port == self.port {
                visit(&frame)?;
            }
        }
        Ok(())
    }

    fn wait(&self, deadline: Instant) -> Result<(), ExchangeError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok();
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) => return Err(ExchangeError::TimedOut(self.timeout)),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed("wait for")(error.into())),
            }
        }
    }

    /// Takes a datagram if there is one; false: there is none, or it is not from the kernel.
    fn receive_now(&mut self) -> Result<bool, ExchangeError> {
        // With MSG_TRUNC the true length is told even where the buffer is shorter.
        let flags = (RecvFlags::DONTWAIT | RecvFlags::TRUNC)
            .bits()
            .cast_signed();
        self.buffer.clear();
        match self.socket.recv_from(&mut self.buffer, flags) {
            Ok((length, _)) if length > self.buffer.len() => Err(ExchangeError::Malformed(
                DecodeError::buffer_too_small(self.buffer.len(), length),
            )),
            // Any process may send to our port; only port 0 is the kernel.
            Ok((_, sender)) => Ok(sender.port_number() == 0),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
                _ if error.raw_os_error() == Some(Errno::NOBUFS.raw()) => {
                    Err(ExchangeError::Overrun)
                }
                _ => Err(failed("receive from")(error)),
            },
        }
    }

    /// Throws away what an operation that was given up left behind. Reading is also what makes
    /// the kernel go on with, and end, an unfinished dump.
    fn discard(&mut self) -> Result<(), ExchangeError> {
        let deadline = self.deadline();
        while Instant::now() < deadline {
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec::default())) {
                Ok(0) => {
                    self.unfinished = false;
                    return Ok(());
                }
                Ok(_) => {
                    // What is lost or makes no sense was to be thrown away anyway.
                    if let Err(error @ ExchangeError::Socket { .. }) = self.receive_now() {
                        return Err(error);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed("wait for")(error.into())),
            }
        }
        Err(ExchangeError::TimedOut(self.timeout))
    }
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::NETLINK_GENERIC;

    use super::*;

    fn transport() -> Transport {
        Transport::open(Settings {
            timeout: Duration::from_millis(30),
            ..Settings::new(NETLINK_GENERIC)
        })
        .unwrap()
    }

    fn receive(transport: &mut Transport) -> Result<Vec<u32>, ExchangeError> {
        let mut sequences = Vec::new();
        transport.receive(transport.deadline(), |frame| {
            sequences.push(frame.sequence);
            Ok::<(), ExchangeError>(())
        })?;
        Ok(sequences)
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for_without_end() {
        let mut transport = transport();
        let started = Instant::now();
        let error = receive(&mut transport).unwrap_err();
        assert!(matches!(error, ExchangeError::TimedOut(_)), "{error}");
        assert!(started.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn what_other_processes_send_to_our_port_is_not_taken_for_the_kernels() {
        let mut transport = transport();
        let mut stranger = Socket::new(NETLINK_GENERIC).unwrap();
        stranger.bind_auto().unwrap();
        stranger
            .send_to(&[0; 20], &SocketAddr::new(transport.port, 0), 0)
            .unwrap();
        let error = receive(&mut transport).unwrap_err();
        assert!(matches!(error, ExchangeError::TimedOut(_)), "{error}");
    }

    #[test]
    fn answers_that_were_left_are_thrown_away_before_the_next_request() {
        let mut transport = transport();
        // A message of a type that no family has, with NLM_F_ACK: answered with an error.
        let mut request = [0; 20];
        request[0] = 20;
        request[4..8].copy_from_slice(&[0xff, 0x7f, 5, 0]);
        request[8] = 1;
        transport.send(&request).unwrap();
        request[8] = 2;
        transport.send(&request).unwrap();
        assert_eq!(receive(&mut transport).unwrap(), [2]);
    }

    #[test]
    fn a_request_to_a_family_that_is_not_there_is_refused() {
        let answer: Result<_, ExchangeError> =
            transport().request((0x7fff, 0), |body| body.extend([0; 4]), |_| Ok(()));
        assert_eq!(answer.unwrap().unwrap_err().errno, Errno::NOENT);
    }
}
