//! `ftp`: FTP is masqueraded, and the kernel's helper for it is not there.
//!
//! Source of truth: ip_vs_ftp.c: the helper rewrites the addresses within PORT, PASV, EPRT and EPSV.

use super::super::inspection::Inspection;
use super::super::rule::{Found, Look, Rule, Severity};
use crate::model::{Forwarding, Protocol, ServiceKey, VirtualService};
use crate::notes::{Fix, Host};

/// The port of FTP's commands (RFC 959).
const PORT: u16 = 21;

pub(in super::super) static RULE: Rule = Rule {
    id: "ftp",
    title: "FTP is masqueraded without the module ip_vs_ftp",
    why: "the real server names its own address for the data connection: clients log in, and every list \
          and file fails",
    seen: "cat /proc/net/ip_vs_app: no line with ftp; lsmod: no ip_vs_ftp",
    severity: Severity::Outage,
    is_safe: false,
    is_quick: true,
    look: Look::Own(look),
};

fn look(inspection: &Inspection) -> Vec<Found> {
    let services = &inspection.observed.live.services;
    let mut affected = services
        .iter()
        .filter(|(key, service)| is_ftp(key, service))
        .peekable();
    if affected.peek().is_none() {
        return Vec::new();
    }
    let helped = inspection.host.ftp_ports();
    if helped.is_none_or(|ports| ports.contains(&PORT)) {
        return Vec::new();
    }
    affected
        .map(|(key, _)| Found {
            object: key.to_string(),
            what:
                "FTP is masqueraded, and the module ip_vs_ftp is not loaded: data connections fail"
                    .to_owned(),
            fix: Fix::Shell(
                "modprobe ip_vs_ftp && echo ip_vs_ftp > /etc/modules-load.d/ip_vs_ftp.conf"
                    .to_owned(),
            ),
        })
        .collect()
}

/// Returns true for a service of FTP with a masqueraded server.
fn is_ftp(key: &ServiceKey, service: &VirtualService) -> bool {
    let is_port = matches!(
        key,
        ServiceKey::Address {
            protocol: Protocol::TCP,
            port: PORT,
            ..
        }
    );
    let mut servers = service.servers.values();
    is_port && servers.any(|server| server.forward == Forwarding::Masq)
}
