//! The table itself: what there is to know of each view.

use crate::model::SettingKind;

/// The object that a view can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A virtual service, or an address that fits several.
    Service,
    /// A mark.
    Mark,
    /// `master` or `backup`.
    Daemon,
    /// The name of a setting of the host: an address, a device, a kernel setting.
    Setting(SettingKind),
    /// None.
    Nothing,
}

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// As they are, at the left.
    Text,
    /// Numbers in full, at the right.
    Whole,
    /// Numbers that may be shortened to thousands and millions, at the right.
    Count,
}

/// A column of a table; its title is also the name that it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The title.
    pub name: &'static str,
    /// How its cells are written.
    pub cells: Cells,
    /// The key that it stands below, where it is not at the top.
    pub within: Option<&'static str>,
}

const fn column(name: &'static str, cells: Cells) -> Column {
    Column {
        name,
        cells,
        within: None,
    }
}

/// What there is to know of a view.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a phrase.
    pub doc: &'static str,
    /// What it can be narrowed to.
    pub takes: Takes,
    /// What is said where there is nothing.
    pub empty: &'static str,
    /// The columns behind the object's name; none where it is not sorted.
    pub columns: &'static [Column],
    /// The keys of a service, in JSON and scripts, beside its identity; for views of services.
    pub service: &'static [&'static str],
    /// The keys of a server, beside its identity; for views of services.
    pub server: &'static [&'static str],
}

const NOTHING: Facts = Facts {
    name: "",
    doc: "",
    takes: Takes::Nothing,
    empty: "",
    columns: &[],
    service: &[],
    server: &[],
};

const ACTIVE: Column = column("active", Cells::Whole);
const INACTIVE: Column = column("inactive", Cells::Whole);
const WEIGHT: Column = column("weight", Cells::Whole);
const NO_SERVICES: &str = "no virtual services";
const COUNTERS: &[&str] = &[
    "connections",
    "in_packets",
    "out_packets",
    "in_bytes",
    "out_bytes",
];
const PER_SECOND: &[&str] = &["cps", "in_pps", "out_pps", "in_bps", "out_bps"];

pub(super) const SERVICES: Facts = Facts {
    name: "services",
    doc: "virtual services and real servers, with their connections",
    takes: Takes::Service,
    empty: NO_SERVICES,
    columns: &[WEIGHT, ACTIVE, INACTIVE],
    ..NOTHING
};

pub(super) const MARKS: Facts = Facts {
    name: "marks",
    doc: "fwmark rules of ipvsh's own chain",
    takes: Takes::Mark,
    empty: "no mark rules",
    ..NOTHING
};

pub(super) const TIMEOUTS: Facts = Facts {
    name: "timeouts",
    doc: "connection timeouts, in seconds",
    ..NOTHING
};

pub(super) const CONNECTIONS: Facts = Facts {
    name: "connections",
    doc: "connections and persistence templates",
    takes: Takes::Service,
    empty: "no connections",
    columns: &[
        column("client", Cells::Text),
        column("server", Cells::Text),
        column("state", Cells::Text),
        column("expires", Cells::Whole),
    ],
    ..NOTHING
};

pub(super) const STATS: Facts = Facts {
    name: "stats",
    doc: "connections, packets and bytes since the start or zero()",
    takes: Takes::Service,
    empty: NO_SERVICES,
    columns: &[
        column("connections", Cells::Count),
        column("in_packets", Cells::Count),
        column("out_packets", Cells::Count),
        column("in_bytes", Cells::Count),
        column("out_bytes", Cells::Count),
    ],
    service: COUNTERS,
    server: COUNTERS,
};

pub(super) const RATES: Facts = Facts {
    name: "rates",
    doc: "connections, packets and bytes (not bits) per second",
    takes: Takes::Service,
    empty: NO_SERVICES,
    columns: &[
        column("cps", Cells::Count),
        column("in_pps", Cells::Count),
        column("out_pps", Cells::Count),
        column("in_bps", Cells::Count),
        column("out_bps", Cells::Count),
    ],
    service: PER_SECOND,
    server: PER_SECOND,
};

pub(super) const THRESHOLDS: Facts = Facts {
    name: "thresholds",
    doc: "upper and lower thresholds of real servers (0: none)",
    takes: Takes::Service,
    empty: NO_SERVICES,
    columns: &[
        column("upper", Cells::Whole),
        column("lower", Cells::Whole),
        ACTIVE,
        INACTIVE,
    ],
    service: &["active", "inactive"],
    server: &["upper", "lower", "active", "inactive"],
};

pub(super) const PERSISTENT: Facts = Facts {
    name: "persistent",
    doc: "persistence (seconds) and persistent connections",
    takes: Takes::Service,
    empty: NO_SERVICES,
    columns: &[
        column("persistent", Cells::Whole),
        WEIGHT,
        column("persistent_connections", Cells::Whole),
        ACTIVE,
        INACTIVE,
    ],
    service: &[
        "persistent",
        "netmask",
        "engine",
        "persistent_connections",
        "active",
        "inactive",
    ],
    server: &["weight", "persistent_connections", "active", "inactive"],
};

pub(super) const TUNNELS: Facts = Facts {
    name: "tunnels",
    doc: "tunnels to real servers: type, port, checksum",
    takes: Takes::Service,
    empty: "no tunnels",
    columns: &[
        Column {
            within: Some("tunnel"),
            ..column("type", Cells::Text)
        },
        Column {
            within: Some("tunnel"),
            ..column("port", Cells::Whole)
        },
        Column {
            within: Some("tunnel"),
            ..column("checksum", Cells::Text)
        },
        WEIGHT,
        ACTIVE,
        INACTIVE,
    ],
    service: &[],
    server: &["tunnel", "weight", "active", "inactive"],
};

pub(super) const DAEMONS: Facts = Facts {
    name: "daemons",
    doc: "sync daemons",
    takes: Takes::Daemon,
    empty: "no sync daemons",
    ..NOTHING
};

pub(super) const VIPS: Facts = Facts {
    name: "vips",
    doc: "addresses of services on this host that ipvsh manages",
    takes: Takes::Setting(SettingKind::Vip),
    empty: "no vips are managed",
    ..NOTHING
};

pub(super) const SYSCTLS: Facts = Facts {
    name: "sysctls",
    doc: "kernel settings that ipvsh manages, those that others need among them",
    takes: Takes::Setting(SettingKind::Sysctl),
    empty: "no kernel settings are managed",
    ..NOTHING
};

pub(super) const TUNNEL_DEVICES: Facts = Facts {
    name: "tunnel-devices",
    doc: "tunnel devices of this host that ipvsh manages",
    takes: Takes::Setting(SettingKind::TunnelDevice),
    empty: "no tunnel devices are managed",
    ..NOTHING
};

pub(super) const INFO: Facts = Facts {
    name: "info",
    doc: "IPVS itself: version, table size, schedulers, totals, settings",
    ..NOTHING
};
