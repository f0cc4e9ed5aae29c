//! Steps as lines that an operator can run by hand: for what an undo could not finish.
//!
//! Source of truth: ipvsadm(8), iptables(8), ip-address(8), sysctl(8). Only typed values become words.

use super::{SettingChange, Step};
use crate::format::ipvsadm::{removal_line, selector, server_line, service_line, settings_lines};
use crate::format::source_nat;
use crate::model::{Setting, SettingKey, Settings, shell_word};

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
        Step::Set { settings } if step.settings_of_host().next().is_some() => {
            return settings.iter().filter_map(host_line).collect();
        }
        Step::Set { settings } => {
            let mut set = Settings::default();
            for change in settings {
                set.put(change.key, change.to.clone());
            }
            let gone = settings.iter().filter(|change| change.to.is_none());
            let lines = settings_lines(&set).into_iter();
            let lines = lines.chain(gone.filter_map(|change| removal_line(change.key)));
            return lines.map(|line| format!("ipvsadm {line}")).collect();
        }
    };
    vec![format!("ipvsadm {line}")]
}

/// The line that sets or removes a setting of the host; none where nothing is to be done.
fn host_line(change: &SettingChange) -> Option<String> {
    Some(match (change.key, &change.from, &change.to) {
        (SettingKey::Vip(key), _, Some(Setting::Vip(vip))) => {
            let label = vip.label.as_ref().map(|label| format!(" label {label}"));
            // An IPv6 VIP is no source address, and works at once.
            let lasting = match key.addr.is_ipv6() {
                true => " nodad preferred_lft 0",
                false => "",
            };
            format!(
                "ip address add {}/{} dev {}{}{lasting}",
                key.addr,
                vip.prefix,
                shell_word(key.interface.as_str()),
                label.unwrap_or_default()
            )
        }
        (SettingKey::Vip(key), Some(Setting::Vip(vip)), None) => format!(
            "ip address del {}/{} dev {}",
            key.addr,
            vip.prefix,
            shell_word(key.interface.as_str())
        ),
        (SettingKey::Sysctl(name), _, Some(Setting::Sysctl(value))) => {
            let assignment = format!("{}={value}", name.in_slashes());
            format!("sysctl -w {}", shell_word(&assignment))
        }
        (SettingKey::TunnelDevice(name), _, to) => {
            let state = if to.is_some() { "up" } else { "down" };
            format!("ip link set {} {state}", shell_word(name.as_str()))
        }
        (SettingKey::SourceNat(service), from, to) => {
            let of = |side: &Option<Setting>| match side {
                Some(Setting::SourceNat(snat)) => Some(*snat),
                _ => None,
            };
            source_nat::lines(&service, of(from).as_ref(), of(to).as_ref()).join("; ")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SettingKind, Settings};
    use serde_json::json;

    fn lines(kind: SettingKind, list: serde_json::Value) -> Vec<String> {
        let mut settings = Settings::default();
        kind.read(list, &mut settings).unwrap();
        let steps = settings.iter().map(|(key, value)| Step::Set {
            settings: vec![SettingChange {
                key: *key,
                from: None,
                to: Some(value.clone()),
            }],
        });
        let both = steps.flat_map(|step| [step.inverse(), vec![step]].concat());
        both.flat_map(|step| command_lines(&step)).collect()
    }

    #[test]
    fn settings_of_the_host_are_lines_of_ip_and_sysctl() {
        let vips = json!([
            {"address": "192.0.2.10", "interface": "eth0", "label": "eth0:web"},
            {"address": "2001:db8::10", "interface": "a$b"},
        ]);
        assert_eq!(
            lines(SettingKind::Vip, vips),
            [
                "ip address del 192.0.2.10/32 dev eth0",
                "ip address add 192.0.2.10/32 dev eth0 label eth0:web",
                "ip address del 2001:db8::10/128 dev 'a$b'",
                "ip address add 2001:db8::10/128 dev 'a$b' nodad preferred_lft 0",
            ]
        );
        let sysctls = json!([
            {"name": "net.ipv4.conf.eth0.100.rp_filter", "value": 0},
            {"name": "net.ipv4.vs.sync_threshold", "value": "3 50"},
        ]);
        assert_eq!(
            lines(SettingKind::Sysctl, sysctls),
            [
                "sysctl -w net/ipv4/conf/eth0.100/rp_filter=0",
                "sysctl -w 'net/ipv4/vs/sync_threshold=3 50'",
            ]
        );
    }
}
