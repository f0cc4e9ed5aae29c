//! `ipvsh edit`, with editors that are scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin;
use insta::assert_snapshot;

use super::lab::Lab;

/// A lab, and a directory for temporary files in it.
fn lab() -> Lab {
    let lab = Lab::with_web();
    fs::create_dir(lab.path("tmp")).unwrap();
    lab
}

/// An editor that runs lines of shell on the file "$1".
fn editor(lab: &Lab, lines: &str) -> String {
    let path = lab.script("editor", &format!("#!/bin/sh\nset -e\n{lines}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs `ipvsh edit` with an editor.
fn edit(lab: &Lab, lines: &str, args: &[&str]) -> String {
    let editor = editor(lab, lines);
    let tmp = lab.path("tmp");
    let environment = [
        ("EDITOR", editor.as_str()),
        ("TMPDIR", tmp.to_str().unwrap()),
    ];
    settled(&lab.run_in(&environment, &[&["edit"], args].concat()))
}

/// Without the number of the process in the names of directories.
fn settled(text: &str) -> String {
    let mut parts = text.split("ipvsh-edit.");
    let mut settled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        settled += "ipvsh-edit.N";
        settled += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    settled
}

/// The files that edits left behind.
fn kept(lab: &Lab) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&lab.path("tmp"), &mut found);
    found
}

fn nothing_is_left(lab: &Lab) {
    assert_eq!(fs::read_dir(lab.path("tmp")).unwrap().count(), 0);
}

#[test]
fn an_edit_is_committed_and_leaves_no_file() {
    let lab = lab();
    let shown = format!(
        "cp \"$1\" {}; stat -c '%a' \"$1\" \"$(dirname \"$1\")\" > {}",
        lab.path("seen").display(),
        lab.path("modes").display()
    );
    assert_snapshot!(edit(&lab, &format!("{shown}; sed -i 's/weight: 3/weight: 7/' \"$1\""), &["-y"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    let seen = fs::read_to_string(lab.path("seen")).unwrap();
    let (first, rest) = seen.split_once('\n').unwrap();
    assert!(first.starts_with("// made from snapshot 1 of 2"), "{first}");
    assert_snapshot!(rest, @r#"
    // Save and leave the editor to see the plan: nothing is changed before that.
    // What is taken out of this text is removed.

    tcp("192.0.2.10:80", #{
        scheduler: "rr",
        forward: "masq",
        servers: [
            "10.0.0.11",
            #{ address: "10.0.0.12", weight: 3 },
        ],
    });
    "#);
    assert_eq!(fs::read_to_string(lab.path("modes")).unwrap(), "600\n700\n");
    nothing_is_left(&lab);
    let before = lab.state();
    assert_snapshot!(edit(&lab, "touch \"$1\"", &[]), @r"
    nothing to change
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    nothing_is_left(&lab);
    lab.ok(&["-e", r#"tcp("192.0.2.11:80", #{ servers: ["10.0.0.21"] })"#]);
    // What is taken out of the text is removed.
    assert_snapshot!(edit(&lab, "sed -i '/10.0.0.11/d; /^tcp(\"192.0.2.11/,/^]/d' \"$1\"", &["-y", "-m", "tidy"]), @r"
    tcp 192.0.2.10:80
      - server 10.0.0.11:80  masq weight 1
    - tcp 192.0.2.11:80  wlc
      - server 10.0.0.21:80  direct weight 1
    snapshot 4 (3 before), 3 changes, verified. Undo: ipvsh --sim rollback 3
    -- status 0
    ");
    assert_snapshot!(lab.run(&["history", "-n", "1"]), @r"
    snapshot  time                 author  changes  message
    4  TIME  AUTHOR  -3  tidy
    -- status 0
    ");
    nothing_is_left(&lab);
    let fresh = Lab::new();
    fs::create_dir(fresh.path("tmp")).unwrap();
    assert_snapshot!(edit(&fresh, "echo 'udp(\"192.0.2.53:53\");' >> \"$1\"", &["-y"]), @r#"
    + udp 192.0.2.53:53  wlc
    snapshot 1 (the first), 1 change, verified. Undo: ipvsh --sim revert 1
    -- stderr
    note: udp 192.0.2.53:53: no real servers, so clients are refused. Fix: ipvsh --sim -e 'find("udp 192.0.2.53:53").server("ADDRESS")'
    -- status 0
    "#);
}

#[test]
fn an_edit_without_a_terminal_is_shown_and_not_committed() {
    let lab = lab();
    let before = lab.state();
    assert_snapshot!(edit(&lab, "sed -i 's/weight: 3/weight: 7/' \"$1\"", &[]), @r"
    -- stderr
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    Error: not committed: standard input is no terminal, so that nothing can ask
    Hint: to commit without a question: -y
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    ");
    assert_snapshot!(edit(&lab, "sed -i 's/weight: 3/weight: 8/' \"$1\"", &["--plan"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 8
    1 change planned, nothing done
    -- stderr
    note: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 0
    ");
    assert_eq!(lab.state(), before);
    assert_eq!(kept(&lab).len(), 2);
    let path = kept(&lab)
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("weight: 8"));
    let path = path.unwrap().display().to_string();
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "-y"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 8
    snapshot 2 (1 before), 1 change, verified. Undo: ipvsh --sim rollback 1
    -- status 0
    ");
    assert_eq!(kept(&lab).len(), 1);
}

#[test]
fn an_edit_of_a_head_that_moved_is_refused_and_kept() {
    let lab = lab();
    let ipvsh = cargo_bin("ipvsh");
    let meanwhile = format!("{} --sim weight 10.0.0.11 5 > /dev/null", ipvsh.display());
    let change = "sed -i 's/weight: 3/weight: 7/' \"$1\"";
    assert_snapshot!(edit(&lab, &format!("{meanwhile}; {change}"), &["-y"]), @r#"
    -- stderr
    Error: cannot commit the edit: the head is snapshot 2, "tcp 192.0.2.10:80: server 10.0.0.11:80 weight 1 -> 5" by AUTHOR, and no longer 1, which was edited
    Hint: what changed meanwhile: ipvsh --sim diff 1 2
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    "#);
    let path = kept(&lab).pop().unwrap().display().to_string();
    assert!(fs::read_to_string(&path).unwrap().contains("weight: 7"));
    // It goes on over what the head is now; what was changed meanwhile stays.
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "--plan"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    1 change planned, nothing done
    -- stderr
    note: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 0
    ");
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "-y"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    let now = lab.ok(&["show", "--json"]).replace('"', "");
    assert!(now.contains("weight: 5"), "{now}");
    nothing_is_left(&lab);
    // Without a change of the text nothing is refused.
    let meanwhile = meanwhile.replace(" 5 ", " 6 ");
    assert_snapshot!(edit(&lab, &meanwhile, &["-y"]), @r"
    nothing to change
    -- status 0
    ");
}

#[test]
fn a_wrong_script_is_kept() {
    let lab = lab();
    let before = lab.state();
    assert_snapshot!(edit(&lab, "echo 'tpc(1)' >> \"$1\"", &["-y"]), @r#"
    -- stderr
    Error: there is no function tpc
      --> LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai:13:1
    13 | tpc(1)
       | ^
    Hint: did you mean "tcp"?
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    "#);
    let path = kept(&lab).pop().unwrap().display().to_string();
    assert_snapshot!(edit(&lab, "echo '{' >> \"$1\"", &["--again", &path, "-y"]), @r#"
    -- stderr
    Error: ";" is missing to terminate this statement
      --> LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai:14:1
    14 | {
       | ^
    Hint: statements are separated by ";"
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    "#);
    assert_eq!(kept(&lab).len(), 1);
    fs::remove_file(&path).unwrap();
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "-y"]), @r"
    -- stderr
    Error: LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai: cannot read: No such file or directory (os error 2)
    Hint: nothing was changed; to begin anew: ipvsh --sim edit
    -- status 1
    ");
    assert_snapshot!(edit(&lab, "echo 'commit()' >> \"$1\"", &["-y"]), @r"
    -- stderr
    Error: LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai: an edit only declares: it commits by itself
    Hint: run it: ipvsh --sim run LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    ");
    assert_eq!(lab.state(), before);
}

#[test]
fn the_guards_of_a_commit_hold() {
    let lab = lab();
    lab.ok(&["-e", r#"for n in 20..=23 { tcp(`192.0.2.${n}:80`) }"#]);
    let before = lab.state();
    let nothing = "echo 'remove_all();' > \"$1\"";
    assert_snapshot!(edit(&lab, nothing, &["-y"]), @r#"
    -- stderr
    Error: refused: this would remove 5 of 5 virtual services
    Hint: look at it with --plan; if it is meant: --allow-removals
    Hint: in a script: commit("message", #{ allow_removals: true })
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-2.rhai
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
    assert_eq!(kept(&lab).len(), 1);
    assert_snapshot!(edit(&lab, nothing, &["-y", "--allow-removals"]), @r"
    - tcp 192.0.2.10:80  rr
      - server 10.0.0.11:80  masq weight 1
      - server 10.0.0.12:80  masq weight 3
    - tcp 192.0.2.20:80  wlc
    - tcp 192.0.2.21:80  wlc
    - tcp 192.0.2.22:80  wlc
    - tcp 192.0.2.23:80  wlc
    snapshot 3 (2 before), 7 changes, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
}

#[test]
fn an_editor_that_fails_or_is_missing_changes_nothing() {
    let lab = lab();
    let before = lab.state();
    assert_snapshot!(edit(&lab, "exit 3", &["-y"]), @r"
    -- stderr
    Error: editor LAB/editor: nothing changed: it ended with exit status: 3
    Hint: choose another one: VISUAL=nano ipvsh --sim edit
    -- status 1
    ");
    nothing_is_left(&lab);
    assert_snapshot!(edit(&lab, "echo '// mine' >> \"$1\"; exit 3", &["-y"]), @r"
    -- stderr
    Error: editor LAB/editor: nothing changed: it ended with exit status: 3
    Hint: choose another one: VISUAL=nano ipvsh --sim edit
    Hint: your text is kept; to go on: ipvsh --sim edit --again LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    ");
    assert_eq!(kept(&lab).len(), 1);
    fs::remove_dir_all(lab.path("tmp")).unwrap();
    assert_snapshot!(edit(&lab, "true", &["-y"]), @r"
    -- stderr
    Error: LAB/tmp/ipvsh-edit.N.0: cannot make a directory to edit in: No such file or directory (os error 2)
    Hint: TMPDIR names the directory that it is made in
    -- status 1
    ");
    fs::create_dir(lab.path("tmp")).unwrap();
    let tmp = lab.path("tmp");
    let run = |editor: &str, path: &str| {
        let tmp = tmp.to_str().unwrap();
        let environment = [
            ("VISUAL", editor),
            ("EDITOR", "false"),
            ("TMPDIR", tmp),
            ("PATH", path),
        ];
        settled(&lab.run_in(&environment, &["edit", "-y"]))
    };
    assert_snapshot!(run("/nonexistent/editor -w", "/usr/bin:/bin"), @r"
    -- stderr
    Error: editor /nonexistent/editor: cannot start it: No such file or directory (os error 2)
    Hint: choose another one: VISUAL=nano ipvsh --sim edit
    -- status 1
    ");
    nothing_is_left(&lab);
    // Words are not given to a shell.
    assert_snapshot!(run("true; touch owned", "/usr/bin:/bin"), @r"
    -- stderr
    Error: editor true;: cannot start it: No such file or directory (os error 2)
    Hint: choose another one: VISUAL=nano ipvsh --sim edit
    -- status 1
    ");
    assert!(!lab.path("owned").exists());
    assert_eq!(lab.state(), before);
}

#[test]
fn an_edit_that_goes_on_keeps_what_others_committed() {
    let lab = lab();
    edit(&lab, "sed -i 's/weight: 3/weight: 7/' \"$1\"", &[]);
    let path = kept(&lab).pop().unwrap().display().to_string();
    lab.ok(&["-e", r#"udp("192.0.2.53:53", #{ servers: ["10.0.0.53"] })"#]);
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "-y"]), @r"
    tcp 192.0.2.10:80
      ~ server 10.0.0.12:80  weight 3 -> 7
    snapshot 3 (2 before), 1 change, verified. Undo: ipvsh --sim rollback 2
    -- status 0
    ");
    assert!(lab.ok(&["show"]).contains("192.0.2.53:53"));
    // What both changed differently is refused, and the text is kept.
    edit(&lab, "sed -i 's/weight: 7/weight: 8/' \"$1\"", &[]);
    let path = kept(&lab).pop().unwrap().display().to_string();
    lab.ok(&["weight", "10.0.0.12", "9"]);
    let before = lab.state();
    let said = edit(&lab, "true", &["--again", &path, "-y"]);
    for words in [
        "weight was also changed by snapshot 4",
        "edit --again",
        "status 1",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(lab.state(), before);
    // Where the text comes to say the same, there is no clash.
    let agree = "sed -i 's/weight: 8/weight: 9/' \"$1\"";
    let said = edit(&lab, agree, &["--again", &path, "-y"]);
    assert!(said.contains("status 0"), "{said}");
    nothing_is_left(&lab);
}

#[test]
fn a_text_whose_snapshot_is_not_known_is_refused() {
    let lab = lab();
    edit(&lab, "sed -i 's/weight: 3/weight: 7/' \"$1\"", &[]);
    let path = kept(&lab).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let path = path.display().to_string();
    lab.ok(&["weight", "10.0.0.11", "5"]);
    lab.ok(&["weight", "10.0.0.11", "6"]);
    let before = lab.state();
    fs::write(&path, text.split_once('\n').unwrap().1).unwrap();
    assert_snapshot!(edit(&lab, "true", &["--again", &path, "-y"]), @r#"
    -- stderr
    Error: LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai: cannot go on with it: no line "// made from snapshot N of TIME" at its top says what it was made from
    Hint: to edit the present head anew: ipvsh --sim edit
    Hint: to see what it would change as the whole of the rules: ipvsh --sim import --replace --plan LAB/tmp/ipvsh-edit.N.0/snapshot-1.rhai
    -- status 1
    "#);
    assert_eq!(lab.state(), before);
    // The snapshot of this number in another history.
    fs::write(
        &path,
        text.replacen("snapshot 1 of 2", "snapshot 1 of 1", 1),
    )
    .unwrap();
    let said = edit(&lab, "true", &["--again", &path, "-y"]);
    assert!(
        said.contains("cannot go on with it: it was made from snapshot 1 of TIME"),
        "{said}"
    );
    fs::write(&path, &text).unwrap();
    lab.ok(&["prune", "--keep", "1"]);
    let before = lab.state();
    let said = edit(&lab, "true", &["--again", &path, "-y"]);
    for words in [
        "cannot go on with it",
        "import --replace --plan",
        "status 1",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(lab.state(), before);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn only_the_file_of_the_edit_is_removed() {
    let lab = lab();
    edit(&lab, "sed -i 's/weight: 3/weight: 7/' \"$1\"", &[]);
    let path = kept(&lab).pop().unwrap();
    let (theirs, mine) = (
        path.with_file_name("theirs"),
        path.with_file_name("mine.rhai"),
    );
    fs::write(&theirs, "keep").unwrap();
    fs::copy(&path, &mine).unwrap();
    let again = |path: &Path| edit(&lab, "true", &["--again", path.to_str().unwrap(), "-y"]);
    assert!(again(&path).contains("snapshot 2"));
    assert!(!path.exists() && theirs.exists() && mine.exists());
    assert!(again(&mine).contains("nothing to change"));
    assert!(theirs.exists() && mine.exists());
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let lab = lab();
    let before = lab.state();
    let again = |name: &str| {
        let path = lab.path(name).display().to_string();
        edit(&lab, "true", &["--again", &path, "-y"])
    };
    let fifo = lab.path("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink("/etc/passwd", lab.path("link")).unwrap();
    let all = [
        again("fifo"),
        again("link"),
        again("tmp"),
        again("/dev/zero"),
        again("/etc/passwd"),
    ];
    assert_snapshot!(all.join("\n"), @r#"
    -- stderr
    Error: LAB/fifo: cannot be edited: it is a FIFO, and no regular file
    Hint: nothing was changed; to begin anew: ipvsh --sim edit
    -- status 1

    -- stderr
    Error: LAB/link: cannot be edited: it is a symbolic link, and no regular file
    Hint: nothing was changed; to begin anew: ipvsh --sim edit
    -- status 1

    -- stderr
    Error: LAB/tmp: cannot be edited: it is a directory, and no regular file
    Hint: nothing was changed; to begin anew: ipvsh --sim edit
    -- status 1

    -- stderr
    Error: /dev/zero: cannot be edited: it is a device, and no regular file
    Hint: nothing was changed; to begin anew: ipvsh --sim edit
    -- status 1

    -- stderr
    Error: /etc/passwd: cannot go on with it: no line "// made from snapshot N of TIME" at its top says what it was made from
    Hint: to edit the present head anew: ipvsh --sim edit
    Hint: to see what it would change as the whole of the rules: ipvsh --sim import --replace --plan /etc/passwd
    -- status 1
    "#);
    // The editor put something else in its place.
    let put = |lines: &str| edit(&lab, &format!("rm \"$1\"; {lines}"), &["-y"]);
    for (lines, words) in [
        ("mkfifo \"$1\"", "it is a FIFO"),
        ("ln -s /etc/passwd \"$1\"", "it is a symbolic link"),
        ("mkdir \"$1\"", "it is a directory"),
        ("truncate -s 5M \"$1\"", "it is longer than 4 MiB"),
        ("true", "to begin anew: ipvsh --sim edit"),
        (
            "rmdir \"$(dirname \"$1\")\"",
            "to begin anew: ipvsh --sim edit",
        ),
        ("kill -9 $$", "choose another one: VISUAL=nano"),
    ] {
        let said = put(lines);
        assert!(said.contains(words) && said.contains("status 1"), "{said}");
        assert!(!said.contains("text is kept"), "{said}");
        assert!(!said.contains("root:"), "{said}");
    }
    assert_eq!(lab.state(), before);
}

#[test]
fn an_emptied_file_is_an_abort() {
    let lab = lab();
    let before = lab.state();
    assert_snapshot!(edit(&lab, "echo '// nothing' > \"$1\"", &["-y", "--allow-removals"]), @r"
    -- stderr
    Error: nothing to change: the file is empty
    Hint: to remove everything: leave `remove_all()` as its only statement
    -- status 1
    ");
    assert_eq!(lab.state(), before);
    nothing_is_left(&lab);
}

#[test]
fn an_edit_only_declares() {
    let lab = lab();
    let before = lab.state();
    for call in ["rollback(1)", "tag(1, \"x\")", "revert(1)"] {
        let said = edit(&lab, &format!("echo '{call};' >> \"$1\""), &["-y"]);
        let name = call.split('(').next().unwrap();
        assert!(
            said.contains(&format!("cannot {name}: an edit only declares")),
            "{said}"
        );
    }
    assert_eq!(lab.state(), before);
}

/// Editors keep the older version of a file beside it; they kept the directory there too.
#[test]
fn backups_of_the_editor_do_not_keep_the_directory() {
    let lab = lab();
    let backups = "cp \"$1\" \"$1~\"; cp \"$1\" \"$1.~2~\"; \
                   cp \"$1\" \"$(dirname \"$1\")/.$(basename \"$1\").un~\"";
    edit(
        &lab,
        &format!("{backups}; sed -i 's/weight: 3/weight: 7/' \"$1\""),
        &["-y"],
    );
    nothing_is_left(&lab);
    edit(&lab, &format!("{backups}; touch \"$1\""), &[]);
    nothing_is_left(&lab);
    // What an editor could not save, and files of the user's own, stay.
    let others = "echo mine > \"$(dirname \"$1\")/other.rhai~\"; \
                  cp \"$1\" \"$(dirname \"$1\")/.$(basename \"$1\").swp\"";
    edit(&lab, &format!("{backups}; {others}"), &[]);
    let names = kept(&lab).into_iter().map(|path| {
        let name = path.file_name().unwrap();
        name.to_str().unwrap().to_owned()
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, [".snapshot-2.rhai.swp", "other.rhai~"]);
}

#[test]
fn without_a_terminal_no_editor_is_started_that_nobody_chose() {
    let lab = lab();
    let tmp = lab.path("tmp");
    let before = lab.state();
    let environment = [("TMPDIR", tmp.to_str().unwrap())];
    assert_snapshot!(lab.run_in(&environment, &["edit"]), @r"
    -- stderr
    Error: cannot edit: standard input is no terminal, and VISUAL and EDITOR name no program
    Hint: to let a program edit: VISUAL=PROGRAM ipvsh --sim edit
    Hint: to edit in two steps: ipvsh --sim export --format rhai > FILE; ipvsh --sim import --replace --plan FILE
    -- status 1
    ");
    let said = lab.run_in(&environment, &["--json", "edit", "-y"]);
    assert!(said.contains(r#""kind":"state""#), "{said}");
    assert_eq!(lab.state(), before);
    nothing_is_left(&lab);
}

#[test]
fn what_an_edit_would_do_is_told_as_json() {
    let lab = lab();
    for (lines, outcome, changes) in [
        ("sed -i 's/weight: 3/weight: 7/' \"$1\"", "planned", 1),
        ("echo '// a comment' >> \"$1\"", "unchanged", 0),
        ("touch \"$1\"", "unchanged", 0),
    ] {
        let editor = editor(&lab, lines);
        let mut command = lab.command(&["--json", "edit", "--plan"]);
        command.env("EDITOR", editor).env("TMPDIR", lab.path("tmp"));
        let output = command.output().unwrap();
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["outcome"], outcome, "{lines}");
        assert_eq!(
            result["changes"].as_array().unwrap().len(),
            changes,
            "{lines}"
        );
        assert_eq!(output.status.code(), Some(0), "{lines}");
    }
}
