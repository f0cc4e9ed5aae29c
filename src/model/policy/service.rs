//! The policy of a virtual service.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::patch::Options;
use super::super::service::Field;
use super::super::setting::source_nat::SourceNat;
use super::{Check, check};
use crate::error::{Error, Result, did_you_mean};

/// What becomes of a server in the kernel while its checks say that it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    /// It stays at weight 0: its connections go on, no new ones come.
    Quiesce,
    /// It leaves the table.
    Remove,
}

impl OnFail {
    /// All of them.
    pub const ALL: [OnFail; 2] = [OnFail::Quiesce, OnFail::Remove];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            OnFail::Quiesce => "quiesce",
            OnFail::Remove => "remove",
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<OnFail> {
        let all = OnFail::ALL.into_iter();
        all.clone().find(|one| one.name() == text).ok_or_else(|| {
            let error = Error::invalid(format!("unknown on_fail \"{text}\"")).about(text);
            error.hint(match did_you_mean(text, all.map(OnFail::name)) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => "on_fail is \"quiesce\" (weight 0) or \"remove\"".to_owned(),
            })
        })
    }
}

impl fmt::Display for OnFail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a ruleset says of a service that IPVS does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePolicy {
    /// The checks of its servers: all of them must pass; default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What becomes of a server that fails; default by protocol: see [`super::on_fail_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<OnFail>,
    /// What masqueraded servers see in the place of the client's address; default the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snat: Option<SourceNat>,
}

impl ServicePolicy {
    /// Returns true if it says nothing.
    pub fn is_default(&self) -> bool {
        *self == ServicePolicy::default()
    }

    /// The options that are not at their default, as JSON and scripts have them.
    pub fn json(&self) -> Options {
        let mut options = Options::new();
        if !self.checks.is_empty() {
            options.insert("check".into(), check::json_of(&self.checks));
        }
        if let Some(on_fail) = self.on_fail {
            options.insert("on_fail".into(), on_fail.name().into());
        }
        if let Some(snat) = self.snat {
            options.insert("snat".into(), snat.json());
        }
        options
    }

    /// Every option with its value as text; those at their default too.
    pub fn fields(&self) -> Vec<Field> {
        let on_fail = self.on_fail.map_or("by protocol", OnFail::name);
        vec![
            ("check", check::summary(&self.checks)),
            ("on_fail", on_fail.to_owned()),
            ("snat", SourceNat::text(self.snat)),
        ]
    }
}
