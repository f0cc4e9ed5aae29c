//! Steps as lines that an operator can run by hand: for what an undo could not finish.
//!
//! Source of truth: ipvsadm(8), iptables(8), ip(8). Only typed values become words.

use super::{SettingChange, Step};
use crate::format::ipvsadm::{removal_line, selector, server_line, service_line, settings_lines};
use crate::model::{Setting, SettingKey, Settings, Vip, VipKey, shell_word};

/// The runnable lines of a step.
pub fn command_lines(step: &Step) -> Vec<String> {
    let line = match step {
        Step::AddService { key, options } => service_line("-A", key, options),
        Step::ChangeService { key, to, .. } => service_line("-E", key, to),
        Step::RemoveService { key, .. } => format!("-D {}", selector(key)),
        Step::AddServer {
            service,
            key,
            options,
        } => server_line("-a", service, key, options),
        Step::ChangeServer {
            service, key, to, ..
        } => server_line("-e", service, key, to),
        Step::RemoveServer { service, key, .. } => format!("-d {} -r {key}", selector(service)),
        // The chain is more than one line; restore makes it what the head says.
        Step::SetChain { .. } => return vec!["ipvsh restore".to_owned()],
        Step::Set { settings } => {
            let mut set = Settings::default();
            for change in settings {
                set.put(change.key, change.to.clone());
            }
            let gone = settings.iter().filter(|change| change.to.is_none());
            let lines = settings_lines(&set).into_iter();
            let lines = lines.chain(gone.filter_map(|change| removal_line(change.key)));
            let lines = lines.map(|line| format!("ipvsadm {line}"));
            let of_host = settings.iter().filter_map(host_line);
            return lines.chain(of_host).collect();
        }
    };
    vec![format!("ipvsadm {line}")]
}

/// The line that sets or removes what is the host's.
fn host_line(change: &SettingChange) -> Option<String> {
    match (change.key, &change.from, &change.to) {
        (SettingKey::Sysctl(name), _, Some(Setting::Sysctl(value))) => {
            // sysctl(8) reads a dot in the name of an interface otherwise.
            let path = name.path().display().to_string();
            Some(format!(
                "echo {} >{}",
                shell_word(value.as_str()),
                shell_word(&path)
            ))
        }
        (SettingKey::Vip(key), _, Some(Setting::Vip(vip))) => Some(add_line(key, vip)),
        (SettingKey::Vip(key), Some(Setting::Vip(vip)), None) => Some(format!(
            "ip address delete {}/{} dev {}",
            key.addr,
            vip.prefix,
            shell_word(key.interface.as_str())
        )),
        (SettingKey::TunnelDevice(name), _, to) => {
            let state = if to.is_some() { "up" } else { "down" };
            Some(format!("ip link set {} {state}", shell_word(name.as_str())))
        }
        _ => None,
    }
}

fn add_line(key: VipKey, vip: &Vip) -> String {
    let interface = shell_word(key.interface.as_str());
    let mut line = format!("ip address add {}/{} dev {interface}", key.addr, vip.prefix);
    if let Some(label) = &vip.label {
        line += &format!(" label {}", shell_word(label));
    }
    if key.addr.is_ipv6() {
        line += " nodad preferred_lft 0";
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::SettingKind;

    #[test]
    fn what_is_the_hosts_has_lines_too() {
        let mut settings = Settings::default();
        let vips = json!([
            {"address": "192.0.2.10", "interface": "eth0", "label": "eth0:web"},
            {"address": "2001:db8::10", "interface": "eth0"},
        ]);
        SettingKind::Vip.read(vips, &mut settings).unwrap();
        let sysctls = json!([{"name": "net.ipv4.conf.eth0.100.rp_filter", "value": 2}]);
        SettingKind::Sysctl.read(sysctls, &mut settings).unwrap();
        let changes = |is_set: bool| Step::Set {
            settings: settings
                .iter()
                .map(|(key, value)| SettingChange {
                    key: *key,
                    from: (!is_set).then(|| value.clone()),
                    to: is_set.then(|| value.clone()),
                })
                .collect(),
        };
        assert_eq!(
            command_lines(&changes(true)),
            [
                "echo 2 >/proc/sys/net/ipv4/conf/eth0.100/rp_filter",
                "ip address add 192.0.2.10/32 dev eth0 label eth0:web",
                "ip address add 2001:db8::10/128 dev eth0 nodad preferred_lft 0",
            ]
        );
        assert_eq!(
            command_lines(&changes(false)),
            [
                "ip address delete 192.0.2.10/32 dev eth0",
                "ip address delete 2001:db8::10/128 dev eth0",
            ]
        );
    }
}
