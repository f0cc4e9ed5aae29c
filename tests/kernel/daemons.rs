//! Sync daemons through the whole of ipvsh: committed, changed, undone, restored, rolled back.

use crate::director::Director;

/// A director with two interfaces for daemons, which have IPv6 addresses at once.
fn director() -> Director {
    let director = Director::alone();
    for line in [
        "link add mc0 type veth peer name mc1",
        "addr add 10.200.0.1/24 dev mc0",
        "addr add 10.201.0.1/24 dev mc1",
        "addr add 2001:db8:200::1/64 dev mc0 nodad",
        "addr add 2001:db8:201::1/64 dev mc1 nodad",
        "addr add fe80::200/64 dev mc0 nodad",
        "addr add fe80::201/64 dev mc1 nodad",
        "link set mc0 mtu 9000",
        "link set mc0 up",
        "link set mc1 up",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        director.exec("ip", &words).ended(0);
    }
    director
}

fn daemons(director: &Director) -> String {
    director.ipvsadm("-L --daemon")
}

fn live(director: &Director) -> Vec<serde_json::Value> {
    let said = director.ipvsh(&["show", "daemons", "--json"]).ended(0);
    serde_json::from_str(&said.out).unwrap()
}

const BOTH: &str = r#"
    tcp("192.0.2.10:80", #{ servers: ["10.0.0.1"] });
    sync_daemon("master", #{ interface: "mc0", id: 0, ttl: 7, port: 8849, group: "239.1.2.3" });
    sync_daemon("backup", #{ interface: "mc1", id: 255 });
"#;

#[test]
fn daemons_are_committed_changed_restored_and_rolled_back() {
    let director = director();
    let said = director.script(BOTH).ended(0);
    assert!(
        said.out
            .contains("+ sync daemon backup  interface mc1 id 255"),
        "{}",
        said.out
    );
    let first = daemons(&director);
    assert!(
        first.contains("master sync daemon (mcast=mc0, syncid=0, maxlen=1472, group=239.1.2.3, port=8849, ttl=7)"),
        "{first}"
    );
    assert!(
        first.contains("backup sync daemon (mcast=mc1, syncid=255"),
        "{first}"
    );
    assert_eq!(director.script(BOTH).ended(0).out, "nothing to change\n");

    // A change is a stop and a start, and only of that one.
    let said = director
        .ipvsh(&[
            "-e",
            r#"sync_daemon("master", #{ interface: "mc0", id: 9 })"#,
        ])
        .ended(0);
    assert!(
        said.out.contains(
            "sync daemon master\n  ~ id 0 -> 9\n  ~ group 239.1.2.3 -> 224.0.0.81 (not named: default)"
        ),
        "{}",
        said.out
    );
    assert!(daemons(&director).contains("mcast=mc0, syncid=9, maxlen=1472, group=224.0.0.81"));

    // Stopped by somebody else: drift, which restore repairs.
    director.ipvsadm("--stop-daemon backup");
    assert!(
        director
            .ipvsh(&["plan", "--exit-code"])
            .ended(10)
            .out
            .contains("sync daemon backup")
    );
    assert!(
        director
            .ipvsh(&["diff"])
            .ended(0)
            .out
            .contains("- sync daemon backup")
    );
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(live(&director).len(), 2);

    director.ipvsh(&["rollback"]).ended(0);
    assert_eq!(daemons(&director), first);
    let said = director
        .ipvsh(&["-e", "for daemon in sync_daemons() { remove(daemon); }"])
        .ended(0);
    assert!(said.out.contains("- sync daemon master"), "{}", said.out);
    assert_eq!(daemons(&director), "");
}

#[test]
fn a_daemon_that_cannot_start_undoes_everything() {
    let director = director();
    director.script(BOTH).ended(0);
    let (state, running) = (director.state(), daemons(&director));
    for change in [
        r#"sync_daemon("backup", #{ interface: "nope0", id: 1 });"#,
        r#"sync_daemon("backup", #{ interface: "mc0", group: "10.0.0.1" });"#,
    ] {
        let script = format!(
            r#"tcp("192.0.2.10:80", #{{ scheduler: "rr", servers: ["10.0.0.2"] }});
            tcp("192.0.2.11:80");
            sync_daemon("master", #{{ interface: "mc1", id: 3 }});
            {change}"#
        );
        let said = director.script(&script);
        assert!([1, 4].contains(&said.status), "{}", said.err);
        assert!(said.err.contains("sync daemon backup"), "{}", said.err);
        assert_eq!(director.state(), state);
        assert_eq!(daemons(&director), running);
        assert_eq!(director.history().len(), 1);
    }
}

#[test]
fn daemons_stop_before_servers_change_and_start_after_them() {
    let director = director();
    director.script(BOTH).ended(0);
    let mixed = r#"
        for daemon in sync_daemons() { remove(daemon); }
        find("tcp 192.0.2.10:80").server("2001:db8:1::1", #{ forward: "tunnel" });
    "#;
    // The kernel has no server of another family while a daemon runs.
    director.script(mixed).ended(0);
    assert!(director.ipvsadm("-Sn").contains("[2001:db8:1::1]"));
    assert_eq!(daemons(&director), "");
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert!(!director.ipvsadm("-Sn").contains("[2001:db8:1::1]"));
    assert_eq!(live(&director).len(), 2);
}

#[test]
fn daemons_take_what_the_kernel_takes() {
    let director = director();
    for (options, wanted) in [
        (r#"interface: "mc0", group: "ff02::81""#, "group=ff02::81"),
        (
            r#"interface: "mc1", group: "ff05::1:5", id: 255, ttl: 255"#,
            "ttl=255",
        ),
        (r#"interface: "mc0", maxlen: 1"#, "maxlen=1,"),
        (
            r#"interface: "mc0", maxlen: 65507, port: 65535"#,
            "port=65535",
        ),
    ] {
        let code = format!(r#"sync_daemon("master", #{{ {options} }})"#);
        director.ipvsh(&["-e", &code]).ended(0);
        let listed = daemons(&director);
        assert!(listed.contains(wanted), "{options}: {listed}");
        assert_eq!(
            director.ipvsh(&["-e", &code]).ended(0).out.lines().last(),
            Some("nothing to change")
        );
    }
    // A backup listens to what its interface takes.
    director
        .ipvsh(&["-e", r#"sync_daemon("backup", #{ interface: "mc0" })"#])
        .ended(0);
    let live = live(&director);
    let backup = live
        .iter()
        .find(|daemon| daemon["role"] == "backup")
        .unwrap();
    assert_eq!(backup["maxlen"], 9000 - 28);
}
