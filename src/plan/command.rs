//! Steps as lines that an operator can run by hand: for what an undo could not finish.
//!
//! Source of truth: ipvsadm(8), iptables(8). Only typed values become words.

use super::Step;
use crate::model::server::{Forwarding, RealServer, TunnelChecksum, TunnelKind};
use crate::model::service::ServiceOptions;
use crate::model::{Family, ServerKey, ServiceKey, TimeoutKind};

/// The runnable lines of a step.
pub fn command_lines(step: &Step) -> Vec<String> {
    match step {
        Step::AddService { key, options } => vec![service_line("-A", key, options)],
        Step::ChangeService { key, to, .. } => vec![service_line("-E", key, to)],
        Step::RemoveService { key, .. } => vec![format!("ipvsadm -D {}", selector(key))],
        Step::AddServer {
            service,
            key,
            options,
        } => vec![server_line("-a", service, key, options)],
        Step::ChangeServer {
            service, key, to, ..
        } => vec![server_line("-e", service, key, to)],
        Step::RemoveServer { service, key, .. } => {
            vec![format!("ipvsadm -d {} -r {key}", selector(service))]
        }
        // The chain is more than one line; restore makes it what the head says.
        Step::SetChain { .. } => vec!["ipvsh restore".to_owned()],
        Step::SetTimeouts { to, .. } => {
            let seconds = |kind| to.get(kind).unwrap_or(0).to_string();
            let all: Vec<String> = TimeoutKind::ALL.into_iter().map(seconds).collect();
            vec![format!("ipvsadm --set {}", all.join(" "))]
        }
        Step::StartDaemon { role, daemon } => vec![format!(
            "ipvsadm --start-daemon {role} --mcast-interface {} --syncid {}",
            daemon.interface, daemon.id
        )],
        Step::StopDaemon { role, .. } => vec![format!("ipvsadm --stop-daemon {role}")],
    }
}

fn selector(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Address { protocol, .. } => {
            let name = key.to_string();
            let address = name.split_once(' ').map_or("", |(_, address)| address);
            match protocol.to_string().as_str() {
                "udp" => format!("-u {address}"),
                "sctp" => format!("--sctp-service {address}"),
                _ => format!("-t {address}"),
            }
        }
        ServiceKey::Fwmark {
            family: Family::Ipv4,
            mark,
        } => format!("-f {mark}"),
        ServiceKey::Fwmark {
            family: Family::Ipv6,
            mark,
        } => format!("-f {mark} -6"),
    }
}

fn service_line(command: &str, key: &ServiceKey, options: &ServiceOptions) -> String {
    let mut line = format!(
        "ipvsadm {command} {} -s {}",
        selector(key),
        options.scheduler
    );
    if let Some(seconds) = options.persistent {
        line += &format!(" -p {seconds}");
        line += &format!(" -M {}", options.netmask.text(key.family()));
    }
    if let Some(engine) = &options.engine {
        line += &format!(" --pe {}", engine.name());
    }
    if options.one_packet {
        line += " -o";
    }
    if !options.flags.is_empty() {
        line += &format!(" -b {}", options.flags.names(&options.scheduler).join(","));
    }
    line
}

fn server_line(
    command: &str,
    service: &ServiceKey,
    key: &ServerKey,
    server: &RealServer,
) -> String {
    let method = match server.forward {
        Forwarding::Masq => "-m",
        Forwarding::Tunnel => "-i",
        Forwarding::Direct | Forwarding::Local | Forwarding::Bypass => "-g",
    };
    let mut line = format!(
        "ipvsadm {command} {} -r {key} {method} -w {}",
        selector(service),
        server.weight
    );
    if server.upper != 0 {
        line += &format!(" -x {} -y {}", server.upper, server.lower);
    }
    if server.forward == Forwarding::Tunnel && server.tunnel.kind != TunnelKind::Ipip {
        line += &format!(" --tun-type {}", server.tunnel.kind);
        if server.tunnel.port != 0 {
            line += &format!(" --tun-port {}", server.tunnel.port);
        }
        line += match server.tunnel.checksum {
            TunnelChecksum::Full => " --tun-csum",
            TunnelChecksum::Remote => " --tun-remcsum",
            TunnelChecksum::None | TunnelChecksum::Other(_) => " --tun-nocsum",
        };
    }
    line
}
