//! Texts that people try to import, and that are no rules: a list, and the configuration of
//! programs that make rules of it themselves. Each is answered with what to do instead.
//!
//! Source of truth: ipvsadm.c (`print_title`), keepalived.conf(5), ldirectord(8).

use crate::error::Error;

/// Blocks of keepalived's configuration that no other text begins a line with.
const KEEPALIVED: [&str; 8] = [
    "global_defs",
    "virtual_server",
    "virtual_server_group",
    "real_server",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "static_ipaddress",
];
/// Lines of ldirectord's configuration that no shell script has.
const LDIRECTORD: [&str; 4] = ["virtual", "virtual6", "real", "checktimeout"];
/// Beginnings of lines of `ipvsadm -L`.
const LIST: [&str; 4] = [
    "IP Virtual Server version",
    "Prot LocalAddress:Port",
    "-> RemoteAddress:Port",
    "-> ",
];

/// Says why a text of another kind is refused; none where it is none that is known.
pub(super) fn refusal(name: &str, text: &str) -> Option<Error> {
    let mut lines = text.lines().map(str::trim);
    if text.trim_start().starts_with(['{', '/']) || text.starts_with("#!") {
        return None;
    }
    if lines
        .clone()
        .any(|line| LIST.iter().any(|begin| line.starts_with(begin)))
    {
        return Some(
            Error::invalid("this is a list, and rules are what `ipvsadm -Sn` prints")
                .object(name)
                .hint("on the host that it is of: ipvsadm -Sn | ipvsh import -"),
        );
    }
    // A script may call its variables what it likes.
    if lines.clone().any(super::ipvsadm::is_command) {
        return None;
    }
    let is_block = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|first| {
            KEEPALIVED.contains(&first.trim_end_matches('{')) && !line.contains(['(', '='])
        })
    };
    if lines.clone().any(is_block) {
        return Some(daemon(name, "keepalived", "VRRP and health checks"));
    }
    let is_setting = |line: &str| {
        line.split_once('=').is_some_and(|(key, value)| {
            let key = key.trim_end();
            // `real=NAME` of a script is followed by nothing else.
            LDIRECTORD.contains(&key)
                && (key.starts_with("virtual") && value.contains([':', ' '])
                    || key == "checktimeout"
                    || value.split_whitespace().count() > 1)
        })
    };
    lines
        .any(is_setting)
        .then(|| daemon(name, "ldirectord", "health checks"))
}

fn daemon(name: &str, program: &str, keeps: &str) -> Error {
    Error::invalid(format!(
        "this is the configuration of {program}, which cannot be imported"
    ))
    .object(name)
    .hint(format!(
        "leave the rules to {program}, and name what is to be ours: ipvsh adopt \"tcp ADDRESS:PORT\""
    ))
    .hint(format!(
        "or, while {program} runs and all servers answer, take what it made: ipvsadm -Sn | ipvsh \
         import -"
    ))
    .hint(format!(
        "then stop {program}, which takes its rules with it, and put them back: ipvsh restore (its \
         {keeps} end with it)"
    ))
}
