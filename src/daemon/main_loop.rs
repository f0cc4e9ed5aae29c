//! The main thread: it schedules the checks, decides by their results, and writes what follows.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::answers::{Itself, Lateness, summary};
use super::head::Head;
use super::hook::Hook;
use super::news::News;
use super::observing::Observing;
use super::on_demand::OnDemand;
use super::probes::Probes;
use super::recorder::{Observer, Recorder};
use super::supervisor::Supervisor;
use super::writer::{Locked, Writer};
use super::{DaemonOptions, Setup};
use crate::clock::{Clock, SystemClock};
use crate::director::Written;
use crate::error::{Error, Kind, Result};
use crate::health::{Event, EventKind, Monitor, MonitorOptions, Now, Report, Target, Transition};
use crate::model::MaintenanceKey;
use crate::runtime::{
    Answer, Asked, ControlServer, EventLog, Heartbeat, Request, RuntimeDir, StateFile, place_of,
    starting_state,
};
use crate::signals;

/// How often the daemon looks after itself: the head, the heartbeat, the copy of the state.
const TICK: Duration = Duration::from_secs(1);

/// Checks that did not say for so long that they run are stuck: the watchdog is not fed any more.
const STUCK: Duration = Duration::from_secs(5);

/// Runs until a signal asks for an end; ends then without a change of the kernel.
///
/// # Errors
/// `state` where another daemon runs for this database; `damaged` where the state of the checks is
/// unreadable; `usage` for a hook that cannot be run; `not_permitted`, `system`.
pub fn run(setup: Setup, options: &DaemonOptions, observer: &dyn Observer) -> Result<()> {
    let _hold = signals::hold();
    let (news, heard) = channel();
    forward_signals(news.clone())?;
    let dir = RuntimeDir::of(&setup.stores.dir);
    let database = setup.stores.dir.clone();
    let place = place_of(setup.stores.kind)?;
    // In this order: whatever is dropped at the end is dropped in the reverse one.
    let mut hold = Held::default();
    if !options.observe {
        // Before the state is read, which the daemon before may still write.
        hold.lock = Some(setup.stores.lock_daemon()?);
    }
    let mut head = Head::new(&setup.stores);
    let starting = starting_state(&dir, &database, &place, SystemClock.utc())?;
    for note in &starting.notes {
        observer.note(note);
    }
    let state = starting.state.clone();
    let (mut writing, mut log) = (None, None);
    if !options.observe {
        dir.make()?;
        log = Some(EventLog::new(&dir));
    }
    let hook = match (&options.hook, options.observe) {
        (Some(path), false) => Some(Hook::start(path, news.clone())?),
        _ => None,
    };
    if let Err(error) = head.look() {
        // Hands off until it can be read.
        observer.note(&error.to_string());
    }
    let mut observing = None;
    if options.observe {
        observing = Some(Observing::new(setup.director));
    } else {
        let written_at = starting.written_at.unwrap_or_else(|| SystemClock.utc());
        let file = StateFile::create(&dir, &database, place, starting, &SystemClock)?;
        writing = Some(Writer::new(setup, file, written_at));
        let asked = news.clone();
        let deliver = move |request: Asked| drop(asked.send(News::Asked(request)));
        hold.control = Some(ControlServer::start(&dir, deliver)?);
        hold.heartbeat = Some(Heartbeat::start(&dir)?);
    }
    let now = now();
    let monitor = Monitor::new(MonitorOptions {
        guard: options.guard,
        seed: seed(now),
    });
    let mut daemon = Daemon {
        monitor,
        head,
        writing,
        observing,
        probes: Probes::start(news)?,
        recorder: Recorder::new(observer, log, hook),
        supervisor: Supervisor::new(),
        on_demand: OnDemand::default(),
        itself: Itself::new(options, now.utc),
        lateness: Lateness::default(),
        hold,
        tick_at: now.monotonic,
        probes_at: now.monotonic,
        is_head_wanted: false,
        is_time_to_look: true,
        head_failure: None,
    };
    let rules = Rc::clone(daemon.head.rules());
    daemon.monitor.set_rules(&rules, &state, now);
    daemon
        .recorder
        .say(EventKind::DaemonStarted, "daemon", &started(options), now);
    daemon.supervisor.ready();
    let done = daemon.serve(&heard);
    daemon.end();
    done
}

/// What the process holds while it runs.
#[derive(Default)]
struct Held {
    control: Option<ControlServer>,
    heartbeat: Option<Heartbeat>,
    /// The last to go.
    lock: Option<crate::store::DaemonLock>,
}

impl Held {
    /// Refuses to go on where commands could not find this process any more, or another daemon may be
    /// this database's: the next start makes the files anew.
    fn are_in_place(&self) -> Result<()> {
        let gone = |what: &str| {
            Err(
                Error::new(Kind::State, format!("{what} was removed or replaced"))
                    .object("daemon")
                    .attempt("cannot go on")
                    .hint("start it again: ipvsh daemon"),
            )
        };
        if self.lock.as_ref().is_some_and(|lock| !lock.is_in_place()) {
            return gone("the database's directory");
        }
        if self
            .heartbeat
            .as_ref()
            .is_some_and(|beat| !beat.is_in_place())
        {
            return gone("its runtime directory");
        }
        Ok(())
    }
}

fn started(options: &DaemonOptions) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match options.observe {
        true => format!("ipvsh {version} observes and writes nothing"),
        false => format!("ipvsh {version} started"),
    }
}

/// Both clocks.
fn now() -> Now {
    Now {
        monotonic: SystemClock.monotonic(),
        utc: SystemClock.utc(),
    }
}

/// What the random spread of runs begins with: directors that start together must not check together.
fn seed(now: Now) -> u64 {
    let nanoseconds = u64::try_from(now.monotonic.as_nanos()).unwrap_or_default();
    nanoseconds ^ u64::from(std::process::id()).rotate_left(32)
}

/// Has a signal end the loop at once.
fn forward_signals(news: Sender<News>) -> Result<()> {
    let failed = |error| Error::system("cannot take over signals", &error);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                let _ = news.send(News::End);
            }
        })
        .map_err(failed)?;
    Ok(())
}

struct Daemon<'a> {
    monitor: Monitor,
    head: Head,
    /// None where nothing is written.
    writing: Option<Writer>,
    observing: Option<Observing>,
    probes: Probes,
    recorder: Recorder<'a>,
    supervisor: Supervisor,
    on_demand: OnDemand,
    itself: Itself,
    lateness: Lateness,
    hold: Held,
    /// When the daemon next looks after itself.
    tick_at: Duration,
    /// When the checks last said that they run.
    probes_at: Duration,
    /// A command says that there is another head.
    is_head_wanted: bool,
    /// A second went by: a maintenance may have ended.
    is_time_to_look: bool,
    /// Why the head cannot be read, as it was told last.
    head_failure: Option<String>,
}

impl Daemon<'_> {
    fn serve(&mut self, heard: &Receiver<News>) -> Result<()> {
        loop {
            let now = now();
            self.start_checks(now);
            if now.monotonic >= self.tick_at {
                self.hold.are_in_place()?;
                self.tick(now);
            }
            if std::mem::take(&mut self.is_head_wanted) {
                self.follow_head(now);
            }
            self.decide(now);
            match heard.recv_timeout(self.pause()) {
                Ok(news) => {
                    for news in std::iter::once(news).chain(heard.try_iter()) {
                        if !self.take(news) {
                            return Ok(());
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(Kind::Bug, "the threads of the daemon are gone"));
                }
            }
        }
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        let retry_at = self.writing.as_ref().and_then(Writer::retry_at);
        let next = [Some(self.tick_at), self.monitor.next_due(), retry_at];
        let next = next.into_iter().flatten().min().unwrap_or(self.tick_at);
        next.saturating_sub(SystemClock.monotonic())
    }

    fn start_checks(&mut self, now: Now) {
        if let Some(due) = self.monitor.next_due().filter(|due| *due <= now.monotonic) {
            self.lateness.note(due, now.monotonic);
        }
        for job in self.monitor.due(now) {
            self.probes.run(job);
        }
    }

    /// Takes a message; returns false if the daemon is to end.
    fn take(&mut self, news: News) -> bool {
        let now = now();
        match news {
            News::Found { id, finding, at } => {
                // When it ended, not when this thread came to it.
                let ended = Now {
                    monotonic: at.min(now.monotonic),
                    utc: now.utc,
                };
                self.monitor.finish(id, ended, finding);
            }
            News::FoundOnDemand {
                request,
                place,
                finding,
            } => self.on_demand.finish(request, place, finding),
            News::ProbesRun => self.probes_at = now.monotonic,
            News::Asked(asked) => self.answer(asked, now),
            News::HookFailed(error) => self.recorder.failure(&error, now),
            News::End => return false,
        }
        true
    }

    fn answer(&mut self, asked: Asked, now: Now) {
        let answer = match &asked.request {
            Request::Poke => {
                self.is_head_wanted = true;
                Ok(Answer::Done)
            }
            Request::Report => Ok(Answer::Data(json!(Report {
                failure: self.itself.failure.clone(),
                ..self.monitor.report(now)
            }))),
            Request::Unfreeze => match self.monitor.unfreeze(now) {
                true => Ok(Answer::Done),
                false => Err(Error::new(Kind::State, "the guard is not on")),
            },
            Request::State => Ok(Answer::Data(json!(self.describe()))),
            Request::Now { targets } => {
                let targets = targets.clone();
                let rules = self.head.rules();
                return self.on_demand.start(asked, &targets, (rules, &self.probes));
            }
        };
        asked.answer(answer);
    }

    fn describe(&self) -> Itself {
        Itself {
            head: self.head.id(),
            ready: self.monitor.is_ready(),
            lateness: self.lateness.longest(),
            ..self.itself.clone()
        }
    }

    /// What is done once a second.
    fn tick(&mut self, now: Now) {
        self.tick_at = now.monotonic + TICK;
        let are_probes_alive = now.monotonic.saturating_sub(self.probes_at) < STUCK;
        if !are_probes_alive {
            let stuck = "the thread of the checks does not answer; the kernel stays as it is";
            self.fail(Some(&Error::new(Kind::System, stuck)), now);
        } else {
            self.supervisor.alive(now.monotonic);
            if let Some(heartbeat) = &self.hold.heartbeat {
                // A full disk makes the daemon look dead, and nothing else.
                let _ = heartbeat.beat();
            }
        }
        (self.is_head_wanted, self.is_time_to_look) = (true, true);
        self.recorder.tick(now);
        if let Some(Err(error)) = self.writing.as_mut().map(Writer::copy) {
            self.fail(Some(&error), now);
        }
        let status = summary(self.monitor.state(), self.head.id());
        self.supervisor.status(status);
    }

    /// Looks at the head, and checks what it says; returns true if there is another one.
    fn follow_head(&mut self, now: Now) -> bool {
        let is_new = match self.head.look() {
            Ok(is_new) => {
                self.head_failure = None;
                is_new
            }
            Err(error) => {
                let text = error.to_string();
                // A commit holds the database for a while: the next look will do.
                if error.kind() != Kind::Busy && self.head_failure.as_ref() != Some(&text) {
                    self.recorder.failure(&error, now);
                    self.head_failure = Some(text);
                }
                false
            }
        };
        if is_new {
            let rules = Rc::clone(self.head.rules());
            let state = match &self.writing {
                Some(writing) => writing.state().clone(),
                None => self.monitor.state().clone(),
            };
            self.monitor.set_rules(&rules, &state, now);
        }
        is_new
    }

    /// Writes and records what the checks decided.
    fn decide(&mut self, now: Now) {
        let decisions = self.monitor.decide(now);
        for change in &decisions.guard {
            self.recorder.record(Event::from(change), now);
        }
        let transitions = decisions.transitions;
        if let Some(observing) = &mut self.observing {
            for transition in &transitions {
                self.recorder.record(Event::from(transition), now);
                self.monitor.written(transition);
            }
            let is_new = !transitions.is_empty();
            let state = self.monitor.state();
            if self.monitor.is_ready() {
                observing.look(state, is_new, self.recorder.observer());
            }
            return;
        }
        let Some(writing) = &mut self.writing else {
            return;
        };
        let is_over = std::mem::take(&mut self.is_time_to_look)
            && !writing
                .ended_maintenance(self.head.rules(), now.utc)
                .is_empty();
        let has_news = !transitions.is_empty() || is_over;
        if !writing.is_due(has_news, now.monotonic) {
            return;
        }
        match self.write(&transitions, now) {
            Ok(None) => {}
            Ok(Some((written, ended))) => {
                self.fail(None, now);
                for transition in &transitions {
                    self.monitor.written(transition);
                    self.recorder.record(Event::from(transition), now);
                }
                for target in &written.found_out {
                    self.monitor.taken_out_by_hand(*target);
                }
                for key in ended {
                    let object = format!("maintenance {key}");
                    let text = "its time is over";
                    self.recorder
                        .say(EventKind::MaintenanceOver, &object, text, now);
                }
                self.tell_left_alone(&written, now);
            }
            Err(error) => self.fail(Some(&error), now),
        }
    }

    /// Writes the state and the kernel; none where that has to wait.
    fn write(
        &mut self,
        transitions: &[Transition],
        now: Now,
    ) -> Result<Option<(Written, Vec<MaintenanceKey>)>> {
        let Some(writing) = &mut self.writing else {
            return Ok(None);
        };
        writing.share(now.monotonic)?;
        let lock = match writing.lock(now.monotonic)? {
            Locked::Taken(lock) => lock,
            Locked::Busy(told) => {
                if let Some(told) = told {
                    self.recorder.observer().note(&told);
                }
                return Ok(None);
            }
        };
        if self.follow_head(now) {
            // A commit came in between: what it changed is decided again.
            if let Some(writing) = &mut self.writing {
                writing.again(now.monotonic);
            }
            return Ok(None);
        }
        let rules = Rc::clone(self.head.rules());
        let Some(writing) = &mut self.writing else {
            return Ok(None);
        };
        let targets: BTreeSet<Target> = transitions.iter().map(|one| one.target).collect();
        let ended = writing.ended_maintenance(&rules, now.utc);
        let written = writing.write(&rules, self.monitor.state(), targets, now)?;
        drop(lock);
        writing.share(now.monotonic)?;
        Ok(Some((written, ended)))
    }

    fn tell_left_alone(&mut self, written: &Written, now: Now) {
        for target in &written.left_alone {
            let text = "its checks pass, and it stays as it is: it was changed by hand since";
            self.recorder
                .say(EventKind::Drift, &target.to_string(), text, now);
        }
    }

    /// Notes that something could be written, or why not; each reason is told once.
    fn fail(&mut self, error: Option<&Error>, now: Now) {
        let failure = error.map(Error::to_string);
        if let Some(error) = error
            && self.itself.failure != failure
        {
            self.recorder.failure(error, now);
        }
        self.itself.failure = failure;
    }

    fn end(mut self) {
        let now = now();
        self.supervisor.stopping();
        self.recorder.finish();
        self.recorder
            .say(EventKind::DaemonStopped, "daemon", "a signal ended it", now);
        if let Some(Err(error)) = self.writing.take().map(Writer::close) {
            self.recorder.observer().note(&error.to_string());
        }
        // What it asked for is done.
        signals::forget();
    }
}
