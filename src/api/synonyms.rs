//! Words of other tools and of other languages, and what they are here: one table for the prompt,
//! for verbs that do not exist, and for help.

use super::functions;
use super::options::{SERVER, SERVICE};
use super::values;
use crate::views::View;

/// Words that mean the same, and what to say of them.
struct Synonym {
    words: &'static [&'static str],
    /// What it is here, in a sentence; commands as they stand on the command line.
    sentence: &'static str,
    /// The verb of the command line; empty where there is none.
    verb: &'static str,
    /// What a prompt runs instead, since that changes nothing; empty where there is nothing.
    word: &'static str,
    /// Topics of help that say more.
    topics: &'static [&'static str],
}

/// What a word means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What it is here, in a sentence; commands as they stand on the command line.
    pub sentence: String,
    /// The verb of the command line, where there is one.
    pub verb: Option<String>,
    /// What a prompt runs instead, where that changes nothing.
    pub word: Option<&'static str>,
    /// Topics of help that say more.
    pub topics: &'static [&'static str],
}

const fn row(
    words: &'static [&'static str],
    sentence: &'static str,
    verb: &'static str,
    topics: &'static [&'static str],
) -> Synonym {
    Synonym {
        words,
        sentence,
        verb,
        word: "",
        topics,
    }
}

const TABLE: &[Synonym] = &[
    Synonym {
        word: "services",
        ..row(
            &["ls", "ll", "list", "dir", "display", "get", "查看", "列表"],
            "`ipvsh show` lists virtual services with their real servers",
            "show",
            &["services"],
        )
    },
    Synonym {
        word: "stats",
        ..row(
            &["stat", "statistics", "counters", "counter", "统计"],
            "`ipvsh show stats` shows counters, `ipvsh show rates` what passes now",
            "show stats",
            &["stats"],
        )
    },
    Synonym {
        word: "rates",
        ..row(
            &["rate", "traffic", "throughput", "bandwidth", "流量"],
            "`ipvsh show rates` shows what passes now, `ipvsh top` as a full screen",
            "show rates",
            &["rates"],
        )
    },
    Synonym {
        word: "connections",
        ..row(
            &["conns", "conn", "sessions", "netstat", "ss", "连接"],
            "`ipvsh show connections` lists connections",
            "show connections",
            &["connections"],
        )
    },
    Synonym {
        word: "info",
        ..row(
            &["version", "uname", "about"],
            "`ipvsh show info` says what IPVS this kernel has, `ipvsh --version` what this program is",
            "show info",
            &["info"],
        )
    },
    Synonym {
        word: "history",
        ..row(
            &[
                "log",
                "logs",
                "audit",
                "snapshot",
                "snapshots",
                "commits",
                "快照",
                "历史",
            ],
            "`ipvsh history` lists snapshots, newest first; every commit makes one",
            "history",
            &["history"],
        )
    },
    Synonym {
        word: "diff",
        ..row(
            &["compare", "drift", "changes", "differences", "差异"],
            "`ipvsh diff` shows how the kernel differs from the head, `ipvsh plan` what would repair it",
            "diff",
            &["diff", "plan"],
        )
    },
    Synonym {
        word: "exit",
        ..row(
            &["logout", "bye", "q", "wq", "end"],
            "`exit` or Ctrl-D leaves a prompt",
            "",
            &["exit"],
        )
    },
    Synonym {
        word: "clear",
        ..row(
            &["cls"],
            "`clear` or Ctrl-L clears a prompt's screen",
            "",
            &[],
        )
    },
    Synonym {
        word: "help",
        ..row(
            &["h", "usage", "commands", "帮助"],
            "`help` says what there is",
            "help",
            &["help"],
        )
    },
    row(
        &["undo", "back", "oops", "撤销", "回滚"],
        "`ipvsh rollback` undoes the last commit, `ipvsh revert N` an older one; `discard` at the \
         prompt drops what is staged",
        "rollback",
        &["rollback", "revert", "discard"],
    ),
    row(
        &["discard", "cancel", "abort", "reset"],
        "`discard` drops what is staged at a prompt; elsewhere nothing stays staged: a script's \
         changes are committed at its end",
        "",
        &["discard"],
    ),
    row(
        &["commit", "apply", "write", "save", "deploy", "提交"],
        "`commit` at the prompt makes what is staged live and records it; a script (`ipvsh run \
         FILE`) and `ipvsh -e` commit at their end",
        "",
        &["commit"],
    ),
    row(
        &[
            "frontend",
            "listen",
            "vs",
            "vserver",
            "virtual",
            "virtual_server",
            "虚拟服务",
            "虚拟服务器",
        ],
        "it is a virtual service: tcp(\"192.0.2.10:80\"), udp(...), sctp(...), fwmark(...)",
        "",
        &["tcp"],
    ),
    row(
        &[
            "backend",
            "backends",
            "rs",
            "rip",
            "real",
            "real_server",
            "realserver",
            "pool",
            "member",
            "members",
            "node",
            "nodes",
            "upstream",
            "target",
            "endpoint",
            "真实服务器",
            "后端",
        ],
        "it is a real server of a virtual service: \
         tcp(\"192.0.2.10:80\").server(\"10.0.0.11\")",
        "",
        &["service.server"],
    ),
    row(
        &[
            "balance",
            "algorithm",
            "lb_algo",
            "lvs_sched",
            "调度",
            "调度算法",
        ],
        "it is the option scheduler: tcp(\"192.0.2.10:80\", #{ scheduler: \"wrr\" })",
        "",
        &["scheduler"],
    ),
    row(
        &[
            "lb_kind",
            "lvs_method",
            "mode",
            "method",
            "转发",
            "转发方式",
        ],
        "it is the option forward: tcp(\"192.0.2.10:80\", #{ forward: \"masq\" })",
        "",
        &["forward"],
    ),
    row(
        &[
            "sticky",
            "stickiness",
            "affinity",
            "persistence",
            "persistence_timeout",
            "持久",
            "会话保持",
        ],
        "it is the option persistent, in seconds: tcp(\"192.0.2.10:80\", #{ persistent: 300 })",
        "",
        &["persistent"],
    ),
    row(
        &["权重"],
        "it is the option weight of a real server: \
         tcp(\"192.0.2.10:80\").server(\"10.0.0.11\", #{ weight: 3 })",
        "",
        &["weight"],
    ),
    row(
        &["add", "create", "new", "insert", "declare"],
        "a call makes it: tcp(\"192.0.2.10:80\").server(\"10.0.0.11\"); on the command line in \
         `ipvsh -e`",
        "",
        &["tcp"],
    ),
    row(
        &["delete", "del", "rm", "remove", "erase", "destroy"],
        "remove(\"tcp 192.0.2.10:80\") stages it; on the command line in `ipvsh -e`",
        "",
        &["remove"],
    ),
    row(
        &["flush", "wipe", "purge"],
        "remove_all() stages the removal of everything; the kernel's table is never cleared",
        "",
        &["remove_all"],
    ),
    row(
        &[
            "set",
            "config",
            "configure",
            "conf",
            "modify",
            "change",
            "update",
        ],
        "find(\"tcp 192.0.2.10:80\").set(#{ scheduler: \"rr\" }) changes the options named",
        "",
        &["set"],
    ),
    row(
        &["reload", "start", "restart", "boot", "resync", "repair"],
        "`ipvsh restore` brings the kernel to the head",
        "restore",
        &["restore"],
    ),
    row(
        &["load", "source", "read"],
        "`ipvsh import FILE` takes rules from a file, `ipvsh run FILE` runs a script",
        "import",
        &["load"],
    ),
    row(
        &["dump", "backup", "cat"],
        "`ipvsh export` prints the rules of a snapshot",
        "export",
        &["save"],
    ),
    row(
        &["monitor", "htop"],
        "`ipvsh top` is a full screen of live rates",
        "top",
        &["top"],
    ),
    row(
        &["quiesce", "inhibit", "maintenance", "offline"],
        "`ipvsh drain` takes a real server out once its connections are gone; weight 0 gives it no \
         new ones",
        "drain",
        &["drain", "weight"],
    ),
    row(
        &["accept", "keep", "ok"],
        "`ipvsh confirm` keeps a commit that rolls back by itself",
        "confirm",
        &["confirm"],
    ),
    row(
        &["keepalived", "ldirectord", "virtual_server_group"],
        "that program makes virtual services itself; `ipvsh status` says whether it manages IPVS \
         here, and `ipvsh adopt` takes over what it made",
        "status",
        &["adopt"],
    ),
    row(
        &[
            "delay_loop",
            "health",
            "healthcheck",
            "health_check",
            "checker",
            "TCP_CHECK",
            "HTTP_GET",
            "SSL_GET",
            "MISC_CHECK",
            "checktimeout",
            "rise",
            "fall",
        ],
        "a service says how its servers are checked: check: #{ type: \"http\", path: \"/health\", \
         fall: 3 }, or check: \"tcp\"; ipvsh daemon runs the checks",
        "",
        &["check", "health"],
    ),
    row(
        &["https", "ssl", "tls", "certificate"],
        "a check asks over TLS by its type: check: #{ type: \"https\", host: \"www.example.org\" }; the \
         certificate must be valid for that name, by the authorities of this host or by those of a \
         file (ca: \"/etc/ssl/ours.pem\")",
        "",
        &["check"],
    ),
    row(
        &["quorum", "min_up", "slow_start"],
        "ipvsh has none yet: a check decides for each server by itself",
        "",
        &["check"],
    ),
    row(
        &["fallback", "sorry_server", "backup_server"],
        "the scheduler fo sends all to the highest weight that is there: give the server of last \
         resort the lowest",
        "",
        &["fo"],
    ),
    row(
        &[
            "vrrp",
            "vrrp_instance",
            "failover",
            "ha",
            "heartbeat",
            "carp",
            "高可用",
        ],
        "which host has the VIP is decided outside of ipvsh, by VRRP; sync daemons hand \
         connections over: sync_daemon(\"master\", #{ interface: \"eth1\" })",
        "",
        &["sync_daemon"],
    ),
    row(
        &["arp_ignore", "arp_announce", "arp"],
        "with direct forwarding and tunnels the real servers have the VIP too and must not answer \
         ARP for it: there serve_vip(\"192.0.2.10\"), which sets both; for a host without ipvsh \
         `ipvsh real-server 192.0.2.10` prints a script",
        "",
        &["serve_vip", "vip", "direct"],
    ),
    row(
        &[
            "vip",
            "ip",
            "ifconfig",
            "addr",
            "virtual_ipaddress",
            "虚拟IP",
            "虚拟 IP",
            "虚拟地址",
        ],
        "it is an address of this host: vip(\"192.0.2.10\", #{ interface: \"eth0\" }); \
         `ipvsh show vips` lists them",
        "",
        &["vip"],
    ),
    row(
        &[
            "ip_forward",
            "send_redirects",
            "rp_filter",
            "conntrack",
            "内核参数",
        ],
        "it is a kernel setting: sysctl(\"net.ipv4.ip_forward\", 1); `ipvsh show sysctls` lists those \
         that are set",
        "",
        &["sysctl"],
    ),
];

/// What a word means here; none for what is not known.
pub fn meaning(word: &str) -> Option<Meaning> {
    of_table(word)
        .or_else(|| of_view(word))
        .or_else(|| of_value(word))
        .or_else(|| of_option(word))
        .or_else(|| of_function(word))
}

/// The function that a word of another language means, where it means nothing else; none for a
/// function's own name.
pub fn function_meant(word: &str) -> Option<&'static str> {
    let is_other = of_table(word).is_some()
        || of_view(word).is_some()
        || of_value(word).is_some()
        || of_option(word).is_some()
        || functions().any(|one| one.name == word);
    let mut all = functions();
    let function = all.find(|one| !is_other && one.words.contains(&word))?;
    Some(function.name)
}

/// The words of the table that begin like this.
pub fn words() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|row| row.words).copied()
}

/// What the table says of a word.
pub fn of_table(word: &str) -> Option<Meaning> {
    let is_it = |row: &&Synonym| row.words.iter().any(|one| one.eq_ignore_ascii_case(word));
    TABLE.iter().find(is_it).map(|row| Meaning {
        sentence: row.sentence.to_owned(),
        verb: Some(row.verb)
            .filter(|verb| !verb.is_empty())
            .map(str::to_owned),
        word: Some(row.word).filter(|word| !word.is_empty()),
        topics: row.topics,
    })
}

/// A sentence about something that is no verb.
fn said(sentence: String) -> Option<Meaning> {
    Some(Meaning {
        sentence,
        verb: None,
        word: None,
        topics: &[],
    })
}

fn of_view(word: &str) -> Option<Meaning> {
    let view = View::named(word)?;
    Some(Meaning {
        verb: Some(format!("show {}", view.name())),
        ..said(format!(
            "`ipvsh show {}`: {}",
            view.name(),
            view.facts().doc
        ))?
    })
}

fn of_value(word: &str) -> Option<Meaning> {
    let value = values::named(word).next()?;
    said(format!("it is a value: {}. {}", value.written(), value.doc))
}

fn of_option(word: &str) -> Option<Meaning> {
    let mut options = SERVICE.iter().chain(SERVER);
    let option = options.find(|option| option.name == word || option.words.contains(&word))?;
    said(format!("it is the option {}. {}", option.name, option.doc))
}

fn of_function(word: &str) -> Option<Meaning> {
    let mut all = functions();
    let function = all.find(|one| one.name == word || one.words.contains(&word))?;
    let signature = function.signatures().into_iter().next();
    let signature = signature.unwrap_or_else(|| function.full_name());
    said(format!(
        "it is a function of scripts, {signature}. {}",
        function.sentence()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_word_is_in_one_row() {
        let mut seen = BTreeSet::new();
        for word in words() {
            assert!(seen.insert(word.to_lowercase()), "{word} twice");
        }
    }

    #[test]
    fn words_of_other_tools_are_known() {
        let words = "ls list undo discard frontend backend balance roundrobin leastconn delay_loop \
                     vrrp gate masq arp_ignore fallback keepalived lb_algo lb_kind rs vs pool \
                     member node upstream sticky 权重 调度 持久 虚拟服务 真实服务器 转发 回滚 提交 快照";
        for word in words.split_whitespace() {
            assert!(meaning(word).is_some(), "{word}");
        }
        assert_eq!(meaning("undo").unwrap().verb.as_deref(), Some("rollback"));
        assert_eq!(
            meaning("timeouts").unwrap().verb.as_deref(),
            Some("show timeouts")
        );
        assert!(
            meaning("roundrobin")
                .unwrap()
                .sentence
                .contains("scheduler: \"rr\"")
        );
        assert_eq!(meaning("frobnicate"), None);
    }
}
