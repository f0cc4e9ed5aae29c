//! Adopting beside others: a running keepalived, somebody's mark rules; and letting go again.

use std::process::{Child, Command, Stdio};

use crate::director::Director;

/// A process of a name in the director's namespace, for as long as this lives.
struct Process {
    child: Child,
    /// The program is there.
    _dir: tempfile::TempDir,
}

impl Process {
    fn named(director: &Director, name: &str) -> Process {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        // Whatever waits: of busybox, a copy by another name would be another program.
        std::fs::copy("/usr/bin/perl", &path).unwrap();
        let child = Command::new("ip")
            .args(["netns", "exec", &director.namespace])
            .arg(&path)
            .args(["-e", "sleep 600"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        // From here on it is ended with this.
        let process = Process { child, _dir: dir };
        let comm = format!("/proc/{}/comm", process.child.id());
        for _ in 0..600 {
            if std::fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == name) {
                return process;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{name} does not start");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn beside_keepalived_objects_must_be_named() {
    let director = Director::alone();
    director.ipvsadm("-A -t 192.0.2.1:80 -s rr");
    director.ipvsadm("-A -t 192.0.2.2:80 -s rr");
    director.ipvsadm("--start-daemon master --mcast-interface lo");
    // One elsewhere is nobody's here.
    let elsewhere = Director::alone();
    let _other = Process::named(&elsewhere, "keepalived");
    director.ipvsh(&["adopt", "--plan"]).ended(0);

    let keepalived = Process::named(&director, "keepalived");
    let state = director.state();
    let refused = director.ipvsh(&["adopt"]).ended(1);
    assert!(
        refused
            .err
            .contains("cannot adopt everything: keepalived (process "),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("ipvsh adopt \"tcp 192.0.2.1:80\""),
        "{}",
        refused.err
    );
    let named = director.ipvsh(&["adopt", "tcp 192.0.2.1:80"]).ended(0);
    assert!(named.err.contains("manages IPVS here too"), "{}", named.err);
    let daemons = director.ipvsh(&["adopt", "daemons"]).ended(0);
    assert_eq!(daemons.out, "nothing to change\n");
    assert!(
        daemons.err.contains("sync daemon master: keepalived"),
        "{}",
        daemons.err
    );
    assert_eq!(director.state(), state);

    drop(keepalived);
    director.ipvsh(&["adopt"]).ended(0);
    assert_eq!(director.state(), state);
}

#[test]
fn an_adoption_is_undone_without_the_kernel_noticing() {
    let director = Director::alone();
    director.ipvsadm("-A -t 192.0.2.1:80 -s rr");
    director.ipvsadm("-a -t 192.0.2.1:80 -r 10.0.0.1 -m");
    let state = director.state();
    let adopted = director.ipvsh(&["adopt"]).ended(0);
    let (_, undo) = adopted.out.trim_end().rsplit_once("Undo: ipvsh ").unwrap();
    assert_eq!(undo, "forget 1");
    let undo: Vec<&str> = undo.split(' ').collect();
    let forgotten = director.ipvsh(&undo).ended(0);
    assert!(
        forgotten
            .out
            .contains("the kernel untouched. Undo: ipvsh rollback 1"),
        "{}",
        forgotten.out
    );
    assert!(
        forgotten.err.contains("1 service not managed by ipvsh"),
        "{}",
        forgotten.err
    );
    assert_eq!(director.state(), state);
    // Foreign again: restoring and rolling back leave it alone.
    director.ipvsh(&["restore"]).ended(0);
    director.ipvsh(&["rollback", "1"]).ended(0);
    director.ipvsh(&["forget", "tcp", "192.0.2.1:80"]).ended(0);
    assert_eq!(director.state(), state);
}

#[test]
fn a_rollback_does_not_remove_what_was_adopted() {
    let director = Director::alone();
    director
        .ipvsh(&["-e", r#"tcp("192.0.2.9:9", #{ scheduler: "rr" })"#])
        .ended(0);
    director.ipvsadm("-A -t 192.0.2.1:80 -s rr");
    director.ipvsadm("-a -t 192.0.2.1:80 -r 10.0.0.1 -m");
    director.ipvsh(&["adopt"]).ended(0);
    let state = director.state();
    for undo in [&["rollback"][..], &["revert", "2"], &["forget", "2"]] {
        let said = director.ipvsh(undo).ended(0);
        assert_eq!(director.state(), state, "{undo:?}");
        assert!(
            said.err.contains("1 service not managed by ipvsh"),
            "{undo:?}: {}",
            said.err
        );
        director.ipvsh(&["rollback", "2"]).ended(0);
    }
    // It goes where it is named, and where everything is to go that is said.
    let refused = director.ipvsh(&["-e", "clear()"]).ended(1);
    assert!(
        refused.err.contains("where it was before ipvsh managed it"),
        "{}",
        refused.err
    );
    director
        .ipvsh(&["-e", r#"remove("tcp 192.0.2.1:80")"#])
        .ended(0);
    assert!(!director.ipvsadm("-Sn").contains("192.0.2.1:80"));
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.state(), state);
}

#[test]
fn rules_that_an_import_doubles_are_named() {
    let director = Director::alone();
    let rule = "-t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 5";
    director.iptables(rule);
    let file = director.database().with_extension("v4");
    let file = file.to_str().unwrap();
    let save = format!("iptables-save -t mangle >{file}");
    director.exec("sh", &["-c", &save]).ended(0);
    let said = director.ipvsh(&["import", file]).ended(0);
    let (_, delete) = said.err.trim_end().rsplit_once("may go: ").unwrap();
    let delete = delete.lines().next().unwrap();
    director.exec("sh", &["-c", delete]).ended(0);
    let mangle = director.iptables("-t mangle -S");
    assert_eq!(mangle.matches("--set-xmark 0x5/").count(), 1, "{mangle}");
    director.ipvsh(&["plan", "--exit-code"]).ended(0);
}

#[test]
fn what_feeds_a_mark_service_is_told_and_taken_over() {
    let director = Director::alone();
    director
        .iptables("-t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 5");
    director.ipvsadm("-A -f 5 -s rr");
    director.ipvsadm("-a -f 5 -r 10.0.0.1");
    let told = director.ipvsh(&["adopt", "fwmark 5"]).ended(0);
    let line = r#"mark(5, #{ protocol: "tcp", to: "192.0.2.20", ports: [80] })"#;
    assert!(told.err.contains(line), "{}", told.err);
    assert!(
        told.err.contains("adopt --marks \"fwmark 5\""),
        "{}",
        told.err
    );

    let taken = director
        .ipvsh(&["adopt", "--marks", "fwmark", "5"])
        .ended(0);
    let (_, delete) = taken.err.trim_end().rsplit_once("may go: ").unwrap();
    let delete = delete.lines().next().unwrap();
    assert!(
        delete.starts_with("iptables -t mangle -D PREROUTING "),
        "{delete}"
    );
    let mangle = director.iptables("-t mangle -S");
    assert_eq!(mangle.matches("--set-xmark 0x5/").count(), 2, "{mangle}");
    director.exec("sh", &["-c", delete]).ended(0);
    let mangle = director.iptables("-t mangle -S");
    assert_eq!(mangle.matches("--set-xmark 0x5/").count(), 1, "{mangle}");
    assert_eq!(director.ipvsh(&["plan", "--exit-code"]).ended(0).status, 0);

    // Both at once: to undo it is to let go, the service was there before and stays.
    director.iptables("-t mangle -A PREROUTING -d 192.0.2.21 -j MARK --set-mark 6");
    director.ipvsadm("-A -f 6 -s rr");
    let table = director.ipvsadm("-Sn");
    let taken = director.ipvsh(&["adopt", "--marks", "fwmark 6"]).ended(0);
    let (_, undo) = taken.out.trim_end().rsplit_once("Undo: ipvsh ").unwrap();
    assert!(undo.starts_with("forget "), "{}", taken.out);
    let undo: Vec<&str> = undo.split(' ').collect();
    director.ipvsh(&undo).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), table);
}

/// What `adopt --marks` said of a mark service that these lines of iptables feed; none of them is
/// taken over.
#[track_caller]
fn left_alone(lines: &[&str]) -> String {
    let director = Director::alone();
    for line in lines {
        director.iptables(line);
    }
    director.ipvsadm("-A -f 5 -s rr");
    director.ipvsadm("-a -f 5 -r 10.0.0.1");
    let before = director.iptables("-t mangle -S");
    let said = director.ipvsh(&["adopt", "--marks", "fwmark 5"]).ended(0);
    assert_eq!(director.iptables("-t mangle -S"), before, "{lines:?}");
    said.err
}

#[test]
fn exclusions_are_not_lost_when_marks_are_taken_over() {
    let mark = "-t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 5";
    let exclude = "-t mangle -A PREROUTING -s 192.168.60.100/32 -j RETURN";
    let said = left_alone(&[exclude, mark]);
    let named =
        "Not all its packets get the mark, by \"-A PREROUTING -s 192.168.60.100/32 -j RETURN\"";
    assert!(said.contains(named), "{said}");
    for line in [
        "-t mangle -A INPUT -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 5",
        "-t mangle -A OUTPUT -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 5",
        "-t raw -A PREROUTING -d 192.0.2.20 -j MARK --set-mark 5",
    ] {
        let said = left_alone(&[line]);
        assert!(
            said.contains("fed by what no mark rule of ours can say"),
            "{said}"
        );
    }
    let said = left_alone(&[
        "-t mangle -N PREROUTING_direct",
        "-t mangle -A PREROUTING -j PREROUTING_direct",
        "-t mangle -A PREROUTING_direct -d 192.0.2.20 -j MARK --set-mark 5",
    ]);
    assert!(said.contains("-A PREROUTING_direct"), "{said}");
}

#[test]
fn a_rule_that_only_nft_can_read_is_told() {
    let director = Director::alone();
    // The table is made by iptables, and the rule by nft.
    director.iptables("-t mangle -A PREROUTING -d 192.0.2.99 -j MARK --set-mark 1");
    let nft =
        "nft add rule ip mangle PREROUTING tcp dport { 80, 443 } meta mark set numgen inc mod 2";
    director.exec("sh", &["-c", nft]).ended(0);
    let code = r#"mark(5, #{ to: "192.0.2.20" })"#;
    let said = director.ipvsh(&["-e", code]);
    assert_ne!(said.status, 0, "{}{}", said.out, said.err);
    for words in [
        "the table ip mangle of nftables has a rule or chain that iptables cannot read",
        "nft -a list table ip mangle",
        "nft delete rule ip mangle CHAIN handle NUMBER",
    ] {
        assert!(said.err.contains(words), "{}", said.err);
    }
    // The way out, as it is told.
    let list = director
        .exec("nft", &["-a", "list", "table", "ip", "mangle"])
        .ended(0)
        .out;
    let line = list.lines().find(|line| line.contains("numgen")).unwrap();
    let (_, handle) = line.rsplit_once("handle ").unwrap();
    let delete = format!("nft delete rule ip mangle PREROUTING handle {handle}");
    director.exec("sh", &["-c", &delete]).ended(0);
    director.ipvsh(&["-e", code]).ended(0);
}
