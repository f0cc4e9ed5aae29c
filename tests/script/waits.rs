//! `drain` and `shift` in scripts: what they refuse, tell and take back.

use crate::lab::Lab;

const WEB: &str = "let web = tcp(\"192.0.2.10:80\", #{ scheduler: \"wrr\", servers: [\"10.0.0.1\", \
    #{ address: \"10.0.0.2\", weight: 0 }] }); commit();\n";

fn weights(lab: &Lab) -> Vec<i64> {
    let live = lab.json();
    let servers = live["services"][0]["servers"].as_array().unwrap();
    servers
        .iter()
        .map(|server| server["weight"].as_i64().unwrap())
        .collect()
}

#[test]
fn a_drain_commits_by_itself_and_the_script_goes_on() {
    let lab = Lab::new();
    let run = lab.run(&format!(
        "{WEB} let s = web.find(\"10.0.0.1\"); drain(s); print(s.weight);
         drain(s, #{{ then: \"restore\", timeout: 1.5 }}); print(s.weight);
         s.drain(#{{ then: \"remove\", inactive: true, persistent: true }}); print(web.servers().len());"
    ));
    assert_eq!(run.printed(), "0\n1\n1\n");
    let run = lab.run("for s in history() { print(s.message); }");
    assert_eq!(
        run.printed().lines().take(3).collect::<Vec<_>>(),
        [
            "drained: remove real server 10.0.0.1:80 of tcp 192.0.2.10:80",
            "drain real server 10.0.0.1:80 of tcp 192.0.2.10:80",
            "drained: restore the weight of real server 10.0.0.1:80 of tcp 192.0.2.10:80",
        ]
    );
}

#[test]
fn both_are_refused_while_changes_are_staged() {
    for call in [
        "drain(web.find(\"10.0.0.1\"));",
        "shift(web, \"10.0.0.1\", \"10.0.0.2\");",
    ] {
        let lab = Lab::new();
        let code = format!("{WEB} timeouts(#{{ tcp: 60 }}); {call}");
        let error = lab.run(&code).error();
        assert!(
            error.contains("1 change staged and not committed"),
            "{error}"
        );
        assert!(error.contains("snapshot 1 (line 1) stands"), "{error}");
        assert_eq!(weights(&lab), [1, 0]);
    }
}

#[test]
fn options_and_arguments_are_answered_in_words() {
    for (call, wants) in [
        (
            "drain(web)",
            "drain: server must be a real server, not a virtual service",
        ),
        (
            "drain(web.find(\"10.0.0.1\"), #{ timeout: -1 })",
            "timeout -1 is out of range",
        ),
        (
            "drain(web.find(\"10.0.0.1\"), #{ than: \"keep\" })",
            "did you mean \"then\"?",
        ),
        (
            "shift(web, \"10.0.0.1\", 5)",
            "to must be a real server, its address, or an array of them",
        ),
        (
            "shift(web, [\"10.0.0.1\", 5], \"10.0.0.2\")",
            "expected a real server or its address, not 5",
        ),
        (
            "shift(web, \"10.0.0.1\", \"10.0.0.3\")",
            "there is no such real server",
        ),
        (
            "shift(web, \"10.0.0.1\", \"10.0.0.2\", #{ check: true })",
            "check must be a function, not true",
        ),
        (
            "shift(web, \"10.0.0.1\", \"10.0.0.2\", #{ step: [1] })",
            "did you mean \"steps\"?",
        ),
        (
            "let o = tcp(\"192.0.2.11:80\", #{ servers: [\"10.0.0.1\"] }); commit(); \
             shift(web, o.find(\"10.0.0.1\"), \"10.0.0.2\")",
            "it is not a server of tcp 192.0.2.10:80",
        ),
    ] {
        let lab = Lab::new();
        let error = lab.run(&format!("{WEB} {call}")).error();
        assert!(error.contains(wants), "{call}: {error}");
        assert_eq!(weights(&lab), [1, 0], "{call}");
    }
}

#[test]
fn a_shift_asks_its_check_after_every_step() {
    let lab = Lab::new();
    let run = lab.run(&format!(
        "{WEB} let seen = [];
         shift(\"192.0.2.10:80\", web.find(\"10.0.0.1\"), [\"10.0.0.2\"], #{{ steps: [25, 100], pause: 0.1,
             check: || {{ seen.push(web.find(\"10.0.0.2\").weight); probe(\"127.0.0.1:1\") == false }} }});
         print(seen); print(history().len());"
    ));
    assert_eq!(run.printed(), "[1, 1]\n3\n");
    assert_eq!(weights(&lab), [0, 1]);
}

#[test]
fn a_check_that_fails_takes_the_shift_back() {
    for (check, wants) in [
        (
            "|| false",
            "aborted: tcp 192.0.2.10:80: shift aborted at 10 %: the check said no",
        ),
        ("|| throw \"no more\"", "shift aborted at 10 %: no more"),
        ("|| nosuch()", "there is no function nosuch"),
        ("|| 1", "check must give true or false, not 1"),
        ("|a| true", "shift aborted at 10 %"),
        ("|| find(\"192.0.2.99:80\")", "192.0.2.99:80"),
    ] {
        let lab = Lab::new();
        let call =
            format!("shift(web, \"10.0.0.1\", \"10.0.0.2\", #{{ pause: 0, check: {check} }});");
        let error = lab.run(&format!("{WEB} {call}")).error();
        assert!(error.contains(wants), "{check}: {error}");
        assert!(
            error.contains("the weights are as they were: snapshot 3"),
            "{check}: {error}"
        );
        assert!(error.contains("-e:2:"), "{check}: {error}");
        assert_eq!(weights(&lab), [1, 0], "{check}");
    }
    // What it raised can be caught.
    let lab = Lab::new();
    let run = lab.run(&format!(
        "{WEB} try {{ shift(web, \"10.0.0.1\", \"10.0.0.2\", #{{ pause: 0, check: || false }}); }}
         catch (err) {{ print(err.kind); }}"
    ));
    assert_eq!(run.printed(), "aborted\n");
}

#[test]
fn exit_in_a_check_takes_the_shift_back_and_ends_the_script() {
    let lab = Lab::new();
    let run = lab.run(&format!(
        "{WEB} shift(web, \"10.0.0.1\", \"10.0.0.2\", #{{ pause: 0, check: || exit(7) }}); print(1);"
    ));
    assert!(
        matches!(run.ended, Ok(ipvsh::script::Ended::Exit(7))),
        "{:?}",
        run.ended
    );
    assert_eq!(run.printed, "");
    assert_eq!(weights(&lab), [1, 0]);
}

#[test]
fn a_dry_run_shows_both_and_waits_for_nothing() {
    let lab = Lab::new();
    lab.run(WEB).printed();
    let run = lab.run_dry(
        "let web = find(\"192.0.2.10:80\");
         shift(web, \"10.0.0.1\", \"10.0.0.2\", #{ steps: [50, 100], pause: 3600, check: || false });
         drain(web.find(\"10.0.0.1\"), #{ then: \"remove\" });
         print(web.servers().len());",
    );
    assert_eq!(
        run.effects,
        [
            "would wait 3600 seconds at 50 %",
            "would wait 3600 seconds at 100 %",
            "would wait up to 600 seconds until real server 10.0.0.1:80 of tcp 192.0.2.10:80 has no \
             active connections",
        ]
    );
    assert_eq!(run.printed(), "1\n");
}
