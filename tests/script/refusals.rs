//! What the API refuses before anything is sent: one case each, with the words of the refusal.
//!
//! The cases are in `refusals.txt`: a script on one line, its refusal below, an empty line.
//! `UPDATE=1 cargo test --test script refusals` writes the refusals anew: read them before you
//! believe them.

use std::path::Path;

use crate::lab::Lab;
use ipvsh::model::json;
use ipvsh::script::Source;
use serde_json::json;

#[test]
fn what_the_kernel_would_refuse_is_refused_before_anything_is_sent() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script/refusals.txt");
    let cases = std::fs::read_to_string(&path).unwrap();
    let mut told = String::new();
    for case in cases.split("\n\n").filter(|case| !case.trim().is_empty()) {
        let script = case.trim().lines().next().unwrap();
        let lab = Lab::new();
        let run = lab.run(script);
        assert_eq!(run.writes, 0, "{script}: something was sent");
        let error = match (&run.ended, &run.commit) {
            (Err(error), _) | (_, Err(error)) => error,
            _ => panic!("{script}: it was accepted"),
        };
        told += &format!("{script}\n{}: {error}\n", error.kind().name());
        for hint in error.hints() {
            told += &format!("Hint: {hint}\n");
        }
        told.push('\n');
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, told.trim_start()).unwrap();
        return;
    }
    assert_eq!(told.trim(), cases.trim());
    assert!(cases.matches("\nHint: ").count() >= 30, "cases are missing");
}

/// What the API refuses and a kernel holds: a server on another port, port 0 without persistence,
/// an engine that does not fit, one packet at a time on TCP.
fn only_a_kernel_holds() -> serde_json::Value {
    json!({ "services": [
        { "protocol": "tcp", "address": "192.0.2.1", "port": 0, "one_packet": true },
        { "protocol": "tcp", "address": "192.0.2.2", "port": 80, "persistent": 60, "engine": "sip",
          "servers": [{ "address": "10.0.0.1", "port": 8080, "forward": "direct" },
                      { "address": "10.0.0.2", "port": 80, "forward": "tunnel",
                        "tunnel": { "type": "gre", "port": 7, "checksum": "remote" } }] },
    ] })
}

#[test]
fn adopting_and_loading_hold_whatever_a_kernel_holds() {
    let lab = Lab::new();
    let rules = json::parse_ruleset(only_a_kernel_holds()).unwrap();
    lab.sim
        .edit(|live| live.rules.services = rules.services.clone());
    let before = lab.json();
    lab.run("adopt(); tcp(\"192.0.2.9:80\")").printed();
    lab.run("remove(find(\"192.0.2.9:80\"))").printed();
    assert_eq!(lab.json(), before);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.json");
    std::fs::write(&path, only_a_kernel_holds().to_string()).unwrap();
    let other = Lab::new();
    let code = format!("load({:?})", path.to_str().unwrap());
    crate::lab::run_on(other.session(), &Source::inline(&code), &[]).printed();
    assert_eq!(other.json()["services"], before["services"]);

    // What is set afterwards is said in so many words, and checked.
    let error = other
        .run("find(\"192.0.2.2:80\").set(#{ persistent: 70 })")
        .error();
    assert!(error.contains("sip is for UDP"), "{error}");
}
