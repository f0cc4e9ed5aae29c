//! Settings of the host: addresses, kernel settings, tunnel devices.

use ipvsh::kernel::{Outcome, Part};
use ipvsh::model::{Live, Ruleset, Setting, SettingKey, json};
use ipvsh::plan::{Deltas, SettingChange, Step, steps};

use super::{Bench, Case};

pub const CASES: &[Case] = &[
    ("an address comes and goes", address),
    ("an address that is there, or is not", address_twice),
    ("what needs an interface that is missing", no_interface),
    ("a tunnel device and its setting come and go", tunnel_device),
    ("a value that no kernel takes", refused_value),
    (
        "forwarding of all and of one, from any state to any",
        forwarding,
    ),
];

const BOTH: [&str; 2] = ["net.ipv4.ip_forward", "net.ipv4.conf.lo.forwarding"];

fn rules(text: &str) -> Ruleset {
    json::parse_ruleset(serde_json::from_str(text).unwrap()).unwrap()
}

fn vip(address: &str) -> Ruleset {
    rules(&format!(r#"{{ "vips": [{{ "address": "{address}" }}] }}"#))
}

fn sysctl(name: &str, value: &str) -> Ruleset {
    rules(&format!(
        r#"{{ "sysctls": [{{ "name": "{name}", "value": "{value}" }}] }}"#
    ))
}

/// The one setting of a ruleset, and a step that sets it.
fn setting(rules: &Ruleset) -> (SettingKey, Setting, Step) {
    let (key, value) = rules.settings.iter().next().unwrap();
    let step = Step::Set {
        settings: vec![SettingChange {
            key: *key,
            from: None,
            to: Some(value.clone()),
        }],
    };
    (*key, value.clone(), step)
}

/// What the kernel has of the settings of a ruleset, and of what they need.
fn live(bench: &mut Bench, rules: &Ruleset) -> Live {
    let part = Part::whole().with_settings_of(&[rules]);
    bench.kernel.observe_part(&part).unwrap()
}

#[track_caller]
fn does(bench: &mut Bench, steps: &[Step]) {
    let outcomes = bench.kernel.apply(steps);
    assert!(
        outcomes.iter().all(|outcome| *outcome == Outcome::Done),
        "{steps:?}: {outcomes:?}"
    );
}

fn address(bench: &mut Bench) {
    for address in ["192.0.2.10", "192.0.2.11/24", "2001:db8::10", "fd99::1/64"] {
        let (address, prefix) = address.split_once('/').unwrap_or((address, ""));
        let mut rules = vip(address);
        if !prefix.is_empty() {
            let text =
                format!(r#"{{ "vips": [{{ "address": "{address}", "prefix": {prefix} }}] }}"#);
            rules = self::rules(&text);
        }
        let (key, value, step) = setting(&rules);
        does(bench, std::slice::from_ref(&step));
        assert_eq!(live(bench, &rules).rules.settings.get(key), Some(&value));
        does(bench, &step.inverse());
        assert_eq!(live(bench, &rules).rules.settings.get(key), None);
    }
}

fn address_twice(bench: &mut Bench) {
    for address in ["192.0.2.10", "2001:db8::10"] {
        let (_, _, step) = setting(&vip(address));
        does(bench, std::slice::from_ref(&step));
        bench.refuses(
            step.clone(),
            "cannot add: the address is there already (EEXIST)",
        );
        let [gone] = step.inverse().try_into().unwrap();
        does(bench, std::slice::from_ref(&gone));
        bench.refuses(
            gone,
            "cannot remove: lo has no such address (EADDRNOTAVAIL)",
        );
    }
}

fn no_interface(bench: &mut Bench) {
    let text = r#"{ "vips": [{ "address": "192.0.2.10", "interface": "nope0" }] }"#;
    let (_, _, step) = setting(&rules(text));
    bench.refuses(step, "cannot add: there is no interface \"nope0\" (ENODEV)");
    let (key, _, step) = setting(&sysctl("net.ipv4.conf.nope0.rp_filter", "0"));
    bench.refuses(step, "cannot set: there is no interface \"nope0\" (ENOENT)");
    let rules = sysctl("net.ipv4.conf.nope0.rp_filter", "0");
    assert_eq!(live(bench, &rules).rules.settings.get(key), None);
}

fn tunnel_device(bench: &mut Bench) {
    let rules = rules(r#"{ "tunnel_devices": [{ "name": "tunl0", "type": "ipip" }] }"#);
    let (key, value, step) = setting(&rules);
    let filter = setting(&sysctl("net.ipv4.conf.tunl0.rp_filter", "0"));
    does(bench, &[step.clone(), filter.2]);
    let settings = live(bench, &rules).rules.settings;
    assert_eq!(settings.get(key), Some(&value));
    assert_eq!(settings.get(filter.0), Some(&filter.1));
    does(bench, &step.inverse());
    assert_eq!(live(bench, &rules).rules.settings.get(key), None);
}

fn refused_value(bench: &mut Bench) {
    let (_, _, step) = setting(&sysctl("net.ipv4.vs.sync_threshold", "60 50"));
    bench.refuses(step, "cannot set: the kernel does not take 60 50 (EINVAL)");
}

fn forwarding(bench: &mut Bench) {
    let of = |state: u8| {
        let (all, one) = (state / 2, state % 2);
        rules(&format!(
            r#"{{ "sysctls": [{{ "name": "{}", "value": {all} }}, {{ "name": "{}", "value": {one} }}] }}"#,
            BOTH[0], BOTH[1]
        ))
    };
    let to = |bench: &mut Bench, wanted: &Ruleset| {
        let from = live(bench, wanted);
        let mut target = from.clone();
        for (key, value) in wanted.settings.iter() {
            target.rules.settings.put(*key, Some(value.clone()));
        }
        let steps = steps(&from, &target);
        does(bench, &steps);
        let now = live(bench, wanted).rules;
        assert_eq!(now.settings, target.rules.settings, "{steps:?}");
        (from, steps)
    };
    for (before, after) in (0..4).flat_map(|before| (0..4).map(move |after| (before, after))) {
        to(bench, &of(before));
        let (from, all) = to(bench, &of(after));
        // Taken back from wherever it came to.
        for done in 0..=all.len() {
            to(bench, &of(before));
            does(bench, &all[..done]);
            let deltas = Deltas::of_steps(all[..done].iter().map(|step| (step, true)));
            let now = live(bench, &of(before));
            let back = deltas.taken_back(&now);
            does(bench, &steps(&now, &back.target));
            let now = live(bench, &of(before)).rules;
            assert_eq!(
                now.settings, from.rules.settings,
                "{before} to {after}, {done} of {all:?}"
            );
        }
    }
    to(bench, &of(0));
}
