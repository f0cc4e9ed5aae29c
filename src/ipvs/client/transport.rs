//! Owns the socket: sending, receiving with a deadline, and getting back into step.
//!
//! May import: `netlink-sys`, rustix, `error`. Source of truth: netlink(7),
//! net/netlink/af_netlink.c.

use std::io;
use std::time::{Duration, Instant};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

use super::super::errno::Errno;
use super::super::error::IpvsError;
use super::Options;

/// Room for one datagram: netlink_dump never makes one of more than 32 KiB.
const DATAGRAM_SIZE: usize = 64 * 1024;
/// Room that the kernel is offered at first: it makes the datagrams of a dump as long as the
/// most that it was ever offered on a socket, 32 KiB at most (netlink_dump).
const NARROW: usize = 20 * 1024;

/// Holds the socket and what is needed to tell answers from left-overs.
#[derive(Debug)]
pub(super) struct Transport {
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

fn failed(action: &'static str) -> impl Fn(io::Error) -> IpvsError {
    move |source| IpvsError::Socket { action, source }
}

impl Transport {
    pub(super) fn open(options: &Options) -> Result<Self, IpvsError> {
        let mut socket = Socket::new(NETLINK_GENERIC).map_err(failed("open"))?;
        let port = socket.bind_auto().map_err(failed("bind"))?.port_number();
        // Both are refinements that an old kernel may lack: errors then quote the whole request
        // and have no text.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        // The forced form passes net.core.rmem_max but needs CAP_NET_ADMIN; without either the
        // default of 208 KiB remains, which is enough for the answers of one datagram.
        let size = options.receive_buffer;
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, size).is_err() {
            let _ = socket.set_rx_buf_sz(i32::try_from(size).unwrap_or(i32::MAX));
        }
        Ok(Self {
            socket,
            port,
            sequence: 0,
            buffer: Vec::with_capacity(NARROW),
            timeout: options.timeout,
            unfinished: false,
        })
    }

    pub(super) fn port(&self) -> u32 {
        self.port
    }

    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends a datagram; the kernel has worked through all of it when this returns. Where this
    /// fails, nothing of it was done.
    pub(super) fn send(&mut self, datagram: &[u8]) -> Result<(), IpvsError> {
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
    pub(super) fn widen(&mut self) -> bool {
        let is_narrow = self.buffer.capacity() < DATAGRAM_SIZE;
        if is_narrow {
            self.buffer = Vec::with_capacity(DATAGRAM_SIZE);
        }
        is_narrow
    }

    /// Notes that all answers to what was sent have been read.
    pub(super) fn finish(&mut self) {
        self.unfinished = false;
    }

    /// Waits for the next datagram of the kernel; see [`Transport::buffer`]. It is there already as
    /// a rule: the kernel answers before a send returns.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<(), IpvsError> {
        while !self.receive_now()? {
            self.wait(deadline)?;
        }
        Ok(())
    }

    fn wait(&self, deadline: Instant) -> Result<(), IpvsError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok();
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) => return Err(IpvsError::TimedOut(self.timeout)),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed("wait for")(error.into())),
            }
        }
    }

    /// Takes a datagram if there is one; false: there is none, or it is not from the kernel.
    fn receive_now(&mut self) -> Result<bool, IpvsError> {
        // With MSG_TRUNC the true length is told even where the buffer is shorter.
        let flags = (RecvFlags::DONTWAIT | RecvFlags::TRUNC)
            .bits()
            .cast_signed();
        self.buffer.clear();
        match self.socket.recv_from(&mut self.buffer, flags) {
            Ok((length, _)) if length > self.buffer.len() => Err(IpvsError::Malformed(
                netlink_packet_core::DecodeError::buffer_too_small(self.buffer.len(), length),
            )),
            // Any process may send to our port; only port 0 is the kernel.
            Ok((_, sender)) => Ok(sender.port_number() == 0),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
                _ if error.raw_os_error() == Some(Errno::NOBUFS.raw()) => Err(IpvsError::Overrun),
                _ => Err(failed("receive from")(error)),
            },
        }
    }

    /// Throws away what an operation that was given up left behind. Reading is also what makes
    /// the kernel go on with, and end, an unfinished dump.
    fn discard(&mut self) -> Result<(), IpvsError> {
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
                    if let Err(error @ IpvsError::Socket { .. }) = self.receive_now() {
                        return Err(error);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed("wait for")(error.into())),
            }
        }
        Err(IpvsError::TimedOut(self.timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport() -> Transport {
        let timeout = Duration::from_millis(30);
        Transport::open(&Options {
            timeout,
            ..Options::default()
        })
        .unwrap()
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for_without_end() {
        let mut transport = transport();
        let started = Instant::now();
        let error = transport.receive(transport.deadline()).unwrap_err();
        assert!(matches!(error, IpvsError::TimedOut(_)), "{error}");
        assert!(started.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn what_other_processes_send_to_our_port_is_not_taken_for_the_kernels() {
        let mut transport = transport();
        let mut stranger = Socket::new(NETLINK_GENERIC).unwrap();
        stranger.bind_auto().unwrap();
        stranger
            .send_to(&[0; 20], &SocketAddr::new(transport.port(), 0), 0)
            .unwrap();
        let error = transport.receive(transport.deadline()).unwrap_err();
        assert!(matches!(error, IpvsError::TimedOut(_)), "{error}");
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
        transport.receive(transport.deadline()).unwrap();
        assert_eq!(transport.buffer()[8], 2, "sequence number of the answer");
    }
}
