//! Functions of Rhai's own that call a function of the script's: what that raises is raised.

use super::lab::{Lab, render};

/// Every one that takes a function, with values for which it is called.
const CALLS: [&str; 36] = [
    "[1, 2].map(F1)",
    "[1, 2].filter(F1)",
    "[1, 2].for_each(F0)",
    "[1, 2].find(F1)",
    "[1, 2].find(F1, 0)",
    "[1, 2].find_map(F1)",
    "[1, 2].find_map(F1, 0)",
    "[1, 2].index_of(F1)",
    "[1, 2].index_of(F1, 0)",
    "[1, 2].some(F1)",
    "[1, 2].all(F1)",
    "[1, 2].reduce(F2)",
    "[1, 2].reduce(F2, 0)",
    "[1, 2].reduce_rev(F2)",
    "[1, 2].reduce_rev(F2, 0)",
    "[1, 2].zip([3, 4], F2)",
    "[1, 2].sort(F2)",
    "[1, 2].sort_by(F2)",
    "[1, 2].order(F2)",
    "[1, 2].order_by(F2)",
    "[1, 2].dedup(F2)",
    "[1, 2].retain(F1)",
    "[1, 2].drain(F1)",
    "#{ a: 1 }.map(F1)",
    "#{ a: 1 }.filter(F1)",
    "#{ a: 1 }.retain(F1)",
    "#{ a: 1 }.drain(F1)",
    "let a = [2, 1]; a.sort(F2)",
    "let a = [2, 1, 3]; a.sort_by(F2)",
    "let a = [2, 2]; a.dedup(F2)",
    "let a = [1, 2]; a.retain(F1)",
    "let a = [1, 2]; a.drain(F1)",
    "let m = #{ a: 1 }; m.drain(F1)",
    "let m = #{ a: 1 }; m.retain(F1)",
    "F0.call()",
    "call(F0)",
];

#[test]
fn what_a_function_raises_is_raised_by_its_caller() {
    let mut silent: Vec<String> = Vec::new();
    for call in CALLS {
        let code = call
            .replace("F0", "|| {\n throw \"bad\" }")
            .replace("F1", "|x| {\n throw \"bad\" }")
            .replace("F2", "|x, y| {\n throw \"bad\" }");
        let run = Lab::new().run(&format!("{code}; print(\"went on\");"));
        match run.ended {
            Ok(_) => silent.push(call.to_owned()),
            Err(error) => {
                let error = render(&error);
                if !error.ends_with("script: bad") || !error.starts_with("-e:2:2\n") {
                    silent.push(format!("{call}: {error}"));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn an_array_that_cannot_be_sorted_stays_as_it_is() {
    for (code, wanted) in [
        (
            "a.sort(|x, y| if x == 1 { throw \"bad\" } else { x - y })",
            "[3, 1, 2]",
        ),
        ("a.dedup(|x, y| throw \"bad\")", "[3, 1, 2]"),
        ("a.sort(|x, y| x - y)", "[1, 2, 3]"),
        ("a.sort(|x, y| x > y)", "[3, 2, 1]"),
        ("a.sort(|x, y| 1)", "[2, 1, 3]"),
        ("a = a.order(|x, y| y - x)", "[3, 2, 1]"),
        ("a.sort()", "[1, 2, 3]"),
        ("a += [2, 2]; a.dedup(|x, y| x == y)", "[3, 1, 2]"),
    ] {
        let code = format!("let a = [3, 1, 2]; try {{ {code}; }} catch {{ }} print(a);");
        assert_eq!(
            Lab::new().run(&code).printed(),
            format!("{wanted}\n"),
            "{code}"
        );
    }
    let error = Lab::new().run("[1, 2].sort(|x, y| \"a\")").error();
    assert!(
        error.contains("must answer a number or a boolean, not text"),
        "{error}"
    );
}
