//! Rules of the doctor about this host, on a kernel: each finds what was broken, and nothing once it
//! is mended.

use serde_json::Value;

use crate::director::Director;

/// What a rule finds: `OBJECT: WHAT`.
#[track_caller]
fn found(director: &Director, rule: &str) -> Vec<String> {
    let said = director.ipvsh(&["doctor", rule, "--json"]).ended(0);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["not_looked"], Value::Array(Vec::new()), "{told}");
    let findings = told["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            format!(
                "{}: {}",
                one["object"].as_str().unwrap(),
                one["what"].as_str().unwrap()
            )
        })
        .collect()
}

/// The one finding of a rule has these words.
#[track_caller]
fn finds(director: &Director, rule: &str, words: &str) {
    let found = found(director, rule);
    assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
}

#[track_caller]
fn finds_nothing(director: &Director, rule: &str) {
    assert_eq!(found(director, rule), Vec::<String>::new());
}

/// The fix of a rule that is a shell's, as it is told.
fn shell_fix(director: &Director, rule: &str) -> String {
    let said = director.ipvsh(&["doctor", rule, "--json"]).ended(0);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["findings"][0]["kind"], "shell");
    told["findings"][0]["fix"].as_str().unwrap().to_owned()
}

/// A host with a network of both families.
fn host() -> Director {
    let director = Director::alone();
    let setup = "ip link add eth0 type dummy; ip link set eth0 up; \
                 ip address add 10.0.0.1/24 dev eth0; ip address add 2001:db8::1/64 dev eth0 nodad";
    director.paste(setup).ended(0);
    director
}

#[test]
fn a_backup_that_should_balance_is_found() {
    let director = host();
    let both = r#"sync_daemon("master", #{ interface: "eth0" });
                  sync_daemon("backup", #{ interface: "eth0" });"#;
    director.script(both).ended(0);
    finds_nothing(&director, "sync-role");
    director
        .paste("sysctl -qw net.ipv4.vs.backup_only=1")
        .ended(0);
    finds(&director, "sync-role", "both sync daemons run");
    director.ipvsh(&["doctor", "--fix", "-y"]).ended(0);
    finds_nothing(&director, "sync-role");
    let value = director.exec("sysctl", &["-n", "net.ipv4.vs.backup_only"]);
    assert_eq!(value.ended(0).out, "0\n");
}

#[test]
fn an_ipv6_vip_that_is_a_source_is_found() {
    let director = host();
    director
        .script(r#"tcp("[2001:db8::100]:80", #{ servers: ["2001:db8::11"] });"#)
        .ended(0);
    finds_nothing(&director, "vip-source");
    director
        .paste("ip address add 2001:db8::100/128 dev eth0 nodad")
        .ended(0);
    finds(
        &director,
        "vip-source",
        "VIP 2001:db8::100: it is a preferred address of eth0",
    );
    let fix = shell_fix(&director, "vip-source");
    director.paste(&fix).ended(0);
    finds_nothing(&director, "vip-source");
    // As ipvsh itself adds it.
    director
        .paste("ip address delete 2001:db8::100/128 dev eth0")
        .ended(0);
    director
        .script(r#"vip("2001:db8::100", #{ interface: "eth0" });"#)
        .ended(0);
    finds_nothing(&director, "vip-source");
}

#[test]
fn ftp_without_its_helper_is_found() {
    let director = host();
    // Another test may have loaded it; who uses it is no matter here.
    director.paste("rmmod ip_vs_ftp 2>/dev/null; true").ended(0);
    director
        .script(r#"tcp("10.0.0.1:21", #{ forward: "masq", servers: ["10.0.0.11"] });"#)
        .ended(0);
    finds(&director, "ftp", "the module ip_vs_ftp is not loaded");
    let fix = shell_fix(&director, "ftp");
    assert!(fix.starts_with("modprobe ip_vs_ftp && "), "{fix}");
    director.paste("modprobe ip_vs_ftp").ended(0);
    finds_nothing(&director, "ftp");
}

#[test]
fn a_real_server_that_answers_arp_is_found() {
    let director = host();
    finds_nothing(&director, "server");
    director
        .paste("ip address add 10.0.0.100/32 dev lo")
        .ended(0);
    finds(
        &director,
        "server",
        "at eth0 arp_ignore is 0 and arp_announce is 0",
    );
    director.ipvsh(&["doctor", "--fix", "-y"]).ended(0);
    finds(&director, "server", "VIP 10.0.0.100: ");
    director
        .ipvsh(&["doctor", "server", "--fix", "-y"])
        .ended(0);
    finds_nothing(&director, "server");
    let said = director.exec(
        "sysctl",
        &[
            "-n",
            "net.ipv4.conf.all.arp_ignore",
            "net.ipv4.conf.all.arp_announce",
        ],
    );
    assert_eq!(said.ended(0).out, "1\n2\n");
}
