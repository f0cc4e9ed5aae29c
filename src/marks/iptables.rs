//! Our chain through iptables and ip6tables.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::thread::CapabilitySet;

use super::command::{Answer, Running, Tool};
use super::table::Table;
use super::target::{Target, Words, is_plain};
use super::{Marks, TABLE};
use crate::error::{Error, Kind, Result};
use crate::model::{ChainState, Family, MarkSupport};

/// What lists the table.
const LIST: [&str; 1] = ["-S"];

/// How often a change is tried when a run was ended by a signal, or somebody else wrote meanwhile.
const ROUNDS: usize = 3;

/// The mangle table of this host, through the binaries iptables and ip6tables.
///
/// Works in the network namespace of the calling thread.
#[derive(Debug, Default)]
pub struct Iptables {
    pinned: BTreeMap<Family, &'static str>,
    tools: BTreeMap<Family, Tool>,
    taken: BTreeMap<Family, TakenJumps>,
    /// Listings that nobody has asked for yet.
    begun: BTreeMap<Family, Running>,
    writes: u64,
    runs: u64,
}

/// Jumps that were taken out: a step that is undone puts them back where they were.
#[derive(Debug, Clone)]
struct TakenJumps {
    places: Vec<usize>,
    others: usize,
}

impl Iptables {
    /// Uses the binaries that the distribution installed; runs nothing yet.
    pub fn new() -> Iptables {
        Iptables::default()
    }

    /// Uses these binaries.
    pub fn at(iptables: &'static str, ip6tables: &'static str) -> Iptables {
        Iptables {
            pinned: BTreeMap::from([(Family::Ipv4, iptables), (Family::Ipv6, ip6tables)]),
            ..Iptables::default()
        }
    }

    /// How many processes were run since the start.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// The tool of a family, if marks of that family can be managed here at all.
    pub(super) fn tool(&mut self, family: Family) -> Result<Tool> {
        check_rights()?;
        if family == Family::Ipv6 && !Path::new("/proc/sys/net/ipv6").exists() {
            return Err(Error::new(Kind::Unsupported, "this kernel has no IPv6"));
        }
        if let Some(tool) = self.tools.get(&family) {
            return Ok(*tool);
        }
        let tool = Tool::find(family, self.pinned.get(&family).copied())?;
        self.tools.insert(family, tool);
        Ok(tool)
    }

    fn read(&mut self, family: Family) -> Result<Table> {
        let listing = self.list(family);
        self.parse(family, listing)
    }

    /// Begins to list the table; none where there is nothing in it.
    fn list(&mut self, family: Family) -> Result<Option<Running>> {
        let tool = self.tool(family)?;
        if !tool.may_have_rules(TABLE) {
            return Ok(None);
        }
        self.runs += 1;
        tool.start(TABLE, &LIST).map(Some)
    }

    fn parse(&mut self, family: Family, listing: Result<Option<Running>>) -> Result<Table> {
        let Some(listing) = listing? else {
            return Ok(Table::default());
        };
        let tool = self.tool(family)?;
        let listing = listing
            .answer()
            .and_then(Answer::check)
            .map_err(|e| e.attempt(format!("cannot run {}", tool.command_line(&LIST))))?;
        Ok(Table::parse(family, &listing))
    }

    fn run(&mut self, tool: Tool, words: &Words) -> Result<()> {
        self.writes += 1;
        self.runs += 1;
        let answer = if is_plain(words) {
            tool.run(words)
        } else {
            tool.run_verbatim(words)
        };
        answer
            .and_then(Answer::check)
            .map(drop)
            .map_err(|e| e.attempt(format!("cannot run {}", tool.command_line(words))))
    }

    /// Runs the commands from `now` to the target, and again where something came in between.
    fn reach(&mut self, family: Family, mut now: Table, target: &Target) -> Result<()> {
        let tool = self.tool(family)?;
        for round in 1..=ROUNDS {
            let done = target
                .commands(&now)
                .iter()
                .try_for_each(|words| self.run(tool, words));
            match done {
                // A Ctrl-C at the terminal reaches the child too; a change is not ended half-way.
                Err(error) if error.kind() != Kind::Interrupted || round == ROUNDS => {
                    return Err(error);
                }
                _ => {}
            }
            now = self.read(family)?;
            if target.is(&now) {
                return Ok(());
            }
        }
        Err(Error::new(
            Kind::Conflict,
            "the rules read back are not those that were written",
        )
        .hint(format!(
            "somebody else may be writing too: {} -t {TABLE} -S",
            family.iptables()
        )))
    }

    fn go_back(&mut self, family: Family, before: &Table, error: Error) -> Error {
        let target = Target::back_to(before);
        let now = self.read(family);
        let undone = match &now {
            Ok(now) if target.is(now) => Ok(()),
            Ok(now) => self.reach(family, now.clone(), &target),
            Err(error) => Err(error.clone()),
        };
        let Err(why) = undone else { return error };
        let mut error = error
            .with_kind(Kind::UndoFailed)
            .hint(format!("going back failed too: {}", why.message()));
        let known = self.read(family).or(now).unwrap_or_else(|_| before.clone());
        if let Some(tool) = self.tools.get(&family) {
            for words in target.rebuild(&known) {
                error = error.leftover(tool.command_line(&words));
            }
        }
        error
    }

    fn try_set(&mut self, family: Family, to: &ChainState) -> Result<()> {
        let mut target = Target::new(to)?;
        let before = self.read(family)?;
        if let Some(taken) = self.taken.get(&family)
            && taken.others == before.others
        {
            target.places = taken.places.clone();
            // To the model no jump and two jumps are one thing; what was there comes back.
            if to.is_there && !to.is_passed && taken.places.len() > 1 {
                target.jumps = taken.places.len();
            }
        }
        if target.is(&before) {
            return Ok(());
        }
        if let (false, Some(user)) = (target.exists, before.users.first()) {
            return Err(
                Error::new(Kind::Refused, format!("somebody else uses it: {user}"))
                    .attempt("cannot remove our chain")
                    .hint("remove that rule, or keep a mark"),
            );
        }
        match self.reach(family, before.clone(), &target) {
            Ok(()) => {
                if target.jumps < before.jumps.len() {
                    let taken = TakenJumps {
                        places: before.jumps,
                        others: before.others,
                    };
                    self.taken.insert(family, taken);
                } else if target.jumps > before.jumps.len() {
                    self.taken.remove(&family);
                }
                Ok(())
            }
            Err(error) => Err(self.go_back(family, &before, error)),
        }
    }
}

impl Marks for Iptables {
    fn begin(&mut self) {
        for family in Family::ALL {
            self.begun.remove(&family);
            // What cannot be begun says why when it is asked for.
            if let Ok(Some(listing)) = self.list(family) {
                self.begun.insert(family, listing);
            }
        }
    }

    fn observe(&mut self, family: Family) -> Result<MarkSupport> {
        let table = match self.begun.remove(&family) {
            Some(listing) => self.parse(family, Ok(Some(listing))),
            None => self.read(family),
        };
        match table {
            Ok(table) => Ok(MarkSupport::Available(table.state())),
            Err(error) if is_lack(&error) => Ok(MarkSupport::Unavailable(error.to_string())),
            Err(error) => Err(error.object(rules_of(family))),
        }
    }

    fn set(&mut self, family: Family, to: &ChainState) -> Result<()> {
        self.try_set(family, to)
            .map_err(|error| error.object(rules_of(family)))
    }

    fn writes(&self) -> u64 {
        self.writes
    }
}

/// The object's name, the same as that of the step that sets a chain.
fn rules_of(family: Family) -> String {
    format!("{family} mark rules")
}

/// Whether it will still be so at the next try.
fn is_lack(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unsupported | Kind::NotPermitted)
}

/// Looks at the rights before iptables does: some of its ways of being refused look like an empty
/// table.
fn check_rights() -> Result<()> {
    let held = rustix::thread::capabilities(None)
        .map_err(|e| Error::system("cannot read the capabilities", &e.into()))?;
    if held.effective.contains(CapabilitySet::NET_ADMIN) {
        return Ok(());
    }
    Err(
        Error::new(Kind::NotPermitted, "not permitted: it needs CAP_NET_ADMIN")
            .hint("run it as root"),
    )
}
