//! Checks of type ping: an ICMP echo.
//!
//! Source of truth: icmp(7), raw(7), RFC 792, RFC 4443. The kernel gives a datagram socket of ICMP the
//! replies to its own requests only, but allows it by net.ipv4.ping_group_range; a raw socket needs
//! CAP_NET_RAW, is connected so that it gets packets of the server only, and picks its reply itself.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use socket2::{Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::errors::{answering, sending};
use super::outcome::{Outcome, Passed, Progress};
use super::socket;
use crate::health::Target;
use crate::model::policy::check::Route;

/// ICMP_ECHO, ICMP_ECHOREPLY (linux/icmp.h); ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY (linux/icmpv6.h).
const ECHO: [(u8, u8); 2] = [(8, 0), (128, 129)];

/// How many requests this process sent.
static SENT: AtomicU32 = AtomicU32::new(0);

/// A request: eight bytes of header, and bytes that nobody else sends.
struct Echo {
    bytes: Vec<u8>,
    reply: u8,
}

impl Echo {
    fn new(is_ipv4: bool) -> Echo {
        let [ipv4, ipv6] = ECHO;
        let (request, reply) = if is_ipv4 { ipv4 } else { ipv6 };
        let number = SENT.fetch_add(1, Ordering::Relaxed);
        // Seeded by the system once a thread: another process has other bytes.
        let unique = RandomState::new().hash_one(number).to_be_bytes();
        let mut bytes = vec![request, 0, 0, 0];
        // Identifier and sequence number.
        bytes.extend((std::process::id() as u16).to_be_bytes());
        bytes.extend((number as u16).to_be_bytes());
        bytes.extend(unique);
        bytes.extend(number.to_be_bytes());
        bytes.extend(*b"ipvs");
        if is_ipv4 {
            let [high, low] = checksum(&bytes).to_be_bytes();
            if let Some(place) = bytes.get_mut(2..4) {
                place.copy_from_slice(&[high, low]);
            }
        }
        Echo { bytes, reply }
    }

    /// Returns true for the reply to this request. The kernel replaces the identifier of a datagram
    /// socket; the bytes after the header are what counts.
    fn is_answered_by(&self, packet: &[u8]) -> bool {
        let number = |bytes: &[u8]| bytes.get(6..).map(<[u8]>::to_vec);
        packet.first() == Some(&self.reply)
            && packet.len() == self.bytes.len()
            && number(packet) == number(&self.bytes)
    }
}

/// The checksum of the Internet protocols (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let high = u32::from(pair.first().copied().unwrap_or_default());
        let low = u32::from(pair.get(1).copied().unwrap_or_default());
        high << 8 | low
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Runs the check.
pub(super) async fn run(route: &Route, target: &Target, progress: &mut Progress) -> Outcome {
    let mut to = socket::destination(route, target);
    to.set_port(0);
    let (opened, is_raw) = open(to, route).map_err(|error| sending(&error))?;
    socket::connect(&opened, to)?;
    progress.is_connected = true;
    let echo = Echo::new(to.is_ipv4());
    // Sending and receiving on a connected socket are the same calls whatever the protocol.
    let socket = UdpSocket::from_std(opened.into()).map_err(|error| sending(&error))?;
    let sent = socket.send(&echo.bytes).await;
    sent.map_err(|error| sending(&error))?;
    let mut buffer = [0; 2048];
    loop {
        let received = socket.recv(&mut buffer).await;
        let count = received.map_err(|error| answering(&error))?;
        let packet = buffer.get(..count).unwrap_or_default();
        // A raw socket of IPv4 gives the IP header too (raw(7)); its length is in words of 4 bytes.
        let header = match (is_raw && to.is_ipv4(), packet.first()) {
            (true, Some(first)) => usize::from(first & 15) * 4,
            _ => 0,
        };
        if echo.is_answered_by(packet.get(header..).unwrap_or_default()) {
            return Ok(Passed::with("echo reply"));
        }
    }
}

/// Opens a datagram socket, or a raw one where this process may not have the former.
fn open(to: SocketAddr, route: &Route) -> io::Result<(Socket, bool)> {
    let protocol = match to.is_ipv4() {
        true => Protocol::ICMPV4,
        false => Protocol::ICMPV6,
    };
    match socket::open(Type::DGRAM, protocol, to, route) {
        Ok(socket) => Ok((socket, false)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::ACCESS | Errno::PERM | Errno::PROTONOSUPPORT) => {
                socket::open(Type::RAW, protocol, to, route).map(|socket| (socket, true))
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_adds_up_to_zero() {
        // RFC 1071, 3: the sum over 00 01 f2 03 f4 f5 f6 f7 is ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
        assert_eq!(checksum(&Echo::new(true).bytes), 0);
    }

    #[test]
    fn only_the_reply_to_the_request_counts() {
        for is_ipv4 in [true, false] {
            let echo = Echo::new(is_ipv4);
            let mut reply = echo.bytes.clone();
            assert!(!echo.is_answered_by(&reply), "its own request");
            reply[0] = echo.reply;
            // The kernel changes checksum and identifier.
            reply[2..6].copy_from_slice(&[1, 2, 3, 4]);
            assert!(echo.is_answered_by(&reply));
            assert!(!echo.is_answered_by(&reply[..reply.len() - 1]));
            assert!(!Echo::new(is_ipv4).is_answered_by(&reply), "another run's");
            *reply.last_mut().unwrap() ^= 1;
            assert!(!echo.is_answered_by(&reply));
            assert!(!echo.is_answered_by(&[]));
        }
    }
}
