//! Owns which schedulers and persistence engines a kernel has: modules that it loads on demand.
//!
//! May import: `error`, `model`. Source of truth: the module names `ip_vs_NAME` and
//! `ip_vs_pe_NAME` (ip_vs_scheduler_get in ip_vs_sched.c, ip_vs_pe_getbyname in ip_vs_pe.c).

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::service::SCHEDULERS;

/// Where the modules of all kernels are.
const ALL_MODULES: &str = "/lib/modules";

/// The kernel's list of loaded modules.
const LOADED: &str = "/proc/modules";

/// The names that a kernel knows. What is not listed may exist all the same: a module can be
/// added at any time, and the kernel is asked, not this list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Schedulers; the name `none` (no scheduler) is not one of them.
    pub schedulers: BTreeSet<String>,
    /// Persistence engines.
    pub engines: BTreeSet<String>,
}

impl Names {
    /// What Debian's kernels have: all schedulers of the kernel's own tree but `twos`.
    pub fn of_debian() -> Names {
        let built = SCHEDULERS.into_iter().filter(|name| *name != "twos");
        Names {
            schedulers: built.map(str::to_owned).collect(),
            engines: BTreeSet::from(["sip".to_owned()]),
        }
    }

    /// What the running kernel has: its modules on disk, built in, and loaded. Where none of that
    /// can be read, what kernels usually have.
    pub fn of_this_host() -> Names {
        let names = Names::read();
        match names.schedulers.is_empty() {
            true => Names::of_debian(),
            false => names,
        }
    }

    /// The same, where it is certain that there are no others: the index of all modules of the
    /// running kernel can be read. In a container it usually cannot.
    pub fn all_of_this_host() -> Option<Names> {
        let names = Names::read();
        let index = modules().join("modules.dep");
        (index.exists() && !names.schedulers.is_empty()).then_some(names)
    }

    /// What the running kernel has at hand: loaded, or built in.
    pub fn loaded() -> Names {
        Names::listed(&[modules().join("modules.builtin"), LOADED.into()])
    }

    /// What the newest kernel has that is installed, with its release: the next boot starts that one.
    pub fn of_newest_kernel() -> Option<(String, Names)> {
        Names::of_newest_in(Path::new(ALL_MODULES))
    }

    fn of_newest_in(all: &Path) -> Option<(String, Names)> {
        let installed = std::fs::read_dir(all).ok()?.flatten();
        // A kernel that was removed may leave its directory behind, without the index.
        let installed = installed.filter(|entry| entry.path().join("modules.dep").exists());
        let releases = installed.filter_map(|entry| entry.file_name().into_string().ok());
        let release = releases.max_by(|one, other| by_version(one, other))?;
        let modules = all.join(&release);
        let lists = [modules.join("modules.dep"), modules.join("modules.builtin")];
        Some((release, Names::listed(&lists)))
    }

    fn read() -> Names {
        let modules = modules();
        Names::listed(&[
            modules.join("modules.dep"),
            modules.join("modules.builtin"),
            LOADED.into(),
        ])
    }

    fn listed(lists: &[PathBuf]) -> Names {
        let mut names = Names {
            schedulers: BTreeSet::new(),
            engines: BTreeSet::new(),
        };
        for list in lists {
            let text = std::fs::read_to_string(list).unwrap_or_default();
            text.lines().for_each(|line| names.note(line));
        }
        names
    }

    /// Notes the module that a line of one of the lists begins with: a path, or a bare name.
    fn note(&mut self, line: &str) {
        let first = line.split([':', ' ']).next().unwrap_or_default();
        let file = first.rsplit('/').next().unwrap_or_default();
        let Some(name) = file
            .split('.')
            .next()
            .and_then(|name| name.strip_prefix("ip_vs_"))
        else {
            return;
        };
        match name.strip_prefix("pe_") {
            Some(engine) => self.engines.insert(engine.to_owned()),
            // The FTP helper is named like a scheduler and is none.
            None if name == "ftp" => false,
            None => self.schedulers.insert(name.to_owned()),
        };
    }
}

/// Where the running kernel's modules are.
fn modules() -> PathBuf {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Path::new(ALL_MODULES).join(release.trim())
}

/// Compares two releases as sort(1) does with `-V`: their numbers as numbers.
fn by_version(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u64, String)> {
        let parts = text.split(['.', '-', '+', '_']);
        let part = |part: &str| (part.parse().unwrap_or(0), part.to_owned());
        parts.map(part).collect()
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_the_one_with_the_greatest_version() {
        let all = tempfile::tempdir().unwrap();
        assert_eq!(Names::of_newest_in(all.path()), None);
        for (release, module) in [
            ("6.1.0-9-amd64", "rr"),
            ("6.1.0-28-amd64", "mh"),
            ("5.10.0-99-amd64", "sh"),
        ] {
            let dir = all.path().join(release);
            std::fs::create_dir(&dir).unwrap();
            let line = format!("kernel/net/netfilter/ipvs/ip_vs_{module}.ko: x\n");
            std::fs::write(dir.join("modules.dep"), line).unwrap();
        }
        std::fs::create_dir(all.path().join("7.0.0-removed")).unwrap();
        let (release, names) = Names::of_newest_in(all.path()).unwrap();
        assert_eq!(release, "6.1.0-28-amd64");
        assert_eq!(Vec::from_iter(names.schedulers), ["mh"]);
    }

    #[test]
    fn modules_are_found_in_all_three_lists() {
        let mut names = Names {
            schedulers: BTreeSet::new(),
            engines: BTreeSet::new(),
        };
        for line in [
            "kernel/net/netfilter/ipvs/ip_vs.ko: kernel/net/netfilter/nf_conntrack.ko",
            "kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz",
            "kernel/net/netfilter/ipvs/ip_vs_ftp.ko: kernel/net/netfilter/ipvs/ip_vs.ko",
            "kernel/net/netfilter/ipvs/ip_vs_pe_sip.ko: kernel/net/netfilter/ipvs/ip_vs.ko",
            "ip_vs_wlc 16384 2 - Live 0x0000000000000000",
            "",
        ] {
            names.note(line);
        }
        assert_eq!(Vec::from_iter(names.schedulers), ["rr", "wlc"]);
        assert_eq!(Vec::from_iter(names.engines), ["sip"]);
    }
}
