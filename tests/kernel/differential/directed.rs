//! Command lines that a random session would hardly make.

use std::process::Stdio;

use super::{Namespace, Program, Said, quoted, table, words};

const THEIRS: Program = Program::Theirs("ipvsadm");
const OURS: Program = Program::Named("ipvsadm");

/// Runs lines through both, in namespaces of their own, and compares what each says.
#[track_caller]
fn alike(lines: &[&[&str]]) {
    let (left, right) = (Namespace::new(true), Namespace::new(true));
    for line in lines {
        let line: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let theirs = left.within(|| THEIRS.run(&line, ""));
        let ours = right.within(|| OURS.run(&line, ""));
        let shown: Vec<String> = line.iter().map(|word| quoted(word)).collect();
        assert_eq!(ours, theirs, "ipvsadm {}", shown.join(" "));
    }
    assert_eq!(right.within(table), left.within(table));
}

/// The same for lines without blanks in their words.
#[track_caller]
fn lines_alike(lines: &str) {
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    let lines: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
    alike(&lines);
}

#[test]
fn command_lines_that_are_not_understood() {
    lines_alike(
        "foo
        -
        --
        -- -L
        -q
        -X
        --lis
        --list=foo
        -L=n
        -nL
        -list
        -L -q
        -L --foo
        -L --stats=3
        -L -t
        -L -- -n
        -l foo
        -At
        -A -D
        --start-daemon
        --start-daemon foo
        --stop-daemon foo
        --set
        --set 1 2
        --set 1 2 3 4
        --set 1 2 x
        --set -1 2 3
        --set 5 -- 6 7
        -L --timeout --daemon
        -L --timeout --stats
        -L -c --stats
        -L --daemon --persistent-conn
        -C -n
        -R -n
        -A -6 -f 1
        -h
        --help
        -v
        --version -x",
    );
}

#[test]
fn texts_with_blanks_and_names() {
    alike(&[
        &["-A", "-t", "1.2.3.8 x:84"],
        &["-A", "-t", "1.2.3.8:\t85"],
        &["-A", "-t", "localhost:http"],
        &["-a", "-t", "localhost:http", "-r", "localhost:http", "-m"],
        &["-A", "-t", "localhost:nosuch"],
        &["-A", "-t", "nosuch.invalid:80"],
        &["-A", "-u", "127.1:domain", "-M", "localhost", "-p"],
        &["-A", "-t", "127.1:domain", "-M", "nosuch.invalid", "-p"],
        &["-A", "--sctp-service", "localhost:m3ua"],
        &["-A", "-f", " 7"],
        &["-A", "-f", "0x7"],
        &["-A", "-t", "1.2.3.9:80", "-b", ""],
        &["-A", "-t", "1.2.3.9:81", "-s", ""],
        &["-A", "-t", "1.2.3.9:82", "--pe", ""],
        &["-L", "-t", "localhost:http"],
        &["-L", "-t", "localhost:https"],
        &["--start-daemon", "master", "--mcast-interface", ""],
        &[""],
        &["-L", ""],
    ]);
}

#[test]
fn lines_from_standard_input() {
    for text in [
        "",
        "\n\n",
        "# words\n-A -t 1.1.1.1:1\n",
        "-A -t 1.1.1.1:1\n-A -t 1.1.1.1:1\n-A -t 1.1.1.1:2\n",
        "-A -t 1.1.1.1:3\n-A -t 1.1.1.1:3\n",
        "-A -t 1.1.1.1:4  ",
        "-A -t 1.1.1.1:5 ",
        "-A -t 1.1.1.1:6",
        "ipvsadm -A -t 1.1.1.1:7\nipvsadm\n \t\n",
        "  -A   -t\t1.1.1.1:8 \r\n",
        "-A -t 1.1.1.1:9\n-R\n-A -t 1.1.1.1:10\n",
        "-A -q\n-A -t 1.1.1.1:11\n",
        "-A -t 1.1.1.1:12\n-A -q\n",
        "-A -x 5 -y\n-A -t 1.1.1.1:13 -w 5\n-A -t 1.1.1.1:14\n",
        "-A -t 1.1.1.1:15\n-Ln -t 1.1.1.1:15\n-L -t 1.1.1.1:99\n-A -t 1.1.1.1:16\n",
        "-A -t 1.1.1.1:17\n-A -t 'x':17\n",
        "-h\n-A -t 1.1.1.1:18\n",
        "-L --timeout\n--set 5 6 7\n-L --timeout\n",
    ] {
        let (left, right) = (Namespace::new(true), Namespace::new(true));
        for program in ["-R", "restore"] {
            let run = |theirs: bool| {
                let name = if program == "-R" {
                    "ipvsadm"
                } else {
                    "ipvsadm-restore"
                };
                let words = if program == "-R" {
                    words("-R")
                } else {
                    Vec::new()
                };
                let program = if theirs {
                    Program::Theirs(name)
                } else {
                    Program::Named(name)
                };
                program.run(&words, text)
            };
            let theirs = left.within(|| run(true));
            let ours = right.within(|| run(false));
            assert_eq!(ours, theirs, "{program} {text:?}");
            assert_eq!(
                right.within(table),
                left.within(table),
                "{program} {text:?}"
            );
        }
    }
}

#[test]
fn what_one_saves_the_other_restores() {
    let lines = "-A -t 192.0.2.1:80 -s sh -b sh-port,sh-fallback -p 60 -M 255.255.255.0\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 7\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:80 -i --tun-type gue --tun-port 6080 --tun-remcsum\n\
        -a -t 192.0.2.1:80 -r [2001:db8::7]:80 -i --tun-type gre --tun-csum\n\
        -A -u [2001:db8::1]:53 -s rr -o\n\
        -a -u [2001:db8::1]:53 -r [2001:db8::2]:53\n\
        -A -u 192.0.2.1:5060 -p 9 --pe sip\n\
        -A --sctp-service 192.0.2.1:2905\n\
        -A -f 9 -s wrr\n\
        -A -f 9 -6 -p 5 -M 64\n";
    let (left, right) = (Namespace::new(true), Namespace::new(true));
    left.within(|| assert_eq!(OURS.run(&words("-R"), lines).status, Some(0)));
    let save = |program: Program| left.within(|| program.run(&words("-n"), ""));
    let theirs = save(Program::Theirs("ipvsadm-save"));
    assert_eq!(save(Program::Named("ipvsadm-save")), theirs);
    assert_eq!(theirs.out.lines().count(), 10);
    let restored = right.within(|| Program::Named("ipvsadm-restore").run(&[], &theirs.out));
    assert_eq!(
        restored,
        Said {
            status: Some(0),
            out: String::new(),
            err: String::new()
        }
    );
    assert_eq!(right.within(table), left.within(table));
}

#[test]
fn without_rights_both_say_so() {
    use std::os::unix::process::CommandExt;
    let namespace = Namespace::new(true);
    let run = |program: &str| {
        namespace.within(|| {
            let output = std::process::Command::new(program)
                .arg0("ipvsadm")
                .args(["-A", "-t", "192.0.2.1:80"])
                .uid(65534)
                .gid(65534)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap(),
            )
        })
    };
    let ours = run(env!("CARGO_BIN_EXE_ipvsh"));
    assert_eq!(ours, run("ipvsadm"));
    assert_eq!(ours.0, Some(2));
}

/// Deliberate differences, and what must not happen on a pipe or a disk.
#[test]
fn what_is_better_than_the_original_stays_so() {
    let namespace = Namespace::new(true);
    namespace.within(|| {
        assert_eq!(
            THEIRS.run(&words("-A -t 192.0.2.1:80 -b ,"), "").status,
            None
        );
        let ours = OURS.run(&words("-A -t 192.0.2.1:80 -b ,"), "");
        assert_eq!(
            (ours.status, ours.err.as_str()),
            (Some(2), "invalid scheduler flag `,'\n")
        );

        let listing = |redirect: &str| {
            let line = format!("{} ipvsadm -h {redirect}", env!("CARGO_BIN_EXE_ipvsh"));
            Program::Theirs("bash").run(&["-c".to_owned(), line], "")
        };
        let full = listing("> /dev/full");
        assert_eq!(full.status, Some(1));
        assert!(
            full.err.starts_with("cannot write to standard output: "),
            "{}",
            full.err
        );
        let closed = listing("| true; exit ${PIPESTATUS[0]}");
        assert_eq!((closed.status, closed.err.as_str()), (Some(0), ""));

        let simulated = Program::Theirs(env!("CARGO_BIN_EXE_ipvsh"));
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join("db");
        let line = format!("--sim --db {} ipvsadm", database.display());
        let said = |more: &str| simulated.run(&words(&format!("{line} {more}")), "");
        let added = said("-A -t 192.0.2.99:80 -s rr");
        assert_eq!(added.status, Some(0), "{}", added.err);
        assert!(said("-Ln").out.contains("192.0.2.99:80 rr"));
        // The kernel of the host has none of it.
        let listed = Program::Theirs("ipvsadm").run(&words("-Ln"), "");
        assert!(!listed.out.contains("192.0.2.99"), "{}", listed.out);
    });
}

/// A database of its own, and `ipvsh ipvsadm` in a namespace of its own.
struct Recorder {
    namespace: Namespace,
    home: tempfile::TempDir,
}

impl Recorder {
    fn new() -> Recorder {
        Recorder {
            namespace: Namespace::new(true),
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn ipvsh(&self, line: &str, input: &str) -> Said {
        let database = self.home.path().join("db");
        let mut all = vec!["--db".to_owned(), database.to_str().unwrap().to_owned()];
        all.extend(words(line));
        self.namespace
            .within(|| Program::Theirs(env!("CARGO_BIN_EXE_ipvsh")).run(&all, input))
    }

    fn table(&self) -> String {
        self.namespace.within(table)
    }
}

#[test]
fn atomic_makes_all_lines_or_none() {
    let recorder = Recorder::new();
    let good = "-A -t 192.0.2.1:80 -s sh -b sh-port -p 60\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1 -w 3\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2 -m -x 9 -y 3\n\
        -A -f 7 -s rr\n";
    assert_eq!(recorder.ipvsh("ipvsadm --atomic -R", good).status, Some(0));
    let before = recorder.table();
    assert!(
        before.contains("-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1"),
        "{before}"
    );

    // Everything that can be undone, then a line that the kernel refuses.
    let bad = "-C\n-A -t 192.0.2.1:80 -s rr\n# words\n-A -u 192.0.2.1:53\n--set 5 6 7\n\
        --start-daemon master --mcast-interface mc0\n-A -f 7\n-A -f 7\n-A -f 8\n";
    let refused = recorder.ipvsh("ipvsadm --atomic -R", bad);
    assert_eq!(refused.status, Some(4), "{}", refused.err);
    for words in ["<stdin>:8", "Service already exists", "nothing was changed"] {
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    assert_eq!(recorder.table(), before);

    // A line that is not understood: nothing is sent.
    let refused = recorder.ipvsh("ipvsadm --atomic -R", "-C\n-A -q\n");
    assert_eq!(refused.status, Some(2), "{}", refused.err);
    assert!(refused.err.contains("<stdin>:2") && refused.err.contains("-q: unknown option"));
    assert_eq!(recorder.table(), before);
}

#[test]
fn record_makes_a_snapshot() {
    let recorder = Recorder::new();
    // Somebody else's, touched below and so taken over.
    recorder.namespace.within(|| {
        let lines = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n-A -f 9\n";
        assert_eq!(THEIRS.run(&words("-R"), lines).status, Some(0));
    });
    let lines = "-a -t 192.0.2.1:80 -r 10.0.0.2 -m -w 5\n-A -u 192.0.2.1:53 -s wrr -o\n\
        -d -t 192.0.2.1:80 -r 10.0.0.1\n--set 0 60 0\n";
    let said = recorder.ipvsh("ipvsadm --record -m more -R", lines);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let table = recorder.table();
    for line in [
        "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 5",
        "-A -u 192.0.2.1:53 -s wrr -o",
        "Timeout (tcp tcpfin udp): 900 60 300",
        "-A -f 9 -s wlc",
    ] {
        assert!(table.contains(line), "no {line} in\n{table}");
    }
    assert!(!table.contains("10.0.0.1:80 -m"), "{table}");
    let history = recorder.ipvsh("--json history", "");
    assert!(history.out.contains("\"more\""), "{}", history.out);

    for (line, words, status) in [
        (
            "ipvsadm --record -A -u 192.0.2.1:53",
            "Service already exists",
            1,
        ),
        ("ipvsadm --record -E -t 192.0.2.7:80", "No such service", 1),
        (
            "ipvsadm --record -d -t 192.0.2.1:80 -r 10.0.0.9",
            "No such destination",
            1,
        ),
        ("ipvsadm --record -L", "no place", 2),
        ("ipvsadm --record -Z", "counters are in no snapshot", 2),
    ] {
        let said = recorder.ipvsh(line, "");
        assert_eq!(said.status, Some(status), "{line}: {}", said.err);
        assert!(said.err.contains(words), "{line}: {}", said.err);
    }
    assert_eq!(recorder.table(), table);
    let said = recorder.ipvsh("ipvsadm --record -D -u 192.0.2.1:53", "");
    assert_eq!(said.status, Some(0), "{}", said.err);
    let plan = recorder.ipvsh("plan --exit-code", "");
    assert_eq!(plan.status, Some(0), "{}{}", plan.out, plan.err);
}
