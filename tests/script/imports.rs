//! Imports: beside the script, and nowhere else.

use std::path::Path;

use crate::lab::{Lab, Run, render};
use ipvsh::script::Source;

/// Writes files into a directory and runs the one called main.rhai.
fn run(files: &[(&str, &str)]) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let source = Source::file(&dir.path().join("main.rhai")).unwrap();
    let run = Lab::new().run_source(&source, &["one"]);
    (dir, run)
}

#[test]
fn functions_of_a_module_edit_the_same_candidate() {
    let (_dir, run) = run(&[
        (
            "main.rhai",
            "import \"lib/pools\" as pools;\nlet w = tcp(\"192.0.2.10:80\");\npools::fill(w);\n\
             print(w.servers().len() + \" \" + pools::LIMIT + \" \" + pools::args());",
        ),
        (
            "lib/pools.rhai",
            "import \"lib/more\" as more;\nexport const LIMIT = 7;\n\
             fn fill(w) { for n in 1..4 { w.server(`10.0.0.${n}`); } }\n\
             fn args() { ARGS[0] }",
        ),
        ("lib/more.rhai", "print(\"loaded\");"),
    ]);
    assert_eq!(run.printed(), "loaded\n3 7 one\n");
}

#[test]
fn nothing_outside_is_read() {
    for path in ["../x", "/etc/passwd", "lib/../../x", "", "link", "linked/x"] {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("in");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(dir.path().join("x.rhai"), "print(\"outside\")").unwrap();
        std::os::unix::fs::symlink(dir.path().join("x.rhai"), inner.join("link.rhai")).unwrap();
        std::os::unix::fs::symlink(dir.path(), inner.join("linked")).unwrap();
        std::fs::write(inner.join("main.rhai"), format!("import \"{path}\" as x;")).unwrap();
        let source = Source::file(&inner.join("main.rhai")).unwrap();
        let run = Lab::new().run_source(&source, &[]);
        assert_eq!(run.printed, "", "{path}");
        let error = run.error();
        assert!(
            error.contains("it is not beside the script"),
            "{path}: {error}"
        );
    }
}

#[test]
fn a_link_that_stays_inside_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.rhai"), "fn one() { 1 }").unwrap();
    std::os::unix::fs::symlink("a.rhai", dir.path().join("b.rhai")).unwrap();
    std::fs::write(
        dir.path().join("main.rhai"),
        "import \"b\" as b; print(b::one());",
    )
    .unwrap();
    let source = Source::file(&dir.path().join("main.rhai")).unwrap();
    assert_eq!(Lab::new().run_source(&source, &[]).printed(), "1\n");
}

#[test]
fn errors_name_the_module() {
    let cases: &[(&str, &str)] = &[
        ("fn f() {\n  tcp(\"x\")\n}", "lib.rhai:2:7"),
        ("fn f() {\n  let a = 1 +;\n}", "lib.rhai:2:14"),
        ("fn f() {\n  nothing()\n}", "lib.rhai:2:3"),
        (
            "fn g() {\n  throw \"x\";\n}\nfn f() { g() }",
            "lib.rhai:2:3",
        ),
        ("\nboom();\nfn f() {}", "lib.rhai:2:1"),
        ("fn f() {}\n/* open", "lib.rhai:2:1"),
    ];
    for (text, place) in cases {
        let (_dir, run) = run(&[
            ("main.rhai", "import \"lib\" as lib;\n\nlib::f();"),
            ("lib.rhai", text),
        ]);
        let error = run.ended.unwrap_err();
        let text = render(&error);
        assert!(text.lines().next().unwrap().ends_with(place), "{text}");
    }
}

#[test]
fn modules_that_import_each_other_are_told_so() {
    let (_dir, run) = run(&[
        ("main.rhai", "import \"a\" as a;"),
        ("a.rhai", "import \"b\" as b;"),
        ("b.rhai", "import \"a\" as a;"),
    ]);
    let error = run.error();
    assert!(error.contains("modules import each other"), "{error}");
}

#[test]
fn a_missing_module_says_where_it_would_be() {
    let (dir, run) = run(&[("main.rhai", "import \"pools\" as p;")]);
    let error = run.error();
    assert!(
        error.contains("module \"pools\": cannot import: No such file"),
        "{error}"
    );
    let file = dir.path().join("pools.rhai");
    assert!(
        error.contains(&format!("it would be {}", file.display())),
        "{error}"
    );
}

#[test]
fn lines_given_on_the_command_line_import_nothing() {
    let error = Lab::new().run("import \"x\" as x;").error();
    assert!(
        error.contains("there is no script for it to be beside"),
        "{error}"
    );
    assert!(!Path::new("x.rhai").exists());
}
