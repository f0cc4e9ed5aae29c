//! `ipvsh real-server`: the script and the files for hosts that have no ipvsh.

use insta::assert_snapshot;

use super::lab::Lab;

/// The parts of a script that depend on what it is for: its head, the steps, what is undone.
fn parts(script: &str) -> String {
    let is_of = |line: &&str| !line.starts_with("#   ");
    let head = script
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(is_of);
    let steps = script
        .lines()
        .skip_while(|line| *line != "steps() {")
        .take_while(|line| !line.starts_with("# The newest note"));
    head.chain(steps).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_script_for_direct_routing_is_printed() {
    let lab = Lab::new();
    assert_snapshot!(lab.ok(&["real-server", "192.0.2.10"]), @r##"
    #!/bin/sh
    # Real server of the VIP 192.0.2.10 for direct routing; printed by ipvsh real-server.
    #
    #   start   sets up what is not there yet, and notes what was there before
    #   stop    undoes what start did, and only that; what another VIP needs stays
    #   status  exits with 0 where all of it is there, else with 3
    #
    # Needs root, and ip of iproute2 or busybox.
    vip=192.0.2.10
    length=32
    what='192.0.2.10 on lo'

    # What start is about to change is noted first, in a file for this network namespace and VIP.
    namespace=$(readlink /proc/self/ns/net) || exit 1
    namespace=${namespace#net:\[}
    namespace=${namespace%\]}
    directory=/run/lvs-real-server
    file=$directory/$namespace-$vip

    say() { echo "$0: $*" >&2; }

    note() {
      grep -qxF -e "$1" "$file" || echo "$1" >>"$file" || { say "cannot write $file"; return 1; }
    }

    # Drops the notes that begin so.
    forget() {
      grep -v -e "^$1" "$file" >"$directory/new"
      [ $? -le 1 ] || { say "cannot write $directory/new"; return 1; }
      mv "$directory/new" "$file"
    }

    # The notes of the other VIPs that are here: what they need stays. A file whose VIP is not on lo
    # may be that of a namespace which is gone.
    others() {
      for other in "$directory/$namespace"-*; do
        if [ ! -e "$other" ] || [ "$other" = "$file" ]; then continue; fi
        if grep -q '^gateway' "$other" || ip address show dev lo | grep -qF " ${other##*-}/"; then cat "$other"; fi
      done
    }

    shared() { others | grep -q -e "^$1"; }

    # Under status nothing is done: what is not there is missing.
    missing=
    absent() {
      missing="$missing $1"
      [ "$action" = status ]
    }

    # value_of PATH: its value is now in $now; empty where there is none.
    value_of() {
      now=
      { read -r now <"$1"; } 2>/dev/null
    }

    # setting NAME VALUE...: the kernel has one of the values, or is given the first.
    setting() {
      name=$1 wanted=$2 path=/proc/sys/net/ipv4/conf/$1
      value_of "$path"
      if [ "$now" = "$wanted" ] && [ "$action" = start ] && ! grep -q -e "^setting $name " "$file"; then
        # Where another VIP set it, the value to return to is the one that it found.
        known=$(others | sed -n "\|^setting $name |p" | sed -n 1p)
        [ -z "$known" ] || note "$known"
      fi
      shift
      for value; do
        [ "$now" != "$value" ] || return 0
      done
      ! absent "$name" || return 0
      [ -n "$now" ] || { say "this kernel has no $path"; return 1; }
      forget "setting $name " || return 1
      note "setting $name $now $wanted" || return 1
      echo "$wanted" >"$path"
    }

    # undo_setting NAME FOUND SET: one that was changed since is left alone.
    undo_setting() {
      path=/proc/sys/net/ipv4/conf/$1
      value_of "$path"
      shared "setting $1 " || [ "$now" != "$3" ] || echo "$2" >"$path"
    }

    # Whether lo has the VIP: 0, or 1; 2 where ip cannot tell.
    has_address() {
      shown=$(ip address show dev lo) || return 2
      case $shown in
        *" $vip/$length "*) return 0 ;;
      esac
      return 1
    }

    # The devices that have it, with which length of the prefix.
    elsewhere() {
      ip -o address show | while read -r _ device _ address _; do
        case $address in
          "$vip"/*) echo "${device%:} as $address" ;;
        esac
      done
    }

    address() {
      has_address
      case $? in
        0) return 0 ;;
        2) return 1 ;;
      esac
      ! absent "$vip/$length" || return 0
      other=$(elsewhere)
      [ -z "$other" ] || { say "$vip is on $other already"; return 1; }
      note address || return 1
      add_address
    }

    undo_address() {
      has_address
      case $? in
        0) ip address del "$vip/$length" dev lo ;;
        2) return 1 ;;
      esac
    }

    add_address() { ip address add "$vip/$length" dev lo; }

    steps() {
      setting all/arp_ignore 1 2 8 &&
        setting lo/arp_ignore 1 2 8 &&
        setting all/arp_announce 2 &&
        setting lo/arp_announce 2 &&
        address
    }

    undo() { # KIND WORDS...: what a note says
      kind=$1
      shift
      case $kind in
        setting) undo_setting "$@" ;;
        address) undo_address ;;
      esac
    }

    # The newest note first: the address goes before the settings that keep it silent. Where one cannot
    # be undone, the rest stays, with its notes.
    stop() {
      status=0
      notes=$(sed '1!G;h;$!d' "$file" 2>/dev/null)
      while read -r kind words; do
        # shellcheck disable=SC2086 # the words of a note
        [ -z "$kind" ] || undo "$kind" $words || { status=1; break; }
      done <<END
    $notes
    END
      [ "$status" != 0 ] || rm -f "$file"
      return "$status"
    }

    action=$1
    [ $# = 1 ] || action=
    case $action in
      start | stop)
        ip address show dev lo >/dev/null || { say 'cannot run ip'; exit 1; }
        umask 077
        mkdir -p "$directory" || exit 1
        exec 9>"$directory/lock"
        ! command -v flock >/dev/null || flock 9
        ;;
    esac
    case $action in
      start)
        fresh=true
        [ ! -s "$file" ] || fresh=false
        : >>"$file" || exit 1
        steps && exit 0
        # Half a start is undone; what an earlier one did stays.
        ! $fresh || stop
        say 'cannot start'
        exit 1
        ;;
      stop) stop ;;
      status)
        steps
        [ -z "$missing" ] || { echo "stopped, missing:$missing"; exit 3; }
        echo "running: $what"
        ;;
      *)
        echo "Usage: $0 start|stop|status" >&2
        exit 2
        ;;
    esac
    "##);
}

#[test]
fn each_method_has_its_steps() {
    let lab = Lab::new();
    let of = |words: &[&str]| parts(&lab.ok(&[&["real-server"], words].concat()));
    assert_snapshot!(of(&["192.0.2.10", "--tunnel", "gue:6080"]), @r##"
    #!/bin/sh
    # Real server of the VIP 192.0.2.10 for a tunnel (gue port 6080); printed by ipvsh real-server.
    #
    #
    # Needs root, and ip of iproute2.
    vip=192.0.2.10
    length=32
    what='192.0.2.10 on lo, tunnel gue port 6080'
    steps() {
      device tunl0 ipip &&
        setting all/arp_ignore 1 2 8 &&
        setting lo/arp_ignore 1 2 8 &&
        setting all/arp_announce 2 &&
        setting lo/arp_announce 2 &&
        setting all/rp_filter 0 2 &&
        setting tunl0/rp_filter 0 2 &&
        address &&
        port 6080 &&
        up tunl0
    }

    undo() { # KIND WORDS...: what a note says
      kind=$1
      shift
      case $kind in
        setting) undo_setting "$@" ;;
        up) undo_up "$@" ;;
        address) undo_address ;;
        port) undo_port "$@" ;;
      esac
    }
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--tunnel", "gre"]), @r##"
    #!/bin/sh
    # Real server of the VIP 192.0.2.10 for a tunnel (gre); printed by ipvsh real-server.
    #
    #
    # Needs root, and ip of iproute2 or busybox.
    vip=192.0.2.10
    length=32
    what='192.0.2.10 on lo, tunnel gre'
    steps() {
      device gre0 ip_gre &&
        setting all/arp_ignore 1 2 8 &&
        setting lo/arp_ignore 1 2 8 &&
        setting all/arp_announce 2 &&
        setting lo/arp_announce 2 &&
        setting all/rp_filter 0 2 &&
        setting gre0/rp_filter 0 2 &&
        address &&
        up gre0
    }

    undo() { # KIND WORDS...: what a note says
      kind=$1
      shift
      case $kind in
        setting) undo_setting "$@" ;;
        up) undo_up "$@" ;;
        address) undo_address ;;
      esac
    }
    "##);
    assert_snapshot!(of(&["2001:db8::10"]), @r##"
    #!/bin/sh
    # Real server of the VIP 2001:db8::10 for direct routing; printed by ipvsh real-server.
    #
    #
    # Needs root, and ip of iproute2 or busybox.
    vip=2001:db8::10
    length=128
    what='2001:db8::10 on lo'
    steps() {
      address
    }

    undo() { # KIND WORDS...: what a note says
      kind=$1
      shift
      case $kind in
        address) undo_address ;;
      esac
    }
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--forward", "NAT", "--gateway", "10.0.0.1"]), @r##"
    #!/bin/sh
    # Real server of the VIP 192.0.2.10 for masquerading; printed by ipvsh real-server.
    #
    #
    # Needs root, and ip of iproute2 or busybox.
    vip=192.0.2.10
    gateway=10.0.0.1
    what='the default gateway is 10.0.0.1'
    steps() {
      gateway
    }

    undo() { # KIND WORDS...: what a note says
      kind=$1
      shift
      case $kind in
        gateway) undo_gateway "$@" ;;
      esac
    }
    "##);
}

#[test]
fn a_service_says_the_method() {
    let lab = Lab::new();
    let server = |address: &str, options: &str| format!("#{{ address: \"{address}\", {options} }}");
    let script = format!(
        "tcp(\"192.0.2.10:80\", #{{ servers: [{}] }}); tcp(\"192.0.2.20:80\", #{{ servers: [{}, {}] }}); \
         fwmark(5, #{{ marks: [#{{ to: \"192.0.2.30\", protocol: \"tcp\", ports: [80, 443] }}], \
         servers: [\"10.0.0.11\"] }});",
        server(
            "10.0.0.11",
            r#"forward: "tunnel", tunnel: #{ type: "gre" }"#
        ),
        server("10.0.0.11", r#"forward: "direct""#),
        server("10.0.0.12", r#"forward: "masq""#),
    );
    lab.ok(&["-e", &script]);
    let of = |words: &[&str]| lab.run(&[&["real-server"], words].concat());
    let first = |words: &[&str]| of(words).lines().nth(1).unwrap().to_owned();
    let what = |vip: &str, method: &str| {
        format!("# Real server of the VIP {vip} for {method}; printed by ipvsh real-server.")
    };
    assert_eq!(
        first(&["tcp", "192.0.2.10:80"]),
        what("192.0.2.10", "a tunnel (gre)")
    );
    assert_eq!(
        first(&["fwmark", "5"]),
        what("192.0.2.30", "direct routing")
    );
    assert_eq!(
        first(&["192.0.2.20:80", "--forward", "dr"]),
        what("192.0.2.20", "direct routing")
    );
    assert_snapshot!(of(&["192.0.2.20:80"]), @r##"
    -- stderr
    Error: tcp 192.0.2.20:80: its servers are reached in several ways: direct, masq
    Hint: say which: --forward direct, --forward masq, --tunnel ipip, --tunnel gue:6080
    -- status 1
    "##);
    assert_snapshot!(of(&["192.0.2.40:80"]), @r##"
    -- stderr
    Error: virtual service 192.0.2.40:80: there is no such virtual service
    Hint: did you mean "tcp 192.0.2.10:80"?
    -- status 1
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--forward", "masq"]), @r##"
    -- stderr
    Error: vip 192.0.2.10: a masqueraded real server needs nothing but its route back
    Hint: give the director's inner address: --gateway ADDRESS
    -- status 2
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--gateway", "10.0.0.1"]), @r##"
    -- stderr
    Error: vip 192.0.2.10: the default gateway of this real server stays the router, never the director
    Hint: leave --gateway out; only masqueraded servers answer by the director
    -- status 2
    "##);
    assert_snapshot!(of(&["192.0.2.10;reboot"]), @r##"
    -- stderr
    Error: "192.0.2.10;reboot" is not an IP address
    Hint: host names are not looked up: write the address itself
    Hint: a name is like "tcp 192.0.2.10:80" or "fwmark 666"
    -- status 1
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--forward", "masq", "--gateway", "10.0.0.1; reboot"]), @r##"
    -- stderr
    Error: "10.0.0.1; reboot" is not an IP address
    Hint: host names are not looked up: write the address itself
    -- status 2
    "##);
    assert_snapshot!(of(&["192.0.2.10", "--tunnel", "gue"]), @r##"
    -- stderr
    Error: "gue": the port is missing
    Hint: a tunnel is ipip, gre or gue:6080
    -- status 2
    "##);
}

#[test]
fn files_for_every_boot_are_printed() {
    let lab = Lab::new();
    let of = |form: &str, words: &[&str]| {
        lab.run(&[&["real-server", "--persist", form], words].concat())
    };
    assert_snapshot!(of("sysctl.d", &["192.0.2.10"]), @r##"
    cat >/etc/sysctl.d/60-lvs-192.0.2.10.conf <<'END'
    net.ipv4.conf.all.arp_ignore = 1
    net.ipv4.conf.lo.arp_ignore = 1
    net.ipv4.conf.all.arp_announce = 2
    net.ipv4.conf.lo.arp_announce = 2
    END
    sysctl -p /etc/sysctl.d/60-lvs-192.0.2.10.conf
    # The address is not here: run the script (ipvsh real-server without --persist) at boot.
    -- status 0
    "##);
    assert_snapshot!(of("networkd", &["192.0.2.10", "--tunnel", "gue:6080"]), @r##"
    cat >/etc/modules-load.d/60-lvs-192.0.2.10.conf <<'END'
    ipip
    fou
    END
    modprobe ipip
    modprobe fou
    cat >/etc/sysctl.d/60-lvs-192.0.2.10.conf <<'END'
    net.ipv4.conf.all.arp_ignore = 1
    net.ipv4.conf.lo.arp_ignore = 1
    net.ipv4.conf.all.arp_announce = 2
    net.ipv4.conf.lo.arp_announce = 2
    net.ipv4.conf.all.rp_filter = 0
    net.ipv4.conf.tunl0.rp_filter = 0
    END
    sysctl -p /etc/sysctl.d/60-lvs-192.0.2.10.conf
    cat >/etc/systemd/network/60-lvs-lo.network <<'END'
    [Match]
    Name=lo
    END
    mkdir -p /etc/systemd/network/60-lvs-lo.network.d
    cat >/etc/systemd/network/60-lvs-lo.network.d/192.0.2.10.conf <<'END'
    [Address]
    Address=192.0.2.10/32
    END
    cat >/etc/systemd/network/60-lvs-gue6080.netdev <<'END'
    [NetDev]
    Name=lvs-gue6080
    Kind=fou

    [FooOverUDP]
    Encapsulation=GenericUDPEncapsulation
    Port=6080
    END
    cat >/etc/systemd/network/60-lvs-tunl0.network <<'END'
    [Match]
    Name=tunl0

    [Link]
    ActivationPolicy=always-up
    RequiredForOnline=no

    [Network]
    LinkLocalAddressing=no
    END
    networkctl reload
    -- status 0
    "##);
    assert_snapshot!(of("networkd", &["2001:db8::10"]), @r##"
    cat >/etc/systemd/network/60-lvs-lo.network <<'END'
    [Match]
    Name=lo
    END
    mkdir -p /etc/systemd/network/60-lvs-lo.network.d
    cat >/etc/systemd/network/60-lvs-lo.network.d/2001-db8--10.conf <<'END'
    [Address]
    Address=2001:db8::10/128
    PreferredLifetime=0
    DuplicateAddressDetection=none
    END
    networkctl reload
    -- status 0
    "##);
    assert_snapshot!(of("nmcli", &["192.0.2.10"]), @r##"
    cat >/etc/sysctl.d/60-lvs-192.0.2.10.conf <<'END'
    net.ipv4.conf.all.arp_ignore = 1
    net.ipv4.conf.lo.arp_ignore = 1
    net.ipv4.conf.all.arp_announce = 2
    net.ipv4.conf.lo.arp_announce = 2
    END
    sysctl -p /etc/sysctl.d/60-lvs-192.0.2.10.conf
    # Where a connection of lo is there already (nmcli connection show), add the VIP to that one:
    #   nmcli connection modify lo +ipv4.addresses 192.0.2.10/32
    cat >/etc/NetworkManager/system-connections/lvs-192.0.2.10.nmconnection <<'END'
    [connection]
    id=lvs-192.0.2.10
    type=loopback
    interface-name=lo

    [ipv4]
    method=manual
    address1=127.0.0.1/8
    address2=192.0.2.10/32

    [ipv6]
    method=manual
    address1=::1/128
    END
    chmod 600 /etc/NetworkManager/system-connections/lvs-192.0.2.10.nmconnection
    nmcli connection reload
    nmcli connection up lvs-192.0.2.10
    -- status 0
    "##);
    assert_snapshot!(of("nmcli", &["192.0.2.10", "--forward", "tunnel"]), @r##"
    -- stderr
    Error: vip 192.0.2.10: NetworkManager sets up no tunl0
    Hint: use --persist networkd, or run the script (without --persist) at boot
    -- status 2
    "##);
    assert_snapshot!(of("ifcfg", &["192.0.2.10"]), @r##"
    -- stderr
    Error: unknown form "ifcfg"
    Hint: a form is sysctl.d, networkd, nmcli
    -- status 2
    "##);
}

#[test]
fn the_servers_of_a_service_with_source_nat_need_nothing() {
    let lab = Lab::new();
    lab.ok(&[
        "-e",
        r#"tcp("192.0.2.10:80", #{ forward: "masq", snat: true, servers: ["10.0.0.11"] })"#,
    ]);
    let refusal = "Error: tcp 192.0.2.10:80: its servers need nothing: the service has snat";
    for more in [&[][..], &["--gateway", "10.0.0.1"]] {
        let said = lab.run(&[&["real-server", "tcp", "192.0.2.10:80"], more].concat());
        assert!(said.contains(refusal), "{said}");
        assert!(said.ends_with("-- status 1\n"), "{said}");
    }
    for vip in ["127.0.0.1", "::1", "fe80::1"] {
        let said = lab.run(&["real-server", vip]);
        assert!(said.contains("no client reaches such an address"), "{said}");
    }
}
