//! `ipvsh import`: every format, merged and in place, and what is wrong in a file.

use insta::assert_snapshot;

use super::lab::Lab;

/// A shell script as they stand in /etc, with a service, a mark and things of its own.
const SCRIPT: &str = "#!/bin/sh
# the shop
modprobe ip_vs
echo 1 > /proc/sys/net/ipv4/ip_forward
/sbin/ipvsadm -C
/sbin/ipvsadm --set 900 0 0
/sbin/ipvsadm -A -t 192.0.2.10:80 -s wrr
/sbin/ipvsadm -a -t 192.0.2.10:80 -r 10.0.0.12 \\
    -m -w 5
iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
iptables -t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 666
ipvsadm -A -f 666 -s rr
ipvsadm --start-daemon master --mcast-interface eth0 --syncid 9
ipvsadm -L -n
exit 0
ipvsadm -A -t 192.0.2.99:80
";

#[test]
fn a_file_is_merged_with_what_is_there() {
    let lab = Lab::with_web();
    lab.ok(&["-e", r#"udp("192.0.2.10:53", #{})"#]);
    let file = lab.script("lvs.sh", SCRIPT);
    assert_snapshot!(lab.run(&["import", &file]), @r#"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wrr
      ~ server 10.0.0.12:80  weight 3 -> 5
    + fwmark 666  rr
      + mark tcp to 192.0.2.20 ports 80
    + sync daemon master  interface eth0 id 9
    snapshot 3 (2 before), 5 changes, verified. Undo: ipvsh --sim rollback 2
    -- stderr
    note: LAB/lvs.sh:3: ignored, not about rules: modprobe ip_vs
    note: LAB/lvs.sh:4: ignored, not about rules: echo 1 > /proc/sys/net/ipv4/ip_forward
    note: LAB/lvs.sh:5: ignored, it clears only what stands above it in this text: /sbin/ipvsadm -C
    note: LAB/lvs.sh:10: ignored, not a rule of the mangle table: iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
    note: LAB/lvs.sh:14: ignored, it only shows: ipvsadm -L -n
    note: LAB/lvs.sh:15: what follows is not read: exit
    note: fwmark 666: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("fwmark 666").server("ADDRESS")'
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["import", "-q", &file]), @"-- status 0");
    assert_snapshot!(lab.run(&["history", "-q"]), @r"
    snapshot  time                 author  changes  message
    3  TIME  AUTHOR  +3 ~2  import LAB/lvs.sh
    2  TIME  AUTHOR  +1  +udp 192.0.2.10:53
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
}

#[test]
fn a_file_takes_the_place_of_what_is_ours() {
    let lab = Lab::with_web();
    lab.ok(&[
        "-e",
        r#"timeouts(#{ udp: 60 }); udp("192.0.2.10:53", #{ servers: ["10.0.0.1"] })"#,
    ]);
    let before = lab.state();
    let rules = "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.0.0.12 -m -w 3\n";
    assert_snapshot!(lab.run_fed(&["import", "-", "--replace", "--plan"], rules), @"
    tcp 192.0.2.10:80
      - server 10.0.0.11:80  masq weight 1
    - udp 192.0.2.10:53  wlc
      - server 10.0.0.1:53  direct weight 1
    timeouts
      ~ udp 60 -> 300
    4 changes planned, nothing done
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    assert_snapshot!(lab.run_fed(&["import", "-", "--replace", "-m", "anew"], rules), @"
    tcp 192.0.2.10:80
      - server 10.0.0.11:80  masq weight 1
    - udp 192.0.2.10:53  wlc
      - server 10.0.0.1:53  direct weight 1
    timeouts
      ~ udp 60 -> 300
    snapshot 3 (2 before), 4 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-q"]), @r"
    snapshot  time                 author  changes  message
    3  TIME  AUTHOR  ~1 -3  anew
    2  TIME  AUTHOR  +2 ~1  +1 service, ~1 timeout
    1  TIME  AUTHOR  +3  +tcp 192.0.2.10:80 with 2 servers
    -- status 0
    ");
    let all = lab.ok(&["export", "--format", "ipvsadm"]);
    assert_eq!(all, rules.replace("10.0.0.12 ", "10.0.0.12:80 "));
}

#[test]
fn only_what_is_named_is_taken_from_a_file() {
    let lab = Lab::with_web();
    let file = lab.script("lvs.sh", SCRIPT);
    let only = |objects: &[&str], more: &[&str]| {
        let mut args = vec!["import", "-q", "--plan", &file];
        args.extend(objects.iter().flat_map(|object| ["--only", object]));
        args.extend(more);
        lab.run(&args)
    };
    assert_snapshot!(only(&["192.0.2.10:80"], &[]), @"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wrr
      ~ server 10.0.0.12:80  weight 3 -> 5
    -- status 0
    ");
    assert_snapshot!(only(&["192.0.2.10:80"], &["--replace"]), @"
    tcp 192.0.2.10:80
      ~ scheduler rr -> wrr
      - server 10.0.0.11:80  masq weight 1
      ~ server 10.0.0.12:80  weight 3 -> 5
    -- status 0
    ");
    assert_snapshot!(only(&["mark 666", "timeouts", "daemons"], &[]), @"
    fwmark 666
      + mark tcp to 192.0.2.20 ports 80
    + sync daemon master  interface eth0 id 9
    -- status 0
    ");
    assert_snapshot!(only(&["tcp 192.0.2.11:80"], &[]), @r#"
    -- stderr
    Error: tcp 192.0.2.11:80: cannot import: what is imported has nothing of that name
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(only(&["tcp 192.0.2:80"], &[]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2:80: cannot import: "192.0.2" is not an IP address
    Hint: an IPv4 address has four numbers, like 192.0.2.10
    -- status 1
    "#);
}

#[test]
fn everything_wrong_in_a_file_is_told_at_once() {
    let lab = Lab::with_web();
    let before = lab.state();
    let file = lab.script(
        "lvs.sh",
        "VIP=$(hostname -i)
if [ -x /sbin/ipvsadm ]; then
  ipvsadm -A -t $VIP:80 -s rr
fi
ipvsadm -A -t 192.0.2.10:443 -s rr -o
ipvsadm -a -t 192.0.2.10:443 -r 10.0.0.1
ipvsadm -A -t 192.0.2.10:8080 --shceduler rr
ipvsadm -a -t 192.0.2.10:25 -r 10.0.0.1
iptables -t mangle -A PREROUTING -m set --match-set x dst -j MARK --set-mark 1
",
    );
    assert_snapshot!(lab.run(&["import", &file]), @r#"
    -- stderr
    Error: what runs behind "if" is not known here
      --> LAB/lvs.sh:2
    2 | if [ -x /sbin/ipvsadm ]; then
    Hint: run the script and read what it made: ipvsadm -Sn, iptables-save -t mangle
    Error: "$" is for a shell, and this is none
      --> LAB/lvs.sh:3:17
    3 |   ipvsadm -A -t $VIP:80 -s rr
      |                 ^
    Error: virtual service tcp 192.0.2.10:443: one-packet scheduling is for UDP and fwmark services
      --> LAB/lvs.sh:5
    5 | ipvsadm -A -t 192.0.2.10:443 -s rr -o
    Error: "--shceduler" is not an option of a ruleset's lines
      --> LAB/lvs.sh:7
    7 | ipvsadm -A -t 192.0.2.10:8080 --shceduler rr
    Hint: did you mean "--scheduler"?
    Error: virtual service tcp 192.0.2.10:25: no line before this one adds it
      --> LAB/lvs.sh:8
    8 | ipvsadm -a -t 192.0.2.10:25 -r 10.0.0.1
    Error: "-m set" cannot be held by a mark rule
      --> LAB/lvs.sh:9
    9 | iptables -t mangle -A PREROUTING -m set --match-set x dst -j MARK --set-mark 1
    Hint: a rule selects by protocol, addresses, ports and incoming interface
    Hint: take the line out of the text, and keep the rule where it is
    -- status 1
    "#);
    let json = r#"{
  "services": [
    { "protocol": "tcp", "address": "192.0.2.10", "port": 80, "servers": [
      { "address": "10.0.0.1", "weight": -1 },
      { "address": "10.0.0.2", "wieght": 1 } ] },
    { "protocol": "tcp", "address": "192.0.2.11" }
  ]
}"#;
    assert_snapshot!(lab.run_fed(&["import", "-"], json), @r#"
    -- stderr
    Error: real server 10.0.0.1:80 of tcp 192.0.2.10:80: weight -1 is out of range
      --> <stdin>:4:7
    4 |       { "address": "10.0.0.1", "weight": -1 },
      |       ^
    Hint: a weight is 0 (quiesced) to 2147483647
    Error: real server 10.0.0.2:80 of tcp 192.0.2.10:80: unknown option "wieght"
      --> <stdin>:5:7
    5 |       { "address": "10.0.0.2", "wieght": 1 } ] },
      |       ^
    Hint: did you mean "weight"?
    Error: port is missing
      --> <stdin>:6:5
    6 |     { "protocol": "tcp", "address": "192.0.2.11" }
      |     ^
    -- status 1
    "#);
    assert_snapshot!(lab.run_fed(&["import", "-"], "{ \"services\": [,] }"), @r#"
    -- stderr
    Error: this is not JSON: expected value
      --> <stdin>:1:16
    1 | { "services": [,] }
      |                ^
    -- status 1
    "#);
    assert_snapshot!(lab.run_fed(&["import", "-"], ""), @"
    -- stderr
    Error: <stdin>: it is empty
    Hint: a ruleset without anything in it is {}
    -- status 1
    ");
    assert_snapshot!(lab.run_fed(&["import", "-"], "hello\n"), @"
    -- stderr
    Error: <stdin>: this is no ruleset in a format known here
    Hint: a ruleset is JSON, or lines as `ipvsadm -Sn` prints them
    -- status 1
    ");
    assert_snapshot!(lab.run_fed(&["import", "-"], "#!/bin/sh\nip link\n"), @"
    -- stderr
    Error: <stdin>: no line of it is a rule
    Hint: lines are as `ipvsadm -Sn` prints them, or begin with ipvsadm
    Hint: rules of iptables that set a mark are read too
    -- status 1
    ");
    assert_snapshot!(lab.run(&["import", "none.json"]), @"
    -- stderr
    Error: file none.json: cannot read: No such file or directory (os error 2)
    -- status 1
    ");
    assert_snapshot!(lab.run_fed(&["import", "-", "--format", "yaml"], ""), @r#"
    -- stderr
    Error: unknown format "yaml"
    Hint: a format is one of json, rhai, ipvsadm
    -- status 2
    "#);
    assert_eq!(lab.state(), before);
}

#[test]
fn a_script_is_imported_for_what_it_declares() {
    let lab = Lab::with_web();
    let before = lab.state();
    for (script, said) in [
        ("// x\ncommit(\"now\");", "run it: ipvsh --sim run <stdin>"),
        ("// x\nsleep(5);", "would sleep"),
        ("// x\nexit(3);", "it ends with exit(3)"),
        (
            "// x\nfind(\"192.0.2.10:80\");",
            "there is no such virtual service",
        ),
        (
            "// x\ntcp(\"192.0.2.10:0\", #{});",
            "port 0 (all ports) needs persistence",
        ),
        (
            "// x\ntcp(\"192.0.2.10:80\", #{ shceduler: 1 });",
            "<stdin>:2:25",
        ),
    ] {
        let told = lab.run_fed(&["import", "-"], script);
        assert!(told.contains(said), "{told}");
        assert!(told.ends_with("-- status 1\n"), "{told}");
    }
    assert_eq!(lab.state(), before);
    let script = "// more\nfor n in 1..3 { tcp(`192.0.2.10:${n}`, #{ scheduler: \"rr\" }); }";
    assert_snapshot!(lab.run_fed(&["import", "-"], script), @r#"
    + tcp 192.0.2.10:1  rr
    + tcp 192.0.2.10:2  rr
    snapshot 2 (1 before), 2 changes, verified. Undo: ipvsh --sim rollback 1
    -- stderr
    note: tcp 192.0.2.10:1: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("tcp 192.0.2.10:1").server("ADDRESS")'
    note: tcp 192.0.2.10:2: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("tcp 192.0.2.10:2").server("ADDRESS")'
    -- status 0
    "#);
}

#[test]
fn what_the_kernel_refuses_of_a_file_is_undone() {
    let lab = Lab::with_web();
    let before = lab.state();
    let rules = "-A -t 192.0.2.20:80 -s rr\n-A -t 192.0.2.21:80 -s twos\n";
    assert_snapshot!(lab.run_fed(&["import", "-"], rules), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.21:80: cannot add: unknown scheduler "twos" (ENOENT)
    Hint: this kernel has no module ip_vs_twos; it has: dh, fo, lblc, lblcr, lc, mh, nq, ovf, rr, sed, sh, wlc, wrr
    Hint: nothing changed: every step before it was undone
    -- status 4
    "#);
    assert_eq!(lab.state(), before);
}

#[test]
fn many_removals_are_refused_of_a_file_too() {
    let lab = Lab::new();
    lab.ok(&["-e", "for n in 1..=10 { tcp(`192.0.2.10:${n}`, #{}); }"]);
    let before = lab.state();
    let rules = "-A -t 192.0.2.10:1\n";
    assert_snapshot!(lab.run_fed(&["import", "-", "--replace"], rules), @r#"
    -- stderr
    Error: refused: this would remove 9 of 10 virtual services
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
    let said = lab.feed(&["import", "-", "--replace", "--allow-removals"], rules);
    assert_eq!(said.status, 0, "{}", said.err);
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let lab = Lab::new();
    lab.ok(&["-e", EVERYTHING]);
    let state = lab.ok(&["export"]);
    for format in ["json", "rhai", "ipvsadm"] {
        let said = lab.said(&["export", "--format", format]);
        let file = lab.script(&format!("rules.{format}"), &said.out);
        let other = Lab::new();
        if format == "ipvsadm" {
            assert!(said.err.contains("the rules of mark 666"), "{}", said.err);
            other.ok(&[
                "-e",
                "mark(666, [#{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80] }])",
            ]);
        } else {
            assert_eq!(said.err, "");
        }
        other.ok(&["import", &file]);
        assert_eq!(other.ok(&["export"]), state, "{format}");
        let again = other.ok(&["import", &file, "--only", "timeouts"]);
        assert_eq!(again, "nothing to change\n");
    }
}

/// Something of everything that every format holds, and a mark's rules.
const EVERYTHING: &str = concat!(
    include_str!("../common/everything.rhai"),
    r#"fwmark(666, #{ marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80] }] });"#,
);

/// A condition of a shell is one wherever the line ends, and nothing below it is taken.
#[test]
fn a_line_that_runs_only_on_a_condition_is_refused() {
    let lab = Lab::with_web();
    let before = lab.state();
    for (condition, operator) in [
        ("test -f X && \\", "&"),
        ("test -f X &&", "&&"),
        ("[ -f X ] ||", "||"),
        ("[[ -f X ]] && # why", "&&"),
        ("true && \\ ", " "),
        ("! test -f X &&", "!"),
        ("test -f X || exit 0", "||"),
        ("test -f X && {", "&&"),
        ("echo 1 |", "|"),
    ] {
        let text = format!("{condition}\nipvsadm -A -t 192.0.2.30:80 -s rr\n");
        let said = lab.run(&["import", &lab.script("lvs.sh", &text)]);
        assert!(said.contains(&format!("\"{operator}\"")), "{said}");
        assert!(said.contains("lvs.sh:1"), "{said}");
        assert!(said.ends_with("-- status 1\n"), "{said}");
        assert_eq!(lab.state(), before, "{condition}");
    }
}

#[test]
fn json_with_a_key_twice_is_refused() {
    let lab = Lab::with_web();
    let before = lab.state();
    let file = lab.script(
        "rules.json",
        r#"{
  "services": [{ "protocol": "tcp", "address": "192.0.2.30", "port": 80, "servers": [] }],
  "services": []
}"#,
    );
    assert_snapshot!(lab.run(&["import", &file]), @r#"
    -- stderr
    Error: the key "services" stands twice in one object
      --> LAB/rules.json:3:12
    3 |   "services": []
      |            ^
    Hint: keep one of the two
    -- status 1
    "#);
    let load = format!("load(\"{file}\")");
    assert_snapshot!(lab.run(&["-e", &load]), @r#"
    -- stderr
    Error: the key "services" stands twice in one object
      --> LAB/rules.json:3:12
    3 |   "services": []
      |            ^
    Hint: keep one of the two
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"parse_json(`{"a": [{"b": 1, "b": 2}]}`)"#]), @r#"
    -- stderr
    Error: the key "b" stands twice in one object at line 1 column 19
      --> -e:1:1
    1 | parse_json(`{"a": [{"b": 1, "b": 2}]}`)
      | ^
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
}
