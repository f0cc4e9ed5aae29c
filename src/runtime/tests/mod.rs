//! What readers and writers of the runtime files see of each other.

mod control;
mod damage;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::directory::RuntimeDir;
use crate::health::{Deviation, Situation, State, Target};
use crate::kernel::Place;
use crate::model::{ServerKey, ServiceKey};

/// A runtime directory of its own, below one that goes with the first value.
pub(super) fn runtime_dir() -> (tempfile::TempDir, RuntimeDir) {
    let lab = tempfile::tempdir().unwrap();
    let dir = RuntimeDir::below(lab.path(), Path::new("/nowhere/db"));
    dir.make().unwrap();
    (lab, dir)
}

pub(super) fn place() -> Place {
    Place {
        boot: "boot".to_owned(),
        namespace: "net:[1]".to_owned(),
    }
}

pub(super) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(super) fn target(number: u8) -> Target {
    let service = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
    let server = ServerKey::parse(&format!("10.0.0.{number}:80"), &service).unwrap();
    Target { service, server }
}

/// A state in which these servers are down.
pub(super) fn down(numbers: impl IntoIterator<Item = u8>) -> State {
    let deviation = |number: u8| Deviation {
        situation: Situation::Down,
        since: moment(number.into()),
        reason: format!("tcp: refused by {number}"),
        taken_out_by_hand: false,
    };
    let servers = numbers
        .into_iter()
        .map(|number| (target(number), deviation(number)));
    State {
        servers: servers.collect(),
    }
}
