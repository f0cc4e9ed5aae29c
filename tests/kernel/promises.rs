//! What the README promises, seen on the kernel beside the real ipvsadm and iptables.

use crate::director::Director;
use crate::modules;

const FULL: &str = r#"
    tcp("192.0.2.10:80", #{ scheduler: "wrr", persistent: 300, netmask: 24, forward: "masq", servers: [
        #{ address: "10.0.0.11:8080", weight: 3, upper: 100, lower: 50 },
        "10.0.0.12:80",
    ] });
    udp("[2001:db8::10]:53", #{ scheduler: "sh", flags: ["sh-port"], servers: ["2001:db8:1::11"] });
    fwmark(666, #{ scheduler: "rr",
        marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80, 443, "8000-8100"] }],
        servers: ["10.0.0.21", "10.0.0.22"] });
    timeouts(#{ tcp: 800, tcp_fin: 100, udp: 200 });
"#;

#[test]
fn the_second_run_changes_nothing_and_writes_nothing() {
    let director = Director::alone();
    let first = director.script(FULL).ended(0);
    assert!(
        first.out.contains("snapshot 1 (the first)"),
        "{}",
        first.out
    );
    let state = director.state();
    let second = director.script(FULL).ended(0);
    assert_eq!(second.out, "nothing to change\n");
    assert_eq!(director.state(), state);
    assert_eq!(director.history().len(), 1);

    // Counted where it cannot be argued with: in the requests that leave the process.
    let path = director.database().parent().unwrap().join("script.rhai");
    let strace = [
        "-f",
        "-qq",
        "-xx",
        "-s",
        "65536",
        "-e",
        "trace=sendto,sendmsg,execve",
    ];
    let mut args: Vec<&str> = strace.to_vec();
    args.extend([env!("CARGO_BIN_EXE_ipvsh"), "run", path.to_str().unwrap()]);
    let traced = director.exec("strace", &args).ended(0);
    assert!(traced.err.contains("nlmsg_type=IPVS"), "{}", traced.err);
    assert_eq!(writes(&traced.err), Vec::<String>::new());
}

/// The calls of a trace that send an IPVS command that changes something, or run iptables to do
/// so (`-A -I -D -N -X -F`).
fn writes(trace: &str) -> Vec<String> {
    const CHANGING: [u8; 11] = [1, 2, 3, 5, 6, 7, 9, 10, 12, 16, 17];
    let hex = |text: &str| -> Vec<u8> {
        text.split("\\x")
            .skip(1)
            .filter_map(|b| u8::from_str_radix(b.get(..2)?, 16).ok())
            .collect()
    };
    let mut found = Vec::new();
    for line in trace.lines() {
        let strings: Vec<Vec<u8>> = line.split('"').skip(1).step_by(2).map(hex).collect();
        if line.contains("execve(") {
            let words: Vec<String> = strings
                .iter()
                .map(|s| String::from_utf8_lossy(s).into_owned())
                .collect();
            let changes = |w: &String| ["-A", "-I", "-D", "-N", "-X", "-F"].contains(&w.as_str());
            if words.iter().any(|w| w.contains("tables")) && words.iter().any(changes) {
                found.push(words.join(" "));
            }
            continue;
        }
        // strace names the family of each message, and prints what follows its header: the command.
        for message in line.split("nlmsg_type=IPVS").skip(1) {
            let command = message
                .split('"')
                .nth(1)
                .map(hex)
                .and_then(|bytes| bytes.first().copied());
            match command {
                Some(command) if !CHANGING.contains(&command) => {}
                other => found.push(format!("IPVS command {other:?}")),
            }
        }
    }
    found
}

#[test]
fn writes_are_seen_where_there_are_some() {
    let director = Director::alone();
    let strace = [
        "-f",
        "-qq",
        "-xx",
        "-s",
        "65536",
        "-e",
        "trace=sendto,sendmsg,execve",
    ];
    let mut args: Vec<&str> = strace.to_vec();
    let code = r#"fwmark(7, #{ marks: [#{ to: "192.0.2.1" }], servers: ["10.0.0.1"] })"#;
    args.extend([env!("CARGO_BIN_EXE_ipvsh"), "-e", code]);
    let traced = director.exec("strace", &args).ended(0);
    let found = writes(&traced.err);
    assert!(
        found.contains(&"IPVS command Some(1)".to_owned()),
        "{found:?}"
    );
    assert!(found.iter().any(|w| w.contains("tables")), "{found:?}");
}

#[test]
fn what_fails_changes_nothing() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    let (state, history) = (director.state(), director.history());
    let stage = r#"tcp("192.0.2.99:80", #{ servers: ["10.0.0.99"] });"#;
    for (status, script) in [
        (1, format!("{stage} throw \"no\";")),
        (1, format!("{stage} exit(1);")),
        (1, format!("{stage} let x = ;")),
        (1, format!("{stage} nosuch();")),
        (1, r#"tcp("192.0.2.300:80", #{});"#.to_owned()),
        (1, r#"tcp("www.example.org:80", #{});"#.to_owned()),
        (1, r#"tcp("192.0.2.1:http", #{});"#.to_owned()),
        (1, r#"tcp("192.0.2.1", #{});"#.to_owned()),
        (
            1,
            r#"tcp("192.0.2.1:80", #{ shceduler: "rr" });"#.to_owned(),
        ),
        (1, r#"tcp("192.0.2.1:80", #{ persistent: -1 });"#.to_owned()),
        (1, r#"tcp("192.0.2.1:0", #{});"#.to_owned()),
        (
            1,
            r#"tcp("192.0.2.1:80", #{ servers: ["10.0.0.1:81"] });"#.to_owned(),
        ),
        (1, r#"find("192.0.2.98:80");"#.to_owned()),
    ] {
        let said = director.script(&script).ended(status);
        assert!(
            said.err.starts_with("Error: ") || script.contains("exit(1)"),
            "{script}: {}",
            said.err
        );
        assert_eq!(director.state(), state, "{script}");
        assert_eq!(director.history(), history, "{script}");
    }
    director.ipvsh(&["run", "/nonexistent.rhai"]).ended(1);
    director.ipvsh(&["frobnicate"]).ended(2);
    assert_eq!(director.state(), state);
}

#[test]
fn a_scheduler_that_the_kernel_refuses_half_way_is_undone() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    let (state, history) = (director.state(), director.history());
    let said = director
        .script(
            r#"
            tcp("192.0.2.30:80", #{ servers: ["10.0.0.31", "10.0.0.32"] });
            find("192.0.2.10:80").set(#{ scheduler: "wlc" });
            tcp("192.0.2.31:80", #{ scheduler: "twos", servers: ["10.0.0.33"] });
            remove(find("fwmark 666"));
            timeouts(#{ tcp: 77 });
            "#,
        )
        .ended(4);
    assert!(said.err.contains("tcp 192.0.2.31:80"), "{}", said.err);
    assert!(said.err.contains("twos"), "{}", said.err);
    assert!(said.err.contains("ENOENT"), "{}", said.err);
    assert_eq!(director.state(), state);
    assert_eq!(director.history(), history);
}

#[test]
fn restore_brings_back_what_was_wiped() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    let state = director.state();
    director.ipvsadm("-C");
    director.ipvsadm("--set 11 22 33");
    director.iptables("-t mangle -F");
    assert_ne!(director.state(), state);
    let plan = director.ipvsh(&["plan", "--exit-code"]).ended(10);
    assert!(plan.out.contains("+ tcp 192.0.2.10:80"), "{}", plan.out);
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(director.state(), state);
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
    assert_eq!(
        director.ipvsh(&["restore"]).ended(0).out,
        "nothing to change\n"
    );
    assert_eq!(director.history().len(), 1);
}

#[test]
fn rollback_returns_to_the_first_of_six() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    let state = director.state();
    for code in [
        r#"tcp("192.0.2.11:80", #{ servers: ["10.0.0.1"] })"#,
        r#"find("192.0.2.10:80").set(#{ scheduler: "rr", persistent: 0 })"#,
        r#"remove(find("192.0.2.10:80"), "10.0.0.12:80")"#,
        r#"remove(find("fwmark 666"))"#,
    ] {
        director.ipvsh(&["-e", code]).ended(0);
    }
    assert_eq!(director.history().len(), 5);
    assert_ne!(director.state(), state);
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.state(), state);
    let history = director.history();
    assert_eq!(history.len(), 6);
    assert_eq!(history[0]["id"], 6);
    assert_eq!(history[0]["parent"], 5);
    assert_eq!(history[0]["message"], "rollback to 1");
}

#[test]
fn what_others_made_survives() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    director.ipvsadm("-A -t 198.51.100.1:80 -s rr");
    director.ipvsadm("-a -t 198.51.100.1:80 -r 10.9.9.9 -m -w 7");
    // A health checker takes a server of ours out.
    director.ipvsadm("-e -t 192.0.2.10:80 -r 10.0.0.12:80 -m -w 0");

    let said = director
        .ipvsh(&[
            "-e",
            r#"find("192.0.2.10:80").find("10.0.0.11:8080").set(#{ weight: 9 })"#,
        ])
        .ended(0);
    assert!(
        said.err.contains("1 difference from the head left alone"),
        "{}",
        said.err
    );
    let table = director.ipvsadm("-Sn");
    assert!(
        table.contains("-a -t 198.51.100.1:80 -r 10.9.9.9:80 -m -w 7"),
        "{table}"
    );
    assert!(table.contains("-r 10.0.0.12:80 -m -w 0"), "{table}");
    assert!(table.contains("-r 10.0.0.11:8080 -m -w 9"), "{table}");

    let plan = director.ipvsh(&["plan"]).ended(0);
    assert!(
        plan.err.contains("1 service not managed by ipvsh"),
        "{}",
        plan.err
    );
    assert!(plan.out.contains("10.0.0.12:80"), "{}", plan.out);
    assert!(
        director
            .ipvsh(&["show"])
            .ended(0)
            .out
            .contains("198.51.100.1:80")
    );

    let state = director.state();
    let said = director
        .ipvsh(&["-e", r#"tcp("198.51.100.1:80", #{ scheduler: "wlc" })"#])
        .ended(1);
    assert!(
        said.err.contains("ipvsh adopt \"tcp 198.51.100.1:80\""),
        "{}",
        said.err
    );
    assert_eq!(director.state(), state);

    // The way on that it named works.
    director.ipvsh(&["adopt", "tcp 198.51.100.1:80"]).ended(0);
    assert_eq!(director.state(), state);
    director
        .ipvsh(&["-e", r#"tcp("198.51.100.1:80", #{ scheduler: "wlc" })"#])
        .ended(0);
    assert!(
        director
            .ipvsadm("-Sn")
            .contains("-A -t 198.51.100.1:80 -s wlc")
    );

    // restore repairs what is ours, and only that.
    director.ipvsadm("-A -t 198.51.100.2:80 -s rr");
    director.ipvsh(&["restore"]).ended(0);
    let table = director.ipvsadm("-Sn");
    assert!(table.contains("198.51.100.2:80"), "{table}");
    assert!(table.contains("-r 10.0.0.12:80 -m -w 1"), "{table}");
    director.ipvsh(&["restore", "--exact", "-y"]).ended(0);
    assert!(!director.ipvsadm("-Sn").contains("198.51.100.2:80"));
}

#[test]
fn killed_between_any_two_steps_the_next_writer_undoes_it() {
    let change = r#"
        tcp("192.0.2.40:80", #{ servers: ["10.0.0.41", "10.0.0.42"] });
        find("192.0.2.10:80").set(#{ scheduler: "wlc" });
        find("192.0.2.10:80").find("10.0.0.12:80").set(#{ weight: 5 });
        remove(find("192.0.2.10:80"), "10.0.0.11:8080");
        fwmark(667, #{ marks: [#{ protocol: "udp", to: "192.0.2.21", ports: [53] }] });
        remove(find("fwmark 666"));
        remove(find("udp [2001:db8::10]:53"));
        timeouts(#{ udp: 99 });
    "#;
    let director = Director::alone();
    director.script(FULL).ended(0);
    let state = director.state();
    let steps = steps_of(&director, change);
    assert!(steps >= 9, "{steps}");
    let history = director.history();
    // Before each step is after the one before it; the last has an after of its own.
    let before = (1..=steps).map(|step| format!("kill-before-step={step}"));
    for fault in before.chain([format!("kill-after-step={steps}")]) {
        director.ipvsh_with_fault(&fault, &["-e", change]).ended(-1);
        let said = director.ipvsh(&["restore"]).ended(0);
        assert!(said.err.contains("it was undone"), "{fault}: {}", said.err);
        assert_eq!(director.state(), state, "{fault}");
    }
    assert_eq!(director.history(), history);

    // Those that only read report it, and leave it.
    director
        .ipvsh_with_fault("kill-after-step=2", &["-e", change])
        .ended(-1);
    for verb in ["status", "plan", "diff"] {
        let told = director.ipvsh(&[verb]).ended(0);
        assert!(
            format!("{}{}", told.out, told.err).contains("did not finish"),
            "{verb}"
        );
    }
    director
        .ipvsh(&["-e", r#"find("192.0.2.10:80").set(#{ scheduler: "rr" })"#])
        .ended(0);
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.state(), state);
    assert_eq!(director.history().len(), 3);
}

/// How many steps a change takes: a fault behind the last one is never met.
fn steps_of(director: &Director, change: &str) -> usize {
    let state = director.state();
    let steps = (1..100)
        .find(|step| {
            let fault = format!("fail-step={step}:ENOMEM");
            let said = director.ipvsh_with_fault(&fault, &["-e", change]);
            if said.status == 4 {
                assert_eq!(director.state(), state, "{fault}");
            }
            said.status == 0
        })
        .unwrap();
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.state(), state);
    // Back to a history of one snapshot: the database is thrown away and adopted anew.
    std::fs::remove_dir_all(director.database()).unwrap();
    director.ipvsh(&["adopt", "-m", "first"]).ended(0);
    steps - 1
}

#[test]
fn without_iptables_services_are_managed_as_ever() {
    let director = Director::alone();
    let hide = "for f in /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi; do \
                mount --bind /dev/null $f; done; exec \"$@\"";
    let run = |code: &str| {
        director.exec(
            "unshare",
            &[
                "-m",
                "sh",
                "-c",
                hide,
                "sh",
                env!("CARGO_BIN_EXE_ipvsh"),
                "-e",
                code,
            ],
        )
    };
    run(r#"tcp("192.0.2.1:80", #{ servers: ["10.0.0.1"] })"#).ended(0);
    assert!(director.ipvsadm("-Sn").contains("-A -t 192.0.2.1:80"));
    let said = run(r#"fwmark(1, #{ marks: [#{ to: "192.0.2.2" }] })"#).ended(3);
    assert!(said.err.contains("not available"), "{}", said.err);
    assert!(!director.ipvsadm("-Sn").contains("-f 1"));
}

#[test]
fn best_effort_restores_all_that_can_be() {
    let director = Director::alone();
    director.script(FULL).ended(0);
    director
        .ipvsh(&[
            "-e",
            r#"tcp("192.0.2.50:80", #{ scheduler: "fo", servers: ["10.0.0.1"] })"#,
        ])
        .ended(0);
    director.ipvsadm("-C");
    director.iptables("-t mangle -F");
    let (whole, parts) = modules::without("fo", || {
        let whole = director.ipvsh(&["restore"]);
        (whole, director.ipvsh(&["restore", "--best-effort"]))
    });
    assert_eq!(whole.status, 4, "{}", whole.err);
    assert_eq!(parts.status, 6, "{}", parts.err);
    assert!(parts.err.contains("tcp 192.0.2.50:80"), "{}", parts.err);
    let table = director.ipvsadm("-Sn");
    assert!(
        table.contains("-A -t 192.0.2.10:80") && table.contains("-A -f 666"),
        "{table}"
    );
    assert!(!table.contains("192.0.2.50"), "{table}");
    assert!(director.iptables("-t mangle -S").contains("0x29a"));
    director.ipvsh(&["restore"]).ended(0);
    assert!(director.ipvsadm("-Sn").contains("192.0.2.50"));
}
