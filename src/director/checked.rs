//! The state of the checks, as the daemon says it, or as it left it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::object::Object;
use super::{Director, ServerOf};
use crate::error::{Error, Kind, Result};
use crate::health::{
    Deviation, Knowledge, Report as HealthReport, ServerHealth, Situation, Standing, Target,
};
use crate::model::{EntryKey, Ruleset, ServerKey, ServiceKey};
use crate::runtime::{Answer, Request, TargetName, ask};

/// The state of the checks, and who says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The checked servers that were asked for. Where no daemon runs, without their checks.
    pub report: HealthReport,
    /// Why the daemon does not say it; `None` where it does.
    pub without_daemon: Option<String>,
    /// A daemon ran once, and left its state.
    pub was_written: bool,
}

/// What one run of a check found out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CheckRun {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub server: ServerKey,
    /// The check in a few words.
    pub check: String,
    /// `passed`, `failed` or `no_result`.
    pub verdict: String,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// What came back, in a few words.
    pub answer: String,
    /// How long it took, in seconds.
    pub latency: f64,
}

impl CheckRun {
    /// Returns true if the server answered as it should.
    pub fn has_passed(&self) -> bool {
        self.verdict == "passed"
    }
}

/// Whether a director may take traffic.
#[derive(Debug)]
pub enum Readiness {
    /// It may.
    Ready {
        /// When it was ready first, in this boot.
        since: DateTime<Utc>,
        /// Why the next question will not know that it was ready; none where it will.
        forgotten: Option<Error>,
    },
    /// It may not yet: why.
    NotYet(String),
}

impl Director {
    /// Says how the checked servers stand: all, or those of an object. Where no daemon runs, as the
    /// daemon left the state.
    ///
    /// # Errors
    /// `invalid` for a malformed name; `not_found` where no checked server has it; `state` where the
    /// daemon refuses, or where the state cannot be read.
    pub fn health(&self, object: Option<&str>) -> Result<Health> {
        let rules = self.head_rules()?;
        let wanted = wanted(&rules, object)?;
        let (mut report, without_daemon) = match self.ask_daemon(&Request::Report) {
            Ok(answer) => (data(answer)?, None),
            Err(error) if is_absence(&error) => {
                (self.report_of_state(&rules)?, Some(error.message()))
            }
            Err(error) => return Err(error),
        };
        report
            .servers
            .retain(|one| object.is_none() || wanted.contains(&(one.service, one.server)));
        Ok(Health {
            report,
            without_daemon,
            was_written: self.health.has_state(),
        })
    }

    /// Has the daemon run checks once, of all checked servers or those of an object. Nothing changes.
    ///
    /// # Errors
    /// `state` where no daemon runs; as [`Director::health`].
    pub fn check_now(&self, object: Option<&str>) -> Result<Vec<CheckRun>> {
        let wanted = wanted(&self.head_rules()?, object)?;
        let targets = match object {
            None => Vec::new(),
            Some(_) => wanted
                .into_iter()
                .map(|(service, server)| TargetName::from(Target { service, server }))
                .collect(),
        };
        data(self.ask_daemon(&Request::Now { targets })?)
    }

    fn ask_daemon(&self, request: &Request) -> Result<Answer> {
        match self.health.runtime_dir() {
            Some(dir) => ask(dir, request),
            None => Err(Error::new(Kind::State, "no daemon runs here")),
        }
    }

    /// The report of servers as the daemon left their state.
    fn report_of_state(&self, rules: &Ruleset) -> Result<HealthReport> {
        let overlay = self.overlay();
        let state = match overlay.knowledge {
            Knowledge::Known(state) => state,
            Knowledge::Unreadable(why) => {
                return Err(Error::new(Kind::State, why).attempt("cannot read the state"));
            }
        };
        let servers = checked(rules).into_iter().map(|(service, server)| {
            let deviation = state.servers.get(&Target { service, server });
            ServerHealth {
                service,
                server,
                state: deviation.map_or(Standing::Up, standing),
                since: deviation.map_or(overlay.now, |one| one.since),
                reason: deviation.map(|one| one.reason.clone()),
                latency: None,
                held: false,
                checks: Vec::new(),
            }
        });
        Ok(HealthReport {
            ready: false,
            failure: None,
            guard: None,
            servers: servers.collect(),
        })
    }

    /// Ends the guard of the daemon.
    ///
    /// # Errors
    /// `state` where no daemon runs, or where the guard is not on.
    pub fn unfreeze(&self) -> Result<()> {
        self.ask_daemon(&Request::Unfreeze).map(|_| ())
    }

    /// Says whether this director may take traffic: the kernel has the services of the head, and
    /// every check has run once. Once it is so, it stays so until the machine boots again: a new
    /// service or a stopped daemon is no reason to send the traffic elsewhere.
    ///
    /// # Errors
    /// As the store fails, as the kernel refuses.
    pub fn readiness(&mut self) -> Result<Readiness> {
        if let Some(since) = self.health.ready_since() {
            return Ok(Readiness::Ready {
                since,
                forgotten: None,
            });
        }
        Ok(match self.unreadiness()? {
            Some(why) => Readiness::NotYet(why),
            None => {
                let since = self.now();
                Readiness::Ready {
                    since,
                    forgotten: self.health.remember_ready(since).err(),
                }
            }
        })
    }

    /// Why this director is not ready now; `None` where it is.
    fn unreadiness(&mut self) -> Result<Option<String>> {
        let rules = self.head_rules()?;
        let live = self.live_services()?;
        let missing = rules.services.keys();
        let missing = missing.filter(|key| !live.rules.services.contains_key(key));
        let missing: Vec<&ServiceKey> = missing.collect();
        if let [first, rest @ ..] = missing.as_slice() {
            return Ok(Some(match rest.len() {
                0 => format!("the kernel does not have {first}"),
                more => format!("the kernel does not have {first} and {more} more of the head"),
            }));
        }
        if checked(&rules).is_empty() {
            return Ok(None);
        }
        #[derive(Deserialize)]
        struct Itself {
            ready: bool,
            #[serde(default)]
            failure: Option<String>,
        }
        match self.ask_daemon(&Request::State) {
            Ok(answer) => {
                let Itself { ready, failure } = data(answer)?;
                let failure =
                    failure.map(|why| format!("the daemon cannot write what it finds out: {why}"));
                Ok(failure.or_else(|| (!ready).then(|| "not every check has run yet".to_owned())))
            }
            Err(error) if is_absence(&error) => Ok(Some(error.message())),
            Err(error) => Err(error),
        }
    }
}

/// Returns true if nobody answered: no daemon runs, or it is stopped.
fn is_absence(error: &Error) -> bool {
    matches!(error.kind(), Kind::State | Kind::Timeout)
}

fn standing(deviation: &Deviation) -> Standing {
    match deviation.situation {
        Situation::Down => Standing::Down,
        Situation::Waiting => Standing::Waiting,
    }
}

/// Reads the data of an answer.
fn data<T: for<'de> Deserialize<'de>>(answer: Answer) -> Result<T> {
    let Answer::Data(value) = answer else {
        return Err(Error::new(Kind::State, "the daemon answered without data"));
    };
    serde_json::from_value(value).map_err(|error| {
        Error::new(Kind::State, "the daemon's answer cannot be understood")
            .caused_by(error)
            .hint("after an upgrade: systemctl try-restart ipvsh-daemon")
    })
}

/// The servers of a ruleset that are checked.
fn checked(rules: &Ruleset) -> BTreeSet<ServerOf> {
    let services = rules.services.iter();
    services
        .flat_map(|(key, service)| service.checked_servers().map(|server| (*key, *server)))
        .collect()
}

/// The checked servers of an object; without one, all.
fn wanted(rules: &Ruleset, object: Option<&str>) -> Result<BTreeSet<ServerOf>> {
    let mut all = checked(rules);
    let Some(name) = object else {
        return Ok(all);
    };
    let objects = Object::all_named(name, rules)?;
    all.retain(|(service, server)| {
        objects.iter().any(|object| {
            object.fits(&EntryKey::Service(*service))
                || object.fits_anywhere(&EntryKey::Server(*service, *server))
        })
    });
    match all.is_empty() {
        false => Ok(all),
        true => Err(
            Error::not_found("no checked server of the head has that name")
                .object(name)
                .hint("ipvsh health lists what is checked"),
        ),
    }
}
