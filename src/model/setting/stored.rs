//! Settings as a record holds them: per kind a map from names to values, `{"timeouts": {"tcp": 900},
//! "daemons": {"master": {...}}}`. The map of timeouts is always there, as early versions wrote it.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sync_daemon::{DaemonRole, SyncDaemon};
use super::timeout::Timeouts;
use super::{Setting, SettingKey, Settings};

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    timeouts: Timeouts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    daemons: BTreeMap<DaemonRole, SyncDaemon>,
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let daemons = self.daemons();
        let stored = Stored {
            timeouts: self.timeouts(),
            daemons: daemons
                .map(|(role, daemon)| (role, daemon.clone()))
                .collect(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let mut settings = Settings::default();
        settings.set_timeouts(&stored.timeouts);
        for (role, daemon) in stored.daemons {
            let key = SettingKey::SyncDaemon(role);
            let before = settings.put(key, Some(Setting::SyncDaemon(daemon)));
            if before.is_some() {
                return Err(D::Error::custom(format!("{key} is there twice")));
            }
        }
        Ok(settings)
    }
}
