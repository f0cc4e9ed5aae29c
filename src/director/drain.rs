//! Drain: take a real server out of service without cutting a connection.
//!
//! Weight 0 is a commit of its own: whatever happens while it waits, the server stays at weight 0
//! until somebody changes it. No lock is held meanwhile.

mod options;

use std::collections::BTreeSet;
use std::time::Duration;

pub use options::{DRAIN_OPTIONS, DrainOptions, Then};

use super::confirm::nothing_to_confirm;
use super::options::ChangeOptions;
use super::progress::Advance;
use super::remaining::{Remaining, hints};
use super::report::{Outcome, Report};
use super::session::Session;
use super::wait::{Attend, News};
use super::weigh::ServerOf;
use crate::error::{Error, Kind, Result};
use crate::model::server::server_name;
use crate::model::{
    Counts, EntryKey, LiveServer, Mode, ServerKey, ServiceKey, SnapshotId, Weight, count,
};

/// For so long it looks twice a second, then once a second.
const EAGER: Duration = Duration::from_secs(10);

/// How a drain ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    /// How long it waited.
    pub waited: Duration,
    /// What was still there, of what it did not wait for.
    pub left: Counts,
    /// The server in each service, with the weight that it had there, where that is known.
    pub weights: Vec<(ServerOf, Option<Weight>)>,
    /// The snapshot that brought it to weight 0, if this drain made one.
    pub snapshot: Option<SnapshotId>,
}

/// One server of one service that is drained.
struct Target {
    service: ServiceKey,
    server: ServerKey,
    /// The options, as they are for this service.
    options: DrainOptions,
    /// The weight before, where it is known.
    weight: Option<Weight>,
    /// Maintenance keeps it at weight 0: its own weight stays, and comes back when that ends.
    is_in_maintenance: bool,
}

/// One drain under way.
struct Drain<'a> {
    targets: Vec<Target>,
    /// What is drained, in words.
    object: String,
    /// The address that was named, where the server is drained in several services.
    everywhere: Option<&'a str>,
    options: &'a DrainOptions,
    change: &'a ChangeOptions,
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
        server: ServerOf,
        options: &DrainOptions,
        change: &ChangeOptions,
        attend: &mut dyn Attend,
    ) -> Result<Drained> {
        self.drain_all(&[server], None, options, change, attend)
    }

    /// The same for a server in every service that has it, as [`Session::find_servers`] found them
    /// by its address: one commit, then one wait for all, then one commit of what follows.
    ///
    /// # Errors
    /// As [`Session::drain`].
    pub fn drain_everywhere(
        &mut self,
        (address, servers): (&str, &[ServerOf]),
        options: &DrainOptions,
        change: &ChangeOptions,
        attend: &mut dyn Attend,
    ) -> Result<Drained> {
        let everywhere = (servers.len() > 1).then_some(address);
        self.drain_all(servers, everywhere, options, change, attend)
    }

    fn drain_all(
        &mut self,
        servers: &[ServerOf],
        everywhere: Option<&str>,
        options: &DrainOptions,
        change: &ChangeOptions,
        attend: &mut dyn Attend,
    ) -> Result<Drained> {
        if change.confirm.is_some() {
            let because = "its commits stand while it waits, however long that takes";
            return Err(nothing_to_confirm("drain", because));
        }
        let object = object_name(servers, everywhere);
        let in_words = |e: Error| e.object(&object).attempt("cannot drain");
        if options.then != Then::Keep {
            self.refuse_pending(change, attend).map_err(in_words)?;
        }
        let targets = self.targets(servers, options, change)?;
        let drain = Drain {
            targets,
            object,
            everywhere,
            options,
            change,
        };
        drain.note_persistence(self, attend)?;
        let quiesced = drain.quiesce(self, attend)?;
        let (waited, left) = match self.is_dry() {
            true => {
                let (seconds, what) = (options.timeout.as_secs(), drain.awaited());
                let object = &drain.object;
                let line =
                    format!("would wait up to {seconds} seconds until {object} has no {what}");
                attend.tell(News::Would(&line));
                (Duration::ZERO, Counts::default())
            }
            false => drain
                .wait(self, attend)
                .map_err(|error| drain.go_on(error).object(&drain.object))?,
        };
        let sentence = format!(
            "drained: {} has no {} after {} s{}",
            drain.object,
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
            weights: drain.targets.iter().map(Target::weight_before).collect(),
            snapshot: quiesced.snapshot().map(|snapshot| snapshot.id),
        })
    }

    /// The servers as a drain takes them, after what would refuse one of them.
    fn targets(
        &mut self,
        servers: &[ServerOf],
        options: &DrainOptions,
        change: &ChangeOptions,
    ) -> Result<Vec<Target>> {
        let mut targets = Vec::new();
        let maintained = self.in_maintenance(servers)?;
        for (service, server) in servers {
            let maintenance = maintained
                .iter()
                .find(|(one, _, _)| *one == (*service, *server));
            if let Some((_, key, Mode::Out)) = maintenance {
                let error = Error::new(Kind::State, "maintenance took it out of the table")
                    .hint(format!("to end that: ipvsh enable {key}"));
                return Err(refused(error, service, server));
            }
            let weight = self.weight_of_ours(*service, *server, change);
            targets.push(Target {
                service: *service,
                server: *server,
                options: options.for_service(service),
                weight: weight.map_err(|e| refused(e, service, server))?,
                is_in_maintenance: maintenance.is_some_and(|(_, _, mode)| *mode == Mode::Drain),
            });
        }
        let at_zero = |target: &&mut Target| target.weight == Some(Weight::ZERO);
        let zeros: Vec<&mut Target> = targets.iter_mut().filter(at_zero).collect();
        let named: Vec<ServerOf> = zeros.iter().map(|t| (t.service, t.server)).collect();
        for (target, before) in zeros.into_iter().zip(self.director().last_weights(&named)?) {
            target.weight = before;
        }
        let unknown = targets.iter().find(|target| target.weight.is_none());
        if let (Then::Restore, Some(target)) = (options.then, unknown) {
            let error = Error::new(Kind::State, "nothing says which weight it had")
                .hint("it was never above 0 in the history: drain it and set the weight yourself");
            return Err(refused(error, &target.service, &target.server));
        }
        Ok(targets)
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

impl Target {
    fn name(&self) -> String {
        server_name(&self.service, &self.server)
    }

    fn entry(&self) -> EntryKey {
        EntryKey::Server(self.service, self.server)
    }

    fn weight_before(&self) -> (ServerOf, Option<Weight>) {
        ((self.service, self.server), self.weight)
    }

    fn is_drained(&self, counts: Counts) -> bool {
        counts.active == 0
            && (!self.options.inactive || counts.inactive == 0)
            && (!self.options.persistent || counts.persistent == 0)
    }

    /// The server's connections now.
    fn look(&self, session: &mut Session) -> Result<Counts> {
        let servers = session
            .director()
            .servers(&self.service)
            .map_err(|e| e.attempt("cannot watch its connections"))?;
        let meanwhile = |what: String| {
            Error::new(Kind::Conflict, what)
                .object(self.name())
                .attempt("not drained")
        };
        match servers.unwrap_or_default().get(&self.server) {
            Some(LiveServer { options, counts }) if options.weight == Weight::ZERO => Ok(*counts),
            Some(LiveServer { options, .. }) => Err(meanwhile(format!(
                "somebody else gave it weight {} meanwhile",
                options.weight
            ))),
            None => Err(meanwhile("somebody else removed it meanwhile".to_owned())),
        }
    }
}

impl Drain<'_> {
    /// What it waits for, in words.
    fn awaited(&self) -> &'static str {
        let inactive = self.targets.iter().any(|target| target.options.inactive);
        match (inactive, self.options.persistent) {
            (false, false) => "active connections",
            (true, false) => "active or inactive connections",
            (false, true) => "active connections or persistent clients",
            (true, true) => "active or inactive connections or persistent clients",
        }
    }

    /// Adds the ways to go on, where the server is still there at weight 0.
    fn go_on(&self, error: Error) -> Error {
        match (error.kind(), self.everywhere, self.targets.as_slice()) {
            (Kind::Conflict, _, _) => error,
            (_, Some(address), _) => error
                .hint("it stays at weight 0; to wait on, drain it again")
                .hint(format!("to restore its weights: ipvsh enable {address}")),
            (_, None, [one]) => hints(error, &one.service, &one.server, one.weight),
            (_, None, _) => error,
        }
    }

    /// Says that sticky clients stay, where the kernel keeps them.
    fn note_persistence(&self, session: &mut Session, attend: &mut dyn Attend) -> Result<()> {
        let services: BTreeSet<ServiceKey> = self.targets.iter().map(|t| t.service).collect();
        for service in services {
            let Some(seconds) = session.persistence(&service)? else {
                continue;
            };
            let note = format!(
                "{service} is persistent ({seconds} s): clients that it keeps with this server go \
                 on coming at weight 0, unless net.ipv4.vs.expire_quiescent_template=1"
            );
            attend.tell(News::Note(&note));
        }
        Ok(())
    }

    /// Commits weight 0; makes no snapshot where it is there already.
    fn quiesce(&self, session: &mut Session, attend: &mut dyn Attend) -> Result<Report> {
        let zero = |target: &Target| ((target.service, target.server), Weight::ZERO);
        let targets = self.targets.iter();
        let targets = targets.filter(|target| !target.is_in_maintenance);
        let zeros: Vec<(ServerOf, Weight)> = targets.map(zero).collect();
        let report = self.weigh(session, &zeros, "drain")?;
        match report.outcome {
            Outcome::Unchanged => {
                for note in &report.notes {
                    attend.tell(News::Note(note));
                }
                for warning in &report.warnings {
                    attend.tell(News::Warning(warning));
                }
            }
            _ => attend.tell(News::Change(&report)),
        }
        Ok(report)
    }

    /// Commits weights of the servers.
    fn weigh(
        &self,
        session: &mut Session,
        weights: &[(ServerOf, Weight)],
        verb: &str,
    ) -> Result<Report> {
        session.stage_weights(weights)?;
        self.commit(session, verb)
    }

    fn commit(&self, session: &mut Session, verb: &str) -> Result<Report> {
        let message = self.change.message.clone();
        let options = ChangeOptions {
            message: Some(message.unwrap_or_else(|| format!("{verb} {}", self.object))),
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
        let what = match (self.everywhere, self.targets.as_slice()) {
            (None, [one]) => format!("draining {} of {}", one.server, one.service),
            _ => format!("draining {}", self.object),
        };
        let result = self.watch(session, attend, |waited, counts| {
            progress.tell(&Advance {
                what: &what,
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
            let (is_drained, counts) = self.look(session)?;
            let waited = attend.clock().saturating_sub(start);
            let interrupted = |error: Error| {
                let left = format!("{}: {} left", error.message(), Remaining(counts));
                Error::new(error.kind(), left)
                    .attempt("not drained")
                    .caused_by(error)
            };
            if is_drained {
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

    /// Whether all of them are drained, and their connections now, together.
    fn look(&self, session: &mut Session) -> Result<(bool, Counts)> {
        let (mut all_drained, mut sum) = (true, Counts::default());
        for target in &self.targets {
            let counts = target.look(session)?;
            all_drained &= target.is_drained(counts);
            sum += counts;
        }
        Ok((all_drained, sum))
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
        if self.options.then == Then::Keep {
            return Ok(());
        }
        session.discard();
        let mut standing = Vec::new();
        for target in &self.targets {
            match session.candidate()?.base().has(&target.entry()) {
                true => standing.push(target),
                false => attend.tell(News::Note(&match self.everywhere {
                    None => "somebody else took it out of the head meanwhile".to_owned(),
                    Some(_) => format!(
                        "somebody else took {} out of the head meanwhile",
                        target.name()
                    ),
                })),
            }
        }
        if standing.is_empty() {
            return Ok(());
        }
        let report = match self.options.then {
            Then::Restore => {
                let back =
                    |target: &&Target| Some(((target.service, target.server), target.weight?));
                let weights: Vec<(ServerOf, Weight)> = standing.iter().filter_map(back).collect();
                self.weigh(session, &weights, "drained: restore the weight of")?
            }
            _ => {
                if let Some(cut) = Remaining(left).cut() {
                    attend.tell(News::Note(&cut));
                }
                for target in standing {
                    session.remove_server(target.service, target.server)?;
                }
                let mut report = self.commit(session, "drained: remove")?;
                report.undo_with(quiesced);
                report
            }
        };
        attend.tell(News::Change(&report));
        Ok(())
    }
}

/// The same error, about a server that cannot be drained.
fn refused(error: Error, service: &ServiceKey, server: &ServerKey) -> Error {
    error
        .object(server_name(service, server))
        .attempt("cannot drain")
}

/// What is drained, in words.
fn object_name(servers: &[ServerOf], everywhere: Option<&str>) -> String {
    match (everywhere, servers) {
        (None, [(service, server)]) => server_name(service, server),
        (address, all) => {
            let services: BTreeSet<ServiceKey> = all.iter().map(|(service, _)| *service).collect();
            let address = address.unwrap_or_default();
            format!(
                "real server {address} of {}",
                count(services.len(), "service")
            )
        }
    }
}

#[cfg(test)]
mod tests;
