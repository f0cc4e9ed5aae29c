//! What rules look at: what the director observed, and what the host answers.

use std::net::IpAddr;
use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::answers::{Answers, Question};
use crate::model::{
    Forwarding, Ruleset, ServerKey, ServiceKey, SnapshotId, SysctlName, VirtualService,
};
use crate::notes::{Host, Interface};
use crate::plan::HeldServers;

/// What the director observed before the rules look.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// What the kernel holds.
    pub live: &'a Ruleset,
    /// What the head says, with its policies.
    pub head: &'a Ruleset,
    /// The servers that are not as they were declared, by their checks or by maintenance.
    pub held: &'a HeldServers,
    /// The time.
    pub now: DateTime<Utc>,
    /// How many servers of the head are checked.
    pub checked: usize,
    /// A daemon runs.
    pub has_daemon: bool,
    /// The head, while it awaits confirmation.
    pub awaiting: Option<SnapshotId>,
}

/// An examination under way, as one rule sees it.
pub(super) struct Inspection<'a> {
    /// What the director observed.
    pub(super) observed: &'a Observed<'a>,
    /// The host.
    pub(super) host: &'a Answers<'a>,
}

impl<'a> Inspection<'a> {
    /// Reports that the rule could not look, or not at everything.
    #[allow(dead_code)] // for rules whose question no method of the host asks
    pub(super) fn could_not_look(&self, why: impl Into<String>) {
        self.host.unanswered(Question::Other, why);
    }

    /// The services of the kernel, each with what the head says of it, where the head has it.
    pub(super) fn services(
        &self,
    ) -> impl Iterator<
        Item = (
            &'a ServiceKey,
            &'a VirtualService,
            Option<&'a VirtualService>,
        ),
    > {
        let Observed { live, head, .. } = *self.observed;
        let of_head = |key: &ServiceKey| head.services.get(key);
        let services = live.services.iter();
        services.map(move |(key, service)| (key, service, of_head(key)))
    }

    /// The masqueraded servers of services with a VIP, each with its service and the VIP; servers at
    /// loopback addresses are left out.
    pub(super) fn masqueraded(
        &self,
    ) -> impl Iterator<Item = (&'a ServiceKey, IpAddr, &'a ServerKey)> {
        let services = self.observed.live.services.iter();
        let with_vip = services.filter_map(|(key, service)| Some((key, key.addr()?, service)));
        with_vip.flat_map(|(key, vip, service)| {
            let servers = service.servers.iter().filter(|(server, options)| {
                options.forward == Forwarding::Masq && !server.addr.is_loopback()
            });
            servers.map(move |(server, _)| (key, vip, server))
        })
    }

    /// The network interfaces; none where they cannot be read.
    pub(super) fn interfaces(&self) -> Rc<[Interface]> {
        self.host.all_interfaces().unwrap_or_default()
    }

    /// A setting of IPv4 of one interface, or of `all`.
    pub(super) fn of_interface(&self, interface: &str, setting: &str) -> Option<String> {
        self.setting(&format!("net/ipv4/conf/{interface}/{setting}"))
    }

    /// A setting of IPVS.
    pub(super) fn of_ipvs(&self, setting: &str) -> Option<String> {
        self.setting(&format!("net/ipv4/vs/{setting}"))
    }

    /// A kernel setting by its path below `/proc/sys`. A setting that the head names was read with the
    /// rules; any other is asked of the host.
    pub(super) fn setting(&self, path: &str) -> Option<String> {
        let name = SysctlName::parse(path).ok();
        match name.and_then(|name| self.observed.live.settings.sysctl(name)) {
            Some(value) => Some(value.as_str().to_owned()),
            None => self.host.kernel_setting(path),
        }
    }
}
