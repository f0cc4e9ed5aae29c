//! The helpers of IPVS that rewrite what a protocol says of addresses.
//!
//! Source of truth: ip_vs_app_seq_show in net/netfilter/ipvs/ip_vs_app.c.

use std::fs;

const FILE: &str = "/proc/thread-self/net/ip_vs_app";

/// The ports that the helper of FTP serves; `None` where the kernel does not say.
pub(super) fn ftp_ports() -> Option<Vec<u16>> {
    Some(ports(&fs::read_to_string(FILE).ok()?, "ftp"))
}

fn ports(text: &str, helper: &str) -> Vec<u16> {
    let lines = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, port, _, name] if *name == helper => port.parse().ok(),
            _ => None,
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.1 prints it.
    #[test]
    fn helpers_have_ports() {
        let text = "prot port    usecnt name\nTCP  21      7      ftp\nTCP  2121    7      ftp\n";
        assert_eq!(ports(text, "ftp"), [21, 2121]);
        assert_eq!(ports("prot port    usecnt name\n", "ftp"), [0; 0]);
    }
}
