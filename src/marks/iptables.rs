//! Our chains through iptables and ip6tables.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::thread::CapabilitySet;

use super::Chains;
use super::command::{Answer, Running, Tool};
use super::hook::Hook;
use super::table::Table;
use super::target::{Target, Words, is_plain};
use crate::error::{Error, Kind, Result};
use crate::model::{ChainState, Family, MarkSupport, ServiceKey, SourceNat};

/// What lists the table.
const LIST: [&str; 1] = ["-S"];

/// How often a change is tried when a run was ended by a signal, or somebody else wrote meanwhile.
const ROUNDS: usize = 3;

/// Our chains of this host, through the binaries iptables and ip6tables.
///
/// Works in the network namespace of the calling thread.
#[derive(Debug, Default)]
pub struct Iptables {
    pinned: BTreeMap<Family, &'static str>,
    tools: BTreeMap<Family, Tool>,
    taken: BTreeMap<(Hook, Family), TakenJumps>,
    /// Listings of marks that nobody has asked for yet.
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

    fn read(&mut self, hook: Hook, family: Family) -> Result<Table> {
        let listing = self.list(hook, family);
        self.parse(hook, family, listing)
    }

    /// Begins to list the table; none where there is nothing in it.
    fn list(&mut self, hook: Hook, family: Family) -> Result<Option<Running>> {
        let tool = self.tool(family)?;
        if !tool.may_have_rules(hook.table()) {
            return Ok(None);
        }
        self.runs += 1;
        tool.start(hook.table(), &LIST).map(Some)
    }

    fn parse(
        &mut self,
        hook: Hook,
        family: Family,
        listing: Result<Option<Running>>,
    ) -> Result<Table> {
        let Some(listing) = listing? else {
            return Ok(Table::default());
        };
        let tool = self.tool(family)?;
        let listing = listing.answer().and_then(Answer::check).map_err(|e| {
            let line = tool.command_line(hook.table(), &LIST);
            e.attempt(format!("cannot run {line}"))
        })?;
        Ok(Table::parse(hook, family, &listing))
    }

    fn run(&mut self, tool: Tool, hook: Hook, words: &Words) -> Result<()> {
        let table = hook.table();
        self.writes += 1;
        self.runs += 1;
        let answer = if is_plain(words) {
            tool.run(table, words)
        } else {
            tool.run_verbatim(table, words)
        };
        answer
            .and_then(Answer::check)
            .map(drop)
            .map_err(|e| e.attempt(format!("cannot run {}", tool.command_line(table, words))))
    }

    /// Runs the commands from `now` to the target, and again where something came in between.
    fn reach(
        &mut self,
        (hook, family): (Hook, Family),
        mut now: Table,
        target: &Target,
    ) -> Result<()> {
        let tool = self.tool(family)?;
        for round in 1..=ROUNDS {
            let done = target
                .commands(&now)
                .iter()
                .try_for_each(|words| self.run(tool, hook, words));
            match done {
                // A Ctrl-C at the terminal reaches the child too; a change is not ended half-way.
                Err(error) if error.kind() != Kind::Interrupted || round == ROUNDS => {
                    return Err(error);
                }
                _ => {}
            }
            now = self.read(hook, family)?;
            if target.is(&now) {
                return Ok(());
            }
        }
        Err(Error::new(
            Kind::Conflict,
            "the rules read back are not those that were written",
        )
        .hint(format!(
            "somebody else may be writing too: {} -t {} -S",
            family.iptables(),
            hook.table()
        )))
    }

    fn go_back(&mut self, (hook, family): (Hook, Family), before: &Table, error: Error) -> Error {
        let target = Target::back_to(hook, before);
        let now = self.read(hook, family);
        let undone = match &now {
            Ok(now) if target.is(now) => Ok(()),
            Ok(now) => self.reach((hook, family), now.clone(), &target),
            Err(error) => Err(error.clone()),
        };
        let Err(why) = undone else { return error };
        let mut error = error
            .with_kind(Kind::UndoFailed)
            .hint(format!("going back failed too: {}", why.message()));
        let known = self
            .read(hook, family)
            .or(now)
            .unwrap_or_else(|_| before.clone());
        if let Some(tool) = self.tools.get(&family) {
            for words in target.rebuild(&known) {
                error = error.leftover(tool.command_line(hook.table(), &words));
            }
        }
        error
    }

    fn try_set(&mut self, family: Family, to: &ChainState) -> Result<()> {
        let place = (Hook::Marks, family);
        let mut target = Target::new(to)?;
        let before = self.read(Hook::Marks, family)?;
        if let Some(taken) = self.taken.get(&place)
            && taken.others == before.others
        {
            target.places = taken.places.clone();
            // To the model no jump and two jumps are one thing; what was there comes back.
            if to.is_there && !to.is_passed && taken.places.len() > 1 {
                target.jumps = taken.places.len();
            }
        }
        self.bring(place, before, &target)
    }

    fn try_set_source_nat(&mut self, service: &ServiceKey, to: Option<&SourceNat>) -> Result<()> {
        let place = (Hook::SourceNat, service.family());
        let before = self.read(place.0, place.1)?;
        let mut target = Target::with_source_nat(&before, service, to);
        if let Some(taken) = self.taken.get(&place)
            && taken.others == before.others
        {
            target.places = taken.places.clone();
        }
        self.bring(place, before, &target)
    }

    /// Brings a table to its target; where that fails, back to what it was.
    fn bring(&mut self, place: (Hook, Family), before: Table, target: &Target) -> Result<()> {
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
        match self.reach(place, before.clone(), target) {
            Ok(()) => {
                if target.jumps < before.jumps.len() {
                    let taken = TakenJumps {
                        places: before.jumps,
                        others: before.others,
                    };
                    self.taken.insert(place, taken);
                } else if target.jumps > before.jumps.len() {
                    self.taken.remove(&place);
                }
                Ok(())
            }
            Err(error) => Err(self.go_back(place, &before, error)),
        }
    }
}

impl Chains for Iptables {
    fn begin(&mut self) {
        for family in Family::ALL {
            self.begun.remove(&family);
            // What cannot be begun says why when it is asked for.
            if let Ok(Some(listing)) = self.list(Hook::Marks, family) {
                self.begun.insert(family, listing);
            }
        }
    }

    fn observe(&mut self, family: Family) -> Result<MarkSupport> {
        let table = match self.begun.remove(&family) {
            Some(listing) => self.parse(Hook::Marks, family, Ok(Some(listing))),
            None => self.read(Hook::Marks, family),
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

    fn source_nat(&mut self, family: Family) -> Result<Vec<(ServiceKey, SourceNat)>> {
        match self.read(Hook::SourceNat, family) {
            Ok(table) => Ok(table.source_nat(family)),
            Err(error) if is_lack(&error) => Ok(Vec::new()),
            Err(error) => Err(error.object(format!("{family} rules of source NAT"))),
        }
    }

    fn set_source_nat(&mut self, service: &ServiceKey, to: Option<&SourceNat>) -> Result<()> {
        self.try_set_source_nat(service, to)
            .map_err(|error| error.object(format!("source NAT of {service}")))
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
