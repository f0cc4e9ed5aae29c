//! The examples with real packets: who answers the client.

use std::collections::BTreeMap;

use crate::director::{Director, file};

fn counts(answers: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.as_str()).or_default() += 1;
    }
    counts
}

fn run_example(director: &Director, name: &str) {
    let path = file(&format!("examples/{name}.rhai"));
    director.ipvsh(&["run", path.to_str().unwrap()]).ended(0);
}

#[track_caller]
fn balances(topology: &str, example: &str, url: &str) {
    let director = Director::with_topology(topology);
    run_example(&director, example);
    let answers = director.hits(10, &[url]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 5), ("RS2", 5)]),
        "{answers:?}"
    );
}

#[test]
fn nat_answers_five_and_five() {
    balances("nat", "nat", "http://192.168.60.200/");
}

#[test]
fn direct_routing_answers_five_and_five() {
    balances("dr", "dr", "http://192.168.182.100/");
}

#[test]
fn tunnel_answers_five_and_five() {
    balances("tunnel", "tunnel", "http://192.168.182.100/");
}

#[test]
fn one_pool_alternates_between_ports_and_servers() {
    let director = Director::with_topology("dr");
    run_example(&director, "one_pool");
    let urls = ["http://192.168.182.100:80/", "http://192.168.182.100:443/"];
    let answers = director.hits(10, &urls);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 5), ("RS2", 5)]),
        "{answers:?}"
    );
    for pair in answers.windows(2) {
        assert_ne!(
            pair[0], pair[1],
            "two requests in a row went to one server: {answers:?}"
        );
    }

    // The same two ports as two services: each has its own round robin, so they do not alternate.
    director.ipvsh(&["-e", "clear()"]).ended(0);
    director
        .script(
            r#"for port in [80, 443] {
                tcp(`192.168.182.100:${port}`, #{ scheduler: "rr",
                    servers: ["192.168.182.210", "192.168.182.220"] });
            }"#,
        )
        .ended(0);
    let answers = director.hits(10, &urls);
    assert!(
        answers.windows(2).any(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
}

#[test]
fn a_database_pool_evens_out() {
    let director = Director::with_topology("database");
    run_example(&director, "database_pool");
    let answers = director.hits(30, &["http://7.7.7.18:3306/"]);
    assert_eq!(
        counts(&answers),
        BTreeMap::from([("RS1", 10), ("RS2", 10), ("RS3", 10)])
    );
}

#[test]
fn a_quiesced_server_gets_nothing_new() {
    let director = Director::with_topology("nat");
    run_example(&director, "nat");
    let quiesce = r#"find("192.168.60.200:80").find("192.168.182.210").set(#{ weight: 0 })"#;
    director.ipvsh(&["-e", quiesce]).ended(0);
    let answers = director.hits(6, &["http://192.168.60.200/"]);
    assert_eq!(counts(&answers), BTreeMap::from([("RS2", 6)]));
    director.ipvsh(&["rollback", "1"]).ended(0);
    let answers = director.hits(6, &["http://192.168.60.200/"]);
    assert_eq!(counts(&answers), BTreeMap::from([("RS1", 3), ("RS2", 3)]));
}
