//! Errors as a user sees them: the place with a caret, what is wrong, what to do.

use crate::lab::Lab;

/// Runs some code that fails and shows its error.
fn error(code: &str) -> String {
    match Lab::new().run(code) {
        run if run.ended.is_ok() && run.commit.is_ok() => format!("ENDED WELL: {:?}", run.ended),
        run => run.error(),
    }
}

/// What goes wrong, and the code that does it.
const CASES: &[(&str, &str)] = &[
    ("an unknown function", "tpc(\"192.0.2.10:80\");"),
    ("a function that is nowhere", "frobnicate(1);"),
    ("an unknown method", "tcp(\"192.0.2.10:80\").sevrers();"),
    ("an unknown variable", "let servers = 1;\nprint(sevrers);"),
    ("a function without parentheses", "for s in services { }"),
    (
        "a variable that a function cannot see",
        "let vip = \"192.0.2.10:80\";\nfn f() { tcp(vip) }\nf();",
    ),
    (
        "a word without quotes",
        "tcp(\"192.0.2.10:80\", #{ scheduler: wrr });",
    ),
    ("an argument of another type", "tcp(80);"),
    ("too many arguments", "tcp(\"192.0.2.10:80\", #{}, 1);"),
    (
        "a server where a service is wanted",
        "let s = tcp(\"192.0.2.10:80\").server(\"10.0.0.1\");\ns.server(\"10.0.0.2\");",
    ),
    (
        "an unknown option",
        "tcp(\"192.0.2.10:80\", #{ lb_algo: \"rr\" });",
    ),
    (
        "an option of another type",
        "tcp(\"192.0.2.10:80\", #{ persistent: \"long\" });",
    ),
    (
        "a function as an option",
        "tcp(\"192.0.2.10:80\", #{ scheduler: |x| x });",
    ),
    (
        "an option of a listed server",
        "tcp(\"192.0.2.10:80\", #{ servers: [\n  #{ address: \"10.0.0.1\", wieght: 1 },\n] });",
    ),
    ("a missing port", "tcp(\"192.0.2.10\");"),
    ("a host name", "tcp(\"www.example.org:80\");"),
    (
        "an assignment through a call",
        "let x = 1;\n  tcp(\"192.0.2.10:80\").weight = 1;",
    ),
    (
        "an assignment through an index of a call",
        "services()[0].scheduler = \"rr\";",
    ),
    (
        "an unknown property",
        "let w = tcp(\"192.0.2.10:80\");\nw.shceduler = \"rr\";",
    ),
    (
        "a property of a server on a service",
        "let w = tcp(\"192.0.2.10:80\");\nw.weight = 1;",
    ),
    (
        "a property that can only be read",
        "const w = tcp(\"192.0.2.10:80\");\nw.address = \"192.0.2.11\";",
    ),
    (
        "a counter that can only be read",
        "let w = tcp(\"192.0.2.10:80\");\nw.active = 0;",
    ),
    ("a property of a number", "let i = 1;\ni.weight"),
    ("a property of nothing", "let m = #{};\nm.a.b"),
    ("a reserved word", "let new = 1;"),
    ("a keyword as a name", "let if = 1;"),
    ("eval is not there", "eval(\"1\")"),
    ("a missing argument", "let ip = ARGS[3];"),
    ("an array that is too short", "let a = [1];\na[4]"),
    ("a division by zero", "1 / 0"),
    ("an operator for other types", "\"a\" - 1"),
    ("a sum of other types", "tcp(\"192.0.2.10:80\") + 1"),
    ("a condition that is none", "if 1 { }"),
    ("a thrown text", "throw \"not today\";"),
    (
        "a thrown map",
        "throw #{ message: \"not today\", hint: \"tomorrow\" };",
    ),
    ("a thrown nothing", "throw;"),
    ("a missing brace", "if true {\n  print(1);"),
    ("a missing parenthesis", "tcp(\"192.0.2.10:80\""),
    ("a missing semicolon", "let a = 1\nlet b = 2"),
    ("an open text", "let a = \"abc\nlet b = 1;"),
    ("an open backtick", "let a = `abc\nlet b = 1;"),
    ("an open comment", "let a = 1;\n /* abc"),
    ("a single quoted text", "tcp('192.0.2.10:80');"),
    ("an address without quotes", "tcp(192.0.2.10:80);"),
    (
        "a map without its sign",
        "let a = 1;\ntcp(\"192.0.2.10:80\", {\n  scheduler: \"rr\",\n});",
    ),
    (
        "an option by its name",
        "tcp(\"192.0.2.10:80\", scheduler=\"rr\");",
    ),
    ("a call without brackets", "tcp \"192.0.2.10:80\";"),
    ("full-width signs", "tcp（“192.0.2.10:80”）；"),
    ("a comment of a shell", "# all services\nservices();"),
    (
        "an unknown scheduler",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"rrr\" });\nthrow \"too late\";",
    ),
    (
        "an unknown scheduler of a service that is there",
        "let w = tcp(\"192.0.2.10:80\");\nw.scheduler = \"roundrobin\";",
    ),
    (
        "an option twice",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\", scheduler: \"sh\" });",
    ),
    ("an increment", "let i = 1; i++;"),
    ("a constant that is set", "const A = 1; A = 2;"),
    ("a constant array that grows", "const A = [1];\nA.push(2);"),
    ("something that cannot be gone through", "for x in 5 { }"),
    (
        "an error in a function",
        "fn inner(w) {\n  w.set(#{ weight: 1 })\n}\nfn outer(w) { inner(w) }\nouter(tcp(\"192.0.2.10:80\"));",
    ),
    ("an error in a closure", "[1, 2].map(|x| x.foo)"),
    (
        "a removed service",
        "let w = tcp(\"192.0.2.10:80\");\nremove(w);\nw.set(#{ scheduler: \"rr\" });",
    ),
    (
        "a removed server",
        "let w = tcp(\"192.0.2.10:80\");\nlet s = w.server(\"10.0.0.1\");\nremove(s);\ns.weight",
    ),
    (
        "a service that was only staged",
        "let w = tcp(\"192.0.2.10:80\");\ndiscard();\nw.scheduler",
    ),
    (
        "a service that is not there",
        "tcp(\"192.0.2.10:80\");\nfind(\"192.0.2.10:81\");",
    ),
    (
        "a server that is not there",
        "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\"] }).find(\"10.0.0.2\");",
    ),
    (
        "a name that fits two",
        "tcp(\"192.0.2.10:53\");\nudp(\"192.0.2.10:53\");\nfind(\"192.0.2.10:53\");",
    ),
    ("a combination", "tcp(\"192.0.2.10:0\");\ncommit();"),
    (
        "a refusal of the kernel",
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"twos\" });\ncommit();",
    ),
    (
        "a failure after commits",
        "tcp(\"192.0.2.10:80\");\ncommit(\"one\");\ntcp(\"192.0.2.11:80\");\ncommit();\nthrow \"late\";",
    ),
    ("a commit option", "commit(\"x\", #{ confrim: 3 });"),
    (
        "a rollback with staged changes",
        "tcp(\"192.0.2.10:80\");\ncommit();\ntcp(\"192.0.2.11:80\");\nrollback(1);",
    ),
    ("a snapshot that is not there", "rollback(7);"),
    ("a mark out of range", "fwmark(0);"),
    ("a recursion without an end", "fn f(n) { f(n + 1) }\nf(0);"),
    (
        "a value that holds itself",
        "let a = [];\nloop { a = [a]; }",
    ),
];

#[test]
fn every_mistake_is_answered() {
    let mut text = String::new();
    for (name, code) in CASES {
        text.push_str(&format!("# {name}\n{code}\n>>>\n{}\n\n", error(code)));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn lines_of_windows_and_a_first_line_for_the_kernel_keep_their_numbers() {
    let text = error("#!/usr/bin/env -S ipvsh run\r\nlet a = 1;\r\nboom();\r\n");
    assert!(text.starts_with("-e:3:1\n  boom();\n  ^\n"), "{text}");
    let printed = Lab::new().run("#! /bin/ipvsh").printed();
    assert_eq!(printed, "");
}

#[test]
fn no_error_shows_a_type_of_rust() {
    for code in [
        "\"a\" - 1",
        "tcp(\"192.0.2.10:80\").foo()",
        "let f = |x| x; f + 1",
        "[] - #{}",
        "(1..3) + 1",
        "timestamp() + \"x\"",
        "let w = tcp(\"192.0.2.10:80\"); w * w",
        "plan() + 1",
        "'a' - 1.5",
        "(1.5).x",
        "blob(3).x",
        "let a = 5; a.call()",
        "if \"x\" { }",
        "while () { }",
        "let x = true + 1;",
        "[1].map(5)",
        "#{}.keys(1, 2)",
        "\"abc\"[#{}]",
        "parse_json(5)",
        "parse_int([])",
        "sleep(\"x\")",
        "exit(\"x\")",
    ] {
        let text = error(code);
        for word in [
            "::",
            "i64",
            "f64",
            "&str",
            "Immutable",
            "rhai",
            "Dynamic",
            "FnPtr",
            "ipvsh::",
        ] {
            assert!(
                !text.replace("Hint: ipvsh", "").contains(word),
                "{code}: {text}"
            );
        }
    }
}

#[test]
fn errors_are_values() {
    let printed = |code: &str| Lab::new().run(code).printed();
    assert_eq!(
        printed(
            "try { tcp(\"192.0.2.10\") } catch (err) {\n  print(err.kind); print(err.object);\n  \
             print(err.message); print(err.hint); print(`${err}`);\n}"
        ),
        "invalid\nvirtual service tcp 192.0.2.10\na port is missing\nwrite \"192.0.2.10:80\"; \
         port 0 stands for all ports and needs persistent\nvirtual service tcp 192.0.2.10: a port \
         is missing\n"
    );
    // Those of Rhai itself.
    assert_eq!(
        printed("try { let a = [1]; a[4] } catch (e) { print(e.kind + \": \" + e.message); }"),
        "script: the array has 1 element: there is no element 4\n"
    );
    assert_eq!(
        printed("try { nothing() } catch (e) { print(e.message); print(e.object == ()); }"),
        "there is no function nothing\ntrue\n"
    );
    assert_eq!(
        printed(
            "try { 1 / 0 } catch (e) { let copy = e; print(copy.kind); print(f(e)); } fn f(e) { e.kind }"
        ),
        "script\nscript\n"
    );
    // What a script throws itself.
    assert_eq!(
        printed("try { throw \"no\" } catch (e) { print(e); print(e.kind); print(e.message); }"),
        "no\nscript\nno\n"
    );
    assert_eq!(
        printed("try { throw #{ kind: \"mine\", code: 4 } } catch (e) { print(e.kind + e.code); }"),
        "mine4\n"
    );
    // In a function, and from one.
    assert_eq!(
        printed("fn f() { tcp(1) } try { f() } catch (e) { print(e.kind); }"),
        "invalid\n"
    );
    assert_eq!(
        printed("let w = tcp(\"192.0.2.10:80\"); try { w.nope } catch (e) { print(e.message); }"),
        "a virtual service has no property \"nope\"\n"
    );
}

#[test]
fn an_error_that_is_thrown_again_keeps_its_place() {
    let text = error("fn f() {\n  tcp(\"x\")\n}\ntry { f() } catch (e) {\n  throw e;\n}");
    assert!(text.starts_with("-e:2:7\n"), "{text}");
    assert!(text.contains("invalid: virtual service tcp x"), "{text}");
    let text = error("try {\n  [1][3]\n} catch (e) {\n  throw e;\n}");
    assert!(text.starts_with("-e:2:"), "{text}");
    let text = error("try {\n  tcp(\"x\")\n} catch {\n  throw;\n}");
    assert!(text.contains("invalid: virtual service tcp x"), "{text}");
}

#[test]
fn a_caught_refusal_leaves_everything_as_it_was() {
    let lab = Lab::new();
    lab.run("tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" })")
        .printed();
    let before = lab.json();
    let printed = lab
        .run(
            "tcp(\"192.0.2.11:80\", #{ scheduler: \"twos\" });\n\
             try { commit(); } catch (e) { print(e.kind); print(e.object); discard(); }",
        )
        .printed();
    assert_eq!(printed, "undone\nvirtual service tcp 192.0.2.11:80\n");
    assert_eq!(lab.json(), before);
}
