//! Checks of a change against this host, before anything is sent: missing interfaces, contradicting
//! settings, addresses that another program manages.

use super::Director;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::setting::check_derived;
use crate::model::{InterfaceName, Live, Ruleset, Setting, SettingKey, VipKey};
use crate::notes::Interface;
use crate::plan::{Plan, SettingChange, Step};

impl Director {
    /// Refuses a change that this host cannot follow, and addresses that are another program's.
    ///
    /// # Errors
    /// `invalid`, `foreign`.
    pub(super) fn refuse_impossible(
        &self,
        plan: &Plan,
        (head, rules): (&Ruleset, &Ruleset),
        live: &Live,
    ) -> Result<()> {
        check_derived(rules)?;
        let made = &plan.target.rules.settings;
        let needed = set(&plan.steps)
            .filter_map(|change| Some((change.key, change.key.interface()?)))
            .filter(|(_, name)| !made.has(SettingKey::TunnelDevice(*name)));
        // The host is asked where something needs an interface, and once.
        let mut interfaces = None;
        for (key, name) in needed {
            let all = interfaces.get_or_insert_with(|| self.host.interfaces());
            if let Some(all) = all
                && !all.iter().any(|one| one.name == name.as_str())
            {
                return Err(no_interface(key, name, all));
            }
        }
        let mut theirs = None;
        for (key, vip) in rules.settings.vips() {
            let setting = SettingKey::Vip(key);
            if head.settings.has(setting) {
                continue;
            }
            if let Some(Setting::Vip(standing)) = live.rules.settings.get(setting)
                && !vip.satisfied_by(standing)
            {
                return Err(other_prefix(key, &standing.summary(key)));
            }
            let all = theirs.get_or_insert_with(|| self.host.addresses_of_managers());
            if let Some(owner) = all.iter().find(|one| one.addr == key.addr) {
                return Err(Error::new(
                    Kind::Foreign,
                    format!(
                        "{} adds and removes it itself, by {}",
                        owner.manager, owner.file
                    ),
                )
                .object(setting)
                .attempt("cannot manage it")
                .hint(format!(
                    "leave it to {}, or take it out of that file first",
                    owner.manager
                )));
            }
        }
        Ok(())
    }

    /// Returns a sentence for each VIP that this host had already, and that ipvsh manages from now on.
    pub(super) fn taken_over(
        &self,
        (head, rules): (&Ruleset, &Ruleset),
        live: &Live,
    ) -> Vec<String> {
        let new = rules.settings.vips().filter_map(|(key, vip)| {
            let setting = SettingKey::Vip(key);
            let Some(Setting::Vip(standing)) = live.rules.settings.get(setting) else {
                return None;
            };
            let is_new = !head.settings.has(setting) && vip.satisfied_by(standing);
            is_new.then(|| {
                format!(
                    "{setting} was on {} already: ipvsh manages it from now on",
                    key.interface
                )
            })
        });
        new.collect()
    }
}

/// The settings that steps set.
fn set(steps: &[Step]) -> impl Iterator<Item = &SettingChange> {
    let settings = steps.iter().filter_map(|step| match step {
        Step::Set { settings } => Some(settings),
        _ => None,
    });
    settings.flatten().filter(|change| change.to.is_some())
}

fn no_interface(key: SettingKey, name: InterfaceName, all: &[Interface]) -> Error {
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let error = Error::invalid(format!("there is no interface \"{name}\" here"))
        .object(key)
        .attempt("cannot set");
    match did_you_mean(name.as_str(), names.iter().copied()) {
        Some(close) => error.hint(format!("did you mean \"{close}\"?")),
        None => error.hint(format!("interfaces are {}", names.join(", "))),
    }
}

fn other_prefix(key: VipKey, standing: &str) -> Error {
    Error::new(
        Kind::Foreign,
        format!("this host has it otherwise: {standing}"),
    )
    .object(SettingKey::Vip(key))
    .attempt("cannot manage it")
    .hint(format!(
        "to manage it as it stands: ipvsh adopt \"vip {} dev {}\"",
        key.addr, key.interface
    ))
    .hint("or write the same prefix and label")
}
