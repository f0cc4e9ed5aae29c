//! Whole processes against a kernel with IPVS: ours beside ipvsadm and a raw loader.
//!
//! Run by `scripts/bench` in the emulated machine, as root: each load in a network namespace of its
//! own, the peers by turns, the median of some rounds. Prints a report; `cargo bench` without a
//! kernel only says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a bench fails loudly

mod raw;
mod rules;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use rules::Table;

const WORK: &str = "/tmp/bench";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["raw", file] => raw::load(Path::new(file)).unwrap_or_else(|error| fail(&error)),
        ["measure", input, command @ ..] => measure(input, command),
        ["run", cases @ ..] => run(cases),
        _ => println!("table: needs root and a kernel with IPVS; scripts/bench has both"),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ! {
    eprintln!("table: {error}");
    exit(1)
}

/// What one process took.
#[derive(Clone, Copy)]
struct Taken {
    time: Duration,
    kilobytes: i64,
}

/// Runs a command and prints what it took; this process has no other child.
fn measure(input: &str, command: &[&str]) {
    let (program, arguments) = command.split_first().unwrap_or_else(|| fail(&"no command"));
    let input = File::open(input).unwrap_or_else(|error| fail(&error));
    let begun = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(input)
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|error| fail(&error));
    let time = begun.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap_or_else(|error| fail(&error));
    println!("{} {}", time.as_nanos(), usage.max_rss());
    if !status.success() {
        fail(&format!("{command:?}: {status}"));
    }
}

/// A network namespace, empty at first.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Namespace {
        ip(&["netns", "add", name]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        Namespace(name.to_owned())
    }

    fn take(&self, input: &Path, command: &[&str]) -> Taken {
        let own = std::env::current_exe().unwrap();
        let output = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .arg(own)
            .arg("measure")
            .arg(input)
            .args(command)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.split_whitespace();
        if !output.status.success() {
            fail(&format!("failed: {command:?}"));
        }
        Taken {
            time: Duration::from_nanos(numbers.next().unwrap().parse().unwrap()),
            kilobytes: numbers.next().unwrap().parse().unwrap(),
        }
    }

    fn run(&self, command: &[&str]) -> Taken {
        self.take(Path::new("/dev/null"), command)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // In 6.1 the services of all namespaces are in one table: the next load must not find
        // these. What remains of the servers goes with the namespace, a while after it.
        let _ = Command::new("ip")
            .args(["netns", "exec", &self.0, "ipvsadm", "-C"])
            .status();
        ip(&["netns", "del", &self.0]);
        std::thread::sleep(Duration::from_millis(1500));
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {arguments:?}");
}

fn median(mut all: Vec<Taken>) -> Taken {
    let most = all.iter().map(|taken| taken.kilobytes).max().unwrap_or(0);
    all.sort_by_key(|taken| taken.time);
    Taken {
        time: all[all.len() / 2].time,
        kilobytes: most,
    }
}

struct Row<'a> {
    what: &'a str,
    ours: Taken,
    peer: &'a str,
    theirs: Taken,
    /// Theirs divided by ours, or the other way round: what is to be reached.
    wanted: &'a str,
}

impl Row<'_> {
    fn print(&self) {
        let (ours, theirs) = (self.ours.time.as_secs_f64(), self.theirs.time.as_secs_f64());
        println!(
            "| {} | {:.1} ms | {} {:.1} ms | {:.2} | {} | {:.1} MiB |",
            self.what,
            ours * 1e3,
            self.peer,
            theirs * 1e3,
            ours / theirs,
            self.wanted,
            self.ours.kilobytes as f64 / 1024.0,
        );
    }
}

/// A database whose head is a table, and the table as lines and as datagrams.
struct Prepared {
    database: String,
    lines: PathBuf,
    datagrams: PathBuf,
}

fn prepare(name: &str, table: Table) -> Prepared {
    let work = PathBuf::from(WORK).join(name);
    fs::create_dir_all(&work).unwrap();
    let (lines, datagrams) = (work.join("lines"), work.join("datagrams"));
    fs::write(&lines, table.lines()).unwrap();
    raw::encode(&table.requests(), &datagrams).unwrap_or_else(|error| fail(&error));
    let database = work.join("db").display().to_string();
    let prepared = Prepared {
        database,
        lines,
        datagrams,
    };
    let namespace = Namespace::new("prepare");
    let file = prepared.lines.display().to_string();
    namespace.run(&prepared.ipvsh(&["import", &file, "-m", "the table"]));
    prepared
}

impl Prepared {
    fn ipvsh<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["ipvsh", "--db", &self.database];
        all.extend(arguments);
        all
    }

    fn raw(&self, namespace: &Namespace) -> Taken {
        let own = std::env::current_exe().unwrap().display().to_string();
        namespace.run(&[&own, "raw", &self.datagrams.display().to_string()])
    }

    fn ipvsadm(&self, namespace: &Namespace) -> Taken {
        namespace.take(&self.lines, &["ipvsadm", "-R"])
    }

    fn restore(&self, namespace: &Namespace) -> Taken {
        namespace.run(&self.ipvsh(&["-q", "restore"]))
    }
}

fn rounds<const N: usize>(count: usize, mut round: impl FnMut(usize) -> [Taken; N]) -> [Taken; N] {
    let mut all: [Vec<Taken>; N] = std::array::from_fn(|_| Vec::new());
    for number in 0..count {
        for (column, taken) in all.iter_mut().zip(round(number)) {
            column.push(taken);
        }
    }
    all.map(median)
}

fn run(cases: &[&str]) {
    let _ = fs::remove_dir_all(WORK);
    let wanted = |case: &str| cases.is_empty() || cases.contains(&case);
    println!("| what | ipvsh | beside | ratio | wanted | peak |");
    println!("|---|---|---|---|---|---|");
    if wanted("load") {
        load_beside_ipvsadm();
    }
    if wanted("large") {
        large();
    }
    if wanted("change") {
        change();
    }
    if wanted("many") {
        many();
    }
}

fn load_beside_ipvsadm() {
    let prepared = prepare("small", Table::new(1_000, 10));
    let [ours, theirs] = rounds(5, |_| {
        [
            prepared.restore(&Namespace::new("ours")),
            prepared.ipvsadm(&Namespace::new("theirs")),
        ]
    });
    Row {
        what: "load 1,000 x 10",
        ours,
        peer: "`ipvsadm -R`",
        theirs,
        wanted: "at most 0.067",
    }
    .print();
}

fn large() {
    let prepared = prepare("large", Table::new(10_000, 5));
    let [ours, theirs] = rounds(3, |_| {
        [
            prepared.restore(&Namespace::new("ours")),
            prepared.raw(&Namespace::new("raw")),
        ]
    });
    Row {
        what: "load 10,000 x 5",
        ours,
        peer: "raw loader",
        theirs,
        wanted: "at most 1.3",
    }
    .print();
    let namespace = Namespace::new("loaded");
    prepared.restore(&namespace);
    let [ours, theirs] = rounds(3, |_| {
        [
            prepared.restore(&namespace),
            namespace.run(&["ipvsadm", "-Sn"]),
        ]
    });
    Row {
        what: "restore, nothing to do, 10,000 x 5",
        ours,
        peer: "`ipvsadm -Sn`",
        theirs,
        wanted: "at most 0.5",
    }
    .print();
    let [ours, theirs] = rounds(3, |_| {
        [
            namespace.run(&prepared.ipvsh(&["show"])),
            namespace.run(&["ipvsadm", "-Ln"]),
        ]
    });
    Row {
        what: "list 10,000 x 5",
        ours,
        peer: "`ipvsadm -Ln`",
        theirs,
        wanted: "at most 0.5",
    }
    .print();
}

const ONE_WEIGHT: &str = "\
tcp(\"198.18.0.1:80\").server(\"10.1.0.1:8080\").set(#{ weight: parse_int(ARGS[0]) });
";

fn change() {
    let script = format!("{WORK}/one.rhai");
    let tables = [("one", Table::new(1, 1)), ("large", Table::new(10_000, 5))];
    let prepared = tables.map(|(name, table)| {
        let file = PathBuf::from(WORK).join(name);
        let prepared = prepare(name, table);
        assert!(file.exists());
        prepared
    });
    fs::write(&script, ONE_WEIGHT).unwrap();
    let namespaces = [Namespace::new("one"), Namespace::new("large")];
    for (prepared, namespace) in prepared.iter().zip(&namespaces) {
        prepared.restore(namespace);
    }
    let [one, large, help] = rounds(9, |round| {
        let weight = (round + 2).to_string();
        let change = |place: usize| {
            let command = prepared[place].ipvsh(&["-q", "run", &script, &weight]);
            namespaces[place].run(&command)
        };
        [
            change(0),
            change(1),
            namespaces[0].run(&["ipvsh", "--version"]),
        ]
    });
    Row {
        what: "one weight at 10,000 x 5",
        ours: large,
        peer: "the same at 1 x 1",
        theirs: one,
        wanted: "at most 2 (bar: 5)",
    }
    .print();
    Row {
        what: "one weight at 1 x 1",
        ours: one,
        peer: "`ipvsh --version`",
        theirs: help,
        wanted: "",
    }
    .print();
}

fn many() {
    for scheduler in ["rr", "mh"] {
        let prepared = prepare(scheduler, Table::new(1, 4_000).scheduled(scheduler));
        let [ours, theirs] = rounds(3, |_| {
            [
                prepared.restore(&Namespace::new("ours")),
                prepared.raw(&Namespace::new("raw")),
            ]
        });
        Row {
            what: &format!("load 1 x 4,000, {scheduler}"),
            ours,
            peer: "raw loader",
            theirs,
            wanted: "as near 1 as can be",
        }
        .print();
    }
}
