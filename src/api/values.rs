//! What each value of an option is, for help; with what other tools call it.
//!
//! Source of truth: the kernel's ip_vs_*.c of each scheduler; ipvsadm(8).

use crate::error::Error;
use crate::model::Options;
use crate::model::service::SCHEDULERS;

/// A value of an option.
#[derive(Debug, Clone, Copy)]
pub struct OptionValue {
    /// The option.
    pub option: &'static str,
    /// The value, without quotes.
    pub name: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// What ipvsadm, keepalived, other load balancers and textbooks call it.
    pub words: &'static [&'static str],
}

impl OptionValue {
    /// How it is written: `scheduler: "rr"`.
    pub fn written(&self) -> String {
        let (option, name) = (self.option, self.name);
        match (option, name) {
            ("flags", _) => format!("{option}: [\"{name}\"]"),
            (_, "true") => format!("{option}: {name}"),
            _ => format!("{option}: \"{name}\""),
        }
    }
}

const fn scheduler(
    name: &'static str,
    words: &'static [&'static str],
    doc: &'static str,
) -> OptionValue {
    OptionValue {
        option: "scheduler",
        name,
        doc,
        words,
    }
}

const fn of(
    option: &'static str,
    name: &'static str,
    words: &'static [&'static str],
    doc: &'static str,
) -> OptionValue {
    OptionValue {
        option,
        name,
        doc,
        words,
    }
}

/// Every value that help knows.
pub const VALUES: &[OptionValue] = &[
    scheduler(
        "rr",
        &["roundrobin", "round-robin", "round_robin", "轮询"],
        "Equal turns: each server in order, whatever its weight.",
    ),
    scheduler(
        "wrr",
        &[
            "weighted",
            "weighted-round-robin",
            "weighted_round_robin",
            "static-rr",
            "加权轮询",
        ],
        "Turns by weight: a server of weight 3 gets three times as many new connections as one of \
         weight 1.",
    ),
    scheduler(
        "lc",
        &["least-connection", "最少连接"],
        "The server with the fewest connections, whatever its weight: active*256 + inactive.",
    ),
    scheduler(
        "wlc",
        &[
            "leastconn",
            "least_conn",
            "least-conn",
            "least_connections",
            "加权最少连接",
        ],
        "The default. The server with the fewest connections for its weight: \
         (active*256 + inactive) / weight.",
    ),
    scheduler(
        "sed",
        &["shortest-expected-delay"],
        "Shortest expected delay: the smallest (active+1)*256 / weight; inactive connections are \
         not counted.",
    ),
    scheduler(
        "nq",
        &["never-queue"],
        "Never queue: an idle server first, else as sed.",
    ),
    scheduler(
        "sh",
        &["source", "ip_hash", "iphash", "source-hash", "源地址哈希"],
        "By the client's address: the same client gets the same server while the servers stay.",
    ),
    scheduler(
        "dh",
        &["destination-hash", "uri"],
        "By the destination's address, for caches.",
    ),
    scheduler(
        "lblc",
        &["locality"],
        "By destination with load, for caches: a destination stays with its server until that is \
         overloaded.",
    ),
    scheduler(
        "lblcr",
        &[],
        "By destination with load, for caches: as lblc, with a set of servers for each destination.",
    ),
    scheduler(
        "fo",
        &["first", "active-backup", "standby"],
        "Failover: all to the server of the highest weight that is not overloaded.",
    ),
    scheduler(
        "ovf",
        &["overflow"],
        "Overflow: the server of the highest weight until its active connections exceed the \
         weight, then the next.",
    ),
    scheduler(
        "mh",
        &[
            "maglev",
            "consistent",
            "consistent-hash",
            "hash",
            "一致性哈希",
        ],
        "Consistent hashing of the client's address (Maglev): few clients change their server when \
         one goes.",
    ),
    scheduler(
        "twos",
        &["p2c", "random", "power-of-two"],
        "Two choices: of two servers chosen by chance and weight, the one with less load.",
    ),
    of(
        "forward",
        "direct",
        &[
            "-g",
            "--gatewaying",
            "DR",
            "LVS-DR",
            "route",
            "gate",
            "gateway",
            "g",
        ],
        "The server answers the client itself, past this host. It is in the same network, has the \
         VIP without answering ARP for it, and gets the packets on the service's port.",
    ),
    of(
        "forward",
        "masq",
        &[
            "-m",
            "--masquerading",
            "NAT",
            "LVS-NAT",
            "masquerading",
            "masquerade",
            "m",
        ],
        "Network address translation: this host rewrites the destination, and the server's answers \
         come back through it. The server's port may be another one.",
    ),
    of(
        "forward",
        "tunnel",
        &["-i", "--ipip", "TUN", "LVS-TUN", "tun", "i"],
        "Packets are wrapped and sent to the server over any network; it answers the client \
         itself, has the VIP, and a device that unwraps them.",
    ),
    of(
        "flags",
        "sh-port",
        &[],
        "The scheduler sh hashes the client's port too: connections of one client spread.",
    ),
    of(
        "flags",
        "sh-fallback",
        &[],
        "The scheduler sh goes on to another server where its choice is not available.",
    ),
    of(
        "flags",
        "mh-port",
        &[],
        "The scheduler mh hashes the client's port too: connections of one client spread.",
    ),
    of(
        "flags",
        "mh-fallback",
        &[],
        "The scheduler mh goes on to another server where its choice is not available.",
    ),
    of(
        "one_packet",
        "true",
        &["-o", "--ops"],
        "Every UDP datagram chooses its server anew; no connection is kept.",
    ),
    of(
        "engine",
        "sip",
        &[],
        "Persistence by the Call-ID of SIP instead of the client's address.",
    ),
    of(
        "type",
        "ipip",
        &[],
        "IP in IP: the plain tunnel, without a port.",
    ),
    of(
        "type",
        "gue",
        &[],
        "Generic UDP encapsulation: for networks that spread load by ports; needs a port.",
    ),
    of("type", "gre", &[], "Generic routing encapsulation."),
    of("checksum", "none", &["--tun-nocsum"], "No outer checksum."),
    of(
        "checksum",
        "full",
        &["--tun-csum"],
        "An outer UDP or GRE checksum over all.",
    ),
    of(
        "checksum",
        "remote",
        &["--tun-remcsum"],
        "The server computes the inner checksum (remote checksum offload).",
    ),
    of("protocol", "tcp", &[], "Packets of TCP."),
    of("protocol", "udp", &[], "Packets of UDP."),
    of("protocol", "sctp", &[], "Packets of SCTP."),
    of("family", "ipv4", &["-4"], "Packets of IPv4."),
    of("family", "ipv6", &["-6"], "Packets of IPv6."),
    of(
        "then",
        "keep",
        &[],
        "When it is drained, the server stays at weight 0.",
    ),
    of(
        "then",
        "remove",
        &[],
        "When it is drained, the server is removed.",
    ),
    of(
        "then",
        "restore",
        &[],
        "When it is drained, the server gets its weight back.",
    ),
];

/// The values that a word means: `wlc`, `-m`, `leastconn`. `-m` and `-M` are different things to
/// ipvsadm: flags count only as they are written.
pub fn named(word: &str) -> impl Iterator<Item = &'static OptionValue> {
    let is = move |one: &str| match word.starts_with('-') {
        true => one == word,
        false => one.eq_ignore_ascii_case(word),
    };
    VALUES
        .iter()
        .filter(move |value| is(value.name) || value.words.iter().any(|one| is(one)))
}

/// An error about an unknown scheduler, with the one that was meant, where the name is another
/// tool's.
pub(super) fn with_meant(error: Error, options: &Options) -> Error {
    let given = options.get("scheduler").and_then(serde_json::Value::as_str);
    let meant = given.and_then(|given| {
        let is_name = SCHEDULERS
            .iter()
            .any(|name| name.eq_ignore_ascii_case(given));
        let mut values = named(given).filter(|value| value.option == "scheduler");
        values.next().filter(|_| !is_name)
    });
    match meant {
        Some(value) => error.likelier_hint(format!("did you mean \"{}\"?", value.name)),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{Names, of_option};
    use super::super::options::{MARK, SERVER, SERVICE, TUNNEL};
    use super::*;
    use crate::director::DRAIN_OPTIONS;

    #[test]
    fn every_value_of_every_option_has_help() {
        let is_known =
            |option: &str, name: &str| VALUES.iter().any(|v| v.option == option && v.name == name);
        for name in SCHEDULERS {
            assert!(is_known("scheduler", name), "{name}");
        }
        for option in SERVICE.iter().chain(SERVER).chain(TUNNEL).chain(MARK) {
            if let Names::OneOf(names) = of_option(option) {
                for name in names.iter().filter(|name| **name != "false") {
                    assert!(is_known(option.name, name), "{}: {name}", option.name);
                }
            }
        }
        assert!(DRAIN_OPTIONS.contains(&"then"));
        for then in ["keep", "remove", "restore"] {
            assert!(is_known("then", then), "{then}");
        }
    }

    #[test]
    fn a_value_is_known_by_what_others_call_it() {
        for (word, written) in [
            ("wlc", "scheduler: \"wlc\""),
            ("leastconn", "scheduler: \"wlc\""),
            ("nat", "forward: \"masq\""),
            ("-m", "forward: \"masq\""),
            ("--ops", "one_packet: true"),
            ("sh-port", "flags: [\"sh-port\"]"),
        ] {
            let value = named(word).next().unwrap();
            assert_eq!(value.written(), written, "{word}");
        }
        assert!(named("-M").next().is_none());
    }
}
