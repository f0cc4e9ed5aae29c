//! A signal ends a script, wherever it is; a binary of its own, since signals meet all tests of
//! one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "script/lab.rs"]
mod lab;

use std::time::{Duration, Instant};

use ipvsh::error::Kind;
use ipvsh::script::Source;
use ipvsh::signals;
use lab::Lab;
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Signal, getpid, kill_process};

#[test]
fn a_signal_ends_a_script_wherever_it_is() {
    signals::install().unwrap();
    let _hold = signals::hold();
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let fifo = fifo.display();
    let (read, load) = (format!("\nread(\"{fifo}\");"), format!("load(\"{fifo}\");"));
    for (code, place) in [
        // Nobody writes to it.
        (read.as_str(), 2),
        (load.as_str(), 1),
        ("let a = 1;\nloop { a += 1; }", 2),
        ("sleep(3600);", 1),
        // A port of the documentation networks: nobody answers, nobody refuses.
        ("probe(\"192.0.2.1:80\", #{ timeout: 60 });", 1),
        ("loop { try { sleep(3600); } catch { } }", 1),
    ] {
        let lab = Lab::new();
        let mut interpreter = lab.interpreter();
        let killer = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            kill_process(getpid(), Signal::INT).unwrap();
        });
        let start = Instant::now();
        let result = interpreter.run(&Source::inline(code));
        killer.join().unwrap();
        // A network that refuses at once ends the probe before the signal comes.
        let Err(error) = result else {
            assert!(code.starts_with("probe"), "{code}");
            signals::forget();
            continue;
        };
        assert!(start.elapsed() < Duration::from_secs(5), "{code}");
        assert_eq!(error.kind(), Kind::Interrupted, "{code}: {error}");
        assert!(
            error.to_string().contains("interrupted by SIGINT"),
            "{error}"
        );
        assert_eq!(error.place().unwrap().line, place, "{code}");
        signals::forget();
        // The prompt goes on.
        interpreter.line("1 + 1").unwrap();
    }
    // Here, since signals meet all tests.
    a_fifo_is_read_to_its_end();
    an_import_of_a_fifo_ends_too();
}

/// A FIFO is read as any reader does: it waits for a writer, and for its end.
fn a_fifo_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let path = fifo.clone();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        let mut file = std::fs::File::options().write(true).open(path).unwrap();
        for part in ["a", "b"] {
            std::io::Write::write_all(&mut file, part.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    let code = format!("print(read(\"{}\"));", fifo.display());
    assert_eq!(Lab::new().run(&code).printed(), "ab\n");
    writer.join().unwrap();
}

/// A module whose file is a FIFO that nobody writes to.
fn an_import_of_a_fifo_ends_too() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("waits.rhai");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let source = Source {
        name: "a.rhai".to_owned(),
        text: "\nimport \"waits\" as waits;".to_owned(),
        dir: Some(dir.path().to_owned()),
    };
    let lab = Lab::new();
    let mut interpreter = lab.interpreter();
    let killer = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(200));
        kill_process(getpid(), Signal::TERM).unwrap();
    });
    let error = interpreter.run(&source).err().unwrap();
    killer.join().unwrap();
    assert_eq!(error.kind(), Kind::Interrupted, "{error}");
    assert!(
        error.to_string().contains("interrupted by SIGTERM"),
        "{error}"
    );
    assert_eq!(error.place().unwrap().line, 2);
    signals::forget();
}
