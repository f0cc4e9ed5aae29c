//! Settings that other entries need: derived where they are compared with the kernel, never recorded.
//!
//! The head and what is wanted get them alike, so that the last entry that needs one takes it
//! along: it returns to the value found then.

use std::borrow::Cow;

use super::sysctl::{
    Needed, needed_by_quiescing, needed_by_removing, needed_by_silent_vip, needed_by_source_nat,
    needed_by_tunnel_device,
};
use super::vip::Arp;
use super::{Setting, SettingKey, Settings};
use crate::error::{Error, Result};
use crate::model::entry::EntryKey;
use crate::model::policy::{OnFail, carries_udp, on_fail_of};
use crate::model::ruleset::Ruleset;

/// A setting that an entry needs.
struct Requirement {
    key: SettingKey,
    value: Setting,
    /// The values that an explicit kernel setting may have instead.
    accepts: &'static [&'static str],
}

impl From<Needed> for Requirement {
    fn from(needed: Needed) -> Requirement {
        Requirement {
            key: SettingKey::Sysctl(needed.name),
            value: Setting::Sysctl(needed.value),
            accepts: needed.accepts,
        }
    }
}

/// What entries need of settings, each with the entry that needs it.
fn needed(rules: &Ruleset) -> impl Iterator<Item = (EntryKey, Requirement)> + '_ {
    let of_settings = needed_by_settings(&rules.settings);
    let of_settings = of_settings.map(|(key, need)| (EntryKey::Setting(key), need));
    let of_policies = of_settings.chain(needed_by_policies(rules));
    let all = of_policies.map(|(user, need)| (user, Requirement::from(need)));
    all.chain(needed_by_source_nats(rules))
}

/// What the services need whose servers are to see the director in the place of the client.
fn needed_by_source_nats(rules: &Ruleset) -> impl Iterator<Item = (EntryKey, Requirement)> + '_ {
    let services = rules.services.iter();
    let services = services.filter_map(|(key, service)| Some((*key, service.policy.snat?)));
    services.flat_map(|(key, snat)| {
        let rule = Requirement {
            key: SettingKey::SourceNat(key),
            value: Setting::SourceNat(snat),
            accepts: &[],
        };
        let tracking = needed_by_source_nat().map(Requirement::from);
        let both = tracking.into_iter().chain([rule]);
        both.map(move |need| (EntryKey::ServicePolicy(key), need))
    })
}

/// What the services of a ruleset need where their servers are checked: a client that is bound to a
/// quiesced server is sent to another, and a datagram of a known client to a server that is there.
fn needed_by_policies(rules: &Ruleset) -> impl Iterator<Item = (EntryKey, Needed)> + '_ {
    let checked = rules
        .services
        .iter()
        .filter(|(_, service)| service.is_checked());
    checked.filter_map(|(key, service)| {
        let need = match on_fail_of(rules, key, service) {
            OnFail::Quiesce if service.options.persistent.is_some() => needed_by_quiescing(),
            OnFail::Remove if carries_udp(rules, key) => needed_by_removing(),
            OnFail::Quiesce | OnFail::Remove => None,
        };
        Some((EntryKey::ServicePolicy(*key), need?))
    })
}

/// What settings need of others, each with the setting that needs it.
fn needed_by_settings(settings: &Settings) -> impl Iterator<Item = (SettingKey, Needed)> {
    let vips = settings
        .vips()
        .filter(|(key, vip)| vip.arp == Arp::Silent && key.addr.is_ipv4())
        .flat_map(|(key, _)| {
            needed_by_silent_vip(key.interface).map(move |need| (SettingKey::Vip(key), need))
        });
    let devices = settings.tunnel_devices().flat_map(|(name, _)| {
        needed_by_tunnel_device(name).map(move |need| (SettingKey::TunnelDevice(name), need))
    });
    vips.chain(devices)
}

/// A ruleset with the settings that its entries need; one that is set explicitly stays as it is.
pub fn with_derived(rules: &Ruleset) -> Cow<'_, Ruleset> {
    let mut all = Cow::Borrowed(rules);
    for (_, need) in needed(rules) {
        if !all.settings.has(need.key) {
            all.to_mut().settings.put(need.key, Some(need.value));
        }
    }
    all
}

/// The settings that are derived of a ruleset, each behind the entry that needs it; none that the
/// ruleset sets explicitly.
pub fn derived_keys(rules: &Ruleset) -> impl Iterator<Item = (EntryKey, SettingKey)> + '_ {
    let all = needed(rules).map(|(user, need)| (user, need.key));
    all.filter(|(_, key)| !rules.settings.has(*key))
}

/// Refuses a setting whose value takes away what another needs.
///
/// # Errors
/// `invalid`, with the value that is needed.
pub fn check_derived(rules: &Ruleset) -> Result<()> {
    for (user, need) in needed(rules) {
        let Some(Setting::Sysctl(value)) = rules.settings.get(need.key) else {
            continue;
        };
        if !need.accepts.contains(&value.as_str()) {
            let wanted = need.value.summary(need.key);
            return Err(Error::invalid(format!(
                "the value {value} contradicts {user}, which needs {wanted}"
            ))
            .object(need.key)
            .hint(format!(
                "leave it out ({user} sets it), or set it to {wanted}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::setting::SettingKind;
    use crate::model::{ServiceKey, SourceNat, VirtualService};

    fn rules(vips: serde_json::Value, sysctls: serde_json::Value) -> Ruleset {
        let mut rules = Ruleset::default();
        SettingKind::Vip.read(vips, &mut rules.settings).unwrap();
        SettingKind::Sysctl
            .read(sysctls, &mut rules.settings)
            .unwrap();
        rules
    }

    fn sysctls(rules: &Ruleset) -> Vec<String> {
        let all = rules.settings.sysctls();
        all.map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_silent_vip_needs_its_arp_settings() {
        let silent = rules(
            json!([{"address": "192.0.2.10", "arp": "silent"}]),
            json!([]),
        );
        let all = with_derived(&silent);
        assert_eq!(
            sysctls(&all),
            [
                "net.ipv4.conf.all.arp_ignore=1",
                "net.ipv4.conf.lo.arp_ignore=1",
                "net.ipv4.conf.all.arp_announce=2",
                "net.ipv4.conf.lo.arp_announce=2",
            ]
        );
        assert_eq!(with_derived(&all).as_ref(), all.as_ref(), "twice is once");
        assert!(sysctls(&silent).is_empty());
        for others in [
            json!([{"address": "192.0.2.10"}]),
            json!([{"address": "2001:db8::10", "arp": "silent"}]),
        ] {
            assert!(matches!(
                with_derived(&rules(others, json!([]))),
                Cow::Borrowed(_)
            ));
        }
    }

    #[test]
    fn source_nat_needs_its_rule_and_tracking() {
        let key = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        let mut service = VirtualService::new(key.family());
        service.policy.snat = Some(SourceNat::Masquerade);
        let mut all = Ruleset::default();
        all.services.insert(key, service);
        let derived = with_derived(&all);
        assert_eq!(sysctls(&derived), ["net.ipv4.vs.conntrack=1"]);
        assert_eq!(
            derived.settings.source_nat(&key),
            Some(SourceNat::Masquerade)
        );
        assert_eq!(derived_keys(&all).count(), 2);
        let off = json!([{"name": "net.ipv4.vs.conntrack", "value": 0}]);
        SettingKind::Sysctl.read(off, &mut all.settings).unwrap();
        let error = check_derived(&all).unwrap_err();
        assert!(error.message().contains("which needs 1"), "{error}");
    }

    #[test]
    fn an_explicit_value_stays_or_is_refused() {
        let vips = json!([{"address": "192.0.2.10", "arp": "silent"}]);
        let name = "net.ipv4.conf.all.arp_ignore";
        let stricter = rules(vips.clone(), json!([{"name": name, "value": 2}]));
        assert!(check_derived(&stricter).is_ok());
        assert!(sysctls(&with_derived(&stricter)).contains(&format!("{name}=2")));
        let against = rules(vips, json!([{"name": name, "value": 0}]));
        let error = check_derived(&against).unwrap_err();
        assert_eq!(
            error.message(),
            "the value 0 contradicts vip 192.0.2.10, which needs 1"
        );
    }
}
