//! The kernel settings that ipvsh knows: one row each.
//!
//! Source of truth: Documentation/networking/{ip-sysctl,ipvs-sysctl,nf_conntrack-sysctl}.rst,
//! `vs_vars` in net/netfilter/ipvs/ip_vs_ctl.c.

/// The values that a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// One whole number, from the least to the most.
    Range(i64, i64),
    /// 0 to 3 with a fixed meaning, where the kernel itself goes from 1 to 2 and back: these two
    /// are one value.
    Mode,
    /// Two whole numbers: a threshold and a period.
    Pair,
    /// A list of processors: `0-3,8`.
    Processors,
}

/// Which way a setting goes when it begins to serve: such a change comes before services and
/// addresses, the other way comes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// Where it becomes greater.
    Greater,
    /// Where it becomes less.
    Less,
}

/// A setting, or one per interface: then `IF` stands for it.
#[derive(Debug)]
pub(super) struct Row {
    /// The full name.
    pub name: &'static str,
    /// The values that it takes.
    pub takes: Takes,
    /// The value in a new network namespace of Linux 6.1, where it depends on the machine a usual
    /// one.
    pub default: &'static str,
    /// Which way it begins to serve.
    pub serves: Serves,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

/// On or off.
const BIT: Takes = Takes::Range(0, 1);
/// A number of something, or of seconds.
const COUNT: Takes = Takes::Range(0, i32::MAX as i64);

const fn row(name: &'static str, takes: Takes, default: &'static str, doc: &'static str) -> Row {
    Row {
        name,
        takes,
        default,
        serves: Serves::Greater,
        doc,
    }
}

const fn serves_less(row: Row) -> Row {
    Row {
        serves: Serves::Less,
        ..row
    }
}

/// All that ipvsh sets, in the order in which they are set: a setting that rewrites others comes
/// before them (`devinet_sysctl_forward` in net/ipv4/devinet.c).
pub(super) const ROWS: &[Row] = &[
    row(
        "net.ipv4.ip_forward",
        BIT,
        "0",
        "Forwards IPv4 packets: masquerading needs it. Writing it rewrites the setting of every interface.",
    ),
    row(
        "net.ipv6.conf.all.forwarding",
        BIT,
        "0",
        "Forwards IPv6 packets: masquerading needs it.",
    ),
    row(
        "net.ipv4.conf.IF.forwarding",
        BIT,
        "0",
        "Forwards IPv4 packets that come in by this interface.",
    ),
    serves_less(row(
        "net.ipv4.conf.IF.send_redirects",
        BIT,
        "1",
        "Sends ICMP redirects: off for masquerading in one network, on `all` and the interface.",
    )),
    serves_less(row(
        "net.ipv4.conf.IF.rp_filter",
        Takes::Range(0, 2),
        "0",
        "Checks the source of packets: 0 off, 1 strict, 2 loose. The greater of `all` and the interface counts.",
    )),
    row(
        "net.ipv4.conf.IF.accept_local",
        BIT,
        "0",
        "Accepts packets whose source is an address of this host.",
    ),
    row(
        "net.ipv4.conf.IF.arp_ignore",
        Takes::Range(0, 8),
        "0",
        "Which ARP requests are answered: 1 only for addresses of the interface that they come in by.",
    ),
    row(
        "net.ipv4.conf.IF.arp_announce",
        Takes::Range(0, 2),
        "0",
        "Which source address ARP requests carry: 2 the best of the interface, never a silent VIP.",
    ),
    row(
        "net.ipv4.vs.am_droprate",
        COUNT,
        "10",
        "Of how many packets one is dropped where drop_packet is 3.",
    ),
    row(
        "net.ipv4.vs.amemthresh",
        COUNT,
        "1024",
        "Below so many free pages of memory the defences of mode 1 set in.",
    ),
    row(
        "net.ipv4.vs.backup_only",
        BIT,
        "0",
        "A backup sync daemon's director does not forward: for real servers that are directors.",
    ),
    row(
        "net.ipv4.vs.cache_bypass",
        BIT,
        "0",
        "Forwards to the original address where no cache server is there.",
    ),
    row(
        "net.ipv4.vs.conn_reuse_mode",
        COUNT,
        "1",
        "What becomes of a connection whose client port is used again: 0 the same server, 1 a new choice.",
    ),
    row(
        "net.ipv4.vs.conntrack",
        BIT,
        "0",
        "Keeps conntrack entries of IPVS connections: source NAT needs it.",
    ),
    row(
        "net.ipv4.vs.drop_entry",
        Takes::Mode,
        "0",
        "Drops half-open connections: 0 never, 1 where memory is short, 3 always.",
    ),
    row(
        "net.ipv4.vs.drop_packet",
        Takes::Mode,
        "0",
        "Drops packets: 0 never, 1 where memory is short, 3 always.",
    ),
    row(
        "net.ipv4.vs.est_cpulist",
        Takes::Processors,
        "0-1",
        "The processors that estimate rates.",
    ),
    row(
        "net.ipv4.vs.est_nice",
        Takes::Range(-20, 19),
        "0",
        "The nice value of the threads that estimate rates.",
    ),
    row(
        "net.ipv4.vs.expire_nodest_conn",
        BIT,
        "0",
        "Ends connections at once whose server was removed; with 0 their packets are dropped in silence.",
    ),
    row(
        "net.ipv4.vs.expire_quiescent_template",
        BIT,
        "0",
        "Ends persistence at a server whose weight is 0.",
    ),
    row(
        "net.ipv4.vs.ignore_tunneled",
        BIT,
        "0",
        "Does not schedule tunnelled packets a second time.",
    ),
    row(
        "net.ipv4.vs.nat_icmp_send",
        BIT,
        "0",
        "Sends ICMP errors to masqueraded servers.",
    ),
    row(
        "net.ipv4.vs.pmtu_disc",
        BIT,
        "1",
        "Answers with ICMP where a packet is too long for a tunnel.",
    ),
    row("net.ipv4.vs.run_estimation", BIT, "1", "Estimates rates."),
    row(
        "net.ipv4.vs.schedule_icmp",
        BIT,
        "0",
        "Schedules ICMP of unknown connections.",
    ),
    row(
        "net.ipv4.vs.secure_tcp",
        Takes::Mode,
        "0",
        "Shorter TCP timeouts: 0 never, 1 where memory is short, 3 always.",
    ),
    row(
        "net.ipv4.vs.sloppy_sctp",
        BIT,
        "0",
        "Takes SCTP connections up in the middle.",
    ),
    row(
        "net.ipv4.vs.sloppy_tcp",
        BIT,
        "0",
        "Takes TCP connections up in the middle.",
    ),
    row(
        "net.ipv4.vs.snat_reroute",
        BIT,
        "1",
        "Routes masqueraded answers anew by their source.",
    ),
    row(
        "net.ipv4.vs.sync_persist_mode",
        BIT,
        "0",
        "Synchronises persistent connections only.",
    ),
    row(
        "net.ipv4.vs.sync_ports",
        Takes::Range(1, 64),
        "1",
        "How many sync threads and ports there are: a power of 2.",
    ),
    row(
        "net.ipv4.vs.sync_qlen_max",
        COUNT,
        "31216",
        "How many sync messages wait at most.",
    ),
    row(
        "net.ipv4.vs.sync_refresh_period",
        COUNT,
        "0",
        "After so many seconds a connection is synchronised again.",
    ),
    row(
        "net.ipv4.vs.sync_retries",
        Takes::Range(0, 3),
        "0",
        "How often a sync message is repeated.",
    ),
    row(
        "net.ipv4.vs.sync_sock_size",
        COUNT,
        "0",
        "The buffer of a sync socket, in bytes; 0 the system's.",
    ),
    row(
        "net.ipv4.vs.sync_threshold",
        Takes::Pair,
        "3 50",
        "After which packet a connection is synchronised, and how often again.",
    ),
    row(
        "net.ipv4.vs.sync_version",
        BIT,
        "1",
        "The version of the sync protocol.",
    ),
    row(
        "net.netfilter.nf_conntrack_max",
        COUNT,
        "65536",
        "How many connections conntrack knows at most; read-only outside the first network namespace.",
    ),
    row(
        "net.netfilter.nf_conntrack_buckets",
        COUNT,
        "65536",
        "The size of the conntrack table.",
    ),
    row(
        "net.netfilter.nf_conntrack_acct",
        BIT,
        "0",
        "Counts packets and bytes of connections.",
    ),
    row(
        "net.netfilter.nf_conntrack_checksum",
        BIT,
        "1",
        "Checks checksums of incoming packets.",
    ),
    row(
        "net.netfilter.nf_conntrack_expect_max",
        COUNT,
        "1024",
        "How many expected connections there are at most.",
    ),
    row(
        "net.netfilter.nf_conntrack_log_invalid",
        Takes::Range(0, 255),
        "0",
        "Logs invalid packets of this protocol number; 255 of all.",
    ),
    row(
        "net.netfilter.nf_conntrack_timestamp",
        BIT,
        "0",
        "Notes when connections begin and end.",
    ),
    row(
        "net.netfilter.nf_conntrack_generic_timeout",
        COUNT,
        "600",
        "Seconds that other protocols' connections are kept.",
    ),
    row(
        "net.netfilter.nf_conntrack_icmp_timeout",
        COUNT,
        "30",
        "Seconds that ICMP exchanges are kept.",
    ),
    row(
        "net.netfilter.nf_conntrack_icmpv6_timeout",
        COUNT,
        "30",
        "Seconds that ICMPv6 exchanges are kept.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_be_liberal",
        BIT,
        "0",
        "Only packets outside the window that reset are invalid.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_loose",
        BIT,
        "1",
        "Takes TCP connections up in the middle.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_max_retrans",
        Takes::Range(0, 255),
        "3",
        "How often a packet may be repeated without an answer.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_close",
        COUNT,
        "10",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        COUNT,
        "60",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        COUNT,
        "432000",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_fin_wait",
        COUNT,
        "120",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_last_ack",
        COUNT,
        "30",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans",
        COUNT,
        "300",
        "Seconds after the last repeat.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_syn_recv",
        COUNT,
        "60",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_syn_sent",
        COUNT,
        "120",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
        COUNT,
        "120",
        "Seconds in this state.",
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged",
        COUNT,
        "300",
        "Seconds without an acknowledgement.",
    ),
    row(
        "net.netfilter.nf_conntrack_udp_timeout",
        COUNT,
        "30",
        "Seconds that a UDP exchange is kept.",
    ),
    row(
        "net.netfilter.nf_conntrack_udp_timeout_stream",
        COUNT,
        "120",
        "Seconds that a UDP stream is kept.",
    ),
];

/// What stands for a row that is not there, which no name can lead to.
pub(super) const FALLBACK: Row = row("net.ipv4.ip_forward", BIT, "0", "");
