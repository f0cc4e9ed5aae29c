//! Facts: the script's own surroundings: arguments, environment, files, time, the network.

use std::time::Duration;

use rhai::Dynamic;

use super::call::Call;
use super::fact::{Form, Function, Group, On, Param};
use super::options::PROBE;
use super::types::Type;
use super::{convert, files, help, wait};
use crate::director::pause;
use crate::error::{Error, Kind, Result};
use crate::model::patch::unknown_option;

const PATH: Param = Param::new("path", Type::Text);

/// A function of this chapter.
const fn here(
    name: &'static str,
    forms: &'static [Form],
    result: Type,
    errors: &'static [Kind],
    words: &'static [&'static str],
) -> Function {
    Function {
        name,
        group: Group::Script,
        on: On::Nothing,
        forms,
        result,
        doc: "",
        errors,
        example: "",
        words,
    }
}

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        doc: "Holds the arguments after the script's name: an array of text.\n\
              A constant, also in functions and imported modules.",
        example: "if ARGS.len() > 0 { print(ARGS[0]); }",
        ..here("ARGS", &[], Type::Array, &[], &["argv", "$1", "parameters"])
    },
    Function {
        doc: "Reads a variable of the environment; () where it is not set.",
        example: "if env(\"HOME\") != () { print(env(\"HOME\")); }",
        ..here(
            "env",
            &[Form {
                params: &[Param::new("name", Type::Text)],
                call: env,
            }],
            Type::Text,
            &[Kind::Invalid],
            &["getenv", "environment", "$VAR"],
        )
    },
    Function {
        doc: "Waits so many seconds, whole or not.\n\
              Ctrl-C ends it. Under --plan and check it does not wait, and is shown.",
        example: "sleep(0.1);",
        ..here(
            "sleep",
            &[Form {
                params: &[Param::new("seconds", Type::Number)],
                call: sleep,
            }],
            Type::Nothing,
            &[Kind::Invalid, Kind::Interrupted],
            &["wait", "pause", "delay"],
        )
    },
    Function {
        doc: "Says whether a TCP connection to an address and port is accepted in time.\n\
              The connection is closed at once. Under --plan and check nothing is sent: it is \
              shown, and the answer is true, so that the plan is that of a good day.",
        example: "if !probe(\"127.0.0.1:1\", #{ timeout: 0.5 }) { print(\"nobody answers\"); }",
        ..here(
            "probe",
            &[Form {
                params: &[Param::new("address", Type::Text), Param::options(PROBE)],
                call: probe,
            }],
            Type::Bool,
            &[Kind::Invalid, Kind::Interrupted],
            &["TCP_CHECK", "health check", "connect", "ping", "nc"],
        )
    },
    Function {
        doc: "Reads a text file, up to 16 MiB.\n\
              The path is relative to the directory where ipvsh was started.",
        example: "if parse_json(\"{\\\"n\\\": 1}\").n == 1 { print(read(\"/dev/null\").len()); }",
        ..here(
            "read",
            &[Form {
                params: &[PATH],
                call: read,
            }],
            Type::Text,
            &[Kind::NotFound, Kind::NotPermitted, Kind::Invalid],
            &["cat", "open", "file", "inventory"],
        )
    },
    Function {
        doc: "Stages everything that a file holds: what was saved, exported, or written by \
              ipvsadm -S.\n\
              It is merged with what is there: what the file names is set, the rest stays. After \
              `remove_all()` the candidate is exactly the file. The format is told by the file's name, \
              or else by its text.",
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\n\
                  save(\"/tmp/ipvsh-example.json\", \"json\");\n\
                  remove_all();\nload(\"/tmp/ipvsh-example.json\");",
        ..here(
            "load",
            &[Form {
                params: &[PATH],
                call: files::load,
            }],
            Type::Nothing,
            &[Kind::NotFound, Kind::NotPermitted, Kind::Invalid],
            &["import", "-R", "--restore", "ipvsadm-restore", "source"],
        )
    },
    Function {
        doc: "Writes the candidate to a file: format \"json\", \"rhai\" or \"ipvsadm\".\n\
              The file is replaced as a whole and readable by its owner only. Without a format \
              the file's name tells it. Every commit is saved by itself; this is for other \
              programs.",
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\n\
                  save(\"/tmp/ipvsh-example.json\", \"json\");",
        ..here(
            "save",
            &[Form {
                params: &[PATH, Param::new("format", Type::Text).optional()],
                call: files::save,
            }],
            Type::Nothing,
            &[Kind::Invalid, Kind::NotPermitted, Kind::System],
            &["export", "-S", "--save", "ipvsadm-save", "dump", "write"],
        )
    },
    Function {
        doc: "Writes a value as JSON text.\n\
              Services and servers become objects with all that they are set to.",
        example: "tcp(\"192.0.2.10:80\", #{ scheduler: \"rr\" });\nprint(json(services()));",
        ..here(
            "json",
            &[Form {
                params: &[Param::new("value", Type::Any)],
                call: json,
            }],
            Type::Text,
            &[Kind::Invalid, Kind::NotFound],
            &["to_json", "stringify", "serialize"],
        )
    },
    Function {
        doc: "Ends the script: 0 ends it and commits what is staged, any other status commits \
              nothing.\n\
              The status is 0 to 255; without one it is 0. What was committed before stands.",
        example: "if services().is_empty() { exit(0); }",
        ..here(
            "exit",
            &[Form {
                params: &[Param::new("status", Type::Whole).optional()],
                call: exit,
            }],
            Type::Nothing,
            &[Kind::Invalid],
            &["quit", "return", "abort"],
        )
    },
    Function {
        doc: "Prints a value and a line end to standard output, untouched: print(value).",
        example: "print(`${1 + 1} servers`);",
        ..here("print", &[], Type::Nothing, &[], &["echo", "puts", "log"])
    },
    Function {
        doc: "Uses the functions of a file beside the script: import \"pools\" as pools.\n\
              The file is pools.rhai in the script's directory or below it; nothing else is read.",
        example: "fn pool(n) { `10.0.0.${n}` }\nprint(pool(1));",
        ..here(
            "import",
            &[],
            Type::Nothing,
            &[Kind::NotFound],
            &["include", "source", "require", "module"],
        )
    },
    Function {
        doc: "Says what a function, an option or a word of another tool is about; without a \
              topic, what there is.",
        example: "print(help(\"persist\"));",
        ..here(
            "help",
            &[Form {
                params: &[Param::new("topic", Type::Text).optional()],
                call: help,
            }],
            Type::Text,
            &[],
            &["?", "man", "usage", "doc"],
        )
    },
];

fn env(call: &Call) -> Result<Dynamic> {
    let name = call.text(0)?;
    // `var_os` panics on no name at all on some systems; it finds nothing on any.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(
            Error::invalid(format!("\"{name}\" is not the name of a variable")).about(name),
        );
    }
    match std::env::var_os(name.as_str()) {
        None => Ok(Dynamic::UNIT),
        Some(value) => value.into_string().map(Dynamic::from).map_err(|_| {
            Error::invalid("it is not UTF-8 text").object(format!("environment variable {name}"))
        }),
    }
}

/// A number of seconds as a duration.
fn seconds(name: &str, number: f64, most: u64) -> Result<Duration> {
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if duration <= Duration::from_secs(most) => Ok(duration),
        _ => Err(Error::invalid(format!("{name} {number} is out of range"))
            .about(name)
            .hint(format!("{name} is 0 to {most} seconds"))),
    }
}

fn sleep(call: &Call) -> Result<Dynamic> {
    const YEAR: u64 = 366 * 24 * 60 * 60;
    let number = call.number(0)?;
    let duration = seconds("sleep", number, YEAR)?;
    if call.context.session()?.is_dry() {
        call.context.effect(format!("would sleep {number} seconds"));
        return Ok(Dynamic::UNIT);
    }
    let progress = call.context.session()?.director().progress();
    pause("waiting", duration, &*progress)?;
    call.context.refresh()?;
    Ok(Dynamic::UNIT)
}

fn probe(call: &Call) -> Result<Dynamic> {
    let text = call.text(0)?;
    let address = wait::address(&text)?;
    let options = call.options(1)?.unwrap_or_default();
    let mut timeout = 3.0;
    for (name, value) in &options {
        match (name.as_str(), value.as_f64()) {
            ("timeout", Some(number)) if number > 0.0 => timeout = number,
            ("timeout", _) => {
                return Err(
                    Error::invalid("timeout must be a number of seconds above 0").about("timeout"),
                );
            }
            (other, _) => {
                return Err(unknown_option(other).hint("probe has the option timeout"));
            }
        }
    }
    let timeout = seconds("timeout", timeout, 600)?;
    if call.context.session()?.is_dry() {
        call.context
            .effect(format!("would probe {address}, taken as answering"));
        return Ok(Dynamic::TRUE);
    }
    wait::connects(address, timeout).map(Dynamic::from)
}

fn read(call: &Call) -> Result<Dynamic> {
    files::read(&call.text(0)?).map(Dynamic::from)
}

fn json(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let value = convert::to_json(&mut session, call.arg(0)?)?;
    serde_json::to_string_pretty(&value)
        .map(Dynamic::from)
        .map_err(|e| Error::new(Kind::Bug, e.to_string()).caused_by(e))
}

fn exit(call: &Call) -> Result<Dynamic> {
    let status = match call.has(0) {
        true => call.whole(0)?,
        false => 0,
    };
    if !(0..=255).contains(&status) {
        return Err(Error::invalid(format!("status {status} is out of range"))
            .about("status")
            .hint("a status is 0 to 255"));
    }
    call.context.set_exit(status);
    Ok(Dynamic::UNIT)
}

fn help(call: &Call) -> Result<Dynamic> {
    let text = match call.has(0) {
        true => help::topic(&call.text(0)?, help::WIDTH),
        false => help::overview(),
    };
    Ok(Dynamic::from(text))
}
