//! What routes and neighbours say, in a network namespace of the test's own.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{run, said};

/// Tells the copy of this test that runs in the namespace from the test itself.
const INSIDE: &str = "IPVSH_TEST_PROBE_ROUTES";

/// A link whose other end answers nothing but what the last lines say, and routes that lead nowhere.
const SETUP: &str = "
    set -e
    ip link set lo up
    ip link add near type veth peer name far
    ip link set near up
    ip link set far up
    ip addr add 192.0.2.1/24 dev near
    ip -6 addr add 2001:db8::1/64 dev near nodad
    for family in ipv4 ipv6; do
        echo 50 > /proc/sys/net/$family/neigh/near/retrans_time_ms
    done
    ip route add unreachable 198.51.100.0/24
    ip route add prohibit 203.0.113.0/24
    ip -6 route add unreachable 2001:db8:1::/48
    exec \"$@\"";

#[test]
fn this_hosts_routes_say_nothing_about_the_server_and_a_silent_neighbour_does() {
    if std::env::var_os(INSIDE).is_none() {
        let output = Command::new("unshare")
            .args(["--net", "sh", "-c", SETUP, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(std::thread::current().name().unwrap())
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{error}");
        assert!(text.contains("1 passed"), "the copy did not run: {text}");
        return;
    }
    let types: [Value; 4] = [
        json!({"type": "tcp"}),
        json!({"type": "http"}),
        json!({"type": "udp", "payload": "x", "reply": null}),
        json!({"type": "ping"}),
    ];
    let gone = "failed: host is unreachable []";
    let none = "no result: network is unreachable []";
    let unreachable = "no result: no route to host []";
    for (addr, expected) in [
        ("192.0.2.9:80", gone),
        ("[2001:db8::9]:80", gone),
        ("10.0.0.9:80", none),
        ("[2001:db8:9::9]:80", none),
        ("198.51.100.9:80", unreachable),
        ("[2001:db8:1::9]:80", unreachable),
        ("203.0.113.9:80", "no result: permission denied []"),
    ] {
        for options in &types {
            let mut options = options.clone();
            options["timeout"] = 2.into();
            let finding = run(options.clone(), addr.parse().unwrap());
            assert_eq!(said(&finding), expected, "{addr} {options}");
            assert!(finding.took < Duration::from_secs(1), "{finding:?}");
        }
    }
}
