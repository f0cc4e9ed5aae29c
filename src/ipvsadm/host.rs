//! Names of hosts and ports. Only the drop-in resolves names; the rest of ipvsh takes literals.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::format::ipvsadm::ports::{SERVICES, entries, find};

/// Names of protocols in `/etc/services`, by number.
fn protocol_name(protocol: u16) -> Option<&'static str> {
    match protocol {
        6 => Some("tcp"),
        17 => Some("udp"),
        132 => Some("sctp"),
        _ => None,
    }
}

/// Looks a host up: its first IPv4 address, as the system resolves names.
pub(super) fn address(name: &str) -> Option<Ipv4Addr> {
    // An IPv6 literal is no name, and nobody's name is empty.
    if name.is_empty() || name.contains(':') {
        return None;
    }
    (name, 0)
        .to_socket_addrs()
        .ok()?
        .find_map(|found| match found {
            SocketAddr::V4(found) => Some(*found.ip()),
            SocketAddr::V6(_) => None,
        })
}

/// Looks the number of a named port up.
pub(super) fn port(name: &str, protocol: u16) -> Option<u16> {
    let protocol = protocol_name(protocol)?;
    let text = std::fs::read(SERVICES).ok()?;
    find(&String::from_utf8_lossy(&text), name, protocol)
}

/// Gives addresses and ports as they are printed: with names, or numbers alone. Each name is looked
/// up once.
#[derive(Debug)]
pub(super) struct Names {
    numeric: bool,
    hosts: HashMap<IpAddr, String>,
    /// By port and protocol; read when it is first needed.
    ports: Option<HashMap<(u16, u16), String>>,
}

impl Names {
    pub(super) fn new(numeric: bool) -> Names {
        Names {
            numeric,
            hosts: HashMap::new(),
            ports: None,
        }
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`, `localhost:http`.
    pub(super) fn endpoint(&mut self, address: IpAddr, port: u16, protocol: u16) -> String {
        let (host, port) = if self.numeric {
            (numbers(address), port.to_string())
        } else {
            (self.host(address), self.port(port, protocol))
        };
        match address {
            IpAddr::V4(_) => format!("{host}:{port}"),
            IpAddr::V6(_) => format!("[{host}]:{port}"),
        }
    }

    fn host(&mut self, address: IpAddr) -> String {
        let look_up = || dns_lookup::lookup_addr(&address).unwrap_or_else(|_| numbers(address));
        self.hosts.entry(address).or_insert_with(look_up).clone()
    }

    fn port(&mut self, port: u16, protocol: u16) -> String {
        let ports = self.ports.get_or_insert_with(|| {
            let text = std::fs::read(SERVICES).unwrap_or_default();
            let mut ports = HashMap::new();
            for entry in entries(&String::from_utf8_lossy(&text)) {
                let protocols = [6, 17, 132];
                let number = protocols
                    .into_iter()
                    .find(|number| protocol_name(*number) == Some(entry.protocol));
                if let (Some(number), Some(name)) = (number, entry.names.first()) {
                    ports
                        .entry((entry.port, number))
                        .or_insert_with(|| (*name).to_owned());
                }
            }
            ports
        });
        ports
            .get(&(port, protocol))
            .cloned()
            .unwrap_or_else(|| port.to_string())
    }
}

/// An address as inet_ntop(3) prints it.
fn numbers(address: IpAddr) -> String {
    let IpAddr::V6(v6) = address else {
        return address.to_string();
    };
    // The C library also writes ::a.b.c.d for IPv4-compatible addresses, Rust does not.
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            format!("::{a}.{b}.{c}.{d}")
        }
        _ => v6.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_printed_as_inet_ntop_does() {
        for (address, wanted) in [
            ("2001:db8:0:0:1::", "2001:db8:0:0:1::"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("::192.0.2.1", "::192.0.2.1"),
            ("::1", "::1"),
            ("::", "::"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ] {
            assert_eq!(numbers(address.parse().unwrap()), wanted);
        }
    }
}
