//! System calls that fail, deaths at system calls, and full disks: the kernel and the history end
//! in the old state or the new one, and agree with each other.
//!
//! `IPVSH_FAULT_ROUNDS` and `IPVSH_FAULT_SEED` choose how many faults and which; both are printed.

use std::collections::BTreeMap;
use std::process::Command;

use crate::director::{Director, Said};

const OLD: &str = r#"
    tcp("192.0.2.10:80", #{ scheduler: "rr", servers: ["10.0.0.11", "10.0.0.12"] });
    fwmark(666, #{ marks: [#{ protocol: "tcp", to: "192.0.2.20", ports: [80] }], servers: ["10.0.0.21"] });
"#;
const CHANGE: &str = r#"
    tcp("192.0.2.11:80", #{ servers: ["10.0.0.13"] });
    find("192.0.2.10:80").find("10.0.0.11:80").set(#{ weight: 5 });
    remove(find("192.0.2.10:80"), "10.0.0.12:80");
    fwmark(667, #{ marks: [#{ protocol: "udp", to: "192.0.2.21", ports: [53] }] });
    timeouts(#{ udp: 99 });
"#;

/// Calls that talk to the kernel's tables, to files, and to other programs.
const CALLS: &str = "sendto,sendmsg,recvfrom,recvmsg,execve,write,pwrite64,pread64,fsync,fdatasync,\
                     sync_file_range,rename,unlink,ftruncate,flock,openat";
const ERRORS: [&str; 6] = [
    "error=ENOBUFS",
    "error=EIO",
    "error=ENOSPC",
    "error=EPERM",
    "signal=KILL",
    "signal=KILL",
];

/// A small generator (splitmix64), so that a round can be run again by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn strace(director: &Director, options: &[&str]) -> (Said, String) {
    let log = director.database().with_extension("strace");
    let mut args = vec!["-f", "-qq", "-o", log.to_str().unwrap()];
    args.extend(options);
    args.extend([env!("CARGO_BIN_EXE_ipvsh"), "-e", CHANGE]);
    let said = director.exec("strace", &args);
    (said, std::fs::read_to_string(&log).unwrap_or_default())
}

/// How often a commit makes each call.
fn calls(director: &Director) -> BTreeMap<String, usize> {
    let (said, log) = strace(director, &["-e", &format!("trace={CALLS}")]);
    said.ended(0);
    director.ipvsh(&["rollback", "1"]).ended(0);
    let mut calls = BTreeMap::new();
    for line in log.lines() {
        // "4711  openat(AT_FDCWD, ..." and "4711  <... openat resumed>"
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        if let Some((name, _)) = call.split_once('(') {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

#[test]
fn a_system_call_that_fails_anywhere_leaves_the_old_state_or_the_new_one() {
    let rounds = variable("IPVSH_FAULT_ROUNDS").unwrap_or(8);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = variable("IPVSH_FAULT_SEED").unwrap_or(clock.unwrap().as_nanos() as u64);
    let director = Director::alone();
    director.script(OLD).ended(0);
    let old = director.state();
    director.ipvsh(&["-e", CHANGE]).ended(0);
    let new = director.state();
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.state(), old);
    let calls: Vec<(String, usize)> = calls(&director).into_iter().collect();
    println!("{calls:?}");
    assert!(calls.len() > 8, "{calls:?}");
    let mut seen = BTreeMap::new();
    for round in 0..rounds {
        let seed = seed.wrapping_add(round);
        let mut random = Random(seed);
        let (call, count) = &calls[random.below(calls.len())];
        let (when, what) = (1 + random.below(*count), ERRORS[random.below(ERRORS.len())]);
        let inject = format!("inject={call}:{what}:when={when}");
        println!("IPVSH_FAULT_ROUNDS=1 IPVSH_FAULT_SEED={seed}: {inject} of {count}");
        let before = director.history().len();
        let trace = format!("trace={call}");
        let (said, _) = strace(&director, &["-e", &trace, "-e", &inject]);
        let after = director.state();
        match said.status {
            0 => assert_eq!(after, new, "reported as done: {}", said.err),
            255 | 101 => panic!("a bug of ours: {}", said.err),
            // The commit stands; only its report could not be written.
            7 => assert_eq!(after, new),
            1 | 3 | 4 => assert_eq!(after, old, "reported as not done: {}", said.err),
            // Killed, or undoing failed too: what comes next decides.
            _ => {}
        }
        *seen.entry(said.status).or_insert(0) += 1;
        director.ipvsh(&["restore"]).ended(0);
        let made = director.history().len() - before;
        assert!(made <= 1, "{made} snapshots");
        assert!(
            said.status != 0 || made == 1,
            "reported as done, and not recorded"
        );
        let wanted = if made == 1 { &new } else { &old };
        assert_eq!(&director.state(), wanted, "{}", said.err);
        director.ipvsh(&["plan", "--exit-code"]).ended(0);
        director.ipvsh(&["fsck"]).ended(0);
        if made == 1 {
            director.ipvsh(&["rollback", "1"]).ended(0);
            assert_eq!(director.state(), old);
        }
    }
    println!("{rounds} rounds from seed {seed}; by exit status: {seen:?}");
}

/// A small file system of its own, for as long as a test runs.
pub struct Disk(std::path::PathBuf);

impl Disk {
    pub fn new(path: std::path::PathBuf) -> Disk {
        std::fs::create_dir_all(&path).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=16m,mode=700", "disk"];
        let status = Command::new("mount").args(mount).arg(&path).status();
        assert!(status.unwrap().success());
        Disk(path)
    }

    /// Leaves so many KiB.
    pub fn fill(&self, free: u64) {
        let room = rustix::fs::statvfs(&self.0).unwrap();
        let size = (room.f_bavail * room.f_frsize).saturating_sub(free * 1024);
        std::fs::write(self.0.join("filler"), vec![1; size as usize]).unwrap();
    }

    /// Makes room again.
    pub fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.0).status();
        assert!(status.unwrap().success() || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_leaves_the_old_state_and_boot_restores_all_the_same() {
    let director = Director::alone();
    let disk = Disk::new(director.database());
    let database = disk.0.join("db");
    let ipvsh = |args: &[&str]| {
        let mut all = vec!["--db", database.to_str().unwrap()];
        all.extend(args);
        director.ipvsh(&all)
    };
    ipvsh(&["-e", OLD]).ended(0);
    let old = director.state();
    let mut refused = 0;
    for free in [0, 4, 64, 300, 600, 1200, 2000, 2100, 2300, 3000, 6000] {
        disk.fill(free);
        let said = ipvsh(&["-e", CHANGE]);
        let done = said.status == 0;
        println!("{free} KiB free: status {}: {}", said.status, said.err);
        if !done {
            refused += 1;
            assert!([1, 4].contains(&said.status), "{}", said.err);
            assert_eq!(director.state(), old, "{}", said.err);
        }
        let wanted = director.state();
        // A reboot with a disk that is full.
        director.ipvsadm("-C");
        director.iptables("-t mangle -F");
        ipvsh(&["restore", "--best-effort"]).ended(0);
        assert_eq!(director.state(), wanted, "{free} KiB free");
        disk.empty();
        ipvsh(&["fsck"]).ended(0);
        ipvsh(&["rollback", "1"]).ended(0);
        assert_eq!(director.state(), old);
    }
    assert!(refused >= 5, "{refused}");
}
