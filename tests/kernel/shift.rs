//! `shift` with real connections, and the scripts that move them step by step themselves.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::director::{Director, Said, file};

#[test]
fn a_shift_moves_new_connections_in_proportion_and_back() {
    let director = Director::with_topology("nat");
    let path = file("examples/canary.rhai");
    director.ipvsh(&["run", path.to_str().unwrap()]).ended(0);
    let mut answers = director.hits(10, &["http://192.168.60.200/"]);
    answers.sort();
    assert_eq!(
        answers.iter().filter(|one| *one == "RS2").count(),
        1,
        "{answers:?}"
    );

    // The new release stops answering in the middle.
    let before = director.ipvsadm("-Sn");
    let code = "let n = 0; shift(\"192.168.60.200:80\", \"192.168.182.210\", \"192.168.182.220\", \
                #{ steps: [50, 100], pause: 0, check: || { n += 1; n == 1 } });";
    let said = director.ipvsh(&["-e", code]).ended(1);
    assert!(
        said.err
            .contains("shift aborted at 100 %: the check said no"),
        "{}",
        said.err
    );
    assert_eq!(director.ipvsadm("-Sn"), before);

    // A signal in the pause.
    let code = "shift(\"192.168.60.200:80\", \"192.168.182.210\", \"192.168.182.220\")";
    let child = director.start(&["-e", code]);
    let start = Instant::now();
    while director.ipvsadm("-Sn") == before {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "it does not move"
        );
    }
    std::thread::sleep(Duration::from_secs(1));
    director
        .exec("kill", &["-INT", &child.id().to_string()])
        .ended(0);
    let said = Said::at_last(child).ended(1);
    assert!(
        said.err
            .contains("shift aborted at 50 %: interrupted by SIGINT"),
        "{}",
        said.err
    );
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn blue_goes_to_green_and_back() {
    let director = Director::with_topology("nat");
    let path = file("examples/blue_green.rhai");
    let path = path.to_str().unwrap();
    // Probed for real, without the pauses.
    let quick = std::fs::read_to_string(path)
        .unwrap()
        .replace("{ 10 }", "{ 0 }");
    director.script(&quick).ended(0);
    assert_eq!(director.hits(3, &["http://192.168.60.200/"]), ["RS2"; 3]);
    director.ipvsh(&["run", path, "back"]).ended(0);
    assert_eq!(director.hits(3, &["http://192.168.60.200/"]), ["RS1"; 3]);

    // Green dies: nothing is moved.
    director.ipvsh(&["-e", "print(servers().len())"]).ended(0);
    let before = director.ipvsadm("-Sn");
    director.break_server("rs2");
    let said = director.script(&quick).ended(1);
    assert!(said.err.contains("green is not ready"), "{}", said.err);
    assert_eq!(director.ipvsadm("-Sn"), before);
}

/// As operators wrote them (tests/scripts), with shorter pauses.
#[test]
fn scripts_that_probe_and_confirm_run_as_written() {
    let director = Director::alone();
    let all = ["10.0.1.12:80", "10.0.2.11:443", "10.0.2.12:443"];
    for address in all {
        let (address, _) = address.split_once(':').unwrap();
        director
            .exec(
                "ip",
                &["addr", "add", &format!("{address}/32"), "dev", "lo"],
            )
            .ended(0);
    }
    let mut listeners: Vec<TcpListener> = director.inside(|| {
        let bind = |address: &&str| TcpListener::bind(*address).unwrap();
        all.iter().map(bind).collect()
    });
    director
        .ipvsh(&[
            "-e",
            "for port in [80, 443] { tcp(`192.0.2.10:${port}`, #{ scheduler: \"wrr\", forward: \"masq\", \
             servers: [\"10.0.1.11\"] }); }",
        ])
        .ended(0);

    let add = file("tests/scripts/add_server.rhai");
    let add = add.to_str().unwrap();
    let refused = director.ipvsh(&["run", add, "10.0.1.13"]).ended(1);
    assert!(
        refused
            .err
            .contains("10.0.1.13:80 does not answer: not added"),
        "{}",
        refused.err
    );
    let said = director.ipvsh(&["run", add, "10.0.1.12"]).ended(0);
    assert!(
        said.out
            .contains("Rolls back in 300 s unless: ipvsh confirm"),
        "{}",
        said.out
    );
    director.ipvsh(&["confirm"]).ended(0);

    let text = std::fs::read_to_string(file("tests/scripts/blue_green.rhai")).unwrap();
    let quick = text.replace("sleep(60)", "sleep(0.5)");
    assert_ne!(quick, text);
    director.script(&quick).ended(0);
    assert_eq!(director.row("10.0.2.12:443").unwrap()[1], "100");
    assert_eq!(director.row("10.0.1.11:443").unwrap()[1], "0");
    director.ipvsh(&["plan", "--exit-code"]).ended(0);

    // One of the green is gone the next time: nothing is moved.
    listeners.pop();
    let refused = director.script(&quick).ended(1);
    assert!(
        refused.err.contains("10.0.2.12 is not ready"),
        "{}",
        refused.err
    );
}
