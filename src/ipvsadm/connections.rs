//! The list of `-L -c`, from `/proc/net/ip_vs_conn`.

use std::net::{IpAddr, Ipv4Addr};

use super::host::Names;

/// Where the kernel lists connections: a line of titles, then a line each.
pub(super) const FILE: &str = "/proc/net/ip_vs_conn";

/// The first lines.
pub(super) fn title(with_engine: bool) -> String {
    let (state, source, service) = ("state", "source", "virtual");
    let columns = format!("pro expire {state:<11} {source:<18} {service:<18}");
    if with_engine {
        format!(
            "IPVS connection entries\n{columns} {:<18} {:<16} pe_data\n",
            "destination", "pe name"
        )
    } else {
        format!("IPVS connection entries\n{columns} destination\n")
    }
}

/// One connection; none where the line does not look like one.
pub(super) fn entry(line: &str, with_engine: bool, names: &mut Names) -> Option<String> {
    let mut words = line.split_whitespace();
    let protocol = words.next()?;
    let number = match protocol {
        "TCP" => 6,
        "UDP" => 17,
        "SCTP" => 132,
        _ => 0,
    };
    let mut ends = Vec::new();
    for _ in 0..3 {
        let address = address(words.next()?)?;
        let port = u16::from_str_radix(words.next()?, 16).ok()?;
        ends.push(names.endpoint(address, port, number));
    }
    let [source, service, server] = ends.try_into().ok()?;
    let state = words.next()?;
    let expires: u64 = words.next()?.parse().ok()?;
    let expires = format!("{:02}:{:02}", expires / 60, expires % 60);
    let start = format!("{protocol:<3} {expires:<6} {state:<11} {source:<18} {service:<18}");
    Some(match (words.next(), words.next()) {
        (Some(engine), Some(data)) if with_engine => {
            format!("{start} {server:<16} {engine:<18} {data}\n")
        }
        _ => format!("{start} {server}\n"),
    })
}

/// Eight hexadecimal digits are an IPv4 address.
fn address(word: &str) -> Option<IpAddr> {
    word.parse().ok().or_else(|| {
        let bits = u32::from_str_radix(word, 16).ok()?;
        Some(Ipv4Addr::from(bits).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_both_families() {
        let mut names = Names::new(true);
        let mut said = |line, engine| entry(line, engine, &mut names).unwrap();
        let line = "TCP C0A80102 D431 C0A83CC8 0050 C0A8B6D2 0050 TIME_WAIT        117\n";
        let wanted = "TCP 01:57  TIME_WAIT   192.168.1.2:54321  192.168.60.200:80  \
                      192.168.182.210:80\n";
        assert_eq!(said(line, false), wanted);
        assert_eq!(said(line, true), wanted);
        let line = "UDP [2001:db8::1] 13C4";
        assert_eq!(entry(line, false, &mut Names::new(true)), None);
    }
}
