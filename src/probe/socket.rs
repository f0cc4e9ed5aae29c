//! Sockets of checks: source, interface, mark; none of them blocks.
//!
//! Source of truth: socket(7), ip(7).

use std::io;
use std::net::SocketAddr;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpStream;

use super::errors::{answering, said, sending};
use super::outcome::Missed;
use crate::health::Target;
use crate::model::policy::check::Route;

/// Where a check of this server goes; port 0 where neither names one.
pub(super) fn destination(route: &Route, target: &Target) -> SocketAddr {
    let addr = route.address.unwrap_or(target.server.addr);
    SocketAddr::new(addr, route.port.unwrap_or(target.server.port))
}

/// The same for a type of check that cannot do without a port.
pub(super) fn destination_with_port(route: &Route, target: &Target) -> Result<SocketAddr, Missed> {
    let to = destination(route, target);
    match to.port() {
        0 => Err(Missed::no_result(
            "neither the check nor the server has a port",
        )),
        _ => Ok(to),
    }
}

/// Opens a socket as the route says.
pub(super) fn open(
    kind: Type,
    protocol: Protocol,
    to: SocketAddr,
    route: &Route,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if kind != Type::STREAM {
        // Without it a host that does not answer ARP, or whose router says so, is silent.
        match to {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true)?,
        }
    }
    configure(&socket, route)?;
    Ok(socket)
}

fn configure(socket: &Socket, route: &Route) -> io::Result<()> {
    if let Some(mark) = route.mark {
        socket
            .set_mark(mark.value())
            .map_err(|error| about(error, format!("mark {mark}")))?;
    }
    if let Some(interface) = route.interface {
        socket
            .bind_device(Some(interface.as_str().as_bytes()))
            .map_err(|error| about(error, format!("interface {interface}")))?;
    }
    if let Some(source) = route.source {
        // Without it as many checks at once as there are ports would be the limit.
        socket.set_reuse_address(true)?;
        socket
            .bind(&SocketAddr::new(source, 0).into())
            .map_err(|error| about(error, format!("source {source}")))?;
    }
    Ok(())
}

/// Names the option that an error is about. The number goes: what configures a socket never says
/// anything about the server.
fn about(error: io::Error, what: String) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {}", said(&error)))
}

/// Begins to connect; datagram sockets are connected at once.
pub(super) fn connect(socket: &Socket, to: SocketAddr) -> Result<(), Missed> {
    match socket.connect(&SockAddr::from(to)) {
        Ok(()) => Ok(()),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => Ok(()),
        Err(error) => Err(sending(&error)),
    }
}

/// Connects by TCP.
pub(super) async fn stream(to: SocketAddr, route: &Route) -> Result<TcpStream, Missed> {
    let socket = open(Type::STREAM, Protocol::TCP, to, route).map_err(|error| sending(&error))?;
    connect(&socket, to)?;
    let stream = TcpStream::from_std(socket.into()).map_err(|error| sending(&error))?;
    stream.writable().await.map_err(|error| sending(&error))?;
    if let Some(error) = stream.take_error().map_err(|error| sending(&error))? {
        return Err(answering(&error));
    }
    // A connection to a free port of this host can meet itself, where the kernel chose that port.
    let ends = (stream.local_addr(), stream.peer_addr());
    if let (Ok(local), Ok(peer)) = ends
        && local == peer
    {
        return Err(Missed::failed("connection refused"));
    }
    Ok(stream)
}
