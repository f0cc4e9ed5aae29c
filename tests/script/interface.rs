//! What commands and the prompt use: values as a reader sees them, lines, endings.

use crate::lab::{Lab, Printed, render};
use ipvsh::script::{Ended, Interpreter, Shown, Source, is_incomplete};

#[track_caller]
fn line(interpreter: &mut Interpreter, text: &str) -> Shown {
    match interpreter.line(text) {
        Ok(Ended::Value(shown)) => shown,
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => panic!("{text}: {}", render(&error)),
    }
}

#[test]
fn values_are_shown_as_what_they_are() {
    let lab = Lab::new();
    let mut prompt = lab.interpreter();
    let mut shown = |text: &str| line(&mut prompt, text);
    assert!(matches!(shown("()"), Shown::Nothing));
    assert!(matches!(
        shown("let w = tcp(\"192.0.2.10:80\");"),
        Shown::Nothing
    ));
    assert!(matches!(shown("w"), Shown::Service(_)));
    assert!(matches!(shown("w.server(\"10.0.0.1\")"), Shown::Servers(s) if s.len() == 1));
    assert!(matches!(shown("w.servers()"), Shown::Servers(_)));
    assert!(
        matches!(shown("services().filter(|s| s.port == 80)"), Shown::Services(s) if s.len() == 1)
    );
    assert!(matches!(shown("plan()"), Shown::Plan(_)));
    assert!(matches!(shown("commit(\"x\")"), Shown::Report(_)));
    assert!(matches!(shown("history()"), Shown::History(h) if h[0].message == "x"));
    assert!(matches!(
        shown("history().filter(|s| s.id == 1)"),
        Shown::History(_)
    ));
    assert!(matches!(shown("diff()"), Shown::Difference(_)));
    assert!(matches!(shown("live()"), Shown::Live(_)));
    assert!(matches!(shown("let l = live(); l"), Shown::Live(_)));
    assert!(matches!(shown("timeouts()"), Shown::Timeouts(t) if t.tcp == Some(900)));
    shown("mark(7, #{ protocol: \"tcp\", to: \"192.0.2.1\", ports: [80] })");
    assert!(matches!(shown("marks()"), Shown::Marks(m) if m.len() == 1));
    assert!(matches!(
        shown("marks().filter(|m| m.mark == 7)"),
        Shown::Marks(_)
    ));
    assert!(matches!(shown("help()"), Shown::Text(_)));
    assert!(matches!(shown("\"x\""), Shown::Text(t) if t == "x"));
    assert!(matches!(shown("42"), Shown::Json(_)));
    assert!(matches!(shown("#{ a: [1, 2] }"), Shown::Json(_)));
    assert!(matches!(shown("[]"), Shown::Json(_)));
    assert!(matches!(shown("1..4"), Shown::Text(t) if t == "1..4"));
    assert!(matches!(shown("|x| x"), Shown::Text(t) if t == "a function"));
    assert!(matches!(
        shown("sync_daemon(\"master\", #{ interface: \"eth0\" })"),
        Shown::Setting(_)
    ));
    assert!(matches!(
        shown("try { tcp(1) } catch (e) { e }"),
        Shown::Nothing
    ));
}

#[test]
fn lines_of_the_prompt_build_on_each_other() {
    let lab = Lab::new();
    let mut prompt = lab.interpreter();
    line(
        &mut prompt,
        "let ip = \"10.0.0.1\"; const VIP = \"192.0.2.10:80\";",
    );
    line(&mut prompt, "fn add(w, ip) { w.server(ip) }");
    line(&mut prompt, "let w = tcp(VIP);");
    line(&mut prompt, "add(w, ip);");
    assert_eq!(prompt.session().staged(), 2);
    assert_eq!(prompt.variables(), ["VIP", "ip", "w"]);
    // A function is replaced by a later one, and an error takes back what its line began.
    line(
        &mut prompt,
        "fn add(w, ip) { w.server(ip).set(#{ weight: 9 }) }",
    );
    line(&mut prompt, "add(w, \"10.0.0.2\");");
    assert!(prompt.line("let lost = 1; boom()").is_err());
    assert_eq!(prompt.variables(), ["VIP", "ip", "w"]);
    let shown = line(&mut prompt, "w.servers().map(|s| s.weight)");
    assert!(matches!(shown, Shown::Json(v) if v == serde_json::json!([1, 9])));
    // An error names the function of an earlier line, and the line it is in.
    let error = prompt.line("add(ip)").unwrap_err();
    assert_eq!(error.hints(), ["it is defined as add(w, ip)"]);
    let error = prompt.line("print(vw)").unwrap_err();
    assert_eq!(error.hints(), ["did you mean \"w\"?"]);
    assert!(matches!(prompt.line("exit(3)"), Ok(Ended::Exit(3))));
    assert_eq!(
        lab.json()["services"],
        serde_json::json!([]),
        "the prompt commits nothing"
    );
}

#[test]
fn only_what_may_go_on_is_incomplete() {
    for text in [
        "if true {",
        "tcp(\"192.0.2.10:80\", #{",
        "let a = [1,",
        "let a = 1 +",
        "for s in services() {\n  print(s);",
        "/* a",
        "let a = `one\ntwo",
        "fn f(a) {",
        "tcp(",
        "let a =",
    ] {
        assert!(is_incomplete(text), "{text}");
    }
    for text in [
        "",
        "services()",
        "let a = 1;",
        "let a = \"abc",
        "tcp(\"192.0.2.10:80\"))",
        "}",
        "let new = 1;",
        "let a = 1 let b = 2",
        "if true { print(1) }",
        "/* a */ 1",
        "tcp(1) = 2",
    ] {
        assert!(!is_incomplete(text), "{text}");
    }
}

#[test]
fn the_end_of_a_run_commits_what_is_staged() {
    let lab = Lab::new();
    let run = lab.run("1 + 1");
    assert!(run.commit.unwrap().is_none(), "nothing named, no commit");
    let run = lab.run("tcp(\"192.0.2.10:80\")");
    assert!(run.commit.unwrap().unwrap().starts_with("snapshot 1"));
    let run = lab.run("tcp(\"192.0.2.11:80\"); commit(\"by hand\");");
    assert!(run.commit.unwrap().is_none());
    assert_eq!(run.reports.len(), 1);
    // A refusal at the end names the commits that stand.
    let error = lab
        .run("tcp(\"192.0.2.12:80\");\ncommit(\"one\");\ntcp(\"192.0.2.13:80\", #{ scheduler: \"twos\" });")
        .commit
        .unwrap_err();
    assert_eq!(error.hints().last().unwrap(), "snapshot 3 (line 2) stands");
    assert_eq!(error.kind().exit_status(), 4);
}

#[test]
fn reports_are_told_when_they_are_made() {
    let lab = Lab::new();
    let mut interpreter = lab.interpreter();
    let told = Printed::default();
    interpreter.set_output(told.clone());
    let mut listener = told.clone();
    interpreter.on_report(move |report| {
        use std::io::Write;
        writeln!(listener, "{}", report.snapshot().unwrap().id).unwrap();
    });
    let code = "print(\"a\"); tcp(\"192.0.2.10:80\"); commit(); print(\"b\"); tcp(\"192.0.2.11:80\"); commit();";
    interpreter.run(&Source::inline(code)).unwrap();
    assert_eq!(told.text(), "a\n1\nb\n2\n");
}

#[test]
fn syntax_is_checked_without_running() {
    let lab = Lab::new();
    let interpreter = lab.interpreter();
    interpreter
        .check_syntax(&Source::inline("tcp(\"192.0.2.10:80\"); commit();"))
        .unwrap();
    let error = interpreter
        .check_syntax(&Source::inline("let a = 1;\nlet b = ;"))
        .unwrap_err();
    assert_eq!(error.place().unwrap().line, 2);
    assert_eq!(lab.json()["services"], serde_json::json!([]));
}
