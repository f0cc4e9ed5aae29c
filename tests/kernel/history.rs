//! The history on the kernel: revert, several commits at once, what a health checker did, and a
//! restore of all that can be.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::Value;

use crate::director::Director;
use crate::modules;

const WEB: &str = r#"tcp("192.0.2.10:80", #{ scheduler: "rr", forward: "masq", servers: [
    #{ address: "10.0.0.11:80", weight: 3 }, "10.0.0.12:80",
] });"#;

const MARKED: &str = r#"fwmark(666, #{ scheduler: "rr", servers: ["10.0.0.21"],
    marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80, 443] }] });"#;

#[test]
fn a_revert_undoes_one_snapshot_in_the_kernel() {
    let director = Director::alone();
    director.script(WEB).ended(0);
    director.script(MARKED).ended(0);
    let edit = r#"find("192.0.2.10:80").set(#{ persistent: 60 });
        find("192.0.2.10:80").find("10.0.0.11:80").set(#{ weight: 0 });
        mark(7, #{ to: "192.0.2.7" });
        timeouts(#{ tcp: 600 });"#;
    director.script(edit).ended(0);
    let other = r#"find("192.0.2.10:80").server("10.0.0.13:80");
        find("192.0.2.10:80").find("10.0.0.11:80").set(#{ upper: 100 });"#;
    director.script(other).ended(0);
    let writes = director.state();

    director.ipvsh(&["revert", "3"]).ended(0);
    let table = director.ipvsadm("-Sn");
    for line in [
        "-A -t 192.0.2.10:80 -s rr\n",
        "-a -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 3\n",
        "-a -t 192.0.2.10:80 -r 10.0.0.13:80 -m -w 1\n",
        "-A -f 666 -s rr\n",
    ] {
        assert!(table.contains(line), "{line}{table}");
    }
    // What came after it stays; -S does not print thresholds.
    let thresholds = director.ipvsadm("-Ln --thresholds");
    let upper = thresholds
        .lines()
        .find(|line| line.contains("10.0.0.11:80"));
    let words: Vec<&str> = upper.unwrap_or_default().split_whitespace().collect();
    assert_eq!(words.get(2), Some(&"100"), "{thresholds}");
    assert!(director.ipvsadm("-Ln --timeout").contains("900 120 300"));
    let rules = director.iptables("-t mangle -S");
    assert!(
        rules.contains("0x29a") && !rules.contains("0x7/"),
        "{rules}"
    );

    // Its own revert brings all of it back; so does a revert of the marks, and of that.
    director.ipvsh(&["revert", "head"]).ended(0);
    assert_eq!(director.state(), writes);
    director.ipvsh(&["revert", "2"]).ended(0);
    assert!(!director.ipvsadm("-Sn").contains("-f 666"));
    assert!(!director.iptables("-t mangle -S").contains("0x29a"));
    director.ipvsh(&["revert", "head"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn").lines().count(), 6);

    let refused = director.ipvsh(&["revert", "1"]).ended(1);
    assert!(
        refused
            .err
            .contains("cannot revert snapshot 1: it was changed again by snapshot 6"),
        "{}",
        refused.err
    );
}

/// On the simulator it is 20 (tests/cli).
const COMMITS: u64 = 8;

#[test]
fn commits_at_once_are_serialised_and_merged() {
    let director = Director::alone();
    director.script(WEB).ended(0);
    std::thread::scope(|scope| {
        for n in 1..=COMMITS {
            let director = &director;
            scope.spawn(move || {
                let code = format!(
                    r#"find("192.0.2.10:80").server("10.0.1.{n}:80"); udp("192.0.2.{n}:53")"#
                );
                let message = format!("number {n}");
                // Who waits 10 s in vain is told so, and tries again: the emulated machine is slow.
                let said =
                    std::iter::repeat_with(|| director.ipvsh(&["-m", &message, "-e", &code]))
                        .find(|said| !said.err.contains("holds it (waited 10 s)"));
                said.unwrap().ended(0);
            });
        }
    });
    let history = director.history();
    let ids: Vec<u64> = history
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=COMMITS + 1).rev().collect::<Vec<u64>>());
    for n in 1..=COMMITS {
        let message = Value::from(format!("number {n}"));
        assert!(
            history.iter().any(|one| one["message"] == message),
            "{n} is lost"
        );
    }
    let table = director.ipvsadm("-Sn");
    assert_eq!(
        table.lines().filter(|line| line.starts_with("-A")).count(),
        COMMITS as usize + 1
    );
    assert_eq!(
        table.lines().filter(|line| line.starts_with("-a")).count(),
        COMMITS as usize + 2
    );
    // The head is the union, and the kernel is as the head has it.
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
    director.ipvsadm("-C");
    director.ipvsh(&["restore"]).ended(0);
    let mut lines: Vec<String> = director.ipvsadm("-Sn").lines().map(str::to_owned).collect();
    let mut before: Vec<String> = table.lines().map(str::to_owned).collect();
    lines.sort();
    before.sort();
    assert_eq!(lines, before);
}

#[test]
fn a_health_checkers_weight_0_is_no_drift_where_that_is_asked() {
    let director = Director::alone();
    director.script(WEB).ended(0);
    director.ipvsadm("-e -t 192.0.2.10:80 -r 10.0.0.11:80 -m -w 0");
    director.ipvsadm("-A -t 192.0.2.99:80 -s wlc");
    let drift = director.ipvsh(&["plan", "--exit-code"]).ended(10);
    assert!(drift.out.contains("weight 0 -> 3"), "{}", drift.out);
    assert!(
        drift.err.contains("note: 1 service not managed by ipvsh"),
        "{}",
        drift.err
    );
    // A namespace without the VIP is a finding of the status.
    for (verb, status) in [("plan", 0), ("status", 10)] {
        let kept = director
            .ipvsh(&[verb, "--keep-weights", "--exit-code"])
            .ended(status);
        let said = format!("{}{}", kept.out, kept.err);
        assert!(
            said.contains("1 real server left at weight 0, as the kernel has them"),
            "{verb}: {said}"
        );
    }
    director.ipvsadm("-d -t 192.0.2.10:80 -r 10.0.0.12:80");
    director.ipvsh(&["restore", "--keep-weights"]).ended(0);
    let table = director.ipvsadm("-Sn");
    assert!(table.contains("10.0.0.11:80 -m -w 0") && table.contains("10.0.0.12:80 -m -w 1"));
    director.ipvsh(&["restore"]).ended(0);
    let table = director.ipvsadm("-Sn");
    assert!(table.contains("10.0.0.11:80 -m -w 3") && table.contains("192.0.2.99:80"));
    assert_eq!(director.history().len(), 1);
}

#[test]
fn marks_follow_their_service_in_a_best_effort() {
    let director = Director::alone();
    director.script(MARKED).ended(0);
    let marked = r#"fwmark(9, #{ scheduler: "fo", servers: ["10.0.0.9"],
        marks: [#{ to: "192.0.2.9" }] }); timeouts(#{ udp: 77 })"#;
    director.script(marked).ended(0);
    director.ipvsadm("-C");
    director.ipvsadm("--set 900 120 300");
    director.iptables("-t mangle -F");
    let (parts, again) = modules::without("fo", || {
        let restore = || director.ipvsh(&["restore", "--best-effort"]);
        (restore(), restore())
    });
    assert_eq!((parts.status, again.status), (6, 6), "{}", parts.err);
    for said in [
        "fwmark 9: cannot add",
        "fo",
        "rules of mark 9: left out: their service",
    ] {
        assert!(parts.err.contains(said), "{said}: {}", parts.err);
    }
    assert!(
        parts.out.contains("2 objects could not be done"),
        "{}",
        parts.out
    );
    let (table, rules) = (director.ipvsadm("-Sn"), director.iptables("-t mangle -S"));
    assert!(
        table.contains("-f 666") && !table.contains("-f 9 "),
        "{table}"
    );
    assert!(
        rules.contains("0x29a") && !rules.contains("0x9/"),
        "{rules}"
    );
    assert!(director.ipvsadm("-Ln --timeout").contains("900 120 77"));
    // The next attempt, with the module there, does what was missing, and only that.
    let rest = director.ipvsh(&["restore", "--best-effort"]).ended(0);
    assert!(!rest.out.contains("666"), "{}", rest.out);
    assert!(director.iptables("-t mangle -S").contains("0x9/"));
}

#[test]
fn the_drop_in_tells_the_system_log_each_change_and_who_made_it() {
    let director = Director::alone();
    let home = director.database().parent().unwrap().to_owned();
    let socket = home.join("log");
    let log = UnixDatagram::bind(&socket).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A mount namespace of its own, whose /dev has nothing but this log.
    let with_log = |words: &str, input: &str| {
        let script = format!(
            "mount -t tmpfs none /dev && ln -s {} /dev/log && printf '%b' '{input}' | exec {} ipvsadm {words}",
            socket.display(),
            env!("CARGO_BIN_EXE_ipvsh"),
        );
        director.exec("sh", &["-c", &script])
    };
    let entry = || {
        let mut bytes = [0; 2048];
        let length = log.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let (tag, text) = text.split_once("]: ").unwrap();
        assert!(tag.starts_with("<29>ipvsadm["), "{tag}");
        text.to_owned()
    };
    with_log("-A -t 192.0.2.1:80 -s rr", "").ended(0);
    assert_eq!(entry(), "alice (sudo): ipvsadm -A -t 192.0.2.1:80 -s rr");
    with_log("-Ln", "").ended(0);
    let lines = "-a -t 192.0.2.1:80 -r 10.0.0.1 -m\\n-D -t 192.0.2.9:80\\n";
    with_log("-R", lines).ended(255);
    assert_eq!(
        entry(),
        "alice (sudo): ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1 -m"
    );
    assert_eq!(
        entry(),
        "alice (sudo): ipvsadm -D -t 192.0.2.9:80: refused: No such service"
    );
    with_log("--atomic -C", "").ended(0);
    assert_eq!(entry(), "alice (sudo): ipvsadm -C");
    log.set_nonblocking(true).unwrap();
    assert!(log.recv(&mut [0; 16]).is_err(), "a list is no change");
}
