//! `ipvsh doctor`, on the simulator: what it says, what it fixes, and what it leaves.

use insta::assert_snapshot;
use ipvsh::doctor::RULES;

use super::lab::Lab;

/// Two services: one whose hashing scheduler goes on choosing a quiesced server, one without servers.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        r#"tcp("192.0.2.10:80", #{ scheduler: "sh", servers: [
               #{ address: "10.0.0.11", weight: 0 }, "10.0.0.12"] });
           tcp("192.0.2.10:81")"#,
    ]);
    lab
}

#[test]
fn a_finding_is_told_with_its_cause_and_its_fix() {
    let lab = lab();
    assert_snapshot!(lab.run(&["doctor"]), @r#"
    no-servers (outage): a service without a real server that takes clients
      tcp 192.0.2.10:81: no real servers, so clients are refused
        fix   ipvsh --sim -e 'find("tcp 192.0.2.10:81").server("ADDRESS")'
        why   the kernel refuses every new client of the service
        seen  ipvsh --sim show services: no real server, or all at weight 0

    hashed-away (outage): a hashing scheduler still chooses a quiesced real server
      tcp 192.0.2.10:80: real server 10.0.0.11:80: weight 0, and the scheduler sh still maps clients to it: they are refused instead of going to another server
        fix   ipvsh --sim -e 'find("tcp 192.0.2.10:80").set(#{ flags: ["sh-fallback"] })'
        why   the clients that hash to it are refused instead of going to another server
        seen  ipvsh --sim show services: weight 0 under sh, mh or dh
    -- stderr
    note: could not look: vip-missing, on-link, loopback-vip, rp-filter, snat, conntrack, conn-reuse, server, next-boot (the kernel is simulated: there is no host to ask)
    2 findings; 23 rules looked
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["doctor", "no-servers", "--exit-code"]), @r#"
    no-servers (outage): a service without a real server that takes clients
      tcp 192.0.2.10:81: no real servers, so clients are refused
        fix   ipvsh --sim -e 'find("tcp 192.0.2.10:81").server("ADDRESS")'
        why   the kernel refuses every new client of the service
        seen  ipvsh --sim show services: no real server, or all at weight 0
    -- stderr
    1 finding; 1 rule looked
    -- status 10
    "#);
    assert_snapshot!(lab.run(&["doctor", "flags", "--exit-code"]), @r"
    no findings; 1 rule looked
    -- status 0
    ");
    assert_snapshot!(lab.run(&["doctor", "vip-missing", "redirects"]), @r"
    no findings; 1 rule looked
    -- stderr
    note: could not look: vip-missing (the kernel is simulated: there is no host to ask)
    -- status 0
    ");
    assert_snapshot!(lab.run(&["doctor", "flag"]), @r#"
    -- stderr
    Error: cannot look: there is no rule "flag"
    Hint: did you mean "flags"?
    Hint: the rules: ipvsh --sim doctor --help
    -- status 2
    "#);
    assert_snapshot!(lab.run(&["doctor", "flags", "--json"]), @r#"
    {
      "findings": [],
      "looked": [
        "flags"
      ],
      "not_looked": []
    }
    -- status 0
    "#);
    let code = r#"for f in doctor("hashed-away") { print(`${f.rule} ${f.kind} ${f.fix}`) }"#;
    assert_snapshot!(lab.run(&["-e", code]), @r#"
    hashed-away script find("tcp 192.0.2.10:80").set(#{ flags: ["sh-fallback"] })
    -- status 0
    "#);
}

#[test]
fn a_named_rule_is_fixed_in_one_snapshot_and_the_others_are_left() {
    let lab = lab();
    assert_snapshot!(lab.run(&["doctor", "--fix"]), @r#"
    no finding that --fix ends
    -- stderr
    note: not fixed: tcp 192.0.2.10:81: no real servers, so clients are refused. To do: ipvsh --sim -e 'find("tcp 192.0.2.10:81").server("ADDRESS")'
    note: not fixed: tcp 192.0.2.10:80: real server 10.0.0.11:80: weight 0, and the scheduler sh still maps clients to it: they are refused instead of going to another server. To do: ipvsh --sim doctor hashed-away --fix
    -- status 0
    "#);
    assert_snapshot!(lab.run(&["doctor", "hashed-away", "--fix"]), @r"
    tcp 192.0.2.10:80
      ~ flags none -> sh-fallback
    1 change planned, nothing done
    -- stderr
    Error: not committed: standard input is no terminal, so that nothing can ask
    Hint: to commit without a question: ipvsh --sim doctor hashed-away --fix -y
    -- status 1
    ");
    assert_snapshot!(lab.run(&["doctor", "hashed-away", "--fix", "-y"]), @r"
    tcp 192.0.2.10:80
      ~ flags none -> sh-fallback
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_snapshot!(lab.run(&["doctor", "hashed-away", "--exit-code"]), @r"
    no findings; 1 rule looked
    -- status 0
    ");
    assert_snapshot!(lab.run(&["doctor", "--plan"]), @r"
    -- stderr
    Error: options of a change go with --fix
    Hint: like: ipvsh --sim doctor --fix --plan
    -- status 2
    ");
    assert!(lab.run(&["history"]).contains("doctor: hashed-away"));
    lab.ok(&["rollback", "1"]);
    let said = lab.run(&["doctor", "hashed-away", "--exit-code"]);
    assert!(said.contains("-- status 10"), "{said}");
}

#[test]
fn rules_are_listed_and_completed() {
    let lab = Lab::new();
    let help = lab.run(&["doctor", "--help"]);
    let completed = lab.run(&["__complete", "--", "doctor", ""]);
    for rule in RULES {
        assert!(help.contains(&format!("\n  {}", rule.id)), "{}", rule.id);
        let line = format!("{}\t{}\n", rule.id, rule.title);
        assert!(completed.contains(&line), "{completed}");
    }
}
