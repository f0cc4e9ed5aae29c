//! The policy of a real server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::key::ServerKey;
use super::super::patch::Options;
use super::super::service::Field;
use super::{Check, HostName, check};

/// What a ruleset says of a real server that IPVS does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPolicy {
    /// The checks of this server in the place of the service's: `Some` of none is no check at all;
    /// `None`, the default, takes the service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
    /// The machine that the server is on; default unnamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
}

impl ServerPolicy {
    /// Returns true if it says nothing.
    pub fn is_default(&self) -> bool {
        *self == ServerPolicy::default()
    }

    /// The options that are not at their default, as JSON and scripts have them.
    pub fn json(&self) -> Options {
        let mut options = Options::new();
        if let Some(checks) = &self.checks {
            options.insert("check".into(), check::json_of(checks));
        }
        if let Some(host) = self.host {
            options.insert("host".into(), host.as_str().into());
        }
        options
    }

    /// Every option with its value as text; those at their default too.
    pub fn fields(&self) -> Vec<Field> {
        let checks = self.checks.as_deref();
        let host = self.host.map(HostName::as_str).unwrap_or("none");
        vec![
            (
                "check",
                checks.map_or("the service's".to_owned(), check::summary),
            ),
            ("host", host.to_owned()),
        ]
    }
}

/// Policies of the servers of one service; servers without one are not in it.
pub type ServerPolicies = BTreeMap<ServerKey, ServerPolicy>;
