//! Notes about a VIP of a real server: one that is declared silent, and is not.
//!
//! Source of truth: `arp_ignore` in Documentation/networking/ip-sysctl.rst: with 1 the kernel goes
//! on answering for the addresses of the interface that is asked.

use super::{Facts, Fix, Note, Topic};
use crate::format::vip_call;
use crate::model::{Arp, InterfaceName, Ruleset, Setting, SettingKey, Vip, VipKey};

pub(super) fn note(key: VipKey, rules: &Ruleset, facts: &Facts) -> Option<Note> {
    let Some(Setting::Vip(vip)) = rules.settings.get(SettingKey::Vip(key)) else {
        return None;
    };
    if vip.arp != Arp::Silent {
        return None;
    }
    let mut all = facts.interfaces().iter();
    let interface = all.find(|one| one.name == key.interface.as_str())?;
    // The hosts of its network ask there. A tunnel has none, and is asked nothing.
    let has_others = |own: &ipnet::IpNet| own.prefix_len() < own.max_prefix_len();
    if interface.is_loopback || !interface.networks.iter().any(has_others) {
        return None;
    }
    let standing = vip_call(
        key,
        &Vip {
            label: None,
            arp: Arp::Answer,
            ..vip.clone()
        },
        false,
    );
    let silent = VipKey {
        interface: InterfaceName::LO,
        ..key
    };
    let declared = vip_call(
        silent,
        &Vip {
            label: None,
            ..vip.clone()
        },
        true,
    );
    Some(Note {
        topic: Topic::NotSilent,
        object: format!("VIP {}", key.addr),
        what: format!(
            "silent, but on {0}: the kernel answers ARP on {0} for its addresses, so clients may \
             reach this host past the director",
            key.interface
        ),
        fix: Fix::Script(format!("remove({standing}); {declared}")),
    })
}
