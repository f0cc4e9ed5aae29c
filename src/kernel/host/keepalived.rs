//! The addresses that a running keepalived adds and removes by VRRP, as its file names them.
//!
//! Source of truth: keepalived(8), keepalived.conf(5): `virtual_ipaddress`,
//! `virtual_ipaddress_excluded`.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::notes::{ManagedAddress, Manager};

/// The file of a keepalived that names none.
const DEFAULT: &str = "/etc/keepalived/keepalived.conf";

/// The most that is read of a file.
const MOST: u64 = 16 << 20;

/// The addresses of those managers that are keepalived.
pub(super) fn addresses(managers: &[Manager]) -> Vec<ManagedAddress> {
    let keepalived = managers.iter().filter(|one| one.name == "keepalived");
    let mut all = Vec::new();
    for manager in keepalived {
        let process = PathBuf::from(format!("/proc/{}", manager.pid));
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        let file = file_of(&command);
        // A process may have another root, and a relative file is named from where it was started.
        let base = match file.is_absolute() {
            true => process.join("root"),
            false => process.join("cwd"),
        };
        let path = base.join(file.strip_prefix("/").unwrap_or(&file));
        let named = addresses_in(&read(&path)).into_iter();
        all.extend(named.map(|addr| ManagedAddress {
            addr,
            manager: manager.clone(),
            file: file.display().to_string(),
        }));
    }
    all
}

fn read(path: &Path) -> String {
    let is_small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MOST);
    let bytes = is_small.then(|| fs::read(path).ok()).flatten();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// The file of a command line: `-f FILE`, `-fFILE`, `--use-file=FILE`, `--use-file FILE`.
fn file_of(command: &[u8]) -> PathBuf {
    let words: Vec<String> = command
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    for (at, word) in words.iter().enumerate() {
        let next = || words.get(at.saturating_add(1)).cloned();
        let file = match word.as_str() {
            "-f" | "--use-file" => next(),
            other => other
                .strip_prefix("--use-file=")
                .or_else(|| other.strip_prefix("-f"))
                .map(str::to_owned),
        };
        if let Some(file) = file.filter(|file| !file.is_empty()) {
            return PathBuf::from(file);
        }
    }
    PathBuf::from(DEFAULT)
}

/// The first words of the lines in blocks of virtual addresses.
fn addresses_in(text: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut is_inside = false;
    let mut is_pending = false;
    for line in text.lines() {
        let line = line.split(['#', '!']).next().unwrap_or_default();
        let mut is_first = true;
        for word in line
            .replace('{', " { ")
            .replace('}', " } ")
            .split_whitespace()
        {
            match word {
                "virtual_ipaddress" | "virtual_ipaddress_excluded" => is_pending = true,
                "{" => {
                    is_inside = is_pending;
                    is_pending = false;
                    is_first = true;
                    continue;
                }
                "}" => is_inside = false,
                address if is_inside && is_first => {
                    let address = address.split('/').next().unwrap_or_default();
                    found.extend(address.parse::<IpAddr>());
                }
                _ => {}
            }
            is_first = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_the_command_line() {
        for (command, file) in [
            ("keepalived -n -l", DEFAULT),
            ("keepalived -f /tmp/a.conf -n", "/tmp/a.conf"),
            ("keepalived -f/tmp/a.conf", "/tmp/a.conf"),
            ("keepalived --use-file /tmp/a.conf", "/tmp/a.conf"),
            ("keepalived --use-file=a.conf", "a.conf"),
        ] {
            let command = command.replace(' ', "\0");
            assert_eq!(
                file_of(command.as_bytes()),
                PathBuf::from(file),
                "{command}"
            );
        }
    }

    #[test]
    fn addresses_are_read_in_their_blocks_only() {
        let text = "\
vrrp_instance A {
    unicast_src_ip 10.0.0.1
    virtual_ipaddress {
        192.0.2.10/32 dev eth0 label eth0:1
        ! 192.0.2.11
        192.0.2.12 # and so on
    }
    virtual_ipaddress_excluded { 2001:db8::10/64
      2001:db8::11 }
    virtual_routes { 192.0.2.99 via 10.0.0.1 }
}
virtual_server 192.0.2.50 80 { real_server 10.0.0.11 80 { } }
";
        let found: Vec<String> = addresses_in(text).iter().map(IpAddr::to_string).collect();
        assert_eq!(
            found,
            ["192.0.2.10", "192.0.2.12", "2001:db8::10", "2001:db8::11"]
        );
    }
}
