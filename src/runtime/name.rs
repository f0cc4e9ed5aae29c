//! A target as text, in the state file and in messages.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::health::Target;
use crate::model::{ServerKey, ServiceKey};

/// The name of a server in a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetName {
    /// The service.
    pub service: ServiceKey,
    /// The server's address and port.
    pub server: String,
}

impl From<Target> for TargetName {
    fn from(target: Target) -> TargetName {
        TargetName {
            service: target.service,
            server: target.server.to_string(),
        }
    }
}

impl TryFrom<&TargetName> for Target {
    type Error = Error;

    fn try_from(name: &TargetName) -> Result<Target> {
        Ok(Target {
            service: name.service,
            server: ServerKey::parse(&name.server, &name.service)?,
        })
    }
}
