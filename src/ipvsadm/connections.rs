//! The list of `-L -c`, from `/proc/net/ip_vs_conn`.

use std::net::SocketAddr;

use super::host::Names;
use crate::ipvs::Connection;

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

/// One connection.
pub(super) fn entry(connection: &Connection, with_engine: bool, names: &mut Names) -> String {
    let protocol = connection.protocol;
    // Services of other protocols have no names.
    let number = match connection.protocol_number() {
        number @ (6 | 17 | 132) => number,
        _ => 0,
    };
    let mut end = |end: SocketAddr| names.endpoint(end.ip(), end.port(), number);
    let (source, service) = (end(connection.client), end(connection.target));
    let server = end(connection.destination);
    let (state, expires) = (connection.state, connection.expires);
    let expires = format!("{:02}:{:02}", expires / 60, expires % 60);
    let start = format!("{protocol:<3} {expires:<6} {state:<11} {source:<18} {service:<18}");
    match connection.engine {
        Some((engine, data)) if with_engine => {
            format!("{start} {server:<16} {engine:<18} {data}\n")
        }
        _ => format!("{start} {server}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_both_families() {
        let mut names = Names::new(true);
        let mut said = |line, engine| entry(&Connection::parse(line).unwrap(), engine, &mut names);
        let line = "TCP C0A80102 D431 C0A83CC8 0050 C0A8B6D2 0050 TIME_WAIT        117\n";
        let wanted = "TCP 01:57  TIME_WAIT   192.168.1.2:54321  192.168.60.200:80  \
                      192.168.182.210:80\n";
        assert_eq!(said(line, false), wanted);
        assert_eq!(said(line, true), wanted);
    }
}
