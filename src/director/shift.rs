//! Shift: move a service's connections from some servers to others, a share at a time.
//!
//! Every share is a commit of its own. What it found comes back where a step fails, a check says
//! no, or a signal comes. The loop knows neither time nor scripts: [`Moves`] does.

mod options;
mod unchecked;

pub use options::{SHIFT_OPTIONS, ShiftOptions};

use super::foreign::not_ours;
use super::options::ChangeOptions;
use super::report::{Outcome, Report};
use super::session::Session;
use super::shares::{Weights, divide, has, share, sum};
use crate::error::{Error, Kind, Result};
use crate::model::server::server_name;
use crate::model::{EntryKey, Options, ServerKey, ServiceKey, SnapshotId, Weight};
use crate::signals;

/// Schedulers to which a weight is only 0 or not, or a rank (net/netfilter/ipvs/ip_vs_*.c).
const DO_NOT_WEIGH: [&str; 5] = ["rr", "lc", "dh", "fo", "ovf"];

/// A shift that can be made: every step is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The service.
    pub service: ServiceKey,
    /// The weights before.
    pub found: Weights,
    /// The weights of each step, with its share in percent; without those that are done already.
    pub steps: Vec<(u32, Weights)>,
    /// The steps that are left out: the servers to move to have their share already, or more.
    pub skipped: Vec<u32>,
    /// The share that they have before the first step, in percent.
    pub share: u32,
}

/// What a shift is made of; each may fail.
pub trait Moves {
    /// Commits weights; the undo that is offered covers the step before as well, where one is
    /// given.
    ///
    /// # Errors
    /// As [`Session::weigh`].
    fn weigh(
        &mut self,
        weights: &Weights,
        message: String,
        before: Option<&Report>,
    ) -> Result<Report>;

    /// Lets the pause pass, and checks; the last step is told so.
    ///
    /// # Errors
    /// `interrupted`; `aborted` where the check says no; what the check itself raised.
    fn pause(&mut self, percent: u32, is_last: bool) -> Result<()>;
}

impl Shift {
    /// Makes the steps one after the other; gives the last snapshot that it made.
    ///
    /// # Errors
    /// What ended it, after the weights that it found are back; where they could not be brought
    /// back the error says that too.
    pub fn carry_out(&self, moves: &mut dyn Moves) -> Result<Option<SnapshotId>> {
        let mut snapshot = None;
        let mut before: Option<Report> = None;
        for (place, (percent, weights)) in self.steps.iter().enumerate() {
            let message = format!("shift {} to {percent} %", self.service);
            let is_last = place + 1 == self.steps.len();
            let made = moves.weigh(weights, message, before.as_ref());
            let made = made.and_then(|report| {
                snapshot = report.snapshot().map(|made| made.id).or(snapshot);
                before = Some(report);
                moves.pause(*percent, is_last)
            });
            if let Err(error) = made {
                let at = format!("aborted at {percent} %");
                let error = error.object(self.service).attempt(format!("shift {at}"));
                return Err(match snapshot {
                    // Nothing changed.
                    None => error,
                    Some(_) => self.take_back(moves, error, &at),
                });
            }
        }
        Ok(snapshot)
    }

    /// Says which steps are left out, and why, where others follow.
    fn skipped_words(&self) -> Option<String> {
        let (next, _) = self.steps.first()?;
        let skipped: Vec<String> = self.skipped.iter().map(ToString::to_string).collect();
        (!skipped.is_empty()).then(|| {
            let plural = if skipped.len() == 1 { "" } else { "s" };
            format!(
                "step{plural} {} skipped: the servers to move to have {} % of the weight already; \
                 the first step is {next}",
                skipped.join(", "),
                self.share
            )
        })
    }

    /// What the user should know before the first step.
    ///
    /// # Errors
    /// As the store and the kernel fail to be read.
    pub fn notes(&self, session: &mut Session) -> Result<Vec<String>> {
        let persistence = match self.steps.is_empty() {
            true => None,
            false => session.persistence(&self.service)?,
        };
        let stay = persistence.map(|seconds| {
            format!(
                "{} is persistent ({seconds} s): clients stay with the server that they have, \
                 until they are forgotten; new clients follow the weights",
                self.service
            )
        });
        Ok(stay.into_iter().chain(self.skipped_words()).collect())
    }

    /// The sentence that ends it; with the last snapshot that it made.
    pub fn ended(&self, snapshot: Option<SnapshotId>) -> String {
        match snapshot {
            None => format!("nothing to shift: {} has that share, or more", self.service),
            Some(_) => format!("shifted {}", self.service),
        }
    }

    /// Brings back the weights that it found.
    fn take_back(&self, moves: &mut dyn Moves, error: Error, at: &str) -> Error {
        // A signal may be the reason: a database that is busy is waited for all the same.
        let _deaf = signals::deafen();
        let message = format!("shift {at}: {}: weights as before", self.service);
        match moves.weigh(&self.found, message, None) {
            Ok(report) => match report.outcome {
                Outcome::Recorded { snapshot, .. } => error.hint(format!(
                    "the weights are as they were: snapshot {}",
                    snapshot.id
                )),
                _ => error.hint("the weights are as they were"),
            },
            Err(more) => {
                let error = error.hint(format!("the weights could not be brought back: {more}"));
                self.found.iter().fold(error, |error, (server, weight)| {
                    error.hint(format!("ipvsh weight {server} {weight} {}", self.service))
                })
            }
        }
    }
}

impl Session {
    /// Prepares a shift: finds all weights, and refuses what cannot be done. With `adopt` it takes
    /// over servers that somebody else made.
    ///
    /// # Errors
    /// `state` while changes are staged, or where the kernel has other weights than the head;
    /// `foreign`, `not_found`; `invalid` where the scheduler does not weigh or the weights are
    /// too coarse.
    pub fn prepare_shift(
        &mut self,
        service: ServiceKey,
        (from, to): (&[ServerKey], &[ServerKey]),
        options: &ShiftOptions,
        adopt: bool,
    ) -> Result<Shift> {
        let in_words = |e: Error| e.object(service).attempt("cannot shift");
        let is_untouched = self.is_untouched();
        let prepared = self.prepare(service, (from, to), options, adopt);
        if prepared.is_err() && is_untouched {
            // What was taken over does not stay behind.
            self.discard();
        }
        prepared.map_err(in_words)
    }

    fn prepare(
        &mut self,
        service: ServiceKey,
        (from, to): (&[ServerKey], &[ServerKey]),
        options: &ShiftOptions,
        adopt: bool,
    ) -> Result<Shift> {
        if from.is_empty() || to.is_empty() {
            return Err(Error::invalid("both sides need a server"));
        }
        if let Some(both) = from.iter().find(|key| to.contains(key)) {
            return Err(Error::invalid(format!("{both} is on both sides")));
        }
        if !adopt && self.candidate()?.is_taken(&EntryKey::Service(service)) {
            return Err(not_ours(&EntryKey::Service(service)));
        }
        self.refuse_staged("shift")?;
        if self.is_untouched() {
            self.discard();
        }
        self.refresh();
        let from = self.found(service, from, adopt)?;
        let to = self.found(service, to, adopt)?;
        if adopt {
            self.take_over(&service)?;
        }
        if sum(&from) + sum(&to) == 0 {
            return Err(Error::new(Kind::State, "all of their weights are 0")
                .hint("the servers to move away from need a weight above 0"));
        }
        let named = |key: &ServerKey| from.contains_key(key) || to.contains_key(key);
        let ours = self.candidate()?.service(&service)?;
        let scheduler = ours.options.scheduler.to_string();
        let beside = ours
            .servers
            .iter()
            .find(|(key, server)| !named(key) && server.weight != Weight::ZERO)
            .map(|(key, server)| (*key, server.weight));
        let (mut steps, mut skipped) = (Vec::new(), Vec::new());
        for percent in &options.steps {
            if has(&from, &to, *percent) {
                skipped.push(*percent);
                continue;
            }
            if *percent < 100 && DO_NOT_WEIGH.contains(&scheduler.as_str()) {
                return Err(Error::invalid(format!(
                    "its scheduler, {scheduler}, does not divide by weight"
                ))
                .hint("wrr, wlc, sed, nq, sh and mh do: find(...).set(#{ scheduler: \"wrr\" })")
                .hint("or move at once: steps: [100] (--steps 100)"));
            }
            let (weights, scale) = divide(&from, &to, *percent)?;
            if let (2.., Some((key, weight))) = (scale, beside) {
                return Err(Error::invalid(format!(
                    "{percent} % is no whole number of their weights, and {key} stands beside \
                     them with weight {weight}"
                ))
                .hint(format!(
                    "make all weights {scale} times as large first: for s in \
                     find(\"{service}\").servers() {{ s.set(#{{ weight: s.weight * {scale} }}); }}"
                ))
                .hint("or name all servers of the service in from and to"));
            }
            steps.push((*percent, weights));
        }
        let share = share(&from, &to);
        let found = from.into_iter().chain(to).collect();
        Ok(Shift {
            service,
            found,
            steps,
            skipped,
            share,
        })
    }

    /// The weights of servers that are ours, and stand in the kernel as in the head.
    fn found(&mut self, service: ServiceKey, keys: &[ServerKey], adopt: bool) -> Result<Weights> {
        let live = self.live()?.servers_of(&service).unwrap_or_default();
        let mut found = Weights::new();
        for key in keys {
            let entry = EntryKey::Server(service, *key);
            let ours = self.candidate()?.base().services.get(&service);
            let ours = ours.and_then(|ours| ours.servers.get(key));
            let weight = match (ours, live.get(key)) {
                (Some(ours), Some(live)) if ours.weight == live.options.weight => ours.weight,
                (Some(ours), live) => {
                    let live = live.map_or("is not there".to_owned(), |live| {
                        format!("has weight {}", live.options.weight)
                    });
                    let differs = format!(
                        "the head has weight {}, and in the kernel it {live}",
                        ours.weight
                    );
                    return Err(Error::new(Kind::State, differs)
                        .object(server_name(&service, key))
                        .hint("ipvsh plan shows it; ipvsh restore brings it back, ipvsh adopt keeps it"));
                }
                (None, Some(live)) if adopt => live.options.weight,
                (None, Some(_)) => return Err(not_ours(&entry)),
                (None, None) => {
                    return Err(Error::not_found("there is no such real server")
                        .object(server_name(&service, key))
                        .hint(format!(
                            "add it at weight 0 first: find(\"{service}\").server(\"{key}\", \
                             #{{ weight: 0 }}); commit();"
                        )));
                }
            };
            found.insert(*key, weight);
        }
        Ok(found)
    }

    /// Commits weights of servers of one service; the undo that is offered covers the change
    /// before as well, where one is given.
    ///
    /// # Errors
    /// As [`Session::commit`]; nothing stays staged.
    pub fn weigh(
        &mut self,
        service: ServiceKey,
        weights: &Weights,
        change: &ChangeOptions,
        before: Option<&Report>,
    ) -> Result<Report> {
        let mut result = weights
            .iter()
            .try_for_each(|(key, weight)| {
                let options = Options::from_iter([("weight".to_owned(), weight.value().into())]);
                self.set_server(service, *key, &options)
            })
            .and_then(|()| self.commit(change));
        match (&mut result, before) {
            (Ok(report), Some(before)) => report.undo_with(before),
            (Ok(_), None) => {}
            (Err(_), _) => self.discard(),
        }
        result
    }
}

/// The options of one step's commit: it has no time to confirm, and its message says which step
/// it is.
pub fn step_options(change: &ChangeOptions, step: String) -> ChangeOptions {
    let message = match &change.message {
        Some(given) => format!("{given}: {step}"),
        None => step,
    };
    ChangeOptions {
        message: Some(message),
        ..change.clone()
    }
}

#[cfg(test)]
mod tests;
