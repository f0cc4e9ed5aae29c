//! The rules of `-S`: what `-R` reads.

use std::fmt::Write;

use super::host::Names;
use super::listing::{netmask, protocol_of};
use super::text;
use crate::ipvs::{Destination, Family, Service, ServiceFlags, ServiceId};

/// The lines that make a service and its servers, in the order given. As the original's they lack
/// thresholds, and marks are signed numbers (`ipvsh export --format ipvsadm` does better).
pub(super) fn entry(service: &Service, servers: &[Destination], names: &mut Names) -> String {
    let name = match service.id {
        ServiceId::Fwmark { family, mark } => {
            let mark = mark.get().cast_signed();
            match family {
                Family::Inet => format!("-f {mark}"),
                Family::Inet6 => format!("-f {mark} -6"),
            }
        }
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            let option = text::protocol_option(protocol);
            format!("{option} {}", names.endpoint(address, port, protocol))
        }
    };
    let mut out = format!("-A {name} -s {}{}\n", service.scheduler, options(service));
    for server in servers {
        let id = &server.id;
        let address = names.endpoint(id.address, id.port, protocol_of(&service.id));
        // A String takes every write.
        let _ = writeln!(
            out,
            "-a {name} -r {address} {} -w {}{}",
            text::forward_option(server.forward),
            server.weight,
            text::tunnel_options(server)
        );
    }
    out
}

fn options(service: &Service) -> String {
    let mut out = String::new();
    if service.flags.contains(ServiceFlags::PERSISTENT) {
        let _ = write!(out, " -p {}", service.timeout);
        if let Some(mask) = netmask(service) {
            let _ = write!(out, " -M {mask}");
        }
    }
    if let Some(engine) = &service.pe_name {
        let _ = write!(out, " --pe {engine}");
    }
    if service.flags.contains(ServiceFlags::ONEPACKET) {
        out.push_str(" -o");
    }
    if let Some(flags) = text::flag_names(service.scheduler.as_str(), service.flags) {
        let _ = write!(out, " -b {flags}");
    }
    out
}
