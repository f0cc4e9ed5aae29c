//! Owns the list of services in `/proc/net/ip_vs`: all of a table in one read, but without
//! thresholds, tunnels, flags of schedulers and timeouts.
//!
//! May import: `record`. Source of truth: ip_vs_info_seq_show in net/netfilter/ipvs/ip_vs_ctl.c.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::record::{ForwardMethod, ServiceId};

/// Where the kernel lists the services of the calling thread's network namespace; on kernels before
/// 3.17 only the second place is there, which is that of the process.
const FILES: [&str; 2] = ["/proc/thread-self/net/ip_vs", "/proc/net/ip_vs"];

/// How much of the file is read at once.
const CHUNK: usize = 64 << 10;

/// Holds one line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListLine {
    /// A service; none where it is that of a mark, whose family the list does not tell.
    Service(Option<ServiceId>),
    /// A server of the service above it.
    Server {
        /// Its address and port.
        address: SocketAddr,
        /// How packets reach it.
        forward: ForwardMethod,
        /// Its weight.
        weight: i32,
        /// Its active connections.
        active: u32,
        /// Its inactive connections.
        inactive: u32,
    },
}

impl ListLine {
    /// Reads a line; none where it does not look like one, as the titles.
    pub fn parse(line: &str) -> Option<ListLine> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        let protocol = match first {
            "->" => return server(&mut words),
            "FWM" => return Some(ListLine::Service(None)),
            "TCP" => 6,
            "UDP" => 17,
            "SCTP" => 132,
            other => other.strip_prefix("IP_")?.parse().ok()?,
        };
        let end = end(words.next()?)?;
        Some(ListLine::Service(Some(ServiceId::Address {
            protocol,
            address: end.ip(),
            port: end.port(),
        })))
    }
}

fn server<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<ListLine> {
    let address = end(words.next()?)?;
    let forward = match words.next()? {
        "Masq" => ForwardMethod::Masq,
        "Local" => ForwardMethod::LocalNode,
        "Tunnel" => ForwardMethod::Tunnel,
        "Route" => ForwardMethod::Direct,
        "Bypass" => ForwardMethod::Bypass,
        _ => return None,
    };
    Some(ListLine::Server {
        address,
        forward,
        weight: words.next()?.parse().ok()?,
        active: words.next()?.parse().ok()?,
        inactive: words.next()?.parse().ok()?,
    })
}

/// `C0A80001:0050` or `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`.
fn end(word: &str) -> Option<SocketAddr> {
    let (address, port) = word.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address: IpAddr = match address.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse().ok()?,
        None => Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?).into(),
    };
    Some(SocketAddr::new(address, port))
}

/// Opens the list of the calling thread's network namespace.
///
/// # Errors
/// Not found: the module is not loaded.
pub fn open_list() -> io::Result<impl BufRead> {
    let [own, process] = FILES;
    let file = File::open(own).or_else(|_| File::open(process))?;
    Ok(BufReader::with_capacity(CHUNK, file))
}

/// Reads a list line by line, in constant memory; `visit` says whether to go on.
///
/// # Errors
/// As the list cannot be read.
pub fn each_listed(
    mut list: impl BufRead,
    mut visit: impl FnMut(ListLine) -> bool,
) -> io::Result<()> {
    let mut line = String::new();
    while list.read_line(&mut line)? > 0 {
        if let Some(listed) = ListLine::parse(&line)
            && !visit(listed)
        {
            return Ok(());
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of Linux 6.1.
    const LIST: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C000020A:0050 wlc persistent 300 FFFFFFFF 
  -> 0A00000B:1F90      Masq    1      2          3         
  -> 0A00000C:1F90      Route   0      0          0         
UDP  [2001:0db8:0000:0000:0000:0000:0000:0010]:0035 rr 
  -> [2001:0db8:0000:0000:0000:0000:0000:0011]:0035      Tunnel  2147483647 0          0         
IP_99  C000020A:0000 rr 
FWM  0000029A rr 
  -> 0A00000B:0000      Local   1      0          0         
";

    #[test]
    fn every_kind_of_line_is_read_and_the_titles_are_not() {
        let mut said = Vec::new();
        each_listed(LIST.as_bytes(), |line| {
            said.push(match line {
                ListLine::Service(Some(id)) => id.to_string(),
                ListLine::Service(None) => "a mark".to_owned(),
                ListLine::Server {
                    address,
                    forward,
                    weight,
                    active,
                    inactive,
                } => format!("{address} {forward:?} {weight} {active} {inactive}"),
            });
            true
        })
        .unwrap();
        assert_eq!(
            said,
            [
                "tcp 192.0.2.10:80",
                "10.0.0.11:8080 Masq 1 2 3",
                "10.0.0.12:8080 Direct 0 0 0",
                "udp [2001:db8::10]:53",
                "[2001:db8::11]:53 Tunnel 2147483647 0 0",
                "protocol 99 192.0.2.10:0",
                "a mark",
                "10.0.0.11:0 LocalNode 1 0 0",
            ]
        );
    }

    #[test]
    fn what_is_cut_or_new_is_passed_over() {
        for line in [
            "",
            "TCP",
            "TCP  C000020A",
            "TCP  C000020A:XX rr",
            "XYZ  C000020A:0050 rr",
            "  -> 0A00000B:1F90      Masq    1      2",
            "  -> 0A00000B:1F90      Other   1      2          3",
            "  -> [2001:db8::1:0050 Masq 1 0 0",
        ] {
            assert_eq!(ListLine::parse(line), None, "{line}");
        }
    }
}
