//! One line of ipvsadm in the script's language, for those whose fingers type it.

use super::options::Given;
use super::settings::{daemon, timeouts};
use super::table::Group::{Selector, Server, Service, Target, Tunnel};
use super::table::is_of;
use super::values::{real_server, server_key, service_key, service_options};
use super::words::lines;
use crate::error::{Error, Result};
use crate::format::rhai::{
    daemon_call, inline, options, quote, server_options, target, timeouts_call,
};
use crate::model::{DaemonRole, Forwarding, ServerKey, ServiceKey};

/// What a line of ipvsadm is in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translated {
    /// A script that does the same.
    Change(String),
    /// It shows something, and changes nothing.
    View(Seen),
    /// It would save what is saved already.
    Save,
    /// It would read lines from standard input.
    Restore,
}

/// What shows the same as a line of ipvsadm that lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The verb of the command line, with its words: `show stats tcp 192.0.2.1:80`.
    pub verb: String,
    /// The same as a script says it.
    pub code: String,
}

/// Says a line of ipvsadm in the script's language; the program's name and `sudo` may be left
/// out.
///
/// # Errors
/// `invalid` for what ipvsadm would not understand.
pub fn translate(line: &str) -> Result<Translated> {
    let mut split = Vec::new();
    for line in lines(line) {
        split.extend(line.words.map_err(|trouble| trouble.error)?);
    }
    let mut words: Vec<String> = split
        .into_iter()
        .skip_while(|word| word == "sudo")
        .collect();
    let program = words
        .first()
        .map(|word| word.rsplit('/').next().unwrap_or(word));
    match program {
        Some("ipvsadm-save") => return Ok(Translated::Save),
        Some("ipvsadm-restore") => return Ok(Translated::Restore),
        Some("watch") => return watched(words.get(1..).unwrap_or_default()),
        Some("ipvsadm") => drop(words.remove(0)),
        _ => {}
    }
    if let Some(seen) = view(&words)? {
        return Ok(seen);
    }
    let given = Given::parse(&words)?;
    let name = |key| Ok::<_, Error>(quote(&service_key(key)?.to_string()));
    Ok(Translated::Change(match given.command() {
        Some(command @ ("add-service" | "edit-service")) => {
            given.only(command, &[Selector, Service])?;
            let key = service_key(&given)?;
            let fields = options(&service_options(&key, &given)?, key.family());
            let (function, target) = target(&key);
            match fields.is_empty() {
                true => format!("{function}({target})"),
                false => format!("{function}({target}, {})", inline(&fields)),
            }
        }
        Some("delete-service") => {
            given.only("delete-service", &[Selector])?;
            format!("remove({})", name(&given)?)
        }
        Some(command @ ("add-server" | "edit-server")) => {
            given.only(command, &[Selector, Target, Server, Tunnel])?;
            let service = service_key(&given)?;
            let server = real_server(&given)?;
            let key = at_its_port(&service, server_key(&given, &service)?, server.forward);
            format!(
                "find({}).server({}, {})",
                quote(&service.to_string()),
                quote(&key.to_string()),
                inline(&server_options(&server, None))
            )
        }
        Some("delete-server") => {
            given.only("delete-server", &[Selector, Target])?;
            let service = service_key(&given)?;
            let key = server_key(&given, &service)?;
            format!("remove({}, {})", name(&given)?, quote(&key.to_string()))
        }
        Some("clear") => {
            given.only("clear", &[])?;
            "remove_all()".to_owned()
        }
        Some("zero") => {
            given.only("zero", &[Selector])?;
            // Without a selector all counters are meant; one that is wrong must not mean that.
            match given.has_of(Selector) {
                true => format!("zero({})", name(&given)?),
                false => "zero()".to_owned(),
            }
        }
        Some("set") => timeouts_call(&timeouts(&given)?).unwrap_or_else(|| "timeouts()".to_owned()),
        Some("start-daemon") => {
            let (role, daemon) = daemon(&given)?;
            daemon_call(role, &daemon)
        }
        Some("stop-daemon") => {
            let role = DaemonRole::parse(given.value("stop-daemon").unwrap_or_default())?;
            format!("for d in sync_daemons() {{ if d.role == \"{role}\" {{ remove(d); }} }}")
        }
        Some(other) => {
            return Err(Error::invalid(format!(
                "the command comes first, and --{other} is none"
            )));
        }
        None => return Err(Error::invalid("there is no command")),
    }))
}

/// With direct routing and tunnels ipvsadm takes the service's port, whatever was typed.
fn at_its_port(service: &ServiceKey, key: ServerKey, forward: Forwarding) -> ServerKey {
    match service {
        ServiceKey::Address { port, .. } if forward != Forwarding::Masq => {
            ServerKey { port: *port, ..key }
        }
        _ => key,
    }
}

/// Lists, and what reads or writes whole tables.
fn view(words: &[String]) -> Result<Option<Translated>> {
    let has = |short: char, long: &str| {
        words.iter().any(|word| match word.strip_prefix("--") {
            Some(name) => name == long,
            None => word
                .strip_prefix('-')
                .is_some_and(|letters| letters.contains(short)),
        })
    };
    let Some(first) = words.first() else {
        return Ok(None);
    };
    let begins = |shorts: &[char], long: &str| match first.strip_prefix("--") {
        Some(name) => name == long,
        None => first
            .strip_prefix('-')
            .is_some_and(|letters| letters.starts_with(shorts)),
    };
    if begins(&['S'], "save") {
        return Ok(Some(Translated::Save));
    }
    if begins(&['R'], "restore") {
        return Ok(Some(Translated::Restore));
    }
    if !begins(&['L', 'l'], "list") {
        return Ok(None);
    }
    let whole = |verb: &str, code: &str| Seen {
        verb: verb.to_owned(),
        code: code.to_owned(),
    };
    let of = selected(words)?;
    let name = of.map(|key| key.to_string());
    let named = |view: &str| match &name {
        Some(name) => Seen {
            verb: format!("show {view} {name}"),
            code: format!("{view}({})", quote(name)),
        },
        None => whole(&format!("show {view}"), &format!("{view}()")),
    };
    let seen = match () {
        () if has(' ', "timeout") => whole("show timeouts", "timeouts()"),
        () if has(' ', "daemon") => whole("show daemons", "sync_daemons()"),
        () if has('c', "connection") => match &name {
            Some(name) => Seen {
                verb: format!("show connections {name}"),
                code: format!("connections(#{{ service: {} }})", quote(name)),
            },
            None => whole("show connections", "connections()"),
        },
        () if has(' ', "stats") => named("stats"),
        () if has(' ', "rate") => named("rates"),
        () if has(' ', "thresholds") => named("thresholds"),
        () if has(' ', "persistent-conn") => named("persistent"),
        () => match &name {
            Some(name) => Seen {
                verb: format!("show services {name}"),
                code: format!("find({})", quote(name)),
            },
            None => whole("show services", "live()"),
        },
    };
    Ok(Some(Translated::View(seen)))
}

/// The service that a list is about, where it is about one.
fn selected(words: &[String]) -> Result<Option<ServiceKey>> {
    let mut selection = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let option = match word.strip_prefix("--") {
            Some(long) => {
                let name = long.split('=').next().unwrap_or(long);
                is_of(name, &[Selector]).then(|| word.clone())
            }
            None => word
                .strip_prefix('-')
                .and_then(|letters| letters.chars().last())
                .filter(|last| "tuf6".contains(*last))
                .map(|last| format!("-{last}")),
        };
        if let Some(option) = option {
            let takes_next = option != "-6" && option != "--ipv6" && !option.contains('=');
            selection.push(option);
            if takes_next {
                selection.extend(words.next().cloned());
            }
        }
    }
    match selection.is_empty() {
        true => Ok(None),
        false => service_key(&Given::parse(&selection)?).map(Some),
    }
}

/// `watch -n 1 ipvsadm -Ln --stats`: a list again and again.
fn watched(words: &[String]) -> Result<Translated> {
    let mut seconds = "2".to_owned();
    let mut words = words.iter();
    let mut command: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-n" | "--interval" => seconds = words.next().cloned().unwrap_or(seconds),
            word => match word.strip_prefix("-n").or(word.strip_prefix("--interval=")) {
                Some(given) => seconds = given.to_owned(),
                None if word.starts_with('-') => {}
                None => {
                    // The command is one word in quotes, or all that are left.
                    command.push(word.to_owned());
                    command.extend(words.by_ref().cloned());
                }
            },
        }
    }
    match translate(&command.join(" "))? {
        Translated::View(seen) => Ok(Translated::View(Seen {
            verb: format!("{} --watch {seconds}", seen.verb),
            code: seen.code,
        })),
        _ => Err(Error::invalid(
            "only what shows something can be shown again and again",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ipvsadm_are_said_in_our_words() {
        for (line, code) in [
            (
                "-A -t 192.0.2.1:80 -s rr",
                "tcp(\"192.0.2.1:80\", #{ scheduler: \"rr\" })",
            ),
            ("ipvsadm -A -u 192.0.2.1:53", "udp(\"192.0.2.1:53\")"),
            (
                "sudo /sbin/ipvsadm -E -t [2001:db8::1]:443 -s sh -b sh-port -p 60",
                "tcp(\"[2001:db8::1]:443\", #{ scheduler: \"sh\", flags: [\"sh-port\"], persistent: 60 })",
            ),
            ("-A -f 666 -s wrr", "fwmark(666, #{ scheduler: \"wrr\" })"),
            (
                "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3",
                "find(\"tcp 192.0.2.1:80\").server(\"10.0.0.1:8080\", #{ forward: \"masq\", weight: 3 })",
            ),
            (
                "-e -f 7 -r 10.0.0.1 -w 0",
                "find(\"fwmark 7\").server(\"10.0.0.1:0\", #{ forward: \"direct\", weight: 0 })",
            ),
            (
                "-d -t 192.0.2.1:80 -r 10.0.0.1",
                "remove(\"tcp 192.0.2.1:80\", \"10.0.0.1:80\")",
            ),
            ("-D -t 192.0.2.1:80", "remove(\"tcp 192.0.2.1:80\")"),
            (
                "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g",
                "find(\"tcp 192.0.2.1:80\").server(\"10.0.0.1:80\", #{ forward: \"direct\" })",
            ),
            ("-C", "remove_all()"),
            ("-Z", "zero()"),
            ("-Z -u 192.0.2.1:53", "zero(\"udp 192.0.2.1:53\")"),
            ("--set 900 0 300", "timeouts(#{ tcp: 900, udp: 300 })"),
            (
                "--start-daemon master --mcast-interface eth1 --syncid 7",
                "sync_daemon(\"master\", #{ interface: \"eth1\", id: 7 })",
            ),
        ] {
            let expected = Translated::Change(code.to_owned());
            assert_eq!(translate(line), Ok(expected), "{line}");
        }
        assert_eq!(translate("-Sn"), Ok(Translated::Save));
        assert_eq!(translate("ipvsadm --restore"), Ok(Translated::Restore));
        assert_eq!(translate("sudo ipvsadm-save -n"), Ok(Translated::Save));
        assert_eq!(translate("ipvsadm-restore"), Ok(Translated::Restore));
        for bad in [
            "-A -t 192.0.2.1:80 -Q",
            "-a -t 192.0.2.1:80",
            "-A",
            "-t x",
            "ipvsadm",
            "-Z -t nowhere",
            "-C -t 192.0.2.1:80",
        ] {
            assert!(translate(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn lists_are_shown_by_what_really_shows_them() {
        for (line, verb, code) in [
            ("-Ln", "show services", "live()"),
            (
                "ipvsadm -L -n -t 192.0.2.1:80",
                "show services tcp 192.0.2.1:80",
                "find(\"tcp 192.0.2.1:80\")",
            ),
            ("ipvsadm -L -n --stats", "show stats", "stats()"),
            (
                "-Ln --stats -u 192.0.2.1:53",
                "show stats udp 192.0.2.1:53",
                "stats(\"udp 192.0.2.1:53\")",
            ),
            (
                "-Lnt 192.0.2.1:80 --rate",
                "show rates tcp 192.0.2.1:80",
                "rates(\"tcp 192.0.2.1:80\")",
            ),
            (
                "--list --thresholds --fwmark-service=7",
                "show thresholds fwmark 7",
                "thresholds(\"fwmark 7\")",
            ),
            (
                "-Ln --persistent-conn -f 7 -6",
                "show persistent fwmark6 7",
                "persistent(\"fwmark6 7\")",
            ),
            ("-l --timeout", "show timeouts", "timeouts()"),
            ("-Lc", "show connections", "connections()"),
            ("-Lnc --sort", "show connections", "connections()"),
            ("--list --daemon", "show daemons", "sync_daemons()"),
            (
                "watch -n1 'ipvsadm -Ln --rate'",
                "show rates --watch 1",
                "rates()",
            ),
            (
                "sudo watch -d -n 0.5 ipvsadm -Lnc",
                "show connections --watch 0.5",
                "connections()",
            ),
            ("watch ipvsadm -l", "show services --watch 2", "live()"),
        ] {
            let expected = Translated::View(Seen {
                verb: verb.to_owned(),
                code: code.to_owned(),
            });
            assert_eq!(translate(line), Ok(expected), "{line}");
        }
        for bad in ["-Ln -t nowhere", "watch ipvsadm -C", "watch"] {
            assert!(translate(bad).is_err(), "{bad}");
        }
    }
}
