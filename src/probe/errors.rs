//! Which errors of the system say something about the server.
//!
//! Source of truth: connect(2), ip(7), tcp(7), udp(7), icmp_err_convert in net/ipv4/icmp.c.
//!
//! The same number means different things by the call that returns it. A call that sends (socket, bind,
//! connect, send) fails in this host before a packet leaves: no route, no buffers, a firewall rule of
//! its own; that says nothing about the server. Only a refusal says something: over loopback it comes
//! back within the call. What is found later (`SO_ERROR`, receiving) was said by a packet or by
//! silence: ICMP, a reset, a neighbour that does not answer ARP. No connection of a client would come
//! through either, so that the server counts as failed. There, only shortage in this host and a link
//! that is down say nothing.

use std::io;

use rustix::io::Errno;

use super::outcome::Missed;

/// Errors that mean shortage in this host, or a link that is down, whichever call returns them.
const LOCAL: [Errno; 7] = [
    Errno::NETDOWN,
    Errno::NOBUFS,
    Errno::NOMEM,
    Errno::MFILE,
    Errno::NFILE,
    Errno::NODEV,
    Errno::PERM,
];

/// Errors of a call that sends which come from the server all the same.
const REMOTE: [Errno; 3] = [Errno::CONNREFUSED, Errno::CONNRESET, Errno::PIPE];

/// An error of a call that sends.
pub(super) fn sending(error: &io::Error) -> Missed {
    let missed = match Errno::from_io_error(error) {
        Some(errno) if REMOTE.contains(&errno) => Missed::failed(said(error)),
        _ => Missed::no_result(said(error)),
    };
    missed.by(error)
}

/// An error that an answer, or the lack of one, brought.
pub(super) fn answering(error: &io::Error) -> Missed {
    let missed = match Errno::from_io_error(error) {
        Some(errno) if LOCAL.contains(&errno) => Missed::no_result(said(error)),
        // The C library's words, "no route to host", would send the reader to this host's routes.
        Some(Errno::HOSTUNREACH) => Missed::failed("host is unreachable"),
        _ => Missed::failed(said(error)),
    };
    missed.by(error)
}

/// What the system said, as part of a sentence: `connection refused`.
pub(super) fn said(error: &io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    };
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Verdict;

    #[test]
    fn the_call_decides_what_a_number_means() {
        let is_failure = |missed: Missed| matches!(missed.verdict, Verdict::Failed(_));
        for (errno, sending_fails, answering_fails) in [
            (Errno::CONNREFUSED, true, true),
            (Errno::CONNRESET, true, true),
            (Errno::TIMEDOUT, false, true),
            // Sending: no route of this host. Later: ICMP of a router, or no answer to ARP.
            (Errno::NETUNREACH, false, true),
            (Errno::HOSTUNREACH, false, true),
            (Errno::ACCESS, false, true),
            (Errno::PERM, false, false),
            (Errno::NETDOWN, false, false),
            (Errno::NOBUFS, false, false),
            (Errno::MFILE, false, false),
            (Errno::NFILE, false, false),
            (Errno::ADDRNOTAVAIL, false, true),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(is_failure(sending(&error)), sending_fails, "{errno:?}");
            assert_eq!(is_failure(answering(&error)), answering_fails, "{errno:?}");
        }
        assert_eq!(
            said(&io::Error::from(Errno::CONNREFUSED)),
            "connection refused"
        );
    }
}
