//! Checks of type udp: a datagram, and what comes back.
//!
//! The socket is connected, so that the kernel passes on datagrams of the server alone, and ICMP errors
//! (udp(7)).

use socket2::{Protocol, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::errors::{answering, sending};
use super::outcome::{Missed, Outcome, Passed, Progress, excerpt};
use super::{patterns, socket};
use crate::health::Target;
use crate::model::policy::check::{Reply, Route, Udp};

/// The most bytes of a reply that are compared.
const MOST: usize = 4096;

/// Runs the check. Where no reply is needed, it waits for an ICMP error until the deadline.
pub(super) async fn run(
    check: &Udp,
    route: &Route,
    target: &Target,
    deadline: Instant,
    progress: &mut Progress,
) -> Outcome {
    let pattern = match &check.reply {
        Reply::Matches(pattern) => Some(patterns::compiled(pattern)?),
        _ => None,
    };
    let to = socket::destination_with_port(route, target)?;
    let opened = socket::open(Type::DGRAM, Protocol::UDP, to, route);
    let opened = opened.map_err(|error| sending(&error))?;
    socket::connect(&opened, to)?;
    let socket = UdpSocket::from_std(opened.into()).map_err(|error| sending(&error))?;
    progress.is_connected = true;
    let sent = socket.send(check.payload.bytes()).await;
    sent.map_err(|error| sending(&error))?;
    let mut buffer = [0; MOST];
    let reply = socket.recv(&mut buffer);
    let received = match check.reply {
        Reply::None => match timeout_at(deadline, reply).await {
            Ok(received) => received,
            Err(_) => return Ok(Passed::with("no error")),
        },
        _ => reply.await,
    };
    let count = received.map_err(|error| answering(&error))?;
    let reply = buffer.get(..count).unwrap_or_default();
    let is_wanted = match &check.reply {
        Reply::Any | Reply::None => true,
        Reply::Hex(wanted) => wanted.matches(reply),
        Reply::Matches(_) => pattern.is_some_and(|pattern| pattern.is_match(reply)),
    };
    let answer = match count {
        0 => "an empty reply".to_owned(),
        _ => excerpt(reply),
    };
    match is_wanted {
        true => Ok(Passed::with(answer)),
        false => Err(Missed::failed("the reply does not match").with(answer)),
    }
}
