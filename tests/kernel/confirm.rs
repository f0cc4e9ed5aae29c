//! Commits that roll back by themselves, with the process that waits for them: it outlives who
//! made the commit, however that ended, and who comes next does its work where it is killed.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::director::Director;

const FIRST: &str = r#"tcp("192.0.2.10:80", #{ scheduler: "rr", servers: ["10.0.0.11"] })"#;
const SECOND: &str = r#"find("192.0.2.10:80").set(#{ scheduler: "wrr" })"#;
const NOT_CONFIRMED: &str = "rollback to 1 (not confirmed)";

/// A director with snapshot 1.
fn director() -> Director {
    let director = Director::alone();
    director.ipvsh(&["-e", FIRST]).ended(0);
    director
}

fn scheduler(director: &Director) -> String {
    let rules = director.ipvsadm("-Sn");
    let line = rules.lines().next().unwrap_or_default();
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}

/// The processes that wait for commits in a director's database.
fn watchers(director: &Director) -> Vec<i32> {
    let database = director.database().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&database) && line.contains(" watch ") && line.contains("--detached") {
            found.push(pid);
        }
    }
    found
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[track_caller]
pub fn within(seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn rolls_back(director: &Director) {
    within(60, "rolled back", || scheduler(director) == "rr");
    within(60, "nobody waits any more", || {
        watchers(director).is_empty()
    });
    let history = director.history();
    assert_eq!(history.len(), 3, "{history:?}");
    assert_eq!(history[0]["message"], NOT_CONFIRMED);
    assert_eq!(history[0]["rollback_of"], 1);
}

#[test]
fn it_rolls_back_by_itself_unless_confirmed() {
    let director = director();
    let said = director.ipvsh(&["-e", SECOND, "--confirm", "5"]).ended(0);
    assert!(
        said.out.ends_with(
            "snapshot 2 (1 before), 1 change, verified. Rolls back in 5 s unless: ipvsh confirm\n"
        ),
        "{}",
        said.out
    );
    assert_eq!(scheduler(&director), "wrr");
    assert_eq!(watchers(&director).len(), 1);
    rolls_back(&director);
}

#[test]
fn a_recorded_command_of_the_drop_in_rolls_back_too() {
    let director = director();
    let edit = ["-E", "-t", "192.0.2.10:80", "-s", "wrr"];
    let record = ["ipvsadm", "--record", "--confirm", "5"];
    director.ipvsh(&[&record[..], &edit].concat()).ended(0);
    assert_eq!(scheduler(&director), "wrr");
    assert_eq!(watchers(&director).len(), 1);
    rolls_back(&director);
}

#[test]
fn from_the_mirror_it_is_restored_to_what_was_before() {
    let director = director();
    director.ipvsh(&["-e", SECOND, "--confirm", "1"]).ended(0);
    watchers(&director).into_iter().for_each(kill);
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::remove_dir_all(director.database().join("sled")).unwrap();
    let said = director.ipvsh(&["restore"]).ended(0);
    assert!(
        said.err
            .contains("snapshot 2 was not confirmed in time: restored 1"),
        "{}",
        said.err
    );
    assert_eq!(scheduler(&director), "rr");
    // Repaired, the history says the same, and the next one that writes notes it.
    director.ipvsh(&["fsck", "--repair", "-y"]).ended(0);
    director.ipvsh(&["-e", "timeouts(#{ tcp: 600 })"]).ended(0);
    assert_eq!(director.history()[1]["message"], NOT_CONFIRMED);
    assert_eq!(scheduler(&director), "rr");
}

#[test]
fn a_confirmation_from_another_process_keeps_it() {
    let director = director();
    director.ipvsh(&["-e", SECOND, "--confirm", "600"]).ended(0);
    let status = director.ipvsh(&["--json", "status"]).ended(0).out;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["pending"]["snapshot"], 2);
    assert_eq!(status["pending"]["rolls_back_to"], 1);
    let left = status["pending"]["seconds_left"].as_u64().unwrap();
    assert!((500..=600).contains(&left), "{left}");
    director.ipvsh(&["-e", "timeouts(#{ tcp: 600 })"]).ended(1);
    // It touches no kernel: from the host's namespace as well.
    let said = Command::new(env!("CARGO_BIN_EXE_ipvsh"))
        .args(["confirm", "--db"])
        .arg(director.database())
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    within(30, "nobody waits any more", || {
        watchers(&director).is_empty()
    });
    assert_eq!(scheduler(&director), "wrr");
    assert_eq!(director.history().len(), 2);
    director.ipvsh(&["-e", "timeouts(#{ tcp: 600 })"]).ended(0);
}

/// The commit comes from a session leader that the terminal's end takes along: all of its group
/// and session get SIGHUP, then SIGKILL.
#[test]
fn it_outlives_the_session_that_made_it_and_holds_nothing_of_it() {
    let director = director();
    let script = format!(
        "exec 9>/tmp/inherited.$$; setsid sh -c 'echo $$ >&8; {} -e \"$0\" --confirm 8 >/dev/null; \
         echo done >&8; exec sleep 1000' '{SECOND}' 8>&1",
        env!("CARGO_BIN_EXE_ipvsh")
    );
    let mut shell = Command::new("ip")
        .args(["netns", "exec", &director.namespace, "sh", "-c", &script])
        .env("IPVSH_DB", director.database())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = {
        use std::io::{BufRead, BufReader};
        BufReader::new(shell.stdout.take().unwrap()).lines()
    };
    let leader: i32 = lines.next().unwrap().unwrap().parse().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "done");
    let watching = watchers(&director);
    assert_eq!(watching.len(), 1);
    let proc = std::path::PathBuf::from(format!("/proc/{}", watching[0]));
    let open = || -> Vec<String> {
        let entries = std::fs::read_dir(proc.join("fd")).unwrap().flatten();
        let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.map(|link| link.display().to_string()).collect()
    };
    // It looks at the database once, then waits with nothing open.
    within(30, "nothing is open", || open() == ["/dev/null"; 3]);
    assert_eq!(
        std::fs::read_link(proc.join("cwd")).unwrap().to_str(),
        Some("/")
    );
    let group = rustix::process::Pid::from_raw(leader).unwrap();
    for signal in [rustix::process::Signal::HUP, rustix::process::Signal::KILL] {
        let _ = rustix::process::kill_process_group(group, signal);
    }
    shell.wait().unwrap();
    assert_eq!(watchers(&director), watching);
    rolls_back(&director);
}

#[test]
fn where_who_waits_is_killed_the_next_writer_does_it() {
    let director = director();
    director.ipvsh(&["-e", SECOND, "--confirm", "2"]).ended(0);
    for pid in watchers(&director) {
        kill(pid);
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(scheduler(&director), "wrr");
    let status = director.ipvsh(&["status"]).ended(0).out;
    assert!(status.contains("was not confirmed"), "{status}");
    let said = director.ipvsh(&["restore"]).ended(0);
    assert!(
        said.err.contains(
            "snapshot 2 was not confirmed in time: rolled back to snapshot 1, as snapshot 3"
        ),
        "{}",
        said.err
    );
    rolls_back(&director);
}

#[test]
fn killed_anywhere_it_is_the_old_state_or_one_that_rolls_back() {
    for fault in [
        "kill-before-step=1",
        "kill-after-step=1",
        "kill-after-step=2",
    ] {
        let director = director();
        let before = director.state();
        let code = format!("{SECOND}; timeouts(#{{ tcp: 600 }})");
        director.ipvsh_with_fault(fault, &["-e", &code, "--confirm", "60"]);
        // Who was started to wait undoes at once what was cut off, and leaves.
        within(60, fault, || {
            director.state() == before && watchers(&director).is_empty()
        });
        assert_eq!(director.history().len(), 1, "{fault}");
        let said = director.ipvsh(&["restore"]).ended(0);
        assert_eq!(
            (said.out.as_str(), said.err.as_str()),
            ("nothing to change\n", "")
        );
    }
}

#[test]
fn of_two_at_once_one_is_refused() {
    let director = director();
    let start = |code: &str| {
        Command::new("ip")
            .args(["netns", "exec", &director.namespace])
            .args([env!("CARGO_BIN_EXE_ipvsh"), "-e", code, "--confirm", "4"])
            .env("IPVSH_DB", director.database())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let both = [start(SECOND), start("timeouts(#{ tcp: 600 })")];
    let mut statuses = both.map(|mut child| child.wait().unwrap().code());
    statuses.sort();
    assert_eq!(statuses, [Some(0), Some(1)]);
    within(60, "rolled back", || director.history().len() == 3);
    within(60, "nobody waits any more", || {
        watchers(&director).is_empty()
    });
    assert_eq!(scheduler(&director), "rr");
    assert!(director.ipvsadm("-Ln --timeout").contains("900"));
}

#[test]
fn a_script_that_finds_itself_locked_out_need_not_do_anything() {
    let director = director();
    let said = director.script(&format!(
        "{SECOND}; commit(\"try\", #{{ confirm: 5 }}); throw \"no answer\";"
    ));
    assert_eq!(said.status, 1);
    rolls_back(&director);
    director
        .script(&format!(
            "{SECOND}; commit(\"try\", #{{ confirm: 60 }}); confirm();"
        ))
        .ended(0);
    assert_eq!(scheduler(&director), "wrr");
    within(30, "nobody waits any more", || {
        watchers(&director).is_empty()
    });
}
