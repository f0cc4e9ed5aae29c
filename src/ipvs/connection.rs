//! Owns the list of connections in `/proc/net/ip_vs_conn`: netlink does not give it.
//!
//! May import: nothing. Source of truth: ip_vs_conn_seq_show and ip_vs_state_name in
//! net/netfilter/ipvs/ip_vs_conn.c and ip_vs_proto.c.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the kernel lists the connections of the calling thread's network namespace; on kernels
/// before 3.17 only the second place is there, which is that of the process.
pub const CONNECTION_FILES: [&str; 2] =
    ["/proc/thread-self/net/ip_vs_conn", "/proc/net/ip_vs_conn"];

/// How much of the file is read at once.
const CHUNK: usize = 64 << 10;

/// Holds one line of the list, as the kernel wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// The protocol's name: `TCP`, `UDP`, `SCTP`, `ICMP`, `IP_N`; `IP` for the persistence
    /// template of an fwmark service.
    pub protocol: &'a str,
    /// The client; a template has its network (its netmask applied) and port 0.
    pub client: SocketAddr,
    /// What the client connected to; for the template of an fwmark service the mark, in the
    /// first four bytes of the address.
    pub target: SocketAddr,
    /// The destination that serves it.
    pub destination: SocketAddr,
    /// The state's name: that of the protocol, or `NONE` and `ASSURED` for templates.
    pub state: &'a str,
    /// Seconds until it is forgotten, unless another packet comes.
    pub expires: u64,
    /// The persistence engine's name and its data, where a template has one.
    pub engine: Option<(&'a str, &'a str)>,
}

impl<'a> Connection<'a> {
    /// Reads a line; none where it does not look like one, as the line of titles.
    pub fn parse(line: &'a str) -> Option<Connection<'a>> {
        let mut words = line.split_whitespace();
        let protocol = words.next()?;
        let mut end = || {
            let address = proc_address(words.next()?)?;
            let port = u16::from_str_radix(words.next()?, 16).ok()?;
            Some(SocketAddr::new(address, port))
        };
        let (client, target, destination) = (end()?, end()?, end()?);
        Some(Connection {
            protocol,
            client,
            target,
            destination,
            state: words.next()?,
            expires: words.next()?.parse().ok()?,
            engine: words.next().zip(words.next()),
        })
    }

    /// The protocol's number, as in IP's header; 0 for `IP` and for a name that is unknown.
    pub fn protocol_number(&self) -> u16 {
        protocol_number(self.protocol)
    }

    /// Says whether it is no connection but the memory of one: which destination a client stays
    /// with.
    pub fn is_template(&self) -> bool {
        self.client.port() == 0 && matches!(self.state, "NONE" | "ASSURED")
    }

    /// The mark, where it is the template of an fwmark service.
    pub fn mark(&self) -> Option<u32> {
        (self.protocol == "IP").then(|| match self.target.ip() {
            IpAddr::V4(address) => address.to_bits(),
            // The mark is the first of four words.
            IpAddr::V6(address) => u32::try_from(address.to_bits() >> 96).unwrap_or(0),
        })
    }
}

/// The number of a protocol by the kernel's name for it (ip_vs_proto_name); 0 for `IP` and for a
/// name that is unknown.
pub fn protocol_number(name: &str) -> u16 {
    match name {
        "TCP" => 6,
        "UDP" => 17,
        "SCTP" => 132,
        "ICMP" => 1,
        "ICMPv6" => 58,
        other => other
            .strip_prefix("IP_")
            .and_then(|number| number.parse().ok())
            .unwrap_or(0),
    }
}

/// Opens the list of the calling thread's network namespace.
///
/// # Errors
/// Not found: the module is not loaded.
pub fn open_connections() -> io::Result<impl BufRead> {
    let [own, process] = CONNECTION_FILES;
    let file = File::open(own).or_else(|_| File::open(process))?;
    Ok(BufReader::with_capacity(CHUNK, file))
}

/// Reads a list line by line, in constant memory; `visit` says whether to go on. Bytes that are
/// no text (the data of a persistence engine may hold any) are replaced.
///
/// # Errors
/// As the list cannot be read.
pub fn each_connection(
    mut list: impl BufRead,
    mut visit: impl FnMut(Connection<'_>) -> bool,
) -> io::Result<()> {
    let mut line = Vec::new();
    while list.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some(connection) = Connection::parse(&text)
            && !visit(connection)
        {
            return Ok(());
        }
        line.clear();
    }
    Ok(())
}

/// Reads an address of a list in `/proc`: eight hexadecimal digits are an IPv4 address.
pub fn proc_address(word: &str) -> Option<IpAddr> {
    word.parse().ok().or_else(|| {
        let bits = u32::from_str_radix(word, 16).ok()?;
        Some(Ipv4Addr::from(bits).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of Linux 6.1.
    const LIST: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C0A80102 D431 C0A83CC8 0050 C0A8B6D2 1F90 TIME_WAIT        117
UDP fd99:0000:0000:0000:0000:0000:0000:0001 B2D4 fd99:0000:0000:0000:0000:0000:0000:0001 0035 0AC8004E 0035 UDP              296
IP  0A630000 0000 0000029A 0000 0AC8004D 0000 NONE              41
IP  fd99:0000:0000:0000:0000:0000:0000:0000 0000 0000:0007:0000:0000:0000:0000:0000:0000 0000 fd99:0000:0000:0000:0000:0000:0000:0077 0000 ASSURED           40
UDP 0A630001 0000 0A630001 13C4 0AC8004D 13C4 ASSURED           88 sip 4711-abc@example.net
";

    fn read(list: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        each_connection(list, |c| {
            said.push(format!(
                "{} {} {} {} {} {} {:?} {} {:?}",
                c.protocol_number(),
                c.client,
                c.target,
                c.destination,
                c.state,
                c.expires,
                c.engine,
                c.is_template(),
                c.mark(),
            ));
            true
        })
        .unwrap();
        said
    }

    #[test]
    fn every_kind_of_line_is_read_and_the_titles_are_not() {
        assert_eq!(
            read(LIST.as_bytes()),
            [
                "6 192.168.1.2:54321 192.168.60.200:80 192.168.182.210:8080 TIME_WAIT 117 None \
                 false None",
                "17 [fd99::1]:45780 [fd99::1]:53 10.200.0.78:53 UDP 296 None false None",
                "0 10.99.0.0:0 0.0.2.154:0 10.200.0.77:0 NONE 41 None true Some(666)",
                "0 [fd99::]:0 [0:7::]:0 [fd99::77]:0 ASSURED 40 None true Some(7)",
                "17 10.99.0.1:0 10.99.0.1:5060 10.200.0.77:5060 ASSURED 88 \
                 Some((\"sip\", \"4711-abc@example.net\")) true None",
            ]
        );
    }

    #[test]
    fn a_line_that_is_cut_or_not_text_is_passed_over() {
        let cut = "TCP C0A80102 D431 C0A83CC8 0050 C0A8B6D2 1F90 TIME_WAIT\n\
                   UDP [2001:db8::1] 13C4\n";
        assert!(read(cut.as_bytes()).is_empty());
        let mut odd = b"UDP 0A630001 0000 0A630001 13C4 0AC8004D 13C4 NONE 8 sip \xff\n".to_vec();
        odd.extend_from_slice(b"TCP 0A630001 0001 0A630001 13C4 0AC8004D 13C4 CLOSE 9");
        let said = read(&odd);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains('\u{fffd}'), "{said:?}");
    }

    #[test]
    fn whoever_reads_may_stop() {
        let mut seen = 0;
        each_connection(LIST.as_bytes(), |_| {
            seen += 1;
            seen < 2
        })
        .unwrap();
        assert_eq!(seen, 2);
    }
}
