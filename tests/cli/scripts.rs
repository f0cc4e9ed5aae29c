//! Scripts: from a file, from standard input, from the command line.

use std::io::Read;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use super::lab::{Lab, WEB};

#[test]
fn a_file_that_is_no_script_is_pointed_to_import() {
    let lab = Lab::new();
    for (name, text, what) in [
        ("rules", "-A -t 192.0.2.1:80 -s rr\n", "lines of ipvsadm"),
        (
            "lvs.sh",
            "#!/bin/sh\nipvsadm -A -t 192.0.2.1:80\n",
            "a shell script",
        ),
        (
            "vars",
            "VIP=192.0.2.1\nipvsadm -A -t $VIP:80\n",
            "lines of ipvsadm",
        ),
        ("rules.json", "{\"services\": []}\n", "a ruleset in JSON"),
    ] {
        lab.script(name, text);
        for verb in ["run", "check"] {
            let said = lab.run(&[verb, name]);
            let hint = format!("`ipvsh --sim import {name}` commits the rules in it");
            assert!(
                said.contains(what) && said.contains(&hint),
                "{verb} {name}: {said}"
            );
        }
        let said = lab.run_fed(&[], text);
        assert!(said.contains("`ipvsh --sim import -`"), "{said}");
    }
    lab.script(
        "keepalived.conf",
        "virtual_server 192.0.2.1 80 {\n lb_algo rr\n}\n",
    );
    let said = lab.run(&["run", "keepalived.conf"]);
    assert!(said.contains("the configuration of keepalived"), "{said}");
    // A script with a line of ipvsadm among its own is one with a mistake.
    lab.script("mixed", "print(\"x\");\nipvsadm -A -t 192.0.2.1:80 -s rr\n");
    let said = lab.run(&["run", "mixed"]);
    assert!(!said.contains("no script"), "{said}");
}

#[test]
fn values_of_one_liners() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["-e", "1 + 2"]), @r"
    3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "print(1)"]), @r"
    1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "\"a text\""]), @r"
    a text
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "\"a text\"", "--json"]), @r#"
    "a text"
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["-e", "[1, 2, 3]"]), @r"
    [1, 2, 3]
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "#{ a: 1, b: \"two\" }"]), @r"
    name  value
    a     1
    b     two
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "[#{ a: 1 }, #{ a: 2, b: true }]"]), @r"
    a  b
    1
    2  true
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "services()"]), @r"
    service            method  weight  active (live)  inactive (live)
    tcp 192.0.2.10:80  rr                          0                0
      10.0.0.11:80     masq         1              0                0
      10.0.0.12:80     masq         3              0                0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "find(\"192.0.2.10:80\")"]), @r"
    service            method  weight  active (live)  inactive (live)
    tcp 192.0.2.10:80  rr                          0                0
      10.0.0.11:80     masq         1              0                0
      10.0.0.12:80     masq         3              0                0
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "servers()"]), @r"
    server        method  weight  active (live)  inactive (live)  service
    10.0.0.11:80  masq         1              0                0  tcp 192.0.2.10:80
    10.0.0.12:80  masq         3              0                0  tcp 192.0.2.10:80
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "servers(\"10.0.0.12\")", "--json"]), @r#"
    [
      {
        "service": "tcp 192.0.2.10:80",
        "address": "10.0.0.12",
        "port": 80,
        "weight": 3,
        "forward": "masq",
        "upper": 0,
        "lower": 0,
        "active": 0,
        "inactive": 0,
        "persistent_connections": 0
      }
    ]
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["-e", "find(\"192.0.2.10:80\").scheduler"]), @r"
    rr
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "history()"]), @r"
    snapshot  time                 author  changes  message
    1  TIME  AUTHOR  3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "plan()"]), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "diff()"]), @r"
    no differences between snapshot 1 and live
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "marks()"]), @r"
    []
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "timeouts()"]), @r"
    timeout  seconds
    tcp          900
    tcp_fin      120
    udp          300
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "live()"]), @r"
    service            method  weight  active  inactive
    tcp 192.0.2.10:80  rr                   0         0
      10.0.0.11:80     masq         1       0         0
      10.0.0.12:80     masq         3       0         0

    no mark rules

    timeout  seconds
    tcp          900  the kernel's default
    tcp_fin      120  the kernel's default
    udp          300  the kernel's default

    no sync daemons
    -- status 0
    ");
    assert_snapshot!(lab.run(&["-e", "()"]), @"-- status 0");
}

#[test]
fn a_script_is_run_and_committed() {
    let lab = Lab::new();
    let script = lab.script(
        "web.rhai",
        &format!("#!/usr/bin/env -S ipvsh run\n// purpose\nprint(`args ${{ARGS}}`);\n{WEB}\n"),
    );
    assert_snapshot!(lab.run(&["run", &script, "a", "-1", "--", "--plan"]), @r#"
    args ["a", "-1", "--plan"]
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    snapshot 1 (the first), 3 changes, verified. Undo: ipvsh --sim revert 1
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["run", &script]), @r"
    args []
    nothing to change
    -- status 0
    ");
    let said = lab.said(&["run", &script, "-v"]);
    assert!(said.err.contains("note: 0 changes sent to the kernel"));
    assert!(said.err.contains("note: took "));
}

#[test]
fn scripts_come_from_standard_input() {
    let lab = Lab::new();
    assert_snapshot!(lab.run_fed(&[], "timeouts(#{ tcp: 600 })"), @r"
    timeouts
      ~ tcp 900 -> 600
    snapshot 1 (the first), 1 change, verified. Undo: ipvsh --sim revert 1
    -- status 0
    ");
    assert_snapshot!(lab.run_fed(&["run", "-"], "timeouts(#{ tcp: 600 })"), @r"
    nothing to change
    -- status 0
    ");
    assert_snapshot!(lab.run_fed(&[], ""), @"-- status 0");
    assert_snapshot!(lab.run_fed(&[], "if true {"), @r#"
    -- stderr
    Error: "{" is not closed
      --> <stdin>:1:9
    1 | if true {
      |         ^
    Hint: write "}" at the end, or where it belongs
    -- status 1
    "#);
}

#[test]
fn exit_decides_what_is_committed() {
    let lab = Lab::new();
    let said = lab.said(&[
        "-e",
        "timeouts(#{ tcp: 600 }); exit(0); timeouts(#{ tcp: 1 })",
    ]);
    assert_eq!(said.status, 0);
    assert!(said.out.contains("snapshot 1 (the first)"), "{}", said.out);
    let before = lab.state();
    assert_snapshot!(lab.run(&["-e", "timeouts(#{ tcp: 700 }); exit(7)"]), @"-- status 7");
    assert_snapshot!(lab.run(&["-e", "exit(300)"]), @r"
    -- stderr
    Error: status 300 is out of range
      --> -e:1:1
    1 | exit(300)
      | ^
    Hint: a status is 0 to 255
    -- status 1
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn check_touches_nothing() {
    let lab = Lab::new();
    let script = lab.script("web.rhai", WEB);
    assert_snapshot!(lab.run(&["check", &script]), @r"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    3 changes planned, nothing done
    -- status 0
    ");
    assert!(!lab.database().exists());
    lab.ok(&["run", &script]);
    assert_snapshot!(lab.run(&["check", &script]), @r"
    nothing to change
    -- status 0
    ");
    let broken = lab.script("broken.rhai", "let x = ;\n");
    assert_snapshot!(lab.run(&["check", &broken]), @r#"
    -- stderr
    Error: ";" is not understood here
      --> LAB/broken.rhai:1:9
    1 | let x = ;
      |         ^
    -- status 1
    "#);
    let wrong = lab.script(
        "wrong.rhai",
        "\n  tcp(\"192.0.2.10:80\", #{ shceduler: \"rr\" });\n",
    );
    assert_snapshot!(lab.run(&["check", &wrong]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.10:80: unknown option "shceduler"
      --> LAB/wrong.rhai:2:27
    2 |   tcp("192.0.2.10:80", #{ shceduler: "rr" });
      |                           ^
    Hint: did you mean "scheduler"?
    -- status 1
    "#);
}

#[test]
fn check_tells_every_problem() {
    let lab = Lab::new();
    let script = lab.script(
        "bad.rhai",
        "let x = ;\nif false { tpc(\"192.0.2.10:80\"); }\nlet y = 1 +* 2;\n\
         tcp(\"192.0.2.10:80\", #{ lb_algo: \"rr\" });\n",
    );
    assert_snapshot!(lab.run(&["check", &script]), @r#"
    -- stderr
    Error: ";" is not understood here
      --> LAB/bad.rhai:1:9
    1 | let x = ;
      |         ^
    Error: there is no function tpc
      --> LAB/bad.rhai:2:12
    2 | if false { tpc("192.0.2.10:80"); }
      |            ^
    Hint: did you mean "tcp"?
    Error: "*" is not understood here
      --> LAB/bad.rhai:3:12
    3 | let y = 1 +* 2;
      |            ^
    Error: unknown option "lb_algo"
      --> LAB/bad.rhai:4:25
    4 | tcp("192.0.2.10:80", #{ lb_algo: "rr" });
      |                         ^
    Hint: did you mean "scheduler"?
    -- status 1
    "#);
}

#[test]
fn the_words_that_a_shell_completes() {
    let lab = Lab::with_web();
    lab.ok(&["tag", "1", "first-one"]);
    let complete = |words: &[&str]| {
        let mut args = vec!["__complete", "--"];
        args.extend(words);
        lab.ok(&args)
    };
    let of_sim = |words: &[&str]| {
        let mut all = vec!["--sim"];
        all.extend(words);
        complete(&all)
    };
    assert_snapshot!(complete(&["stat"]), @"status	Where things stand: head, drift, what does not work, foreign, boot restore, database; what to do");
    assert_snapshot!(of_sim(&["rollback", ""]), @r"
    1	+tcp 192.0.2.10:80 with 2 servers
    first-one	snapshot 1
    head	snapshot 1
    ");
    assert_snapshot!(of_sim(&["show", "192"]), @"192.0.2.10:80	tcp, rr");
    assert_snapshot!(of_sim(&["history", "tcp", ""]), @"192.0.2.10:80	rr");
    assert_snapshot!(of_sim(&["drain", "192.0.2.10:80", ""]), @r"
    10.0.0.11:80
    10.0.0.12:80
    ");
    assert_snapshot!(of_sim(&["weight", ""]), @r"
    10.0.0.11:80	real server
    10.0.0.12:80	real server
    ");
    assert_snapshot!(of_sim(&["weight", "10.0.0.11:80", "3", ""]), @"192.0.2.10:80	tcp, rr");
    assert_eq!(of_sim(&["disable", ""]), of_sim(&["weight", ""]));
    assert_eq!(
        of_sim(&["enable", "10.0.0.12"]),
        "10.0.0.12:80\treal server\n"
    );
    assert_snapshot!(of_sim(&["drain", ""]), @r"
    192.0.2.10:80	tcp, rr
    10.0.0.11:80	real server
    10.0.0.12:80	real server
    ");
    assert_snapshot!(of_sim(&["where", ""]), @r"
    10.0.0.11:80	real server
    10.0.0.12:80	real server
    192.0.2.10	VIP
    ");
    assert_snapshot!(of_sim(&["shift", "192.0.2.10:80", "--from", ""]), @r"
    10.0.0.11:80
    10.0.0.12:80
    ");
    assert_snapshot!(complete(&["show", "connections", "--state", "SYN"]), @r"
    SYN_SENT
    SYN_RECV
    SYNACK
    ");
    assert_snapshot!(complete(&["show", "connections", "--sort", "-e"]), @r"
    -expires	largest first
    ");
    assert_snapshot!(complete(&["show", "--sort=w"]), @r"
    --sort=weight	smallest first
    ");
    assert_snapshot!(complete(&["top", "--sort", "c"]), @r"
    cps	smallest first
    ");
    assert_snapshot!(complete(&["show", "connections", "--count-by", "client"]), @r"
    client
    client/24
    client/64
    ");
    assert_snapshot!(complete(&["edit", "--again", ""]), @r"
    :files
    ");
    assert_snapshot!(complete(&["export", "--format", "r"]), @"rhai");
    assert_snapshot!(complete(&["--color", "a"]), @r"
    auto	On a terminal that has colours, unless NO_COLOR is set
    always	Always
    ");
    assert_snapshot!(complete(&["--color=n"]), @"--color=never	Never");
    assert_snapshot!(complete(&["run", ""]), @":files");
    assert_snapshot!(complete(&["completions", ""]), @r"
    bash
    fish
    zsh
    ");
    assert_snapshot!(of_sim(&["adopt", "sy"]), @"sysctl	a sysctl of this host");
    assert_snapshot!(of_sim(&["adopt", "sysctl", "net.ipv4.ip_f"]), @"net.ipv4.ip_forward	0");
    assert!(of_sim(&["show", "v"]).contains("vip\ta vip of this host\n"));
    assert!(complete(&["rollback", "--al"]).starts_with("--allow-removals\t"));
    assert!(
        !complete(&[""]).contains("__complete"),
        "what is hidden is not offered"
    );
}

#[test]
fn bash_completes_words_with_colons() {
    let lab = Lab::with_web();
    let script = lab.script("ipvsh.bash", &lab.ok(&["completions", "bash"]));
    let typed = |line: &str| {
        let ask = format!(
            "source {script}; COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}} COMP_CWORD=1; \
             COMP_POINT={}; _ipvsh \"$IPVSH\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            line.len()
        );
        let mut bash = std::process::Command::new("bash");
        let out = bash
            .args(["-c", &ask])
            .env("IPVSH", assert_cmd::cargo::cargo_bin("ipvsh"))
            .env("IPVSH_DB", lab.database())
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(typed("ipvsh stat"), "status\n");
    assert_eq!(typed("ipvsh --sim show 192.0.2"), "192.0.2.10:80\n");
    // bash takes what stands before the colon for a word of its own.
    assert_eq!(typed("ipvsh --sim show 192.0.2.10:8"), "80\n");
}

#[test]
fn the_manual_has_pages() {
    let lab = Lab::new();
    let page = |args: &[&str]| lab.ok(args).replace("\\-", "-");
    assert!(page(&["man"]).contains(".SH \"VERBS\""));
    assert!(page(&["man", "rollback"]).contains("--allow-removals"));
    assert!(page(&["man", "script"]).starts_with(".TH ipvsh-script 7"));
    assert_snapshot!(lab.run(&["man", "rolback"]), @r#"
    -- stderr
    Error: there is no page "rolback"
    Hint: did you mean "rollback"?
    -- status 2
    "#);
}

#[test]
fn the_manual_is_written_as_packages_want_it() {
    let lab = Lab::new();
    let place = lab.database().with_file_name("pages");
    std::fs::create_dir(&place).unwrap();
    let directory = place.to_str().unwrap();
    assert_eq!(lab.ok(&["man", "--output", directory]), "");
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    assert_eq!(read("ipvsh.1"), lab.ok(&["man"]));
    assert_eq!(read("ipvsh-rollback.1"), lab.ok(&["man", "rollback"]));
    assert_eq!(read("ipvsh-script.7"), lab.ok(&["man", "script"]));
    assert!(!place.join("ipvsh-watch.1").exists(), "a hidden verb");
    assert_snapshot!(lab.run(&["man", "-o", "/nowhere/pages"]), @r"
    -- stderr
    Error: cannot write /nowhere/pages/ipvsh.1: No such file or directory (os error 2)
    -- status 1
    ");
}

#[test]
fn check_does_not_need_the_database() {
    let lab = Lab::new();
    std::fs::create_dir(lab.database()).unwrap();
    std::fs::write(lab.database().join("something"), "else").unwrap();
    let script = lab.script("web.rhai", WEB);
    assert_snapshot!(lab.run(&["check", &script]), @r"
    + tcp 192.0.2.10:80  rr
      + server 10.0.0.11:80  masq weight 1
      + server 10.0.0.12:80  masq weight 3
    3 changes planned, nothing done
    -- stderr
    note: database LAB/db: it holds LAB/db/something but no FORMAT
    note: checking without the head, from nothing
    -- status 0
    ");
    assert_snapshot!(lab.run(&["run", &script]), @r"
    -- stderr
    Error: database LAB/db: it holds LAB/db/something but no FORMAT
    Hint: it is no database of ipvsh, and nothing in it was touched: name another, --db DIR
    -- status 1
    ");
    assert_snapshot!(lab.run(&["status"]), @r"
    head      cannot be read
    database  LAB/db (4 B)
    -- stderr
    Error: database LAB/db: it holds LAB/db/something but no FORMAT
    Hint: it is no database of ipvsh, and nothing in it was touched: name another, --db DIR
    -- status 1
    ");
}

#[test]
fn explicit_commits_stand_when_the_script_fails() {
    let lab = Lab::new();
    let script = lab.script(
        "half.rhai",
        "timeouts(#{ tcp: 600 });\ncommit(\"first\");\ntimeouts(#{ tcp: 700 });\nthrow \"no more\";\n",
    );
    assert_snapshot!(lab.run(&["run", &script]), @r#"
    timeouts
      ~ tcp 900 -> 600
    snapshot 1 (the first), 1 change, verified. Undo: ipvsh --sim revert 1
    -- stderr
    Error: no more
      --> LAB/half.rhai:4:1
    4 | throw "no more";
      | ^
    Hint: snapshot 1 (line 2) stands
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["history"]), @r"
    snapshot  time                 author  changes  message
    1  TIME  AUTHOR  ~1  first
    -- status 0
    ");
}

#[test]
fn a_signal_ends_a_script_and_nothing_is_committed() {
    let lab = Lab::new();
    let script = lab.script(
        "loop.rhai",
        "timeouts(#{ tcp: 600 });\nprint(\"go\");\nloop { }\n",
    );
    for (signal, name) in [("-INT", "SIGINT"), ("-TERM", "SIGTERM"), ("-HUP", "SIGHUP")] {
        let mut child = lab
            .command(&["run", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 3];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut line)
            .unwrap();
        let pid = child.id().to_string();
        Command::new("kill").args([signal, &pid]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains(&format!("interrupted by {name}")), "{err}");
        assert_eq!(lab.ok(&["history"]), "no snapshots yet\n");
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_script() {
    let lab = Lab::new();
    let code = "timeouts(#{ tcp: 600 }); loop { print(\"more\") }";
    let mut child = lab
        .command(&["-e", code])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut line)
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lab.ok(&["history"]), "no snapshots yet\n");
}

#[test]
fn other_programs_read_what_a_script_would_do() {
    let lab = Lab::with_web();
    let script = lab.script(
        "two.rhai",
        "tcp(\"192.0.2.20:80\", #{ servers: [\"10.0.0.21\"] });\n\
         commit(\"first\");\n\
         find(\"192.0.2.10:80\").find(\"10.0.0.11:80\").set(#{ weight: 0 });\n",
    );
    let text = lab.ok(&["run", "--plan", "--json", &script]);
    let plans: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    // One for the script's own commit, one for what it staged at its end.
    let steps: Vec<String> = plans
        .iter()
        .map(|plan| {
            assert_eq!(plan["outcome"], "planned");
            let steps = plan["changes"].as_array().unwrap().iter();
            let words = steps.map(|step| {
                let said = ["action", "object", "part", "detail"].map(|key| &step[key]);
                said.map(|value| value.as_str().unwrap_or("-")).join(" | ")
            });
            words.collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert_snapshot!(steps.join("\n\n"), @r"
    add | tcp 192.0.2.20:80 | - | wlc
    add | tcp 192.0.2.20:80 | server 10.0.0.21:80 | direct weight 1

    change | tcp 192.0.2.10:80 | server 10.0.0.11:80 | weight 1 -> 0
    ");
    let text = lab.ok(&["plan", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["changes"], serde_json::json!([]));
}

#[test]
fn what_a_failing_script_committed_is_named() {
    let lab = Lab::with_web();
    let script = lab.script(
        "half.rhai",
        "tcp(\"192.0.2.20:80\", #{ servers: [\"10.0.0.21\"] });\ncommit(\"first\");\nfind(\"192.0.2.99:80\");\n",
    );
    assert_snapshot!(lab.run(&["run", &script]), @r#"
    + tcp 192.0.2.20:80  wlc
      + server 10.0.0.21:80  direct weight 1
    snapshot 2 (1 before), 2 changes, verified. Undo: ipvsh --sim rollback 1
    -- stderr
    Error: virtual service 192.0.2.99:80: there is no such virtual service
      --> LAB/half.rhai:3:1
    3 | find("192.0.2.99:80");
      | ^
    Hint: did you mean "tcp 192.0.2.10:80"?
    Hint: snapshot 2 (line 2) stands
    -- status 1
    "#);
}

#[test]
fn a_script_says_how_many_arguments_it_wants() {
    let lab = Lab::new();
    let script = lab.script("four.rhai", "let of = [ARGS[0], ARGS[3]];\n");
    assert_snapshot!(lab.run(&["run", &script, "a", "b"]), @r"
    -- stderr
    Error: this script wants at least 4 arguments, and was given only 2
      --> LAB/four.rhai:1:25
    1 | let of = [ARGS[0], ARGS[3]];
      |                         ^
    Hint: ipvsh --sim run LAB/four.rhai ARGUMENTS...
    -- status 1
    ");
}
