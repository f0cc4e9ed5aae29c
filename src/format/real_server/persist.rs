//! Files by which a real server's setup outlives a reboot, as lines to paste into a root shell.

use std::fmt::Write;

use super::{Setup, module};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::{Arrival, TunnelKind};

/// Which program of the host sets it up at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persist {
    /// sysctl.d(5): the kernel settings alone.
    Sysctl,
    /// systemd-networkd: the VIP and tunnel devices, with the settings in sysctl.d.
    Networkd,
    /// NetworkManager: the VIP, with the settings in sysctl.d.
    Nmcli,
}

impl Persist {
    /// All of them.
    pub const ALL: [Persist; 3] = [Persist::Sysctl, Persist::Networkd, Persist::Nmcli];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Persist::Sysctl => "sysctl.d",
            Persist::Networkd => "networkd",
            Persist::Nmcli => "nmcli",
        }
    }

    /// Parses the text form, in any case.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<Persist> {
        let wanted = text.trim().to_lowercase();
        let found = Persist::ALL.into_iter().find(|one| one.name() == wanted);
        found.ok_or_else(|| {
            let names = Persist::ALL.map(Persist::name);
            let hint = match did_you_mean(text, names) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("a form is {}", names.join(", ")),
            };
            Error::invalid(format!("unknown form \"{text}\""))
                .about(text)
                .hint(hint)
        })
    }
}

/// The files and commands of a form, as lines of a root shell: pasted once they hold for every boot.
///
/// # Errors
/// `usage` for masquerading (the default gateway belongs to the interface's own file), and for what
/// a form cannot say.
pub fn persistent(setup: &Setup, form: Persist) -> Result<String> {
    let vip = setup.vip();
    let refuse = |why: String, hint: &str| {
        Err(Error::new(Kind::Usage, why)
            .object(format!("vip {vip}"))
            .hint(hint))
    };
    if setup.served.arrival() == Arrival::Masq {
        return refuse(
            "the default gateway stands where the host's network is configured".to_owned(),
            "set it there; without --persist the script sets it until the next boot",
        );
    }
    let device = setup.served.device()?;
    match (form, device) {
        (Persist::Nmcli, Some((name, _))) => {
            return refuse(
                format!("NetworkManager sets up no {name}"),
                "use --persist networkd, or run the script (without --persist) at boot",
            );
        }
        (Persist::Sysctl, None) if !setup.is_ipv4() => {
            return refuse(
                "an IPv6 VIP on lo needs no kernel settings".to_owned(),
                "use --persist networkd or --persist nmcli for the address",
            );
        }
        _ => {}
    }
    let mut text = String::new();
    let name = vip.to_string().replace(':', "-");
    modules_and_settings(&mut text, setup, &name)?;
    match form {
        Persist::Sysctl => {
            let _ = writeln!(
                text,
                "# The address{} not here: run the script (ipvsh real-server without --persist) at boot.",
                if device.is_some() {
                    " and the tunnel device are"
                } else {
                    " is"
                }
            );
        }
        Persist::Networkd => networkd(&mut text, setup, &name)?,
        Persist::Nmcli => network_manager(&mut text, setup, &name),
    }
    Ok(text)
}

/// A file that a shell writes.
fn file(text: &mut String, path: &str, lines: &[String]) {
    let _ = writeln!(text, "cat >{path} <<'END'\n{}\nEND", lines.join("\n"));
}

fn modules_and_settings(text: &mut String, setup: &Setup, name: &str) -> Result<()> {
    if let Some((_, device)) = setup.served.device()? {
        let mut modules = vec![module(device.kind).to_owned()];
        if device.kind == TunnelKind::Gue {
            modules.push("fou".to_owned());
        }
        let path = format!("/etc/modules-load.d/60-lvs-{name}.conf");
        file(text, &path, &modules);
        for module in modules {
            let _ = writeln!(text, "modprobe {module}");
        }
    }
    let settings = setup.settings()?;
    if settings.is_empty() {
        return Ok(());
    }
    let line = |(name, values): &(String, &str)| {
        let value = values.split(' ').next().unwrap_or_default();
        format!("net.ipv4.conf.{} = {value}", name.replace('/', "."))
    };
    let lines: Vec<String> = settings.iter().map(line).collect();
    let path = format!("/etc/sysctl.d/60-lvs-{name}.conf");
    file(text, &path, &lines);
    let _ = writeln!(text, "sysctl -p {path}");
    Ok(())
}

fn networkd(text: &mut String, setup: &Setup, name: &str) -> Result<()> {
    let lines = |all: &[&str]| -> Vec<String> { all.iter().map(|&line| line.to_owned()).collect() };
    // One file is read for each device: what several VIPs have of their own stands in drop-ins.
    let path = "/etc/systemd/network/60-lvs-lo.network";
    file(text, path, &lines(&["[Match]", "Name=lo"]));
    let _ = writeln!(text, "mkdir -p {path}.d");
    let mut vip = lines(&["[Address]"]);
    vip.push(format!("Address={}/{}", setup.vip(), setup.length()));
    if !setup.is_ipv4() {
        vip.extend(lines(&[
            "PreferredLifetime=0",
            "DuplicateAddressDetection=none",
        ]));
    }
    file(text, &format!("{path}.d/{name}.conf"), &vip);
    if let Some((device_name, device)) = setup.served.device()? {
        if let Some(port) = device.port {
            let mut fou = lines(&["[NetDev]", "Kind=fou"]);
            fou.insert(1, format!("Name=lvs-gue{port}"));
            fou.extend(lines(&[
                "",
                "[FooOverUDP]",
                "Encapsulation=GenericUDPEncapsulation",
            ]));
            fou.push(format!("Port={port}"));
            file(
                text,
                &format!("/etc/systemd/network/60-lvs-gue{port}.netdev"),
                &fou,
            );
        }
        let mut tunnel = vec!["[Match]".to_owned(), format!("Name={device_name}")];
        tunnel.extend(lines(&[
            "",
            "[Link]",
            "ActivationPolicy=always-up",
            "RequiredForOnline=no",
        ]));
        tunnel.extend(lines(&["", "[Network]", "LinkLocalAddressing=no"]));
        file(
            text,
            &format!("/etc/systemd/network/60-lvs-{device_name}.network"),
            &tunnel,
        );
    }
    text.push_str("networkctl reload\n");
    Ok(())
}

fn network_manager(text: &mut String, setup: &Setup, name: &str) {
    let vip = format!("{}/{}", setup.vip(), setup.length());
    let (own, own6) = ("127.0.0.1/8", "::1/128");
    let addresses = |family: &str, all: &[&str]| {
        let mut lines = vec![
            String::new(),
            format!("[{family}]"),
            "method=manual".to_owned(),
        ];
        let numbered = all.iter().zip(1..);
        lines.extend(numbered.map(|(address, number)| format!("address{number}={address}")));
        lines
    };
    let mut lines: Vec<String> = ["[connection]", "type=loopback", "interface-name=lo"]
        .map(str::to_owned)
        .into();
    lines.insert(1, format!("id=lvs-{name}"));
    let (four, six): (&[&str], &[&str]) = match setup.is_ipv4() {
        true => (&[own, &vip], &[own6]),
        false => (&[own], &[own6, &vip]),
    };
    lines.extend(addresses("ipv4", four));
    lines.extend(addresses("ipv6", six));
    let path = format!("/etc/NetworkManager/system-connections/lvs-{name}.nmconnection");
    let _ = writeln!(
        text,
        "# Where a connection of lo is there already (nmcli connection show), add the VIP to that one:\n\
         #   nmcli connection modify lo +ipv{}.addresses {vip}",
        if setup.is_ipv4() { 4 } else { 6 }
    );
    file(text, &path, &lines);
    let _ = writeln!(
        text,
        "chmod 600 {path}\nnmcli connection reload\nnmcli connection up lvs-{name}"
    );
}
