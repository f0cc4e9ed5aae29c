//! Every example script runs on the simulator, twice: the second run finds nothing to change.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test: helpers fail loudly

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rhai"))
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 14, "examples are missing: {scripts:?}");
    scripts
}

/// Standard output and standard error of `ipvsh --sim --db DB ARGS...`, which must succeed.
fn ipvsh(db: &Path, args: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["--sim", "--color", "never", "--db"])
        .arg(db)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(
        output.status.success(),
        "ipvsh {args:?}: {}\n{stdout}{stderr}",
        output.status
    );
    (stdout, stderr)
}

/// The words behind `// KEY: ` in the comment that opens a script.
fn header(script: &Path, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(script).unwrap();
    let key = format!("// {key}: ");
    let line = text.lines().find_map(|line| line.strip_prefix(&key));
    let words = line.unwrap_or_default().split_whitespace();
    words.map(str::to_owned).collect()
}

/// Runs the scripts that an example has to come after.
fn prepare(db: &Path, script: &Path) {
    for before in header(script, "After") {
        let before = script.with_file_name(before);
        ipvsh(db, &["run", before.to_str().unwrap()]);
    }
}

/// Runs an example as its header says for the simulator; both outputs.
fn run(db: &Path, script: &Path) -> String {
    let arguments = header(script, "Simulator");
    let mut words = vec!["run", script.to_str().unwrap()];
    words.extend(arguments.iter().map(String::as_str));
    let (out, err) = ipvsh(db, &words);
    out + &err
}

fn history(db: &Path) -> Vec<serde_json::Value> {
    let (json, _) = ipvsh(db, &["history", "--json"]);
    serde_json::from_str(&json).unwrap()
}

#[test]
fn every_example_runs_and_settles() {
    for script in examples() {
        let place = tempfile::tempdir().unwrap();
        let db = place.path().join("db");
        let path = script.display();
        prepare(&db, &script);
        let before = history(&db).len();
        let first = run(&db, &script);
        let made = history(&db);
        assert!(made.len() > before, "{path}: {first}");
        assert!(
            first.contains(&format!("snapshot {}", made.len())),
            "{path}: {first}"
        );
        let again = run(&db, &script);
        assert_eq!(history(&db), made, "{path}: {again}");
        assert!(
            ["nothing to change", "nothing to shift", "drained: "]
                .iter()
                .any(|words| again.contains(words)),
            "{path}: {again}"
        );
    }
}

/// What a note says of policies.
const CHECKS: &str = "checks and hosts of";

/// What a note says of kernel settings and VIPs.
const SETTINGS: &str = "nothing of the host";

fn services(ruleset: &str) -> serde_json::Value {
    let mut all: serde_json::Value = serde_json::from_str(ruleset).unwrap();
    all["services"].take()
}

/// A ruleset without the moments at which its maintenance was recorded: a script records it anew.
fn undated(ruleset: &str) -> serde_json::Value {
    let mut all: serde_json::Value = serde_json::from_str(ruleset).unwrap();
    for maintenance in all["maintenance"].as_array_mut().unwrap() {
        maintenance.as_object_mut().unwrap().remove("since");
    }
    all
}

/// What lines of ipvsadm cannot say of a service.
fn without_policies(services: &mut serde_json::Value) {
    for service in services.as_array_mut().unwrap() {
        let service = service.as_object_mut().unwrap();
        for name in ["check", "on_fail", "snat"] {
            service.remove(name);
        }
        for server in service["servers"].as_array_mut().unwrap() {
            let server = server.as_object_mut().unwrap();
            for name in ["check", "host"] {
                server.remove(name);
            }
        }
    }
}

#[test]
fn every_example_survives_every_format() {
    for script in examples() {
        let place = tempfile::tempdir().unwrap();
        let db = |name: &str| place.path().join(name);
        prepare(&db("first"), &script);
        run(&db("first"), &script);
        let (json, _) = ipvsh(&db("first"), &["export", "--format", "json"]);
        for format in ["json", "rhai", "ipvsadm"] {
            let (text, notes) = ipvsh(&db("first"), &["export", "--format", format]);
            if !notes.is_empty() {
                // None of them can be said in lines for ipvsadm -R.
                let is_known = ["mark 666", "mark 443", "sync daemon", CHECKS, SETTINGS]
                    .iter()
                    .any(|what| notes.contains(what));
                assert!(is_known && format == "ipvsadm", "{notes}");
                if notes.contains("mark ")
                    || ![SETTINGS, CHECKS].iter().any(|what| notes.contains(what))
                {
                    continue;
                }
            }
            let file = place.path().join(format!("rules.{format}"));
            std::fs::write(&file, text).unwrap();
            let file = file.to_str().unwrap();
            let load = format!("load(\"{file}\")");
            match format {
                "rhai" => ipvsh(&db(format), &["run", file]),
                _ => ipvsh(&db(format), &["-e", &load]),
            };
            let (again, _) = ipvsh(&db(format), &["export", "--format", "json"]);
            let (path, lines) = (script.display(), format == "ipvsadm");
            match lines {
                true => {
                    let (mut ours, mut theirs) = (services(&json), services(&again));
                    without_policies(&mut ours);
                    without_policies(&mut theirs);
                    assert_eq!(theirs, ours, "{path} as {format}");
                }
                false => assert_eq!(undated(&again), undated(&json), "{path} as {format}"),
            }
        }
    }
}

#[test]
fn every_example_can_be_checked() {
    for script in examples() {
        let place = tempfile::tempdir().unwrap();
        let db = place.path().join("db");
        prepare(&db, &script);
        ipvsh(&db, &["check", script.to_str().unwrap()]);
    }
}

#[test]
fn every_example_says_what_it_is() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/README.md"))
            .unwrap();
    for script in examples() {
        let name = script.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&script).unwrap();
        let head: Vec<&str> = text.lines().take_while(|l| l.starts_with("//")).collect();
        for word in [
            "// Topology: ",
            "// Try: http://",
            "// Director ",
            "// Expect: ",
        ] {
            assert!(
                head.iter().any(|line| line.starts_with(word)),
                "{name} lacks \"{word}\""
            );
        }
        assert!(head.len() >= 8, "{name} opens with {} lines", head.len());
        assert!(
            readme.contains(&format!("[{name}]({name})")),
            "README.md lacks {name}"
        );
    }
}
