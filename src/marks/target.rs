//! What our chain must become, and the commands that lead there from what it is.
//!
//! Pure: a listing and a wish in, words for iptables out.

use super::command;
use super::edit::{Edit, edits};
use super::hook::Hook;
use super::table::{Table, normal};
use super::{CHAIN, rule};
use crate::error::{Error, Result};
use crate::format::source_nat as nat;
use crate::model::{ChainRule, ChainState, ServiceKey, SourceNat, Stray};

/// Options of iptables that no rule has: `-M` even names a program that is run.
const NOT_IN_A_RULE: [&str; 7] = ["-t", "--table", "-M", "--modprobe", "-w", "--wait", "-W"];

/// What our chain must become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    hook: Hook,
    /// The chain is to be there.
    pub exists: bool,
    /// How many jumps the kernel's chain is to have.
    pub jumps: usize,
    /// Where in the kernel's chain jumps that are missing go, where that is known; else to its end.
    pub places: Vec<usize>,
    rules: Vec<ChainRule>,
}

impl Target {
    /// Makes the target of a state of our chain of marks.
    ///
    /// # Errors
    /// `invalid` for rules that iptables cannot hold, and for rules or a jump without a chain.
    pub fn new(to: &ChainState) -> Result<Target> {
        if !to.is_there && (to.is_passed || !to.rules.is_empty()) {
            return Err(Error::invalid("it has rules or a jump, but no chain"));
        }
        let mut rules = Vec::with_capacity(to.rules.len());
        for wanted in &normal(&to.rules) {
            match wanted {
                ChainRule::Mark(rule) => {
                    rules.extend(rule::split(rule)?.into_iter().map(ChainRule::Mark));
                }
                ChainRule::Stray(stray) => {
                    check_stray(stray)?;
                    rules.push(wanted.clone());
                }
            }
        }
        Ok(Target {
            hook: Hook::Marks,
            exists: to.is_there,
            jumps: usize::from(to.is_passed),
            places: Vec::new(),
            rules,
        })
    }

    /// Makes the target of a table in which the rule of one service changes, or goes: the others, and
    /// the rules of other people, stay where they are. The chain and the jump go with the last rule.
    pub fn with_source_nat(table: &Table, service: &ServiceKey, to: Option<&SourceNat>) -> Target {
        let family = service.family();
        let is_its = |rule: &ChainRule| match rule {
            ChainRule::Stray(stray) => {
                nat::read(family, &stray.words).is_some_and(|(key, _)| key == *service)
            }
            ChainRule::Mark(_) => false,
        };
        let place = table.rules.iter().position(is_its);
        let mut rules = table.rules.clone();
        rules.retain(|rule| !is_its(rule));
        if let Some(to) = to {
            let words = nat::words(service, to);
            let place = place.unwrap_or(rules.len()).min(rules.len());
            rules.insert(place, ChainRule::Stray(Stray { words }));
        }
        Target {
            hook: Hook::SourceNat,
            // A chain that other people's rules lead to stays, and is empty.
            exists: !rules.is_empty() || !table.users.is_empty(),
            jumps: usize::from(!rules.is_empty()),
            places: Vec::new(),
            rules,
        }
    }

    /// Makes the target of going back to a table as it was, line by line.
    pub fn back_to(hook: Hook, table: &Table) -> Target {
        Target {
            hook,
            exists: table.exists,
            jumps: table.jumps.len(),
            places: table.jumps.clone(),
            rules: table.rules.clone(),
        }
    }

    /// Whether a table is what it must be; how a long list of ports is split does not matter.
    pub fn is(&self, table: &Table) -> bool {
        self.exists == table.exists
            && self.jumps == table.jumps.len()
            && (self.rules == table.rules || normal(&self.rules) == normal(&table.rules))
    }

    /// The commands from a table to here, in order: a new chain is filled before packets come to
    /// it, and packets leave an old one before it goes.
    pub fn commands(&self, now: &Table) -> Vec<Words> {
        let mut commands = Vec::new();
        if !self.exists {
            self.jump_commands(now, &mut commands);
        } else if !now.exists {
            commands.push(words(&["-N", CHAIN]));
        }
        if self.rules.is_empty() && !now.rules.is_empty() {
            commands.push(words(&["-F", CHAIN]));
        } else {
            commands.extend(
                edits(&now.rules, &self.rules)
                    .iter()
                    .map(|edit| match edit {
                        Edit::Insert(at, rule) => with_rule("-I", Some(*at), rule),
                        Edit::Replace(at, rule) => with_rule("-R", Some(*at), rule),
                        Edit::Delete(at) => words(&["-D", CHAIN, &at.to_string()]),
                    }),
            );
        }
        if self.exists {
            self.jump_commands(now, &mut commands);
        } else if now.exists {
            commands.push(words(&["-X", CHAIN]));
        }
        commands
    }

    fn jump_commands(&self, now: &Table, commands: &mut Vec<Words>) {
        let jump = |command: &str, at: Option<usize>| {
            let mut all = words(&[command, self.hook.from()]);
            all.extend(at.map(|at| at.to_string()));
            all.extend(words(&Hook::jump()));
            all
        };
        // By content and not by position: a position may be somebody else's by now.
        for _ in self.jumps..now.jumps.len() {
            commands.push(jump("-D", None));
        }
        for n in 0..self.jumps.saturating_sub(now.jumps.len()) {
            commands.push(match self.places.get(n) {
                Some(at) => jump("-I", Some(*at)),
                None => jump("-A", None),
            });
        }
    }

    /// The commands that lead here from a chain of which only is known whether it is there and
    /// how often it is jumped to: everything is written anew.
    pub fn rebuild(&self, now: &Table) -> Vec<Words> {
        let mut commands = Vec::new();
        if !self.exists {
            self.jump_commands(now, &mut commands);
        } else if !now.exists {
            commands.push(words(&["-N", CHAIN]));
        }
        if now.exists {
            commands.push(words(&["-F", CHAIN]));
        }
        commands.extend(self.rules.iter().map(|rule| with_rule("-A", None, rule)));
        if self.exists {
            self.jump_commands(now, &mut commands);
        } else if now.exists {
            commands.push(words(&["-X", CHAIN]));
        }
        commands
    }
}

/// The words of one command.
pub type Words = Vec<String>;

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn with_rule(command: &str, at: Option<usize>, rule: &ChainRule) -> Words {
    let mut words = words(&[command, CHAIN]);
    words.extend(at.map(|at| at.to_string()));
    match rule {
        ChainRule::Mark(rule) => words.extend(rule::words(rule)),
        ChainRule::Stray(stray) => words.extend(stray.words.iter().cloned()),
    }
    words
}

/// Checks that somebody else's rule can be written back as words after `-I IPVSH N`.
fn check_stray(stray: &Stray) -> Result<()> {
    match stray.words.iter().find(|word| {
        word.contains('\0') || NOT_IN_A_RULE.contains(&word.as_str()) || word.starts_with("--modp")
    }) {
        Some(word) => Err(Error::invalid(format!(
            "\"{}\" cannot be part of a rule",
            word.escape_default()
        ))
        .about(word)),
        None => Ok(()),
    }
}

/// Whether all words may go through the crate (see [`command::word`]).
pub fn is_plain(words: &[String]) -> bool {
    words.iter().all(|word| command::word(word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Fwmark, MarkRule, PortRange, Protocol};

    fn mark(port: u16) -> ChainRule {
        let mut rule = MarkRule::new(Fwmark::new(port.into()).unwrap(), Family::Ipv4);
        rule.protocol = Some(Protocol::TCP);
        rule.ports = vec![PortRange::new(port, port).unwrap()];
        ChainRule::Mark(rule)
    }

    fn table(listing: &str) -> Table {
        Table::parse(Hook::Marks, Family::Ipv4, listing)
    }

    fn lines(commands: &[Words]) -> Vec<String> {
        commands.iter().map(|words| words.join(" ")).collect()
    }

    const TWO: &str = "-N IPVSH\n-A PREROUTING -i lo -j ACCEPT\n-A PREROUTING -j IPVSH\n\
        -A IPVSH -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff\n\
        -A IPVSH -p tcp -m tcp --dport 90 -j MARK --set-xmark 0x5a/0xffffffff\n";

    #[test]
    fn a_chain_is_filled_before_the_jump() {
        let target = Target::new(&ChainState::holding(vec![mark(80), mark(90)])).unwrap();
        assert_eq!(
            lines(&target.commands(&table(""))),
            [
                "-N IPVSH",
                "-I IPVSH 1 -p tcp -m tcp --dport 90 -j MARK --set-xmark 0x5a/0xffffffff",
                "-I IPVSH 1 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff",
                "-A PREROUTING -j IPVSH",
            ]
        );
        assert!(target.is(&table(TWO)));
        assert_eq!(lines(&target.commands(&table(TWO))), Vec::<String>::new());
    }

    #[test]
    fn a_chain_goes_after_its_jump() {
        let target = Target::new(&ChainState::default()).unwrap();
        assert_eq!(
            lines(&target.commands(&table(TWO))),
            ["-D PREROUTING -j IPVSH", "-F IPVSH", "-X IPVSH"]
        );
    }

    #[test]
    fn one_rule_changes_alone() {
        let target = Target::new(&ChainState::holding(vec![mark(80), mark(91)])).unwrap();
        assert_eq!(
            lines(&target.commands(&table(TWO))),
            ["-R IPVSH 2 -p tcp -m tcp --dport 91 -j MARK --set-xmark 0x5b/0xffffffff"]
        );
    }

    #[test]
    fn a_flushed_chain_is_filled_and_jumped_to_again() {
        let target = Target::new(&ChainState::holding(vec![mark(80)])).unwrap();
        assert_eq!(
            lines(&target.commands(&table("-N IPVSH\n"))),
            [
                "-I IPVSH 1 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff",
                "-A PREROUTING -j IPVSH",
            ]
        );
    }

    #[test]
    fn jumps_come_back_to_their_places() {
        let before = table(
            "-N IPVSH\n-A PREROUTING -j IPVSH\n-A PREROUTING -i lo -j ACCEPT\n-A PREROUTING -j IPVSH\n",
        );
        let back = Target::back_to(Hook::Marks, &before);
        let now = table("-N IPVSH\n-A PREROUTING -i lo -j ACCEPT\n-A PREROUTING -j IPVSH\n");
        assert_eq!(lines(&back.commands(&now)), ["-I PREROUTING 1 -j IPVSH"]);
        let now = table("-A PREROUTING -i lo -j ACCEPT\n");
        assert_eq!(
            lines(&back.commands(&now)),
            [
                "-N IPVSH",
                "-I PREROUTING 1 -j IPVSH",
                "-I PREROUTING 3 -j IPVSH"
            ]
        );
    }

    #[test]
    fn strays_cannot_run_programs() {
        for word in ["-M", "--modprobe", "--modprobe=/tmp/x", "-t"] {
            let stray = Stray {
                words: vec![word.to_owned(), "x".to_owned()],
            };
            let state = ChainState::holding(vec![ChainRule::Stray(stray)]);
            assert!(Target::new(&state).is_err(), "{word}");
        }
    }

    #[test]
    fn rules_without_a_chain_make_no_sense() {
        let state = ChainState {
            is_there: false,
            ..ChainState::holding(vec![mark(80)])
        };
        assert!(Target::new(&state).is_err());
    }
}
