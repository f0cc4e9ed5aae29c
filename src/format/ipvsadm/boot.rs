//! What distributions' start scripts of ipvsadm are set to: lines like `DAEMON="master"`.
//!
//! Source of truth: Debian's `/etc/init.d/ipvsadm` and `/etc/default/ipvsadm` (1:1.31), which start
//! the sync daemons; Red Hat's `/etc/sysconfig/ipvsadm-config`, whose settings say when the old
//! init script saved and unloaded (its `ipvsadm.service` no longer reads them). No shell is run.

use std::collections::BTreeMap;

use super::settings::daemon_of;
use super::shell::is_command;
use super::words::is_assignment;
use super::words::{Line, lines};
use crate::error::{Error, Place, Result, did_you_mean};
use crate::format::{Reading, place, together};
use crate::model::{DaemonRole, Ruleset};

/// The settings that make daemons, with what Debian's script takes for them.
const DAEMON: &str = "DAEMON";
const INTERFACE: (&str, &str) = ("IFACE", "eth0");
const SYNC_ID: (&str, &str) = ("SYNCID", "0");

/// What `DAEMON` may be.
const DAEMONS: [(&str, &[DaemonRole]); 4] = [
    ("none", &[]),
    ("master", &[DaemonRole::Master]),
    ("backup", &[DaemonRole::Backup]),
    ("both", &DaemonRole::ALL),
];

/// The other settings, and what is said about each.
const OTHERS: [(&str, &str); 7] = [
    (
        "AUTO",
        "boot restores the head after systemctl enable ipvsh-restore.service",
    ),
    (
        "IPVSADM_RULES",
        "rules are only read of files that are named",
    ),
    ("IPVSADM", "another program is not run"),
    ("IPVS_MODULES_UNLOAD", "nothing unloads modules"),
    (
        "IPVS_SAVE_ON_STOP",
        "every commit is saved when it is made, and nothing else is",
    ),
    (
        "IPVS_SAVE_ON_RESTART",
        "every commit is saved when it is made, and nothing else is",
    ),
    ("IPVS_STATUS_NUMERIC", "everything is shown in numbers"),
];

/// Says whether a text holds settings of a start script, and no commands.
pub(in crate::format) fn is_settings(text: &str) -> bool {
    let mut is_known = false;
    for line in text.lines().map(str::trim) {
        // A script that calls ipvsadm by a variable begins with settings too.
        if ["$", "\"$", "-"].iter().any(|sign| line.starts_with(sign))
            || line.starts_with("#!")
            || is_command(line)
        {
            return false;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        is_known |= line
            .split_once('=')
            .is_some_and(|(name, _)| known().any(|known| known == name));
    }
    is_known
}

fn known() -> impl Iterator<Item = &'static str> {
    let others = OTHERS.iter().map(|(name, _)| *name);
    others.chain([DAEMON, INTERFACE.0, SYNC_ID.0])
}

/// A setting's value, and where it stands.
struct Setting {
    value: String,
    at: Place,
}

/// Reads settings: the daemons that they start, and a note about everything else.
///
/// # Errors
/// `invalid` with the places of all that is wrong.
pub(super) fn read(name: &str, text: &str) -> Result<Reading> {
    let mut settings = BTreeMap::new();
    let mut problems = Vec::new();
    for line in lines(text) {
        let at = |column| place(name, text, line.number, column);
        match assignments(&line) {
            Ok(found) => settings.extend(found.into_iter().map(|(setting, value)| {
                let at = at(0);
                (setting, Setting { value, at })
            })),
            Err((error, column)) => problems.push(error.at(at(column))),
        }
    }
    let mut rules = Ruleset::default();
    match roles(&settings) {
        Ok(roles) => {
            for role in roles {
                match daemon(*role, &settings) {
                    Ok(daemon) => drop(rules.settings.set_daemon(*role, Some(daemon))),
                    Err(error) => problems.push(error),
                }
            }
        }
        Err(error) => problems.push(error),
    }
    match together(problems) {
        Some(error) => Err(error),
        None => Ok(Reading {
            notes: notes(name, &settings, &rules),
            rules,
            has_rules: false,
            can_hold_host: false,
        }),
    }
}

/// The settings of a line, or what is wrong and in which column.
fn assignments(line: &Line) -> Result<Vec<(String, String)>, (Error, usize)> {
    let words = line.words.as_ref().map_err(|trouble| {
        let error = Error::invalid(trouble.error.message());
        (error.hint("write the value itself"), trouble.column)
    })?;
    let words = words.iter().filter(|word| *word != "export");
    words
        .map(|word| match word.split_once('=') {
            Some((name, value)) if is_assignment(word) => Ok((name.to_owned(), value.to_owned())),
            _ => Err((
                Error::invalid(format!("\"{word}\" is no setting"))
                    .hint("a setting is like DAEMON=\"master\""),
                0,
            )),
        })
        .collect()
}

/// The daemons that are started.
fn roles(settings: &BTreeMap<String, Setting>) -> Result<&'static [DaemonRole]> {
    let Some(Setting { value, at }) = settings.get(DAEMON) else {
        return Ok(&[]);
    };
    let known = DAEMONS.iter().find(|(word, _)| word == value);
    known.map(|(_, roles)| *roles).ok_or_else(|| {
        let words = DAEMONS.map(|(word, _)| word);
        Error::invalid(format!("ipvsadm's script knows no DAEMON \"{value}\""))
            .hint(match did_you_mean(value, words) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!("it is one of {}", words.join(", ")),
            })
            .at(at.clone())
    })
}

fn daemon(
    role: DaemonRole,
    settings: &BTreeMap<String, Setting>,
) -> Result<crate::model::SyncDaemon> {
    let of = |(name, default): (&str, &'static str)| match settings.get(name) {
        Some(setting) => (setting.value.clone(), Some(&setting.at)),
        None => (default.to_owned(), None),
    };
    let ((interface, at), (id, id_at)) = (of(INTERFACE), of(SYNC_ID));
    daemon_of(role, &interface, &id).map_err(|(error, is_id)| {
        let at = if is_id { id_at } else { at };
        match at.or_else(|| settings.get(DAEMON).map(|setting| &setting.at)) {
            Some(at) => error.at(at.clone()),
            None => error,
        }
    })
}

fn notes(name: &str, settings: &BTreeMap<String, Setting>, rules: &Ruleset) -> Vec<String> {
    let mut notes: Vec<(usize, String)> = Vec::new();
    for (setting, Setting { value, at }) in settings {
        let said = if let Some((_, what)) = OTHERS.iter().find(|(other, _)| other == setting) {
            format!("{setting}={value} has no meaning here: {what}")
        } else if !known().any(|known| known == setting) {
            format!("ignored, not a setting of ipvsadm: {setting}")
        } else if setting == DAEMON && rules.settings.is_empty() {
            format!("{setting}={value}: no sync daemon is started")
        } else {
            continue;
        };
        notes.push((at.line, format!("{name}:{}: {said}", at.line)));
    }
    notes.sort();
    notes.into_iter().map(|(_, note)| note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn daemons(text: &str) -> Vec<String> {
        assert!(is_settings(text), "{text}");
        let reading = read("x", text).unwrap();
        let all = reading.rules.settings.daemons();
        all.map(|(role, daemon)| format!("{role} {} {}", daemon.interface, daemon.id))
            .collect()
    }

    #[test]
    fn daemons_are_those_that_debians_script_starts() {
        for (text, wanted) in [
            ("DAEMON=none\n", vec![]),
            ("DAEMON=master", vec!["master eth0 0"]),
            (
                "DAEMON='backup' IFACE=\"bond0\"\t # x",
                vec!["backup bond0 0"],
            ),
            (
                "export DAEMON=both\nSYNCID=7\nSYNCID=\"255\"",
                vec!["master eth0 255", "backup eth0 255"],
            ),
            ("# DAEMON=master\nAUTO=true\nDAEMON=\"\"none", vec![]),
        ] {
            assert_eq!(daemons(text), wanted, "{text}");
        }
    }

    #[test]
    fn only_settings_are_settings() {
        for text in [
            "",
            "# AUTO=true",
            "VIP=192.0.2.1",
            "#!/bin/sh\nDAEMON=none",
            "DAEMON=none\n/sbin/ipvsadm -C",
            "DAEMON = 5;",
        ] {
            assert!(!is_settings(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, said) in [
            ("AUTO=true\nDAEMON=mastre", 2, "knows no DAEMON \"mastre\""),
            (
                "DAEMON=master\nIFACE=$X",
                2,
                "\"$\" is for a shell, and this is none",
            ),
            ("DAEMON=master\n. /etc/x", 2, "\".\" is no setting"),
            (
                "DAEMON=master\nSYNCID=256",
                2,
                "sync daemon master: id 256 is out of range",
            ),
            ("DAEMON=master\nSYNCID=x", 2, "\"x\" is not a whole number"),
            ("DAEMON=master\nIFACE=''", 2, "sync daemon master"),
            ("DAEMON=master\nSYNCID=\"1", 2, "a closing \" is missing"),
        ] {
            let error = read("x", text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.place().unwrap().line, line, "{text}");
        }
    }
}
