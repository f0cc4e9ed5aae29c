//! How a server is drained, and what follows.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::patch::{check_names, wrong};
use crate::model::{Options, Protocol, ServiceKey};

/// The options of a drain.
pub const DRAIN_OPTIONS: [&str; 4] = ["timeout", "then", "inactive", "persistent"];

/// The longest wait: a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What follows when the connections are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Then {
    /// It stays at weight 0.
    #[default]
    Keep,
    /// It is removed.
    Remove,
    /// It gets back the weight that it had.
    Restore,
}

impl Then {
    /// All of them, by name.
    pub const ALL: [(&'static str, Then); 3] = [
        ("keep", Then::Keep),
        ("remove", Then::Remove),
        ("restore", Then::Restore),
    ];

    /// Parses a name.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Then> {
        let found = Then::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, then)| *then).ok_or_else(|| {
            Error::invalid(format!("unknown end of a drain \"{text}\""))
                .about(text)
                .hint("then is \"keep\", \"remove\" or \"restore\"")
        })
    }
}

/// How a server is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOptions {
    /// How long it waits at most; default ten minutes.
    pub timeout: Duration,
    /// What follows.
    pub then: Then,
    /// Waits for inactive connections too: those that are closing. Of UDP always.
    pub inactive: bool,
    /// Waits for persistence templates too.
    pub persistent: bool,
}

impl Default for DrainOptions {
    fn default() -> DrainOptions {
        DrainOptions {
            timeout: Duration::from_secs(600),
            then: Then::Keep,
            inactive: false,
            persistent: false,
        }
    }
}

impl DrainOptions {
    /// Reads an option map.
    ///
    /// # Errors
    /// `invalid` for unknown names and values out of range.
    pub fn parse(options: &Options) -> Result<DrainOptions> {
        check_names(options, &DRAIN_OPTIONS, "drain")?;
        let mut drain = DrainOptions::default();
        for (name, value) in options {
            let truth = || {
                let truth = value.as_bool();
                truth.ok_or_else(|| wrong(name, "true or false", value))
            };
            match name.as_str() {
                "timeout" => {
                    let seconds = value.as_f64();
                    drain.timeout =
                        DrainOptions::limit(seconds.ok_or_else(|| wrong(name, "a number", value))?)?
                }
                "then" => {
                    let text = value.as_str();
                    drain.then = Then::parse(text.ok_or_else(|| wrong(name, "text", value))?)?;
                }
                "inactive" => drain.inactive = truth()?,
                _ => drain.persistent = truth()?,
            }
        }
        Ok(drain)
    }

    /// The same for a service. Of UDP the kernel counts every connection as inactive
    /// (ip_vs_ctl.c, `__ip_vs_update_dest`; only TCP and SCTP ever make them active): there is
    /// nothing else to wait for.
    #[must_use]
    pub(super) fn for_service(&self, service: &ServiceKey) -> DrainOptions {
        let udp =
            matches!(service, ServiceKey::Address { protocol, .. } if *protocol == Protocol::UDP);
        DrainOptions {
            inactive: self.inactive || udp,
            ..*self
        }
    }

    /// A time limit in seconds.
    ///
    /// # Errors
    /// `invalid` outside 0 to a week.
    pub fn limit(seconds: f64) -> Result<Duration> {
        match Duration::try_from_secs_f64(seconds) {
            Ok(limit) if limit <= LONGEST => Ok(limit),
            _ => Err(Error::invalid(format!("timeout {seconds} is out of range"))
                .about("timeout")
                .hint(format!(
                    "timeout is 0 to {} seconds (a week)",
                    LONGEST.as_secs()
                ))),
        }
    }
}
