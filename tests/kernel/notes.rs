//! Notes about what may be regretted: each is seen, and its own fix ends it.

use crate::director::{Director, Said};

/// Commits; gives the notes that are about the change.
#[track_caller]
fn notes(director: &Director, code: &str) -> Vec<String> {
    notes_in(&director.ipvsh(&["-e", code]).ended(0))
}

/// Pastes a fix; gives the notes that are about what it changed.
#[track_caller]
fn notes_of_pasted(director: &Director, fix: &str) -> Vec<String> {
    notes_in(&director.paste(fix).ended(0))
}

fn notes_in(said: &Said) -> Vec<String> {
    let notes = said
        .err
        .lines()
        .filter_map(|line| line.strip_prefix("note: "));
    notes
        .filter(|note| note.contains(". Fix: "))
        .map(str::to_owned)
        .collect()
}

/// The fix of a note, with what only the operator knows put in.
fn filled(fix: &str) -> String {
    fix.replace("ADDRESS:", "10.0.0.11:")
        .replace("to: \"ADDRESS\"", "to: \"192.0.2.1\"")
        .replace("ADDRESS", "10.0.0.11")
        .replace("PORT", "80")
        .replace("METHOD", "masq")
}

/// The commit is regretted in these words; the fix, taken, ends it.
#[track_caller]
fn noted_until_fixed(director: &Director, code: &str, words: &str) {
    let told = notes(director, code);
    assert_eq!(told.len(), 1, "{code}: {told:?}");
    let (what, fix) = told[0].split_once(". Fix: ").unwrap();
    assert!(what.contains(words), "{code}: {told:?}");
    let filled = filled(fix);
    if filled != fix {
        let before = director.state();
        director.paste(fix);
        assert_eq!(director.state(), before, "{fix}");
    }
    let said = director.paste(&filled).ended(0);
    assert!(!said.err.contains(words), "{}", said.err);
    // Declared again, what was taken away is noted again.
    if fix.contains("unmark(") {
        return;
    }
    let still: Vec<String> = notes(director, code)
        .into_iter()
        .filter(|note| note.contains(words))
        .collect();
    assert_eq!(still, Vec::<String>::new(), "after {fix}");
}

/// A director with a network on either side, a router in it, and no VIP.
fn director() -> Director {
    let director = Director::alone();
    for line in [
        "link add eth0 type dummy",
        "link set eth0 up",
        "address add 10.0.0.1/24 dev eth0",
        "address add 2001:db8:1::1/64 dev eth0 nodad",
        "route add 10.9.0.0/16 via 10.0.0.254",
        "route add default via 10.0.0.253",
        "address add 192.0.2.1/32 dev lo",
        "address add 2001:db8:9::1/128 dev lo",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        director.exec("ip", &words).ended(0);
    }
    director
        .exec("sysctl", &["-qw", "net.ipv4.ip_forward=1"])
        .ended(0);
    director
}

#[test]
fn a_vip_that_is_elsewhere() {
    let director = director();
    let code = r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] })"#;
    noted_until_fixed(&director, code, "VIP 192.0.2.10: no address of this host");
    let code = r#"tcp("[2001:db8::10]:80", #{ servers: ["2001:db8:1::11"] })"#;
    noted_until_fixed(&director, code, "VIP 2001:db8::10: no address of this host");
    // One that the same commit declares is there when it is done.
    let code = r#"vip("192.0.2.20", #{ interface: "eth0" });
        tcp("192.0.2.20:80", #{ servers: ["10.0.0.11"] })"#;
    let planned = director.ipvsh(&["-e", code, "--plan"]).ended(0);
    assert_eq!(notes_in(&planned), Vec::<String>::new());
    assert_eq!(notes(&director, code), Vec::<String>::new());
    // A network that is local as a whole has all its addresses.
    let local = ["route", "add", "local", "198.51.100.0/24", "dev", "lo"];
    director.exec("ip", &local).ended(0);
    let code = r#"tcp("198.51.100.7:80", #{ servers: ["10.0.0.11"] })"#;
    assert_eq!(notes(&director, code), Vec::<String>::new());
    // Nothing is said to who wants nothing said, and the script has it all the same.
    let absent = r#"tcp("203.0.113.1:80", #{ servers: ["10.0.0.11"] });"#;
    assert_eq!(director.ipvsh(&["-q", "-e", absent]).ended(0).err, "");
    let code = format!("{absent} print(commit().notes[0])");
    let said = director.ipvsh(&["-q", "-e", &code]).ended(0);
    assert!(said.out.starts_with("VIP 203.0.113.1: "), "{}", said.out);
    let planned = director.ipvsh(&["plan"]).ended(0);
    assert!(planned.err.contains("VIP 203.0.113.1: "), "{}", planned.err);
}

#[test]
fn masquerading_without_forwarding() {
    let director = director();
    for (family, code) in [
        (
            "net.ipv4.ip_forward=0",
            r#"tcp("192.0.2.1:80", #{ forward: "masq", servers: ["10.0.0.11"] })"#,
        ),
        (
            "net.ipv6.conf.all.forwarding=0",
            r#"tcp("[2001:db8:9::1]:80", #{ forward: "masq", servers: ["2001:db8:1::11"] })"#,
        ),
    ] {
        director.exec("sysctl", &["-qw", family]).ended(0);
        noted_until_fixed(&director, code, "does not forward");
    }
}

#[test]
fn forwarding_that_the_same_commit_sets_is_not_missed() {
    let director = director();
    director
        .exec("sysctl", &["-qw", "net.ipv4.ip_forward=0"])
        .ended(0);
    let code = r#"sysctl("net.ipv4.ip_forward", 1);
        tcp("192.0.2.1:80", #{ forward: "masq", servers: ["10.0.0.11"] })"#;
    let planned = director.ipvsh(&["-e", code, "--plan"]).ended(0);
    assert_eq!(notes_in(&planned), Vec::<String>::new());
    assert_eq!(notes(&director, code), Vec::<String>::new());
}

#[test]
fn services_that_answer_nobody() {
    let director = director();
    noted_until_fixed(&director, r#"tcp("192.0.2.1:80")"#, "no real servers");
    assert!(director.ipvsadm("-Sn").contains("-r 10.0.0.11:80"));
    let code = r#"tcp("192.0.2.1:81").server("10.0.0.11").set(#{ weight: 0 })"#;
    let told = notes(&director, code);
    assert!(
        told[0].contains("all real servers have weight 0"),
        "{told:?}"
    );
    let (_, fix) = told[0].split_once(". Fix: ").unwrap();
    assert_eq!(notes_of_pasted(&director, fix), Vec::<String>::new());
}

#[test]
fn servers_out_of_the_ordinary() {
    let director = director();
    let code = r#"tcp("192.0.2.1:80").server("10.0.0.11", #{ forward: "direct" });
        find("192.0.2.1:80").server("10.0.0.12", #{ forward: "masq" })"#;
    let told = notes(&director, code);
    assert!(
        told[0].contains("forward differently (1 masq, 1 direct)"),
        "{told:?}"
    );
    let (_, fix) = told[0].split_once(". Fix: ").unwrap();
    assert_eq!(
        notes_of_pasted(&director, &filled(fix)),
        Vec::<String>::new()
    );

    let code = r#"tcp("192.0.2.1:81", #{ servers: ["10.9.0.11"] })"#;
    let told = notes(&director, code);
    assert!(told[0].contains("behind the router 10.0.0.254"), "{told:?}");
    let (_, fix) = told[0].split_once(". Fix: ").unwrap();
    let before = director.state();
    director.paste(fix);
    assert_eq!(director.state(), before);
    assert_eq!(
        notes_of_pasted(&director, &filled(fix)),
        Vec::<String>::new()
    );
}

#[test]
fn flags_that_are_ignored() {
    let director = director();
    let code =
        r#"tcp("192.0.2.1:80", #{ scheduler: "rr", flags: ["sh-port"], servers: ["10.0.0.11"] })"#;
    let told = notes(&director, code);
    assert!(told[0].contains("scheduler rr ignores flag-2"), "{told:?}");
    let (_, fix) = told[0].split_once(". Fix: ").unwrap();
    assert_eq!(notes_of_pasted(&director, fix), Vec::<String>::new());
}

#[test]
fn marks_without_a_service_and_the_reverse() {
    let director = director();
    let code = r#"fwmark(666, #{ servers: ["10.0.0.11"] })"#;
    noted_until_fixed(
        &director,
        code,
        "no rule of iptables gives packets mark 666",
    );
    noted_until_fixed(
        &director,
        r#"mark(7, #{ to: "192.0.2.2" })"#,
        "there is no service fwmark 7",
    );
    // What somebody else's rule feeds, in whatever table, needs nothing.
    director.iptables("-t nat -A PREROUTING -d 192.0.2.1 -j MARK --set-mark 8");
    let code = r#"fwmark(8, #{ servers: ["10.0.0.11"] })"#;
    assert_eq!(notes(&director, code), Vec::<String>::new());
}

#[test]
fn a_standby_director_is_told_of_no_second_vip() {
    let director = director();
    let code = r#"sync_daemon("backup", #{ interface: "lo" });
        tcp("192.0.2.10:80", #{ servers: ["10.0.0.11"] })"#;
    let told = notes(&director, code);
    let (what, fix) = told[0].split_once(". Fix: ").unwrap();
    assert!(what.contains("as it should be on a standby"), "{what}");
    let before = director.exec("ip", &["address"]).ended(0).out;
    director.paste(fix).ended(0);
    assert_eq!(director.exec("ip", &["address"]).ended(0).out, before);
}

/// Every fix that is told where all works is pasted; the answers stay as they were.
#[test]
fn a_fix_harms_nothing_that_works() {
    let url = "http://192.168.60.200/";
    let working = r#"tcp("192.168.60.200:80", #{ scheduler: "rr", forward: "masq",
        servers: ["192.168.182.210", "192.168.182.220"] });"#;
    for (more, words) in [
        // A rule for packets that an address service serves.
        (
            r#"mark(4377, #{ protocol: "tcp", to: "192.168.60.200", ports: [80] })"#,
            "an address service goes on serving",
        ),
        // A server of its own kind: not the client's next.
        (
            r#"find("192.168.60.200:80").server("192.168.60.200:80", #{ forward: "direct", weight: 0 })"#,
            "forward differently",
        ),
        (r#"tcp("192.168.60.200:81")"#, "no real servers"),
        (
            r#"fwmark(9, #{ servers: ["192.168.182.210"] })"#,
            "gives packets mark 9",
        ),
        (
            r#"tcp("192.168.60.201:80", #{ servers: ["192.168.182.210"] })"#,
            "no address of this host",
        ),
        (
            r#"tcp("192.168.60.200:82", #{ forward: "masq", servers: ["127.0.0.1:82"] })"#,
            "to a loopback address",
        ),
    ] {
        let director = Director::with_topology("nat");
        director.script(working).ended(0);
        let answers = |when: &str| {
            let mut all = director.hits(10, &[url]);
            all.sort();
            let one = |name: &str| all.iter().filter(|answer| *answer == name).count();
            assert_eq!((one("RS1"), one("RS2")), (5, 5), "{more}: {when}: {all:?}");
        };
        let told = notes(&director, more);
        let note = told.iter().find(|note| note.contains(words));
        let note = note.unwrap_or_else(|| panic!("{more}: {told:?}"));
        answers("before");
        let (_, fix) = note.split_once(". Fix: ").unwrap();
        director.paste(fix);
        answers(fix);
    }
}

#[test]
fn masquerading_to_loopback_serves_only_this_host() {
    let director = Director::with_topology("nat");
    let script = r#"tcp("192.168.60.200:80", #{ scheduler: "rr", forward: "masq",
        servers: ["192.168.182.210", "127.0.0.1:80"] });"#;
    director.script(script).ended(0);
    let answers = director.hits(4, &["http://192.168.60.200/"]);
    let lost = answers.iter().filter(|answer| *answer == "-").count();
    assert_eq!(lost, 2, "{answers:?}");
}

#[test]
fn sync_daemons_that_nobody_hears() {
    let director = director();
    for line in [
        "link add eth1 type dummy",
        "address add 10.1.0.1/24 dev eth1",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        director.exec("ip", &words).ended(0);
    }
    let code = r#"sync_daemon("backup", #{ interface: "eth1" })"#;
    noted_until_fixed(&director, code, "its interface eth1 is down");
    let code = r#"sync_daemon("master", #{ interface: "lo" })"#;
    let told = notes(&director, code);
    assert!(told[0].contains("reaches this host only"), "{told:?}");
    let status = director.ipvsh(&["status"]).ended(0);
    assert!(
        status.out.contains("reaches this host only"),
        "{}",
        status.out
    );
}
