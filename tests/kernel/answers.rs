//! What notes say of answers that do not come, seen with packets; and that their fix helps.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::director::Director;

/// Commits; gives what was said to the user.
fn said(director: &Director, code: &str) -> String {
    director.ipvsh(&["-e", code]).ended(0).err
}

/// The fix of the note with these words.
#[track_caller]
fn fix(said: &str, words: &str) -> String {
    let note = said
        .lines()
        .find(|line| line.starts_with("note: ") && line.contains(words));
    let note = note.unwrap_or_else(|| panic!("no \"{words}\" in {said}"));
    note.split_once(". Fix: ").unwrap().1.to_owned()
}

/// Who answers one request from a role of the topology; "-" where nobody does.
fn ask(director: &Director, role: &str, options: &str) -> String {
    let line = format!("curl -s --max-time 2 {options} || echo -");
    let out = director.typed(role, &line).out;
    out.lines().last().unwrap_or("-").to_owned()
}

const SOURCES: std::ops::Range<u8> = 120..136;

/// Answers to clients at many addresses.
fn by_source(director: &Director) -> Vec<String> {
    let url = "http://192.168.60.200/";
    let one = |last: u8| {
        ask(
            director,
            "client",
            &format!("--interface 192.168.60.{last} {url}"),
        )
    };
    SOURCES.map(one).collect()
}

/// A client at many addresses.
fn with_sources() -> Director {
    let director = Director::with_topology("nat");
    for last in SOURCES {
        let line = format!(
            "ip address add 192.168.60.{last}/24 dev $(ip -o route get 192.168.60.200 | sed 's/.* dev \\([^ ]*\\).*/\\1/')"
        );
        director.typed("client", &line).ended(0);
    }
    director
}

#[track_caller]
fn refuses_until_it_falls_back(scheduler: &str) {
    let director = with_sources();
    let code = format!(
        r#"tcp("192.168.60.200:80", #{{ scheduler: "{scheduler}", forward: "masq",
            servers: ["192.168.182.210", "192.168.182.220"] }})"#
    );
    director.ipvsh(&["-e", &code]).ended(0);
    let quiesce = r#"find("192.168.60.200:80").find("192.168.182.210").set(#{ weight: 0 })"#;
    let said = said(&director, quiesce);
    let fix = fix(
        &said,
        &format!("the scheduler {scheduler} still maps clients to it"),
    );
    let answers = by_source(&director);
    let count = |answers: &[String], of: &str| answers.iter().filter(|one| *one == of).count();
    let (lost, served) = (count(&answers, "-"), count(&answers, "RS2"));
    assert!(
        lost > 0 && served > 0 && lost + served == answers.len(),
        "{answers:?}"
    );
    director.paste(&fix).ended(0);
    let answers = by_source(&director);
    assert_eq!(count(&answers, "RS2"), answers.len(), "{answers:?}");
}

#[test]
fn source_hashing_refuses_the_clients_of_a_quiesced_server() {
    refuses_until_it_falls_back("sh");
}

#[test]
fn maglev_refuses_the_clients_of_a_quiesced_server() {
    refuses_until_it_falls_back("mh");
}

#[test]
fn destination_hashing_refuses_the_destinations_of_a_quiesced_server() {
    let director = Director::with_topology("nat");
    let vips: Vec<String> = (220..232)
        .map(|last| format!("192.168.60.{last}"))
        .collect();
    for vip in &vips {
        director
            .exec("ip", &["address", "add", &format!("{vip}/32"), "dev", "lo"])
            .ended(0);
    }
    let mut told = String::new();
    for vip in &vips {
        told = said(
            &director,
            &format!(
                r#"tcp("{vip}:80", #{{ scheduler: "dh", forward: "masq", servers: [
                    #{{ address: "192.168.182.210", weight: 0 }}, "192.168.182.220"] }})"#
            ),
        );
    }
    let fix = fix(&told, "the scheduler dh still maps destinations to it");
    let all = || -> Vec<String> {
        let url = |vip: &String| ask(&director, "client", &format!("http://{vip}/"));
        vips.iter().map(url).collect()
    };
    let answers = all();
    assert!(answers.iter().any(|one| one == "-"), "{answers:?}");
    assert!(answers.iter().any(|one| one == "RS2"), "{answers:?}");
    for vip in &vips {
        let last = &vips[vips.len() - 1];
        director.paste(&fix.replace(last, vip)).ended(0);
    }
    let answers = all();
    assert!(answers.iter().all(|one| one == "RS2"), "{answers:?}");
}

#[test]
fn a_loopback_vip_reaches_no_other_host() {
    let director = Director::with_topology("nat");
    let code = r#"tcp("127.0.0.7:80", #{ forward: "masq", servers: ["192.168.182.210"] })"#;
    let said = said(&director, code);
    fix(&said, "127.0.0.7 is a loopback address");
    assert_eq!(ask(&director, "lvs", "http://127.0.0.7/"), "-");
    // The server is well.
    assert_eq!(ask(&director, "lvs", "http://192.168.182.210/"), "RS1");
}

#[test]
fn masquerading_serves_the_servers_network_with_the_source_translated() {
    let director = Director::with_topology("dr");
    director
        .exec("sysctl", &["-qw", "net.ipv4.ip_forward=1"])
        .ended(0);
    let code = r#"tcp("192.168.182.100:80", #{ forward: "masq", scheduler: "rr",
        servers: ["192.168.182.210", "192.168.182.220"] })"#;
    let said = said(&director, code);
    let fix = fix(&said, "a client in 192.168.182.0/24 drops the answers");
    let answers = || -> Vec<String> {
        let one = |_| ask(&director, "client", "http://192.168.182.100/");
        (0..4).map(one).collect()
    };
    assert!(answers().iter().all(|one| one == "-"));
    director.paste(&fix).ended(0);
    let answers = answers();
    assert!(answers.iter().all(|one| one != "-"), "{answers:?}");
    let again = director.ipvsh(&["status"]);
    assert!(!again.out.contains("drops the answers"), "{}", again.out);
}

/// Returns true if a host tells the client's network that an address is its own.
fn is_claimed(director: &Director, address: &str) -> bool {
    let ask = format!("arping -c 2 -w 2 -I eth0 {address}");
    director.typed("client", &ask).status == 0
}

#[test]
fn a_silent_vip_is_silent_on_lo_only() {
    let director = Director::with_topology("dr");
    let vip = "192.168.182.150";
    let declare = format!("ipvsh -e 'vip(\"{vip}\", #{{ interface: \"eth0\", arp: \"silent\" }})'");
    let said = director.typed("rs1", &declare).ended(0).out;
    assert!(is_claimed(&director, vip), "{said}");
    let fix = fix(&said, "silent, but on eth0");
    director.typed("rs1", &fix).ended(0);
    assert!(!is_claimed(&director, vip), "{fix}");
    let address = format!("ip -brief address show to {vip}");
    let address = director.typed("rs1", &address).ended(0).out;
    assert!(address.starts_with("lo "), "{address}");
    let plan = director.typed("rs1", "ipvsh plan").ended(0).out;
    assert!(!plan.contains("note: "), "{plan}");
}

/// A request that is begun, and waits for its end.
fn begun(director: &Director) -> TcpStream {
    let open = || TcpStream::connect("192.168.60.200:80").unwrap();
    let mut stream = director.within("client", open);
    stream.write_all(b"GET / HTTP/1.0\r\n").unwrap();
    let patience = Some(Duration::from_secs(3));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// Ends the request; gives the answer.
fn ended(stream: &mut TcpStream) -> std::io::Result<String> {
    stream.write_all(b"\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map(|_| answer)
}

fn one_server() -> Director {
    let director = Director::with_topology("nat");
    let code = r#"tcp("192.168.60.200:80", #{ forward: "masq", scheduler: "rr", persistent: 60,
        servers: ["192.168.182.210", #{ address: "192.168.182.220", weight: 0 }] })"#;
    director.ipvsh(&["-e", code]).ended(0);
    director
}

const REMOVE: &str = r#"remove(find("192.168.60.200:80"), "192.168.182.210")"#;

#[test]
fn a_removal_says_what_it_cuts_and_its_undo_brings_it_back() {
    let director = one_server();
    let mut stream = begun(&director);
    // Before: the fix waits for the connections, and would cut none.
    let planned = director.ipvsh(&["-e", REMOVE, "--plan"]).ended(0);
    let cuts = "its removal cuts 1 connection and lets go of 1 client that";
    assert!(
        fix(&planned.err, cuts).starts_with("ipvsh -e 'drain("),
        "{}",
        planned.err
    );
    let undo = fix(&said(&director, REMOVE), cuts);
    assert_eq!(undo, "ipvsh rollback 1");
    director.paste(&undo).ended(0);
    let answer = ended(&mut stream).unwrap();
    assert!(answer.contains("RS1"), "{answer}");
}

#[test]
fn a_cut_connection_is_silent_until_the_setting_is_changed() {
    let director = one_server();
    let mut stream = begun(&director);
    let said = said(&director, REMOVE);
    let error = ended(&mut stream).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    let setting = fix(&said, "clients wait in vain");
    director.paste(&setting).ended(0);
    // The client repeats what was not answered after ever longer pauses.
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let error = ended(&mut stream).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    // With the setting there is no silence to speak of. The rollback takes it back, too.
    director.ipvsh(&["rollback", "1"]).ended(0);
    director.paste(&setting).ended(0);
    let _stream = begun(&director);
    let said = director.ipvsh(&["-e", REMOVE]).ended(0).err;
    assert!(said.contains("its removal cuts 1 connection"), "{said}");
    assert!(!said.contains("wait in vain"), "{said}");
}

#[test]
fn the_last_of_two_mark_rules_decides() {
    let director = Director::with_topology("nat");
    director
        .exec("ip", &["address", "add", "192.168.60.201/32", "dev", "lo"])
        .ended(0);
    let code = r#"for n in 1..3 {
        fwmark(n, #{ forward: "masq", servers: [`192.168.182.2${n}0`],
            marks: [#{ protocol: "tcp", to: "192.168.60.201", ports: [80] }] });
    }"#;
    let said = said(&director, code);
    fix(&said, "all its packets get mark 2");
    for _ in 0..4 {
        assert_eq!(ask(&director, "client", "http://192.168.60.201/"), "RS2");
    }
}

/// Maglev's table has no place for a server that never had a weight: nobody is refused.
#[test]
fn maglev_leaves_out_a_server_that_never_had_a_weight() {
    let director = with_sources();
    let code = r#"tcp("192.168.60.200:80", #{ scheduler: "mh", forward: "masq", servers: [
        #{ address: "192.168.182.210", weight: 0 }, "192.168.182.220"] })"#;
    let said = said(&director, code);
    assert!(!said.contains("still maps"), "{said}");
    let answers = by_source(&director);
    assert!(answers.iter().all(|one| one == "RS2"), "{answers:?}");
}
