//! The options of a real server.

use serde_json::Value;

use super::super::policy::{Check, HostName, ServerPolicy};
use super::super::server::{
    Forwarding, RealServer, THRESHOLD_RANGE, Tunnel, TunnelChecksum, TunnelKind, Weight,
};
use super::{
    Named, Options, SERVER_OPTIONS, TUNNEL_OPTIONS, check_names, map, ranged, text, whole,
};
use crate::error::Result;

/// The word for the checks of the service in the place of a server's own.
pub const SERVICE_S: &str = "service";

/// What was said about a real server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerPatch {
    /// The weight.
    pub weight: Option<Weight>,
    /// The forwarding method.
    pub forward: Option<Forwarding>,
    /// The upper threshold.
    pub upper: Option<u32>,
    /// The lower threshold.
    pub lower: Option<u32>,
    /// The tunnel.
    pub tunnel: Option<Tunnel>,
    /// Its checks: `Some(None)` takes the service's, `Some(Some(none))` is no check.
    pub checks: Option<Option<Vec<Check>>>,
    /// The machine that it is on; `Some(None)` is unnamed.
    pub host: Option<Option<HostName>>,
}

impl ServerPatch {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse(options: &Options) -> Result<ServerPatch> {
        check_names(options, &SERVER_OPTIONS, "a real server")?;
        let mut patch = ServerPatch::default();
        for (name, value) in options {
            match name.as_str() {
                "weight" => patch.weight = Some(Weight::new(whole(name, value)?)?),
                "forward" => patch.forward = Some(Forwarding::parse(text(name, value)?)?),
                "upper" => patch.upper = Some(ranged(name, value, THRESHOLD_RANGE)?),
                "lower" => patch.lower = Some(ranged(name, value, THRESHOLD_RANGE)?),
                "tunnel" => patch.tunnel = Some(tunnel(value)?),
                "check" => {
                    patch.checks = Some(match value.as_str() {
                        Some(SERVICE_S) => None,
                        _ => Some(Check::parse_all(value)?),
                    });
                }
                "host" => {
                    patch.host = Some(match value {
                        Value::Null => None,
                        other => Some(HostName::parse(text(name, other)?)?),
                    });
                }
                _ => {}
            }
        }
        Ok(patch)
    }

    /// The names of the options given.
    pub fn named(&self) -> Named {
        let all = [
            (self.weight.is_some(), "weight"),
            (self.forward.is_some(), "forward"),
            (self.upper.is_some(), "upper"),
            (self.lower.is_some(), "lower"),
            (self.tunnel.is_some(), "tunnel"),
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
            (self.host.is_some(), "host"),
        ];
        all.into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }

    /// Changes the options of the policy that are given and leaves the others.
    pub fn apply_policy(&self, policy: &mut ServerPolicy) {
        if let Some(checks) = &self.checks {
            policy.checks = checks.clone();
        }
        if let Some(host) = self.host {
            policy.host = host;
        }
    }

    /// Changes the options given and leaves the others.
    pub fn apply(&self, server: &mut RealServer) {
        server.weight = self.weight.unwrap_or(server.weight);
        server.forward = self.forward.unwrap_or(server.forward);
        server.upper = self.upper.unwrap_or(server.upper);
        server.lower = self.lower.unwrap_or(server.lower);
        server.tunnel = self.tunnel.unwrap_or(server.tunnel);
    }
}

fn tunnel(value: &Value) -> Result<Tunnel> {
    let options = map("tunnel", value)?;
    check_names(options, &TUNNEL_OPTIONS, "a tunnel")?;
    let mut tunnel = Tunnel::default();
    for (name, value) in options {
        match name.as_str() {
            "type" => tunnel.kind = TunnelKind::parse(text(name, value)?)?,
            "port" => tunnel.port = ranged(name, value, "0 to 65535")?,
            "checksum" => tunnel.checksum = TunnelChecksum::parse(text(name, value)?)?,
            _ => {}
        }
    }
    Ok(tunnel)
}
