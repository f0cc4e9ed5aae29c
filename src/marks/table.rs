//! A table as `iptables -t TABLE -S` prints it, reduced to what concerns us.
//!
//! Source of truth: xtables_save_string() in libxtables (how words are quoted). One listing of the
//! whole table is asked for and not one of our chain: to nft's `iptables -S IPVSH` a missing
//! chain is "incompatible, use 'nft' tool" (1.8.9), and one listing has the jumps too.

use super::hook::Hook;
use super::{CHAIN, rule};
use crate::format::source_nat as nat;
use crate::model::{ChainRule, ChainState, Family, MarkRule, ServiceKey, SourceNat, Stray};

/// Our chain, the jumps to it, and what others have that concerns it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Our chain is there.
    pub exists: bool,
    /// Its rules, one for each line; mark rules are not joined.
    pub rules: Vec<ChainRule>,
    /// Positions in the kernel's chain, from 1, of the unconditional jumps to our chain.
    pub jumps: Vec<usize>,
    /// How many rules of others the kernel's chain has.
    pub others: usize,
    /// Rules of others that lead to our chain, as printed.
    pub users: Vec<String>,
}

impl Table {
    /// Reads a listing. Lines that are no rule are skipped: policies, and warnings after `#`.
    pub fn parse(hook: Hook, family: Family, listing: &str) -> Table {
        let mut table = Table::default();
        let mut before = 0;
        for line in listing.lines() {
            let words = split(line);
            let Some((command, [chain, rest @ ..])) = words.split_first() else {
                continue;
            };
            match command.as_str() {
                "-N" => table.exists |= chain == CHAIN,
                "-A" if chain == CHAIN => table.rules.push(rule_of(hook, family, rest)),
                "-A" => {
                    let first = chain == hook.from();
                    before += usize::from(first);
                    if first && rest == Hook::jump() {
                        table.jumps.push(before);
                    } else {
                        table.others += usize::from(first);
                        table.note(line, rest);
                    }
                }
                _ => {}
            }
        }
        table
    }

    fn note(&mut self, line: &str, words: &[String]) {
        let leads_here = words
            .windows(2)
            .any(|pair| pair == ["-j", CHAIN] || pair == ["-g", CHAIN]);
        if leads_here {
            self.users.push(line.to_owned());
        }
    }

    /// The rules of source NAT that packets pass, in order.
    pub fn source_nat(&self, family: Family) -> Vec<(ServiceKey, SourceNat)> {
        let rules = match self.jumps.len() {
            1 => self.rules.as_slice(),
            _ => &[],
        };
        let read = |rule: &ChainRule| match rule {
            ChainRule::Stray(stray) => nat::read(family, &stray.words),
            ChainRule::Mark(_) => None,
        };
        rules.iter().filter_map(read).collect()
    }

    /// The chain as the model has it.
    pub fn state(&self) -> ChainState {
        ChainState {
            is_there: self.exists,
            is_passed: self.jumps.len() == 1,
            rules: normal(&self.rules),
        }
    }
}

/// A rule of our chain; one of source NAT is words, which [`crate::format::source_nat`] reads.
fn rule_of(hook: Hook, family: Family, words: &[String]) -> ChainRule {
    let mark = match hook {
        Hook::Marks => rule::read(family, words),
        Hook::SourceNat => None,
    };
    match mark {
        Some(rule) => ChainRule::Mark(rule),
        None => ChainRule::Stray(Stray {
            words: words.to_vec(),
        }),
    }
}

/// Joins mark rules that stand together; strays stay where they are.
pub fn normal(rules: &[ChainRule]) -> Vec<ChainRule> {
    let mut joined = Vec::with_capacity(rules.len());
    let mut marks: Vec<MarkRule> = Vec::new();
    for rule in rules {
        match rule {
            ChainRule::Mark(rule) => marks.push(rule.clone()),
            ChainRule::Stray(_) => {
                let before = MarkRule::normalise(marks.drain(..));
                joined.extend(before.into_iter().map(ChainRule::Mark));
                joined.push(rule.clone());
            }
        }
    }
    joined.extend(MarkRule::normalise(marks).into_iter().map(ChainRule::Mark));
    joined
}

/// Splits a line into words. A quote opens only at the start of a word: names of interfaces are
/// printed as they are, and may have quotes inside.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"').and_then(quoted) {
            Some(found) => found,
            None => {
                let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                (word.to_owned(), after)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Reads up to the closing quote; `None` without one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some((word, chars.as_str())),
            '\\' => word.push(chars.next()?),
            c => word.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::foreign::in_listing;
    use super::*;

    /// `iptables-legacy -t mangle -S` and `iptables-nft -t mangle -S` of 1.8.9, which print the
    /// same, after: -N IPVSH; -A PREROUTING -i lo -j MARK --set-mark 5; -A PREROUTING -j IPVSH;
    /// -A PREROUTING -i eth9 -j IPVSH; -A IPVSH -p tcp -d 192.0.2.20 -s 198.51.100.0/24 --dport 80
    /// -j MARK --set-mark 666; the same with -m multiport --dports 80,443,8000:8100;
    /// -p udp -m multiport --dports 53 -j MARK --set-xmark 7/0xff; -p 47; -i eth+; -p 132 -m
    /// multiport --dports 80,81; ! -i lo -m comment --comment "it's a \"q\" \\ x"; -p tcp --syn
    /// -j RETURN. The first line is what nft prints while legacy's tables are loaded.
    const LISTING: &str = r#"# Warning: iptables-legacy tables present, use iptables-legacy to see them
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-N IPVSH
-A PREROUTING -i lo -j MARK --set-xmark 0x5/0xffffffff
-A PREROUTING -j IPVSH
-A PREROUTING -i eth9 -j IPVSH
-A IPVSH -s 198.51.100.0/24 -d 192.0.2.20/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x29a/0xffffffff
-A IPVSH -s 198.51.100.0/24 -d 192.0.2.20/32 -p tcp -m multiport --dports 80,443,8000:8100 -j MARK --set-xmark 0x29a/0xffffffff
-A IPVSH -p udp -m multiport --dports 53 -j MARK --set-xmark 0x7/0xff
-A IPVSH -p gre -j MARK --set-xmark 0x7/0xff
-A IPVSH -i eth+ -j MARK --set-xmark 0x7/0xff
-A IPVSH -p sctp -m multiport --dports 80,81 -j MARK --set-xmark 0x7/0xff
-A IPVSH ! -i lo -m comment --comment "it\'s a \"q\" \\ x" -j MARK --set-xmark 0x1/0xffffffff
-A IPVSH -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j RETURN
"#;

    #[test]
    fn a_listing_is_read() {
        let table = Table::parse(Hook::Marks, Family::Ipv4, LISTING);
        assert!(table.exists);
        assert_eq!((table.jumps.as_slice(), table.others), ([2].as_slice(), 2));
        assert_eq!(table.users, ["-A PREROUTING -i eth9 -j IPVSH"]);
        let foreign = in_listing("mangle", Family::Ipv4, LISTING);
        assert_eq!(foreign.len(), 1);
        assert_eq!(
            foreign[0].rule.as_ref().unwrap().summary(),
            "all interface lo"
        );
        // Our chain is ours in our table only.
        assert_eq!(in_listing("nat", Family::Ipv4, LISTING).len(), 8);
        let state = table.state();
        assert!(state.is_passed);
        let marks: Vec<String> = state.marks().iter().map(MarkRule::summary).collect();
        assert_eq!(
            marks,
            [
                "tcp to 192.0.2.20 ports 80,443,8000-8100 from 198.51.100.0/24",
                "udp ports 53 mask 0xff",
                "protocol-47 mask 0xff",
                "all interface eth+ mask 0xff",
                "sctp ports 80-81 mask 0xff",
            ]
        );
        let ChainRule::Stray(stray) = &state.rules[5] else {
            panic!("{:?}", state.rules)
        };
        assert_eq!(stray.words[6], "it's a \"q\" \\ x");
        assert_eq!(state.rules.len(), 7);
    }

    #[test]
    fn rules_that_limit_a_mark_are_named() {
        let limit = |lines: &str| {
            let listing = format!(
                "-N there\n-N IPVSH\n{}\n-A there -p tcp -j ACCEPT\n-A IPVSH -j DROP\n",
                lines.replace(
                    "MARKS",
                    "-A PREROUTING -d 192.0.2.20/32 -j MARK --set-xmark 0x6/0xff"
                )
            );
            let foreign = in_listing("mangle", Family::Ipv4, &listing);
            let six = foreign.iter().find(|rule| rule.mask == 0xff).unwrap();
            six.limit.clone()
        };
        for other in [
            "-A PREROUTING -s 192.168.60.100/32 -j RETURN\nMARKS",
            "-A PREROUTING -i eth1 -j ACCEPT\nMARKS",
            "-A PREROUTING -j there\nMARKS",
            "-A PREROUTING -g there\nMARKS",
            "MARKS\n-A PREROUTING -i eth1 -j MARK --set-xmark 0x7/0xff00",
            "MARKS\n-A PREROUTING -j CONNMARK --restore-mark",
        ] {
            let named = other.replace("MARKS", "");
            assert_eq!(limit(other).as_deref(), Some(named.trim()));
        }
        for other in [
            "MARKS",
            "MARKS\n-A PREROUTING -s 192.168.60.100/32 -j RETURN",
            "-A PREROUTING -d 192.0.2.21/32 -j RETURN\nMARKS",
            "-A INPUT -j RETURN\nMARKS",
            "-A PREROUTING -j IPVSH\nMARKS",
            "-A PREROUTING -j empty\nMARKS",
            "-A PREROUTING -j MARK --set-xmark 0x7/0xff00\nMARKS",
        ] {
            assert_eq!(limit(other), None, "{other}");
        }
    }

    #[test]
    fn an_empty_table_has_no_chain() {
        let table = Table::parse(
            Hook::Marks,
            Family::Ipv4,
            "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n",
        );
        assert_eq!(table.state(), ChainState::default());
    }

    #[test]
    fn two_jumps_are_drift() {
        let listing = "-N IPVSH\n-A PREROUTING -j IPVSH\n-A PREROUTING -i lo -j ACCEPT\n-A PREROUTING -j IPVSH\n";
        let table = Table::parse(Hook::Marks, Family::Ipv4, listing);
        assert_eq!(table.jumps, [1, 3]);
        assert!(!table.state().is_passed);
    }

    #[test]
    fn quotes_inside_a_name_are_part_of_it() {
        assert_eq!(split("-i a\"b -j X"), ["-i", "a\"b", "-j", "X"]);
        assert_eq!(split("--comment \"open"), ["--comment", "\"open"]);
        assert_eq!(split("--comment \"\" -j X"), ["--comment", "", "-j", "X"]);
    }

    #[test]
    fn rules_do_not_join_across_a_stray() {
        let mark = |port: &str| {
            let text = format!("-p tcp -m tcp --dport {port} -j MARK --set-xmark 0x1/0xffffffff");
            ChainRule::Mark(rule::read(Family::Ipv4, &split(&text)).unwrap())
        };
        let stray = ChainRule::Stray(Stray {
            words: split("-j RETURN"),
        });
        let rules = [mark("80"), mark("90"), stray, mark("100")];
        assert_eq!(normal(&rules).len(), 3);
    }
}
