//! Our chain of mark rules on a real kernel: both back ends, both families, with the real
//! iptables as the witness. Needs root (the project's runner boots a kernel for it); fails
//! without. Each case has a network namespace of its own.

use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ipvsh::error::{Error, Kind};
use ipvsh::marks::{Chains, Iptables};
use ipvsh::model::{
    ChainRule, ChainState, Family, Fwmark, MarkRule, MarkSupport, PortRange, Protocol,
};
use rustix::thread::CapabilitySet;

use crate::netns::in_namespace;

const CASES: [(Family, &str, &str); 4] = [
    (Family::Ipv4, "nft", "/usr/sbin/iptables-nft"),
    (Family::Ipv4, "legacy", "/usr/sbin/iptables-legacy"),
    (Family::Ipv6, "nft", "/usr/sbin/ip6tables-nft"),
    (Family::Ipv6, "legacy", "/usr/sbin/ip6tables-legacy"),
];

/// One back end and family, in a namespace of its own.
struct Bench {
    family: Family,
    tool: &'static str,
    marks: Iptables,
    scratch: tempfile::TempDir,
}

/// Runs a test once for each back end and family.
fn each(name: &str, test: fn(&mut Bench)) {
    run(name, &CASES, test);
}

/// Runs a test of what does not depend on the family: once for each back end.
fn each_back_end(name: &str, test: fn(&mut Bench)) {
    let [ipv4_nft, .., ipv6_legacy] = CASES;
    run(name, &[ipv4_nft, ipv6_legacy], test);
}

fn run(name: &str, cases: &[(Family, &str, &'static str)], test: fn(&mut Bench)) {
    for &(family, back_end, tool) in cases {
        // Known where a test fails: cases of one test share their output.
        println!("{name} with {back_end}, {family}");
        in_namespace(|| {
            test(&mut Bench {
                family,
                tool,
                marks: Iptables::at(tool, tool),
                scratch: tempfile::tempdir().unwrap(),
            });
        });
    }
}

fn must(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn holding(rules: &[MarkRule]) -> ChainState {
    ChainState::holding(rules.iter().cloned().map(ChainRule::Mark).collect())
}

impl Bench {
    /// Somebody else's iptables command on the mangle table, in shell syntax.
    fn other(&self, words: &str) -> String {
        let line = format!("{} -w 30 -t mangle {words}", self.tool);
        must(Command::new("sh").args(["-c", &line]))
    }

    /// Somebody else's rules in PREROUTING.
    fn foreign(&self) {
        self.other("-A PREROUTING -i lo -p tcp -j MARK --set-mark 5");
        self.other(
            "-A PREROUTING -m comment --comment \"it's \\\"theirs\\\"\" -j MARK --set-mark 6",
        );
        self.other("-A PREROUTING -p udp -j ACCEPT");
    }

    fn listing(&self) -> String {
        self.other("-S")
    }

    fn chain(&mut self) -> ChainState {
        match self.marks.observe(self.family).unwrap() {
            MarkSupport::Available(chain) => chain,
            other => panic!("not available: {other:?}"),
        }
    }

    fn try_set(&mut self, to: &ChainState) -> Result<(), Error> {
        self.marks.set(self.family, to)
    }

    /// Sets rules, checks that they are read back, and counts the commands that it took.
    fn set(&mut self, rules: &[MarkRule]) -> u64 {
        let before = self.marks.writes();
        let to = holding(rules);
        self.try_set(&to).unwrap();
        assert_eq!(self.chain(), to);
        self.marks.writes() - before
    }

    fn rule(&self, mark: u32, protocol: Option<Protocol>, ports: &str) -> MarkRule {
        let mut rule = MarkRule::new(Fwmark::new(mark.into()).unwrap(), self.family);
        rule.protocol = protocol;
        rule.ports = ports
            .split_terminator(',')
            .map(|port| PortRange::parse(port).unwrap())
            .collect();
        MarkRule::normalise([rule]).remove(0)
    }

    fn tcp(&self, mark: u32, ports: &str) -> MarkRule {
        self.rule(mark, Some(Protocol::TCP), ports)
    }

    fn udp(&self, mark: u32, ports: &str) -> MarkRule {
        self.rule(mark, Some(Protocol::UDP), ports)
    }

    /// One of everything.
    fn all_sorts(&self) -> Vec<MarkRule> {
        let (to, from) = match self.family {
            Family::Ipv4 => ("192.0.2.20/32", "198.51.100.0/24"),
            Family::Ipv6 => ("2001:db8::20/128", "2001:db8:1::/64"),
        };
        let mut pool = self.tcp(666, "80,443,8000-8100");
        pool.to = Some(to.parse().unwrap());
        pool.from = Some(from.parse().unwrap());
        let mut single = self.tcp(1, "80");
        single.interface = Some("eth+".to_owned());
        let mut odd = self.tcp(12, "80");
        odd.interface = Some("a!b\\c".to_owned());
        let mut sides = self.tcp(3, "80");
        sides.from_ports = self.tcp(3, "1024-65535").ports;
        let mut lists = self.tcp(4, "80,90");
        lists.from_ports = self.tcp(4, "1,5-9").ports;
        let mut masked = self.rule(0x10, None, "");
        masked.mask = 0xf0;
        vec![
            pool,
            single,
            odd,
            self.udp(2, "53"),
            sides,
            lists,
            masked,
            self.tcp(5, "0-65535"),
            self.rule(6, Some(Protocol::SCTP), "80"),
            self.rule(7, Some(Protocol::SCTP), "80,443"),
            self.rule(8, Some(Protocol(47)), ""),
            self.rule(9, Some(Protocol(253)), ""),
            self.rule(10, Some(Protocol(58)), ""),
            self.rule(11, Some(Protocol(2)), ""),
            self.rule(u32::MAX, None, ""),
        ]
    }

    /// Uses a script in the place of the binary, which it can run as `$tool`.
    fn wrap(&mut self, script: &str) {
        let path = self.scratch.path().join("iptables");
        let text = format!(
            "#!/bin/sh\ntool={} dir={}\n{script}\nexec $tool \"$@\"\n",
            self.tool,
            self.scratch.path().display()
        );
        // A shell writes it: a descriptor of ours that is open for writing could be inherited by
        // a child that another test starts, and then the kernel refuses to run the file.
        let write = format!("cat > {0} && chmod 755 {0}", path.display());
        let mut shell = Command::new("sh")
            .args(["-c", &write])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        assert!(shell.wait().unwrap().success());
        let path: &'static str = path.display().to_string().leak();
        self.marks = Iptables::at(path, path);
    }

    /// Something happens at those commands that change something whose number `$n` passes a test.
    fn break_at(&mut self, test: &str, what: &str) {
        self.wrap(&format!(
            "case \"$*\" in *--version*|*' -S'*) exec $tool \"$@\";; esac\n\
             read n < $dir/count; n=$((n + 1)); echo $n > $dir/count\n\
             [ $n {test} ] && {{ {what}; }}"
        ));
        std::fs::write(self.scratch.path().join("count"), "0\n").unwrap();
    }

    fn unwrap(&mut self) {
        self.marks = Iptables::at(self.tool, self.tool);
    }

    /// Sends a datagram to a port of our own.
    fn send(&self, port: u16) {
        let host = match self.family {
            Family::Ipv4 => "127.0.0.1",
            Family::Ipv6 => "::1",
        };
        let socket = UdpSocket::bind((host, 0)).unwrap();
        socket.send_to(b"x", (host, port)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }

    /// The packet counters of a chain's rules.
    fn packets(&self, chain: &str) -> Vec<u64> {
        let listing = self.other(&format!("-v -S {chain}"));
        let rules = listing.lines().filter(|line| line.starts_with("-A"));
        rules
            .filter_map(|line| line.split_once(" -c ")?.1.split(' ').next()?.parse().ok())
            .collect()
    }
}

#[test]
fn rules_are_set_read_back_and_removed() {
    each("set", |bench| {
        bench.foreign();
        let before = bench.listing();
        let rules = bench.all_sorts();
        assert_eq!(bench.chain(), ChainState::default());
        assert!(bench.set(&rules) > 0);
        assert_eq!(bench.set(&rules), 0, "the second time");
        let with_ours = bench.listing();
        let theirs: Vec<&str> = with_ours
            .lines()
            .filter(|line| !line.contains("IPVSH"))
            .collect();
        assert_eq!(theirs, before.lines().collect::<Vec<_>>());
        assert!(with_ours.contains("-j ACCEPT\n-A PREROUTING -j IPVSH\n"));
        assert_eq!(bench.set(&[]), 3);
        assert_eq!(bench.listing(), before);
        assert_eq!(bench.set(&[]), 0);
    });
}

#[test]
fn packets_get_their_mark() {
    each("packet", |bench| {
        bench.other("-A INPUT -m mark --mark 666");
        bench.set(&[bench.udp(666, "5001,5003")]);
        for port in [5001, 5002, 5003] {
            bench.send(port);
        }
        assert_eq!(bench.packets("INPUT"), [2]);
    });
}

#[test]
fn a_change_touches_only_what_differs() {
    each("middle", |bench| {
        let mut rules = vec![
            bench.udp(1, "5001"),
            bench.tcp(2, "80"),
            bench.udp(3, "5001"),
        ];
        bench.set(&rules);
        bench.send(5001);
        assert_eq!(bench.packets("IPVSH"), [1, 0, 1]);
        rules[1] = bench.tcp(2, "81");
        assert_eq!(bench.set(&rules), 1, "replaced");
        rules.insert(1, bench.tcp(4, "90"));
        assert_eq!(bench.set(&rules), 1, "inserted");
        assert_eq!(bench.packets("IPVSH"), [1, 0, 0, 1]);
        rules.drain(1..3);
        assert_eq!(bench.set(&rules), 2, "removed");
        assert_eq!(bench.packets("IPVSH"), [1, 1]);
        rules.swap(0, 1);
        assert_eq!(bench.set(&rules), 2, "swapped");
    });
}

#[test]
fn long_lists_of_ports_are_one_rule() {
    each("long", |bench| {
        let ports: Vec<String> = (0..40).map(|n| (1000 + 2 * n).to_string()).collect();
        let mut rule = bench.tcp(1, &ports.join(","));
        rule.ports.push(PortRange::new(5000, 6000).unwrap());
        bench.set(&[rule.clone()]);
        assert_eq!(bench.listing().matches("-A IPVSH").count(), 3);
        rule.from_ports = bench.tcp(1, &ports.join(",")).ports;
        bench.set(&[rule, bench.tcp(2, "80")]);
        assert_eq!(bench.listing().matches("-A IPVSH").count(), 10);
    });
}

#[test]
fn rules_that_others_split_are_left_as_they_are() {
    each_back_end("split", |bench| {
        bench.other("-N IPVSH");
        for port in [80, 443] {
            bench.other(&format!(
                "-A IPVSH -p tcp --dport {port} -j MARK --set-mark 666"
            ));
        }
        bench.other("-A PREROUTING -j IPVSH");
        assert_eq!(bench.set(&[bench.tcp(666, "80,443")]), 0);
    });
}

#[test]
fn a_wiped_table_is_repaired() {
    each_back_end("wiped", |bench| {
        let rules = bench.all_sorts();
        bench.set(&rules);
        let before = bench.listing();
        bench.other("-F");
        let wiped = ChainState {
            is_there: true,
            ..ChainState::default()
        };
        assert_eq!(bench.chain(), wiped);
        bench.set(&rules);
        assert_eq!(bench.listing(), before);
        bench.other("-D PREROUTING -j IPVSH");
        assert!(!bench.chain().is_passed);
        assert_eq!(bench.set(&rules), 1);
        assert_eq!(bench.listing(), before);
        for words in ["-D PREROUTING -j IPVSH", "-F IPVSH", "-X IPVSH"] {
            bench.other(words);
        }
        assert_eq!(bench.chain(), ChainState::default());
        bench.set(&rules);
        assert_eq!(bench.listing(), before);
    });
}

#[test]
fn two_jumps_become_one_and_come_back_when_undone() {
    each_back_end("jumps", |bench| {
        let rules = [bench.tcp(1, "80")];
        bench.set(&rules);
        bench.foreign();
        bench.other("-A PREROUTING -j IPVSH");
        let before = bench.listing();
        let drift = bench.chain();
        assert!(!drift.is_passed);
        assert_eq!(bench.set(&rules), 1);
        bench.try_set(&drift).unwrap();
        assert_eq!(bench.listing(), before);
    });
}

#[test]
fn a_removed_chain_comes_back_to_its_place() {
    each_back_end("place", |bench| {
        bench.other("-A PREROUTING -i lo -j MARK --set-mark 5");
        let rules = [bench.tcp(1, "80")];
        bench.set(&rules);
        bench.foreign();
        let before = bench.listing();
        bench.set(&[]);
        bench.set(&rules);
        assert_eq!(bench.listing(), before);
    });
}

#[test]
fn rules_of_others_in_our_chain_are_kept_or_removed_whole() {
    each_back_end("stray", |bench| {
        let rules = [bench.tcp(1, "80"), bench.tcp(2, "90")];
        bench.set(&rules);
        bench.other(
            "-I IPVSH 2 -m comment --comment \"it's a \\\"q\\\" \\\\ -j x\" ! -i lo -j RETURN",
        );
        let before = bench.listing();
        let with = bench.chain();
        let ChainRule::Stray(stray) = &with.rules[1] else {
            panic!("{with:?}")
        };
        assert!(stray.words.contains(&"it's a \"q\" \\ -j x".to_owned()));
        assert_eq!(bench.set(&rules), 1, "removed alone");
        bench.try_set(&with).unwrap();
        assert_eq!(bench.listing(), before, "written back");
        bench.set(&[]);
        bench.try_set(&with).unwrap();
        assert_eq!(bench.listing(), before, "rebuilt");
    });
}

#[test]
fn others_that_use_our_chain_keep_it() {
    each_back_end("used", |bench| {
        bench.set(&[bench.tcp(1, "80")]);
        bench.other("-A OUTPUT -j IPVSH");
        let before = bench.listing();
        let error = bench.try_set(&ChainState::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().contains("-A OUTPUT -j IPVSH"), "{error}");
        assert_eq!(bench.listing(), before);
        bench.set(&[bench.tcp(2, "80")]);
    });
}

#[test]
fn a_failure_at_any_command_leaves_the_old_chain() {
    each_back_end("fail", |bench| {
        bench.foreign();
        let old = [bench.tcp(1, "80"), bench.tcp(2, "80")];
        let new = [bench.tcp(3, "80"), bench.tcp(2, "80"), bench.tcp(4, "7")];
        for (from, to) in [(&old[..], &new[..]), (&[], &new)] {
            bench.unwrap();
            bench.set(from);
            let before = bench.listing();
            let mut at = 1;
            loop {
                let fail = "echo 'iptables: made up.' >&2; exit 1";
                bench.break_at(&format!("-eq {at}"), fail);
                let Err(error) = bench.try_set(&holding(to)) else {
                    break;
                };
                assert_eq!(error.kind(), Kind::Refused, "{error}");
                assert!(error.to_string().ends_with("made up."), "{error}");
                assert_eq!(bench.listing(), before, "after a failure of command {at}");
                at += 1;
            }
            assert!(at > 2, "only {at}");
            assert_eq!(bench.chain(), holding(to));
        }
    });
}

#[test]
fn where_going_back_fails_too_the_remaining_commands_are_told() {
    each_back_end("stuck", |bench| {
        let old = [bench.tcp(1, "80"), bench.tcp(2, "80")];
        let new = [bench.tcp(3, "80"), bench.tcp(4, "80"), bench.tcp(5, "80")];
        for (from, to) in [(&old[..], &new[..]), (&[], &new), (&old, &[])] {
            bench.unwrap();
            bench.set(from);
            let before = bench.listing();
            bench.break_at("-gt 2", "exit 1");
            let error = bench.try_set(&holding(to)).unwrap_err();
            assert_eq!(error.kind(), Kind::UndoFailed, "{error}");
            bench.break_at("-gt 99", "exit 1");
            for line in error.leftovers() {
                must(Command::new("sh").args(["-c", line]));
            }
            assert_eq!(bench.listing(), before, "{:?}", error.leftovers());
        }
    });
}

#[test]
fn a_killed_command_does_not_end_a_change_half_way() {
    each_back_end("killed", |bench| {
        bench.set(&[bench.tcp(1, "80"), bench.tcp(2, "80")]);
        bench.break_at("-eq 2", "kill -INT $$");
        let new = [bench.tcp(3, "80"), bench.tcp(4, "80"), bench.tcp(5, "80")];
        bench.set(&new);
    });
}

#[test]
fn a_look_makes_no_table() {
    each("look", |bench| {
        assert_eq!(bench.chain(), ChainState::default());
        assert_eq!(bench.marks.runs(), 0, "nobody has rules: nothing is run");
        for names in ["ip_tables_names", "ip6_tables_names"] {
            let path = format!("/proc/thread-self/net/{names}");
            assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), "");
        }
        bench.other("-N IPVSH");
        bench.other("-A IPVSH -j RETURN");
        assert!(bench.chain().is_there, "somebody made the table meanwhile");
        assert_eq!(bench.marks.runs(), 1);
    });
}

#[test]
fn where_marks_are_not_available_there_is_a_reason() {
    each("none", |bench| {
        let family = bench.family;
        bench.set(&[bench.tcp(1, "80")]);
        let mut absent = Iptables::at("/nonexistent/iptables", "/nonexistent/ip6tables");
        let MarkSupport::Unavailable(why) = absent.observe(family).unwrap() else {
            panic!("it is there")
        };
        assert!(why.ends_with("tables is not installed"), "{why}");
        let error = absent.set(family, &ChainState::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);

        let mut held = rustix::thread::capabilities(None).unwrap();
        held.effective.remove(CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, held).unwrap();
        let MarkSupport::Unavailable(why) = bench.marks.observe(family).unwrap() else {
            panic!("it looks empty")
        };
        assert_eq!(why, "not permitted: it needs CAP_NET_ADMIN");
        let error = bench.try_set(&ChainState::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::NotPermitted);
    });
}

#[test]
fn rules_of_others_tell_which_marks_they_set() {
    each_back_end("foreign", |bench| {
        bench.foreign();
        bench.set(&[bench.tcp(1, "80")]);
        let foreign = bench.marks.foreign_marks(bench.family).unwrap().unwrap();
        let marks: Vec<(u32, bool)> = foreign
            .iter()
            .map(|one| (one.mark.unwrap().value(), one.rule.is_some()))
            .collect();
        assert_eq!(marks, [(5, true), (6, false)]);
    });
}

#[test]
fn a_held_lock_is_busy() {
    each("lock", |bench| {
        if bench.tool.contains("nft") {
            return; // It has no lock.
        }
        bench.set(&[bench.tcp(1, "80")]);
        // A lock of its own, so that the other tests do not wait for it.
        bench.wrap("export XTABLES_LOCKFILE=$dir/lock; shift 4; set -- -t mangle -w 1 \"$@\"");
        let lock = std::fs::File::create(bench.scratch.path().join("lock")).unwrap();
        lock.lock().unwrap();
        let error = bench.try_set(&ChainState::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy, "{error}");
        lock.unlock().unwrap();
        bench.try_set(&ChainState::default()).unwrap();
    });
}

#[test]
fn twenty_rules_are_measured() {
    each_back_end("many", |bench| {
        let rules: Vec<MarkRule> = (1..=20).map(|n| bench.tcp(n, "80,443")).collect();
        let started = Instant::now();
        bench.set(&rules);
        let set = started.elapsed().as_millis();
        let (started, runs) = (Instant::now(), bench.marks.runs());
        bench.chain();
        let read = started.elapsed().as_millis();
        let runs = bench.marks.runs() - runs;
        println!(
            "{}: set in {set} ms, read in {read} ms, {runs} run",
            bench.tool
        );
    });
}
