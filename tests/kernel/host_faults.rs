//! What goes wrong with addresses, kernel settings and tunnel devices on a real kernel: deaths in
//! the middle, other programs, interfaces that are late, values that nobody takes.

use std::process::{Command, Stdio};

use crate::confirm::within;
use crate::director::{Director, Said};
use crate::host::{address, sysctl, with_link};

const SETTINGS: &str = r#"
    tcp("10.9.0.1:80", #{ scheduler: "rr", forward: "masq", snat: true, servers: ["127.0.0.1:80"] });
    vip("10.9.0.1", #{ interface: "v0" });
    vip("2001:db8:9::1", #{ interface: "v0" });
    sysctl("net.ipv4.ip_forward", 1);
    sysctl("net.ipv4.conf.v0.send_redirects", 0);
"#;

/// All of the host and the table that a change may touch.
fn state(director: &Director) -> String {
    let mut all = director.ipvsadm("-Sn");
    for name in ["10.9.0.1", "2001:db8:9::1", "10.9.0.2"] {
        all += &address(director, name);
    }
    all += &director.iptables("-t nat -S");
    for name in [
        "net.ipv4.ip_forward",
        "net.ipv4.vs.conntrack",
        "net.ipv4.conf.v0.send_redirects",
        "net.ipv4.conf.v0.arp_ignore",
    ] {
        all += &format!("{name}={}\n", sysctl(director, name));
    }
    all
}

#[test]
fn a_death_at_any_step_leaves_the_old_state_or_the_new_one() {
    let director = with_link();
    director.ipvsh(&["-e", "timeouts(#{ tcp: 901 })"]).ended(0);
    let old = state(&director);
    director.script(SETTINGS).ended(0);
    let new = state(&director);
    assert!(new.contains("2001:db8:9::1"), "{new}");
    let away = ["rollback", "1", "--allow-removals"];
    for (change, before, after) in [
        (&away[..], &new, &old),
        (&["rollback", "2"][..], &old, &new),
    ] {
        for step in 1.. {
            let fault = format!("kill-before-step={step}");
            let died = director.ipvsh_with_fault(&fault, change).status != 0;
            // Whoever comes next takes it back.
            let recovered = director.ipvsh(&["restore"]).ended(0);
            match died {
                true => assert_eq!(&state(&director), before, "{fault}: {}", recovered.err),
                false => {
                    assert_eq!(&state(&director), after, "{fault}");
                    assert!(step > 5, "{step}");
                    break;
                }
            }
        }
    }
}

/// A change that is stopped before a step, while another program acts.
fn meanwhile(director: &Director, step: usize, change: &str, act: &str) -> Said {
    let fault = format!("stop-before-step={step}");
    let child = director.start_with_fault(&fault, &["-e", change]);
    Director::wait_until_stopped(&child);
    director.exec("sh", &["-ec", act]).ended(0);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    Said::at_last(child)
}

#[test]
fn an_address_that_another_program_adds_or_removes_meanwhile_is_named() {
    let director = with_link();
    let add = r#"vip("10.9.0.1", #{ interface: "v0" }); sysctl("net.ipv4.ip_forward", 1)"#;
    let said = meanwhile(&director, 2, add, "ip address add 10.9.0.1/32 dev v0").ended(4);
    assert!(
        said.err
            .contains("vip 10.9.0.1: cannot add: the address is there already (EEXIST)"),
        "{}",
        said.err
    );
    assert_eq!(sysctl(&director, "net.ipv4.ip_forward"), "0");
    assert_ne!(
        address(&director, "10.9.0.1"),
        "",
        "it is the other program's"
    );

    director.ipvsh(&["-e", add]).ended(0);
    let remove = r#"remove(vip("10.9.0.1"))"#;
    let said = meanwhile(&director, 1, remove, "ip address del 10.9.0.1/32 dev v0").ended(4);
    assert!(
        said.err.contains("v0 has no such address (EADDRNOTAVAIL)"),
        "{}",
        said.err
    );
    director.ipvsh(&["-e", remove]).ended(0);
}

#[test]
fn an_interface_that_is_late_fails_alone() {
    let director = with_link();
    director.script(SETTINGS).ended(0);
    director
        .ipvsh(&[
            "-e",
            r#"vip("10.9.0.2"); sysctl("net.ipv4.conf.v0.arp_ignore", 1)"#,
        ])
        .ended(0);
    let whole = state(&director);
    // As after a boot: nothing is there, and v0 comes later.
    let boot = "ip link del v0; ip address del 10.9.0.2/32 dev lo; ipvsadm -C; \
                sysctl -qw net.ipv4.ip_forward=0";
    director.exec("sh", &["-ec", boot]).ended(0);
    let said = director.ipvsh(&["restore", "--best-effort"]).ended(6);
    for part in [
        "vip 10.9.0.1: cannot",
        "vip 2001:db8:9::1: cannot",
        "sysctl net.ipv4.conf.v0.send_redirects: cannot",
        "v0",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert_eq!(sysctl(&director, "net.ipv4.ip_forward"), "1");
    assert_ne!(address(&director, "10.9.0.2"), "");
    assert!(director.ipvsadm("-Sn").contains("10.9.0.1:80"));
    let link = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up";
    director.exec("sh", &["-ec", link]).ended(0);
    director.ipvsh(&["restore", "--best-effort"]).ended(0);
    let again = state(&director);
    let words = |state: &str| -> Vec<String> {
        // Interfaces have other numbers now.
        let words = state.split_whitespace().map(str::to_owned);
        words.filter(|word| !word.ends_with(':')).collect()
    };
    assert_eq!(words(&again), words(&whole));
}

#[test]
fn what_this_host_cannot_follow_is_named_and_changes_nothing() {
    let director = with_link();
    let make = "ip address add 10.9.0.2/24 dev v0; echo 1 >/proc/sys/net/ipv6/conf/v1/disable_ipv6";
    director.exec("sh", &["-ec", make]).ended(0);
    let before = state(&director);
    for (script, status, part) in [
        (
            r#"vip("10.9.0.1/33")"#,
            1,
            "\"33\" is not the length of a prefix",
        ),
        (
            r#"vip("10.9.0.1/")"#,
            1,
            "\"\" is not the length of a prefix",
        ),
        (
            r#"vip("10.9.0.1", #{ interface: "v9" })"#,
            1,
            "there is no interface \"v9\" here",
        ),
        (
            r#"vip("10.9.0.1", #{ interface: "interface-too-long" })"#,
            1,
            "not the name of an interface",
        ),
        (
            r#"vip("10.9.0.2", #{ interface: "v0" })"#,
            1,
            "this host has it otherwise: /24 on v0",
        ),
        (
            r#"sysctl("kernel.panic", 1)"#,
            1,
            "no kernel setting that ipvsh sets",
        ),
        (
            r#"sysctl("net.ipv4.conf.v9.arp_ignore", 1)"#,
            1,
            "there is no interface \"v9\" here",
        ),
        (r#"sysctl("net.ipv4.ip_forward", 7)"#, 1, "out of range"),
        (
            r#"sysctl("net.ipv4.ip_forward", 1); sysctl("net.ipv4.vs.sync_threshold", "60 50")"#,
            4,
            "sysctl net.ipv4.vs.sync_threshold: cannot set: the kernel does not take 60 50 (EINVAL)",
        ),
        (
            r#"sysctl("net.ipv4.ip_forward", 1); vip("2001:db8:9::1", #{ interface: "v1" })"#,
            4,
            "net.ipv6.conf.v1.disable_ipv6",
        ),
        (
            r#"sysctl("net.ipv4.ip_forward", 1); tunnel_device("v1", #{ type: "ipip" })"#,
            4,
            "v1 is another kind of device",
        ),
    ] {
        let said = director.ipvsh(&["-e", script]);
        assert!(
            said.err.contains(part),
            "{script}: {} {}",
            said.status,
            said.err
        );
        assert_eq!(said.status, status, "{script}: {}", said.err);
        assert_eq!(state(&director), before, "{script}");
    }
}

#[test]
fn an_address_of_a_running_keepalived_stays_its_own() {
    let director = with_link();
    director
        .exec("ip", &["address", "add", "10.9.0.1/32", "dev", "v0"])
        .ended(0);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keepalived.conf");
    let text = "vrrp_instance A {\n virtual_ipaddress {\n  10.9.0.1/32 dev v0\n }\n}\n";
    std::fs::write(&file, text).unwrap();
    // Whatever waits and has the name and the arguments.
    let program = dir.path().join("keepalived");
    std::fs::copy("/usr/bin/perl", &program).unwrap();
    let mut keepalived = Command::new("ip")
        .args(["netns", "exec", &director.namespace])
        .arg(&program)
        .args(["-e", "sleep 600", "--", "-f", file.to_str().unwrap()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let comm = format!("/proc/{}/comm", keepalived.id());
    within(60, "keepalived runs", || {
        std::fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == "keepalived")
    });
    let before = state(&director);
    let named = r#"vip("10.9.0.1", #{ interface: "v0" }); sysctl("net.ipv4.ip_forward", 1)"#;
    let refused = director.ipvsh(&["-e", named]);
    let adopted = director.ipvsh(&["adopt", "vip 10.9.0.1"]);
    let after = state(&director);
    keepalived.kill().unwrap();
    keepalived.wait().unwrap();
    for said in [refused, adopted] {
        let said = said.ended(1);
        let file = file.to_str().unwrap();
        for part in ["vip 10.9.0.1: cannot manage it: keepalived (process ", file] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
    assert_eq!(after, before);
}

#[test]
fn a_device_of_gue_and_gre_comes_and_goes() {
    let director = with_link();
    for (name, options, shown) in [
        ("tunl0", r#"#{ type: "gue", port: 6080 }"#, "gue port 6080"),
        ("gre0", r#"#{ type: "gre" }"#, "gre"),
    ] {
        let script = format!("tunnel_device(\"{name}\", {options})");
        let said = director.ipvsh(&["-e", &script]).ended(0);
        assert!(said.out.contains(shown), "{}", said.out);
        let filter = format!("net.ipv4.conf.{name}.rp_filter");
        assert_eq!(sysctl(&director, &filter), "0");
        director.ipvsh(&["plan", "--exit-code"]).ended(0);
        let link = director.exec("ip", &["-br", "link", "show", name]);
        assert!(link.ended(0).out.contains(",UP"));
        let remove = format!("remove(tunnel_device(\"{name}\"))");
        director.ipvsh(&["-e", &remove]).ended(0);
        let link = director.exec("ip", &["-br", "link", "show", name]);
        assert!(!link.ended(0).out.contains(",UP"));
    }
    let ports = director.exec("ip", &["fou", "show"]).ended(0).out;
    assert_eq!(ports, "");
}
