//! The lists of `-L`: a title, a service, its servers.

use std::fmt::Write;

use super::host::Names;
use super::kind::{Given, Kind};
use super::text;
use crate::ipvs::{Destination, Family, Info, Netmask, Service, ServiceFlags, ServiceId, Stats};
use crate::views::number::short;

/// What a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Stats,
    Rates,
    Thresholds,
    Persistent,
    Tunnels,
    Default,
}

/// How a list is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) view: View,
    /// Numbers in full, not in thousands.
    pub(super) exact: bool,
}

impl Format {
    /// Reads it from the options: where several views are named, the first of this order counts.
    pub(super) fn of(given: &Given) -> Format {
        let views = [
            (Kind::Stats, View::Stats),
            (Kind::Rate, View::Rates),
            (Kind::Thresholds, View::Thresholds),
            (Kind::PersistentConn, View::Persistent),
            (Kind::TunnelInfo, View::Tunnels),
        ];
        let view = views.into_iter().find(|(kind, _)| given.has(*kind));
        Format {
            view: view.map_or(View::Default, |(_, view)| view),
            exact: given.has(Kind::Exact),
        }
    }
}

/// The first line of a list of everything.
pub(super) fn head(info: &Info) -> String {
    format!(
        "IP Virtual Server version {} (size={})\n",
        info.version_text(),
        info.connection_table_size
    )
}

/// The names of the columns.
pub(super) fn title(view: View) -> String {
    let (first, second) = ("Prot LocalAddress:Port", "  -> RemoteAddress:Port");
    let numbers = |columns: [&str; 5]| {
        let columns = columns.map(|name| format!(" {name:>8}")).concat();
        format!("{first:<33}{columns}\n{second}\n")
    };
    match view {
        View::Stats => numbers(["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"]),
        View::Rates => numbers(["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"]),
        View::Thresholds => format!(
            "{first:<33} {:<10} {:<10} {:<10} {:<10}\n{second}\n",
            "Uthreshold", "Lthreshold", "ActiveConn", "InActConn"
        ),
        View::Persistent => format!(
            "{first:<33} {:<9} {:<11} {:<10} {:<10}\n{second}\n",
            "Weight", "PersistConn", "ActiveConn", "InActConn"
        ),
        View::Tunnels => format!(
            "{first} Scheduler Flags\n\
             {second}           Forward TunnelInfo    Weight ActiveConn InActConn\n"
        ),
        View::Default => format!(
            "{first} Scheduler Flags\n{second}           Forward Weight ActiveConn InActConn\n"
        ),
    }
}

/// A service and its servers, in the order given.
pub(super) fn entry(
    service: &Service,
    servers: &[Destination],
    format: Format,
    names: &mut Names,
) -> String {
    let name = service_name(&service.id, names);
    let mut out = match format.view {
        View::Stats => format!("{name:<33}{}", counters(&service.stats, format.exact)),
        View::Rates => format!("{name:<33}{}", rates(&service.stats, format.exact)),
        _ => format!("{name} {}", options(service)),
    };
    out.push('\n');
    let protocol = protocol_of(&service.id);
    for server in servers {
        let id = &server.id;
        let mut name = names.endpoint(id.address, id.port, protocol);
        if id.address.is_ipv4() {
            cut(&mut name, 28);
        }
        let columns = columns(server, format);
        // A String takes every write.
        let _ = writeln!(out, "  -> {name:<28}{columns}");
    }
    out
}

fn columns(server: &Destination, format: Format) -> String {
    let Destination {
        weight,
        upper_threshold: upper,
        lower_threshold: lower,
        active_connections: active,
        inactive_connections: inactive,
        persistent_connections: persistent,
        ..
    } = server;
    let forward = text::forward(server.forward);
    match format.view {
        View::Stats => counters(&of_server(&server.stats), format.exact),
        View::Rates => {
            let stats = of_server(&server.stats);
            let per_second = [
                stats.connection_rate,
                stats.packet_rate_in,
                stats.packet_rate_out,
            ];
            let bytes = [stats.byte_rate_in, stats.byte_rate_out];
            let per_second = per_second.map(|rate| format!(" {rate:>8}")).concat();
            let bytes = bytes.map(|rate| number(rate, format.exact)).concat();
            format!("{per_second}{bytes}")
        }
        View::Thresholds => format!(" {upper:<10} {lower:<10} {active:<10} {inactive:<10}"),
        View::Persistent => {
            format!(" {weight:<9} {persistent:<11} {active:<10} {inactive:<10}")
        }
        View::Tunnels => format!(
            " {forward:<7} {:<13} {weight:<6} {active:<10} {inactive:<10}",
            text::tunnel_info(server)
        ),
        View::Default => format!(" {forward:<7} {weight:<6} {active:<10} {inactive:<10}"),
    }
}

fn service_name(id: &ServiceId, names: &mut Names) -> String {
    match *id {
        // Marks are printed as signed numbers.
        ServiceId::Fwmark { family, mark } => {
            let mark = mark.get().cast_signed();
            match family {
                Family::Inet => format!("FWM  {mark}"),
                Family::Inet6 => format!("FWM  {mark} IPv6"),
            }
        }
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            let endpoint = names.endpoint(address, port, protocol);
            let mut name = format!("{:<4} {endpoint}", text::protocol(protocol));
            if address.is_ipv4() {
                cut(&mut name, 33);
            }
            name
        }
    }
}

/// The protocol by which a service's ports are named; marks have none.
pub(super) fn protocol_of(id: &ServiceId) -> u16 {
    match id {
        ServiceId::Address { protocol, .. } => *protocol,
        ServiceId::Fwmark { .. } => 0,
    }
}

fn options(service: &Service) -> String {
    let mut out = service.scheduler.to_string();
    if let Some(flags) = text::flag_names(&out, service.flags) {
        let _ = write!(out, " ({flags})");
    }
    if service.flags.contains(ServiceFlags::PERSISTENT) {
        let _ = write!(out, " persistent {}", service.timeout);
        if let Some(mask) = netmask(service) {
            let _ = write!(out, " mask {mask}");
        }
        if let Some(engine) = &service.pe_name {
            let _ = write!(out, " pe {engine}");
        }
    }
    if service.flags.contains(ServiceFlags::ONEPACKET) {
        out.push_str(" ops");
    }
    out
}

/// The granularity of persistence, where it is not one address.
pub(super) fn netmask(service: &Service) -> Option<String> {
    if service.netmask == Netmask::host(service.id.family()) {
        return None;
    }
    Some(match service.netmask {
        Netmask::V4(mask) => mask.to_string(),
        Netmask::V6(length) => length.cast_signed().to_string(),
    })
}

/// The original reads a server's 64-bit counters as 32 bits, those of bytes excepted.
fn of_server(stats: &Stats) -> Stats {
    let low = |number: u64| number & u64::from(u32::MAX);
    Stats {
        connections: low(stats.connections),
        packets_in: low(stats.packets_in),
        packets_out: low(stats.packets_out),
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
        connection_rate: low(stats.connection_rate),
        packet_rate_in: low(stats.packet_rate_in),
        packet_rate_out: low(stats.packet_rate_out),
        byte_rate_in: low(stats.byte_rate_in),
        byte_rate_out: low(stats.byte_rate_out),
    }
}

fn counters(stats: &Stats, exact: bool) -> String {
    let all = [
        stats.connections,
        stats.packets_in,
        stats.packets_out,
        stats.bytes_in,
        stats.bytes_out,
    ];
    all.map(|count| number(count, exact)).concat()
}

fn rates(stats: &Stats, exact: bool) -> String {
    let all = [
        stats.connection_rate,
        stats.packet_rate_in,
        stats.packet_rate_out,
        stats.byte_rate_in,
        stats.byte_rate_out,
    ];
    all.map(|rate| number(rate, exact)).concat()
}

/// A number in nine columns; in full it keeps a blank before it.
fn number(number: u64, exact: bool) -> String {
    if exact {
        return format!(" {number:>8}");
    }
    match short(number) {
        (number, "") => format!("{number:>9}"),
        (number, unit) => format!("{number:>8}{unit}"),
    }
}

/// Cuts a name to what its column holds.
fn cut(name: &mut String, most: usize) {
    let end = name.char_indices().map(|(at, _)| at).nth(most);
    name.truncate(end.unwrap_or(name.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_shortened() {
        for (count, short, exact) in [
            (0, "        0", "        0"),
            (99_999_999, " 99999999", " 99999999"),
            (123_456_789, "  123456K", " 123456789"),
            (12_345_678_901, "   12345M", " 12345678901"),
            (12_345_678_901_234, "   12345G", " 12345678901234"),
            (u64::MAX, "18446744T", " 18446744073709551615"),
        ] {
            assert_eq!(number(count, false), short);
            assert_eq!(number(count, true), exact);
        }
    }
}
