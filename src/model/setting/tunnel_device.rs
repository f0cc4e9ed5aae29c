//! Tunnel devices: where a real server takes packets out of the tunnel of its director.
//!
//! Source of truth: ip-link(8), ip-fou(8); net/ipv4/ipip.c and ip_gre.c (the devices `tunl0` and
//! `gre0`, which their modules make in every network namespace).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result};
use crate::model::interface::InterfaceName;
use crate::model::patch::{self, Options, check_names, positive, text};
use crate::model::server::{Tunnel, TunnelKind};
use crate::model::service::Field;

/// What is to be known of tunnel devices.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "tunnel_devices",
    noun: "tunnel-device",
    foreign: None,
    is_of_host: true,
    is_of_the_record: false,
    absence: Absence::IsNone,
    replacement: Replacement::InPlace,
    is_removed_in: Phase::Teardown,
    is_set_in: Phase::Devices,
    are_one_object: false,
    is_run_by_managers: false,
    attempts: ("cannot set up", "cannot take down"),
};

/// The options of a tunnel device.
pub const TUNNEL_DEVICE_OPTIONS: [&str; 2] = ["type", "port"];

/// What a tunnel device is set to; it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunnelDevice {
    /// How packets are wrapped.
    #[serde(rename = "type")]
    pub kind: TunnelKind,
    /// The UDP port that a `gue` tunnel comes in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The device of the module ipip, which unwraps ipip and gue packets.
const IPIP_DEVICE: &str = "tunl0";
/// The device of the module ip_gre.
const GRE_DEVICE: &str = "gre0";

impl TunnelDevice {
    /// The device that unwraps what a director wraps.
    ///
    /// # Errors
    /// `invalid` for a type that no device unwraps.
    pub fn of(tunnel: Tunnel) -> Result<TunnelDevice> {
        match tunnel.kind {
            TunnelKind::Other(_) => Err(no_device(tunnel.kind)),
            kind => Ok(TunnelDevice {
                kind,
                port: (kind == TunnelKind::Gue).then_some(tunnel.port),
            }),
        }
    }

    /// The name of the device that its module makes.
    ///
    /// # Errors
    /// `invalid` for a type that no device unwraps.
    pub fn default_name(&self) -> Result<InterfaceName> {
        match self.kind {
            TunnelKind::Ipip | TunnelKind::Gue => InterfaceName::parse(IPIP_DEVICE),
            TunnelKind::Gre => InterfaceName::parse(GRE_DEVICE),
            TunnelKind::Other(_) => Err(no_device(self.kind)),
        }
    }

    /// Reads the options of a tunnel device.
    ///
    /// # Errors
    /// `invalid` for unknown options and values, and for a port that is missing or of no use.
    pub fn parse(name: InterfaceName, options: &Options) -> Result<TunnelDevice> {
        check_names(options, &TUNNEL_DEVICE_OPTIONS, "a tunnel device")?;
        let named = |error: Error| error.object(format!("tunnel-device {name}"));
        let given = |option: &str| options.get(option).filter(|value| !value.is_null());
        let kind = match given("type") {
            None => TunnelKind::Ipip,
            Some(value) => TunnelKind::parse(text("type", value)?)?,
        };
        let port = match given("port") {
            None => None,
            Some(value) => Some(positive("port", value, u16::MAX.into(), "")?),
        };
        let made_by = match name.of_device()?.as_str() {
            IPIP_DEVICE => Some([TunnelKind::Ipip, TunnelKind::Gue].as_slice()),
            GRE_DEVICE => Some([TunnelKind::Gre].as_slice()),
            "lo" => Some([].as_slice()),
            _ => None,
        };
        if made_by.is_some_and(|kinds| !kinds.contains(&kind)) {
            return Err(named(
                Error::invalid(format!("it is no {kind} tunnel"))
                    .hint("ipip and gue packets come in by \"tunl0\", gre packets by \"gre0\""),
            ));
        }
        match (kind, port) {
            (TunnelKind::Gue, None) => Err(named(
                Error::invalid("a gue tunnel needs a port")
                    .hint("write #{ type: \"gue\", port: 6080 }, the port of the servers' tunnel"),
            )),
            (TunnelKind::Other(_), _) => Err(named(no_device(kind))),
            (TunnelKind::Ipip | TunnelKind::Gre, Some(_)) => Err(named(
                Error::invalid(format!("a {kind} tunnel has no port")).hint("leave port out"),
            )),
            _ => Ok(TunnelDevice { kind, port }),
        }
    }

    /// Returns true if a live device is what is wanted: one that also takes wrapped UDP serves for
    /// plain packets, too.
    pub fn satisfied_by(&self, live: &TunnelDevice) -> bool {
        self == live || (self.kind, live.kind) == (TunnelKind::Ipip, TunnelKind::Gue)
    }

    /// Every option with its value as text.
    pub fn fields(&self) -> Vec<Field> {
        let port = self.port.map_or("none".to_owned(), |port| port.to_string());
        vec![("type", self.kind.to_string()), ("port", port)]
    }

    /// The value on one line: `gue port 6080`.
    pub fn summary(&self) -> String {
        match self.port {
            Some(port) => format!("{} port {port}", self.kind),
            None => self.kind.to_string(),
        }
    }

    /// What JSON says of it.
    pub fn json(&self, name: InterfaceName) -> Options {
        let mut map = Options::new();
        map.insert("name".into(), name.as_str().into());
        map.insert("type".into(), self.kind.to_string().into());
        map.insert("port".into(), self.port.into());
        map
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// As [`TunnelDevice::parse`].
    pub(super) fn read(value: Value) -> Result<(InterfaceName, TunnelDevice)> {
        let Value::Object(mut options) = value else {
            return Err(patch::wrong("a tunnel device", "a map", &value));
        };
        let name = options
            .remove("name")
            .ok_or_else(|| Error::invalid("the name of a tunnel device is missing"))?;
        let name = InterfaceName::parse(text("name", &name)?)?;
        Ok((name, TunnelDevice::parse(name, &options)?))
    }
}

/// The error for a type of tunnels that no device unwraps.
fn no_device(kind: TunnelKind) -> Error {
    Error::invalid(format!("there is no device of type {kind}"))
        .hint("a tunnel device is \"ipip\", \"gre\" or \"gue\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(options: Value) -> Result<TunnelDevice> {
        let Value::Object(options) = options else {
            unreachable!("tests give maps")
        };
        TunnelDevice::parse(InterfaceName::parse("tunl0").unwrap(), &options)
    }

    #[test]
    fn a_port_goes_with_gue_alone() {
        assert_eq!(parse(json!({})).unwrap().summary(), "ipip");
        let gue = parse(json!({"type": "gue", "port": 6080})).unwrap();
        assert_eq!(gue.summary(), "gue port 6080");
        for options in [
            json!({"type": "gre"}),
            json!({"type": "gue"}),
            json!({"type": "ipip", "port": 1}),
            json!({"type": "gue", "port": 0}),
            json!({"type": "vxlan"}),
            json!({"kind": "ipip"}),
        ] {
            assert!(parse(options.clone()).is_err(), "{options}");
        }
        let name = InterfaceName::parse("tunl0").unwrap();
        let back = TunnelDevice::read(Value::Object(gue.json(name))).unwrap();
        assert_eq!(back, (name, gue));
    }
}
