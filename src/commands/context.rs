//! What every verb works with: the options of the whole program, a director, the output.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::args::{ChangeArgs, Global};
use super::author::author;
use super::confirm_timer::ProcessTimer;
use super::origin;
use super::places;
use crate::director::{
    ChangeOptions, ConfirmTimer, Deviations, Director, HealthStates, NoChecks, NoTimer, Report,
    Session, Simulated, StateOnDisk,
};
use crate::error::{Error, Kind, Result};
use crate::kernel::{self, Kernel, KernelFile, LinuxHost, Sim};
use crate::model::{Origin, Ruleset, Snapshot, SnapshotId};
use crate::output::{self, Output, Teller};
use crate::runtime::RuntimeDir;
use crate::script::Source;
use crate::signals;
use crate::store::{DatabaseKind, MemoryStores, SledStores, Stores};

/// The context of one run of the program.
pub(super) struct Context {
    /// Where results and words go.
    pub out: Output,
    global: Global,
    started: Instant,
    at_prompt: Option<AtPrompt>,
    /// The simulated kernel with what it holds beside its head, once it was asked for.
    kept: Rc<RefCell<Option<Kept>>>,
}

/// A simulated kernel, and what it holds beside the head that it follows.
type Kept = (Simulated, Rc<Deviations>);

/// What the commands of one prompt have in common.
#[derive(Clone, Default)]
struct AtPrompt {
    /// The simulated kernel, once a director asked for it.
    simulated: Rc<RefCell<Option<Simulated>>>,
    /// The line that was typed for this command.
    typed: String,
}

impl Context {
    /// A context from the global options.
    pub fn new(global: Global) -> Context {
        Context {
            out: Output::new(global.json, global.verbosity(), global.color)
                .paging(!global.no_pager),
            global,
            started: Instant::now(),
            at_prompt: None,
            kept: Rc::default(),
        }
    }

    /// The same for a prompt: every director that it and its commands ask for has one kernel, also
    /// where that is simulated.
    pub fn of_prompt(&self) -> Context {
        Context {
            at_prompt: Some(AtPrompt::default()),
            ..self.again()
        }
    }

    /// The context of a command typed at this prompt, with the global options that stand in it: how
    /// results look. Kernel and database are the prompt's.
    ///
    /// # Errors
    /// `usage` where the command names another kernel or database.
    pub fn of_typed(&self, typed: &str, given: &Global) -> Result<Context> {
        let other = |option: &str, own: &str| {
            Err(
                Error::new(Kind::Usage, format!("this prompt works on {own}"))
                    .object(option)
                    .hint("leave with Ctrl-D, and type the same line in a shell"),
            )
        };
        if given.sim && !self.global.sim {
            return other("--sim", "the kernel of this host");
        }
        if let Some(dir) = &given.db
            && std::path::absolute(dir).ok() != std::path::absolute(self.database()?).ok()
        {
            let own = self.database()?.display().to_string();
            return other(&format!("--db {}", dir.display()), &own);
        }
        let at_prompt = self.at_prompt.clone().map(|at| AtPrompt {
            typed: typed.to_owned(),
            ..at
        });
        Ok(Context {
            at_prompt,
            kept: Rc::clone(&self.kept),
            ..Context::new(self.global.overridden_by(given))
        })
    }

    /// Returns true for a prompt and its commands: the process goes on after them.
    pub fn is_at_prompt(&self) -> bool {
        self.at_prompt.is_some()
    }

    /// The same once more: for the same command, or for the same prompt.
    pub fn again(&self) -> Context {
        Context {
            out: self.out,
            global: self.global.clone(),
            started: self.started,
            at_prompt: self.at_prompt.clone(),
            kept: Rc::clone(&self.kept),
        }
    }

    /// Has every command that is told from now on carry the global options that were given.
    pub fn remember_invocation(&self) {
        let Global { sim, db, .. } = &self.global;
        if *sim || db.is_some() {
            let definition = super::definition();
            let verbs = definition.get_subcommands();
            let verbs = verbs.map(|verb| verb.get_name().to_owned()).collect();
            output::invoked_with(*sim, db.as_deref(), verbs);
        }
    }

    /// The same on a simulated kernel with a database in another place.
    ///
    /// # Errors
    /// `usage` where the user named a database.
    pub fn simulated_at(&self, database: &Path) -> Result<Context> {
        if self.global.db.is_some() {
            return Err(Error::new(Kind::Usage, "demo has a database of its own")
                .hint("without --db: ipvsh demo"));
        }
        let mut global = self.global.clone();
        (global.sim, global.db) = (true, Some(database.to_owned()));
        Ok(Context {
            global,
            // Of another database than that one's.
            kept: Rc::default(),
            ..self.again()
        })
    }

    /// The same for a verb whose result may be long.
    pub fn paged(&self) -> Context {
        Context {
            out: self.out.long(),
            ..self.again()
        }
    }

    /// A director who waits for nobody: for completion.
    ///
    /// # Errors
    /// As the history of a simulated kernel fails to open at once.
    pub fn hasty_director(&self) -> Result<Director> {
        let stores = self.stores()?.waiting(Duration::ZERO);
        let (kernel, _) = self.kernel(&stores)?;
        // It records nothing: no author, for which the user database may be on the network.
        Ok(Director::new(kernel, Rc::new(stores), String::new()))
    }

    /// The snapshots, newest first, as far as they can be read without waiting for anybody.
    pub fn snapshots_at_hand(&self) -> impl Fn() -> Vec<Snapshot> + 'static {
        let stores = self.stores().map(|stores| stores.waiting(Duration::ZERO));
        move || {
            let listed = stores.as_ref().ok().and_then(|stores| {
                let store = stores.open().ok()?;
                store.snapshots().ok()
            });
            listed.unwrap_or_default()
        }
    }

    /// Says whether the kernel is simulated.
    pub fn is_sim(&self) -> bool {
        self.global.sim
    }

    /// Notes that the history shown is the user's own, where that is empty and the host has one.
    /// `command` is the command that shows the host's to root.
    pub fn note_other_history(&self, command: &str) {
        if self.is_sim() || self.named_database().is_some() {
            return;
        }
        let own = places::database(false).ok();
        if let Some(note) = own.and_then(|own| places::other_history(&own, command)) {
            self.out.note(&note);
        }
    }

    /// The database that the user named.
    fn named_database(&self) -> Option<PathBuf> {
        // Not clap's to read: its usage messages would name an option that nobody typed.
        let named = self.global.db.clone();
        named.or_else(|| std::env::var_os("IPVSH_DB").map(PathBuf::from))
    }

    /// The database's directory.
    pub fn database(&self) -> Result<PathBuf> {
        match self.named_database() {
            Some(dir) if dir.as_os_str().is_empty() => {
                Err(Error::new(Kind::Usage, "its name is empty")
                    .object("database")
                    .hint("name a directory: --db DIR (IPVSH_DB)"))
            }
            Some(dir) => Ok(dir),
            None => places::database(self.global.sim),
        }
    }

    /// The history.
    pub fn stores(&self) -> Result<SledStores> {
        let kind = match self.global.sim {
            true => DatabaseKind::Sim,
            false => DatabaseKind::Linux,
        };
        let out = self.out;
        Ok(SledStores::new(self.database()?, kind)
            .interrupted_by(|| signals::interrupted().is_some())
            .telling(move |what| out.say(what)))
    }

    /// Where the daemon of this database keeps its state.
    pub fn runtime_dir(&self) -> Result<RuntimeDir> {
        Ok(RuntimeDir::of(&self.stores()?.dir))
    }

    /// The kernel, or a simulated one that holds what the head says.
    fn kernel(&self, stores: &dyn Stores) -> Result<(Box<dyn Kernel>, Option<Simulated>)> {
        if !self.global.sim {
            return Ok((kernel::open(None)?, None));
        }
        let shared = self.at_prompt.as_ref().map(|at| &at.simulated);
        let known = shared.and_then(|shared| shared.borrow().clone());
        let simulated = match known {
            Some(known) => known,
            None => self.simulated(stores)?,
        };
        if let Some(shared) = shared {
            shared.replace(Some(simulated.clone()));
        }
        Ok((kernel::open(Some(simulated.kernel()))?, Some(simulated)))
    }

    /// A simulated kernel that holds what the head says, and what was changed in it beside that.
    fn simulated(&self, stores: &dyn Stores) -> Result<Simulated> {
        let mut held = None;
        let file = KernelFile::beside(&self.stores()?.dir);
        let deviations = Deviations::open(file, || {
            let (head, rules) = match head_rules(stores) {
                Ok(head) => head,
                Err(error) if matches!(error.kind(), Kind::Damaged | Kind::System) => {
                    let (head, rules) = stores.mirror().map_err(|_| error)?;
                    (Some(head), rules)
                }
                Err(error) => return Err(error),
            };
            let simulated = Simulated::new(&rules, head, self.health()?);
            held = Some(simulated.clone());
            Ok(simulated.kernel().clone())
        })?;
        let simulated = held.ok_or_else(|| Error::new(Kind::Bug, "it was not made"))?;
        self.kept
            .replace(Some((simulated.clone(), Rc::new(deviations))));
        Ok(simulated)
    }

    /// Where the state of the checks is read.
    fn health(&self) -> Result<Rc<dyn HealthStates>> {
        let stores = self.stores()?;
        Ok(Rc::new(StateOnDisk {
            dir: RuntimeDir::of(&stores.dir),
            database: stores.dir,
            kind: stores.kind,
        }))
    }

    /// The simulated kernel as a table of IPVS.
    ///
    /// # Errors
    /// As the history of a simulated kernel fails to open; `bug` on the kernel of this host.
    pub fn simulated_table(&self) -> Result<Sim> {
        let (_, simulated) = self.kernel(&self.stores()?)?;
        let simulated = simulated.ok_or_else(|| Error::new(Kind::Bug, "it is not simulated"));
        simulated.map(|simulated| simulated.kernel().clone())
    }

    /// Shares what a simulated kernel holds beside its head with other processes: takes over what
    /// they changed, and writes what this one did. Says in a sentence where another one committed.
    ///
    /// # Errors
    /// As the file of the simulated kernel cannot be read or written.
    pub fn reconcile_simulated(&self) -> Result<Option<String>> {
        let kept = self.kept.borrow();
        let Some((simulated, deviations)) = kept.as_ref() else {
            return Ok(None);
        };
        let stores = self.stores()?;
        let mut followed = None;
        if deviations.take_over(|| followed_head(simulated, &stores, &mut followed))? {
            return Ok(followed);
        }
        let lock = self.lock_simulated()?;
        Ok(self.reconcile_locked(&lock)?.or(followed))
    }

    /// The same for whom the lock is held already, from [`Context::lock_simulated`].
    ///
    /// # Errors
    /// As the file of the simulated kernel cannot be read or written.
    pub fn reconcile_locked(&self, _lock: &File) -> Result<Option<String>> {
        let kept = self.kept.borrow();
        let Some((simulated, deviations)) = kept.as_ref() else {
            return Ok(None);
        };
        let stores = self.stores()?;
        let mut followed = None;
        deviations.reconcile(|| followed_head(simulated, &stores, &mut followed))?;
        Ok(followed)
    }

    /// Keeps other processes from changing what a simulated kernel holds beside its head, until the
    /// returned file is dropped. A process may wait for the database while it holds this lock, so no
    /// process may ask for this lock while it has the database open.
    ///
    /// # Errors
    /// `busy`, `interrupted`, `not_permitted`, `system`.
    pub fn lock_simulated(&self) -> Result<File> {
        let stores = self.stores()?;
        let file = KernelFile::beside(&stores.dir);
        stores.lock_beside(&file.lock(), &file.object())
    }

    /// The origin of what this command changes; `script` is the one that it runs.
    pub fn origin(&self, script: Option<&Source>) -> Origin {
        let mut origin = origin::origin(script);
        if let Some(at) = &self.at_prompt {
            origin.set_typed(&at.typed);
        }
        origin
    }

    /// A director of the kernel and the history.
    ///
    /// # Errors
    /// As the history of a simulated kernel fails to open.
    pub fn director(&self) -> Result<Director> {
        let stores = self.stores()?;
        let (kernel, simulated) = self.kernel(&stores)?;
        let timer: Rc<dyn ConfirmTimer> = match self.global.sim {
            true => Rc::new(NoTimer),
            false => Rc::new(ProcessTimer::new(&stores.dir)?),
        };
        let director =
            Director::new(kernel, Rc::new(stores), author()).with_origin(self.origin(None));
        let director = director
            .with_confirm_timer(timer)
            .with_health(self.health()?);
        let director = director.followed_by(Rc::new(Teller::new(&self.out)));
        Ok(match simulated {
            Some(simulated) => director.following(simulated),
            None => director.with_host(Rc::new(LinuxHost::new())),
        })
    }

    /// The simulated kernel of a prompt, once a director asked for it.
    pub fn simulated_kernel(&self) -> Option<Sim> {
        let shared = &self.at_prompt.as_ref()?.simulated;
        let known = shared.borrow();
        known.as_ref().map(|simulated| simulated.kernel().clone())
    }

    /// A director who does everything on a simulator that holds what is live, over a copy of the
    /// history: for looking at what a script would do.
    ///
    /// # Errors
    /// As the kernel or the history cannot be read.
    pub fn dry_director(&self) -> Result<Director> {
        self.director()?.dry()
    }

    /// A session for a verb that commits by itself, in steps, and the options of each commit. With
    /// `--plan` it is on a simulator: the steps are shown, not done.
    ///
    /// # Errors
    /// As [`Context::director`] and [`Context::dry_director`].
    pub fn session_in_steps(&self, change: &ChangeArgs) -> Result<(Session, ChangeOptions)> {
        let options = ChangeOptions {
            plan_only: false,
            ..change.options()
        };
        let session = match change.plan {
            true => Session::new(self.dry_director()?, options.clone()).dry(),
            false => Session::new(self.director()?, options.clone()),
        };
        Ok((session, options))
    }

    /// A director who touches neither kernel nor database: on a simulator that holds the head,
    /// or nothing, with a note, where the history cannot be read.
    pub fn detached_director(&self) -> Director {
        let over = |stores: SledStores| -> Result<(Ruleset, MemoryStores)> {
            let (_, rules) = head_rules(&stores)?;
            Ok((rules, MemoryStores::over(Rc::new(stores))?))
        };
        let (rules, stores) = self.stores().and_then(over).unwrap_or_else(|error| {
            self.out.note(&error.to_string());
            self.out.note("checking without the head, from nothing");
            (Ruleset::default(), MemoryStores::new())
        });
        let simulated = Simulated::new(&rules, None, Rc::new(NoChecks));
        let kernel = Box::new(simulated.kernel().clone());
        Director::new(kernel, Rc::new(stores), author()).rehearsing()
    }

    /// Makes a change; where a safety rule refuses it, a terminal asks.
    ///
    /// # Errors
    /// As the change fails.
    pub fn guarded(
        &self,
        change: &ChangeArgs,
        mut attempt: impl FnMut(&ChangeOptions) -> Result<Report>,
    ) -> Result<Report> {
        let mut options = change.options();
        match attempt(&options) {
            Err(error) if self.allows(&error) => {
                options.allow_removals = true;
                attempt(&options)
            }
            result => result,
        }
    }

    /// Asks whether what a safety rule refused may be done all the same. Without a terminal
    /// nobody is asked; `--yes` never answers this question, only `--allow-removals` does.
    pub fn allows(&self, error: &Error) -> bool {
        error.kind() == Kind::Guarded
            && is_terminal()
            && self.ask(&format!("{}. Go on?", error.risk()))
    }

    /// Asks a question on the terminal; no is the answer to everything but y and yes, and to
    /// Ctrl-C, which has to be looked for where signals are held.
    pub fn ask(&self, question: &str) -> bool {
        let mut terminal = std::io::stderr().lock();
        let asked = write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush());
        if asked.is_err() {
            return false;
        }
        if !answered() {
            // The terminal echoed Ctrl-C behind the question.
            let _ = writeln!(terminal);
            return false;
        }
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Tells that a change was not made, because the answer to a question was no.
    pub fn declined(&self) {
        match self.out.json {
            true => self.out.report(&Report::unchanged(), false),
            false => self.out.say("nothing changed"),
        }
    }

    /// How long it took until now, in words.
    pub fn took(&self) -> String {
        format!("took {} ms", self.started.elapsed().as_millis())
    }
}

/// Says whether there is somebody who can answer.
pub(super) fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Waits for a line on standard input; false where a signal came first.
fn answered() -> bool {
    let tenth = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let stdin = std::io::stdin();
    while signals::interrupted().is_none() {
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waiting, Some(&tenth)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// What a simulated kernel should hold of the head, which it follows; `said` becomes the sentence that another
/// process committed it.
fn followed_head(
    simulated: &Simulated,
    stores: &dyn Stores,
    said: &mut Option<String>,
) -> Result<Ruleset> {
    let mirrored = match stores.mirror() {
        Ok((id, rules)) => Some((Some(id), rules)),
        Err(error) if error.kind() == Kind::NotFound => Some((None, Ruleset::default())),
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        Err(_) => None,
    };
    if let Some((id, rules)) = mirrored
        && simulated.is_at(id)
    {
        return Ok(simulated.held(&rules));
    }
    // Both come from one opening of the history, so that both are about the same head.
    let store = stores.open()?;
    *said = simulated.follow(&*store)?;
    let rules = simulated.head().map(|id| store.ruleset(id)).transpose()?;
    Ok(simulated.held(&rules.unwrap_or_default()))
}

fn head_rules(stores: &dyn Stores) -> Result<(Option<SnapshotId>, Ruleset)> {
    let store = stores.open()?;
    match store.head()? {
        Some(head) => Ok((Some(head.id), store.ruleset(head.id)?)),
        None => Ok((None, Ruleset::default())),
    }
}
