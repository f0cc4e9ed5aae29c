//! Who signs: the login name, and the sudo user where there is one.
//!
//! The environment can say anything: a name counts only where /etc/passwd gives it the user id
//! that the process has, or, for sudo, root's process says who asked.

use std::fs;

use rustix::process::getuid;

/// The longest name that is recorded.
const LONGEST: usize = 64;

/// The author of changes: `alice`, `alice (sudo)`, `uid 1234`.
pub(super) fn author() -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let env = |name: &str| std::env::var(name).ok();
    name(getuid().as_raw(), &passwd, env)
}

fn name(uid: u32, passwd: &str, env: impl Fn(&str) -> Option<String>) -> String {
    let users: Vec<(&str, u32)> = passwd.lines().filter_map(user).collect();
    if uid == 0
        && let Some(sudo) = env("SUDO_USER").filter(|n| n != "root" && is_plain(n))
    {
        return format!("{sudo} (sudo)");
    }
    let is_mine = |name: &String| users.iter().any(|(n, id)| n == name && *id == uid);
    let claimed = [env("LOGNAME"), env("USER")];
    claimed
        .into_iter()
        .flatten()
        .find(is_mine)
        .or_else(|| {
            let own = users.iter().find(|(_, id)| *id == uid);
            own.map(|(name, _)| (*name).to_owned())
        })
        .filter(|name| is_plain(name))
        .unwrap_or_else(|| format!("uid {uid}"))
}

fn user(line: &str) -> Option<(&str, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    Some((name, fields.nth(1)?.parse().ok()?))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";

    fn of(uid: u32, env: &[(&str, &str)]) -> String {
        name(uid, PASSWD, |wanted| {
            let found = env.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_is_not_believed() {
        assert_eq!(of(1000, &[("LOGNAME", "root")]), "alice");
        assert_eq!(of(1000, &[("SUDO_USER", "bob")]), "alice");
        assert_eq!(of(1234, &[("USER", "alice")]), "uid 1234");
    }

    #[test]
    fn sudo_is_named() {
        assert_eq!(of(0, &[("SUDO_USER", "alice")]), "alice (sudo)");
        assert_eq!(of(0, &[("SUDO_USER", "a\x1bb")]), "root");
        assert_eq!(of(0, &[]), "root");
    }
}
