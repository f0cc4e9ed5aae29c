//! Other programs that manage IPVS in this network namespace, found among the processes.
//!
//! Source of truth: proc(5), comm, cmdline, ns/net; keepalived(8), ldirectord(8).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::notes::Manager;

/// Programs that would undo what somebody else changes.
const NAMES: [&str; 6] = [
    "keepalived",
    "ldirectord",
    "kube-proxy",
    "kube-router",
    "kube-vip",
    "lvscare",
];

/// The managers in the calling thread's network namespace, each program once.
pub(super) fn here() -> Vec<Manager> {
    let Ok(namespace) = fs::read_link("/proc/thread-self/ns/net") else {
        return Vec::new();
    };
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Its name first: it costs a read, and nearly all have another.
        if let Some(program) = program(&process.path())
            && namespace_of(&process.path()).is_some_and(|its| its == namespace)
        {
            let first = found.entry(program).or_insert(pid);
            *first = pid.min(*first);
        }
    }
    let all = found.into_iter();
    all.map(|(name, pid)| Manager { name, pid }).collect()
}

fn namespace_of(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/net")).ok()
}

fn program(process: &Path) -> Option<&'static str> {
    let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
    named(&read("comm"), &read("cmdline"))
}

/// Which manager a process is, by its name (keepalived may name its children `keepalived_vrrp`)
/// and by its first two words: ldirectord is a script of perl.
fn named(comm: &[u8], cmdline: &[u8]) -> Option<&'static str> {
    let comm = String::from_utf8_lossy(comm);
    let words: Vec<String> = cmdline
        .split(|byte| *byte == 0 || *byte == b' ')
        .take(2)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    NAMES.into_iter().find(|name| {
        let is = |text: &str| {
            let rest = text.trim().strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', ':']))
        };
        let file = |word: &String| word.rsplit('/').next().is_some_and(is);
        let script = words.get(1).filter(|_| {
            let interpreter = words.first().and_then(|word| word.rsplit('/').next());
            interpreter.is_some_and(|word| word.starts_with("perl"))
        });
        is(&comm) || words.first().is_some_and(file) || script.is_some_and(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_names() {
        let named = |comm: &str, cmdline: &str| {
            named(comm.as_bytes(), cmdline.replace(' ', "\0").as_bytes())
        };
        for (comm, cmdline) in [
            ("keepalived\n", "/usr/sbin/keepalived -D"),
            ("keepalived_vrrp\n", "/usr/sbin/keepalived -D"),
            ("renamed\n", "/usr/sbin/keepalived"),
        ] {
            assert_eq!(named(comm, cmdline), Some("keepalived"), "{comm}{cmdline}");
        }
        for cmdline in [
            "/usr/bin/perl /usr/sbin/ldirectord start",
            "ldirectord lb.cf",
        ] {
            assert_eq!(named("perl\n", cmdline), Some("ldirectord"), "{cmdline}");
        }
        for name in ["kube-proxy", "kube-router", "kube-vip", "lvscare"] {
            let comm = format!("{name}\n");
            assert_eq!(named(&comm, &format!("/usr/bin/{name} --x")), Some(name));
        }
        for (comm, cmdline) in [
            ("vim\n", "vim /etc/keepalived/keepalived.conf"),
            ("less\n", "less ldirectord"),
            ("keepalivedx\n", "keepalivedx"),
            ("kworker/0:1\n", ""),
        ] {
            assert_eq!(named(comm, cmdline), None, "{comm}{cmdline}");
        }
    }
}
