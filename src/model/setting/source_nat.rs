//! Source NAT of a service (full NAT): servers see the director in the place of the client, so that
//! their answers come back to it without a route of their own.
//!
//! Derived of the policy option `snat`; no ruleset declares it. Source of truth:
//! iptables-extensions(8), MASQUERADE and SNAT.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result};
use crate::model::address::{Family, parse_ip};
use crate::model::patch::wrong;

/// The facts of source NAT. The rule is there before its service is, and goes after it.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "source_nat",
    noun: "source NAT",
    foreign: None,
    is_of_host: true,
    is_of_the_record: false,
    absence: Absence::IsNone,
    replacement: Replacement::InPlace,
    is_removed_in: Phase::Teardown,
    is_set_in: Phase::Setup,
    are_one_object: false,
    is_run_by_managers: false,
    attempts: ("cannot set up", "cannot remove"),
};

/// The address that servers see in the place of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceNat {
    /// That of the interface by which a packet leaves.
    Masquerade,
    /// This one.
    Address(IpAddr),
}

impl SourceNat {
    /// Reads the option `snat` of a service of a family; `None` is off.
    ///
    /// # Errors
    /// `invalid` for another type, and for an address of the other family or of no host.
    pub fn parse(value: &Value, family: Family) -> Result<Option<SourceNat>> {
        let text = match value {
            Value::Null | Value::Bool(false) => return Ok(None),
            Value::Bool(true) => return Ok(Some(SourceNat::Masquerade)),
            Value::String(text) => text,
            other => return Err(wrong("snat", "a boolean or an address", other)),
        };
        let addr = parse_ip(text).map_err(|error| {
            error.about(text).hint(
                "snat is false, true (the address of the interface) or an address of the director",
            )
        })?;
        let refuse = |cause: String| Err(Error::invalid(cause).about(text));
        if Family::of(addr) != family {
            return refuse(format!(
                "{addr} is no {family} address, and those of the service's clients and servers are"
            ));
        }
        let is_of_a_host = !addr.is_unspecified()
            && !addr.is_multicast()
            && !addr.is_loopback()
            && addr != IpAddr::V4(Ipv4Addr::BROADCAST);
        match is_of_a_host {
            true => Ok(Some(SourceNat::Address(addr))),
            false => refuse(format!("servers cannot answer to {addr}")).map_err(|error: Error| {
                error.hint("name an address of the director that the servers reach")
            }),
        }
    }

    /// The value of the option, as JSON and scripts have it.
    pub fn json(self) -> Value {
        match self {
            SourceNat::Masquerade => true.into(),
            SourceNat::Address(addr) => addr.to_string().into(),
        }
    }

    /// The value of the option as text; none is `false`.
    pub fn text(snat: Option<SourceNat>) -> String {
        match snat {
            None => "false".to_owned(),
            Some(SourceNat::Masquerade) => "true".to_owned(),
            Some(SourceNat::Address(addr)) => addr.to_string(),
        }
    }
}

/// What the servers see: `to 192.168.182.200`.
impl fmt::Display for SourceNat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceNat::Masquerade => f.write_str("to the address of the interface"),
            SourceNat::Address(addr) => write!(f, "to {addr}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_back() {
        for (value, family) in [
            (json!(true), Family::Ipv4),
            (json!("10.0.0.1"), Family::Ipv4),
            (json!("2001:db8::1"), Family::Ipv6),
        ] {
            let snat = SourceNat::parse(&value, family).unwrap().unwrap();
            assert_eq!(snat.json(), value);
        }
        for off in [json!(null), json!(false)] {
            assert_eq!(SourceNat::parse(&off, Family::Ipv4).unwrap(), None);
        }
    }

    #[test]
    fn addresses_that_no_server_can_answer_to_are_refused() {
        for text in [
            "0.0.0.0",
            "224.0.0.1",
            "127.0.0.1",
            "255.255.255.255",
            "2001:db8::1",
            "x",
        ] {
            assert!(
                SourceNat::parse(&json!(text), Family::Ipv4).is_err(),
                "{text}"
            );
        }
        assert!(SourceNat::parse(&json!("10.0.0.1"), Family::Ipv6).is_err());
        assert!(SourceNat::parse(&json!(1), Family::Ipv4).is_err());
    }
}
