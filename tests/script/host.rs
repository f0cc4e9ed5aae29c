//! Arguments, environment, files, time and the network; and what a dry run does with them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::lab::{Lab, run_on};
use ipvsh::error::Kind;
use ipvsh::script::{Ended, Source};

fn text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn arguments_are_text_everywhere() {
    let lab = Lab::new();
    let source = Source::inline("fn all() { ARGS } print(ARGS[0] + all().len() + ARGS[-1]);");
    assert_eq!(lab.run_source(&source, &["a", "7"]).printed(), "a27\n");
    let source = Source {
        name: "add.rhai".to_owned(),
        ..Source::inline("let ip = ARGS[1];")
    };
    let error = lab.run_source(&source, &["a"]).error();
    assert!(
        error.contains("this script wants at least 2 arguments, and was given only 1"),
        "{error}"
    );
    assert!(error.contains("ipvsh run add.rhai ARGUMENTS..."), "{error}");
}

#[test]
fn the_environment_is_read() {
    let lab = Lab::new();
    let printed = lab
        .run("print(env(\"CARGO_PKG_NAME\")); print(env(\"IPVSH_NOT_SET\") == ());")
        .printed();
    assert_eq!(printed, "ipvsh\ntrue\n");
    assert!(lab.run("env(\"a=b\")").error().contains("invalid"));
}

#[test]
fn sleep_takes_its_time() {
    let start = Instant::now();
    Lab::new().run("sleep(0.2); sleep(0);").printed();
    assert!(start.elapsed() >= Duration::from_millis(200));
    for wrong in ["-1", "1e300", "0.0/0.0", "\"1\""] {
        let error = Lab::new().run(&format!("sleep({wrong})")).error();
        assert!(error.contains("invalid"), "{wrong}: {error}");
    }
}

#[test]
fn probe_says_who_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let lab = Lab::new();
    let code = format!(
        "print(probe(\"{open}\", #{{ timeout: 2 }})); print(probe(\"{open}\")); \
         print(probe(\"127.0.0.1:1\", #{{ timeout: 0.5 }}));"
    );
    assert_eq!(lab.run(&code).printed(), "true\ntrue\nfalse\n");
    for (code, wants) in [
        ("probe(\"127.0.0.1\")", "a port is missing"),
        ("probe(\"localhost:80\")", "host names are not looked up"),
        ("probe(\"127.0.0.1:80\", #{ timeout: 0 })", "above 0"),
        (
            "probe(\"127.0.0.1:80\", #{ timeouts: 1 })",
            "unknown option \"timeouts\"",
        ),
    ] {
        let error = lab.run(code).error();
        assert!(error.contains(wants), "{code}: {error}");
    }
}

#[test]
fn files_are_read_whole_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a"), "one\n").unwrap();
    std::fs::write(path("binary"), [0xff, 0xfe]).unwrap();
    let big = std::fs::File::create(path("big")).unwrap();
    big.set_len((16 << 20) + 1).unwrap();
    let lab = Lab::new();
    assert_eq!(
        lab.run(&format!("print(read(\"{}\").len())", path("a")))
            .printed(),
        "4\n"
    );
    for (name, wants) in [
        ("binary", "it is not UTF-8 text"),
        ("big", "it is longer than 16 MiB"),
        ("nothing", "No such file"),
        (".", "Is a directory"),
    ] {
        let error = lab.run(&format!("read(\"{}\")", path(name))).error();
        assert!(error.contains(wants), "{name}: {error}");
    }
}

#[test]
fn what_is_saved_loads_again_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::new();
    lab.run(
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"sh\", flags: [\"sh-port\"], persistent: 60, forward: \"masq\", \
         servers: [#{ address: \"10.0.0.1:8080\", weight: 3 }] }); udp(\"[2001:db8::1]:53\");",
    )
    .printed();
    let before = lab.json();
    for (file, format) in [("a.json", ""), ("b", ", \"json\""), ("c", ", \"ipvsadm\"")] {
        let path = dir.path().join(file).display().to_string();
        let run = lab.run(&format!(
            "save(\"{path}\"{format}); clear(); load(\"{path}\");"
        ));
        assert_eq!(run.commit.unwrap().unwrap(), "nothing to change", "{file}");
        assert_eq!(lab.json(), before);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        3,
        "nothing is left beside them"
    );
}

#[test]
fn loading_merges() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json").display().to_string();
    let lab = Lab::new();
    let code = format!(
        "tcp(\"192.0.2.10:80\"); save(\"{path}\"); discard(); tcp(\"192.0.2.11:80\"); load(\"{path}\"); print(services().len());"
    );
    assert_eq!(lab.run(&code).printed(), "2\n");
}

#[test]
fn odd_places_are_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join("link")).unwrap();
    let lab = Lab::new();
    for (name, wants) in [
        ("link", "it is a symbolic link"),
        ("", "it is a directory"),
        ("none/x", "No such file"),
    ] {
        let path = dir.path().join(name).display().to_string();
        let error = lab.run(&format!("save(\"{path}\", \"json\")")).error();
        assert!(error.contains(wants), "{name}: {error}");
    }
    assert_eq!(text(&victim), "precious");
    let error = lab.run("save(\"/dev/null\", \"json\")").error();
    assert!(error.contains("it is not a regular file"), "{error}");
    let error = lab.run("save(\"/tmp/x\")").error();
    assert!(
        error.contains("its name does not tell the format"),
        "{error}"
    );
    let error = lab.run("save(\"/tmp/x\", \"yaml\")").error();
    assert!(error.contains("unknown format"), "{error}");
}

#[test]
fn json_is_written() {
    let code = "tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\"] });
        let out = parse_json(json(#{ all: services(), none: (), n: 1.5, text: \"é\", one: find(\"192.0.2.10:80\").servers()[0] }));
        print(`${out.all[0].address} ${out.all[0].servers[0].weight} ${out.none == ()} ${out.n} ${out.text} ${out.one.port}`);";
    assert_eq!(
        Lab::new().run(code).printed(),
        "192.0.2.10 1 true 1.5 é 80\n"
    );
    let error = Lab::new().run("json(|x| x)").error();
    assert!(
        error.contains("a function cannot be written as data"),
        "{error}"
    );
}

#[test]
fn exit_decides_whether_to_commit() {
    for (code, status, commits) in [
        ("tcp(\"192.0.2.10:80\"); exit(0);", 0, true),
        ("tcp(\"192.0.2.10:80\"); exit();", 0, true),
        ("tcp(\"192.0.2.10:80\"); exit(3);", 3, false),
        (
            "fn f() { exit(4) } tcp(\"192.0.2.10:80\"); try { f(); } catch { } print(1)",
            4,
            false,
        ),
        (
            "tcp(\"192.0.2.10:80\"); try { [1].map(|x| exit(5)); } catch { } print(2);",
            5,
            false,
        ),
    ] {
        let run = Lab::new().run(code);
        assert!(
            matches!(&run.ended, Ok(Ended::Exit(n)) if *n == status),
            "{code}: {:?}",
            run.ended
        );
        assert_eq!(run.commit.unwrap().is_some(), commits, "{code}");
        assert_eq!(run.printed, "", "{code}");
    }
    let error = Lab::new().run("exit(256)").error();
    assert!(error.contains("status 256 is out of range"), "{error}");
}

#[test]
fn a_reader_that_goes_away_ends_the_script_quietly() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut interpreter = Lab::new().interpreter();
    interpreter.set_output(Closed);
    let ended = interpreter
        .run(&Source::inline(
            "tcp(\"192.0.2.10:80\"); loop { print(1); }",
        ))
        .unwrap();
    assert!(matches!(ended, Ended::Closed));
    assert!(
        interpreter.finish(&ended).unwrap().is_none(),
        "nothing is committed"
    );
}

#[test]
fn a_dry_run_shows_every_effect_and_does_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json").display().to_string();
    let code = format!(
        "let w = tcp(\"192.0.2.10:80\"); commit(\"one\"); zero(); zero(w); sleep(3600); sleep(3600);
         print(probe(\"192.0.2.99:80\")); save(\"{path}\", \"json\"); tag(1, \"t\"); rollback(1); restore(); adopt();
         for n in 0..3 {{ sleep(1); }}"
    );
    let start = Instant::now();
    let lab = Lab::new();
    let run = lab.run_dry(&code);
    assert!(start.elapsed() < Duration::from_secs(20));
    // Commits and the like are told as reports.
    assert_eq!(
        run.effects,
        [
            "would zero the counters of all services",
            "would zero the counters of tcp 192.0.2.10:80",
            "would sleep 3600 seconds",
            "would probe 192.0.2.99:80, taken as answering",
            "would write PATH, BYTES",
            "would tag snapshot 1 \"t\"",
            "would sleep 1 seconds",
        ]
        .map(|line| line.replace("PATH", &path).replace("BYTES", "409 bytes"))
    );
    assert_eq!(run.printed(), "true\n");
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn scripts_that_cannot_be_read_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Source::file(&path).map(|source| source.text)
    };
    let error = file("latin1.rhai", b"let a = 1;\n// caf\xe9\n").unwrap_err();
    assert_eq!(error.message(), "line 2 is not UTF-8 text");
    let error = file("long.rhai", &vec![b' '; (4 << 20) + 1]).unwrap_err();
    assert_eq!(error.message(), "it is longer than 4 MiB");
    let error = Source::file(&dir.path().join("none.rhai")).unwrap_err();
    assert_eq!(
        (error.kind(), error.kind().exit_status()),
        (Kind::NotFound, 1)
    );
    let error = Source::file(std::path::Path::new("tcp(1);")).unwrap_err();
    assert_eq!(
        error.hints(),
        ["to run code from the command line: ipvsh -e 'CODE'"]
    );
    assert!(Source::file(dir.path()).is_err(), "a directory");
}

#[test]
fn plan_only_sessions_commit_nothing() {
    let lab = Lab::new();
    let options = ipvsh::director::ChangeOptions {
        plan_only: true,
        ..Default::default()
    };
    let run = run_on(
        lab.session_with(options),
        &Source::inline("tcp(\"192.0.2.10:80\"); print(commit().outcome);"),
        &[],
    );
    assert_eq!(run.printed(), "planned\n");
    assert_eq!(lab.json()["services"], serde_json::json!([]));
}
