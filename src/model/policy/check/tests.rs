//! Tests of reading and writing checks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Check, Http, Tcp, Timing, Tls, Udp, fill_in};
use super::{CheckKind, Exec, HexPattern, OPTIONS, Payload, Reply, StatusSet, TYPES};

fn one(value: Value) -> Check {
    let mut checks = Check::parse_all(&value).unwrap();
    assert_eq!(checks.len(), 1);
    checks.remove(0)
}

/// Message and first hint of what is refused.
fn refused(value: Value) -> String {
    let error = Check::parse_all(&value).expect_err(&value.to_string());
    let hint = error.hints().first().cloned().unwrap_or_default();
    format!("{error} | {hint}")
}

#[test]
fn a_name_a_map_a_list_and_nothing_are_read() {
    assert_eq!(Check::parse_all(&Value::Null).unwrap(), []);
    assert_eq!(Check::parse_all(&json!([])).unwrap(), []);
    assert_eq!(one(json!("tcp")), Check::of(CheckKind::Tcp(Tcp::default())));
    assert_eq!(one(json!({"type": "ping"})), Check::of(CheckKind::Ping));
    let both = Check::parse_all(&json!(["ping", {"type": "http", "path": "/h?x=1"}])).unwrap();
    assert_eq!(
        super::summary(&both),
        "ping every 3 s, http /h?x=1 every 3 s"
    );
}

#[test]
fn times_are_seconds_whole_or_not() {
    let check = one(json!({"type": "tcp", "interval": 0.5, "timeout": 1, "fall": 1}));
    let expected = Timing {
        interval: 500,
        timeout: 1000,
        fall: 1,
        ..Timing::DEFAULT
    };
    assert_eq!(check.timing, expected);
    assert_eq!(check.summary(), "tcp every 0.5 s");
    assert_eq!(
        check.json(),
        json!({"type": "tcp", "interval": 0.5, "timeout": 1, "fall": 1})
    );
    for value in [json!(0), json!(0.09), json!(3601), json!(-1), json!(1e300)] {
        let text = refused(json!({"type": "tcp", "interval": value}));
        assert!(
            text.ends_with("| interval is 0.1 to 3600 seconds"),
            "{text}"
        );
    }
    assert!(
        refused(json!({"type": "tcp", "rise": 1.5})).starts_with("rise must be a whole number")
    );
    assert!(refused(json!({"type": "tcp", "rise": 101})).ends_with("| rise is 1 to 100"));
    assert!(refused(json!({"type": "tcp", "port": 0})).ends_with("| port is 1 to 65535"));
    assert!(refused(json!({"type": "tcp", "port": 65536})).ends_with("| port is 1 to 65535"));
}

#[test]
fn names_of_others_are_understood() {
    for (options, hint) in [
        (
            json!({"type": "http", "delay_loop": 3}),
            "did you mean \"interval\"?",
        ),
        (
            json!({"type": "http", "uri": "/"}),
            "did you mean \"path\"?",
        ),
        (
            json!({"type": "http", "STATUS_CODE": 200}),
            "did you mean \"status\"?",
        ),
        (
            json!({"type": "http", "regex": "ok"}),
            "did you mean \"body\"?",
        ),
        (
            json!({"type": "tcp", "regex": "ok"}),
            "did you mean \"expect\"?",
        ),
        (
            json!({"type": "tcp", "payload": "ok"}),
            "did you mean \"send\"?",
        ),
        (
            json!({"type": "tcp", "connect_port": 1}),
            "did you mean \"port\"?",
        ),
        (
            json!({"type": "tcp", "intervall": 1}),
            "did you mean \"interval\"?",
        ),
        (
            json!({"type": "ping", "port": 1}),
            "it is an option of tcp, http, https, udp, exec",
        ),
        (
            json!({"type": "exec", "command": ["/bin/true"], "mark": 1}),
            "it is an option of tcp, http, https, udp, ping",
        ),
        (json!({"type": "SSL_GET"}), "did you mean \"https\"?"),
        (
            json!({"type": "http", "sni": "a.org"}),
            "it is an option of https",
        ),
        (json!({"type": "MISC_CHECK"}), "did you mean \"exec\"?"),
        (json!("htp"), "did you mean \"http\"?"),
        (
            json!({"type": "dns"}),
            "check types are \"tcp\", \"http\", \"https\", \"udp\", \"ping\", \"exec\"",
        ),
        (
            json!({"type": "smtp"}),
            "check types are \"tcp\", \"http\", \"https\", \"udp\", \"ping\", \"exec\"",
        ),
    ] {
        let text = refused(options.clone());
        assert!(text.ends_with(&format!("| {hint}")), "{options}: {text}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (options, message) in [
        (json!(3), "check must be a map like"),
        (json!({"path": "/"}), "the check has no type"),
        (
            json!("udp"),
            "a check of type \"udp\" needs the option payload",
        ),
        (
            json!("exec"),
            "a check of type \"exec\" needs the option command",
        ),
        (json!(["tcp"; 9].to_vec()), "check lists 9 checks"),
        (
            json!({"type": "http", "path": "health"}),
            "\"health\" is not a path of HTTP",
        ),
        (
            json!({"type": "http", "path": "/a b"}),
            "\"/a b\" is not a path of HTTP",
        ),
        (
            json!({"type": "http", "path": "/a\r\nX: y"}),
            "\"/a\r\nX: y\" is not a path of HTTP",
        ),
        (
            json!({"type": "http", "path": "/a#b"}),
            "\"/a#b\" is not a path of HTTP",
        ),
        (
            json!({"type": "http", "host": "a b"}),
            "\"a b\" is not a host of HTTP",
        ),
        (
            json!({"type": "http", "headers": {"Host": "a"}}),
            "the header Host has an option of its own",
        ),
        (
            json!({"type": "http", "headers": {"a": "b\r\nc: d"}}),
            "\"a: b\r\nc: d\" is not a header",
        ),
        (
            json!({"type": "http", "headers": {"A": "1", "a": "2"}}),
            "the header a is named twice",
        ),
        (
            json!({"type": "http", "headers": {"Content-Length": "5"}}),
            "a check cannot set the header",
        ),
        (
            json!({"type": "http", "status": 99}),
            "\"99\" is not a status of HTTP",
        ),
        (
            json!({"type": "http", "status": []}),
            "status names no code",
        ),
        (
            json!({"type": "http", "status": "299-200"}),
            "the status range 299-200 is empty",
        ),
        (
            json!({"type": "http", "method": "get"}),
            "unknown method \"get\"",
        ),
        (
            json!({"type": "http", "method": "HEAD", "body": "x"}),
            "the answer to HEAD has no body",
        ),
        (
            json!({"type": "http", "body": "("}),
            "\"(\" is no regular expression: unclosed group",
        ),
        (
            json!({"type": "http", "body": "(\\w{100}){100}"}),
            "\"(\\w{100}){100}\" is no regular expression: it is too complex",
        ),
        (
            json!({"type": "udp", "payload": "hex:0"}),
            "\"hex:0\" is not hexadecimal",
        ),
        (
            json!({"type": "udp", "payload": "hex:+1"}),
            "\"hex:+1\" is not hexadecimal",
        ),
        (
            json!({"type": "udp", "payload": ""}),
            "a check cannot send 0 bytes",
        ),
        (
            json!({"type": "udp", "payload": "x", "reply": "hex:0"}),
            "\"hex:0\" is not a hexadecimal pattern",
        ),
        (
            json!({"type": "udp", "payload": "x", "reply": 5}),
            "reply must be a string",
        ),
        (
            json!({"type": "exec", "command": []}),
            "\"\" is not the absolute path",
        ),
        (
            json!({"type": "exec", "command": ["curl"]}),
            "\"curl\" is not the absolute path",
        ),
        (
            json!({"type": "exec", "command": ["/{vip}"]}),
            "\"/{vip}\" is not the absolute path",
        ),
        (
            json!({"type": "exec", "command": ["/a", "{ip}"]}),
            "unknown placeholder {ip}",
        ),
        (
            json!({"type": "exec", "command": ["/a", "\0"]}),
            "command has a NUL character",
        ),
        (
            json!({"type": "exec", "command": ["/a"], "weight": "dynamic"}),
            "unknown option \"weight\"",
        ),
        (
            json!({"type": "exec", "command": ["/a"], "user": ""}),
            "\"\" is not the name of a user",
        ),
        (
            json!({"type": "exec", "command": ["/a"], "env": {"A=B": "c"}}),
            "\"A=B\" is not the name of a variable",
        ),
        (
            json!({"type": "tcp", "address": "192.0.2.1", "source": "::1"}),
            "no packet goes from ::1 to 192.0.2.1",
        ),
        (
            json!({"type": "tcp", "interface": "all"}),
            "\"all\" is not the name of a device",
        ),
        (json!({"type": "tcp", "mark": 0}), "mark 0 is out of range"),
        (
            json!({"type": "https", "sni": "a b"}),
            "\"a b\" is not a name of a certificate",
        ),
        (
            json!({"type": "https", "ca": "ca.pem"}),
            "\"ca.pem\" is not the absolute path of a file",
        ),
        (
            json!({"type": "https", "ca": "/ca.pem", "verify": false}),
            "without verification no authority is asked for",
        ),
        (
            json!({"type": "https", "verify": "no"}),
            "verify must be true or false",
        ),
    ] {
        let text = refused(options.clone());
        assert!(text.starts_with(message), "{options}: {text}");
    }
}

#[test]
fn a_command_as_a_line_is_shown_as_a_list() {
    assert_eq!(
        refused(json!({"type": "exec", "command": "/bin/check -p {port}"})),
        "command must be a list of texts, not \"/bin/check -p {port}\" | no shell splits it: \
         command: [\"/bin/check\", \"-p\", \"{port}\"]"
    );
}

#[test]
fn arguments_are_filled_in() {
    let value = |name: &str| name.to_uppercase();
    assert_eq!(
        fill_in("http://{address}:{port}/", value),
        "http://ADDRESS:PORT/"
    );
    assert_eq!(fill_in("{ print $1 }{{vip}}{", value), "{ print $1 }{VIP}{");
}

#[test]
fn status_codes_are_numbers_ranges_and_lists() {
    let status = |value: Value| StatusSet::read("status", &value).unwrap();
    assert_eq!(status(json!(204)).to_string(), "204");
    assert_eq!(status(json!("200..=299")), StatusSet::default());
    assert_eq!(status(json!("200..300")), StatusSet::default());
    assert_eq!(
        status(json!(["301", 200, "201-299"])).to_string(),
        "200-299,301"
    );
    assert_eq!(
        status(json!("200-399, 404")).json(),
        json!(["200-399", 404])
    );
    assert!(status(json!("200-299")).contains(299) && !status(json!(200)).contains(201));
}

#[test]
fn replies_match_as_patterns_say() {
    let pattern = HexPattern::parse("hex:00 fX XX").unwrap();
    assert_eq!(pattern.to_string(), "hex:00fXXX");
    assert!(pattern.matches(&[0, 0xf3, 9]) && pattern.matches(&[0, 0xff, 1, 2]));
    assert!(!pattern.matches(&[0, 0xf3]) && !pattern.matches(&[0, 0xe3, 9]));
    let check = one(json!({"type": "udp", "payload": "x", "reply": null}));
    let CheckKind::Udp(udp) = &check.kind else {
        panic!()
    };
    assert_eq!(udp.reply, Reply::None);
    assert_eq!(
        check.json(),
        json!({"type": "udp", "payload": "x", "reply": null})
    );
}

#[test]
fn only_what_has_a_port_needs_one() {
    for (value, needs) in [
        (json!("tcp"), true),
        (json!("http"), true),
        (json!({"type": "tcp", "port": 80}), false),
        (json!({"type": "udp", "payload": "x"}), true),
        (json!("ping"), false),
        (json!({"type": "exec", "command": ["/bin/true"]}), false),
    ] {
        assert_eq!(one(value.clone()).needs_port(), needs, "{value}");
    }
}

#[test]
fn the_rows_say_what_holds() {
    let mut names: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), OPTIONS.len(), "an option stands twice");
    for option in OPTIONS {
        assert!(
            !option.range().is_empty() && !option.default().is_empty(),
            "{}",
            option.name
        );
        let known = |name: &&str| TYPES.iter().any(|fact| fact.name == *name);
        assert!(option.types.iter().all(known), "{}", option.name);
    }
    let row = |name: &str| OPTIONS.iter().find(|option| option.name == name).unwrap();
    assert_eq!(row("interval").default(), "3");
    assert_eq!(row("path").default(), Http::default().path);
    assert_eq!(row("method").default(), "\"GET\"");
    assert_eq!(row("status").default(), StatusSet::default().to_string());
    assert_eq!(row("start").range(), "\"auto\", \"up\" or \"wait\"");
    assert_eq!(row("port").range(), "1 to 65535");
}

fn texts() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    proptest::collection::btree_map("[A-Z]{1,6}", "[ -~]{0,8}", 0..3)
}

fn kinds() -> impl Strategy<Value = CheckKind> {
    let payload = || {
        proptest::collection::vec(any::<u8>(), 1..20).prop_map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Payload::parse(&format!("hex:{digits}")).unwrap()
        })
    };
    let pattern = || "[a-z]{1,8}".prop_map(|text| super::Pattern::parse(&text).unwrap());
    let reply = prop_oneof![
        Just(Reply::Any),
        Just(Reply::None),
        "hex:([0-9a-fX]{2}){1,4}".prop_map(|text| Reply::Hex(HexPattern::parse(&text).unwrap())),
        pattern().prop_map(Reply::Matches),
    ];
    let status = proptest::collection::vec((100u16..600, 100u16..600), 1..4).prop_map(|ranges| {
        let one = |(a, b): (u16, u16)| json!(format!("{}-{}", a.min(b), a.max(b)));
        let list: Value = ranges.into_iter().map(one).collect();
        StatusSet::read("status", &list).unwrap()
    });
    let tls = (
        any::<bool>(),
        proptest::option::of("[a-z]{1,8}[.]org"),
        proptest::option::of("/[a-z]{1,8}[.]pem"),
    )
        .prop_map(|(verify, sni, ca)| Tls {
            verify,
            sni,
            ca: ca.filter(|_| verify),
        });
    let tls = proptest::option::of(tls);
    prop_oneof![
        (
            proptest::option::of(payload()),
            proptest::option::of(pattern())
        )
            .prop_map(|(send, expect)| CheckKind::Tcp(Tcp { send, expect })),
        (
            "/[a-z?=/]{0,8}",
            0usize..4,
            proptest::option::of("[a-z.]{1,9}"),
            texts(),
            status,
            tls
        )
            .prop_map(
                |(path, method, host, headers, status, tls)| CheckKind::Http(Http {
                    path,
                    method: Http::METHODS[method].to_owned(),
                    host,
                    headers: headers
                        .into_iter()
                        .map(|(name, text)| (format!("X-{name}"), text))
                        .collect(),
                    status,
                    body: None,
                    tls,
                })
            ),
        (payload(), reply).prop_map(|(payload, reply)| CheckKind::Udp(Udp { payload, reply })),
        Just(CheckKind::Ping),
        (
            proptest::collection::vec("[ -z]{0,6}", 0..4),
            "[a-z]{1,8}",
            texts(),
        )
            .prop_map(|(arguments, user, env)| CheckKind::Exec(Exec {
                command: [vec!["/bin/true".to_owned()], arguments].concat(),
                user,
                env,
            })),
    ]
}

fn checks() -> impl Strategy<Value = Check> {
    let timing = (
        100u32..=3_600_000,
        100u32..=3_600_000,
        100u32..=3_600_000,
        1u32..=100,
        1u32..=100,
    )
        .prop_map(|(interval, retry_interval, timeout, rise, fall)| Timing {
            interval,
            retry_interval,
            timeout,
            rise,
            fall,
        });
    (kinds(), timing, any::<bool>(), 1u16.., 1i64..=4_294_967_295).prop_map(
        |(kind, timing, routed, port, mark)| {
            let mut check = Check::of(kind);
            check.timing = timing;
            if routed {
                check.route.address = Some("2001:db8::1".parse().unwrap());
                check.start = super::Start::Wait;
                let name = check.kind.name();
                let has = |option: &str| {
                    let row = OPTIONS.iter().find(|row| row.name == option).unwrap();
                    row.types.contains(&name)
                };
                check.route.port = has("port").then_some(port);
                check.route.mark = has("mark").then(|| crate::model::Fwmark::new(mark).unwrap());
            }
            check
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn json_and_the_database_give_back_what_they_took(check in checks()) {
        let read = Check::parse_all(&check.json()).unwrap();
        prop_assert_eq!(&read, &vec![check.clone()]);
        // A script's map goes through text on its way to other tools.
        let text = check.json().to_string();
        prop_assert_eq!(&Check::parse_all(&serde_json::from_str(&text).unwrap()).unwrap(), &read);
        let stored = serde_json::to_string(&check).unwrap();
        prop_assert_eq!(serde_json::from_str::<Check>(&stored).unwrap(), check);
    }
}

#[test]
fn the_database_form_leaves_defaults_out_and_refuses_what_it_does_not_know() {
    let stored = |value: Value| serde_json::to_string(&one(value)).unwrap();
    assert_eq!(stored(json!("ping")), r#"{"kind":"ping"}"#);
    assert_eq!(stored(json!("http")), r#"{"kind":{"http":{}}}"#);
    assert_eq!(
        stored(json!({"type": "exec", "command": ["/bin/true"]})),
        r#"{"kind":{"exec":{"command":["/bin/true"]}}}"#
    );
    for text in [
        r#"{"kind":{"http":{"sni":"x"}}}"#,
        r#"{"kind":{"http":{"tls":{"alpn":"x"}}}}"#,
        r#"{"kind":"ping","via":"vip"}"#,
        r#"{"kind":{"dns":{}}}"#,
        r#"{"kind":"ping","timing":{"jitter":3}}"#,
    ] {
        assert!(serde_json::from_str::<Check>(text).is_err(), "{text}");
    }
}
