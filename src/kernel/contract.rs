//! What every kernel can do, and what becomes of steps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::names::Names;
use crate::error::{Error, Result};
use crate::model::load::load;
use crate::model::setting::derived_keys;
use crate::model::{
    Connection, Extent, Info, Live, LiveServer, Load, Ruleset, ServerKey, ServiceKey, SettingKey,
    Settings, Traffic,
};
use crate::plan::Step;

/// What became of a step that was handed to a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel did it.
    Done,
    /// The kernel refused it, or it failed without effect.
    Failed(Error),
    /// Nobody can say: the answer was lost.
    Unknown(Error),
    /// It was not sent, because an earlier one failed.
    NotSent,
}

/// Identifies the machine's state that a commit was made in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The boot id: the kernel's tables do not outlive it (/proc/sys/kernel/random/boot_id).
    pub boot: String,
    /// The network namespace, as `net:[INODE]`.
    pub namespace: String,
}

impl Place {
    /// Where this process is.
    ///
    /// # Errors
    /// `system` where /proc cannot be read.
    pub fn here() -> Result<Place> {
        let namespace = "/proc/thread-self/ns/net";
        Ok(Place {
            boot: super::boot::boot_id()?,
            namespace: std::fs::read_link(namespace)
                .map_err(|e| Error::system(format!("cannot read {namespace}"), &e))?
                .to_string_lossy()
                .into_owned(),
        })
    }
}

/// How much of a kernel is read: the cost of a look follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The services, with their servers. Settings are always read.
    pub services: Extent,
    /// A table of up to so many services is read whole.
    pub or_whole: usize,
    /// Our chains of mark rules.
    pub marks: bool,
    /// The settings of the host that are read; those of IPVS always are.
    pub settings: BTreeSet<SettingKey>,
    /// Where the kernel lacks IPVS, it is read as one without rules; the module is not loaded.
    pub may_lack_ipvs: bool,
}

impl Part {
    /// All of it.
    pub fn whole() -> Part {
        Part {
            services: Extent::Whole,
            or_whole: 0,
            marks: true,
            settings: BTreeSet::new(),
            may_lack_ipvs: false,
        }
    }

    /// The same, with the settings of the host that the rulesets name or need. Where no ruleset has
    /// an entry of IPVS, the kernel may lack IPVS.
    #[must_use]
    pub fn with_settings_of(mut self, rulesets: &[&Ruleset]) -> Part {
        for rules in rulesets {
            let settings = rules
                .settings
                .keys()
                .chain(derived_keys(rules).map(|(_, key)| key));
            let of_host = settings.filter(|key| key.facts().is_of_host);
            self.settings.extend(of_host);
        }
        self.may_lack_ipvs = !rulesets.iter().any(|rules| rules.needs_ipvs())
            && rulesets.iter().any(|rules| !rules.settings.is_empty());
        self
    }

    /// What steps change.
    pub fn of_steps(steps: &[Step]) -> Part {
        Part {
            services: Extent::Services(steps.iter().filter_map(Step::service).collect()),
            or_whole: 0,
            marks: steps
                .iter()
                .any(|step| matches!(step, Step::SetChain { .. })),
            settings: steps.iter().flat_map(Step::settings_of_host).collect(),
            may_lack_ipvs: !steps.iter().any(Step::is_of_ipvs),
        }
    }
}

/// A kernel that holds a ruleset.
pub trait Kernel {
    /// Says what a part of the kernel holds now; [`Live::extent`] tells which services that is.
    ///
    /// # Errors
    /// `not_permitted` without CAP_NET_ADMIN, `unsupported` without `ip_vs`, `system` where the
    /// transport fails.
    fn observe_part(&mut self, part: &Part) -> Result<Live>;

    /// Says what the kernel holds now.
    ///
    /// # Errors
    /// As [`Kernel::observe_part`].
    fn observe(&mut self) -> Result<Live> {
        self.observe_part(&Part::whole())
    }

    /// Says whether services, with their servers, are certain to be what the kernel acknowledged a
    /// moment ago, by a look that costs less than [`Kernel::observe_part`]; where it says no, that
    /// has to tell. What the cheap look cannot see (thresholds and tunnels) the acknowledgement
    /// stands for.
    ///
    /// # Errors
    /// As [`Kernel::observe_part`].
    fn holds(&mut self, _services: &Extent, _acknowledged: &Ruleset) -> Result<bool> {
        Ok(false)
    }

    /// The servers of one service now, with their connections; none where there is no such
    /// service. Cheap, whatever else the kernel holds: for a look once a second.
    ///
    /// # Errors
    /// As [`Kernel::observe`].
    fn servers(&mut self, service: &ServiceKey) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        Ok(self.observe()?.servers_of(service))
    }

    /// All settings of the host that ipvsh knows to set, as they are.
    ///
    /// # Errors
    /// `system` where the host cannot be read.
    fn host_settings(&mut self) -> Result<Settings>;

    /// Does steps in order, and nothing behind the first that fails: one outcome per step.
    /// Steps behind a failure that were already on their way may be `Done` all the same.
    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome>;

    /// Sets the counters of one service, or of all, to zero.
    ///
    /// # Errors
    /// As the kernel refuses; `not_found` where there is no such service.
    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()>;

    /// Says what went through one service, or through all; one that is not there is left out.
    ///
    /// # Errors
    /// As [`Kernel::observe`].
    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic>;

    /// Says how all services are doing. Cheap, however many there are: for a look once a second.
    ///
    /// # Errors
    /// As [`Kernel::observe`].
    fn load(&mut self) -> Result<Load> {
        Ok(load(&self.observe()?, &self.traffic(None)?))
    }

    /// Walks over the connections in the kernel's own order, in constant memory; `visit` says
    /// whether to go on. While the table changes, one may be missed or come twice.
    ///
    /// # Errors
    /// `unsupported` without `ip_vs`, `system` where the list cannot be read.
    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()>;

    /// Says what IPVS says about itself.
    ///
    /// # Errors
    /// As [`Kernel::observe`].
    fn info(&mut self) -> Result<Info>;

    /// Where this is: which boot, which network namespace.
    ///
    /// # Errors
    /// `system` where /proc cannot be read.
    fn place(&self) -> Result<Place>;

    /// How many requests that change something were sent since the start.
    fn writes(&self) -> u64;

    /// The schedulers and engines that it has, where it is certain that there are no others.
    fn names(&self) -> Option<Names> {
        None
    }
}

impl<K: Kernel + ?Sized> Kernel for Box<K> {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        (**self).observe_part(part)
    }

    fn holds(&mut self, services: &Extent, acknowledged: &Ruleset) -> Result<bool> {
        (**self).holds(services, acknowledged)
    }

    fn servers(&mut self, service: &ServiceKey) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        (**self).servers(service)
    }

    fn host_settings(&mut self) -> Result<Settings> {
        (**self).host_settings()
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        (**self).apply(steps)
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        (**self).zero(service)
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        (**self).traffic(service)
    }

    fn load(&mut self) -> Result<Load> {
        (**self).load()
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        (**self).connections(visit)
    }

    fn info(&mut self) -> Result<Info> {
        (**self).info()
    }

    fn place(&self) -> Result<Place> {
        (**self).place()
    }

    fn writes(&self) -> u64 {
        (**self).writes()
    }

    fn names(&self) -> Option<Names> {
        (**self).names()
    }
}
