//! Views of live state in scripts, with numbers and connections in the simulated kernel.

use ipvsh::kernel::proc;
use ipvsh::model::{ServerKey, ServiceKey};
use ipvsh::script::Source;
use std::ops::ControlFlow;

use crate::lab::Lab;

const WEB: &str = r#"tcp("192.0.2.10:80", #{ servers: ["10.0.0.11", "10.0.0.12"] });"#;

/// A web service that was used.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.run(WEB).printed();
    let key = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
    let server = ServerKey::parse("10.0.0.11", &key).unwrap();
    lab.sim.edit_traffic(|traffic| {
        let one = traffic.entry(key).or_default();
        one.total.stats.connections = 5;
        one.total.stats.in_bytes = u64::from(u32::MAX) * 3;
        one.total.rates.cps = 2;
        one.servers.entry(server).or_default().stats.connections = 3;
    });
    lab
}

fn connect(lab: &Lab, list: &str) {
    lab.sim.edit_connections(|all| {
        proc::connections(list.as_bytes(), &mut |connection| {
            all.push(connection);
            ControlFlow::Continue(())
        })
        .unwrap();
    });
}

#[test]
fn counters_of_a_service_and_a_server() {
    let lab = lab();
    let code = r#"
        let web = find("192.0.2.10:80");
        let all = stats(web);
        print(`${all.protocol} ${all.address} ${all.port} ${all.connections} ${all.in_bytes}`);
        print(all.servers.map(|s| s.connections));
        let one = stats(web.find("10.0.0.11"));
        print(`${one.service} ${one.address} ${one.port} ${one.connections}`);
        print(rates(web).cps + " " + rates("192.0.2.10:80").servers.len());
        print(stats().len());
        zero(web);
        print(stats(web).connections);
    "#;
    assert_eq!(
        lab.run(code).printed(),
        "tcp 192.0.2.10 80 5 12884901885\n[3, 0]\ntcp 192.0.2.10:80 10.0.0.11 80 3\n2 2\n1\n0\n"
    );
}

#[test]
fn what_is_gone_or_only_staged_counts_nothing() {
    for (code, said) in [
        (
            r#"stats(tcp("192.0.2.99:80"))"#,
            "not_found: virtual service tcp 192.0.2.99:80: the kernel does not have it",
        ),
        (
            r#"let s = find("192.0.2.10:80").server("10.0.0.99"); rates(s)"#,
            "not_found: real server 10.0.0.99:80 of tcp 192.0.2.10:80: the kernel does not have it",
        ),
        (
            r#"let web = find("192.0.2.10:80"); remove(web); stats(web)"#,
            "not_found: virtual service tcp 192.0.2.10:80: it was removed in this script",
        ),
        (
            r#"thresholds("192.0.2.10:81")"#,
            "did you mean \"tcp 192.0.2.10:80\"?",
        ),
    ] {
        let error = lab().run(code).error();
        assert!(error.contains(said), "{code}:\n{error}");
    }
}

#[test]
fn connections_are_filtered() {
    let lab = lab();
    connect(
        &lab,
        "TCP C6336401 8001 C000020A 0050 0A00000B 0050 ESTABLISHED     900\n\
         TCP C6336402 8002 C000020A 0050 0A00000C 0050 TIME_WAIT        10\n\
         UDP 0A630001 0000 0A630001 13C4 0AC8004D 13C4 ASSURED           88 sip 4711\n",
    );
    let code = r#"
        let web = find("192.0.2.10:80");
        for c in connections(#{ service: web, server: "10.0.0.11" }) { print(c); }
        print(connections(#{ service: "192.0.2.10" }).len());
        print(connections(#{ client: "198.51.100.0/24", state: "time_wait" }).map(|c| c.expires));
        let engine = connections().filter(|c| c.template)[0];
        print(`${engine.engine} ${engine.engine_data}`);
        print(connections(#{ limit: 2 }).len());
    "#;
    assert_eq!(
        lab.run(code).printed(),
        "#{\"client\": \"198.51.100.1:32769\", \"engine\": (), \"engine_data\": (), \
         \"expires\": 900, \"server\": \"10.0.0.11:80\", \"service\": \"tcp 192.0.2.10:80\", \
         \"state\": \"ESTABLISHED\", \"template\": false}\n2\n[10]\nsip 4711\n2\n"
    );
    for (filter, said) in [
        ("#{ sate: \"NONE\" }", "did you mean \"state\"?"),
        ("#{ state: \"OPEN\" }", "unknown state \"OPEN\""),
        ("#{ limit: 0 }", "limit must be a whole number, 1 to 50000"),
        ("#{ client: 5 }", "client must be text"),
    ] {
        let error = lab.run(&format!("connections({filter})")).error();
        assert!(error.contains(said), "{filter}:\n{error}");
    }
}

/// A script can hold as many as it is given, and is told where there are more.
#[test]
fn too_many_connections_are_refused_and_as_many_as_may_be_are_held() {
    let lab = lab();
    let line = "TCP C6336401 8001 C000020A 0050 0A00000B 0050 ESTABLISHED     900\n";
    connect(&lab, &line.repeat(50_001));
    let error = lab.run("connections()").error();
    assert!(error.contains("there are more than 50000"), "{error}");
    assert!(error.contains("connections(#{ limit: 100 })"), "{error}");
    let held = "let all = connections(#{ limit: 50000 }); print(all.len() + \" \" + all[9].state)";
    assert_eq!(lab.run(held).printed(), "50000 ESTABLISHED\n");
}

#[test]
fn the_full_screen_is_somebody_elses_and_shown_in_a_dry_run() {
    let lab = lab();
    assert_eq!(lab.run("top(); print(1);").printed(), "1\n");
    let dry = lab.run_dry("top(); top(\"192.0.2.10:80\");");
    assert_eq!(
        dry.effects,
        [
            "would show top of all services",
            "would show top of tcp 192.0.2.10:80"
        ]
    );
    let error = lab.run("top(\"192.0.2.11:80\")").error();
    assert!(error.contains("not_found"), "{error}");
    let alone = lab.interpreter().run(&Source::inline("top()")).unwrap_err();
    assert_eq!(alone.message(), "cannot show top: there is no terminal");
    assert_eq!(alone.hints(), ["rates() reads them once"]);
}
