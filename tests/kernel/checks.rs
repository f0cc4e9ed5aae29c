//! `ipvsh daemon` on the real kernel: what it writes, and what it leaves alone, as ipvsadm shows it.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::director::{Director, Said};

const ONE: &str = "192.168.182.210";
const TWO: &str = "192.168.182.220";

/// A service whose two servers are checked, and one of the same servers without a check.
fn checked() -> Director {
    let director = Director::with_topology("nat");
    director
        .ipvsh(&[
            "-e",
            "let servers = [#{ address: `192.168.182.210:80`, weight: 2 }, `192.168.182.220:80`];
            let check = #{ type: `http`, interval: 0.5, retry_interval: 0.2, rise: 1, fall: 2 };
            tcp(`192.168.60.200:80`, #{ scheduler: `wrr`, forward: `masq`, servers: servers, check: check });
            tcp(`192.168.60.200:8080`, #{ forward: `masq`, servers: servers });",
        ])
        .ended(0);
    director
}

/// Whether the director's own connections to the first server are refused; those of clients go on.
fn refuse(director: &Director, is_refused: bool) {
    let word = if is_refused { "-I" } else { "-D" };
    director.iptables(&format!(
        "{word} OUTPUT -d {ONE} -p tcp --dport 80 -j REJECT --reject-with tcp-reset"
    ));
}

/// The weight of the first server in the first service.
fn await_weight(director: &Director, weight: &str) {
    director.await_weight(&format!("{ONE}:80"), weight);
}

fn end(daemon: Child) -> Said {
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    Said::at_last(daemon).ended(0)
}

#[test]
fn only_transitions_of_checked_servers_are_written() {
    let director = checked();
    let declared = director.ipvsadm("-Sn");
    let daemon = director.start(&["daemon"]);
    refuse(&director, true);
    await_weight(&director, "0");
    let out = director.ipvsadm("-Sn");
    let changed: Vec<(&str, &str)> = declared
        .lines()
        .zip(out.lines())
        .filter(|(before, after)| before != after)
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(
        changed[0]
            .1
            .contains("192.168.60.200:80 -r 192.168.182.210:80"),
        "{changed:?}"
    );
    let answers = director.hits(4, &["http://192.168.60.200/"]);
    assert!(answers.iter().all(|answer| answer == "RS2"), "{answers:?}");

    // Neither drift nor put back.
    let plan = director.ipvsh(&["plan", "--exit-code"]).ended(0);
    assert!(!plan.out.contains(ONE), "{}", plan.out);
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), out);

    refuse(&director, false);
    await_weight(&director, "2");
    assert_eq!(director.ipvsadm("-Sn"), declared);

    // What an operator changes while it is out stays when it comes back.
    refuse(&director, true);
    await_weight(&director, "0");
    let vip = [
        "-e",
        "-t",
        "192.168.60.200:80",
        "-r",
        "192.168.182.210:80",
        "-m",
    ];
    director
        .exec("ipvsadm", &[&vip[..], &["-w", "7"]].concat())
        .ended(0);
    // The other server shows that the daemon goes on.
    refuse(&director, false);
    director.iptables(&format!("-I OUTPUT -d {TWO} -p tcp --dport 80 -j DROP"));
    director.await_weight(&format!("{TWO}:80"), "0");
    await_weight(&director, "7");
    let told = end(daemon).out;
    assert!(told.contains("it was changed by hand since"), "{told}");
    await_weight(&director, "7");
}

#[test]
fn a_daemon_that_dies_leaves_the_table_and_its_state() {
    let director = checked();
    let mut daemon = director.start(&["daemon"]);
    refuse(&director, true);
    await_weight(&director, "0");
    let out = director.ipvsadm("-Sn");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(director.ipvsadm("-Sn"), out);
    director.ipvsh(&["restore"]).ended(0);
    assert_eq!(director.ipvsadm("-Sn"), out);
    // Between its state and the kernel: the next one writes what is missing.
    refuse(&director, false);
    let mut daemon = director.start_with_fault("kill-before-step=1", &["daemon"]);
    daemon.wait().unwrap();
    assert_eq!(director.ipvsadm("-Sn"), out);
    let daemon = director.start(&["daemon"]);
    await_weight(&director, "2");
    end(daemon);
    await_weight(&director, "2");
}
