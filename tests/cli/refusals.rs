//! Bad input of all kinds: the documented status, and nothing changed.

use insta::assert_snapshot;

use super::lab::Lab;

#[test]
fn the_command_line() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["statsu"]), @r#"
    -- stderr
    Error: unrecognized verb 'statsu'
    Hint: did you mean "status"?
    Hint: usage: ipvsh [OPTIONS] [VERB]
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["foo.rhai"]), @r"
    -- stderr
    Error: unrecognized verb 'foo.rhai'
    Hint: to run a script: ipvsh --sim run foo.rhai
    -- status 2
    ");
    assert_snapshot!(lab.run(&["run"]), @r"
    -- stderr
    Error: the following required arguments were not provided: <SCRIPT>
    Hint: usage: ipvsh --sim run <SCRIPT> [ARGS]...
    -- status 2
    ");
    assert_snapshot!(lab.run(&["run", "--plna", "x"]), @r#"
    -- stderr
    Error: unexpected argument '--plna' found
    Hint: did you mean "--plan"?
    Hint: usage: ipvsh --sim run --plan <SCRIPT> [ARGS]...
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["--color", "alwys", "status"]), @r#"
    -- stderr
    Error: invalid value 'alwys' for '--color <WHEN>' [possible values: auto, always, never]
    Hint: did you mean "always"?
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["show", "sevices"]), @r#"
    -- stderr
    Error: there is no view 'sevices'
    Hint: did you mean "services"?
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["show", "timeouts", "tcp"]), @r"
    -- stderr
    Error: unexpected argument 'tcp'
    Hint: show timeouts takes no object
    -- status 2
    ");
    assert_snapshot!(lab.run(&["history", "tcp", "192.0.2.1:80", "extra"]), @r#"
    -- stderr
    Error: "tcp 192.0.2.1:80 extra" is not the name of a virtual service
    Hint: a name is like "tcp 192.0.2.10:80" or "fwmark 666"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["rollback", "0"]), @r"
    -- stderr
    Error: there is no snapshot 0
    Hint: snapshots are numbered from 1
    -- status 2
    ");
    assert_snapshot!(lab.run(&["rollback", "head~x"]), @r#"
    -- stderr
    Error: "head~x" is not a snapshot
    Hint: write head~2 for the second before the head
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["--plan", "status"]), @r"
    -- stderr
    Error: options of a change stand behind their verb
    Hint: like: ipvsh --sim run --plan SCRIPT
    -- status 2
    ");
    assert_snapshot!(lab.run(&["-e", "1", "status"]), @r"
    -- stderr
    Error: -e and a verb exclude each other
    Hint: -e CODE is a whole command: ipvsh --sim -e 'services()'
    -- status 2
    ");
    assert_snapshot!(lab.run(&["-q", "-v", "status"]), @r"
    -- stderr
    Error: the argument '--quiet' cannot be used with '--verbose'
    Hint: usage: ipvsh --sim --quiet
    -- status 2
    ");
    assert_snapshot!(lab.run(&["--db", "", "status"]), @r"
    -- stderr
    Error: a value is required for '--db <DIR>' but none was supplied
    Hint: what status takes: ipvsh --sim status --help
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "--top", "x"]), @r"
    -- stderr
    Error: invalid value 'x' for '--limit <N>': it is a number, 1 or more
    Hint: what show takes: ipvsh --sim show --help
    -- status 2
    ");
    assert_snapshot!(lab.run(&["show", "marks", "--top", "3"]), @r"
    -- stderr
    Error: --limit (--top) is for services and connections
    Hint: this is show marks
    -- status 2
    ");
}

/// What people type for an address, in a shell and in a script.
#[test]
fn every_wrong_address_is_answered() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["show", "tcp"]), @r#"
    -- stderr
    Error: "tcp": the address is missing
    Hint: a name is like "tcp 192.0.2.10:80" or "fwmark 666"
    Hint: to see all of them: ipvsh --sim show services
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["where", "10.0.0"]), @r#"
    -- stderr
    Error: "10.0.0" is not an IP address
    Hint: an IPv4 address has four numbers, like 192.0.2.10
    Hint: for a network: 10.0.0.0/24
    Hint: a filter is an address, a port or a network
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"tcp("10.0.0.1", 80)"#]), @r#"
    -- stderr
    Error: tcp: options must be a map, not 80
      --> -e:1:1
    1 | tcp("10.0.0.1", 80)
      | ^
    Hint: the port belongs to the address: "10.0.0.1:80"
    Hint: it is called as tcp(address [, options])
    -- status 1
    "#);
    for code in [r#"udp("10.0.0.1", "80")"#, r#"find("10.0.0.1", 80)"#] {
        let said = lab.run(&["-e", code]);
        let hint = "Hint: the port belongs to the address: \"10.0.0.1:80\"\n";
        assert!(said.contains(hint), "{said}");
    }
    assert_snapshot!(lab.run(&["-e", r#"tcp("10.0.0.1", 80, #{})"#]), @r#"
    -- stderr
    Error: tcp cannot be called with text, a whole number and a map
      --> -e:1:1
    1 | tcp("10.0.0.1", 80, #{})
      | ^
    Hint: a port belongs to its address: "192.0.2.10:80"
    Hint: it is called as tcp(address [, options])
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"find("192.0.2.10:80").server("2001:db8::1", 80)"#]), @r#"
    -- stderr
    Error: service.server: options must be a map, not 80
      --> -e:1:23
    1 | find("192.0.2.10:80").server("2001:db8::1", 80)
      |                       ^
    Hint: the port belongs to the address: "[2001:db8::1]:80"
    Hint: it is called as service.server(address [, options])
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"tcp("$VIP:80")"#]), @r#"
    -- stderr
    Error: virtual service tcp $VIP:80: "$VIP" is not an IP address
      --> -e:1:1
    1 | tcp("$VIP:80")
      | ^
    Hint: VIP was not replaced: a script replaces `${VIP}` within backticks, a shell "$VIP" within double quotes
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["-e", r#"tcp("2001:db8::1:80")"#]), @r#"
    -- stderr
    Error: virtual service tcp 2001:db8::1:80: a port is missing
      --> -e:1:1
    1 | tcp("2001:db8::1:80")
      | ^
    Hint: did you mean "[2001:db8::1]:80"?
    Hint: write "[2001:db8::1:80]:80"; port 0 stands for all ports and needs persistent
    -- status 1
    "#);
}

/// A program wrote the script.
#[test]
fn an_error_in_a_line_of_megabytes_is_shown_around_its_place() {
    let lab = Lab::new();
    let long = "x".repeat(1_000_000);
    for code in [
        format!("tpc(1); let a = \"{long}\";"),
        format!("let a = \"{long}\"; tpc(1);"),
        format!("tcp(\"{long}\")"),
        format!("{long}()"),
        format!("throw \"{long}\""),
    ] {
        let said = lab.said(&["run", &lab.script("a.rhai", &code)]);
        assert_eq!(said.status, 1);
        assert!(said.err.starts_with("Error: "), "{}", said.err);
        assert!(said.err.len() < 3_000, "{}", said.err);
    }
    // Rhai counts columns up to 65535 only: the place behind that is not known.
    let code = format!("let a = \"{long}\"; tpc(1);");
    let said = lab.said(&["run", &lab.script("a.rhai", &code)]);
    assert!(said.err.contains("a.rhai:1\n"), "{}", said.err);
    assert!(!said.err.contains('^'), "{}", said.err);
}

#[test]
fn names_that_mean_nothing() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run(&["show", "tpc", "192.0.2.10:80"]), @r#"
    -- stderr
    Error: "tpc 192.0.2.10:80": unknown protocol "tpc"
    Hint: did you mean "tcp"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["show", "marks", "0"]), @r"
    -- stderr
    Error: mark 0 is out of range
    Hint: a mark is 1 to 4294967295
    -- status 1
    ");
    assert_snapshot!(lab.run(&["history", "no such"]), @r#"
    -- stderr
    Error: "no such": unknown protocol "no"
    Hint: a name is like "tcp 192.0.2.10:80" or "fwmark 666"
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["adopt", "tcp", "192.0.2.99:80"]), @r#"
    -- stderr
    Error: virtual service tcp 192.0.2.99:80: cannot adopt: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "#);
    assert_snapshot!(lab.run(&["rollback", "99"]), @r"
    -- stderr
    Error: snapshot 99: there is no such snapshot
    Hint: the only snapshot is 1
    -- status 1
    ");
    assert_snapshot!(lab.run(&["plan", "nowhere"]), @r"
    -- stderr
    Error: snapshot nowhere: there is no such tag
    Hint: `ipvsh --sim history` lists numbers and tags
    -- status 1
    ");
    assert_snapshot!(lab.run(&["diff", "head~9"]), @r"
    -- stderr
    Error: snapshot head~9: history does not go back that far
    Hint: `ipvsh --sim history` lists what there is
    -- status 1
    ");
    assert_snapshot!(lab.run(&["run", "missing.rhai"]), @r"
    -- stderr
    Error: script missing.rhai: cannot read: No such file or directory (os error 2)
    -- status 1
    ");
}

#[test]
fn scripts_that_fail_change_nothing() {
    let lab = Lab::with_web();
    let before = lab.state();
    for (code, wants) in [
        ("throw \"stop\"", "stop"),
        ("let x = ;", "-->"),
        ("tcp(\"192.0.2.300:80\")", "192.0.2.300"),
        ("tcp(\"192.0.2.1:80000\")", "80000"),
        ("tcp(\"192.0.2.1\")", "a port is missing"),
        ("tcp(\"example.org:80\")", "example.org"),
        (
            "tcp(\"192.0.2.1:80\", #{ shceduler: \"rr\" })",
            "did you mean \"scheduler\"?",
        ),
        (
            "find(\"192.0.2.10:81\")",
            "did you mean \"tcp 192.0.2.10:80\"?",
        ),
        ("find(\"192.0.2.10:80\").weight = 1", ".set("),
        (
            "find(\"192.0.2.10:80\").find(\"10.0.0.11\").set(#{ weight: -1 })",
            "out of range",
        ),
        ("tcp(\"192.0.2.1:0\")", "persistent"),
        ("timeouts(#{ tcp: 0 })", "out of range"),
        ("rollback(99)", "99"),
        ("nonsense()", "nonsense"),
        ("timeouts(#{ tcp: 1 }); throw 1", "1"),
        ("let a = []; loop { a.push(a) }", ""),
    ] {
        let said = lab.said(&["-e", code]);
        assert_eq!(said.status, 1, "{code}: {}{}", said.out, said.err);
        assert!(said.err.starts_with("Error: "), "{code}: {}", said.err);
        assert!(said.err.contains(wants), "{code}: {}", said.err);
        assert!(!said.err.contains("Some("), "{code}: {}", said.err);
        assert_eq!(lab.state(), before, "{code}");
    }
}

#[test]
fn an_error_points_at_its_place() {
    let lab = Lab::with_web();
    let script = lab.script(
        "bad.rhai",
        "// weights\n\nlet web = find(\"192.0.2.10:80\");\nweb.find(\"10.0.0.99\").set(#{ weight: 2 });\n",
    );
    assert_snapshot!(lab.run(&["run", &script]), @r#"
    -- stderr
    Error: real server 10.0.0.99 of tcp 192.0.2.10:80: there is no such real server
      --> LAB/bad.rhai:4:5
    4 | web.find("10.0.0.99").set(#{ weight: 2 });
      |     ^
    Hint: it has 10.0.0.11:80, 10.0.0.12:80
    -- status 1
    "#);
}

#[test]
fn databases_of_another_kind() {
    let lab = Lab::with_web();
    assert_snapshot!(lab.run_plain(&["history"]), @r"
    -- stderr
    Error: database LAB/db: it was made for the simulator
    Hint: add --sim, or name another database: --db DIR
    -- status 1
    ");
}

#[test]
fn words_of_other_tools_are_answered_by_meaning() {
    let lab = Lab::new();
    assert_snapshot!(lab.run(&["undo"]), @r#"
    -- stderr
    Error: unrecognized verb 'undo'
    Hint: did you mean "rollback"?
    Hint: `ipvsh --sim rollback` undoes the last commit, `ipvsh --sim revert N` an older one; `discard` at the prompt drops what is staged
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["check", "tcp", "192.0.2.10:80"]), @r"
    -- stderr
    Error: script tcp: cannot read: No such file or directory (os error 2)
    Hint: check dry-runs a script, and looks at no service: ipvsh --sim check SCRIPT
    Hint: what is live of it: ipvsh --sim show tcp 192.0.2.10:80
    -- status 2
    ");
}
