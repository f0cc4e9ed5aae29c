//! `weight`, `disable`, `enable`, `shift` and `drain SERVER` with real packets, in two services of
//! the same servers, judged by ipvsadm and by who answers.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::director::Director;

const WEB: &str = "http://192.168.60.200/";
const VIP: &str = "192.168.60.200:80";
const ONE: &str = "192.168.182.210";
const TWO: &str = "192.168.182.220";

/// Two services, `wrr`, of the same two web servers.
fn two_services() -> Director {
    let director = Director::with_topology("nat");
    director
        .ipvsh(&[
            "-e",
            "for port in [80, 8080] {
        tcp(`192.168.60.200:${port}`, #{ scheduler: \"wrr\", forward: \"masq\", servers: [
            #{ address: \"192.168.182.210:80\", weight: 2 },
            #{ address: \"192.168.182.220:80\", weight: 1 } ] });
    }",
        ])
        .ended(0);
    director
}

/// How many of some answers come from the first server.
fn of_one(director: &Director, count: usize) -> usize {
    let answers = director.hits(count, &[WEB]);
    answers.iter().filter(|answer| *answer == "RS1").count()
}

#[test]
fn a_server_is_taken_out_and_comes_back_with_its_weights() {
    let director = two_services();
    let before = director.ipvsadm("-Sn");
    assert_eq!(of_one(&director, 6), 4);

    // A connection that is there when the server is disabled goes on, and is counted.
    let vip: SocketAddr = VIP.parse().unwrap();
    let held: Vec<TcpStream> = director.within("client", || {
        let connect = || TcpStream::connect_timeout(&vip, Duration::from_secs(3)).unwrap();
        (0..3).map(|_| connect()).collect()
    });
    let said = director.ipvsh(&["disable", ONE, "-m", "new disk"]).ended(0);
    assert!(
        said.err
            .contains("connections of 192.168.182.210 go on: 2 active"),
        "{}",
        said.err
    );
    let listed = director.ipvsadm("-Sn");
    assert_eq!(
        listed.matches("-r 192.168.182.210:80 -m -w 0").count(),
        2,
        "{listed}"
    );
    assert_eq!(of_one(&director, 4), 0);

    // They are counted by client, and the server is shown with both services.
    let said = director.ipvsh(&["show", "connections", ONE, "--count-by", "client", "--json"]);
    let counted: serde_json::Value = serde_json::from_str(&said.ended(0).out).unwrap();
    assert!(counted["total"].as_u64().unwrap() >= 2, "{counted}");
    assert_eq!(counted["counts"].as_array().unwrap().len(), 1, "{counted}");
    let shown = director.ipvsh(&["show", ONE]).ended(0).out;
    assert_eq!(shown.matches(ONE).count(), 2, "{shown}");
    assert!(!shown.contains(TWO), "{shown}");

    // The other one is the last.
    let refused = director.ipvsh(&["disable", TWO]).ended(1);
    assert!(refused.err.contains("this would leave"), "{}", refused.err);
    assert_eq!(director.ipvsadm("-Sn"), listed);

    // Another program brings it back in one service; enable makes the rest as it was.
    director
        .exec(
            "ipvsadm",
            &["-e", "-t", VIP, "-r", "192.168.182.210:80", "-m", "-w", "9"],
        )
        .ended(0);
    director.ipvsh(&["enable", ONE]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);
    drop(held);
    assert_eq!(of_one(&director, 6), 4);
}

#[test]
fn weights_are_changed_in_one_or_in_every_service() {
    let director = two_services();
    let before = director.ipvsadm("-Sn");
    director.ipvsh(&["weight", TWO, "4"]).ended(0);
    let listed = director.ipvsadm("-Sn");
    assert_eq!(
        listed.matches("-r 192.168.182.220:80 -m -w 4").count(),
        2,
        "{listed}"
    );
    assert_eq!(of_one(&director, 6), 2);
    director.ipvsh(&["weight", TWO, "0", "tcp", VIP]).ended(0);
    assert_eq!(of_one(&director, 4), 4);
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);

    // Somebody else's service of the same server is refused, and nothing is changed.
    let theirs = [
        &["-A", "-t", "192.168.60.200:9000", "-s", "rr"][..],
        &[
            "-a",
            "-t",
            "192.168.60.200:9000",
            "-r",
            "192.168.182.220:80",
            "-m",
        ],
    ];
    for line in theirs {
        director.exec("ipvsadm", line).ended(0);
    }
    let before = director.ipvsadm("-Sn");
    let said = director.ipvsh(&["weight", TWO, "7"]).ended(1);
    assert!(said.err.contains("somebody else made it"), "{}", said.err);
    assert_eq!(director.ipvsadm("-Sn"), before);
    director.ipvsh(&["weight", TWO, "7", "--adopt"]).ended(0);
    let listed = director.ipvsadm("-Sn");
    assert_eq!(
        listed.matches("-r 192.168.182.220:80 -m -w 7").count(),
        3,
        "{listed}"
    );
    director.ipvsh(&["rollback"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn a_shift_and_a_drain_from_the_command_line() {
    let director = two_services();
    let before = director.ipvsadm("-Sn");
    let shift = [
        "shift", VIP, "--from", ONE, "--to", TWO, "--steps", "50,100", "--pause", "0",
    ];
    director.ipvsh(&shift).ended(0);
    assert_eq!(of_one(&director, 3), 0);
    let said = director.ipvsh(&shift).ended(0);
    assert!(said.out.contains("nothing to shift"), "{}", said.out);
    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);

    let said = director.ipvsh(&["drain", ONE, "--then", "remove"]).ended(0);
    assert!(
        said.out.contains("of 2 services has no active connections"),
        "{}",
        said.out
    );
    assert!(!director.ipvsadm("-Sn").contains(ONE));
    assert_eq!(of_one(&director, 3), 0);
    director.ipvsh(&["rollback", "4"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), before);
}
