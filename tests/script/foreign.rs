//! Whose rules are these: what somebody else made, seen from a script.

use crate::lab::Lab;
use ipvsh::model::{RealServer, ServerKey, ServiceKey, VirtualService, Weight};
use ipvsh::script::Shown;

const NAME: &str = "tcp 192.0.2.10:80";

fn key() -> ServiceKey {
    ServiceKey::parse(NAME).unwrap()
}

fn server(text: &str) -> ServerKey {
    ServerKey::parse(text, &key()).unwrap()
}

/// A machine on which somebody else made a service with two servers.
fn tampered() -> Lab {
    let lab = Lab::new();
    lab.sim.edit(|live| {
        let mut service = VirtualService::new(key().family());
        service.options.persistent = Some(77);
        for address in ["10.0.0.1", "10.0.0.2"] {
            let options = RealServer {
                weight: Weight::new(5).unwrap(),
                ..RealServer::default()
            };
            service.servers.insert(server(address), options);
        }
        live.rules.services.insert(key(), service);
    });
    lab
}

#[test]
fn declaring_it_differently_is_refused_with_the_way_on() {
    let lab = tampered();
    let before = lab.json();
    let error = lab
        .run("tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" })")
        .error();
    assert!(
        error.starts_with("foreign: virtual service tcp 192.0.2.10:80: cannot change"),
        "{error}"
    );
    assert!(
        error.contains("ipvsh adopt \"tcp 192.0.2.10:80\""),
        "{error}"
    );
    assert_eq!(lab.json(), before);
    let report = lab
        .run(
            "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" }); \
             print(commit(\"mine\", #{ adopt: true }).outcome)",
        )
        .printed();
    assert_eq!(report, "recorded\n");
    assert_eq!(lab.json()["services"][0]["persistent"], 0);
    assert_eq!(lab.json()["services"][0]["servers"][0]["weight"], 5);
}

#[test]
fn without_options_it_is_taken_over_as_it_stands() {
    let lab = tampered();
    let before = lab.json();
    let run =
        lab.run("let w = tcp(\"192.0.2.10:80\"); print(w.persistent); print(w.servers().len());");
    assert_eq!(run.printed(), "77\n2\n");
    assert_eq!(lab.json(), before);
    assert_eq!(
        lab.run("print(services())").printed(),
        format!("[{NAME}]\n")
    );
}

#[test]
fn finding_it_reads_it_and_changing_it_takes_it_over() {
    let lab = tampered();
    let run = lab.run("let w = find(\"192.0.2.10:80\"); print(w.persistent); print(w.servers());");
    assert_eq!(run.reports.len(), 0, "reading takes nothing over");
    assert_eq!(
        run.printed(),
        format!("77\n[real server 10.0.0.1:80 of {NAME}, real server 10.0.0.2:80 of {NAME}]\n")
    );
    lab.run("find(\"192.0.2.10:80\").find(\"10.0.0.2\").weight.to_string()")
        .value();
    lab.run("find(\"192.0.2.10:80\").find(\"10.0.0.2\").set(#{ weight: 0 })")
        .printed();
    let service = &lab.json()["services"][0];
    assert_eq!(service["persistent"], 77);
    assert_eq!(service["servers"][0]["weight"], 5);
    assert_eq!(service["servers"][1]["weight"], 0);
}

#[test]
fn what_was_removed_does_not_come_back_from_the_kernel() {
    let lab = tampered();
    let error = lab
        .run("let w = find(\"192.0.2.10:80\"); remove(w); find(\"192.0.2.10:80\")")
        .error();
    assert!(
        error.contains("not_found: virtual service 192.0.2.10:80"),
        "{error}"
    );
    let run = lab
        .run("let w = find(\"192.0.2.10:80\"); remove(w, \"10.0.0.1\"); print(w.servers().len());");
    assert_eq!(run.printed(), "1\n");
    lab.run("remove(find(\"192.0.2.10:80\"));").printed();
    assert_eq!(lab.json()["services"], serde_json::json!([]));
}

#[test]
fn a_weight_of_somebody_else_survives_a_commit_that_does_not_name_it() {
    let lab = Lab::new();
    lab.run("tcp(\"192.0.2.10:80\", #{ servers: [\"10.0.0.1\", \"10.0.0.2\"] })")
        .printed();
    lab.sim.edit(|live| {
        let service = live.rules.services.get_mut(&key()).unwrap();
        service.servers.get_mut(&server("10.0.0.1")).unwrap().weight = Weight::ZERO;
    });
    let run = lab.run("find(\"192.0.2.10:80\").find(\"10.0.0.2\").set(#{ weight: 7 })");
    assert_eq!(
        run.commit.unwrap().unwrap(),
        "snapshot 2 (1 before), 1 change, verified. Undo: ipvsh revert 2"
    );
    assert_eq!(lab.json()["services"][0]["servers"][0]["weight"], 0);
    assert_eq!(lab.json()["services"][0]["servers"][1]["weight"], 7);
    // A rollback looks at everything, and would put the other server back into service.
    lab.run("revert(2)").printed();
    assert_eq!(lab.json()["services"][0]["servers"][0]["weight"], 0);
    assert_eq!(lab.json()["services"][0]["servers"][1]["weight"], 1);
}

#[test]
fn adopting_records_what_is_live() {
    let lab = tampered();
    let printed = lab
        .run(
            "print(services().len()); print(adopt(\"192.0.2.10:80\").snapshot); print(services());",
        )
        .printed();
    assert_eq!(printed, format!("0\n1\n[{NAME}]\n"));
    let error = lab
        .run("adopt([\"tcp 192.0.2.99:80\", \"timeouts\"])")
        .error();
    assert!(error.contains("not_found"), "{error}");
    let error = lab.run("tcp(\"192.0.2.11:80\"); adopt()").error();
    assert!(
        error.contains("state: cannot adopt: 1 change staged"),
        "{error}"
    );
}

#[test]
fn live_shows_what_is_not_ours() {
    let lab = tampered();
    let printed = lab
        .run("print(services().len()); print(live().services[0].servers[1].weight);")
        .printed();
    assert_eq!(printed, "0\n5\n");
    assert!(matches!(lab.run("live()").value(), Shown::Live(_)));
}
