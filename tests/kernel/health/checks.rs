//! Each type of check against a server of its kind: up, down, up in the kernel's table.

use super::secure_web::{NAME, SecureWeb};
use super::{
    Daemon, Mirror, PATIENCE, SERVERS, Web, is_settled, kill_listener, serve_again, weight,
};
use crate::certificates::{Authority, NOW};
use crate::confirm::within;
use crate::director::Director;
use crate::host::sysctl;

const ONE: &str = "192.168.182.210";
const NODEST: &str = "net.ipv4.vs.expire_nodest_conn";

/// A service for each type, told apart by the servers' ports.
fn all(authority: &Authority) -> String {
    let service = |port: u16, name: &str, server_port: u16, check: &str| {
        let [one, two, _] = SERVERS.map(|server| format!("\"{server}:{server_port}\""));
        format!(
            r#"{name}("192.168.60.200:{port}", #{{ scheduler: "rr", forward: "masq", servers: [{one}, {two}],
                check: #{{ {check}, interval: 0.5, retry_interval: 0.3, rise: 2, fall: 2 }} }});"#
        )
    };
    // Its start takes seconds on an emulated processor.
    let curl = r#"type: "exec", user: "root", timeout: 20,
        command: ["/usr/bin/curl", "-sf", "-m", "10", "-o", "/dev/null", "http://{address}:443/"]"#;
    [
        service(80, "tcp", 80, r#"type: "tcp""#),
        service(81, "tcp", 8081, r#"type: "http", path: "/health""#),
        service(
            82,
            "udp",
            8082,
            r#"type: "udp", payload: "ask", reply: "ask""#,
        ),
        service(83, "tcp", 8083, r#"type: "ping""#),
        service(84, "tcp", 8084, curl),
        service(
            85,
            "tcp",
            8085,
            &format!(
                r#"type: "https", host: "www.example.org", ca: "{}", timeout: 10"#,
                authority.file()
            ),
        ),
    ]
    .concat()
}

#[track_caller]
fn is(director: &Director, port: u16, wanted: Option<&str>) {
    let server = format!("{ONE}:{port}");
    let what = format!("{server}: {wanted:?}");
    within(PATIENCE, &what, || {
        weight(director, &server).as_deref() == wanted
    });
}

#[test]
fn every_type_of_check_takes_a_server_out_and_in() {
    let director = Director::with_topology("nat");
    let web = |role: &str, address: &str| Web::start(&director, role, address, role);
    let one = web("rs1", "192.168.182.210:8081");
    let _two = web("rs2", "192.168.182.220:8081");
    let one_of_udp = Mirror::start(&director, "rs1", "192.168.182.210:8082");
    let _two_of_udp = Mirror::start(&director, "rs2", "192.168.182.220:8082");
    // https: certificates of an authority that the check names.
    let authority = Authority::new("a test");
    let secure = |role, address| SecureWeb::start(&director, &authority, role, address);
    let one_of_tls = secure("rs1", "192.168.182.210:8085");
    let _two_of_tls = secure("rs2", "192.168.182.220:8085");
    director.script(&all(&authority)).ended(0);
    assert_eq!(sysctl(&director, NODEST), "1");
    let daemon = Daemon::start(&director, &[]);
    daemon.await_checks("all pass", |check| check.consecutive_passes > 0);

    // tcp: the process dies.
    kill_listener(&director, "rs1", 80);
    is(&director, 80, Some("0"));
    // http: it answers, and says that it cannot serve.
    one.answer_with(503);
    is(&director, 8081, Some("0"));
    // udp: an ICMP error comes back.
    drop(one_of_udp);
    is(&director, 8082, None);
    // exec: curl(1) fails.
    kill_listener(&director, "rs1", 443);
    is(&director, 8084, Some("0"));
    // https: its certificate expires.
    one_of_tls.present(authority.certify(&[NAME], (2001, 2002)));
    is(&director, 8085, Some("0"));
    is_settled(&director, 1);
    let reason = |port: u16| {
        let servers = daemon.servers(ONE);
        let server = servers.iter().find(|one| one.server.port == port).unwrap();
        server.reason.clone().unwrap()
    };
    for (port, part) in [
        (80, "refused"),
        (8081, "503"),
        (8082, "refused"),
        (8084, "exit"),
        (8085, "the certificate has expired"),
    ] {
        let reason = reason(port);
        assert!(reason.contains(part), "{port}: {reason}");
    }

    serve_again(&director, "rs1", 80);
    is(&director, 80, Some("1"));
    one.answer_with(200);
    is(&director, 8081, Some("1"));
    let _one_of_udp = Mirror::start(&director, "rs1", "192.168.182.210:8082");
    is(&director, 8082, Some("1"));
    one_of_tls.present(authority.certify(&[NAME], NOW));
    is(&director, 8085, Some("1"));
    serve_again(&director, "rs1", 443);
    is(&director, 8084, Some("1"));

    // ping: nobody is there. The other checks run out of time.
    director.break_server("rs1");
    is(&director, 8083, Some("0"));
    is(&director, 8082, None);
    for port in [80, 8081, 8084, 8085] {
        is(&director, port, Some("0"));
    }
    director
        .typed(
            "rs1",
            "ip link set eth0 up; ip route replace default via 192.168.182.200",
        )
        .ended(0);
    for port in [80, 8081, 8082, 8083, 8084, 8085] {
        is(&director, port, Some("1"));
    }
    is_settled(&director, 1);
    daemon.stop();

    // The last one that needs the setting takes it away.
    director
        .ipvsh(&[
            "-e",
            "remove(find(\"udp 192.168.60.200:82\"))",
            "--allow-removals",
        ])
        .ended(0);
    assert_eq!(sysctl(&director, NODEST), "0");
}
