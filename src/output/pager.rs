//! Long results through a pager, where somebody reads them on a terminal.
//!
//! `IPVSH_PAGER`, else `PAGER`, else `less -FRX`: split into words, never given to a shell. Where
//! ipvsh runs with another user's environment (sudo, doas, su), that user's choice is not run with
//! our rights: it is less then, and told to start nothing by itself.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use rustix::process::{geteuid, getuid};

use crate::signals;

/// The pager that is there nearly everywhere: ends by itself where one screen is enough, keeps
/// colours, leaves the text on the screen.
const LESS: &str = "less -FRX";

/// What the environment says of pagers.
#[derive(Debug, Clone, Default)]
struct Said {
    own: Option<OsString>,
    usual: Option<OsString>,
    is_borrowed: bool,
}

impl Said {
    fn look() -> Said {
        let says = |name: &str| std::env::var_os(name);
        let other_user = ["SUDO_USER", "SUDO_UID", "DOAS_USER", "PKEXEC_UID"]
            .into_iter()
            .any(|name| says(name).is_some());
        Said {
            own: says("IPVSH_PAGER"),
            usual: says("PAGER"),
            is_borrowed: geteuid() != getuid() || geteuid().is_root() && other_user,
        }
    }

    /// The words of the pager's command; none where there is to be none.
    fn words(&self) -> Option<Vec<String>> {
        let is_off = |said: &Option<OsString>| {
            said.as_ref()
                .is_some_and(|said| said.is_empty() || said == "cat")
        };
        if is_off(&self.own) || self.own.is_none() && is_off(&self.usual) {
            return None;
        }
        let chosen = match self.is_borrowed {
            true => None,
            false => self.own.as_ref().or(self.usual.as_ref()),
        };
        let line = chosen.and_then(|said| said.to_str()).unwrap_or(LESS);
        Some(line.split_whitespace().map(str::to_owned).collect())
    }
}

/// Says whether the environment leaves room for a pager at all.
pub(super) fn is_wanted() -> bool {
    Said::look().words().is_some()
}

/// Shows a text in the pager; false where that is not to be had, and it has to be printed.
pub(super) fn show(text: &str) -> bool {
    let said = Said::look();
    let Some(words) = said.words() else {
        return false;
    };
    let Some((program, args)) = words.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::piped())
        // What a pager does to files that it opens is not for text of ours.
        .env_remove("LESSOPEN")
        .env_remove("LESSCLOSE");
    if said.is_borrowed {
        command.env("LESSSECURE", "1").env_remove("LESS");
    }
    // Ctrl-C is the pager's while it runs.
    let _hold = signals::hold();
    let interrupted_before = signals::interrupted();
    let Ok(mut pager) = command.spawn() else {
        return false;
    };
    let written = match pager.stdin.take() {
        // Dropped at the end: the pager sees that this was all.
        Some(mut input) => input.write_all(text.as_bytes()),
        None => Ok(()),
    };
    // Whoever has read enough closes it before the end.
    let failed = written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
    let ended = pager.wait();
    if interrupted_before.is_none() && signals::interrupted() == Some("SIGINT") {
        signals::forget();
    }
    !failed && ended.is_ok_and(|status| status.success() || status.code() != Some(127))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(own: Option<&str>, usual: Option<&str>, is_borrowed: bool) -> Option<String> {
        let said = Said {
            own: own.map(OsString::from),
            usual: usual.map(OsString::from),
            is_borrowed,
        };
        said.words().map(|words| words.join(" "))
    }

    #[test]
    fn the_environment_chooses_unless_it_is_somebody_elses() {
        let less = Some(LESS.to_owned());
        assert_eq!(words(None, None, false), less);
        assert_eq!(words(None, Some("more"), false), Some("more".to_owned()));
        assert_eq!(
            words(Some("most -x"), Some("more"), false),
            Some("most -x".to_owned())
        );
        assert_eq!(words(Some(""), Some("more"), false), None);
        assert_eq!(words(None, Some("cat"), false), None);
        // Under sudo another's choice is not run, but turning it off is harmless.
        assert_eq!(words(Some("/tmp/evil"), Some("/tmp/evil"), true), less);
        assert_eq!(words(Some(""), None, true), None);
    }
}
