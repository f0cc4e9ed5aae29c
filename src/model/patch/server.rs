//! The options of a real server.

use serde_json::Value;

use super::super::server::{
    Forwarding, RealServer, THRESHOLD_RANGE, Tunnel, TunnelChecksum, TunnelKind, Weight,
};
use super::{
    Named, Options, SERVER_OPTIONS, TUNNEL_OPTIONS, check_names, map, ranged, text, whole,
};
use crate::error::Result;

/// What was said about a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
