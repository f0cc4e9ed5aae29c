//! `ipvsh demo`: a prompt on a simulated director with traffic, and with something to find.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::args::ChangeArgs;
use super::context::Context;
use super::prompt;
use super::scratch::Scratch;
use crate::director::{ChangeOptions, Session};
use crate::error::{Error, Kind, Result};
use crate::kernel::{Clients, Sim};
use crate::model::{ServerKey, ServiceKey, Weight};
use crate::output;
use crate::script::{Interpreter, Source};
use crate::shell::PromptSetup;

/// A prompt to try things at: simulated, with traffic, a dead server and drift
///
/// Nothing of this host is touched and no rights are needed. The database is a temporary one: it
/// is removed when the prompt is left. Without a terminal the lines to type are run and shown.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {}

/// What was committed an hour ago.
const FIRST: &str = r#"
tcp("192.0.2.10:80", #{ scheduler: "wrr", forward: "masq", servers: ["10.0.0.11", "10.0.0.12"] });
udp("192.0.2.10:53", #{ scheduler: "rr", forward: "masq", servers: ["10.0.0.21", "10.0.0.22"] });
"#;

/// What was committed five minutes ago: since then there is trouble.
const SECOND: &str = r#"find("tcp 192.0.2.10:80").server("10.0.0.13:80", #{ forward: "masq" })"#;

/// The server that answers nothing.
const DEAD: (&str, &str) = ("tcp 192.0.2.10:80", "10.0.0.13:80");

/// The server that another program sets to weight 0.
const CHANGED: (&str, &str) = ("udp 192.0.2.10:53", "10.0.0.22:53");

/// The first lines of the demonstration.
const SCENE: [&str; 2] = [
    "A simulated director with traffic. Nothing of this host is touched; Ctrl-D leaves, and \
     nothing stays.",
    "tcp 192.0.2.10:80 has three real servers, and clients complain. udp 192.0.2.10:53 has two, \
     and somebody used ipvsadm. To try:",
];

/// The lines to type, and what they show.
const LINES: [(&str, &str); 6] = [
    ("top", "live; + unfolds, q leaves"),
    (
        "show connections --state SYN_RECV --limit 5",
        "who waits for an answer",
    ),
    ("status", "what changed behind our back"),
    ("restore", "as it was committed, again"),
    ("history", "since when is 10.0.0.13 there?"),
    ("rollback", "without it again"),
];

/// What stands for a line that needs a terminal.
const WITHOUT_TERMINAL: [(&str, &str); 1] = [("top", "show rates")];

/// Runs `ipvsh demo`.
pub(super) fn run(context: &Context, _args: &DemoArgs) -> Result<u8> {
    if context.is_at_prompt() {
        return Err(Error::new(Kind::Usage, "demo is a prompt of its own")
            .hint("leave this one with Ctrl-D; the demonstration is started in a shell"));
    }
    if context.out.json {
        return Err(Error::new(Kind::Usage, "demo has no JSON form")
            .hint("at its prompt: print(live().to_json())"));
    }
    let scratch = Scratch::new()?;
    let context = context
        .simulated_at(&scratch.path().join("db"))?
        .of_prompt();
    commit(&context, (FIRST, "web and DNS"), an_hour_ago)?;
    let joins = (SECOND, "10.0.0.13 joins the web servers");
    commit(&context, joins, five_minutes_ago)?;
    let director = context.director()?;
    let sim = context
        .simulated_kernel()
        .ok_or_else(|| Error::new(Kind::Bug, "the demonstration has no simulated kernel"))?;
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    sim.visited_by(clients(is_terminal)?);
    change_behind_our_back(&sim)?;

    let setting = PromptSetup {
        place: "demo".to_owned(),
        greeting: greeting(),
        ..prompt::setting(&context)?
    };
    let mut shell = prompt::open(&context, director, &ChangeArgs::default(), setting)?;
    if is_terminal {
        return shell.run();
    }
    context.out.print(&greeting());
    shell.play(LINES.map(|(line, _)| {
        let other = WITHOUT_TERMINAL.iter().find(|(typed, _)| *typed == line);
        other.map_or(line, |(_, instead)| *instead)
    }))?;
    context
        .out
        .note("there is no terminal to type at: these lines were run instead, and nothing stays");
    Ok(0)
}

fn greeting() -> String {
    let scene = SCENE.map(output::paragraph).concat();
    format!("{scene}{}", output::lines_to_type(&LINES))
}

/// Commits a script as if it had been done at another time.
fn commit(
    context: &Context,
    (script, message): (&str, &str),
    clock: fn() -> DateTime<Utc>,
) -> Result<()> {
    let director = context.director()?.with_clock(clock);
    let options = ChangeOptions {
        message: Some(message.to_owned()),
        ..ChangeOptions::default()
    };
    let mut interpreter = Interpreter::new(Session::new(director, options), Vec::new());
    let ended = interpreter.run(&Source::inline(script))?;
    interpreter.finish(&ended).map(|_| ())
}

fn an_hour_ago() -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(1)
}

fn five_minutes_ago() -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(5)
}

fn named((service, server): (&str, &str)) -> Result<(ServiceKey, ServerKey)> {
    let service = ServiceKey::parse(service)?;
    Ok((service, ServerKey::parse(server, &service)?))
}

/// On a terminal time passes as it does; else a second with each look.
fn clients(is_terminal: bool) -> Result<Clients> {
    let began = Instant::now();
    let clients = match is_terminal {
        true => Clients::new(move || began.elapsed()),
        false => {
            let looks = AtomicU64::new(0);
            Clients::new(move || Duration::from_secs(looks.fetch_add(1, Ordering::Relaxed)))
        }
    };
    Ok(clients.unanswered_by(named(DEAD)?.1))
}

/// Sets the weight of a server to 0, as another program would.
fn change_behind_our_back(sim: &Sim) -> Result<()> {
    let (service, server) = named(CHANGED)?;
    sim.edit(|live| {
        let servers = live
            .rules
            .services
            .get_mut(&service)
            .map(|s| &mut s.servers);
        if let Some(server) = servers.and_then(|servers| servers.get_mut(&server)) {
            server.weight = Weight::ZERO;
        }
    });
    Ok(())
}
