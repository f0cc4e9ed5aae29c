//! Who signs a change: the user who ran sudo, else the user who logged in, else the process's own.
//!
//! The environment can say anything. A name from it counts only where the user database gives it
//! the process's user id, where root's process says who ran sudo, or marked as claimed. The login is
//! the kernel's word: the process cannot change /proc/self/loginuid (proc_loginuid_write in
//! fs/proc/base.c wants CAP_AUDIT_CONTROL, and with audit's `loginuid_immutable` refuses everybody).

use std::fs;

use nix::unistd::{Uid, User};
use rustix::process::getuid;

/// The longest name that is recorded.
const LONGEST: usize = 64;

/// The variable that names an author where nothing better does: in a container, for a job.
const CLAIM: &str = "IPVSH_AUTHOR";

/// No user logged in: a service, a job, a container.
const NO_LOGIN: u32 = u32::MAX;

/// The author of changes: `alice (sudo)`, `alice (login)`, `alice`, `deploy (claimed)`, `uid 1234`.
pub(super) fn author() -> String {
    let login = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let user = Process {
        uid: getuid().as_raw(),
        login: login_of(&login),
    };
    user.author(|name| std::env::var(name).ok(), &Names)
}

/// The user id in a `/proc/PID/loginuid`, where a user logged in.
fn login_of(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN)
}

/// The system's user database: /etc/passwd, LDAP, whatever it is configured to ask.
trait Users {
    /// The name of a user id.
    fn name(&self, uid: u32) -> Option<String>;
    /// The user id of a name.
    fn uid(&self, name: &str) -> Option<u32>;
}

/// The user database that getpwuid(3) and getpwnam(3) ask.
struct Names;

impl Users for Names {
    fn name(&self, uid: u32) -> Option<String> {
        Some(User::from_uid(Uid::from_raw(uid)).ok()??.name)
    }

    fn uid(&self, name: &str) -> Option<u32> {
        Some(User::from_name(name).ok()??.uid.as_raw())
    }
}

/// What the kernel says of a process.
struct Process {
    /// Its user id.
    uid: u32,
    /// The user id of the login that it belongs to.
    login: Option<u32>,
}

impl Process {
    fn author(&self, env: impl Fn(&str) -> Option<String>, users: &dyn Users) -> String {
        let said = |name: &str| env(name).filter(|name| is_plain(name));
        if self.uid == 0
            && let Some(sudo) = said("SUDO_USER").filter(|name| name != "root")
        {
            return format!("{sudo} (sudo)");
        }
        let name = |uid: u32| {
            let name = users.name(uid).filter(|name| is_plain(name));
            name.unwrap_or_else(|| format!("uid {uid}"))
        };
        let mut environment = ["LOGNAME", "USER"].into_iter().filter_map(&said);
        match (self.login, said(CLAIM)) {
            (Some(login), _) if login != self.uid => format!("{} (login)", name(login)),
            (None, Some(claimed)) => format!("{claimed} (claimed)"),
            // Of several names of one user id, the one that was used.
            _ => environment
                .find(|name| users.uid(name) == Some(self.uid))
                .unwrap_or_else(|| name(self.uid)),
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: [(&str, u32); 4] = [("root", 0), ("toor", 0), ("alice", 1000), ("bob", 1001)];

    struct Listed;

    impl Users for Listed {
        fn name(&self, uid: u32) -> Option<String> {
            let found = USERS.iter().find(|(_, id)| *id == uid);
            found.map(|(name, _)| (*name).to_owned())
        }

        fn uid(&self, name: &str) -> Option<u32> {
            let found = USERS.iter().find(|(known, _)| *known == name);
            found.map(|(_, id)| *id)
        }
    }

    fn of(uid: u32, login: &str, env: &[(&str, &str)]) -> String {
        let process = Process {
            uid,
            login: login_of(login),
        };
        let env = |wanted: &str| {
            let found = env.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        };
        process.author(env, &Listed)
    }

    const NONE: &str = "4294967295";

    #[test]
    fn the_environment_is_not_believed() {
        assert_eq!(of(1000, NONE, &[("LOGNAME", "root")]), "alice");
        assert_eq!(of(1000, NONE, &[("SUDO_USER", "bob")]), "alice");
        assert_eq!(of(1234, NONE, &[("USER", "alice")]), "uid 1234");
        assert_eq!(of(0, NONE, &[("USER", "toor")]), "toor");
    }

    #[test]
    fn sudo_is_named() {
        assert_eq!(of(0, NONE, &[("SUDO_USER", "alice")]), "alice (sudo)");
        assert_eq!(of(0, "1001", &[("SUDO_USER", "alice")]), "alice (sudo)");
        assert_eq!(of(0, NONE, &[("SUDO_USER", "a\x1bb")]), "root");
        assert_eq!(of(0, NONE, &[]), "root");
    }

    #[test]
    fn the_login_counts_more_than_the_environment() {
        assert_eq!(of(0, "1000\n", &[]), "alice (login)", "su");
        assert_eq!(of(0, "1000", &[("USER", "root")]), "alice (login)");
        assert_eq!(of(0, "1000", &[("IPVSH_AUTHOR", "bob")]), "alice (login)");
        assert_eq!(of(1000, "1000", &[("IPVSH_AUTHOR", "bob")]), "alice");
        assert_eq!(of(0, "0", &[("USER", "toor")]), "toor");
        assert_eq!(of(0, "777", &[]), "uid 777 (login)");
        assert_eq!(of(0, "", &[]), "root", "a kernel without audit");
    }

    #[test]
    fn a_claim_is_marked_as_one() {
        let claim = |name| of(0, NONE, &[("IPVSH_AUTHOR", name)]);
        assert_eq!(claim("mallory"), "mallory (claimed)");
        assert_eq!(claim(""), "root");
        assert_eq!(claim("a\nb"), "root");
        let both = [("IPVSH_AUTHOR", "mallory"), ("SUDO_USER", "alice")];
        assert_eq!(of(0, NONE, &both), "alice (sudo)");
    }
}
