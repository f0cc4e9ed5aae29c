//! Views of live state as tables.

use std::collections::BTreeSet;

use super::paint::{Paint, Style};
use super::table::Table;
use crate::model::{
    ChainRule, EntryKey, Family, Live, MarkSupport, RealServer, Ruleset, ServerKey, ServiceKey,
    Setting, SettingKey, SettingKind, Settings, TimeoutKind, VirtualService,
};
use crate::views::Row;

/// A remark on an entry: whose it is, whether it is staged.
pub type Remark<'a> = &'a dyn Fn(&EntryKey) -> Option<&'static str>;

/// Says of an entry that somebody else made it; a service's servers follow it.
pub fn foreign(head: Option<&Ruleset>) -> impl Fn(&EntryKey) -> Option<&'static str> {
    move |entry| {
        let head = head?;
        let is_foreign = match entry {
            EntryKey::Server(service, _) => {
                head.services.contains_key(service) && head.get(entry).is_none()
            }
            entry => head.get(entry).is_none(),
        };
        is_foreign.then_some("not managed by ipvsh")
    }
}

/// Where what is shown comes from; counts of connections are always live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// What the kernel holds.
    Live,
    /// What is staged, over what the head has: the titles say that the counts are live.
    Candidate,
}

impl Origin {
    fn titles(self, first: &'static str) -> [&'static str; 6] {
        let (active, inactive) = match self {
            Origin::Live => ("active", "inactive"),
            Origin::Candidate => ("active (live)", "inactive (live)"),
        };
        [first, "method", "weight", active, inactive, ""]
    }
}

/// Virtual services, each above its servers, in the order of the rows.
pub fn services(
    state: &Live,
    rows: &[Row],
    shown: Origin,
    remark: Remark,
    paint: Paint,
    width: Option<u16>,
) -> String {
    let mut table = Table::new(&shown.titles("service"), &[2, 3, 4], paint, width);
    for Row { key, servers, .. } in rows {
        let Some(service) = state.rules.services.get(key) else {
            continue;
        };
        let said = remark(&EntryKey::Service(*key));
        table.row_styled(Style::Strong, &service_row(state, key, service, said));
        for server in servers.iter().map(|row| row.key) {
            let Some(options) = service.servers.get(&server) else {
                continue;
            };
            let said = remark(&EntryKey::Server(*key, server));
            let name = format!("  {server}");
            table.row(&server_row(state, name, key, &server, options, said));
        }
    }
    table.text()
}

/// Real servers of the candidate, each with its service.
pub fn servers(
    state: &Live,
    shown: &[(ServiceKey, ServerKey)],
    remark: Remark,
    paint: Paint,
    width: Option<u16>,
) -> String {
    let titles = [&Origin::Candidate.titles("server")[..], &["service"]].concat();
    let mut table = Table::new(&titles, &[2, 3, 4], paint, width);
    for (service, key) in shown {
        let found = state.rules.services.get(service);
        let Some(options) = found.and_then(|s| s.servers.get(key)) else {
            continue;
        };
        let said = remark(&EntryKey::Server(*service, *key));
        let mut row = server_row(state, key.to_string(), service, key, options, said).to_vec();
        row.push(service.to_string());
        table.row(&row);
    }
    table.text()
}

fn service_row(
    state: &Live,
    key: &ServiceKey,
    service: &VirtualService,
    remark: Option<&str>,
) -> [String; 6] {
    let scheduler = service.options.scheduler.to_string();
    let summary = service.options.summary(key.family());
    let rest = summary.strip_prefix(&scheduler).unwrap_or("").trim();
    let counts = state.service_counts(key);
    [
        key.to_string(),
        scheduler,
        String::new(),
        counts.active.to_string(),
        counts.inactive.to_string(),
        sentence(&[rest, remark.unwrap_or("")]),
    ]
}

fn server_row(
    state: &Live,
    name: String,
    service: &ServiceKey,
    key: &ServerKey,
    options: &RealServer,
    remark: Option<&str>,
) -> [String; 6] {
    let extras = options.extras();
    let counts = state.counts_of(service, key);
    [
        name,
        options.forward.to_string(),
        options.weight.to_string(),
        counts.active.to_string(),
        counts.inactive.to_string(),
        sentence(&[extras.trim(), remark.unwrap_or("")]),
    ]
}

fn sentence(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
    parts.join(", ")
}

/// The rules of our chains; `only` selects one mark. Says where marks are not available.
pub fn marks(live: &Live, only: Option<u32>, paint: Paint, width: Option<u16>) -> String {
    let mut text = String::new();
    let mut table = Table::new(&["mark", "family", "rule"], &[0], paint, width);
    let mut some = false;
    for family in Family::ALL {
        let MarkSupport::Available(chain) = live.marks(family) else {
            continue;
        };
        for rule in &chain.rules {
            match rule {
                ChainRule::Mark(rule) if only.is_none_or(|m| m == rule.mark.value()) => {
                    table.row(&[rule.mark.to_string(), family.to_string(), rule.summary()]);
                    some = true;
                }
                ChainRule::Stray(stray) if only.is_none() => {
                    let words = format!("{} (not a rule of ipvsh)", stray.words.join(" "));
                    table.row(&["-".to_owned(), family.to_string(), words]);
                    some = true;
                }
                _ => {}
            }
        }
    }
    text += &match some {
        true => format!("{}\n", table.text()),
        false => "no mark rules\n".to_owned(),
    };
    for family in Family::ALL {
        match live.marks(family) {
            MarkSupport::Unavailable(why) => {
                text += &format!("{family}: not available: {why}\n");
            }
            MarkSupport::Available(chain) if !chain.rules.is_empty() && !chain.is_passed => {
                text += &format!("{family}: PREROUTING does not jump to the chain (ipvsh plan)\n");
            }
            MarkSupport::Available(_) | MarkSupport::Unread => {}
        }
    }
    text
}

/// The connection timeouts.
pub fn timeouts(live: &Live, head: Option<&Ruleset>, paint: Paint, width: Option<u16>) -> String {
    let mut table = Table::new(&["timeout", "seconds", ""], &[1], paint, width);
    for kind in TimeoutKind::ALL {
        let seconds = live.rules.settings.timeout(kind);
        let ours = head.and_then(|head| head.settings.timeout(kind));
        let said = match (seconds, ours) {
            (_, Some(_)) => "set by ipvsh",
            (Some(seconds), None) if seconds == kind.default_seconds() => "the kernel's default",
            _ => "",
        };
        let seconds = seconds.map_or("-".to_owned(), |s| s.to_string());
        table.row(&[kind.to_string(), seconds, said.to_owned()]);
    }
    table.text()
}

/// The sync daemons.
pub fn daemons(live: &Live, head: Option<&Ruleset>, paint: Paint, width: Option<u16>) -> String {
    let remark = foreign(head);
    let mut table = Table::new(&["daemon", "options", ""], &[], paint, width);
    for (role, daemon) in live.rules.settings.daemons() {
        let said = remark(&EntryKey::Setting(SettingKey::SyncDaemon(role))).unwrap_or("");
        table.row(&[role.to_string(), daemon.summary(), said.to_owned()]);
    }
    match live.rules.settings.daemons().next().is_none() {
        true => "no sync daemons".to_owned(),
        false => table.text(),
    }
}

/// Settings of the host of one kind: those of the head, and what the kernel has of them.
pub fn of_host(
    kind: SettingKind,
    live: &Settings,
    head: &Settings,
    paint: Paint,
    width: Option<u16>,
) -> String {
    let mut table = Table::new(&[kind.facts().noun, "value", ""], &[], paint, width);
    for (key, wanted, standing) in pairs(head, live) {
        let said = match (wanted, standing) {
            (Some(_), None) => "missing".to_owned(),
            (Some(wanted), Some(standing)) if !wanted.satisfied_by(standing) => {
                format!("the head has {}", wanted.summary(key))
            }
            _ => String::new(),
        };
        let value = standing.map_or("-".to_owned(), |value| value.summary(key));
        table.row(&[key.name(), value, said]);
    }
    table.text()
}

/// The settings of either of two, sorted.
fn pairs<'a>(
    head: &'a Settings,
    live: &'a Settings,
) -> impl Iterator<Item = (SettingKey, Option<&'a Setting>, Option<&'a Setting>)> {
    let keys: BTreeSet<SettingKey> = head.keys().chain(live.keys()).collect();
    let both = |key| (key, head.get(key), live.get(key));
    keys.into_iter().map(both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse_ruleset;
    use crate::views::{View, of_live};
    use serde_json::json;

    fn live() -> Live {
        let rules = parse_ruleset(json!({"services": [
            {"protocol": "tcp", "address": "192.0.2.10", "port": 80, "scheduler": "wrr",
             "persistent": 300, "servers": [
                {"address": "10.0.0.11", "port": 80, "weight": 3, "forward": "masq"},
                {"address": "10.0.0.12", "port": 80, "forward": "masq", "upper": 100, "lower": 50},
            ]},
            {"mark": 666, "scheduler": "rr"},
        ]}))
        .unwrap();
        Live {
            rules,
            ..Live::default()
        }
    }

    #[test]
    fn services_stand_above_their_servers() {
        let live = live();
        let shown: Vec<ServiceKey> = live.rules.services.keys().copied().collect();
        let mut head = live.rules.clone();
        head.services.retain(|key, _| key.addr().is_some());
        assert_eq!(
            services(
                &live,
                &of_live(View::Services, &live, &shown),
                Origin::Live,
                &foreign(Some(&head)),
                Paint::new(false),
                None
            ),
            "\
service            method  weight  active  inactive
tcp 192.0.2.10:80  wrr                  0         0  persistent 300
  10.0.0.11:80     masq         3       0         0
  10.0.0.12:80     masq         1       0         0  upper 100 lower 50
fwmark 666         rr                   0         0  not managed by ipvsh"
        );
    }

    #[test]
    fn no_marks_is_said_and_why() {
        let mut live = live();
        live.ipv6 = MarkSupport::Unavailable("no ip6tables".to_owned());
        assert_eq!(
            marks(&live, None, Paint::new(false), None),
            "no mark rules\nipv6: not available: no ip6tables\n"
        );
    }
}
