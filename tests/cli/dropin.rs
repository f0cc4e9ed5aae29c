//! `ipvsh install-dropin`, below a root of its own; never in this machine's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use super::lab::Lab;

const NAMES: [&str; 3] = ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"];

/// A file system with our program in it.
struct Image {
    lab: Lab,
}

impl Image {
    /// As distributions have it now: `/sbin` is a link to `/usr/sbin`.
    fn new() -> Image {
        let image = Image { lab: Lab::new() };
        for dir in ["usr/sbin", "usr/bin", "var/lib"] {
            fs::create_dir_all(image.path(dir)).unwrap();
        }
        symlink("usr/sbin", image.path("sbin")).unwrap();
        image.put("usr/bin/ipvsh", "our program");
        image
    }

    /// The same with ipvsadm's programs, put there by hand.
    fn with_ipvsadm() -> Image {
        let image = Image::new();
        for name in NAMES {
            image.put(&format!("usr/sbin/{name}"), &format!("the first {name}"));
        }
        image
    }

    /// The same with a dpkg that knows of nothing yet.
    fn with_dpkg() -> Image {
        let image = Image::new();
        for dir in ["info", "updates", "triggers"] {
            fs::create_dir_all(image.path("var/lib/dpkg").join(dir)).unwrap();
        }
        fs::write(image.path("var/lib/dpkg/status"), "").unwrap();
        // Or dpkg would remove the link /sbin with the last file in it.
        let file = ("usr/lib/base".to_owned(), String::new());
        image.install_package("base", "1", &["sbin", "usr/sbin", "usr/lib"], &[file]);
        image
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.path("root").join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs `ipvsh install-dropin` on it.
    fn run(&self, args: &[&str]) -> String {
        let root = self.path("");
        let mut all = vec!["install-dropin", "--root", root.to_str().unwrap()];
        all.extend(args);
        self.lab.run_plain(&all)
    }

    fn ok(&self, args: &[&str]) {
        let said = self.run(args);
        assert!(said.ends_with("-- status 0\n"), "{said}");
    }

    /// Everything that could change: names, inodes, modes, times, where links lead, what dpkg says.
    fn state(&self) -> Vec<String> {
        let mut all = Vec::new();
        for dir in ["usr/sbin", "var/lib"] {
            for entry in fs::read_dir(self.path(dir)).unwrap() {
                let path = entry.unwrap().path();
                let facts = fs::symlink_metadata(&path).unwrap();
                all.push(format!(
                    "{} {} {:o} {} {} {:?}",
                    path.display(),
                    facts.ino(),
                    facts.mode(),
                    // A directory's time says that something was in it.
                    if facts.is_dir() { 0 } else { facts.mtime() },
                    if facts.is_dir() { 0 } else { facts.nlink() },
                    fs::read_link(&path).ok()
                ));
            }
        }
        all.sort();
        all.push(self.diversions());
        all
    }

    fn names(&self) -> String {
        let entries = fs::read_dir(self.path("usr/sbin")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join(" ")
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Insists that a name leads to our program; from outside the image it does not.
    #[track_caller]
    fn is_ours(&self, name: &str) {
        let end = fs::read_link(self.path("sbin").join(name)).unwrap();
        assert_eq!(end, Path::new("/usr/bin/ipvsh"));
    }

    fn diversions(&self) -> String {
        if !self.path("var/lib/dpkg").exists() {
            return String::new();
        }
        self.tool("dpkg-divert", &["--admindir", "ADMIN", "--list"])
    }

    /// Installs a package of ipvsadm's files in a directory.
    fn install(&self, dir: &str, version: &str) {
        let file = |name: &str| (format!("{dir}/{name}"), format!("{version} {name}"));
        self.install_package("ipvsadm", version, &[dir], &NAMES.map(file));
    }

    fn install_package(
        &self,
        name: &str,
        version: &str,
        dirs: &[&str],
        files: &[(String, String)],
    ) {
        let tree = self.lab.path("package");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        for dir in dirs {
            fs::create_dir_all(tree.join(dir)).unwrap();
        }
        for path in [&tree, &tree.join("DEBIAN")] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        for (path, text) in files {
            fs::write(tree.join(path), text).unwrap();
        }
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\n\
             Maintainer: nobody <nobody@example.org>\nDescription: a stand-in\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let package = self.lab.path("package.deb");
        let [tree, package] = [&tree, &package].map(|path| path.to_str().unwrap());
        self.tool("dpkg-deb", &["--build", tree, package]);
        self.dpkg(&["--install", package]);
    }

    fn dpkg(&self, args: &[&str]) {
        let root = format!("--root={}", self.path("").display());
        let mut all = vec![
            root.as_str(),
            "--log=/dev/null",
            "--force-not-root,bad-path",
        ];
        all.extend(args);
        self.tool("dpkg", &all);
    }

    fn tool(&self, name: &str, args: &[&str]) -> String {
        let admin = self.path("var/lib/dpkg");
        let args = args.iter().map(|arg| match *arg {
            "ADMIN" => admin.to_str().unwrap(),
            arg => arg,
        });
        let output = Command::new(Path::new("/usr/bin").join(name))
            .args(args)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        let mut lines: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| format!("{line}\n"))
            .collect();
        lines.sort();
        lines.concat()
    }
}

#[test]
fn the_place_is_taken_and_given_back() {
    let image = Image::with_ipvsadm();
    let before = image.state();
    assert_snapshot!(image.run(&["--plan"]), @r"
    + link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm.ipvsh-saved)
    + link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-save.ipvsh-saved)
    + link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-restore.ipvsh-saved)
    planned, nothing done
    -- status 0
    ");
    assert_eq!(image.state(), before);
    assert_snapshot!(image.run(&[]), @r"
    + link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm.ipvsh-saved)
    + link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-save.ipvsh-saved)
    + link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-restore.ipvsh-saved)
    ipvsh is in ipvsadm's place. Undo: ipvsh install-dropin --undo
    -- status 0
    ");
    assert_snapshot!(image.names(), @r"ipvsadm ipvsadm-restore ipvsadm-restore.ipvsh-saved ipvsadm-save ipvsadm-save.ipvsh-saved ipvsadm.ipvsh-saved");
    for name in NAMES {
        image.is_ours(name);
    }
    let taken = image.state();
    assert_snapshot!(image.run(&[]), @r"
    nothing to change: ipvsh is in ipvsadm's place already
    -- status 0
    ");
    assert_eq!(image.state(), taken);
    assert_snapshot!(image.run(&["--undo"]), @r"
    - link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-restore.ipvsh-saved)
    - link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-save.ipvsh-saved)
    - link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm.ipvsh-saved)
    ipvsadm has its place again
    -- status 0
    ");
    assert_eq!(image.state(), before);
    assert_snapshot!(image.run(&["--undo"]), @r"
    nothing to change: ipvsh did not take ipvsadm's place (there is no /var/lib/ipvsh-dropin.json)
    -- status 0
    ");
}

#[test]
fn what_was_done_is_said_where_the_report_is_not_written() {
    let image = Image::with_ipvsadm();
    let root = image.path("");
    let root = root.to_str().unwrap();
    for (end, done) in [
        (
            None,
            "ipvsh is in ipvsadm's place. Undo: ipvsh install-dropin --undo",
        ),
        (Some("--undo"), "ipvsadm has its place again"),
    ] {
        let mut args = vec!["install-dropin", "--root", root];
        args.extend(end);
        let said = image.lab.run_plain_full(&args);
        let end = format!("(os error 28)\nHint: {done}\n-- status 7\n");
        assert!(said.ends_with(&end), "{said}");
        let said = image.lab.run_plain_full(&args);
        assert!(said.ends_with("(os error 28)\n-- status 1\n"), "{said}");
    }
}

#[test]
fn without_ipvsadm_there_are_only_links() {
    let image = Image::new();
    let before = image.state();
    assert_snapshot!(image.run(&[]), @r"
    + link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (nothing was there)
    + link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (nothing was there)
    + link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (nothing was there)
    ipvsh is in ipvsadm's place. Undo: ipvsh install-dropin --undo
    -- status 0
    ");
    assert_snapshot!(image.names(), @r"ipvsadm ipvsadm-restore ipvsadm-save");
    image.ok(&["--undo"]);
    assert_eq!(image.state(), before);
}

#[test]
fn a_separate_sbin_has_its_own() {
    let image = Image::new();
    fs::remove_file(image.path("sbin")).unwrap();
    fs::create_dir(image.path("sbin")).unwrap();
    image.put("sbin/ipvsadm", "the first ipvsadm");
    assert_snapshot!(image.run(&["--plan"]), @r"
    + link /sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /sbin/ipvsadm.ipvsh-saved)
    + link /sbin/ipvsadm-save to /usr/bin/ipvsh  (nothing was there)
    + link /sbin/ipvsadm-restore to /usr/bin/ipvsh  (nothing was there)
    planned, nothing done
    -- status 0
    ");
    image.put("usr/sbin/ipvsadm", "another one");
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: ipvsadm: cannot take its place: there are two of it
    Hint: remove one: ls -l /usr/sbin/ipvsadm /sbin/ipvsadm
    -- status 1
    ");
}

#[test]
fn dpkg_keeps_its_files_wherever_its_package_has_them() {
    let image = Image::with_dpkg();
    image.install("sbin", "1");
    let before = image.state();
    assert_snapshot!(image.run(&[]), @r"
    + dpkg diversion of /sbin/ipvsadm to /sbin/ipvsadm.ipvsh-saved
    + dpkg diversion of /usr/sbin/ipvsadm to /usr/sbin/ipvsadm.ipvsh-moved
    + dpkg diversion of /sbin/ipvsadm-save to /sbin/ipvsadm-save.ipvsh-saved
    + dpkg diversion of /usr/sbin/ipvsadm-save to /usr/sbin/ipvsadm-save.ipvsh-moved
    + dpkg diversion of /sbin/ipvsadm-restore to /sbin/ipvsadm-restore.ipvsh-saved
    + dpkg diversion of /usr/sbin/ipvsadm-restore to /usr/sbin/ipvsadm-restore.ipvsh-moved
    + link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /sbin/ipvsadm.ipvsh-saved)
    + link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (what was there: /sbin/ipvsadm-save.ipvsh-saved)
    + link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (what was there: /sbin/ipvsadm-restore.ipvsh-saved)
    ipvsh is in ipvsadm's place. Undo: ipvsh install-dropin --undo
    -- status 0
    ");
    assert_snapshot!(image.diversions(), @r"
    local diversion of /sbin/ipvsadm to /sbin/ipvsadm.ipvsh-saved
    local diversion of /sbin/ipvsadm-restore to /sbin/ipvsadm-restore.ipvsh-saved
    local diversion of /sbin/ipvsadm-save to /sbin/ipvsadm-save.ipvsh-saved
    local diversion of /usr/sbin/ipvsadm to /usr/sbin/ipvsadm.ipvsh-moved
    local diversion of /usr/sbin/ipvsadm-restore to /usr/sbin/ipvsadm-restore.ipvsh-moved
    local diversion of /usr/sbin/ipvsadm-save to /usr/sbin/ipvsadm-save.ipvsh-moved
    ");
    image.ok(&["--undo"]);
    assert_eq!(image.state(), before);
    image.ok(&[]);
    // An upgrade, and one that moves the files as Debian 13 does.
    for (dir, version, kept) in [
        ("sbin", "2", "ipvsadm.ipvsh-saved"),
        ("usr/sbin", "3", "ipvsadm.ipvsh-moved"),
    ] {
        image.install(dir, version);
        image.is_ours("ipvsadm");
        let kept = image.text(&format!("usr/sbin/{kept}"));
        assert_eq!(kept, format!("{version} ipvsadm"));
        assert!(image.run(&[]).contains("nothing to change"));
    }
    assert_snapshot!(image.run(&["--undo"]), @r"
    - link /usr/sbin/ipvsadm-restore to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-restore.ipvsh-moved)
    - link /usr/sbin/ipvsadm-save to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm-save.ipvsh-moved)
    - link /usr/sbin/ipvsadm to /usr/bin/ipvsh  (what was there: /usr/sbin/ipvsadm.ipvsh-moved)
    - dpkg diversion of /usr/sbin/ipvsadm-restore to /usr/sbin/ipvsadm-restore.ipvsh-moved
    - dpkg diversion of /sbin/ipvsadm-restore to /sbin/ipvsadm-restore.ipvsh-saved
    - dpkg diversion of /usr/sbin/ipvsadm-save to /usr/sbin/ipvsadm-save.ipvsh-moved
    - dpkg diversion of /sbin/ipvsadm-save to /sbin/ipvsadm-save.ipvsh-saved
    - dpkg diversion of /usr/sbin/ipvsadm to /usr/sbin/ipvsadm.ipvsh-moved
    - dpkg diversion of /sbin/ipvsadm to /sbin/ipvsadm.ipvsh-saved
    ipvsadm has its place again
    -- status 0
    ");
    assert_eq!(image.names(), "ipvsadm ipvsadm-restore ipvsadm-save");
    assert_eq!(image.text("usr/sbin/ipvsadm"), "3 ipvsadm");
    assert_eq!(image.diversions(), "");
}

#[test]
fn a_package_may_come_and_go_behind_the_links() {
    let image = Image::with_dpkg();
    image.ok(&[]);
    image.install("sbin", "1");
    image.is_ours("ipvsadm");
    image.dpkg(&["--purge", "ipvsadm"]);
    image.is_ours("ipvsadm");
    image.install("usr/sbin", "2");
    image.ok(&["--undo"]);
    assert_eq!(image.text("usr/sbin/ipvsadm"), "2 ipvsadm");
    assert_eq!(image.diversions(), "");
    image.ok(&[]);
    image.dpkg(&["--purge", "ipvsadm"]);
    image.ok(&["--undo"]);
    assert_eq!(image.names(), "");
}

#[test]
fn what_is_in_the_way_is_refused() {
    let image = Image::with_ipvsadm();
    fs::remove_file(image.path("usr/sbin/ipvsadm")).unwrap();
    symlink("/opt/lvs/ipvsadm", image.path("usr/sbin/ipvsadm")).unwrap();
    image.put("usr/sbin/ipvsadm-save.ipvsh-saved", "whose?");
    let before = image.state();
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: /usr/sbin/ipvsadm: cannot take ipvsadm's place: it is a link to /opt/lvs/ipvsadm, and ipvsh did not do that
    Hint: where it is not needed: rm /usr/sbin/ipvsadm
    Error: /usr/sbin/ipvsadm-save.ipvsh-saved: cannot take ipvsadm's place: a file of that name is there, and ipvsh did not do that
    Hint: where it is not needed: rm /usr/sbin/ipvsadm-save.ipvsh-saved
    -- status 1
    ");
    assert_eq!(image.state(), before);

    let image = Image::with_dpkg();
    image.install("sbin", "1");
    image.tool(
        "dpkg-divert",
        &[
            "--admindir",
            "ADMIN",
            "--local",
            "--no-rename",
            "--divert",
            "/sbin/x",
            "/sbin/ipvsadm",
        ],
    );
    let before = image.state();
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: /sbin/ipvsadm: cannot divert: somebody diverts it to /sbin/x already
    Hint: look: dpkg-divert --list '/sbin/ipvsadm'
    -- status 1
    ");
    assert_eq!(image.state(), before);

    let image = Image::with_ipvsadm();
    fs::set_permissions(image.path("usr/bin"), Permissions::from_mode(0o777)).unwrap();
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: LAB/root/usr/bin: cannot take ipvsadm's place with this program: others can write it (mode 777)
    Hint: put it where only root can change it: install -m 755 LAB/root/usr/bin/ipvsh /usr/local/bin/ipvsh
    Hint: then: /usr/local/bin/ipvsh install-dropin
    -- status 3
    ");
    fs::remove_file(image.path("usr/bin/ipvsh")).unwrap();
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: ipvsh in LAB/root/: cannot take ipvsadm's place: none of /usr/bin/ipvsh, /usr/local/bin/ipvsh, /usr/sbin/ipvsh
    Hint: install it there first
    -- status 1
    ");
    assert_snapshot!(image.lab.run_plain(&["install-dropin", "--sim"]), @r"
    -- stderr
    Error: this changes files of the host, and --sim touches nothing of it
    Hint: to see what it would do: leave --sim out, and add --plan
    -- status 2
    ");
}

#[test]
fn what_is_not_as_it_was_left_is_refused() {
    let image = Image::with_ipvsadm();
    image.ok(&[]);
    // What an upgrade does where no diversion keeps it away.
    fs::remove_file(image.path("usr/sbin/ipvsadm")).unwrap();
    image.put("usr/sbin/ipvsadm", "the second ipvsadm");
    fs::remove_file(image.path("usr/sbin/ipvsadm-save.ipvsh-saved")).unwrap();
    let before = image.state();
    assert_snapshot!(image.run(&["--undo"]), @r"
    -- stderr
    Error: /usr/sbin/ipvsadm: it is not as ipvsh left it: somebody put another file there
    Hint: look: ls -l /usr/sbin/ipvsadm*; what was done is written down in /var/lib/ipvsh-dropin.json
    Hint: the one from before is /usr/sbin/ipvsadm.ipvsh-saved
    Hint: where the new one is right: remove the other, then try again
    Error: /usr/sbin/ipvsadm-save: it is not as ipvsh left it: the file that was kept for it is gone
    Hint: look: ls -l /usr/sbin/ipvsadm-save*; what was done is written down in /var/lib/ipvsh-dropin.json
    -- status 1
    ");
    assert!(image.run(&[]).ends_with("-- status 1\n"));
    assert_eq!(image.state(), before);

    for args in [&[][..], &["--undo"]] {
        let image = Image::with_ipvsadm();
        image.ok(&[]);
        fs::remove_file(image.path("usr/sbin/ipvsadm")).unwrap();
        image.put("usr/sbin/ipvsadm", "the second ipvsadm");
        fs::remove_file(image.path("usr/sbin/ipvsadm.ipvsh-saved")).unwrap();
        image.ok(args);
        image.ok(&["--undo"]);
        assert_eq!(image.text("usr/sbin/ipvsadm"), "the second ipvsadm");
    }

    let image = Image::new();
    image.ok(&[]);
    fs::remove_file(image.path("usr/bin/ipvsh")).unwrap();
    fs::create_dir_all(image.path("usr/local/bin")).unwrap();
    image.put("usr/local/bin/ipvsh", "our program elsewhere");
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: /usr/local/bin/ipvsh: cannot take ipvsadm's place: the links lead to /usr/bin/ipvsh already
    Hint: give it back first: ipvsh install-dropin --undo
    -- status 1
    ");
    image.ok(&["--undo"]);
    fs::write(image.path("var/lib/ipvsh-dropin.json"), "{}").unwrap();
    assert_snapshot!(image.run(&["--undo"]), @r"
    -- stderr
    Error: LAB/root/var/lib/ipvsh-dropin.json: it is not as ipvsh wrote it: missing field `program` at line 1 column 2
    Hint: see what stands in ipvsadm's place: ls -l /usr/sbin/ipvsadm*
    -- status 1
    ");
}

#[test]
fn what_fails_half_way_is_undone() {
    for image in [Image::with_ipvsadm(), Image::with_dpkg()] {
        if image.names().is_empty() {
            image.install("sbin", "1");
        }
        // A directory where the third link is made.
        fs::create_dir(image.path("usr/sbin/ipvsadm-restore.ipvsh-new")).unwrap();
        let before = image.state();
        let said = image.run(&[]);
        assert!(
            said.contains("nothing changed: every step before it was undone"),
            "{said}"
        );
        assert!(said.ends_with("-- status 4\n"), "{said}");
        assert_eq!(image.state(), before);
        fs::remove_dir(image.path("usr/sbin/ipvsadm-restore.ipvsh-new")).unwrap();
    }
}

#[test]
fn what_dpkg_refuses_half_way_is_undone() {
    let image = Image::with_dpkg();
    image.install("sbin", "1");
    // dpkg-divert writes its new list here first.
    let obstacle = image.path("var/lib/dpkg/diversions-new/x");
    let before = image.state();
    fs::create_dir_all(&obstacle).unwrap();
    assert_snapshot!(image.run(&[]), @r"
    -- stderr
    Error: /sbin/ipvsadm: dpkg-divert refused: dpkg-divert: error: unable to create new file 'LAB/root/var/lib/dpkg/diversions-new': Is a directory
    Hint: nothing changed: every step before it was undone
    -- status 4
    ");
    assert_eq!(image.state(), before);
    fs::remove_dir_all(obstacle.parent().unwrap()).unwrap();

    image.ok(&[]);
    let taken = image.diversions() + image.names().as_str();
    fs::create_dir_all(&obstacle).unwrap();
    assert_snapshot!(image.run(&["--undo"]), @r"
    -- stderr
    Error: /usr/sbin/ipvsadm-restore: dpkg-divert refused: dpkg-divert: error: unable to create new file 'LAB/root/var/lib/dpkg/diversions-new': Is a directory
    Hint: nothing changed: every step before it was undone
    -- status 4
    ");
    assert_eq!(image.diversions() + image.names().as_str(), taken);
    image.is_ours("ipvsadm");
    fs::remove_dir_all(obstacle.parent().unwrap()).unwrap();
    image.ok(&["--undo"]);
    assert_eq!(image.state(), before);
}

#[test]
fn what_was_cut_short_is_completed_or_taken_back() {
    let cut = || {
        let image = Image::with_ipvsadm();
        let before = image.state();
        image.ok(&[]);
        let path = |name: &str| image.path("usr/sbin").join(name);
        // Killed when the second file had two names, and the third one still.
        fs::remove_file(path("ipvsadm-save")).unwrap();
        fs::hard_link(path("ipvsadm-save.ipvsh-saved"), path("ipvsadm-save")).unwrap();
        fs::rename(path("ipvsadm-restore.ipvsh-saved"), path("ipvsadm-restore")).unwrap();
        symlink("/usr/bin/ipvsh", path("ipvsadm-save.ipvsh-new")).unwrap();
        fs::write(image.path("var/lib/ipvsh-dropin.new"), "{").unwrap();
        (image, before)
    };
    let (image, before) = cut();
    image.ok(&["--undo"]);
    assert_eq!(image.state(), before);
    let (image, before) = cut();
    image.ok(&[]);
    for name in NAMES {
        image.is_ours(name);
    }
    image.ok(&["--undo"]);
    assert_eq!(image.state(), before);
}
