//! The values of our own that scripts hold: handles are names, reports and errors are data.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, EvalAltResult};

use crate::director::{Difference, Report};
use crate::error::Error;
use crate::model::server::server_name;
use crate::model::{ServerKey, ServiceKey, SettingKey};

/// A handle of a virtual service: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service(pub ServiceKey);

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A handle of a real server: its service's name and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub key: ServerKey,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&server_name(&self.service, &self.key))
    }
}

/// A handle of a sync daemon, a VIP, a kernel setting or a tunnel device: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingHandle(pub SettingKey);

impl fmt::Display for SettingHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a change did or would do.
#[derive(Debug, Clone)]
pub struct Outcome(pub Rc<Report>);

/// What differs between two states.
#[derive(Debug, Clone)]
pub struct Divergence(pub Rc<Difference>);

/// An error that a script can catch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised(pub Error);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An error of ours as one that a script can catch.
pub fn raise(error: Error, position: rhai::Position) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(Raised(error)), position).into()
}
