//! `ipvsh import` of the texts that people have: what is understood of them, and what is refused
//! rather than dropped.

use super::lab::Lab;

/// What two servers of a service are saved as.
const SAVED: &str = "-A -t 192.0.2.77:80 -s rr
-a -t 192.0.2.77:80 -r 10.0.0.65:80 -g -w 100
-a -t 192.0.2.77:80 -r 10.0.0.66:80 -g -w 100
";

/// Imports a text in the place of what is there; it is refused with these words, and nothing is
/// changed.
#[track_caller]
fn refused(text: &str, words: &[&str]) {
    let lab = Lab::new();
    lab.feed(&["import", "-"], SAVED);
    let before = lab.state();
    let said = lab.feed(&["import", "-", "--replace"], text);
    assert_eq!(said.status, 1, "{text}: {}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "{text}: {}", said.err);
    }
    assert_eq!(lab.state(), before, "{text}");
}

/// Imports a text; these lines are what ipvsadm would save of it. Gives the notes.
#[track_caller]
fn imported(text: &str, saved: &str) -> String {
    let lab = Lab::new();
    let said = lab.feed(&["import", "-"], text);
    assert_eq!(said.status, 0, "{text}: {}", said.err);
    assert_eq!(lab.ok(&["export", "--format", "ipvsadm"]), saved, "{text}");
    said.err
}

#[test]
fn a_rule_that_is_not_understood_is_refused() {
    let first = "-A -t 192.0.2.77:80 -s rr\n-a -t 192.0.2.77:80 -r 10.0.0.65:80 -g -w 100\n";
    for (line, words) in [
        (
            "-a -t 192.0.2.77:80 -r 10.0.0.66:80 (null) -w 100",
            vec![
                "<stdin>:3",
                "ipvsadm printed (null)",
                "10.0.0.66:80",
                "-g (direct",
            ],
        ),
        (
            "-a -t 192.0.2.77:80 -r ${RS2}:80",
            vec!["<stdin>:3:24", "\"$\" is for a shell"],
        ),
        (
            "\u{2013}a \u{2013}t 192.0.2.77:80 \u{2013}r 10.0.0.66:80",
            vec![
                "<stdin>:3",
                "\"\u{2013}a\" begins with a dash of typography",
                "write -a",
            ],
        ),
        (
            "\u{2014}add-server -t 192.0.2.77:80",
            vec!["write --add-server"],
        ),
        ("\u{2212}a -t 192.0.2.77:80 -r $X", vec!["write -a"]),
        (
            "ipvsadm \u{2013}a \u{2013}t 192.0.2.77:80",
            vec!["write -a"],
        ),
        ("-a \u{2013}t 192.0.2.77:80 -r 10.0.0.66", vec!["write -t"]),
        (
            "a -t 192.0.2.77:80 -r 10.0.0.66:80",
            vec!["looks like a rule"],
        ),
        (
            "ipvasdm -a -t 192.0.2.77:80 -r 10.0.0.66:80",
            vec!["looks like a rule"],
        ),
        (
            "--add-serv -t 192.0.2.77:80",
            vec!["did you mean \"--add-server\"?"],
        ),
        (
            "add-server --tcp-service 192.0.2.77:80",
            vec!["looks like a rule"],
        ),
        (
            "then -a -t 192.0.2.77:80 -r 10.0.0.66:80",
            vec!["behind \"then\""],
        ),
        (
            "lvs_add 10.0.0.66",
            vec!["what \"lvs_add\" does is not known here"],
        ),
        ("lvs_add $X", vec!["is for a shell"]),
        (". /etc/lvs/more", vec!["what \"/etc/lvs/more\" does"]),
        (
            "service ipvsadm restart",
            vec!["import that file beside it"],
        ),
        (
            "systemctl start ipvsadm.service",
            vec!["import that file beside it"],
        ),
        ("ipvsadm -R", vec!["import that file beside it"]),
        (
            "ipvsadm-restore < /etc/ipvsadm.rules",
            vec!["import that file beside it"],
        ),
        (
            "iptables-restore < /etc/iptables",
            vec!["import that file beside it"],
        ),
        (
            "nft add rule ip mangle PREROUTING tcp dport 80 meta mark set 1",
            vec!["what \"nft\" marks is not known here"],
        ),
        (
            "*mangle\n-a -t 192.0.2.77:80 -r 10.0.0.66:80",
            vec!["<stdin>:4", "COMMIT"],
        ),
    ] {
        refused(&format!("{first}{line}\n"), &words);
    }
    // As the first line, which tells the format.
    refused(
        "\u{2013}A \u{2013}t 192.0.2.77:80 \u{2013}s rr\n",
        &["write -A"],
    );
}

#[test]
fn what_makes_no_rules_may_stand_beside_them() {
    let script = "#!/bin/sh
PATH=/sbin:/usr/sbin
. /etc/rc.d/init.d/functions
echo 'ipvsadm starts' >/dev/null 2>&1
ipvsadm -A -t 192.0.2.77:80 -s rr >/dev/null 2>&1
ipvsadm -a -t 192.0.2.77:80 -r 10.0.0.65:80 -g -w 100;
ipvsadm -a -t 192.0.2.77:80 -r 10.0.0.66:80 -g -w 100 2>> /var/log/lvs && ipvsadm -Sn > /etc/x
ipvsadm-save > /etc/ipvsadm.rules
touch /var/lock/subsys/ipvsadm >/dev/null 2>&1
rm -f /var/lock/subsys/ipvsadm &> /dev/null
watch ipvsadm
watch -n1 'ipvsadm -Ln'
ipvsadm
";
    let notes = imported(script, SAVED);
    for said in [
        "<stdin>:3: ignored, not about rules: . /etc/rc.d/init.d/functions",
        "<stdin>:7: ignored, it only shows: ipvsadm -Sn > /etc/x",
        "<stdin>:8: ignored, it only shows: ipvsadm-save > /etc/ipvsadm.rules",
        "<stdin>:9: ignored, not about rules: touch /var/lock/subsys/ipvsadm >/dev/null 2>&1",
        "<stdin>:11: ignored, it only shows: watch ipvsadm",
        "<stdin>:12: ignored, it only shows: watch -n1 'ipvsadm -Ln'",
    ] {
        assert!(notes.contains(said), "{notes}");
    }
    refused("#!/bin/sh\nwatch ipvsadm -C\n", &["what \"watch\" does"]);
}

#[test]
fn plain_variables_are_put_in() {
    let script = "IPVSADM=/sbin/ipvsadm
VIP=192.0.2.77; PORT=80
NET='10.0.0'
OPTIONS=\"-g -w 100\"
$IPVSADM -A -t $VIP:$PORT -s rr
$IPVSADM -a -t \"$VIP:$PORT\" -r ${NET}.65:80 $OPTIONS
export RS2=$NET.66
$IPVSADM -a -t $VIP:$PORT -r $RS2:$PORT $OPTIONS
";
    imported(script, SAVED);
    imported(&format!("#!/bin/sh\n{script}"), SAVED);
    // What may have changed in between is not known.
    for change in ["VIP=$(hostname -i)", "read VIP", "test -z \"$1\" || VIP=x"] {
        let text = script.replace("export", &format!("{change}\nexport"));
        refused(
            &text,
            &["$IPVSADM -a -t $VIP:$PORT -r $RS2", "is for a shell"],
        );
    }
}

#[test]
fn the_branch_that_starts_is_read() {
    let script = |start: &str| {
        format!(
            "#!/bin/bash
VIP=192.0.2.77
case \"$1\" in
start)
  /sbin/ifconfig eth0:0 $VIP broadcast $VIP netmask 255.255.255.255 up
{start}
  touch /var/lock/subsys/ipvsadm
  ;;
stop)
  /sbin/ipvsadm -C
  for i in $RS; do ipvsadm -d -t $VIP:80 -r $i; done
  ;;
*)
  echo \"Usage: $0 {{start|stop}}\"
  exit 1
esac
exit 0
"
        )
    };
    let rules: String = SAVED
        .lines()
        .map(|line| format!("  /sbin/ipvsadm {}\n", line.replace("192.0.2.77", "$VIP")))
        .collect();
    let notes = imported(&script(&rules), SAVED);
    assert!(
        notes.contains("<stdin>:3: read as it is run with the word start; not read: stop), *)"),
        "{notes}"
    );
    refused(
        &script("  if true; then ipvsadm -C; fi"),
        &["<stdin>:6", "behind \"if\""],
    );
    refused(
        &script(&rules).replace("start)", "go)"),
        &["<stdin>:", "may be what runs"],
    );
    refused(
        &script(&rules).replace("\"$1\"", "$2"),
        &["<stdin>:3", "behind \"case\""],
    );
}

#[test]
fn names_of_ports_are_looked_up() {
    let named = SAVED.replace(":80", ":http");
    let notes = imported(&named, SAVED);
    let said = "note: <stdin>: /etc/services says that \"http\" is tcp port 80, and so it was read";
    assert_eq!(notes.matches(said).count(), 1, "{notes}");
    refused(
        &SAVED.replace(":80", ":nosuchport"),
        &["<stdin>:1", "no tcp port \"nosuchport\""],
    );
    refused(
        &SAVED.replace("10.0.0.66", "web2"),
        &["<stdin>:3", "host names are not looked up"],
    );
}

#[test]
fn many_lines_that_are_ignored_hide_nothing() {
    let echoes = "echo x\n".repeat(40);
    let notes = imported(
        &format!("#!/bin/sh\n{echoes}{}", SAVED.replace(":80", ":http")),
        SAVED,
    );
    assert!(
        notes.contains("20 more lines like these are ignored"),
        "{notes}"
    );
    assert!(
        notes.contains("says that \"http\" is tcp port 80"),
        "{notes}"
    );
}

#[test]
fn other_texts_are_answered_with_what_to_do() {
    let list = "IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.77:80 rr
  -> 10.0.0.65:80                 Route   100    0          0
";
    refused(list, &["rules are what `ipvsadm -Sn` prints"]);
    let rows: String = list
        .lines()
        .skip(3)
        .map(|line| format!("{line}\n"))
        .collect();
    refused(&rows, &["rules are what `ipvsadm -Sn` prints"]);
    let keepalived = "! Configuration File for keepalived (web)
global_defs {
   router_id LVS
}
virtual_server 192.0.2.77 80 {
    lb_algo rr
    real_server 10.0.0.65 80 {
        weight 100
    }
}
";
    refused(
        keepalived,
        &[
            "configuration of keepalived",
            "ipvsadm -Sn | ipvsh --sim import -",
        ],
    );
    let ldirectord = "checktimeout=10
checkinterval=2
virtual=192.0.2.77:80
        real=10.0.0.65:80 gate 100
        fallback=127.0.0.1:80 gate
        scheduler=rr
";
    refused(
        ldirectord,
        &["configuration of ldirectord", "ipvsh --sim restore"],
    );
    let short: String = ldirectord
        .lines()
        .skip(2)
        .map(|line| format!("{line}\n"))
        .collect();
    refused(&short, &["configuration of ldirectord"]);
}

/// A rule that sets a mark, and its service.
const MARKED: &str =
    "iptables -t mangle -A PREROUTING -d 192.0.2.20 -p tcp --dport 80 -j MARK --set-mark 6
ipvsadm -A -f 6 -s rr
";

#[test]
fn what_excludes_packets_from_a_mark_is_refused() {
    for (front, words) in [
        (
            "iptables -t mangle -A PREROUTING -s 192.168.60.100/32 -j RETURN",
            vec![
                "<stdin>:2",
                "in front of it stands \"-A PREROUTING -s 192.168.60.100/32 -j RETURN\" (line 1)",
                "would be balanced too",
            ],
        ),
        (
            "iptables -t mangle -A PREROUTING -i eth1 -p tcp -j ACCEPT",
            vec!["-i eth1"],
        ),
        (
            "iptables -t mangle -A PREROUTING -m mac --mac-source 02:00:00:00:00:01 -j DROP",
            vec!["-m mac"],
        ),
        (
            "iptables -t mangle -A PREROUTING ! -s 10.0.0.0/8 -j RETURN",
            vec!["! -s 10.0.0.0/8"],
        ),
        (
            "iptables -t mangle -A PREROUTING -j PREROUTING_direct",
            vec!["PREROUTING_direct"],
        ),
        (
            "iptables -t mangle -A PREROUTING -g elsewhere",
            vec!["-g elsewhere"],
        ),
        (
            "iptables -t mangle -N deny\niptables -t mangle -A deny -j DROP\niptables -t mangle -A PREROUTING -j deny",
            vec!["<stdin>:4", "-j deny"],
        ),
        (
            "iptables -t mangle -A PREROUTING -m mac --mac-source 02:00:00:00:00:01 -j MARK --set-mark 6",
            vec!["<stdin>:1", "\"-m mac\" cannot be held"],
        ),
        (
            "iptables -t mangle -A PREROUTING ! -s 10.0.0.0/8 -j MARK --set-mark 6",
            vec!["<stdin>:1", "excludes (!)"],
        ),
        (
            "iptables -t mangle -A PREROUTING_direct -p tcp -j MARK --set-mark 6",
            vec!["<stdin>:1", "PREROUTING_direct may mark packets for IPVS"],
        ),
        (
            "firewall-cmd --direct --add-rule ipv4 mangle PREROUTING 0 -p tcp -j MARK --set-mark 6",
            vec!["<stdin>:1", "what \"firewall-cmd\" marks"],
        ),
        (
            "firewall-cmd --direct --passthrough ipv4 -t mangle -A PREROUTING -j RETURN",
            vec!["<stdin>:1"],
        ),
        (
            "iptables -t mangle -A PREROUTING -j CONNMARK --restore-mark",
            vec!["<stdin>:1", "\"-j CONNMARK\" cannot be held"],
        ),
        ("iptables -t mangle -D PREROUTING 1", vec![]),
    ] {
        let text = format!("{front}\n{MARKED}");
        match words.is_empty() {
            true => drop(imported(&format!("{front}\n{MARKED}"), "-A -f 6 -s rr\n")),
            false => refused(&text, &words),
        }
    }
    // Put in front of it later.
    let text = format!("{MARKED}iptables -t mangle -I PREROUTING -s 192.168.60.100 -j RETURN\n");
    refused(&text, &["<stdin>:1", "(line 3)"]);
    refused(
        &format!("{MARKED}iptables -t mangle -D PREROUTING 1\n"),
        &["<stdin>:3", "has that number"],
    );
}

#[test]
fn what_takes_no_packet_from_a_mark_is_left_out() {
    for other in [
        "iptables -t mangle -A PREROUTING -p udp -j RETURN",
        "iptables -t mangle -A PREROUTING -d 192.0.2.21 -j ACCEPT",
        "iptables -t mangle -A PREROUTING -j LOG",
        "iptables -t mangle -N empty\niptables -t mangle -A PREROUTING -j empty",
        "iptables -t mangle -A PREROUTING -s 192.0.2.9 -j RETURN\niptables -t mangle -F",
        "iptables -t mangle -A PREROUTING -s 192.0.2.9 -j RETURN\niptables -t mangle -D PREROUTING -s 192.0.2.9 -j RETURN",
        "iptables -t mangle -A POSTROUTING -o eth1 -j MARK --set-mark 9",
        "iptables -t nat -A PREROUTING -s 192.0.2.9 -j RETURN",
        "ip6tables -t mangle -A PREROUTING -j ACCEPT",
    ] {
        imported(&format!("{other}\n{MARKED}"), "-A -f 6 -s rr\n");
    }
    let behind = format!("{MARKED}iptables -t mangle -A PREROUTING -s 192.0.2.9 -j RETURN\n");
    imported(&behind, "-A -f 6 -s rr\n");
}

#[test]
fn marks_of_other_chains_cannot_be_held() {
    for (line, chain) in [
        (
            "iptables -t mangle -A INPUT -d 192.0.2.20 -j MARK --set-mark 6",
            "INPUT",
        ),
        (
            "iptables -t mangle -A OUTPUT -d 192.0.2.20 -j MARK --set-mark 6",
            "OUTPUT",
        ),
        (
            "iptables -t mangle -I mine -d 192.0.2.20 -j MARK --set-mark 6",
            "mine",
        ),
        (
            "iptables -A INPUT -d 192.0.2.20 -j MARK --set-mark 6",
            "INPUT of the table filter",
        ),
        (
            "iptables -t raw -A PREROUTING -j MARK --set-mark 6",
            "PREROUTING of the table raw",
        ),
        (
            "*mangle\n-A INPUT -d 192.0.2.20 -j MARK --set-mark 6\nCOMMIT",
            "INPUT",
        ),
        (
            "*nat\n-A OUTPUT -d 192.0.2.20 -j MARK --set-mark 6\nCOMMIT",
            "OUTPUT of the table nat",
        ),
    ] {
        let marks = if chain == "mine" { "may mark" } else { "marks" };
        let said = format!("a rule in {chain} {marks} packets for IPVS, and cannot be held");
        refused(
            &format!("{line}\n{MARKED}"),
            &[said.as_str(), "keep the rule where it is"],
        );
    }
}

#[test]
fn rules_of_iptables_are_read_as_they_are_printed() {
    let save = "# Generated by iptables-save v1.8.9
*mangle
:PREROUTING ACCEPT [10:840]
:PREROUTING_direct - [0:0]
:IPVSH - [0:0]
[5:420] -A PREROUTING -j PREROUTING_direct
[5:420] -A PREROUTING -j IPVSH
[1:60] -A IPVSH -d 192.0.2.20/32 -i eth+ -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x6/0xffffffff
COMMIT
";
    let lab = Lab::new();
    let said = lab.feed(&["import", "-"], save);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.out
            .contains("+ mark tcp to 192.0.2.20 ports 80 interface eth+"),
        "{}",
        said.out
    );
    refused(
        &save.replace("-j PREROUTING_direct", "-s 192.0.2.9/32 -j ACCEPT"),
        &["<stdin>:8", "(line 6)"],
    );
    refused(
        &save.replace("-j IPVSH", "-i eth1 -j IPVSH"),
        &["<stdin>:7", "come to the rules of IPVSH"],
    );
    refused(
        &save.replace("eth+", "eth0:1"),
        &["<stdin>:8", "\"eth0:1\" is not the name of an interface"],
    );
}

#[test]
fn each_programs_rules_are_of_its_family() {
    let of = |program: &str, mark: u32| {
        format!(
            "# Generated by {program}-save v1.8.9 on Thu Jan  1 00:00:00 1970
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth{mark} -p tcp -j MARK --set-xmark {mark:#x}/0xffffffff
COMMIT
# Completed on Thu Jan  1 00:00:00 1970
"
        )
    };
    let (four, six) = (of("iptables", 4), of("ip6tables", 6));
    for text in [format!("{four}{six}"), format!("{six}{four}")] {
        let lab = Lab::new();
        let said = lab.feed(&["import", "-"], &text);
        assert_eq!(said.status, 0, "{}", said.err);
        for words in [
            "fwmark 4\n",
            "fwmark6 6\n",
            "tcp interface eth4",
            "tcp interface eth6",
        ] {
            assert!(said.out.contains(words), "{words}: {}", said.out);
        }
    }
}
