//! The options of ipvsadm 1.31: the one table that the importer of its lines and the drop-in for it
//! read. What each of the two makes of an option is theirs.
//!
//! Source of truth: ipvsadm(8), and `options_table` in ipvsadm.c of version 1.31.

/// An option, whatever its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opt {
    AddService,
    EditService,
    DeleteService,
    Clear,
    List,
    Zero,
    AddServer,
    EditServer,
    DeleteServer,
    Set,
    Help,
    Version,
    Restore,
    Save,
    StartDaemon,
    StopDaemon,
    Tcp,
    Udp,
    Sctp,
    Fwmark,
    Scheduler,
    Persistent,
    Netmask,
    Server,
    Masq,
    Tunnel,
    Direct,
    Weight,
    Upper,
    Lower,
    Numeric,
    Connection,
    McastInterface,
    SyncId,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Thresholds,
    PersistentConn,
    NoSort,
    Sort,
    Exact,
    Inet6,
    OnePacket,
    Engine,
    SchedulerFlags,
    McastGroup,
    McastPort,
    McastTtl,
    SyncMaxlen,
    TunnelInfo,
    TunnelType,
    TunnelPort,
    TunnelNoCsum,
    TunnelCsum,
    TunnelRemCsum,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Value,
    /// The next word, unless that starts with a dash.
    MaybeValue,
}

/// What an option is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// A command that makes, changes or removes a service or a server.
    Rule,
    /// Another command that a line of `-R` may hold.
    Change,
    /// A command of the program alone: no line of `-R` holds it.
    Program,
    /// Names a service.
    Selector,
    /// Belongs to a service.
    Service,
    /// Names a real server.
    Target,
    /// Belongs to a real server.
    Server,
    /// Belongs to the tunnel to a real server.
    Tunnel,
    /// Belongs to a sync daemon.
    Daemon,
    /// Says how numbers are printed; a line of `-R` may hold it, where it means nothing.
    Numbers,
    /// Says what a listing shows.
    View,
}

use Group::{
    Change, Daemon, Numbers, Program, Rule, Selector, Server, Service, Target, Tunnel, View,
};
use Takes::{MaybeValue, Nothing, Value};

/// One spelling of an option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The name behind `--`.
    pub(crate) long: &'static str,
    /// The letter behind `-`.
    pub(crate) short: Option<char>,
    /// Whether it takes a value.
    pub(crate) takes: Takes,
    /// What it is for.
    pub(crate) group: Group,
    /// The option.
    pub(crate) option: Opt,
}

/// A row; `short` is a space where there is no letter.
const fn row(long: &'static str, short: char, takes: Takes, group: Group, option: Opt) -> Row {
    Row {
        long,
        short: match short {
            ' ' => None,
            letter => Some(letter),
        },
        takes,
        group,
        option,
    }
}

/// Every option.
pub(crate) const OPTIONS: [Row; 58] = [
    row("add-service", 'A', Nothing, Rule, Opt::AddService),
    row("edit-service", 'E', Nothing, Rule, Opt::EditService),
    row("delete-service", 'D', Nothing, Rule, Opt::DeleteService),
    row("clear", 'C', Nothing, Change, Opt::Clear),
    row("list", 'L', Nothing, Program, Opt::List),
    row("list", 'l', Nothing, Program, Opt::List),
    row("zero", 'Z', Nothing, Change, Opt::Zero),
    row("add-server", 'a', Nothing, Rule, Opt::AddServer),
    row("edit-server", 'e', Nothing, Rule, Opt::EditServer),
    row("delete-server", 'd', Nothing, Rule, Opt::DeleteServer),
    row("set", ' ', Nothing, Change, Opt::Set),
    row("help", 'h', Nothing, Program, Opt::Help),
    row("version", 'v', Nothing, Program, Opt::Version),
    row("restore", 'R', Nothing, Program, Opt::Restore),
    row("save", 'S', Nothing, Program, Opt::Save),
    row("start-daemon", ' ', Value, Change, Opt::StartDaemon),
    row("stop-daemon", ' ', Value, Change, Opt::StopDaemon),
    row("tcp-service", 't', Value, Selector, Opt::Tcp),
    row("udp-service", 'u', Value, Selector, Opt::Udp),
    row("sctp-service", ' ', Value, Selector, Opt::Sctp),
    row("fwmark-service", 'f', Value, Selector, Opt::Fwmark),
    row("scheduler", 's', Value, Service, Opt::Scheduler),
    row("persistent", 'p', MaybeValue, Service, Opt::Persistent),
    row("netmask", 'M', Value, Service, Opt::Netmask),
    row("real-server", 'r', Value, Target, Opt::Server),
    row("masquerading", 'm', Nothing, Server, Opt::Masq),
    row("ipip", 'i', Nothing, Server, Opt::Tunnel),
    row("gatewaying", 'g', Nothing, Server, Opt::Direct),
    row("weight", 'w', Value, Server, Opt::Weight),
    row("u-threshold", 'x', Value, Server, Opt::Upper),
    row("l-threshold", 'y', Value, Server, Opt::Lower),
    row("numeric", 'n', Nothing, Numbers, Opt::Numeric),
    row("connection", 'c', Nothing, View, Opt::Connection),
    row("mcast-interface", ' ', Value, Daemon, Opt::McastInterface),
    row("syncid", ' ', Value, Daemon, Opt::SyncId),
    row("timeout", ' ', Nothing, View, Opt::Timeout),
    row("daemon", ' ', Nothing, View, Opt::Daemon),
    row("stats", ' ', Nothing, View, Opt::Stats),
    row("rate", ' ', Nothing, View, Opt::Rate),
    row("thresholds", ' ', Nothing, View, Opt::Thresholds),
    row("persistent-conn", ' ', Nothing, View, Opt::PersistentConn),
    row("nosort", ' ', Nothing, View, Opt::NoSort),
    row("sort", ' ', Nothing, View, Opt::Sort),
    row("exact", 'X', Nothing, Numbers, Opt::Exact),
    row("ipv6", '6', Nothing, Selector, Opt::Inet6),
    row("ops", 'o', Nothing, Service, Opt::OnePacket),
    row("pe", ' ', Value, Service, Opt::Engine),
    row("sched-flags", 'b', Value, Service, Opt::SchedulerFlags),
    row("mcast-group", ' ', Value, Daemon, Opt::McastGroup),
    row("mcast-port", ' ', Value, Daemon, Opt::McastPort),
    row("mcast-ttl", ' ', Value, Daemon, Opt::McastTtl),
    row("sync-maxlen", ' ', Value, Daemon, Opt::SyncMaxlen),
    row("tun-info", ' ', Nothing, View, Opt::TunnelInfo),
    row("tun-type", ' ', Value, Tunnel, Opt::TunnelType),
    row("tun-port", ' ', Value, Tunnel, Opt::TunnelPort),
    row("tun-nocsum", ' ', Nothing, Tunnel, Opt::TunnelNoCsum),
    row("tun-csum", ' ', Nothing, Tunnel, Opt::TunnelCsum),
    row("tun-remcsum", ' ', Nothing, Tunnel, Opt::TunnelRemCsum),
];

/// Returns true if an option is for one of `groups`; `name` is its long name.
pub(crate) fn is_of(name: &str, groups: &[Group]) -> bool {
    let mut rows = OPTIONS.iter();
    rows.any(|row| row.long == name && groups.contains(&row.group))
}

/// The long names of the options that name a service and take its name as their value.
pub(crate) fn services() -> impl Iterator<Item = &'static str> {
    let is_it = |row: &&Row| row.group == Selector && row.takes == Value;
    OPTIONS.iter().filter(is_it).map(|row| row.long)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_spelling_has_two_meanings() {
        let (mut long, mut short) = (BTreeMap::new(), BTreeMap::new());
        for row in OPTIONS {
            let before = long.insert(row.long, row.option);
            assert!(before.is_none_or(|it| it == row.option), "{}", row.long);
            let Some(letter) = row.short else { continue };
            assert_eq!(short.insert(letter, row.option), None, "{letter}");
        }
        let names: Vec<&str> = services().collect();
        let wanted = [
            "tcp-service",
            "udp-service",
            "sctp-service",
            "fwmark-service",
        ];
        assert_eq!(names, wanted);
    }
}
