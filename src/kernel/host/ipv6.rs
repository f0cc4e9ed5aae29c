//! IPv6 addresses of the calling thread's namespace that are deprecated, and those that are not.
//!
//! Source of truth: if6_seq_show in net/ipv6/addrconf.c, IFA_F_DEPRECATED in linux/if_addr.h.

use std::fs;
use std::net::Ipv6Addr;

const FILE: &str = "/proc/thread-self/net/if_inet6";
const IFA_F_DEPRECATED: u8 = 0x20;

/// Says whether an address of this host is preferred as a source; false where this host does not have
/// it, `None` where the kernel does not say.
pub(super) fn is_preferred(addr: Ipv6Addr) -> Option<bool> {
    let text = match fs::read_to_string(FILE) {
        Ok(text) => text,
        // A kernel without IPv6 has no such address.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(false),
        Err(_) => return None,
    };
    Some(preferred(&text, addr))
}

fn preferred(text: &str, addr: Ipv6Addr) -> bool {
    let digits: String = addr
        .octets()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let is_addr = words.next() == Some(digits.as_str());
        let flags = words
            .nth(3)
            .and_then(|flags| u8::from_str_radix(flags, 16).ok());
        is_addr && flags.is_some_and(|flags| flags & IFA_F_DEPRECATED == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.1 prints it.
    #[test]
    fn deprecated_addresses_are_not_preferred() {
        let text = "20010db8000000000000000000000001 02 40 00 80     eth0\n\
                    20010db8000000000000000000000010 02 80 00 a0     eth0\n\
                    00000000000000000000000000000001 01 80 10 80       lo\n";
        let is = |addr: &str| preferred(text, addr.parse().unwrap());
        assert!(is("2001:db8::1") && is("::1"));
        assert!(!is("2001:db8::10") && !is("2001:db8::2"));
    }
}
