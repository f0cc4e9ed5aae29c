//! Drain: take a real server out of service without cutting a connection.
//!
//! Weight 0 is a commit of its own: whatever happens while it waits, the server stays at weight 0
//! until somebody changes it. No lock is held meanwhile.

mod options;

use std::time::Duration;

pub use options::{DRAIN_OPTIONS, DrainOptions, Then};

use super::confirm::nothing_to_confirm;
use super::options::ChangeOptions;
use super::progress::Advance;
use super::remaining::{Remaining, hints};
use super::report::{Outcome, Report};
use super::session::Session;
use super::wait::{Attend, News};
use crate::error::{Error, Kind, Result};
use crate::model::server::server_name;
use crate::model::{
    Counts, EntryKey, LiveServer, Options, ServerKey, ServiceKey, SnapshotId, Weight,
};

/// For so long it looks twice a second, then once a second.
const EAGER: Duration = Duration::from_secs(10);

/// How a drain ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// How long it waited.
    pub waited: Duration,
    /// What was still there, of what it did not wait for.
    pub left: Counts,
    /// The weight that the server had, where that is known.
    pub weight: Option<Weight>,
    /// The snapshot that brought it to weight 0, if this drain made one.
    pub snapshot: Option<SnapshotId>,
}

/// One drain under way.
struct Drain<'a> {
    service: ServiceKey,
    server: ServerKey,
    options: &'a DrainOptions,
    change: &'a ChangeOptions,
    /// The weight before, where it is known.
    weight: Option<Weight>,
}

impl Session {
    /// Brings a server to weight 0, waits until its connections are gone, and does what the
    /// options say then. A dry session does not wait.
    ///
    /// # Errors
    /// `state` while changes are staged, `foreign` for a server that is not ours, `not_found`; as
    /// [`Session::commit`]. Once the server is at weight 0: `timeout`, `interrupted`, `conflict`
    /// where somebody else takes it away or gives it a weight meanwhile.
    pub fn drain(
        &mut self,
        (service, server): (ServiceKey, ServerKey),
        options: &DrainOptions,
        change: &ChangeOptions,
        attend: &mut dyn Attend,
    ) -> Result<Drained> {
        if change.confirm.is_some() {
            let because = "its commits stand while it waits, however long that takes";
            return Err(nothing_to_confirm("drain", because));
        }
        let options = &options.for_service(&service);
        let object = server_name(&service, &server);
        let in_words = |e: Error| e.object(&object).attempt("cannot drain");
        if options.then != Then::Keep {
            self.refuse_pending(change, attend).map_err(in_words)?;
        }
        let before = self
            .weight_of_ours(service, server, change)
            .map_err(in_words)?;
        let weight = match before {
            Some(Weight::ZERO) => self.director().last_weight(&service, &server)?,
            other => other,
        };
        if options.then == Then::Restore && weight.is_none() {
            let error = Error::new(Kind::State, "nothing says which weight it had")
                .hint("it was never above 0 in the history: drain it and set the weight yourself");
            return Err(in_words(error));
        }
        let drain = Drain {
            service,
            server,
            options,
            change,
            weight,
        };
        drain.note_persistence(self, attend)?;
        let quiesced = drain.quiesce(self, attend)?;
        let (waited, left) = match self.is_dry() {
            true => {
                let seconds = options.timeout.as_secs();
                let what = drain.awaited();
                let line =
                    format!("would wait up to {seconds} seconds until {object} has no {what}");
                attend.tell(News::Would(&line));
                (Duration::ZERO, Counts::default())
            }
            false => drain
                .wait(self, attend)
                .map_err(|error| drain.go_on(error).object(&object))?,
        };
        let sentence = format!(
            "drained: {object} has no {} after {} s{}",
            drain.awaited(),
            waited.as_secs(),
            Remaining(left).after()
        );
        if !self.is_dry() {
            attend.tell(News::Done(&sentence));
        }
        drain.end(self, &quiesced, left, attend)?;
        Ok(Drained {
            waited,
            left,
            weight,
            snapshot: quiesced.snapshot().map(|snapshot| snapshot.id),
        })
    }

    /// Refuses now what would refuse the commit that follows when the connections are gone.
    fn refuse_pending(&mut self, change: &ChangeOptions, attend: &mut dyn Attend) -> Result<()> {
        let director = self.director();
        let (store, notes) = director.begin(change)?;
        for note in notes {
            attend.tell(News::Note(&note));
        }
        director.refuse_pending(&*store).map(|_| ())
    }

    /// The head's weight of a server that is ours, as the session is about to change it; none for
    /// one that is taken over.
    fn weight_of_ours(
        &mut self,
        service: ServiceKey,
        server: ServerKey,
        change: &ChangeOptions,
    ) -> Result<Option<Weight>> {
        let entry = EntryKey::Server(service, server);
        if self.candidate()?.is_taken(&entry) && !change.adopt {
            return Err(super::foreign::not_ours(&entry));
        }
        self.refuse_staged("drain")?;
        if self.is_untouched() {
            self.discard();
        }
        let base = self.candidate()?.base();
        let ours = base.services.get(&service);
        if let Some(ours) = ours.and_then(|service| service.servers.get(&server)) {
            return Ok(Some(ours.weight));
        }
        self.refresh();
        let live = self.live()?.servers_of(&service).unwrap_or_default();
        match live.get(&server) {
            None => Err(Error::not_found("there is no such real server")),
            Some(_) if !change.adopt => Err(super::foreign::not_ours(&entry)),
            Some(live) => Ok(Some(live.options.weight)),
        }
    }
}

impl Drain<'_> {
    /// What it waits for, in words.
    fn awaited(&self) -> &'static str {
        match (self.options.inactive, self.options.persistent) {
            (false, false) => "active connections",
            (true, false) => "active or inactive connections",
            (false, true) => "active connections or persistent clients",
            (true, true) => "active or inactive connections or persistent clients",
        }
    }

    /// Adds the ways to go on, where the server is still there at weight 0.
    fn go_on(&self, error: Error) -> Error {
        match error.kind() {
            Kind::Conflict => error,
            _ => hints(error, &self.service, &self.server, self.weight),
        }
    }

    fn is_drained(&self, counts: Counts) -> bool {
        counts.active == 0
            && (!self.options.inactive || counts.inactive == 0)
            && (!self.options.persistent || counts.persistent == 0)
    }

    /// Says that sticky clients stay, where the kernel keeps them.
    fn note_persistence(&self, session: &mut Session, attend: &mut dyn Attend) -> Result<()> {
        let Some(seconds) = session.persistence(&self.service)? else {
            return Ok(());
        };
        let note = format!(
            "{} is persistent ({seconds} s): clients that it keeps with this server go on coming \
             at weight 0, unless net.ipv4.vs.expire_quiescent_template=1",
            self.service
        );
        attend.tell(News::Note(&note));
        Ok(())
    }

    /// Commits weight 0; makes no snapshot where it is there already.
    fn quiesce(&self, session: &mut Session, attend: &mut dyn Attend) -> Result<Report> {
        let report = self.weigh(session, Weight::ZERO, "drain")?;
        match report.outcome {
            Outcome::Unchanged => {
                for note in &report.notes {
                    attend.tell(News::Note(note));
                }
            }
            _ => attend.tell(News::Change(&report)),
        }
        Ok(report)
    }

    /// Commits a weight of the server.
    fn weigh(&self, session: &mut Session, weight: Weight, verb: &str) -> Result<Report> {
        let options = Options::from_iter([("weight".to_owned(), weight.value().into())]);
        session.set_server(self.service, self.server, &options)?;
        self.commit(session, verb)
    }

    fn commit(&self, session: &mut Session, verb: &str) -> Result<Report> {
        let message = || format!("{verb} {}", server_name(&self.service, &self.server));
        let message = self.change.message.clone().unwrap_or_else(message);
        let options = ChangeOptions {
            message: Some(message),
            ..self.change.clone()
        };
        let result = session.commit(&options);
        if result.is_err() {
            // Nothing of a drain stays behind as staged.
            session.discard();
        }
        result
    }

    /// Waits until what it waits for is gone; gives how long that took, and what else is there.
    fn wait(&self, session: &mut Session, attend: &mut dyn Attend) -> Result<(Duration, Counts)> {
        let progress = session.director().progress();
        let result = self.watch(session, attend, |waited, counts| {
            progress.tell(&Advance {
                what: &format!("draining {} of {}", self.server, self.service),
                done: waited.as_secs(),
                total: Some(self.options.timeout.as_secs()),
                unit: &format!("s: {}", Remaining(counts)),
            });
        });
        progress.over();
        session.refresh();
        result
    }

    fn watch(
        &self,
        session: &mut Session,
        attend: &mut dyn Attend,
        mut told: impl FnMut(Duration, Counts),
    ) -> Result<(Duration, Counts)> {
        let start = attend.clock();
        loop {
            let counts = self.look(session)?;
            let waited = attend.clock().saturating_sub(start);
            let interrupted = |error: Error| {
                let left = format!("{}: {} left", error.message(), Remaining(counts));
                Error::new(error.kind(), left).attempt("not drained")
            };
            if self.is_drained(counts) {
                // A signal that came meanwhile ends it here: what is to follow does not happen.
                attend.sleep(Duration::ZERO).map_err(interrupted)?;
                return Ok((waited, counts));
            }
            told(waited, counts);
            let left = self.options.timeout.saturating_sub(waited);
            if left.is_zero() {
                let seconds = self.options.timeout.as_secs();
                return Err(Error::new(
                    Kind::Timeout,
                    format!("after {seconds} s {} left", Remaining(counts)),
                )
                .attempt("not drained"));
            }
            let interval = match waited < EAGER {
                true => Duration::from_millis(500),
                false => Duration::from_secs(1),
            };
            attend.sleep(interval.min(left)).map_err(interrupted)?;
        }
    }

    /// The server's connections now.
    fn look(&self, session: &mut Session) -> Result<Counts> {
        let servers = session
            .director()
            .servers(&self.service)
            .map_err(|e| e.attempt("cannot watch its connections"))?;
        let meanwhile = |what: String| Error::new(Kind::Conflict, what).attempt("not drained");
        match servers.unwrap_or_default().get(&self.server) {
            Some(LiveServer { options, counts }) if options.weight == Weight::ZERO => Ok(*counts),
            Some(LiveServer { options, .. }) => Err(meanwhile(format!(
                "somebody else gave it weight {} meanwhile",
                options.weight
            ))),
            None => Err(meanwhile("somebody else removed it meanwhile".to_owned())),
        }
    }

    /// Does what is to follow; the undo of a removal covers the drain, so that it brings back the
    /// server as it was.
    fn end(
        &self,
        session: &mut Session,
        quiesced: &Report,
        left: Counts,
        attend: &mut dyn Attend,
    ) -> Result<()> {
        let entry = EntryKey::Server(self.service, self.server);
        if self.options.then == Then::Keep {
            return Ok(());
        }
        session.discard();
        let head = session.candidate()?.base().get(&entry);
        let report = match (self.options.then, self.weight, head) {
            (_, _, None) => {
                attend.tell(News::Note(
                    "somebody else took it out of the head meanwhile",
                ));
                return Ok(());
            }
            (Then::Restore, Some(weight), _) => {
                self.weigh(session, weight, "drained: restore the weight of")?
            }
            _ => {
                if let Some(cut) = Remaining(left).cut() {
                    attend.tell(News::Note(&cut));
                }
                session.remove_server(self.service, self.server)?;
                let mut report = self.commit(session, "drained: remove")?;
                report.undo_with(quiesced);
                report
            }
        };
        attend.tell(News::Change(&report));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
