//! The preloaded library that lets one call go wrong (`inject.c`), and programs run under it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The program dies before it.
    Kill,
    /// The program dies with half of it written.
    Torn,
    /// Half of it is written, and said to be.
    Short,
    /// The disk is full from then on.
    Full,
    /// It fails so.
    Error(i32),
}

pub const EPERM: i32 = 1;
pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

impl How {
    pub const OTHERS: [How; 6] = [
        How::Torn,
        How::Short,
        How::Full,
        How::Error(EIO),
        How::Error(ENOSPC),
        How::Error(EPERM),
    ];

    fn word(self) -> String {
        match self {
            How::Kill => "kill".to_owned(),
            How::Torn => "torn".to_owned(),
            How::Short => "short".to_owned(),
            How::Full => "full".to_owned(),
            How::Error(number) => number.to_string(),
        }
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// At which call, from 1.
    pub at: usize,
    /// Of those that read; else of those that change something.
    pub reads: bool,
    pub how: How,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: it was killed.
    pub status: Option<i32>,
    pub err: String,
}

/// The library, compiled once. Whoever links Rust programs has a C compiler.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inject.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/inject.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .args([source, "-ldl"])
            .output()
            .unwrap_or_else(|error| panic!("these tests need a C compiler, cc: {error}"));
        let words = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "cc: {words}");
        library
    })
}

/// Runs the program on the simulator with a database.
pub fn run(db: &Path, args: &[&str], fault: Option<Fault>, log: Option<&Path>) -> Ended {
    let mut command = Command::cargo_bin("ipvsh").unwrap();
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TZ", "UTC")
        .env("HOME", db.parent().unwrap())
        .env("LD_PRELOAD", library())
        .env("IPVSH_INJECT_DIR", db)
        .args(["--sim", "--db"])
        .arg(db)
        .args(args);
    if let Some(fault) = fault {
        command.env("IPVSH_INJECT_AT", fault.at.to_string());
        command.env("IPVSH_INJECT_READS", u8::from(fault.reads).to_string());
        command.env("IPVSH_INJECT_HOW", fault.how.word());
    }
    if let Some(log) = log {
        command.env("IPVSH_INJECT_LOG", log);
    }
    let output = assert_cmd::Command::from_std(command)
        .timeout(Duration::from_secs(120))
        .output()
        .unwrap();
    Ended {
        status: output.status.code(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
