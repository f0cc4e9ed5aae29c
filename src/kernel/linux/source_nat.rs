//! Source NAT of services: rules for packets, in a chain of our own.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::marks::Chains;
use crate::model::{Family, ServiceKey, Setting, SettingKey, Settings};

/// The rules of the services that are asked for.
pub(super) fn read(
    chains: &mut dyn Chains,
    asked: &BTreeSet<SettingKey>,
    into: &mut Settings,
) -> Result<(), Failure> {
    let is_of = |key: &SettingKey, family: Family| match key {
        SettingKey::SourceNat(service) => service.family() == family,
        _ => false,
    };
    for family in Family::ALL {
        if !asked.iter().any(|key| is_of(key, family)) {
            continue;
        }
        let rules = chains.source_nat(family).map_err(Failure::Rules)?;
        // Of two rules for one service packets meet the first.
        for (service, snat) in rules.into_iter().rev() {
            let key = SettingKey::SourceNat(service);
            if asked.contains(&key) {
                into.put(key, Some(Setting::SourceNat(snat)));
            }
        }
    }
    Ok(())
}

/// Sets or removes the rule of a service.
pub(super) fn set(
    chains: &mut dyn Chains,
    service: &ServiceKey,
    to: Option<&Setting>,
) -> Result<(), Failure> {
    let to = match to {
        Some(Setting::SourceNat(snat)) => Some(snat),
        _ => None,
    };
    chains.set_source_nat(service, to).map_err(Failure::Rules)
}
