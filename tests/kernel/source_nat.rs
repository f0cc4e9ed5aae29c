//! Full NAT with real packets: servers without a way back answer, and nothing of it is left behind.

use crate::confirm::within;
use crate::director::Director;

const WEB: &str = "http://192.168.60.200/";

/// Servers without a gateway, and a director that forwards and has a service for them.
fn director() -> Director {
    let director = Director::with_bare_topology("nat");
    let script = r#"
        sysctl("net.ipv4.ip_forward", 1);
        sysctl("net.ipv6.conf.all.forwarding", 1);
        for vip in ["192.168.60.200:80", "[2001:db8:60::200]:80"] {
            let six = vip.starts_with("[");
            tcp(vip, #{ scheduler: "rr", forward: "masq", servers: if six {
                ["2001:db8:182::210", "2001:db8:182::220"]
            } else {
                ["192.168.182.210", "192.168.182.220"]
            } });
        }
    "#;
    director.script(script).ended(0);
    director
}

fn set(director: &Director, service: &str, snat: &str) {
    let line = format!("find(\"tcp {service}\").set(#{{ snat: {snat} }})");
    director.ipvsh(&["-e", &line]).ended(0);
}

/// A busy machine may lose a request to its time of 3 seconds: not several in a row.
#[track_caller]
fn both_answer(director: &Director, url: &str) {
    within(20, "both answer", || {
        let mut answers = director.hits(2, &[url]);
        answers.sort();
        answers == ["RS1", "RS2"]
    });
}

/// All that source NAT changes, as the real tools see it.
fn traces(director: &Director) -> String {
    let line = "iptables -t nat -S; ip6tables -t nat -S; cat /proc/sys/net/ipv4/vs/conntrack";
    director.exec("sh", &["-c", line]).ended(0).out
}

/// The addresses that servers answered to, as conntrack knows them.
fn seen(director: &Director, server: &str) -> String {
    let line = format!("conntrack -L -p tcp 2>/dev/null | grep -o 'src={server} dst=[^ ]*'");
    director.exec("sh", &["-c", &line]).ended(0).out
}

#[test]
fn servers_without_a_way_back_answer_the_director() {
    let director = director();
    director.iptables("-t nat -A POSTROUTING -s 198.51.100.0/24 -j MASQUERADE");
    director.exec("ip6tables", &["-t", "nat", "-S"]).ended(0);
    let before = traces(&director);
    assert_eq!(director.hits(1, &[WEB]), ["-"]);

    set(&director, "192.168.60.200:80", "true");
    both_answer(&director, WEB);
    assert!(seen(&director, "192.168.182.210").contains("dst=192.168.182.200"));

    // Another address of the director, which the servers reach.
    let line = "ip address add 192.168.182.199/24 dev eth1";
    director.exec("sh", &["-c", line]).ended(0);
    set(&director, "192.168.60.200:80", "\"192.168.182.199\"");
    both_answer(&director, WEB);
    assert!(seen(&director, "192.168.182.210").contains("dst=192.168.182.199"));
    let rules = director.iptables("-t nat -S");
    let ours = "-A IPVSH -m ipvs --vproto 6 --vaddr 192.168.60.200 --vport 80 --vmethod MASQ -j SNAT \
                --to-source 192.168.182.199\n";
    assert!(rules.contains(ours), "{rules}");
    assert_eq!(rules.matches("-A IPVSH").count(), 1, "{rules}");

    set(&director, "[2001:db8:60::200]:80", "true");
    both_answer(&director, "http://[2001:db8:60::200]/");
    director.ipvsh(&["status"]).ended(0);

    // A rule and a jump that are gone are drift.
    director.iptables("-t nat -F POSTROUTING");
    director.iptables("-t nat -A POSTROUTING -s 198.51.100.0/24 -j MASQUERADE");
    director.exec("ip6tables", &["-t", "nat", "-F"]).ended(0);
    let plan = director.ipvsh(&["plan"]).out;
    assert_eq!(plan.matches("+ source NAT of tcp ").count(), 2, "{plan}");
    director.ipvsh(&["restore"]).ended(0);
    both_answer(&director, WEB);

    director.ipvsh(&["rollback", "1"]).ended(0);
    assert_eq!(traces(&director), before);
    assert_eq!(director.hits(1, &[WEB]), ["-"]);
}

#[test]
fn clients_in_the_servers_network_are_answered() {
    let director = director();
    let way = "ip route add 192.168.60.200 via 192.168.182.200";
    director.typed("rs1", way).ended(0);
    let ask = format!("for i in 1 2; do curl -s -m 3 {WEB}; done | sort");
    set(&director, "192.168.60.200:80", "true");
    assert_eq!(director.typed("rs1", &ask).ended(0).out, "RS1\nRS2\n");
}

/// The mark is still on the packet behind IPVS, and a service of all ports knows its connections by
/// their template.
#[test]
fn marks_and_all_ports_have_source_nat() {
    let director = Director::with_bare_topology("nat");
    let script = r#"
        sysctl("net.ipv4.ip_forward", 1);
        fwmark(9, #{ forward: "masq", snat: true, servers: ["192.168.182.210:80"],
            marks: [#{ protocol: "tcp", to: "192.168.60.200", ports: 80 }] });
        tcp("192.168.60.200:0", #{ forward: "masq", snat: true, persistent: 300,
            servers: ["192.168.182.220"] });
    "#;
    director.script(script).ended(0);
    let urls = ["http://192.168.60.200:80/", "http://192.168.60.200:443/"];
    assert_eq!(director.hits(2, &urls), ["RS1", "RS2"]);
    director.ipvsh(&["-e", "clear()"]).ended(0);
    let rules = director.iptables("-t nat -S");
    assert!(!rules.contains("IPVSH"), "{rules}");
}

/// A host on which iptables cannot have the rule is told so, and nothing is changed.
#[test]
fn a_lack_of_iptables_changes_nothing() {
    let director = director();
    let masquerade = "-t nat -A POSTROUTING -s 198.51.100.0/24 -j MASQUERADE";
    director.iptables(masquerade);
    let before = traces(&director);
    let line = "find(\"tcp 192.168.60.200:80\").set(#{ snat: true })";
    // A rule that only nft can read.
    let odd = "nft add rule ip nat POSTROUTING oif lo meta mark set numgen inc mod 2";
    director.exec("sh", &["-c", odd]).ended(0);
    let said = director.ipvsh(&["-e", line]).ended(4).err;
    assert!(
        said.contains("the table ip nat of nftables has a rule"),
        "{said}"
    );
    director
        .exec("nft", &["delete", "table", "ip", "nat"])
        .ended(0);
    director.iptables(masquerade);
    assert_eq!(traces(&director), before);
    director.ipvsh(&["plan"]).ended(0);
}
