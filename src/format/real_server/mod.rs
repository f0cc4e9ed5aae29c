//! What a real server runs that has no ipvsh: a script for `start`, `stop` and `status`, or the files
//! that make a setup permanent.
//!
//! Source of truth: the init scripts of LVS tutorials (`lvs_dr_rs`, `realserver.sh`) for what they
//! do; POSIX sh for the language, and the common options of iproute2's ip and of busybox's.

mod persist;

pub use persist::{Persist, persistent};

use std::fmt::Write;
use std::net::IpAddr;

use crate::error::{Error, Kind, Result};
use crate::model::{Arrival, Family, ServedVip, TunnelKind};

/// What a real server is to be set up for: addresses and numbers only, so that no text of a user
/// gets into a script.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    served: ServedVip,
    gateway: Option<IpAddr>,
}

impl Setup {
    /// A VIP, and the director's inner address for a masqueraded server.
    ///
    /// # Errors
    /// `usage` for a gateway that the forwarding method does not need, for one that is missing, and
    /// for one that is no gateway of the VIP's answers.
    pub fn new(served: ServedVip, gateway: Option<IpAddr>) -> Result<Setup> {
        let refuse = |why: &str, hint: &str| {
            let error = Error::new(Kind::Usage, why).object(format!("vip {}", served.addr()));
            Err(error.hint(hint))
        };
        match (served.arrival(), gateway) {
            (Arrival::Masq, None) => refuse(
                "a masqueraded real server needs nothing but its route back",
                "give the director's inner address: --gateway ADDRESS",
            ),
            (Arrival::Direct | Arrival::Tunnel(_), Some(_)) => refuse(
                "the default gateway of this real server stays the router, never the director",
                "leave --gateway out; only masqueraded servers answer by the director",
            ),
            (_, Some(gateway)) if Family::of(gateway) != Family::of(served.addr()) => refuse(
                "the gateway is of the other IP version",
                "give the director's inner address of the VIP's IP version",
            ),
            (_, Some(gateway)) if is_no_gateway(gateway) => refuse(
                "the gateway is no address of a host in a network",
                "give the director's inner address, like 10.0.0.1",
            ),
            (_, Some(gateway)) if gateway == served.addr() => refuse(
                "the gateway is the VIP",
                "give the director's inner address, which the servers reach directly",
            ),
            _ => Ok(Setup { served, gateway }),
        }
    }

    fn vip(&self) -> IpAddr {
        self.served.addr()
    }

    fn is_ipv4(&self) -> bool {
        self.vip().is_ipv4()
    }

    /// The length of the VIP's prefix.
    fn length(&self) -> u8 {
        if self.is_ipv4() { 32 } else { 128 }
    }

    /// The kernel settings below `net/ipv4/conf`, each with the values that will do: the first is set.
    fn settings(&self) -> Result<Vec<(String, &'static str)>> {
        let mut all = Vec::new();
        if self.is_ipv4() && self.served.arrival() != Arrival::Masq {
            for (setting, values) in [("arp_ignore", "1 2 8"), ("arp_announce", "2")] {
                for interface in ["all", "lo"] {
                    all.push((format!("{interface}/{setting}"), values));
                }
            }
        }
        if let Some((name, _)) = self.served.device()? {
            for interface in ["all", name.as_str()] {
                all.push((format!("{interface}/rp_filter"), "0 2"));
            }
        }
        Ok(all)
    }
}

/// Link-local addresses need a device beside them, which is not known here.
fn is_no_gateway(addr: IpAddr) -> bool {
    let is_link_local = match addr {
        IpAddr::V4(addr) => addr.is_link_local() || addr.is_broadcast(),
        IpAddr::V6(addr) => addr.is_unicast_link_local(),
    };
    is_link_local || addr.is_unspecified() || addr.is_multicast() || addr.is_loopback()
}

/// The module that makes a tunnel device.
fn module(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::Gre => "ip_gre",
        TunnelKind::Ipip | TunnelKind::Gue | TunnelKind::Other(_) => "ipip",
    }
}

/// A part of the script: its text, the kind of note that it leaves, and how that is undone.
type Part = (&'static str, Option<(&'static str, &'static str)>);

const SETTING: Part = (
    include_str!("setting.sh"),
    Some(("setting", "undo_setting \"$@\"")),
);
const ADDRESS: Part = (
    include_str!("address.sh"),
    Some(("address", "undo_address")),
);
const IPV4: Part = (include_str!("ipv4.sh"), None);
const IPV6: Part = (include_str!("ipv6.sh"), None);
const DEVICE: Part = (include_str!("device.sh"), Some(("up", "undo_up \"$@\"")));
const PORT: Part = (include_str!("port.sh"), Some(("port", "undo_port \"$@\"")));
const GATEWAY4: Part = (
    include_str!("gateway4.sh"),
    Some(("gateway", "undo_gateway \"$@\"")),
);
const GATEWAY6: Part = (
    include_str!("gateway6.sh"),
    Some(("gateway", "undo_gateway")),
);

/// The script: POSIX sh, with `start`, `stop` and `status`.
///
/// # Errors
/// None for what a [`Setup`] has.
pub fn script(setup: &Setup) -> Result<String> {
    let (mut parts, mut steps): (Vec<Part>, Vec<String>) = (Vec::new(), Vec::new());
    let device = setup.served.device()?;
    if let Some((name, device)) = device {
        parts.push(DEVICE);
        steps.push(format!("device {name} {}", module(device.kind)));
    }
    let settings = setup.settings()?;
    if !settings.is_empty() {
        parts.insert(0, SETTING);
    }
    let setting = |(name, values): &(String, &str)| format!("setting {name} {values}");
    steps.extend(settings.iter().map(setting));
    if setup.served.arrival() != Arrival::Masq {
        parts.extend([ADDRESS, if setup.is_ipv4() { IPV4 } else { IPV6 }]);
        steps.push("address".to_owned());
    }
    if let Some((name, device)) = device {
        if let Some(port) = device.port {
            parts.push(PORT);
            steps.push(format!("port {port}"));
        }
        steps.push(format!("up {name}"));
    }
    if setup.gateway.is_some() {
        parts.push(if setup.is_ipv4() { GATEWAY4 } else { GATEWAY6 });
        steps.push("gateway".to_owned());
    }
    let mut text = header(setup);
    text.push_str(include_str!("notes.sh"));
    for (part, _) in &parts {
        text.push_str(part);
    }
    let _ = writeln!(text, "\nsteps() {{\n  {}\n}}", steps.join(" &&\n    "));
    text.push_str(
        "\nundo() { # KIND WORDS...: what a note says\n  kind=$1\n  shift\n  case $kind in\n",
    );
    for (kind, undo) in parts.iter().filter_map(|(_, undo)| *undo) {
        let _ = writeln!(text, "    {kind}) {undo} ;;");
    }
    text.push_str("  esac\n}\n");
    text.push_str(include_str!("main.sh"));
    Ok(text)
}

/// What the script is for, and its variables.
fn header(setup: &Setup) -> String {
    let vip = setup.vip();
    let (method, what) = match (setup.served.arrival(), setup.gateway) {
        (Arrival::Masq, Some(gateway)) => (
            "masquerading".to_owned(),
            format!("the default gateway is {gateway}"),
        ),
        (Arrival::Tunnel(device), _) => (
            format!("a tunnel ({})", device.summary()),
            format!("{vip} on lo, tunnel {}", device.summary()),
        ),
        _ => ("direct routing".to_owned(), format!("{vip} on lo")),
    };
    let mut text = format!(
        "#!/bin/sh\n\
         # Real server of the VIP {vip} for {method}; printed by ipvsh real-server.\n\
         #\n\
         #   start   sets up what is not there yet, and notes what was there before\n\
         #   stop    undoes what start did, and only that; what another VIP needs stays\n\
         #   status  exits with 0 where all of it is there, else with 3\n\
         #\n"
    );
    let is_gue = matches!(setup.served.arrival(), Arrival::Tunnel(device) if device.port.is_some());
    let ip = if is_gue {
        "iproute2"
    } else {
        "iproute2 or busybox"
    };
    let _ = writeln!(text, "# Needs root, and ip of {ip}.\nvip={vip}");
    if setup.served.arrival() != Arrival::Masq {
        let _ = writeln!(text, "length={}", setup.length());
    }
    if let Some(gateway) = setup.gateway {
        let _ = writeln!(text, "gateway={gateway}");
    }
    let _ = writeln!(text, "what='{what}'");
    text
}
