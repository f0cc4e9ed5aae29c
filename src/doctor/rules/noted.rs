//! The rules whose findings are notes of commits: a row each, and nothing else.
//!
//! The words of a finding are the note's; what stands here is why it matters and how to see it.

use super::super::answers::Question;
use super::super::rule::{Look, Rule, Severity};
use crate::notes::Topic;

const fn noted(
    id: &'static str,
    title: &'static str,
    why: &'static str,
    seen: &'static str,
    look: Look,
) -> Rule {
    Rule {
        id,
        title,
        why,
        seen,
        severity: Severity::Outage,
        is_safe: false,
        is_quick: true,
        look,
    }
}

/// The rule a note of a topic belongs to.
#[cfg(test)]
pub(in super::super) fn rule_of(topic: Topic) -> &'static str {
    match topic {
        Topic::Forwarding4 | Topic::Forwarding6 => FORWARDING.id,
        Topic::Vip => VIP_MISSING.id,
        Topic::NotSilent => VIP_SILENT.id,
        Topic::NoServers | Topic::AllQuiesced | Topic::AllHeld => NO_SERVERS.id,
        Topic::NotOnLink => ON_LINK.id,
        Topic::Loopback => LOOPBACK_MASQ.id,
        Topic::LoopbackVip => LOOPBACK_VIP.id,
        Topic::SameNetwork => NAT_RETURN.id,
        Topic::SnatAddress | Topic::NoMasq => SNAT.id,
        Topic::Unfed | Topic::Unused => MARK_ORPHAN.id,
        Topic::Overlap => MARK_OVERLAP.id,
        Topic::Port => MARK_PORT.id,
        Topic::HashedAway => HASHED_AWAY.id,
        Topic::Mixed => MIXED.id,
        Topic::DaemonLink => SYNC_LINK.id,
        Topic::Flags => FLAGS.id,
        // Only a change removes something; the setting behind it has a rule of its own.
        Topic::Cut | Topic::Silence => super::nodest::RULE.id,
        // What `snat` is for: only the change that brings it says so.
        Topic::ClientAddress => SNAT.id,
    }
}

pub(in super::super) static FORWARDING: Rule = Rule {
    is_safe: true,
    ..noted(
        "forwarding",
        "masquerading on a host that does not forward",
        "the kernel drops the answers of masqueraded real servers, so every client waits in vain",
        "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding: 0; connections stay in SYN_RECV",
        Look::Notes(
            &[Topic::Forwarding4, Topic::Forwarding6],
            &[Question::Forwarding],
        ),
    )
};

pub(in super::super) static VIP_MISSING: Rule = Rule {
    is_safe: true,
    ..noted(
        "vip-missing",
        "the address of a service is not on this host",
        "IPVS sees only packets that are delivered to this host; others are forwarded or dropped",
        "ip route get VIP: not local; the counters of the service stand still",
        Look::Notes(&[Topic::Vip], &[Question::Route]),
    )
};

pub(in super::super) static NO_SERVERS: Rule = noted(
    "no-servers",
    "a service without a real server that takes clients",
    "the kernel refuses every new client of the service",
    "ipvsh show services: no real server, or all at weight 0",
    Look::Notes(&[Topic::NoServers, Topic::AllQuiesced, Topic::AllHeld], &[]),
);

pub(in super::super) static ON_LINK: Rule = noted(
    "on-link",
    "a direct real server in another network",
    "direct routing hands packets to the hardware address of the real server, and routers keep none",
    "ip route get SERVER: via a router, or unreachable",
    Look::Notes(&[Topic::NotOnLink], &[Question::Route]),
);

pub(in super::super) static LOOPBACK_MASQ: Rule = noted(
    "loopback-masq",
    "masquerading to a loopback address",
    "the kernel drops packets from other hosts to 127.0.0.0/8 (ip_vs_nat_xmit): this server's share of \
     the clients is lost",
    "ipvsh show connections: connections of the server stay in SYN_RECV",
    Look::Notes(&[Topic::Loopback], &[]),
);

pub(in super::super) static LOOPBACK_VIP: Rule = noted(
    "loopback-vip",
    "a loopback address as the VIP of remote servers",
    "packets from a loopback address never leave this host, so no remote server gets any",
    "ip route get SERVER from VIP: invalid",
    Look::Notes(&[Topic::LoopbackVip], &[Question::Route]),
);

pub(in super::super) static NAT_RETURN: Rule = noted(
    "nat-return",
    "masquerading for clients in the network of the real servers",
    "the answer bypasses this host and carries the server's address, so the client drops it",
    "tcpdump on the client: answers from the server's own address",
    Look::Notes(
        &[Topic::SameNetwork],
        &[Question::Interfaces, Question::Setting],
    ),
);

pub(in super::super) static SNAT: Rule = Rule {
    severity: Severity::Risk,
    ..noted(
        "snat",
        "source NAT to an address that is not here, or of a service without masquerading",
        "the answers of the real servers do not come back to this host, or nothing is translated",
        "ip -brief address; ipvsh show services: the forwarding methods",
        Look::Notes(&[Topic::SnatAddress, Topic::NoMasq], &[Question::Route]),
    )
};

pub(in super::super) static MARK_ORPHAN: Rule = noted(
    "mark-orphan",
    "a mark service without a rule, or a rule without a service",
    "a mark service without a rule gets no packet; a mark without a service is set for nothing",
    "ipvsh show marks",
    Look::Notes(&[Topic::Unfed, Topic::Unused], &[Question::Marks]),
);

pub(in super::super) static MARK_OVERLAP: Rule = noted(
    "mark-overlap",
    "two rules that give the same packets different marks",
    "the last rule decides, so one of the two services gets less than was declared, or nothing",
    "ipvsh show marks",
    Look::Notes(&[Topic::Overlap], &[Question::Marks]),
);

pub(in super::super) static MARK_PORT: Rule = noted(
    "mark-port",
    "a real server of a mark is not asked at the port that it names",
    "the kernel keeps the port that the client asked, where the server may not listen",
    "tcpdump on the server: packets to another port",
    Look::Notes(&[Topic::Port], &[]),
);

pub(in super::super) static HASHED_AWAY: Rule = noted(
    "hashed-away",
    "a hashing scheduler still chooses a quiesced real server",
    "the clients that hash to it are refused instead of going to another server",
    "ipvsh show services: weight 0 under sh, mh or dh",
    Look::Notes(&[Topic::HashedAway], &[]),
);

pub(in super::super) static VIP_SILENT: Rule = noted(
    "vip-silent",
    "a silent VIP for which this host answers ARP",
    "clients may reach this real server directly, past the director and its balancing",
    "arping -I eth0 VIP from another host: this host answers",
    Look::Notes(&[Topic::NotSilent], &[Question::Interfaces]),
);

pub(in super::super) static MIXED: Rule = Rule {
    severity: Severity::Risk,
    ..noted(
        "mixed",
        "real servers of one service forward differently",
        "a server that was added without its method is sent packets that it cannot answer",
        "ipvsh show services: several methods in one service",
        Look::Notes(&[Topic::Mixed], &[]),
    )
};

pub(in super::super) static SYNC_LINK: Rule = Rule {
    severity: Severity::Risk,
    ..noted(
        "sync-link",
        "a sync daemon at an interface that reaches no other director",
        "the other director learns of no connection, so a failover cuts all of them",
        "ip -brief link: DOWN or NO-CARRIER",
        Look::Notes(&[Topic::DaemonLink], &[Question::Interfaces]),
    )
};

pub(in super::super) static FLAGS: Rule = Rule {
    severity: Severity::Advice,
    ..noted(
        "flags",
        "flags that the scheduler ignores",
        "the service does not behave as its flags say",
        "ipvsh show services",
        Look::Notes(&[Topic::Flags], &[]),
    )
};
