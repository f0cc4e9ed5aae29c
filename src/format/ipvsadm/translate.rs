//! One line of ipvsadm in the script's language, for those whose fingers type it.

use super::options::Given;
use super::read::{SELECT, SERVER, SERVICE};
use super::settings::{daemon, timeouts};
use super::values::{TUNNEL, real_server, server_key, service_key, service_options};
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
    /// A script that shows the same, and changes nothing.
    View(String),
    /// It would save what is saved already.
    Save,
    /// It would read lines from standard input.
    Restore,
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
    let words: Vec<String> = split
        .into_iter()
        .skip_while(|word| word == "sudo" || word.rsplit('/').next() == Some("ipvsadm"))
        .collect();
    if let Some(seen) = view(&words) {
        return Ok(seen);
    }
    let given = Given::parse(&words)?;
    let name = |key| Ok::<_, Error>(quote(&service_key(key)?.to_string()));
    Ok(Translated::Change(match given.command() {
        Some(command @ ("add-service" | "edit-service")) => {
            given.only(command, &[&SELECT, &SERVICE])?;
            let key = service_key(&given)?;
            let fields = options(&service_options(&key, &given)?, key.family());
            let (function, target) = target(&key);
            match fields.is_empty() {
                true => format!("{function}({target})"),
                false => format!("{function}({target}, {})", inline(&fields)),
            }
        }
        Some("delete-service") => {
            given.only("delete-service", &[&SELECT])?;
            format!("remove({})", name(&given)?)
        }
        Some(command @ ("add-server" | "edit-server")) => {
            given.only(command, &[&SELECT, &SERVER, &TUNNEL])?;
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
            given.only("delete-server", &[&SELECT, &["real-server"]])?;
            let service = service_key(&given)?;
            let key = server_key(&given, &service)?;
            format!("remove({}, {})", name(&given)?, quote(&key.to_string()))
        }
        Some("clear") => {
            given.only("clear", &[])?;
            "clear()".to_owned()
        }
        Some("zero") => {
            given.only("zero", &[&SELECT])?;
            // Without a selector all counters are meant; one that is wrong must not mean that.
            match SELECT.iter().any(|option| given.has(option)) {
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
fn view(words: &[String]) -> Option<Translated> {
    let has = |short: char, long: &str| {
        words.iter().any(|word| match word.strip_prefix("--") {
            Some(name) => name == long,
            None => word
                .strip_prefix('-')
                .is_some_and(|letters| letters.contains(short)),
        })
    };
    let first = words.first()?;
    let begins = |shorts: &[char], long: &str| match first.strip_prefix("--") {
        Some(name) => name == long,
        None => first
            .strip_prefix('-')
            .is_some_and(|letters| letters.starts_with(shorts)),
    };
    if begins(&['S'], "save") {
        return Some(Translated::Save);
    }
    if begins(&['R'], "restore") {
        return Some(Translated::Restore);
    }
    if !begins(&['L', 'l'], "list") {
        return None;
    }
    Some(Translated::View(match () {
        () if has(' ', "timeout") => "timeouts()".to_owned(),
        () if has(' ', "daemon") => "sync_daemons()".to_owned(),
        () if has('c', "connection") => "connections()".to_owned(),
        () => "live()".to_owned(),
    }))
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
            ("-C", "clear()"),
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
        for (line, code) in [
            ("-Ln", "live()"),
            ("ipvsadm -L -n --stats", "live()"),
            ("-l --timeout", "timeouts()"),
            ("-Lc", "connections()"),
            ("--list --daemon", "sync_daemons()"),
        ] {
            let expected = Translated::View(code.to_owned());
            assert_eq!(translate(line), Ok(expected), "{line}");
        }
        assert_eq!(translate("-Sn"), Ok(Translated::Save));
        assert_eq!(translate("ipvsadm --restore"), Ok(Translated::Restore));
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
}
