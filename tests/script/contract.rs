//! The script API as promised: verbs of editing, properties, handles, change control.

use serde_json::json;

use crate::lab::Lab;

/// What some code prints, where all goes well.
#[track_caller]
fn printed(code: &str) -> String {
    Lab::new().run(code).printed()
}

#[test]
fn with_options_a_call_declares() {
    let lab = Lab::new();
    lab.run(
        "tcp(\"192.0.2.10:80\", #{ scheduler: \"wrr\", persistent: 300, forward: \"masq\", servers: [
            #{ address: \"10.0.0.11:80\", weight: 3 },
            \"10.0.0.12:80\",
        ] });",
    )
    .printed();
    let run = lab.run("tcp(\"192.0.2.10:80\", #{ scheduler: \"sh\" }); print(plan().text);");
    assert_eq!(
        run.printed(),
        "tcp 192.0.2.10:80\n  ~ scheduler wrr -> sh\n  ~ persistent 300 -> off (not named: default)\n\
         2 changes planned, nothing done\n"
    );
    let service = &lab.json()["services"][0];
    assert_eq!(
        service["servers"].as_array().unwrap().len(),
        2,
        "servers stay"
    );
    assert_eq!(service["servers"][0]["weight"], 3);
    // A list is exactly these servers.
    lab.run("tcp(\"192.0.2.10:80\", #{ scheduler: \"sh\", servers: [\"10.0.0.12\"] })")
        .printed();
    let service = &lab.json()["services"][0];
    assert_eq!(service["servers"].as_array().unwrap().len(), 1);
    assert_eq!(
        service["servers"][0]["forward"], "masq",
        "as all its servers had it"
    );
}

#[test]
fn without_options_it_finds_or_creates() {
    let code = "let w = tcp(\"192.0.2.10:80\"); w.scheduler = \"rr\"; w = tcp(\"192.0.2.10:80\"); \
                print(w.scheduler); let s = w.server(\"10.0.0.1\"); s.weight = 7; \
                print(w.server(\"10.0.0.1\").weight); print(services().len());";
    assert_eq!(printed(code), "rr\n7\n1\n");
}

#[test]
fn set_changes_only_what_it_names_and_returns_the_object() {
    let code = "let w = tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\", persistent: 60, servers: [\"10.0.0.1\"] });
        print(w.set(#{ scheduler: \"sh\" }).persistent);
        print(w.set(#{ forward: \"nat\" }).find(\"10.0.0.1\").set(#{ weight: 4 }).forward);
        print(w.find(\"10.0.0.1\").weight);";
    assert_eq!(printed(code), "60\nmasq\n4\n");
}

#[test]
fn services_of_every_kind_are_found_by_name() {
    let code = "udp(\"[2001:db8::10]:53\"); sctp(\"192.0.2.10:7\"); fwmark(666); fwmark6(666);
        tcp(\"192.0.2.10:80\");
        for name in [\"tcp 192.0.2.10:80\", \"192.0.2.10:80\", \"udp [2001:db8::10]:53\",
                     \"[2001:db8::10]:53\", \"2001:db8::10\", \"sctp 192.0.2.10:7\", \"fwmark 666\",
                     \"FWMARK6 666\"] {
            print(find(name).name);
        }";
    assert_eq!(
        printed(code),
        "tcp 192.0.2.10:80\ntcp 192.0.2.10:80\nudp [2001:db8::10]:53\nudp [2001:db8::10]:53\n\
         udp [2001:db8::10]:53\nsctp 192.0.2.10:7\nfwmark 666\nfwmark6 666\n"
    );
}

#[test]
fn lists_are_filtered_by_port_address_and_network() {
    let code =
        "for a in [\"192.0.2.10:80\", \"192.0.2.10:443\", \"192.0.2.99:80\", \"198.51.100.1:80\"] {
            tcp(a, #{ servers: [\"10.0.0.1\", \"10.0.0.2\"] });
        }
        fwmark(5).server(\"10.0.0.1\");
        print(services().len()); print(services(80).len()); print(services(\"80\").len());
        print(services(\"192.0.2.10\").len()); print(services(\"192.0.2.10:443\").len());
        print(services(\"192.0.2.0/24\").len());
        print(servers().len()); print(servers(\"10.0.0.1\").len()); print(servers(443).len());
        for s in servers(\"10.0.0.1:443\") { print(`${s.service} ${s}`); }";
    assert_eq!(
        printed(code),
        "5\n3\n3\n2\n1\n3\n9\n5\n2\ntcp 192.0.2.10:443 real server 10.0.0.1:443 of tcp 192.0.2.10:443\n"
    );
}

#[test]
fn remove_takes_a_service_a_server_or_an_address() {
    let lab = Lab::new();
    let code =
        "let w = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"] });
        remove(w, \"10.0.0.1\"); remove(w.find(\"10.0.0.2\")); print(w.servers().len());
        let name = \"192.0.2.10:80\";
        remove(name, \"10.0.0.3\"); print(w.servers().len());
        tcp(\"192.0.2.11:80\"); remove(\"tcp 192.0.2.11:80\");
        let pool = fwmark(7, #{ marks: #{ protocol: \"tcp\", to: \"192.0.2.1\", ports: 80 } });
        print(marks().len()); remove(pool); print(marks().len());
        remove(sync_daemon(\"master\", #{ interface: \"eth0\" })); print(sync_daemons().len());
        let text = \"a-b\"; text.remove(\"-\"); print(text);
        let list = [1, 2]; list.remove(0); print(list);
        let map = #{ a: 1 }; map.remove(\"a\"); print(map.len());";
    assert_eq!(lab.run(code).printed(), "1\n0\n1\n0\n0\nab\n[2]\n0\n");
    assert_eq!(lab.json()["services"].as_array().unwrap().len(), 1);
    assert_eq!(lab.json()["marks"], json!([]));
}

#[test]
fn clear_empties_the_candidate_and_what_is_declared_again_stays() {
    let lab = Lab::new();
    lab.run("tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" }); tcp(\"192.0.2.11:80\", #{ scheduler: \"rr\" });")
        .printed();
    let run = lab.run(
        "clear(); print(services().len()); tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" }); \
         print(plan().changes.len()); print(plan().changes[0].object);",
    );
    assert_eq!(run.printed(), "0\n1\ntcp 192.0.2.11:80\n");
    assert_eq!(lab.json()["services"].as_array().unwrap().len(), 1);
}

#[test]
fn every_option_is_a_property() {
    let code = "let w = tcp(\"192.0.2.10:80\");
        w.scheduler = \"SH\"; w.flags = [\"sh-port\"]; w.persistent = true; w.netmask = 24;
        w.engine = \"sip\"; w.one_packet = false; w.servers = [\"10.0.0.1\"]; w.forward = \"NAT\";
        print(`${w.scheduler} ${w.flags} ${w.persistent} ${w.netmask} ${w.engine} ${w.one_packet} ${w.forward} ${w.servers.len()}`);
        w.persistent = false; w.engine = (); w.flags = [];
        print(`${w.persistent} ${w.engine == ()} ${w.flags}`);
        let s = w.find(\"10.0.0.1\");
        s.weight = 5; s.forward = \"ipip\"; s.upper = 10; s.lower = 5; s.tunnel = #{ type: \"gue\", port: 6080 };
        s.weight += 1;
        s.tunnel.checksum = \"full\";
        print(`${s.weight} ${s.forward} ${s.upper} ${s.lower} ${s.tunnel.type} ${s.tunnel.port} ${s.tunnel.checksum}`);
        let m = fwmark6(9); m.marks = [#{ protocol: \"tcp\", to: \"2001:db8::1\", ports: [80] }];
        print(`${m.marks[0].to} ${m.marks.len()} ${m.netmask} ${m.mark} ${m.family} ${m.address == ()}`);
        print(`${w.protocol} ${w.address} ${w.port} ${w.mark == ()} ${w.name} ${w.active} ${w.inactive}`);
        print(`${s.address} ${s.port} ${s.service} ${s.active} ${s.inactive} ${s.persistent_connections}`);
        discard();";
    assert_eq!(
        printed(code),
        "sh [\"sh-port\"] 300 255.255.255.0 sip false masq 1\n0 true []\n\
         6 tunnel 10 5 gue 6080 full\n\
         2001:db8::1 1 128 9 ipv6 true\n\
         tcp 192.0.2.10 80 true tcp 192.0.2.10:80 0 0\n\
         10.0.0.1 80 tcp 192.0.2.10:80 0 0 0\n"
    );
}

#[test]
fn constants_closures_and_elements_can_be_set_through() {
    let code = "const W = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\", \"10.0.0.2\"] });
        W.scheduler = \"rr\"; W.flags.push(\"flag-1\");
        let w = W;
        let set = |name| w.scheduler = name;
        set.call(\"wrr\");
        w.servers[1].weight = 9;
        for s in w.servers() { s.upper = 3; }
        let all = w.servers(); all[0].weight = 8;
        w.servers().for_each(|| this.lower = 2);
        print(`${W.scheduler} ${W.flags} ${W.servers().map(|s| [s.weight, s.upper, s.lower])}`);";
    assert_eq!(printed(code), "wrr [\"flag-1\"] [[8, 3, 2], [9, 3, 2]]\n");
}

#[test]
fn handles_are_names() {
    let code = "let w = tcp(\"192.0.2.10:80\"); let other = find(\"192.0.2.10:80\");
        print(w == other); print(w != tcp(\"192.0.2.11:80\"));
        let s = w.server(\"10.0.0.1\"); print(s == w.find(\"10.0.0.1:80\")); print(s.service == w);
        print(services().contains(w)); print(w.servers().index_of(s));
        remove(w); tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" }); print(other.scheduler);";
    assert_eq!(printed(code), "true\ntrue\ntrue\ntrue\ntrue\n0\nrr\n");
}

#[test]
fn what_people_type_for_methods_is_understood() {
    for (words, name) in [
        (
            &["dr", "gateway", "GATE", "route", "g", "Direct"][..],
            "direct",
        ),
        (&["nat", "masquerading", "m", "MASQ"][..], "masq"),
        (&["tun", "ipip", "i"][..], "tunnel"),
    ] {
        for word in words {
            let code = format!(
                "print(tcp(\"192.0.2.10:80\").server(\"10.0.0.1\", #{{ forward: \"{word}\" }}).forward)"
            );
            assert_eq!(printed(&code), format!("{name}\n"), "{word}");
        }
    }
}

#[test]
fn marks_are_declared_listed_and_removed() {
    let lab = Lab::new();
    let code = "mark(666, [
            #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80, 443, \"8000-8100\"] },
            #{ from: \"198.51.100.0/24\", interface: \"eth0\" },
            #{ protocol: \"udp\", to: \"2001:db8::1\", ports: [53] },
        ]);
        mark(7, #{ protocol: \"sctp\", from_ports: [9], mask: \"0xff\" });
        for rule in marks() { print(`${rule.mark} ${rule.family} ${rule.protocol}`); }";
    let printed = lab.run(code).printed();
    assert_eq!(
        printed,
        "666 ipv4 tcp\n666 ipv4 all\n666 ipv6 udp\n7 ipv4 sctp\n"
    );
    let run = lab.run("unmark(666); unmark(666); unmark(5); print(marks().len())");
    assert_eq!(run.printed(), "1\n");
    assert_eq!(lab.json()["marks"].as_array().unwrap().len(), 1);
}

#[test]
fn timeouts_are_set_and_return_to_the_default() {
    let lab = Lab::new();
    let run = lab.run("print(timeouts().tcp); print(timeouts(#{ tcp: 30, udp: 60 }).tcp_fin);");
    assert_eq!(run.printed(), "900\n120\n");
    assert_eq!(
        lab.json()["timeouts"],
        json!({ "tcp": 30, "tcp_fin": 120, "udp": 60 })
    );
    lab.run("clear(); timeouts(#{ udp: 60 });").printed();
    assert_eq!(
        lab.json()["timeouts"],
        json!({ "tcp": 900, "tcp_fin": 120, "udp": 60 })
    );
}

#[test]
fn daemons_have_properties() {
    let code = "let d = sync_daemon(\"backup\", #{ interface: \"eth0\", id: 62, port: 9000 });
        print(`${d} ${d.role} ${d.interface} ${d.id} ${d.port} ${d.ttl == ()}`);
        print(sync_daemons() == [d]);";
    assert_eq!(
        printed(code),
        "sync daemon backup backup eth0 62 9000 true\ntrue\n"
    );
}

#[test]
fn change_control() {
    let lab = Lab::new();
    let code = "let w = tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });
        let r = commit(\"first\"); print(`${r.outcome} ${r.snapshot} ${r.changes.len()}`);
        print(commit().outcome);
        w.scheduler = \"sh\"; print(commit(#{ exact: true }).snapshot);
        w.scheduler = \"lc\"; print(commit(\"third\", #{ allow_removals: true, adopt: false }).snapshot);
        tag(1, \"begin\"); tag(\"head\", \"end\");
        let h = history();
        print(`${h.len()} ${h[0].id} ${h[0].message} ${h[0].author} ${h[0].parent} ${h[0].tags} ${h[2].parent == ()} ${h[2].tags}`);
        print(h.filter(|s| s.message == \"first\")[0].id);
        print(history(\"192.0.2.10:80\").len()); print(history(w).len());
        print(diff(1, 3).text); print(diff(\"begin\", \"head~1\").changes[0].detail);
        print(diff().text); print(diff(1).to);
        print(rollback(\"begin\").snapshot); print(find(\"192.0.2.10:80\").scheduler);
        print(history()[0].rollback_of);
        print(restore().outcome);";
    assert_eq!(
        lab.run(code).printed(),
        "recorded 1 1\nunchanged\n2\n3\n3 3 third tester 2 [\"end\"] true [\"begin\"]\n1\n3\n3\n\
         tcp 192.0.2.10:80\n  ~ scheduler rr -> lc\nrr -> sh\nsnapshot 3 and live are the same\nlive\n\
         4\nrr\n1\nunchanged\n"
    );
}

#[test]
fn restore_repairs_and_keeps_what_is_staged() {
    let lab = Lab::new();
    lab.run("tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" })")
        .printed();
    lab.sim.edit(|live| live.rules.services.clear());
    let run =
        lab.run("tcp(\"192.0.2.11:80\"); print(restore().outcome); print(plan().changes.len());");
    assert_eq!(run.printed(), "repaired\n1\n");
    assert_eq!(lab.json()["services"].as_array().unwrap().len(), 2);
}

#[test]
fn discard_forgets_what_is_staged() {
    let lab = Lab::new();
    let run = lab.run("tcp(\"192.0.2.10:80\"); discard(); print(services().len());");
    assert!(run.reports.is_empty());
    assert_eq!(run.printed(), "0\n");
}

#[test]
fn removals_are_guarded() {
    let lab = Lab::new();
    lab.run("for n in 1..12 { tcp(`192.0.2.${n}:80`); }")
        .printed();
    let error = lab.run("clear(); commit(\"oops\");").error();
    assert!(
        error.contains("guarded: refused: this would remove 11 of 11"),
        "{error}"
    );
    lab.run("clear(); commit(\"meant\", #{ allow_removals: true });")
        .printed();
    assert_eq!(lab.json()["services"], json!([]));
}

#[test]
fn the_second_run_of_a_script_changes_nothing() {
    let lab = Lab::new();
    let code = "timeouts(#{ tcp: 100 });
        fwmark(3, #{ marks: [#{ protocol: \"tcp\", to: \"192.0.2.3\", ports: [80, 443] }], servers: [\"10.0.0.1\"] });
        let w = tcp(\"192.0.2.10:80\", #{ scheduler: \"sh\", flags: [\"sh-port\"], persistent: 60, netmask: 24 });
        w.server(\"10.0.0.1\", #{ forward: \"masq\", weight: 4, upper: 9, lower: 3 });
        w.server(\"10.0.0.2\");
        unmark(99); sync_daemon(\"master\", #{ interface: \"eth0\" });";
    let first = lab.run(code);
    assert!(first.commit.unwrap().unwrap().starts_with("snapshot 1"));
    let second = lab.run(code);
    assert_eq!(second.commit.unwrap().unwrap(), "nothing to change");
    assert_eq!(second.writes, first.writes);
}

#[test]
fn live_is_read_at_once_and_zero_acts_at_once() {
    let lab = Lab::new();
    let code = "let w = tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\"] }); print(live().services.len());
        commit(); let l = live(); print(l.keys()); print(l.services[0].servers[0].active); zero(); zero(w); zero(\"192.0.2.10:80\");";
    assert_eq!(
        lab.run(code).printed(),
        "0\n[\"daemons\", \"marks\", \"services\", \"sysctls\", \"timeouts\", \"tunnel_devices\", \"vips\"]\n0\n"
    );
    let error = lab.run("zero(\"192.0.2.99:80\")").error();
    assert!(error.contains("not_found"), "{error}");
}

#[test]
fn options_may_hold_handles() {
    let code = "let a = tcp(\"192.0.2.10:80\", #{ forward: \"masq\", servers: [#{ address: \"10.0.0.1\", weight: 6 }] });
        let b = tcp(\"192.0.2.11:80\", #{ servers: a.servers() });
        print(b.find(\"10.0.0.1\").weight + b.find(\"10.0.0.1\").forward);";
    assert_eq!(printed(code), "6masq\n");
}

#[test]
fn functions_of_rhai_are_there() {
    let code = "print(parse_json(`{ \"a\": [1, { \"b\": 2.5 }] }`).a[1].b);
        print([3, 1, 2].filter(|x| x > 1).map(|x| x * 2).reduce(|sum, x| (sum ?? 0) + x));
        print(\"a,b\".split(\",\").len()); print(\"tcp\".to_upper()); print([1, 2].contains(2));
        let m = #{ x: 1 }; print(m.contains(\"x\")); print(parse_int(\"42\") + 1);
        let found = [1, 2, 3].find(|x| x > 1); print(found);
        switch 3 { 1..5 => print(\"in\"), _ => print(\"out\") }";
    assert_eq!(printed(code), "2.5\n10\n2\nTCP\ntrue\ntrue\n43\n2\nin\n");
}
