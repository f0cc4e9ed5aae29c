//! The limits of scripts, also run in a release build: Rhai's own defaults differ there.
//!
//! Every script here would otherwise never end, fill the memory, or overflow the stack.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "script/lab.rs"]
mod lab;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipvsh::script::limits;
use lab::Lab;

/// Lets one test run at a time: what a script takes of memory is what its process takes.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs some code on the stack that `main` gives, and shows its error.
#[track_caller]
fn error(code: &str) -> String {
    limits::with_stack(|| Lab::new().run(code).error()).unwrap()
}

#[track_caller]
fn stops(code: &str, wants: &str) {
    let error = error(code);
    let end: String = error.chars().rev().take(400).collect();
    assert!(
        error.contains(wants),
        "{}",
        end.chars().rev().collect::<String>()
    );
}

#[test]
fn a_loop_without_an_end() {
    let _alone = alone();
    let start = Instant::now();
    stops("loop { }", "stopped after 200 million operations");
    println!(
        "{:?} for {} operations",
        start.elapsed(),
        limits::OPERATIONS
    );
}

#[test]
fn functions_that_call_themselves() {
    let _alone = alone();
    let calls = "functions call each other more than 64 deep";
    stops("fn f(n) { f(n + 1) } f(0)", calls);
    stops("fn f(n) { g(n) } fn g(n) { f(n) } f(0)", calls);
    stops("let f = |g| g.call(g); f.call(f)", calls);
    stops("fn f(n) { [1].map(|x| f(n + x)) } f(0)", calls);
    // The most stack that a level can take: everything nested as deep as it may be.
    for (open, close, levels) in [
        ("(1+", ")", 60),
        ("if true {", "}", 40),
        ("#{a:[", "]}", 20),
        ("`${", "}`", 30),
    ] {
        let body = format!("{}f(n + 1){}", open.repeat(levels), close.repeat(levels));
        stops(&format!("fn f(n) {{ {body} }} f(0)"), calls);
    }
}

#[test]
fn expressions_that_are_nested() {
    let _alone = alone();
    let n = 50_000;
    for (before, open, middle, close) in [
        ("", "(", "1", ")"),
        ("", "[", "", "]"),
        ("", "#{a:", "1", "}"),
        ("", "{", "1", "}"),
        ("", "!", "true", ""),
        ("", "- ", "1", ""),
        ("", "|x| ", "1", ""),
        ("if false {} ", "else if false {}", "", ""),
        ("", "1+", "1", ""),
        ("", "true && ", "true", ""),
        ("", "() ?? ", "1", ""),
        ("let a = #{}; a", ".b", "", ""),
        ("let a = #{}; a", "?.b", "", ""),
        ("let a = [1]; a", "[0]", "", ""),
        ("let a = \"x\"; a", ".to_string()", "", ""),
        ("", "f(", "1", ")"),
        ("", "if true {", "1", "}"),
        ("", "while true {", "break;", "}"),
        ("", "try {", "1", "} catch {}"),
        ("", "`${", "1", "}`"),
        ("", "switch 1 { 1 => ", "1", "}"),
        ("", "1 in [", "1", "]"),
    ] {
        let code = format!("{before}{}{middle}{}", open.repeat(n), close.repeat(n));
        stops(&code, "it is nested too deep");
    }
    // Not nested: as long as one likes.
    let long = "let a = 1;\n".repeat(20_000);
    limits::with_stack(|| Lab::new().run(&long).printed()).unwrap();
    let comment = format!("{}{}", "/*".repeat(n), "*/".repeat(n));
    limits::with_stack(|| Lab::new().run(&comment).printed()).unwrap();
}

#[test]
fn values_that_hold_themselves() {
    let _alone = alone();
    let nested = "a is nested more than 200 deep";
    stops("let a = []; loop { a = [a]; }", nested);
    stops("let a = #{}; loop { a = #{ b: a }; }", nested);
    stops("let a = []; loop { a = [1, #{ b: a }, 2]; }", nested);
    stops(
        "let a = []; loop { let b = []; b.push(a); a = b; }",
        "is nested more than 200 deep",
    );
    stops(
        "fn wrap(a) { [a] } let a = 1; loop { a = wrap(a); }",
        nested,
    );
    stops(
        &format!("parse_json(\"{}\")", "[".repeat(100_000)),
        "recursion limit",
    );
}

/// Rhai frees, copies and prints by recursion: each of these ended in SIGSEGV.
#[test]
fn functions_that_hold_each_other() {
    let _alone = alone();
    let nested = "is nested more than 200 deep";
    let chain = "let f = || 1; for i in 0..500000 { let g = f; f = || g.call(); }";
    stops(chain, &format!("f {nested}"));
    stops(&format!("{chain} f.call()"), nested);
    stops(
        "let f = || 1; loop { let g = #{ f: [f] }; f = || g; }",
        nested,
    );
    // It holds itself, which is not deep until somebody follows it.
    let itself = "let a = 1; let f = || a; a = [f];";
    stops(&format!("{itself} print(a);"), nested);
    // A list that grows at its end: no variable that is used is deep.
    let list = "let end = (); let head = || end; let set = |v| end = v;
        for i in 0..N { let end = (); let next = || end; set.call(next); set = |v| end = v; }";
    let used = format!("{} head.call()", list.replace('N', "20000"));
    stops(&used, &format!("head {nested}"));
    // Nobody sees how deep it is: freeing it must do. A debug build takes a minute to the limit.
    if cfg!(debug_assertions) {
        limits::with_stack(|| Lab::new().run(&list.replace('N', "100000")).printed()).unwrap();
    } else {
        stops(&list.replace('N', "100000000"), "MiB of memory");
    }
}

#[test]
fn arrays_that_are_deep_where_nobody_looks() {
    let _alone = alone();
    let nested = "is nested more than 200 deep";
    let wide = "[1, 2, 3, 4, 5, 6, 7, 8]";
    let put = format!("let a = 0; loop {{ let b = {wide}; b[5] = a; a = b; }}");
    stops(&put, nested);
    let taken = format!("let a = 0; loop {{ let b = {wide}; b[5] = a.take(); a = b.take(); }}");
    stops(&taken, nested);
    // Without a variable that is read.
    let this = "fn w(n) { for i in 0..n { this = [this.take()]; } } let a = 1;";
    let shown = format!("{this} a.w(3000); print(a)");
    stops(&shown, nested);
    limits::with_stack(|| Lab::new().run(&format!("{this} a.w(3000);")).printed()).unwrap();
}

/// What is put into a map or an array element by element is measured by nothing of Rhai's.
#[test]
fn values_that_fill_the_memory() {
    let _alone = alone();
    let memory = "stopped: it took more than 512 MiB of memory";
    let text = "let s = \"x\"; for i in 0..20 { s += s; } let i = 0;";
    for code in [
        "let m = #{}; loop { i += 1; m[\"k\" + i] = s + \"a\"; }",
        "let a = []; a.pad(100000, 0); loop { a[i] = s + i; i += 1; }",
        "let f = || 0; let a = []; a.pad(100000, 0); loop { let t = s + i; a[i] = || t; i += 1; }",
    ] {
        let error = error(&format!("{text}\n{code}"));
        assert!(error.contains(memory), "{error}");
        assert!(error.starts_with("-e:2:"), "{error}");
        assert!(error.contains(" ^\n"), "{error}");
    }
    // It cannot be caught, and what was committed before it stands.
    let lab = Lab::new();
    let code = format!(
        "tcp(\"192.0.2.10:80\"); commit(\"before\"); {text} let m = #{{}};
         loop {{ try {{ loop {{ i += 1; m[\"k\" + i] = s + \"a\"; }} }} catch {{ }} }}"
    );
    let error = lab.run(&code).error();
    assert!(error.contains(memory), "{error}");
    assert!(error.contains("snapshot 1 (line 1) stands"), "{error}");
}

#[test]
fn values_that_grow() {
    let _alone = alone();
    let text = "a text grew above 32 MiB";
    let array = "an array grew above 250000 elements";
    let map = "a map grew above 500000 entries";
    stops("let a = \"x\"; loop { a += a; }", text);
    stops("let a = \"x\"; loop { a = a + a; }", text);
    stops("let a = \"x\"; loop { a = `${a}${a}`; }", text);
    stops("let a = \"\"; a.pad(100000000000, \"x\")", text);
    stops("let a = [\"x\"]; loop { a[0] += a[0]; }", text);
    stops("let a = [1]; loop { a += a; }", array);
    stops("let a = []; a.pad(100000000000, 1)", array);
    stops("blob(100000000000, 0)", array);
    stops(
        "let a = \"x\"; for i in 0..20 { a += a; } a.split(\"\")",
        array,
    );
    stops(
        "let a = []; for i in 0..1000 { a.push(#{ a: 1, b: 2, c: 3, d: 4 }); } \
         let b = []; loop { b += a; }",
        map,
    );
}

#[test]
fn too_many_of_anything() {
    let _alone = alone();
    let many = |unit: &str, n: usize| {
        (0..n)
            .map(|i| unit.replace('#', &i.to_string()))
            .collect::<String>()
    };
    stops(&many("let a# = 1;", 1_001), "more than 1000 variables");
    stops(&many("fn f#() {}", 1_001), "functions defined exceeds");
}

/// 10,000 services with 5 servers each, from one inventory.
fn inventory() -> String {
    let mut text = "{ \"services\": [".to_owned();
    for n in 0..10_000 {
        let comma = if n == 0 { "" } else { "," };
        text.push_str(&format!(
            "{comma}{{ \"vip\": \"10.{}.{}.1:80\", \"servers\": [",
            n / 250,
            n % 250
        ));
        for s in 1..=5 {
            let comma = if s == 1 { "" } else { "," };
            text.push_str(&format!(
                "{comma}{{ \"address\": \"172.16.0.{s}:80\", \"weight\": {s} }}"
            ));
        }
        text.push_str("] }");
    }
    text.push_str("] }");
    text
}

/// How long a release build may take; a debug build only has to get there.
#[track_caller]
fn within(seconds: u64, what: &str, start: Instant) {
    println!("{what}: {:?}", start.elapsed());
    if !cfg!(debug_assertions) {
        assert!(
            start.elapsed() < Duration::from_secs(seconds),
            "{what}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn ten_thousand_services_are_staged() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("inventory.json");
    std::fs::write(&path, inventory()).unwrap();
    let path = path.display();

    let start = Instant::now();
    let lab = Lab::new();
    let code = format!(
        "let inventory = parse_json(read(\"{path}\"));
         for s in inventory.services {{ tcp(s.vip, #{{ scheduler: \"wrr\", forward: \"masq\", servers: s.servers }}); }}
         print(services().len());"
    );
    let run = lab.run(&code);
    within(20, "an inventory, staged and committed", start);
    assert_eq!(run.printed(), "10000\n");

    let start = Instant::now();
    let run = lab.run(
        "for w in services() { for s in w.servers() { s.weight = 7; } } print(servers().len());",
    );
    within(20, "every server changed through a property", start);
    assert_eq!(run.printed(), "50000\n");

    let start = Instant::now();
    let run =
        lab.run("let sum = 0; for s in servers() { sum += s.active + s.weight; } print(sum);");
    within(20, "counters of every server", start);
    assert_eq!(run.printed(), "350000\n");
}

#[test]
fn ten_thousand_services_of_somebody_else_are_taken_over() {
    let _alone = alone();
    let lab = Lab::new();
    let start = Instant::now();
    lab.run("for n in 0..10000 { tcp(`10.${n / 250}.${n % 250}.1:80`).server(\"172.16.0.1\"); }")
        .printed();
    let rules = lab.sim.live();
    let other = Lab::new();
    other.sim.edit(|live| *live = rules);
    let run = other
        .run("for n in 0..10000 { tcp(`10.${n / 250}.${n % 250}.1:80`); } print(servers().len());");
    within(20, "taken over", start);
    assert_eq!(run.printed(), "10000\n");
}

#[test]
fn arrays_that_are_built_element_by_element() {
    let _alone = alone();
    let start = Instant::now();
    let code = "let a = []; for n in 0..10000 { a.push(#{ address: `10.0.0.${n}`, weight: 1 }); } print(a.len());";
    assert_eq!(Lab::new().run(code).printed(), "10000\n");
    within(20, "10,000 pushes", start);
}
