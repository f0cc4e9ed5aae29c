//! exec.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{check, in_time, run, said, target};
use crate::error::Kind;
use crate::health::Finding;
use crate::probe::examine;

fn shell(script: &str, mut options: Value) -> Finding {
    let map = options.as_object_mut().unwrap();
    map.insert("type".to_owned(), "exec".into());
    let command = json!([
        "/bin/sh",
        "-c",
        script,
        "check",
        "{address}",
        "{port}",
        "{vip}",
        "{vport}",
        "{mark}"
    ]);
    map.insert("command".to_owned(), command);
    map.entry("timeout").or_insert(3.into());
    run(options, "192.0.2.10:8080".parse().unwrap())
}

/// The process has ended; nobody may have waited for it yet.
fn is_dead(pid: &str) -> bool {
    assert!(pid.parse::<u32>().is_ok(), "{pid}");
    let dead = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    (0..20).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        dead()
    })
}

#[test]
fn the_exit_status_decides() {
    for (status, expected) in [
        (0, "passed [hello]"),
        (1, "failed: exit status 1: hello [hello]"),
        (2, "failed: exit status 2: hello [hello]"),
    ] {
        let finding = shell(&format!("echo hello; exit {status}"), json!({}));
        assert_eq!(said(&finding), expected, "{status}");
    }
    let finding = shell("echo >&2 bad; kill -11 $$", json!({}));
    assert_eq!(said(&finding), "failed: ended by signal 11: bad [bad]");
}

#[test]
fn it_gets_its_arguments_and_nothing_else() {
    // The test itself has both variables: cargo sets one.
    let finding = shell(
        "echo \"$* $MODE <$HOME$CARGO_MANIFEST_DIR> $PWD\"; read line && echo input",
        json!({"env": {"MODE": "fast"}}),
    );
    let text = "failed: exit status 1: 192.0.2.10 8080 198.51.100.1 443  fast <> /";
    assert!(said(&finding).starts_with(text), "{finding:?}");
    let finding = shell("echo $(id -un) $(id -G)", json!({}));
    assert_eq!(said(&finding), "passed [nobody 65534]");
    let finding = shell("id -u", json!({"user": "root"}));
    assert_eq!(said(&finding), "passed [0]");
    let own = shell("cut -d' ' -f1,5 /proc/$$/stat", json!({}));
    let (pid, group) = own.answer.split_once(' ').unwrap();
    assert_eq!(pid, group, "it has no group of its own");
}

#[test]
fn all_its_processes_die_at_the_timeout() {
    let finding = shell("sleep 1000 & echo $!; sleep 1000", json!({"timeout": 0.5}));
    let text = format!("failed: still ran after 0.5 s; killed [{}]", finding.answer);
    assert_eq!(said(&finding), text);
    in_time(&finding);
    assert!(is_dead(&finding.answer));
}

#[test]
fn what_it_leaves_behind_dies_with_it() {
    let finding = shell("sleep 1000 & echo $!", json!({}));
    assert!(said(&finding).starts_with("passed"), "{finding:?}");
    in_time(&finding);
    assert!(is_dead(&finding.answer));
    // A process that left the group holds the pipe open; the run does not wait for it.
    let finding = shell("setsid sleep 4 & echo left", json!({}));
    assert_eq!(said(&finding), "passed [left]");
    in_time(&finding);
}

#[test]
fn a_run_that_is_given_up_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let script = format!("sleep 1000 & echo $! > {}; sleep 1000", file.display());
    let check = check(
        &json!({"type": "exec", "user": "root", "command": ["/bin/sh", "-c", script], "timeout": 60}),
    );
    runtime.block_on(async {
        let to = target("192.0.2.10:80".parse().unwrap());
        let run = crate::probe::run(&check, &to);
        let given_up = tokio::time::timeout(Duration::from_millis(500), run).await;
        assert!(given_up.is_err());
    });
    assert!(is_dead(fs::read_to_string(file).unwrap().trim()));
}

#[test]
fn a_flood_of_output_is_read_and_dropped() {
    let finding = shell("yes | head -c 20000000; exit 3", json!({}));
    assert_eq!(said(&finding), "failed: exit status 3: y [y]");
    let finding = shell("yes", json!({"timeout": 0.5}));
    assert_eq!(said(&finding), "failed: still ran after 0.5 s; killed [y]");
    in_time(&finding);
    let finding = shell("head -c 100000 /dev/zero; exit 1", json!({}));
    assert!(said(&finding).len() < 700, "{finding:?}");
}

#[test]
fn a_program_that_cannot_run_says_nothing_about_the_server() {
    let to = "192.0.2.10:80".parse().unwrap();
    let finding = run(
        json!({"type": "exec", "command": ["/nonexistent/check"]}),
        to,
    );
    let text =
        "no result: check program /nonexistent/check: cannot find it: No such file or directory";
    assert!(said(&finding).starts_with(text), "{finding:?}");
    let finding = run(
        json!({"type": "exec", "command": ["/bin/true"], "user": "nosuchuser"}),
        to,
    );
    let text = "no result: check program /bin/true: unknown user \"nosuchuser\" []";
    assert_eq!(said(&finding), text);
}

fn write(path: &Path, mode: u32) {
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Message and first hint of what is refused.
fn refused(path: &Path, user: &str) -> (Kind, String) {
    let error = examine(&[path.display().to_string()], user).unwrap_err();
    let hint = error.hints().first().cloned().unwrap_or_default();
    (error.kind(), format!("{error} | {hint}"))
}

#[test]
fn a_program_that_others_can_change_is_refused() {
    assert_eq!(examine(&["/bin/sh".to_owned()], "nobody"), Ok(()));
    // A place whose parents only root writes.
    let directory = tempfile::tempdir_in("/run").unwrap();
    let below = directory.path().join("below");
    fs::create_dir(&below).unwrap();
    for path in [directory.path(), &below] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = below.join("check");
    write(&program, 0o755);
    assert_eq!(examine(&[program.display().to_string()], "nobody"), Ok(()));
    let shown = program.display();

    write(&program, 0o757);
    let (kind, text) = refused(&program, "nobody");
    assert_eq!(kind, Kind::Invalid);
    assert_eq!(
        text,
        format!(
            "check program {shown}: {shown} is writable by everybody, who could replace the program \
             | chmod go-w {shown}"
        )
    );
    write(&program, 0o700);
    let (kind, text) = refused(&program, "nobody");
    assert_eq!(kind, Kind::NotPermitted);
    assert!(
        text.contains(&format!(
            "user nobody cannot execute {shown} | chmod a+x {shown}"
        )),
        "{text}"
    );
    assert_eq!(examine(&[shown.to_string()], "root"), Ok(()));
    write(&program, 0o644);
    assert!(
        refused(&program, "root")
            .1
            .contains("user root cannot execute")
    );

    write(&program, 0o775);
    assert_eq!(
        examine(&[shown.to_string()], "nobody"),
        Ok(()),
        "the group is root"
    );
    std::os::unix::fs::chown(&program, None, Some(65534)).unwrap();
    assert!(
        refused(&program, "root")
            .1
            .contains("is writable by its group")
    );
    std::os::unix::fs::chown(&program, Some(65534), Some(0)).unwrap();
    assert_eq!(
        examine(&[shown.to_string()], "nobody"),
        Ok(()),
        "its own user"
    );
    assert!(
        refused(&program, "root")
            .1
            .contains("belongs to the user with number 65534")
    );
    std::os::unix::fs::chown(&program, Some(0), Some(0)).unwrap();

    fs::set_permissions(&below, fs::Permissions::from_mode(0o777)).unwrap();
    let text = refused(&program, "nobody").1;
    assert!(
        text.contains(&format!("{} is writable by everybody", below.display())),
        "{text}"
    );
    // A symbolic link does not hide the directory that it leads through.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("below/../below/check", &link).unwrap();
    let text = refused(&link, "nobody").1;
    assert!(
        text.contains(&format!("{} is writable by everybody", below.display())),
        "{text}"
    );
    fs::set_permissions(&below, fs::Permissions::from_mode(0o700)).unwrap();
    let text = refused(&program, "nobody").1;
    assert!(
        text.contains(&format!("user nobody cannot enter {}", below.display())),
        "{text}"
    );

    let circle = directory.path().join("circle");
    std::os::unix::fs::symlink("circle", &circle).unwrap();
    assert!(
        refused(&circle, "nobody")
            .1
            .contains("Too many levels of symbolic links")
    );
    assert!(
        refused(directory.path(), "nobody")
            .1
            .contains("is not a file")
    );
}
