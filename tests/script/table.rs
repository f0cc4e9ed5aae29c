//! The table of script functions: every row is complete, agrees with the model, and its example
//! runs; the reference page is current.

use std::collections::BTreeSet;

use crate::lab::{Lab, render};
use ipvsh::api::options::{
    DAEMON, DRAIN, MAINTENANCE, MARK, SERVER, SERVICE, SHIFT, TIMEOUTS, TUNNEL,
};
use ipvsh::api::properties::READ_ONLY;
use ipvsh::api::register::MAX_ARGUMENTS;
use ipvsh::api::{Group, On, Opt, Type, functions, help, reference, synonyms, values};
use ipvsh::director;
use ipvsh::model::patch;
use ipvsh::model::setting::{maintenance, sync_daemon, timeout};

fn names(options: &[Opt]) -> Vec<&str> {
    options.iter().map(|option| option.name).collect()
}

/// A screen has 80 columns.
#[track_caller]
fn fits(text: &str) {
    let is_wide = |line: &&str| line.chars().count() > 80;
    assert_eq!(text.lines().find(is_wide), None, "{text}");
}

#[test]
fn options_are_those_of_the_model() {
    assert_eq!(names(SERVICE), patch::SERVICE_OPTIONS);
    assert_eq!(names(SERVER), patch::SERVER_OPTIONS);
    assert_eq!(names(TUNNEL), patch::TUNNEL_OPTIONS);
    assert_eq!(names(MARK), patch::MARK_OPTIONS);
    assert_eq!(names(TIMEOUTS), timeout::TIMEOUT_OPTIONS);
    assert_eq!(names(DAEMON), sync_daemon::DAEMON_OPTIONS);
    assert_eq!(names(MAINTENANCE), maintenance::MAINTENANCE_OPTIONS);
    assert_eq!(names(DRAIN), director::DRAIN_OPTIONS);
    assert_eq!(names(SHIFT), director::SHIFT_OPTIONS);
}

#[test]
fn every_example_runs() {
    for function in functions() {
        let run = Lab::new().run(function.example);
        let name = function.full_name();
        if let Err(error) = &run.ended {
            panic!("{name}: {}", render(error));
        }
        if let Err(error) = &run.commit {
            panic!("{name}: {}", render(error));
        }
        let uses = match function.name {
            "import" => true, // needs a file beside it: see tests/script/imports.rs
            name => function.example.contains(name),
        };
        assert!(uses, "{name}: its example does not use it");
    }
}

#[test]
fn every_row_is_complete() {
    let mut seen = BTreeSet::new();
    for function in functions() {
        let name = function.full_name();
        assert!(seen.insert(name.clone()), "{name} is there twice");
        assert!(
            function.sentence().ends_with(['.', ')', '"']),
            "{name}: {}",
            function.sentence()
        );
        assert!(
            !function.words.is_empty(),
            "{name}: no words of other tools"
        );
        for form in function.forms {
            let arguments = form.params.len() + usize::from(function.on != On::Nothing);
            assert!(arguments <= MAX_ARGUMENTS, "{name}: too many arguments");
            let optional = form.params.iter().skip_while(|param| !param.optional);
            assert!(
                optional.into_iter().all(|param| param.optional),
                "{name}: optional first"
            );
        }
        for option in function.options() {
            assert!(
                option.doc.ends_with(['.', ')']),
                "{name}: {}: {}",
                option.name,
                option.doc
            );
            assert!(!option.default.is_empty(), "{name}: {}", option.name);
            let says_its_values = !option.unit.is_empty() || !option.range.is_empty();
            assert!(
                option.takes != Type::Whole || says_its_values,
                "{name}: {}: a number of what?",
                option.name
            );
        }
        let text = help::topic(&name, help::WIDTH);
        assert!(
            text.contains(function.sentence().split(' ').next().unwrap()),
            "{text}"
        );
        let whole = help::of_function(function, help::WIDTH);
        for option in function.options() {
            let fact = format!(" {}", option.name);
            assert!(whole.contains(&fact), "{name}: {fact}:\n{whole}");
        }
        assert!(
            function.errors.is_empty() || whole.contains("\nerrors: "),
            "{whole}"
        );
        assert!(whole.contains("\nexample:\n  "), "{whole}");
        fits(&text);
    }
    for group in Group::ALL {
        assert!(
            functions().any(|function| function.group == group),
            "{group:?}"
        );
    }
}

#[test]
fn the_contract_is_there() {
    let names: BTreeSet<String> = functions().map(|function| function.full_name()).collect();
    let wanted = "tcp udp sctp fwmark fwmark6 find services service.set remove remove_all clear \
        service.server service.find service.servers servers server.set mark marks unmark timeouts \
        sync_daemon sync_daemons plan commit discard history diff rollback restore adopt forget tag live \
        zero stats rates connections thresholds persistent tunnels info top drain shift ARGS env sleep probe \
        read load save json exit import print help";
    for name in wanted.split_whitespace() {
        assert!(names.contains(name), "{name} is missing");
    }
    let properties: BTreeSet<(On, &str)> = READ_ONLY.iter().map(|p| (p.on, p.name)).collect();
    for name in "protocol address port mark name active inactive".split(' ') {
        assert!(properties.contains(&(On::Service, name)), "service.{name}");
    }
    for name in "address port service active inactive persistent_connections".split(' ') {
        assert!(properties.contains(&(On::Server, name)), "server.{name}");
    }
}

#[test]
fn help_finds_words_of_other_tools() {
    for (word, found) in [
        ("tcp", "tcp(address [, options]) -> a virtual service"),
        ("server", "service.server(address [, options])"),
        ("service.find", "service.find(address)"),
        ("persist", "persistent"),
        ("-m", "-m is written forward: \"masq\""),
        ("-i", "forward: \"tunnel\""),
        ("nat", "forward: \"masq\""),
        ("-s", "scheduler"),
        ("-C", "remove_all()"),
        ("lb_kind", "forward"),
        ("lb_algo", "scheduler"),
        ("RIP", "service.server"),
        ("quiesce", "weight"),
        ("undo", "rollback"),
        ("weight", "option of a real server"),
        ("tpc", "did you mean help(\"tcp\")?"),
        ("zzzz", "nothing is known about \"zzzz\""),
    ] {
        let text = help::topic(word, help::WIDTH);
        assert!(text.contains(found), "{word}:\n{text}");
        fits(&text);
    }
    let overview = help::overview();
    assert!(overview.lines().count() <= 24, "{overview}");
    fits(&overview);
    for function in functions().filter(|function| function.name != "clear") {
        assert!(overview.contains(function.name), "{}", function.name);
    }
    assert!(!overview.contains(" clear "), "its old name is no news");
}

#[test]
fn help_knows_every_synonym_and_every_value() {
    for word in synonyms::words() {
        let text = help::topic(word, help::WIDTH);
        assert!(!text.contains("nothing is known"), "{word}: {text}");
        fits(&text);
        let meaning = synonyms::meaning(word).unwrap();
        for topic in meaning.topics.iter().filter(|topic| **topic != "exit") {
            let text = help::topic(topic, help::WIDTH);
            assert!(!text.contains("nothing is known"), "{topic}: {text}");
        }
    }
    let is_function = |name: &str| functions().any(|function| function.name == name);
    for value in values::VALUES
        .iter()
        .filter(|value| !is_function(value.name))
    {
        let text = help::topic(value.name, help::WIDTH);
        assert!(text.contains(&value.written()), "{}: {text}", value.name);
        fits(&text);
    }
    for (question, part) in [
        ("how do I drain a server?", "drain(server"),
        ("真实服务器 权重", "option of a real server"),
        ("a real server for the pool", "service.server(address"),
    ] {
        let text = help::topic(question, help::WIDTH);
        assert!(text.contains(part), "{question}: {text}");
    }
}

#[test]
fn what_cannot_fail_is_known() {
    let sure: Vec<String> = functions()
        .filter(|function| function.errors.is_empty())
        .map(|function| function.full_name())
        .collect();
    assert_eq!(
        sure,
        [
            "remove_all",
            "clear",
            "marks",
            "sync_daemons",
            "vips",
            "sysctls",
            "tunnel_devices",
            "discard",
            "ARGS",
            "print",
            "help"
        ]
    );
}

#[test]
fn answers_are_as_wide_as_the_terminal() {
    let longest = |width: usize| {
        let text = help::topic("plan", width);
        let lines = text.lines().filter(|line| !line.contains("=>"));
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    assert!(longest(120) > 80 && longest(120) <= 100, "{}", longest(120));
    assert!(longest(80) <= 80, "{}", longest(80));
    // What the language itself has gives nothing.
    assert!(!help::topic("import", help::WIDTH).contains("->"));
}

#[test]
fn the_reference_is_current() {
    let path = "examples/REFERENCE.md";
    let page = reference::page();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let standing = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        standing == page,
        "{path} is not current: UPDATE_REFERENCE=1 cargo test --test script reference"
    );
}
