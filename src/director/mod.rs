//! The use cases: observe, plan, commit, confirm, rollback, restore, adopt, import, history.
//!
//! Layer 3. One transaction routine (`transaction`) serves everything that changes the kernel;
//! `commands`, `api` and `shell` decide nothing that this room could.

mod adopt;
mod adopted;
mod awaiting;
mod begun;
mod beside;
mod change;
mod checked;
mod compare;
mod confirm;
mod confirm_timer;
mod connections;
mod count_by;
mod deviations;
mod diagnosis;
mod disable;
mod drain;
mod dry;
mod edit;
mod expire;
mod fate;
mod filter;
mod follow;
mod foreign;
mod forget;
mod guard;
mod health_states;
mod health_summary;
mod history;
mod host_settings;
mod import;
mod locate;
mod maintained;
mod names;
mod object;
mod options;
mod progress;
mod prune;
mod recover;
mod remaining;
mod report;
mod restore;
mod revert;
mod served;
mod session;
mod shares;
mod shift;
mod simulated;
mod status;
mod timeline;
mod transaction;
mod transitions;
mod try_checks;
mod undo;
mod views;
mod wait;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chrono::{DateTime, SubsecRound, Utc};

pub use awaiting::{Awaiting, Left, TimerState};
pub use checked::{CheckRun, Health, Readiness};
pub use compare::Difference;
pub use confirm::{Confirmed, is_noticed};
pub use confirm_timer::{ArmedTimer, ConfirmTimer, NoTimer};
pub use connections::Wanted;
pub use count_by::{CountBy, Counted, MOST_VALUES};
pub use deviations::Deviations;
pub use disable::Disable;
pub use drain::{DRAIN_OPTIONS, DrainOptions, Drained, Then};
pub use edit::HeadEdit;
pub use expire::Unconfirmed;
pub use fate::{Fate, sentences};
pub use filter::Filter;
pub use health_states::{HealthStates, NoChecks, StateOnDisk};
pub use health_summary::HealthSummary;
pub use history::{Listing, Query, Tagged};
pub use import::{Import, together};
pub use locate::{AddressUse, Located, Ownership, Role};
pub use options::{ChangeOptions, change_options};
pub use progress::{Advance, Progress, Silent};
pub use prune::{Pruned, Retention};
pub use report::{Outcome, Report, Undo, Undoing};
pub use session::Session;
pub use shares::Weights;
pub use shift::{Moves, SHIFT_OPTIONS, Shift, ShiftOptions, step_options};
pub use simulated::Simulated;
pub use status::Status;
pub use timeline::Happening;
pub use transitions::Written;
pub use views::shown_of;
pub use wait::{Attend, Attendant, News, pause};
pub use weigh::ServerOf;

use crate::candidate::Candidate;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Kind, Result};
use crate::health::Overlay;
use crate::kernel::{Kernel, Part};
use crate::model::remedy::DISCARD;
use crate::model::{
    EntryKey, Extent, FoundValues, Live, LiveServer, Origin, Ruleset, ServerKey, ServiceKey,
    Settings, Snapshot, SnapshotId,
};
use crate::notes::{self, Host, NoHost, Situation};
use crate::plan::{Plan, Request, Scope, plan};
use crate::store::{Store, Stores};

/// Brings together a kernel and a history.
pub struct Director {
    kernel: Box<dyn Kernel>,
    stores: Rc<dyn Stores>,
    author: String,
    origin: Origin,
    clock: Rc<dyn Clock>,
    progress: Rc<dyn Progress>,
    host: Rc<dyn Host>,
    confirm_timer: Rc<dyn ConfirmTimer>,
    health: Rc<dyn HealthStates>,
    /// Everything is only shown: nobody is to wait for a confirmation.
    rehearsing: bool,
    /// What reads a script that may only declare: there is no history that it could change.
    declares_for: Option<&'static str>,
    /// The head that awaited confirmation when the rehearsal began.
    forgiven: Option<SnapshotId>,
    /// The simulated kernel of a process that is not alone, where it is one.
    followed: Option<Simulated>,
}

impl Director {
    /// A director who signs as `author`.
    pub fn new(kernel: Box<dyn Kernel>, stores: Rc<dyn Stores>, author: String) -> Director {
        Director {
            kernel,
            stores,
            author,
            origin: Origin::default(),
            clock: Rc::new(SystemClock),
            progress: Rc::new(Silent),
            host: Rc::new(NoHost),
            confirm_timer: Rc::new(NoTimer),
            health: Rc::new(NoChecks),
            rehearsing: false,
            declares_for: None,
            forgiven: None,
            followed: None,
        }
    }

    /// The same on a host that can be asked, for notes about what may be regretted.
    #[must_use]
    pub fn with_host(mut self, host: Rc<dyn Host>) -> Director {
        self.host = host;
        self
    }

    /// The same, recording where its changes come from.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Director {
        self.origin = origin;
        self
    }

    /// Records the lines typed at a prompt with the changes that follow.
    pub fn set_typed(&mut self, lines: &str) {
        self.origin.set_typed(lines);
    }

    /// The same with another timer for commits that must be confirmed.
    #[must_use]
    pub fn with_confirm_timer(mut self, timer: Rc<dyn ConfirmTimer>) -> Director {
        self.confirm_timer = timer;
        self
    }

    /// The same where checks run: what they found is read before each look at the kernel.
    #[must_use]
    pub fn with_health(mut self, health: Rc<dyn HealthStates>) -> Director {
        self.health = health;
        self
    }

    /// What turns rules into what the kernel should hold, now.
    fn overlay(&self) -> Overlay {
        Overlay {
            knowledge: self.health.knowledge(),
            now: self.clock.utc(),
        }
    }

    /// The same on a simulator, only to show what would happen.
    #[must_use]
    pub fn rehearsing(mut self) -> Director {
        self.rehearsing = true;
        self.forgiven = self.stores.notice().map(|pending| pending.id);
        self
    }

    /// The same for a script that may only declare; `reader` is what reads it, like `an import`.
    #[must_use]
    pub fn only_declaring(mut self, reader: &'static str) -> Director {
        self.declares_for = Some(reader);
        self
    }

    /// Refuses what changes or needs a history where a script may only declare.
    fn refuse_in_declaration(&self, what: &str) -> Result<()> {
        match self.declares_for {
            None => Ok(()),
            Some(reader) => Err(Error::invalid(format!("{reader} only declares"))
                .attempt(format!("cannot {what}"))
                .hint("take this call out; it can be made after the commit")),
        }
    }

    /// The same with another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Director {
        self.clock = Rc::new(clock);
        self
    }

    /// The same, telling somebody how far long work is.
    #[must_use]
    pub fn followed_by(mut self, progress: Rc<dyn Progress>) -> Director {
        self.progress = progress;
        self
    }

    /// Who is to be told how far long work is.
    pub fn progress(&self) -> Rc<dyn Progress> {
        Rc::clone(&self.progress)
    }

    /// Adds what may be regretted of the entries named, in the state that the report's plan
    /// leads to.
    fn regret(&self, report: Report, named: &BTreeSet<EntryKey>) -> Report {
        let undo = match &report.outcome {
            // What a rehearsal records is only planned.
            Outcome::Recorded {
                snapshot, undoing, ..
            } if !self.rehearsing => Some(undoing.command(snapshot)),
            _ => None,
        };
        let situation = Situation {
            rules: &report.plan.target.rules,
            named,
            cuts: &report.plan.cuts,
            quiesced: report.plan.quiesced().collect(),
            source_nats: report.plan.changed_source_nats().collect(),
            held: &report.plan.held,
            undo: undo.as_deref(),
        };
        let notes = notes::notes(&situation, &*self.host);
        Report {
            warnings: notes::fold(&notes),
            ..report
        }
    }

    /// The time that is recorded: whole seconds, UTC.
    fn now(&self) -> DateTime<Utc> {
        self.clock.utc().trunc_subsecs(0)
    }

    /// A candidate on the head; where that is to be rolled back because its time to be confirmed
    /// is over, on what it rolls back to.
    ///
    /// # Errors
    /// As the store fails to open or read.
    pub fn candidate(&self) -> Result<Candidate> {
        self.candidate_within(Extent::Whole)
    }

    /// The same, of which only some services are read.
    ///
    /// # Errors
    /// As [`Director::candidate`].
    pub fn candidate_within(&self, extent: Extent) -> Result<Candidate> {
        let store = self.stores.open()?;
        let base = match self.awaiting(&*store)? {
            Some(awaiting) if awaiting.seconds_left() == 0 => awaiting.rolls_back_to,
            _ => store.head()?.map(|head| head.id),
        };
        let rules = part_of(&*store, base, &extent)?;
        Ok(Candidate::part(base, rules, extent))
    }

    /// Lets a candidate know more services of the head that it started from.
    ///
    /// # Errors
    /// `conflict` where that was pruned meanwhile; as the store fails to open or read.
    pub fn teach(&self, candidate: &mut Candidate, extent: &Extent) -> Result<()> {
        teach(&*self.stores.open()?, candidate, extent)
    }

    /// What the kernel holds now; of the host's settings nothing.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live(&mut self) -> Result<Live> {
        self.kernel.observe()
    }

    /// What the kernel holds now, and those settings of the host that the head has; none of these
    /// where the head cannot be read.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_with_host(&mut self) -> Result<Live> {
        let head = self.stores.open().and_then(|store| {
            let head = store.head()?.map(|head| head.id);
            // The services with their policies: these need settings of the host, too.
            part_of(&*store, head, &Extent::Whole)
        });
        self.observe(&[&head.unwrap_or_default()])
    }

    /// Reads IPVS, mark rules, and of the host what rulesets name.
    fn observe(&mut self, rulesets: &[&Ruleset]) -> Result<Live> {
        self.kernel
            .observe_part(&Part::whole().with_settings_of(rulesets))
    }

    /// All settings of the host that ipvsh knows to set, as the kernel has them.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn host_settings(&mut self) -> Result<Settings> {
        self.kernel.host_settings()
    }

    /// What the kernel holds now of all services; not the mark rules.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_services(&mut self) -> Result<Live> {
        self.kernel.observe_part(&Part {
            marks: false,
            ..Part::whole()
        })
    }

    /// What the kernel holds now beside services: mark rules and settings; of the host's settings
    /// those that a ruleset names.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_settings(&mut self, named: &Ruleset) -> Result<Live> {
        let part = Part {
            services: Extent::nothing(),
            ..Part::whole()
        };
        self.kernel.observe_part(&part.with_settings_of(&[named]))
    }

    /// The servers of one service now, with their connections; none where there is no such
    /// service.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn servers(
        &mut self,
        service: &ServiceKey,
    ) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        self.kernel.servers(service)
    }

    /// What the kernel holds now of some services; marks where one of them is one's.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn live_part(&mut self, services: BTreeSet<ServiceKey>) -> Result<Live> {
        self.kernel.observe_part(&Part {
            marks: services.iter().any(ServiceKey::is_mark),
            services: Extent::Services(services),
            or_whole: 0,
            ..Part::whole()
        })
    }

    /// Sets the counters of one service, or of all, to zero.
    ///
    /// # Errors
    /// As the kernel refuses.
    pub fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        self.kernel.zero(service)
    }

    /// How many requests that change something were sent to the kernel.
    pub fn writes(&self) -> u64 {
        self.kernel.writes()
    }

    /// Where the history is.
    pub fn location(&self) -> String {
        self.stores.location()
    }
}

/// What a snapshot holds within an extent; without one, no rules.
fn part_of(store: &dyn Store, id: Option<SnapshotId>, extent: &Extent) -> Result<Ruleset> {
    id.map_or_else(|| Ok(Ruleset::default()), |id| store.part(id, extent))
}

/// What was found of a snapshot's entries within an extent; without one, nothing.
fn found_of(store: &dyn Store, id: Option<SnapshotId>, extent: &Extent) -> Result<FoundValues> {
    id.map_or_else(|| Ok(FoundValues::default()), |id| store.found(id, extent))
}

/// Lets a candidate know what it lacks of an extent.
fn teach(store: &dyn Store, candidate: &mut Candidate, extent: &Extent) -> Result<()> {
    let Some(missing) = candidate.extent().lacks(extent) else {
        return Ok(());
    };
    let rules = part_of(store, candidate.base_id(), &missing).map_err(|error| {
        match (error.kind(), candidate.base_id()) {
            (Kind::NotFound, Some(base)) => Error::new(
                Kind::Conflict,
                format!("snapshot {base}, on which this began, was pruned meanwhile"),
            )
            .hint(format!(
                "run it again; at the prompt: {} first",
                DISCARD.call
            )),
            _ => error,
        }
    })?;
    candidate.learn(&missing, rules);
    Ok(())
}

/// The head and its rules; without a head, no rules.
fn head_of(store: &dyn Store) -> Result<(Option<Snapshot>, Ruleset)> {
    Ok((store.head()?, Rc::unwrap_or_clone(store.rules_of_head()?)))
}

/// The plan that brings everything that is ours to `wanted`.
fn plan_of_everything(
    (head, found): (&Ruleset, &FoundValues),
    (live, overlay): (&Live, &Overlay),
    wanted: &Ruleset,
    options: &ChangeOptions,
) -> Plan {
    plan(&Request {
        head,
        found,
        live,
        wanted,
        overlay,
        scope: if options.exact {
            Scope::Exact
        } else {
            Scope::Everything
        },
        exact_servers: &Default::default(),
        declared: &Default::default(),
        keep_weights: options.keep_weights,
    })
}
