//! Completion and hints in a small world.

use super::super::hints;
use super::*;
use crate::kernel::Names as KernelNames;
use crate::model::SnapshotId;

struct Small {
    names: KernelNames,
}

impl World for Small {
    fn names(&self) -> &KernelNames {
        &self.names
    }

    fn services(&self) -> Vec<ServiceKey> {
        ["tcp 192.0.2.10:80", "tcp 192.0.2.9:443", "fwmark 7"]
            .map(|name| ServiceKey::parse(name).unwrap())
            .to_vec()
    }

    fn servers(&self, of: Option<&ServiceKey>) -> Vec<String> {
        let names: &[&str] = match of.map(ToString::to_string).as_deref() {
            Some("tcp 192.0.2.10:80") => &["10.0.0.11:80", "10.0.0.12:80"],
            Some(_) => &["10.0.0.21:443"],
            None => &["10.0.0.11:80", "10.0.0.12:80", "10.0.0.21:443"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn marks(&self) -> Vec<u32> {
        vec![7, 666]
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        [(12, vec!["before-upgrade"]), (11, vec![])]
            .into_iter()
            .map(|(id, tags)| Snapshot {
                id: SnapshotId(id),
                time: Default::default(),
                author: "root".to_owned(),
                message: format!("message {id}"),
                parent: None,
                rollback_of: None,
                revert_of: None,
                adopted: false,
                changes: 1,
                tally: None,
                origin: Default::default(),
                took: None,
                tags: tags.into_iter().map(str::to_owned).collect(),
            })
            .collect()
    }

    fn variables(&self) -> Vec<(String, Type)> {
        vec![
            ("web".to_owned(), Type::Service),
            ("weights".to_owned(), Type::Map),
        ]
    }

    fn service_of(&self, variable: &str) -> Option<ServiceKey> {
        (variable == "web").then(|| self.services()[0])
    }

    fn functions(&self) -> Vec<String> {
        vec!["weaken(server, by)".to_owned()]
    }

    fn interfaces(&self) -> Vec<String> {
        vec!["eth0".to_owned(), "lo".to_owned()]
    }

    fn files(&self, begun: &str) -> Vec<String> {
        let all = ["pools/", "web.json", "web.rhai"];
        let fits = all.into_iter().filter(|file| file.starts_with(begun));
        fits.map(str::to_owned).collect()
    }

    fn environment(&self) -> Vec<String> {
        vec!["HOME".to_owned()]
    }
}

fn small() -> Small {
    Small {
        names: KernelNames::of_debian(),
    }
}

/// What is offered at the end of a line.
fn offered(line: &str) -> Vec<String> {
    let (start, found) = complete(line, line.len(), &small());
    assert!(start <= line.len(), "{line}");
    found.into_iter().map(|one| one.text).collect()
}

#[track_caller]
fn offers(line: &str, expected: &[&str]) {
    assert_eq!(offered(line), expected, "{line}");
}

#[track_caller]
fn offers_also(line: &str, some: &[&str], none: &[&str]) {
    let all = offered(line);
    for one in some {
        assert!(all.iter().any(|text| text == one), "{line}: {one}: {all:?}");
    }
    for one in none {
        assert!(
            !all.iter().any(|text| text == one),
            "{line}: {one}: {all:?}"
        );
    }
}

#[test]
fn functions_words_and_variables_complete() {
    offers("timeo", &["timeouts"]);
    offers("if true { timeo", &["timeouts("]);
    offers("we", &["weaken(", "web", "weights"]);
    offers("stat", &["stats", "status"]);
    offers("let x = stat", &["stats("]);
    offers("parse_j", &["parse_json("]);
    offers("if true { sync_daemons", &["sync_daemons()"]);
    offers_also(
        "",
        &["tcp(", "plan", "web"],
        &["set(", "if", "probe(", "persistent", "sleep("],
    );
    // Comments, numbers and closed texts become nothing.
    offers("// tc", &[]);
    offers("`tc", &[]);
    offers("\"tcp\"", &[]);
}

#[test]
fn options_complete_by_the_function_and_the_map_around_them() {
    offers("tcp(\"192.0.2.1:80\", #{ sch", &["scheduler: "]);
    offers(
        "tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\", s",
        &["servers: ", "snat: "],
    );
    offers(
        "tcp(\"192.0.2.1:80\", #{ servers: [#{ ",
        &[
            "address: ",
            "check: ",
            "forward: ",
            "host: ",
            "lower: ",
            "tunnel: ",
            "upper: ",
            "weight: ",
        ],
    );
    offers(
        "tcp(\"a:1\", #{ servers: [#{ tunnel: #{ ch",
        &["checksum: "],
    );
    offers("tcp(\"a:1\", #{ check: #{ retr", &["retry_interval: "]);
    offers("fwmark(7, #{ marks: [#{ in", &["interface: "]);
    offers("mark(7, #{ from_", &["from_ports: "]);
    offers("web.set(#{ sched", &["scheduler: "]);
    offers("web.servers()[0].set(#{ w", &["weight: "]);
    offers("find(\"x\").set(#{ weigh", &[]);
    offers("timeouts(#{ t", &["tcp: ", "tcp_fin: "]);
    offers("#{ sch", &[]);
}

#[test]
fn values_complete_by_their_option() {
    offers("tcp(\"a:1\", #{ scheduler: \"w", &["wlc\"", "wrr\""]);
    offers(
        "tcp(\"a:1\", #{ forward: ",
        &["\"direct\"", "\"masq\"", "\"tunnel\""],
    );
    offers(
        "tcp(\"a:1\", #{ flags: [\"sh-",
        &["sh-fallback\"", "sh-port\""],
    );
    offers("udp(\"a:1\", #{ one_packet: t", &["true"]);
    offers("sync_daemon(\"m", &["master\""]);
    offers(
        "sync_daemon(\"master\", #{ interface: \"",
        &["eth0\"", "lo\""],
    );
    offers(
        "tcp(\"a:1\", #{ servers: [\"10.0.0.1",
        &["10.0.0.11:80\"", "10.0.0.12:80\""],
    );
    offers(
        "tcp(\"a:1\", #{ servers: [#{ address: \"10.0.0.2",
        &["10.0.0.21:443\""],
    );
    // What follows the cursor is not put in twice.
    let (_, found) = complete("sync_daemon(\"m\"", "sync_daemon(\"m".len(), &small());
    assert_eq!(found[0].text, "master");
}

#[test]
fn names_of_things_complete_within_quotes() {
    offers(
        "find(\"tcp",
        &["tcp 192.0.2.9:443\"", "tcp 192.0.2.10:80\""],
    );
    offers("find(\"192.0.2.1", &["192.0.2.10:80\""]);
    offers("remove(\"fw", &["fwmark 7\""]);
    offers("web.find(\"", &["10.0.0.11:80\"", "10.0.0.12:80\""]);
    offers("find(\"192.0.2.9:443\").find(\"", &["10.0.0.21:443\""]);
    offers(
        "tcp(\"192.0.2.10:80\").server(\"",
        &["10.0.0.11:80\"", "10.0.0.12:80\""],
    );
    offers("rollback(\"h", &["head\"", "head~1\""]);
    offers(
        "rollback(",
        &["11", "12", "\"before-upgrade\"", "\"head\"", "\"head~1\""],
    );
    offers("diff(11, \"be", &["before-upgrade\""]);
    offers("fwmark(", &["7", "666"]);
    offers("load(\"we", &["web.json\"", "web.rhai\""]);
    offers("load(\"po", &["pools/"]);
    offers("save(\"x\", \"j", &["json\""]);
    offers("import \"web.r", &["web.rhai\""]);
    offers("adopt(\"ti", &["timeouts\""]);
    offers(
        "adopt(\"sysctl net.ipv4.conf.eth0.arp_i",
        &["sysctl net.ipv4.conf.eth0.arp_ignore\""],
    );
    offers_also("sysctl(\"", &["net.ipv4.ip_forward\""], &[]);
    offers("vip(\"192.0.2.10\", #{ interface: \"e", &["eth0\""]);
    offers("vip(\"192.0.2.10\", #{ arp: \"s", &["silent\""]);
    offers("tunnel_device(\"g", &["gre0\""]);
    offers("env(\"HO", &["HOME\""]);
    offers(
        "remove(",
        &[
            "\"fwmark 7\"",
            "\"tcp 192.0.2.9:443\"",
            "\"tcp 192.0.2.10:80\"",
            "web",
        ],
    );
}

#[test]
fn members_complete_by_the_type_before_the_dot() {
    offers("web.serv", &["server(", "servers", "servers()"]);
    offers_also(
        "web.",
        &["set(", "scheduler", "active"],
        &["weight", "push("],
    );
    offers_also(
        "web.servers()[0].",
        &["set(", "weight", "service"],
        &["scheduler", "server("],
    );
    offers_also("for s in services() { s.", &["scheduler"], &["weight"]);
    offers_also("web.servers().", &["filter(", "len()"], &["set("]);
    offers_also("plan().", &["changes", "text"], &["set("]);
    offers("\"a\".to_u", &["to_upper()"]);
    offers("history()[0].mess", &["message"]);
    offers("weights.ke", &["keys()"]);
}

#[test]
fn topics_of_help_complete() {
    offers("?timeou", &["timeouts"]);
    offers(
        "help service.se",
        &["service.server", "service.servers", "service.set"],
    );
    offers("help(\"persist", &["persistent\""]);
}

#[test]
fn any_place_of_any_line_is_safe() {
    let line = "let é = tcp(\"192.0.2.1:80\", #{ servers: [#{ address: `${a}`, weight: 0x1 }] }).x[1]; // \"";
    for (at, _) in line.char_indices() {
        let (start, _) = complete(line, at, &small());
        assert!(start <= at);
        hints::signature(&line[..at], &small());
    }
    complete(line, 3000, &small());
}

#[test]
fn a_call_that_is_typed_says_how_it_goes_on() {
    for (line, hint) in [
        ("tcp(", Some("address [, options])")),
        ("tcp(\"a\"", Some(" [, options])")),
        ("tcp(\"a\", ", Some("[options])")),
        ("web.set(", Some("options)")),
        ("commit(", Some("[message] [, options])")),
        ("plan(", Some(")")),
        ("timeouts(#{ tcp: 1, ", Some("tcp_fin, udp")),
        ("sync_daemon(\"master\", #{ id:", Some("0 to 255")),
        ("commit(\"x\", #{ confirm:", Some("seconds, 1 to 86400")),
        ("tcp(\"a", None),
        ("1 + ", None),
        ("nobody(", None),
    ] {
        let said = hints::signature(line, &small());
        assert_eq!(said.as_deref(), hint, "{line}");
    }
}

#[test]
fn a_hint_stays_on_its_row() {
    assert_eq!(
        hints::fitting("[message]", 20, true).as_deref(),
        Some("[message]")
    );
    let long = "scheduler, flags, persistent, netmask";
    assert_eq!(
        hints::fitting(long, 20, true).as_deref(),
        Some("scheduler, flags, p…")
    );
    assert_eq!(
        hints::fitting(long, 20, false).as_deref(),
        Some("scheduler, flags,..."),
        "a terminal without UTF-8"
    );
    for room in [0, 1, 12] {
        assert_eq!(hints::fitting(long, room, true), None);
    }
}
