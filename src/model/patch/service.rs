//! The options of a service, its servers and its marks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::address::Endpoint;
use super::super::key::{ServerKey, ServiceKey};
use super::super::mark::{MarkKey, MarkRule};
use super::super::policy::{Check, OnFail, ServicePolicy};
use super::super::server::{Forwarding, server_name};
use super::super::service::{
    Engine, Netmask, PERSISTENT_MAX, Scheduler, SchedulerFlags, ServiceOptions,
};
use super::super::setting::source_nat::SourceNat;
use super::{
    Named, Options, SERVICE_OPTIONS, ServerPatch, boolean, check_names, mark_rules, one_or_many,
    ranged, text, whole, wrong,
};
use crate::error::{Error, Result};

/// What was said about a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServicePatch {
    /// The scheduler.
    pub scheduler: Option<Scheduler>,
    /// The scheduler's flags.
    pub flags: Option<SchedulerFlags>,
    /// Persistence in seconds; `Some(None)` is off.
    pub persistent: Option<Option<u32>>,
    /// Granularity of persistence.
    pub netmask: Option<Netmask>,
    /// Persistence engine; `Some(None)` is none.
    pub engine: Option<Option<Engine>>,
    /// One-packet scheduling.
    pub one_packet: Option<bool>,
    /// Default forwarding method for its servers.
    pub forward: Option<Forwarding>,
    /// Exactly these servers.
    pub servers: Option<Vec<(ServerKey, ServerPatch)>>,
    /// Exactly these mark rules.
    pub marks: Option<Vec<MarkRule>>,
    /// The checks of its servers; of none, no check.
    pub checks: Option<Vec<Check>>,
    /// What becomes of a server that fails; `Some(None)` is by protocol.
    pub on_fail: Option<Option<OnFail>>,
    /// Source NAT; `Some(None)` is off.
    pub snat: Option<Option<SourceNat>>,
}

impl ServicePatch {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse(key: &ServiceKey, options: &Options) -> Result<ServicePatch> {
        check_names(options, &SERVICE_OPTIONS, "a virtual service")?;
        let family = key.family();
        let mut patch = ServicePatch::default();
        for (name, value) in options {
            match name.as_str() {
                "scheduler" => patch.scheduler = Some(Scheduler::parse(text(name, value)?)?),
                "flags" => patch.flags = Some(flags(value)?),
                "persistent" => patch.persistent = Some(persistent(value)?),
                "netmask" => {
                    patch.netmask = Some(match value {
                        Value::String(mask) => Netmask::parse(mask, family)?,
                        other => Netmask::from_prefix(whole(name, other)?, family)?,
                    });
                }
                "engine" => {
                    patch.engine = Some(match value {
                        Value::Null => None,
                        Value::String(none) if none.is_empty() || none == "none" => None,
                        other => Some(Engine::parse(text(name, other)?)?),
                    });
                }
                "one_packet" => patch.one_packet = Some(boolean(name, value)?),
                "forward" => patch.forward = Some(Forwarding::parse(text(name, value)?)?),
                "servers" => patch.servers = Some(server_list(key, value)?),
                "marks" => patch.marks = Some(service_marks(key, value)?),
                "check" => patch.checks = Some(Check::parse_all(value)?),
                "on_fail" => {
                    patch.on_fail = Some(match value {
                        Value::Null => None,
                        other => Some(OnFail::parse(text(name, other)?)?),
                    });
                }
                "snat" => patch.snat = Some(SourceNat::parse(value, family)?),
                _ => {}
            }
        }
        Ok(patch)
    }

    /// The names of the options given that are the service's own.
    pub fn named(&self) -> Named {
        let all = [
            (self.scheduler.is_some(), "scheduler"),
            (self.flags.is_some(), "flags"),
            (self.persistent.is_some(), "persistent"),
            (self.netmask.is_some(), "netmask"),
            (self.engine.is_some(), "engine"),
            (self.one_packet.is_some(), "one_packet"),
        ];
        all.into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }

    /// The names of the options given that are its policy's.
    pub fn named_policy(&self) -> Named {
        let all = [
            (self.checks.is_some(), "check"),
            (self.on_fail.is_some(), "on_fail"),
            (self.snat.is_some(), "snat"),
        ];
        all.into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }

    /// Changes the options of the policy that are given and leaves the others.
    pub fn apply_policy(&self, policy: &mut ServicePolicy) {
        if let Some(checks) = &self.checks {
            policy.checks = checks.clone();
        }
        if let Some(on_fail) = self.on_fail {
            policy.on_fail = on_fail;
        }
        if let Some(snat) = self.snat {
            policy.snat = snat;
        }
    }

    /// Changes the options given and leaves the others.
    pub fn apply(&self, options: &mut ServiceOptions) {
        if let Some(scheduler) = &self.scheduler {
            options.scheduler = scheduler.clone();
        }
        if let Some(flags) = self.flags {
            options.flags = flags;
        }
        if let Some(persistent) = self.persistent {
            options.persistent = persistent;
        }
        if let Some(netmask) = self.netmask {
            options.netmask = netmask;
        }
        if let Some(engine) = &self.engine {
            options.engine = engine.clone();
        }
        if let Some(one_packet) = self.one_packet {
            options.one_packet = one_packet;
        }
    }
}

fn flags(value: &Value) -> Result<SchedulerFlags> {
    let mut flags = SchedulerFlags::default();
    for one in one_or_many(value) {
        for word in text("flags", one)?
            .split(',')
            .map(str::trim)
            .filter(|w| !w.is_empty())
        {
            flags.0 |= SchedulerFlags::parse_one(word)?;
        }
    }
    Ok(flags)
}

fn persistent(value: &Value) -> Result<Option<u32>> {
    match value {
        Value::Bool(true) => Ok(Some(300)),
        Value::Bool(false) => Ok(None),
        other => match ranged::<u32>("persistent", other, "0 (off) to 2678400 seconds")? {
            0 => Ok(None),
            seconds if seconds <= PERSISTENT_MAX => Ok(Some(seconds)),
            seconds => Err(
                Error::invalid(format!("persistent {seconds} is out of range"))
                    .about("persistent")
                    .hint(format!(
                        "persistent is 0 (off) to {PERSISTENT_MAX} seconds (31 days)"
                    )),
            ),
        },
    }
}

fn server_list(service: &ServiceKey, value: &Value) -> Result<Vec<(ServerKey, ServerPatch)>> {
    let Value::Array(values) = value else {
        return Err(wrong("servers", "an array of addresses or maps", value));
    };
    let mut servers: Vec<(ServerKey, ServerPatch)> = Vec::with_capacity(values.len());
    let mut seen = BTreeSet::new();
    for value in values {
        let (key, patch) = listed_server(service, value)?;
        if !seen.insert(key) {
            return Err(Error::invalid(format!("real server {key} is listed twice")));
        }
        servers.push((key, patch));
    }
    Ok(servers)
}

/// Reads an element of `servers`: an address, or a map with `address` (and `port`) and options.
///
/// # Errors
/// `invalid`, naming the server.
pub fn listed_server(service: &ServiceKey, value: &Value) -> Result<(ServerKey, ServerPatch)> {
    match value {
        Value::String(address) => Ok((ServerKey::parse(address, service)?, ServerPatch::default())),
        Value::Object(map) => {
            let mut options = map.clone();
            let Some(address) = options.shift_remove("address") else {
                return Err(Error::invalid("a server of the list has no address")
                    .hint("write #{ address: \"10.0.0.11:80\", weight: 3 }"));
            };
            let mut key = ServerKey::parse(text("address", &address)?, service)?;
            if let Some(port) = options.shift_remove("port") {
                let given = Endpoint::parse(text("address", &address)?)?.port;
                let port = ranged("port", &port, "0 to 65535")?;
                if given.is_some_and(|given| given != port) {
                    return Err(Error::invalid("the port is given twice and differs")
                        .object(format!("real server {key}")));
                }
                key.port = port;
            }
            let patch =
                ServerPatch::parse(&options).map_err(|e| e.object(server_name(service, &key)))?;
            Ok((key, patch))
        }
        other => Err(wrong("a server", "an address or a map", other)),
    }
}

fn service_marks(key: &ServiceKey, value: &Value) -> Result<Vec<MarkRule>> {
    let Some(mark) = MarkKey::of_service(key) else {
        return Err(Error::invalid("marks are for a service of a mark")
            .about("marks")
            .hint("write fwmark(666, #{ marks: [ ... ] })"));
    };
    let rules = mark_rules(mark.mark, Some(mark.family), value)?;
    if let Some(other) = rules.iter().find(|rule| rule.family != mark.family) {
        return Err(
            Error::invalid(format!("an {} rule cannot feed it", other.family))
                .hint("fwmark(...) has IPv4 rules, fwmark6(...) IPv6 rules"),
        );
    }
    Ok(rules)
}
