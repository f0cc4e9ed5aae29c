//! One command, walked from its first call to its last.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipvsh::candidate::Candidate;
use ipvsh::director::{ChangeOptions, Director};
use ipvsh::error::Kind;
use ipvsh::kernel::Sim;
use ipvsh::model::{Ruleset, SnapshotId};
use ipvsh::store::{DatabaseKind, SledStores, Stores};

use super::shim::{Fault, How, run};

/// How many calls that only read are made to fail, of each command.
const READS: usize = 6;

/// A command and what comes before it.
pub struct Case {
    before: Vec<Vec<String>>,
    command: Vec<String>,
    /// Time passes before it.
    late: bool,
    /// What is taken away before it.
    without: Option<&'static str>,
    /// A call that it must make, so that the case is about what its name says.
    meets: Option<&'static str>,
}

/// What a history says, but for the times in it.
#[derive(Clone, PartialEq, Eq)]
enum State {
    Holds {
        snapshots: Vec<(SnapshotId, Option<SnapshotId>, String, Vec<String>)>,
        rules: Ruleset,
        awaiting: Option<SnapshotId>,
    },
    Damaged,
}

impl Debug for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let State::Holds {
            snapshots,
            rules,
            awaiting,
        } = self
        else {
            return f.write_str("damaged");
        };
        let entries = rules.entries().len();
        write!(
            f,
            "{snapshots:?}, {entries} entries, {awaiting:?} to be confirmed"
        )
    }
}

fn stores(db: &Path) -> SledStores {
    SledStores::new(db, DatabaseKind::Sim).waiting(Duration::from_secs(20))
}

fn state(db: &Path) -> State {
    let store = match stores(db).open() {
        Ok(store) => store,
        Err(error) if error.kind() == Kind::Damaged => return State::Damaged,
        Err(error) => panic!("{error}"),
    };
    let snapshots = store.snapshots().unwrap();
    let head = store.head().unwrap().map(|head| head.id);
    State::Holds {
        rules: head.map_or_else(Ruleset::default, |id| store.ruleset(id).unwrap()),
        awaiting: store.pending().unwrap().map(|pending| pending.id),
        snapshots: snapshots
            .into_iter()
            .map(|s| (s.id, s.parent, s.message, s.tags))
            .collect(),
    }
}

fn copy(from: &Path, to: &Path) {
    DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn seed() -> usize {
    let given = std::env::var("IPVSH_INJECT_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        clock.as_millis() as usize % 1_000_000
    })
}

/// Where a case happens.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        // What is written there needs not last longer than the test.
        let memory = Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        Place { dir: dir.unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// A fresh copy of what there is before the command.
    fn fresh(&self) -> PathBuf {
        let (template, db) = (self.path("template"), self.path("db"));
        if db.exists() {
            std::fs::remove_dir_all(&db).unwrap();
        }
        if template.exists() {
            copy(&template, &db);
        }
        db
    }
}

impl Case {
    pub fn new(before: &[&[&str]], command: &[&str]) -> Case {
        Case {
            before: before.iter().map(|words| owned(words)).collect(),
            command: owned(command),
            late: false,
            without: None,
            meets: None,
        }
    }

    /// With time enough passed that nothing can be confirmed any more.
    pub fn late(self) -> Case {
        Case { late: true, ..self }
    }

    /// With a file or directory of the database gone.
    pub fn without(self, name: &'static str) -> Case {
        let without = Some(name);
        Case { without, ..self }
    }

    /// With this call among those that it makes, as `NAME FILE`.
    pub fn meets(self, call: &'static str) -> Case {
        let meets = Some(call);
        Case { meets, ..self }
    }

    fn args(&self) -> Vec<&str> {
        self.command.iter().map(String::as_str).collect()
    }

    fn prepare(&self, place: &Place) {
        let template = place.path("template");
        for words in &self.before {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ended = run(&template, &words, None, None);
            assert_eq!(ended.status, Some(0), "{}", ended.err);
        }
        if self.late {
            std::thread::sleep(Duration::from_millis(1_200));
        }
        if let Some(name) = self.without {
            std::fs::remove_dir_all(template.join(name)).unwrap();
        }
    }

    /// The calls of a run in which nothing goes wrong: those that change something, and how many
    /// only read.
    fn calls(&self, place: &Place) -> (Vec<String>, usize) {
        let log = place.path("log");
        let db = place.fresh();
        let ended = run(&db, &self.args(), None, Some(&log));
        assert_eq!(ended.status, Some(0), "{}", ended.err);
        let log = std::fs::read_to_string(log).unwrap();
        let within = format!(" {}/", db.display());
        let changes = log.lines().filter_map(|line| line.strip_prefix("w "));
        let changes: Vec<String> = changes.map(|line| line.replace(&within, " ")).collect();
        if let Some(call) = self.meets {
            assert!(changes.iter().any(|found| found == call), "{changes:#?}");
        }
        let reads = log.lines().filter(|line| line.starts_with("r "));
        (changes, reads.count())
    }

    /// Lets something go wrong at each call.
    pub fn walk(self) {
        let (place, seed) = (Place::new(), seed());
        self.prepare(&place);
        let (calls, reads) = self.calls(&place);
        let new = state(&place.path("db"));
        let old = state(&place.fresh());
        let all = std::env::var_os("IPVSH_INJECT_ALL").is_some();
        let command = self.command.join(" ");
        println!(
            "IPVSH_INJECT_SEED={seed}: {command}: {} calls, {reads} that read",
            calls.len()
        );
        let mut faults = Vec::new();
        for at in 1..=calls.len() {
            let one = [How::OTHERS[(seed + at) % How::OTHERS.len()]];
            let others: &[How] = if all { &How::OTHERS } else { &one };
            let hows = [How::Kill].into_iter().chain(others.iter().copied());
            faults.extend(hows.map(|how| Fault {
                at,
                reads: false,
                how,
            }));
        }
        let step = if all { 1 } else { (reads / READS).max(1) };
        let failing = (1 + seed % step..=reads).step_by(step);
        faults.extend(failing.map(|at| Fault {
            at,
            reads: true,
            how: How::Error(super::shim::EIO),
        }));
        let (mut seen, mut failed) = (BTreeMap::new(), Vec::new());
        for fault in faults {
            let call = match fault.reads {
                true => "a read",
                false => &calls[fault.at - 1],
            };
            let words = format!("{command}: {:?} at call {}, {call}", fault.how, fault.at);
            let struck = AssertUnwindSafe(|| self.strike(&place, fault, &words, &old, &new));
            match catch_unwind(struck) {
                Ok(status) => *seen.entry(status).or_insert(0) += 1,
                Err(_) => failed.push(words),
            }
        }
        println!("{command}: ended with {seen:?}");
        assert_eq!(failed, [""; 0], "IPVSH_INJECT_SEED={seed}");
        assert!(seen.contains_key(&None), "nothing was ever killed");
    }

    /// Lets one thing go wrong, and looks at what is left.
    fn strike(
        &self,
        place: &Place,
        fault: Fault,
        words: &str,
        old: &State,
        new: &State,
    ) -> Option<i32> {
        let db = place.fresh();
        let ended = run(&db, &self.args(), Some(fault), None);
        let said = format!("{words}\nstatus {:?}: {}", ended.status, ended.err);
        let after = state(&db);
        match ended.status {
            // The kernel was restored without the database: before or after what was to be rolled
            // back is.
            Some(0) if ended.err.contains("restored from its mirror") => {
                assert!(self.late && (&after == old || &after == new), "{said}");
            }
            Some(0) => assert_eq!(&after, new, "reported as done: {said}"),
            Some(101 | 255) => panic!("a bug of ours: {said}"),
            // The last step was to come, or to be looked at.
            Some(_) if ended.err.contains("is decided and stands") => {
                assert_eq!(&after, new, "decided: {said}");
            }
            Some(_) if self.late && ended.err.contains("in time: rolled back to") => {
                assert_eq!(&after, new, "rolled back: {said}");
            }
            Some(_) if ended.err.contains("whether it was done is known when") => {
                assert!(&after == old || &after == new, "{said}");
            }
            Some(_) => assert_eq!(&after, old, "reported as not done: {said}"),
            None => assert!(&after == old || &after == new, "{said}\n{after:#?}"),
        }
        if after == State::Damaged {
            let ended = run(&db, &self.args(), None, None);
            assert_eq!(ended.status, Some(0), "{said}\n{}", ended.err);
        }
        self.go_on(&db, &said, &after, new);
        ended.status
    }

    /// The next commands: a restore, which tells of what it puts right, and a commit.
    fn go_on(&self, db: &Path, said: &str, after: &State, new: &State) {
        let stores = Rc::new(stores(db));
        let unfinished = stores.open().unwrap().intent().unwrap();
        let mut director = Director::new(
            Box::new(Sim::new(&rules_of(after, new))),
            stores.clone(),
            "ada".to_owned(),
        );
        let restored = director.restore(false, &ChangeOptions::default());
        let restored = restored.unwrap_or_else(|error| panic!("{said}\nrestore: {error}"));
        let settled = if self.late || *after == State::Damaged {
            new
        } else {
            after
        };
        assert_eq!(&state(db), settled, "{said}");
        // The simulated kernel ended with its process.
        let is_recovery = |text: &String| text.contains("was cut off");
        let told = restored.notes.iter().filter(|note| is_recovery(note));
        assert_eq!(told.count(), usize::from(unfinished.is_some()), "{said}");
        let events = stores.open().unwrap().events().unwrap();
        let noted = events.iter().filter(|event| is_recovery(&event.message));
        assert!(
            noted.count() >= usize::from(unfinished.is_some()),
            "{said}: {events:?}"
        );

        let mut candidate: Candidate = director.candidate().unwrap();
        let mut rules = Ruleset::default();
        rules
            .settings
            .set_timeout(ipvsh::model::TimeoutKind::Tcp, Some(77));
        candidate.put_all(&rules);
        let awaiting = matches!(settled, State::Holds { awaiting, .. } if awaiting.is_some());
        let committed = director.commit(&mut candidate, &ChangeOptions::default());
        match committed {
            Ok(_) => assert!(!awaiting, "{said}"),
            Err(error) => assert!(awaiting, "{said}\nthe next commit: {error}"),
        }
        let problems = stores.check().unwrap().problems;
        assert_eq!(problems, [""; 0], "{said}");
    }
}

/// What the kernel holds: it followed what was recorded.
fn rules_of(after: &State, new: &State) -> Ruleset {
    match (after, new) {
        (State::Holds { rules, .. }, _) | (State::Damaged, State::Holds { rules, .. }) => {
            rules.clone()
        }
        (State::Damaged, State::Damaged) => Ruleset::default(),
    }
}
