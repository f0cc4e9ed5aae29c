//! The options of services, servers, tunnels, rules, timeouts and daemons: one fact each.
//!
//! The names are those of `model::patch`; a test compares them.

use super::fact::{Opt, REQUIRED};
use super::types::Type;
use crate::model::server::THRESHOLD_RANGE;

/// A fact with what most options leave out.
const fn opt(name: &'static str, takes: Type, default: &'static str, doc: &'static str) -> Opt {
    Opt {
        name,
        takes,
        default,
        unit: "",
        range: "",
        doc,
        words: &[],
    }
}

/// The options of a virtual service.
pub const SERVICE: &[Opt] = &[
    Opt {
        range: "rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh, or another module's name",
        words: &["-s", "--scheduler", "lb_algo", "lvs_sched", "algorithm"],
        ..opt(
            "scheduler",
            Type::Text,
            "\"wlc\"",
            "Which server gets the next connection.",
        )
    },
    Opt {
        range: "sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3",
        words: &["-b", "--sched-flags", "sh-port", "mh-port"],
        ..opt(
            "flags",
            Type::Texts,
            "[]",
            "Switches of the scheduler, as an array.",
        )
    },
    Opt {
        unit: "seconds",
        range: "0 (off) to 2678400; true is 300",
        words: &[
            "-p",
            "--persistent",
            "persistence_timeout",
            "sticky",
            "affinity",
        ],
        ..opt(
            "persistent",
            Type::SecondsOrBool,
            "0",
            "How long a client stays with its server after its last connection.",
        )
    },
    Opt {
        range: "a netmask, or a prefix length of 1 to 32 (IPv6: 1 to 128)",
        words: &[
            "-M",
            "--netmask",
            "persistence_granularity",
            "granularity",
            "mask",
        ],
        ..opt(
            "netmask",
            Type::TextOrWhole,
            "\"255.255.255.255\" (IPv6: 128)",
            "How much of a client's address counts for persistence.",
        )
    },
    Opt {
        range: "\"sip\", or () for none",
        words: &["--pe", "persistence_engine", "pe", "sip"],
        ..opt(
            "engine",
            Type::Text,
            "()",
            "The persistence engine, which looks into the payload (needs persistent).",
        )
    },
    Opt {
        words: &["-o", "--ops", "ops", "one-packet"],
        ..opt(
            "one_packet",
            Type::Bool,
            "false",
            "Every UDP datagram chooses its server anew.",
        )
    },
    Opt {
        range: "direct (dr, g), masq (nat, m), tunnel (ipip, i)",
        words: &["-g", "-m", "-i", "lb_kind", "lvs_method", "nat", "dr"],
        ..opt(
            "forward",
            Type::Text,
            "what all its servers use, else \"direct\"",
            "The forwarding method of servers that name none; with set, of all its servers.",
        )
    },
    Opt {
        words: &["-a", "real_server", "RIP", "backend"],
        ..opt(
            "servers",
            Type::Array,
            "as they are",
            "Exactly these real servers: addresses, or maps of address and options.",
        )
    },
    Opt {
        words: &["MARK", "--set-mark", "iptables"],
        ..opt(
            "marks",
            Type::Rules,
            "as they are",
            "Exactly these fwmark rules; for fwmark and fwmark6 only.",
        )
    },
    Opt {
        range: CHECK_VALUES,
        words: CHECK_WORDS,
        ..opt(
            "check",
            Type::Any,
            "()",
            "How the daemon finds out whether its servers answer; of several checks all must pass.",
        )
    },
    Opt {
        range: "quiesce (weight 0: connections go on) or remove",
        words: &["inhibit_on_failure", "quiescent", "on-marked-down"],
        ..opt(
            "on_fail",
            Type::Text,
            "remove for UDP and marks that carry it, else quiesce",
            "What becomes of a server while its checks fail.",
        )
    },
    Opt {
        range: "true (the address of the interface), false, or an address of the director",
        words: &["SNAT", "MASQUERADE", "fullnat", "full_nat", "source"],
        ..opt(
            "snat",
            Type::Any,
            "false",
            "Masqueraded servers see this address, not the client's, and need no way back.",
        )
    },
];

/// What the option `check` takes.
const CHECK_VALUES: &str =
    "a name (tcp http https ping), a map #{ type: ... }, an array of both, or ()";

/// What other tools call a check.
const CHECK_WORDS: &[&str] = &[
    "TCP_CHECK",
    "HTTP_GET",
    "MISC_CHECK",
    "checktype",
    "healthcheck",
    "health",
    "monitor",
];

/// The options of a real server.
pub const SERVER: &[Opt] = &[
    Opt {
        range: "0 (quiesced: no new connections) to 2147483647",
        words: &["-w", "--weight", "quiesce", "inhibit"],
        ..opt(
            "weight",
            Type::Whole,
            "1",
            "Its share of new connections, for schedulers that weigh.",
        )
    },
    Opt {
        range: "direct (dr, g), masq (nat, m), tunnel (ipip, i)",
        words: &["-g", "-m", "-i", "lb_kind", "lvs_method", "nat", "dr"],
        ..opt(
            "forward",
            Type::Text,
            "the service's, else what all its servers use, else \"direct\"",
            "The forwarding method.",
        )
    },
    Opt {
        unit: "connections",
        range: THRESHOLD_RANGE,
        words: &["-x", "--u-threshold", "uthreshold", "maxconn"],
        ..opt(
            "upper",
            Type::Whole,
            "0",
            "No new connections above so many.",
        )
    },
    Opt {
        unit: "connections",
        range: "0 (off) to 2147483647, not above upper",
        words: &["-y", "--l-threshold", "lthreshold"],
        ..opt(
            "lower",
            Type::Whole,
            "0",
            "New connections again below so many.",
        )
    },
    Opt {
        words: &["--tun-type", "--tun-port", "gue", "gre", "ipip"],
        ..opt(
            "tunnel",
            Type::Map,
            "#{ type: \"ipip\" }",
            "How a tunnel wraps packets: a map of type, port and checksum.",
        )
    },
    Opt {
        range: "as check of a service; \"service\" takes the service's again",
        words: CHECK_WORDS,
        ..opt(
            "check",
            Type::Any,
            "\"service\"",
            "Its own checks, instead of the service's; () for none.",
        )
    },
    Opt {
        range: "a name like \"web12\", or ()",
        words: &["machine", "node", "hostname"],
        ..opt(
            "host",
            Type::Text,
            "()",
            "The machine that it is on: disable web12 means every server of that machine.",
        )
    },
];

/// The options of a tunnel.
pub const TUNNEL: &[Opt] = &[
    Opt {
        range: "ipip gue gre",
        words: &["--tun-type"],
        ..opt("type", Type::Text, "\"ipip\"", "The encapsulation.")
    },
    Opt {
        range: "0 to 65535",
        words: &["--tun-port"],
        ..opt("port", Type::Whole, "0", "The UDP port; gue needs one.")
    },
    Opt {
        range: "none full remote",
        words: &["--tun-nocsum", "--tun-csum", "--tun-remcsum"],
        ..opt("checksum", Type::Text, "\"none\"", "The outer checksum.")
    },
];

/// The fields of an fwmark rule.
pub const MARK: &[Opt] = &[
    Opt {
        range: "tcp udp sctp all",
        words: &["-p"],
        ..opt("protocol", Type::Text, "\"all\"", "The protocol.")
    },
    Opt {
        words: &["-d", "--destination", "VIP"],
        ..opt("to", Type::Text, "any", "Destination address or network.")
    },
    Opt {
        range: "numbers and ranges (\"8000-8100\"), any number of them",
        words: &["--dport", "--dports", "multiport"],
        ..opt(
            "ports",
            Type::Array,
            "any",
            "Destination ports (needs protocol).",
        )
    },
    Opt {
        words: &["--source", "CIP"],
        ..opt("from", Type::Text, "any", "Source address or network.")
    },
    Opt {
        range: "numbers and ranges",
        words: &["--sport", "--sports"],
        ..opt(
            "from_ports",
            Type::Array,
            "any",
            "Source ports (needs protocol).",
        )
    },
    Opt {
        words: &["--in-interface"],
        ..opt("interface", Type::Text, "any", "The incoming interface.")
    },
    Opt {
        range: "1 to 0xffffffff; text for hexadecimal",
        words: &["--set-xmark"],
        ..opt(
            "mask",
            Type::TextOrWhole,
            "\"0xffffffff\"",
            "The bits of the packet's mark that are replaced.",
        )
    },
    Opt {
        range: "ipv4 ipv6",
        ..opt(
            "family",
            Type::Text,
            "that of the addresses, else \"ipv4\"",
            "The address family.",
        )
    },
];

/// The options of `timeouts`.
pub const TIMEOUTS: &[Opt] = &[
    Opt {
        unit: "seconds",
        range: "1 to 2147483",
        words: &["--set"],
        ..opt(
            "tcp",
            Type::Whole,
            "not managed (the kernel's: 900)",
            "Established TCP connections.",
        )
    },
    Opt {
        unit: "seconds",
        range: "1 to 2147483",
        words: &["--set", "tcpfin", "finwait"],
        ..opt(
            "tcp_fin",
            Type::Whole,
            "not managed (the kernel's: 120)",
            "TCP connections after a FIN.",
        )
    },
    Opt {
        unit: "seconds",
        range: "1 to 2147483",
        words: &["--set"],
        ..opt(
            "udp",
            Type::Whole,
            "not managed (the kernel's: 300)",
            "UDP.",
        )
    },
];

/// The options of a sync daemon.
pub const DAEMON: &[Opt] = &[
    Opt {
        words: &["--mcast-interface", "lvs_sync_daemon"],
        ..opt(
            "interface",
            Type::Text,
            REQUIRED,
            "The interface that the multicast leaves or enters.",
        )
    },
    Opt {
        range: "0 to 255",
        words: &["--syncid"],
        ..opt(
            "id",
            Type::Whole,
            "0",
            "The sync id; both directors have the same.",
        )
    },
    Opt {
        unit: "bytes",
        range: "1 (a backup: 1024) to 65507 (an IPv6 group: 65487)",
        words: &["--sync-maxlen"],
        ..opt(
            "maxlen",
            Type::Whole,
            "the kernel's choice",
            "The longest message.",
        )
    },
    Opt {
        words: &["--mcast-group"],
        ..opt(
            "group",
            Type::Text,
            "the kernel's choice (224.0.0.81)",
            "The multicast group.",
        )
    },
    Opt {
        range: "1 to 65535",
        words: &["--mcast-port"],
        ..opt(
            "port",
            Type::Whole,
            "the kernel's choice (8848)",
            "The UDP port.",
        )
    },
    Opt {
        range: "1 to 255",
        words: &["--mcast-ttl"],
        ..opt(
            "ttl",
            Type::Whole,
            "the kernel's choice (1)",
            "The multicast TTL.",
        )
    },
];

/// The options of a commit.
pub const COMMIT: &[Opt] = &[
    opt(
        "allow_removals",
        Type::Bool,
        "false",
        "Allow the removal of more than half of ten or more services, of all of three or more, and \
         of what was there before ipvsh managed it.",
    ),
    opt(
        "adopt",
        Type::Bool,
        "false",
        "Take over what somebody else made and was declared differently.",
    ),
    Opt {
        unit: "seconds",
        range: "1 to 86400",
        words: &["commit confirmed", "rollback timer", "lockout", "dead man"],
        ..opt(
            "confirm",
            Type::Whole,
            "() (it stands at once)",
            "Roll back by itself unless `confirm()` or `ipvsh confirm` comes within this time.",
        )
    },
    Opt {
        words: &["flush", "-C"],
        ..opt(
            "exact",
            Type::Bool,
            "false",
            "Remove also what is not managed by ipvsh.",
        )
    },
];

/// The options of `drain`.
pub const DRAIN: &[Opt] = &[
    Opt {
        unit: "seconds",
        range: "0 (look once) to 604800",
        ..opt(
            "timeout",
            Type::Number,
            "600",
            "How long to wait; then it is an error, and the server stays at weight 0.",
        )
    },
    Opt {
        range: "\"keep\" (at weight 0), \"remove\", \"restore\" (the weight that it had)",
        ..opt(
            "then",
            Type::Text,
            "\"keep\"",
            "What follows when the connections are gone.",
        )
    },
    Opt {
        words: &["InActConn", "TIME_WAIT"],
        ..opt(
            "inactive",
            Type::Bool,
            "false",
            "Wait for inactive connections too, which are closing; of UDP always.",
        )
    },
    Opt {
        words: &["sticky", "template"],
        ..opt(
            "persistent",
            Type::Bool,
            "false",
            "Wait until the kernel has forgotten the clients that it kept with the server.",
        )
    },
];

/// The options of `shift`.
pub const SHIFT: &[Opt] = &[
    Opt {
        unit: "percent",
        range: "whole numbers from 1 to 100, rising",
        ..opt(
            "steps",
            Type::Array,
            "[10, 50, 100]",
            "The share of the new servers after each step.",
        )
    },
    Opt {
        unit: "seconds",
        range: "0 to 86400",
        ..opt(
            "pause",
            Type::Number,
            "60",
            "How long to wait after each step; after the last only for the check.",
        )
    },
    Opt {
        range: "a function without parameters that gives true or false",
        ..opt(
            "check",
            Type::Function,
            "none",
            "Called after each pause: false, or an error, takes the shift back.",
        )
    },
];

/// The options of `events`.
pub const EVENTS: &[Opt] = &[
    Opt {
        range: "or \"server 10.0.0.12\", or the host of real servers",
        ..opt(
            "object",
            Type::ServiceOrName,
            "all",
            "Those about it, and those of the guard.",
        )
    },
    Opt {
        range: "\"22:00\", \"2026-11-19\", \"2h\" ago",
        ..opt(
            "since",
            Type::Text,
            "all that are kept",
            "Those since then.",
        )
    },
    Opt {
        range: "1 to 10000",
        ..opt("limit", Type::Number, "1000", "The newest so many.")
    },
];

/// The options of `probe`.
pub const PROBE: &[Opt] = &[Opt {
    unit: "seconds",
    range: "above 0, up to 600",
    words: &["connect_timeout"],
    ..opt(
        "timeout",
        Type::Number,
        "3",
        "How long to wait for an answer.",
    )
}];

/// What selects connections.
pub const CONNECTIONS: &[Opt] = &[
    Opt {
        words: &["-t", "VIP"],
        ..opt(
            "service",
            Type::ServiceOrName,
            "all",
            "Those of a virtual service; an address without a port may fit several. An address that no \
             service has is that of a real server; a network means what is in it.",
        )
    },
    Opt {
        words: &["RIP"],
        range: "an address, an address and port, a port, a network",
        ..opt("server", Type::Text, "all", "Those to a real server.")
    },
    Opt {
        words: &["CIP", "source"],
        range: "an address, an address and port, a port, a network",
        ..opt("client", Type::Text, "all", "Those of a client.")
    },
    Opt {
        range: "ESTABLISHED TIME_WAIT FIN_WAIT SYN_RECV UDP NONE ..., in any case",
        ..opt("state", Type::Text, "all", "Those in a state.")
    },
    Opt {
        range: "1 to 50000",
        ..opt("limit", Type::Whole, "50000", "How many at most.")
    },
];

/// The options of a VIP.
pub const VIP: &[Opt] = &[
    Opt {
        words: &["dev", "track_interface"],
        ..opt(
            "interface",
            Type::Text,
            "\"lo\"; of an address that is declared already, its own",
            "The interface that has the address: lo, or the one that faces the clients.",
        )
    },
    Opt {
        range: "up to 15 characters that begin with the interface: \"eth0:web\"; IPv4 only",
        words: &["lo:0", "alias"],
        ..opt(
            "label",
            Type::Text,
            "()",
            "The label of the address, as ip(8) and ifconfig show it.",
        )
    },
    Opt {
        range: "\"answer\", \"silent\"",
        words: &["arp_ignore", "arp_announce", "noarp"],
        ..opt(
            "arp",
            Type::Text,
            "\"answer\"",
            "Whether this host answers ARP for it; a real server of the VIP is silent.",
        )
    },
    Opt {
        words: &["garp", "arping", "gratuitous ARP"],
        ..opt(
            "announce",
            Type::Bool,
            "true",
            "Tells the neighbours where the address is when it is added.",
        )
    },
    Opt {
        range: "\"never\", \"down\"",
        ..opt(
            "withdraw",
            Type::Text,
            "\"never\"",
            "When the address is to be taken off: never, or while no service of it serves. It is \
             recorded; no part of this version acts on it yet.",
        )
    },
];

/// The options of a VIP that this host serves as a real server.
pub const SERVED_VIP: &[Opt] = &[
    Opt {
        range: "direct (dr, g), tunnel (ipip, i); masq (nat, m) needs nothing and is refused",
        words: &["-g", "-i", "lb_kind", "lvs_method", "dr"],
        ..opt(
            "forward",
            Type::Text,
            "\"direct\"",
            "The forwarding method that the director has for this host.",
        )
    },
    Opt {
        words: &["--tun-type", "--tun-port", "gue", "gre", "ipip"],
        ..opt(
            "tunnel",
            Type::Map,
            "#{ type: \"ipip\" }",
            "How the director wraps packets: a map of type and port, as of its servers.",
        )
    },
];

/// The options of maintenance.
pub const MAINTENANCE: &[Opt] = &[
    Opt {
        range: "\"drain\" (weight 0: connections go on), \"out\" (removed from the table), \"up\" (in at \
                its weight, whatever the checks say; needs `expires`)",
        words: &["disable", "quiesce", "force up"],
        ..opt(
            "mode",
            Type::Text,
            "\"drain\"",
            "What becomes of the servers.",
        )
    },
    Opt {
        range: "a time to come: \"30m\", \"2d\", \"22:00\", \"2026-12-01\", \"2026-12-01T10:00:00Z\"",
        words: &["for", "until", "ends", "downtime"],
        ..opt(
            "expires",
            Type::Text,
            "(), when it is removed",
            "When it is over. A length of time counts from now; given again while it lasts, it \
             changes nothing.",
        )
    },
    Opt {
        range: "one line of up to 200 characters",
        words: &["reason", "comment", "ticket"],
        ..opt(
            "why",
            Type::Text,
            "\"\"",
            "The reason, for everybody who looks.",
        )
    },
];

/// The options of a tunnel device.
pub const TUNNEL_DEVICE: &[Opt] = &[
    Opt {
        range: "\"ipip\", \"gre\", \"gue\"",
        words: &["tunl0", "modprobe ipip"],
        ..opt(
            "type",
            Type::Text,
            "\"ipip\"",
            "How the director wraps packets; as `tunnel` of its servers says.",
        )
    },
    Opt {
        range: "1 to 65535; for gue only, which needs it",
        words: &["fou", "tun-port"],
        ..opt(
            "port",
            Type::Whole,
            "()",
            "The UDP port that packets come in by.",
        )
    },
];

/// The option of a kernel setting.
pub const SYSCTL: &[Opt] = &[opt(
    "value",
    Type::TextOrWhole,
    REQUIRED,
    "A number, true or false, or text.",
)];
