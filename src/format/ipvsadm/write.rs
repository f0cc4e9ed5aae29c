//! Writing: one line per service, server, daemon; one for the timeouts.

use crate::model::server::{Forwarding, RealServer, Tunnel, TunnelChecksum, TunnelKind};
use crate::model::service::{Netmask, PERSISTENT_MAX, SchedulerFlags, ServiceOptions};
use crate::model::{
    DaemonRole, Family, Protocol, Ruleset, ServerKey, ServiceKey, ServicePolicy, SettingKey,
    Settings, SyncDaemon, TimeoutKind, Timeouts, VirtualService,
};

/// The flags that ipvsadm has names for.
const NAMED_FLAGS: u32 = SchedulerFlags::SCHED1 | SchedulerFlags::SCHED2 | SchedulerFlags::SCHED3;
/// The greatest threshold that ipvsadm takes.
const THRESHOLD_MAX: u32 = i32::MAX as u32;

/// Writes what `ipvsadm -R` reads; the notes say what it could not be told.
pub(crate) fn write(rules: &Ruleset) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut notes = Vec::new();
    let mut push = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for (key, service) in &rules.services {
        if let Some(why) = refuses_service(key, &service.options) {
            notes.push(format!("{key} is left out: {why}"));
            continue;
        }
        push(&service_line("-A", key, &service.options));
        lost_of_service(key, &service.options, &mut notes);
        for (server_key, server) in &service.servers {
            if let Some(why) = refuses_server(key, server_key, server) {
                notes.push(format!("server {server_key} of {key} is left out: {why}"));
                continue;
            }
            push(&server_line("-a", key, server_key, server));
            lost_of_server(key, server_key, server, &mut notes);
        }
    }
    let has_policies = |service: &VirtualService| {
        let policy = ServicePolicy {
            snat: None,
            ..service.policy.clone()
        };
        !policy.is_default() || !service.server_policies.is_empty()
    };
    let of = rules
        .services
        .iter()
        .filter(|(_, service)| has_policies(service));
    let of: Vec<String> = of.map(|(key, _)| key.to_string()).collect();
    if !of.is_empty() {
        notes.push(format!(
            "checks and hosts of {} are left out: ipvsadm has nothing like it (--format json and \
             rhai have it)",
            of.join(", ")
        ));
    }
    let translated = rules.services.iter();
    let translated = translated.filter(|(_, service)| service.policy.snat.is_some());
    let translated: Vec<String> = translated.map(|(key, _)| key.to_string()).collect();
    if !translated.is_empty() {
        notes.push(format!(
            "snat of {} is left out: ipvsadm sets nothing of the host (--format json and rhai have \
             it)",
            translated.join(", ")
        ));
    }
    for line in settings_lines(&rules.settings) {
        push(&line);
    }
    let (of_host, of_the_record): (Vec<SettingKey>, Vec<SettingKey>) = rules
        .settings
        .keys()
        .filter(|key| key.facts().is_beside_ipvs())
        .partition(|key| key.facts().is_of_host);
    let others = [
        (of_host, "sets nothing of the host"),
        (of_the_record, "has nothing like it"),
    ];
    for (keys, why) in others.iter().filter(|(keys, _)| !keys.is_empty()) {
        let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        notes.push(format!(
            "{} {are} left out: ipvsadm {why} (--format json and rhai have it)",
            names.join(", ")
        ));
    }
    let marks: Vec<String> = rules.mark_keys().iter().map(ToString::to_string).collect();
    if !marks.is_empty() {
        notes.push(format!(
            "the rules of {} are left out: ipvsadm knows none (iptables-save does)",
            marks.join(", ")
        ));
    }
    (text, notes)
}

/// Selects a service: `-t 192.0.2.1:80`, `-f 666 -6`.
pub(crate) fn selector(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Address {
            protocol,
            addr,
            port,
        } => {
            let option = match *protocol {
                Protocol::UDP => "-u",
                Protocol::SCTP => "--sctp-service",
                _ => "-t",
            };
            format!(
                "{option} {}",
                ServerKey {
                    addr: *addr,
                    port: *port
                }
            )
        }
        ServiceKey::Fwmark {
            family: Family::Ipv4,
            mark,
        } => format!("-f {mark}"),
        // The order matters to ipvsadm: "-6 used before -f" is an error.
        ServiceKey::Fwmark {
            family: Family::Ipv6,
            mark,
        } => format!("-f {mark} -6"),
    }
}

/// The line that adds (`-A`) or replaces (`-E`) a service, without the program's name.
pub(crate) fn service_line(command: &str, key: &ServiceKey, options: &ServiceOptions) -> String {
    let family = key.family();
    let mut line = format!("{command} {} -s {}", selector(key), options.scheduler);
    if let Some(seconds) = options.persistent.filter(|s| holds_persistent(*s)) {
        line += &format!(" -p {seconds}");
    }
    if options.netmask != Netmask::host(family) && holds_netmask(options.netmask, family) {
        line += &format!(" -M {}", options.netmask.text(family));
    }
    if let Some(engine) = &options.engine {
        line += &format!(" --pe {}", engine.name());
    }
    if options.one_packet {
        line += " -o";
    }
    let flags = SchedulerFlags(options.flags.0 & NAMED_FLAGS);
    if !flags.is_empty() {
        line += &format!(" -b {}", flags.names(&options.scheduler).join(","));
    }
    line
}

/// The line that adds (`-a`) or replaces (`-e`) a server, without the program's name.
pub(crate) fn server_line(
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
        "{command} {} -r {key} {method} -w {}",
        selector(service),
        server.weight
    );
    if server.upper != 0 || server.lower != 0 {
        line += &format!(
            " -x {} -y {}",
            server.upper.min(THRESHOLD_MAX),
            server.lower.min(THRESHOLD_MAX)
        );
    }
    if server.forward == Forwarding::Tunnel {
        line += &tunnel_words(server.tunnel);
    }
    line
}

fn tunnel_words(tunnel: Tunnel) -> String {
    let (name, port) = match tunnel.kind {
        TunnelKind::Gue => ("gue", format!(" --tun-port {}", tunnel.port)),
        TunnelKind::Gre => ("gre", String::new()),
        TunnelKind::Ipip | TunnelKind::Other(_) => return String::new(),
    };
    let checksum = match tunnel.checksum {
        TunnelChecksum::Full => "--tun-csum",
        TunnelChecksum::Remote if tunnel.kind == TunnelKind::Gue => "--tun-remcsum",
        _ => "--tun-nocsum",
    };
    format!(" --tun-type {name}{port} {checksum}")
}

/// The lines that set settings; those that ipvsadm cannot set have none.
pub(crate) fn settings_lines(settings: &Settings) -> Vec<String> {
    let timeouts = settings.timeouts();
    let set = (timeouts != Timeouts::default()).then(|| timeouts_line(&timeouts));
    let daemons = settings.daemons();
    let started = daemons.map(|(role, daemon)| daemon_line(role, daemon));
    set.into_iter().chain(started).collect()
}

/// The line that removes a setting, where ipvsadm can.
pub(crate) fn removal_line(key: SettingKey) -> Option<String> {
    match key {
        SettingKey::SyncDaemon(role) => Some(format!("--stop-daemon {role}")),
        _ => None,
    }
}

/// The line that sets timeouts; 0 leaves one as it is.
fn timeouts_line(timeouts: &Timeouts) -> String {
    let seconds = TimeoutKind::ALL.map(|kind| timeouts.get(kind).unwrap_or(0).to_string());
    format!("--set {}", seconds.join(" "))
}

/// The line that starts a sync daemon.
fn daemon_line(role: DaemonRole, daemon: &SyncDaemon) -> String {
    let mut line = format!(
        "--start-daemon {role} --mcast-interface {} --syncid {}",
        daemon.interface, daemon.id
    );
    let options = [
        ("--sync-maxlen", daemon.maxlen.map(|n| n.to_string())),
        ("--mcast-group", daemon.group.map(|group| group.to_string())),
        ("--mcast-port", daemon.port.map(|n| n.to_string())),
        ("--mcast-ttl", daemon.ttl.map(|n| n.to_string())),
    ];
    for (option, value) in options {
        if let Some(value) = value {
            line += &format!(" {option} {value}");
        }
    }
    line
}

fn holds_persistent(seconds: u32) -> bool {
    (1..=PERSISTENT_MAX).contains(&seconds)
}

fn holds_netmask(netmask: Netmask, family: Family) -> bool {
    family == Family::Ipv4 || (1..=128).contains(&netmask.0)
}

/// Why ipvsadm would not add a service at all, though the kernel holds it.
fn refuses_service(key: &ServiceKey, options: &ServiceOptions) -> Option<String> {
    let ServiceKey::Address { protocol, port, .. } = key else {
        return None;
    };
    if ![Protocol::TCP, Protocol::UDP, Protocol::SCTP].contains(protocol) {
        Some(format!("ipvsadm knows no {protocol}"))
    } else if *port == 0 && !options.persistent.is_some_and(holds_persistent) {
        Some("ipvsadm refuses port 0 without persistence".to_owned())
    } else if options.one_packet && *protocol != Protocol::UDP {
        Some(format!(
            "ipvsadm refuses one-packet scheduling for {protocol}"
        ))
    } else {
        None
    }
}

/// Why ipvsadm would not add a server as it is.
fn refuses_server(service: &ServiceKey, key: &ServerKey, server: &RealServer) -> Option<String> {
    let own = match service {
        ServiceKey::Address { port, .. } => Some(*port),
        ServiceKey::Fwmark { .. } => None,
    };
    match (server.forward, own) {
        (Forwarding::Local | Forwarding::Bypass, _) => Some(format!(
            "ipvsadm knows no forwarding method {}",
            server.forward
        )),
        (Forwarding::Direct | Forwarding::Tunnel, Some(own)) if own != key.port => Some(format!(
            "ipvsadm would make its port {own}, for {}",
            server.forward
        )),
        (Forwarding::Tunnel, _) => match server.tunnel.kind {
            TunnelKind::Other(_) => Some(format!("ipvsadm knows no tunnel {}", server.tunnel.kind)),
            TunnelKind::Gue if server.tunnel.port == 0 => {
                Some("a GUE tunnel needs a port".to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

fn lost_of_service(key: &ServiceKey, options: &ServiceOptions, notes: &mut Vec<String>) {
    if let Some(seconds) = options.persistent.filter(|s| !holds_persistent(*s)) {
        notes.push(format!(
            "{key}: persistence of {seconds} s is left out: ipvsadm takes 1 to {PERSISTENT_MAX}"
        ));
    }
    if !holds_netmask(options.netmask, key.family()) {
        notes.push(format!(
            "{key}: netmask {} is left out: ipvsadm takes 1 to 128",
            options.netmask.0
        ));
    }
    let nameless = SchedulerFlags(options.flags.0 & !NAMED_FLAGS);
    if !nameless.is_empty() {
        notes.push(format!(
            "{key}: flags {} are left out: ipvsadm has no names for them",
            nameless.names(&options.scheduler).join(", ")
        ));
    }
}

fn lost_of_server(
    service: &ServiceKey,
    key: &ServerKey,
    server: &RealServer,
    notes: &mut Vec<String>,
) {
    if server.upper.max(server.lower) > THRESHOLD_MAX {
        notes.push(format!(
            "server {key} of {service}: thresholds are cut to {THRESHOLD_MAX}, ipvsadm's greatest"
        ));
    }
    let tunnel = server.tunnel;
    let held = match (server.forward, tunnel.kind) {
        (Forwarding::Tunnel, TunnelKind::Gue) => {
            !matches!(tunnel.checksum, TunnelChecksum::Other(_))
        }
        (Forwarding::Tunnel, TunnelKind::Gre) => {
            tunnel.port == 0
                && matches!(tunnel.checksum, TunnelChecksum::None | TunnelChecksum::Full)
        }
        _ => tunnel == Tunnel::default(),
    };
    if !held {
        notes.push(format!(
            "server {key} of {service}: tunnel {tunnel} is cut: ipvsadm refuses the combination"
        ));
    }
}
