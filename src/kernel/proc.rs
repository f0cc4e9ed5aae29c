//! Owns what only `/proc` says of a kernel: connections, totals, settings.
//!
//! May import: `error`, `model`, `ipvs`. Source of truth: ip_vs_conn_seq_show in ip_vs_conn.c,
//! ip_vs_stats_show and vs_vars in ip_vs_ctl.c (net/netfilter/ipvs/).

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::ipvs;
use crate::model::{
    Connection, Counters, EngineData, Family, Fwmark, Protocol, Rates, ServiceKey, Usage,
};

/// Counters and rates of the calling thread's network namespace.
const STATS: &str = "/proc/thread-self/net/ip_vs_stats";

/// The settings, those of the calling thread's network namespace.
const SETTINGS: &str = "/proc/sys/net/ipv4/vs";

/// Reads a list of connections in the form of `/proc/net/ip_vs_conn`, in constant memory.
///
/// # Errors
/// `system` where it cannot be read.
pub fn connections(
    list: impl BufRead,
    visit: &mut dyn FnMut(Connection) -> ControlFlow<()>,
) -> Result<()> {
    ipvs::each_connection(list, |line| visit(connection(&line)).is_continue())
        .map_err(|e| Error::system("cannot read the connections", &e))
}

/// A connection of the kernel.
fn connection(line: &ipvs::Connection<'_>) -> Connection {
    let mark = line.mark().and_then(|mark| Fwmark::new(mark.into()).ok());
    Connection {
        service: match mark {
            Some(mark) => ServiceKey::Fwmark {
                family: Family::of(line.target.ip()),
                mark,
            },
            None => ServiceKey::Address {
                protocol: Protocol(line.protocol_number()),
                addr: line.target.ip(),
                port: line.target.port(),
            },
        },
        client: line.client,
        server: line.destination,
        state: line.state.to_owned(),
        expires: line.expires,
        template: line.is_template(),
        engine: line.engine.map(|(name, data)| EngineData {
            name: name.to_owned(),
            data: data.to_owned(),
        }),
    }
}

/// Counters and rates of everything that went through; zeros where they cannot be read.
pub fn total() -> Usage {
    read_total(&fs::read_to_string(STATS).unwrap_or_default())
}

/// Two lines of five hexadecimal numbers each, below titles.
fn read_total(text: &str) -> Usage {
    let numbers = |line: &str| -> Option<[u64; 5]> {
        let words = line.split_whitespace();
        let numbers: Result<Vec<u64>, _> = words.map(|w| u64::from_str_radix(w, 16)).collect();
        numbers.ok()?.try_into().ok()
    };
    let mut lines = text.lines().filter_map(numbers);
    let [connections, in_packets, out_packets, in_bytes, out_bytes] =
        lines.next().unwrap_or_default();
    let [cps, in_pps, out_pps, in_bps, out_bps] = lines.next().unwrap_or_default();
    Usage {
        stats: Counters {
            connections,
            in_packets,
            out_packets,
            in_bytes,
            out_bytes,
        },
        rates: Rates {
            cps,
            in_pps,
            out_pps,
            in_bps,
            out_bps,
        },
    }
}

/// The settings; none where they cannot be read.
pub fn settings() -> BTreeMap<String, String> {
    let files = fs::read_dir(SETTINGS).into_iter().flatten().flatten();
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let value = fs::read_to_string(file.path()).ok()?;
            Some((name, value.split_whitespace().collect::<Vec<_>>().join(" ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<Connection> {
        let mut all = Vec::new();
        connections(list.as_bytes(), &mut |connection| {
            all.push(connection);
            ControlFlow::Continue(())
        })
        .unwrap();
        all
    }

    #[test]
    fn connections_bear_the_names_of_services() {
        let list = "\
TCP C0A80102 D431 C0A83CC8 0050 C0A8B6D2 1F90 TIME_WAIT        117
IP_99 C0A80102 D431 C0A83CC8 0050 C0A8B6D2 1F90 NONE        117
IP  0A630000 0000 0000029A 0000 0AC8004D 0000 NONE              41
IP  fd99:: 0000 0000:0007:0000:0000:0000:0000:0000:0000 0000 fd99::77 0000 ASSURED       40
UDP 0A630001 0000 0A630001 13C4 0AC8004D 13C4 ASSURED           88 sip 4711-abc@example.net
";
        let all = read(list);
        let names: Vec<String> = all.iter().map(|c| c.service.to_string()).collect();
        assert_eq!(
            names,
            [
                "tcp 192.168.60.200:80",
                "protocol-99 192.168.60.200:80",
                "fwmark 666",
                "fwmark6 7",
                "udp 10.99.0.1:5060"
            ]
        );
        let engine = all[4].engine.as_ref().unwrap();
        assert_eq!(
            (engine.name.as_str(), engine.data.as_str()),
            ("sip", "4711-abc@example.net")
        );
        assert_eq!(
            all.iter().map(|c| c.template).collect::<Vec<_>>(),
            [false, false, true, true, true]
        );
    }

    /// As Linux 6.1 prints it.
    #[test]
    fn totals_are_read_below_their_titles() {
        let text = "   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
      1F       2A        0              ABC                0

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       1        2        3                4     100000000000
";
        let total = read_total(text);
        assert_eq!(total.stats.connections, 31);
        assert_eq!(total.stats.in_packets, 42);
        assert_eq!(total.stats.in_bytes, 0xabc);
        assert_eq!(total.rates.in_pps, 2);
        assert_eq!(total.rates.out_bps, 1 << 44);
        assert_eq!(read_total(""), Usage::default());
    }
}
