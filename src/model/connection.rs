//! One connection, or the memory of one, as the kernel lists it.
//!
//! Source of truth: ip_vs_conn_seq_show in net/netfilter/ipvs/ip_vs_conn.c; the names of states
//! are those of ip_vs_proto_tcp.c, ip_vs_proto_udp.c, ip_vs_proto_sctp.c and ip_vs_proto.c.

use std::net::SocketAddr;

use super::key::ServiceKey;

/// The names of all states.
pub const STATES: [&str; 25] = [
    "NONE",
    "ASSURED",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "SYNACK",
    "UDP",
    "INIT1",
    "INIT",
    "COOKIE_SENT",
    "COOKIE_REPLIED",
    "COOKIE_WAIT",
    "COOKIE",
    "COOKIE_ECHOED",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECEIVED",
    "SHUTDOWN_ACK_SENT",
    "REJECTED",
    "CLOSED",
];

/// What a persistence engine knows a client by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineData {
    /// The engine: `sip`.
    pub name: String,
    /// Its data: a Call-ID.
    pub data: String,
}

/// A connection of a client to a server, or a persistence template: which server a client stays
/// with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// What the client asked for, as the name of a service. Connections of an fwmark service have
    /// the address and port that they were sent to, its templates have the mark; those of a
    /// service on all ports have the port that was asked for.
    pub service: ServiceKey,
    /// The client; of a template its network and port 0.
    pub client: SocketAddr,
    /// The real server.
    pub server: SocketAddr,
    /// The state's name.
    pub state: String,
    /// Seconds until it is forgotten, unless another packet comes.
    pub expires: u64,
    /// It is a persistence template.
    pub template: bool,
    /// Of a template of a persistence engine.
    pub engine: Option<EngineData>,
}
