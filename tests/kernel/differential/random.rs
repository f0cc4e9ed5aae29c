//! Random sessions.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::generate::{Rng, Step, session};
use super::{Namespace, Program, Said, quoted, table};

const SEED: u64 = 20260101;
const SESSIONS: u64 = 40;
const STEPS: usize = 12;

static DONE: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicUsize = AtomicUsize::new(0);
static LISTED: AtomicUsize = AtomicUsize::new(0);

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|e| panic!("{name}: {e}")),
        _ => default,
    }
}

#[test]
fn random_sessions_end_alike() {
    let _modules = crate::modules::all();
    let seed = setting("IPVSH_DIFFERENTIAL_SEED", SEED);
    let sessions = setting("IPVSH_DIFFERENTIAL_SESSIONS", SESSIONS);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| scope.spawn(move || run_all(seed, (worker..sessions).step_by(2))))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    println!(
        "seed {seed}: {sessions} sessions; steps done {DONE:?}, refused {REFUSED:?}; lines in the tables at the end {LISTED:?}"
    );
    assert!(
        failed.is_empty(),
        "{} of {sessions} sessions of seed {seed} differ (scripts/differential {seed} {sessions})\n\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn run_all(seed: u64, numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers
        .filter_map(|number| {
            let mut rng = Rng::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
            // A namespace whose `lo` was never up refuses IPv4 servers.
            let up = number % 8 != 7;
            let steps = session(&mut rng, STEPS);
            let through_verb = rng.percent(30);
            let ours = if through_verb {
                Program::Verb
            } else {
                Program::Named("ipvsadm")
            };
            compare(&steps, ours, up).err().map(|why| {
                format!(
                    "== session {number} of seed {seed}, lo {}\n{why}",
                    if up { "up" } else { "down" }
                )
            })
        })
        .collect()
}

/// Runs a session through both; says where and how they part.
fn compare(steps: &[Step], ours: Program, up: bool) -> Result<(), String> {
    let (left, right) = (Namespace::new(up), Namespace::new(up));
    for (number, step) in steps.iter().enumerate() {
        let theirs = left.within(|| perform(step, None));
        let place = if step.is_list() { &left } else { &right };
        let ours = place.within(|| perform(step, Some(ours)));
        let count = if theirs.status == Some(0) {
            &DONE
        } else {
            &REFUSED
        };
        count.fetch_add(1, Ordering::Relaxed);
        if theirs != ours {
            return Err(format!(
                "{}# the last line differs\n-- theirs: {}\n-- ours: {}",
                script(&steps[..=number]),
                shown(&theirs),
                shown(&ours)
            ));
        }
    }
    let (theirs, ours) = (left.within(table), right.within(table));
    LISTED.fetch_add(theirs.lines().count(), Ordering::Relaxed);
    if theirs != ours {
        let all = script(steps);
        return Err(format!(
            "{all}# the tables differ\n-- theirs:\n{theirs}\n-- ours:\n{ours}\n"
        ));
    }
    Ok(())
}

/// Does a step with our program, or with theirs.
fn perform(step: &Step, ours: Option<Program>) -> Said {
    let named = |name| match ours {
        None => Program::Theirs(name),
        Some(_) => Program::Named(name),
    };
    match step {
        Step::Line(words) => ours.unwrap_or(Program::Theirs("ipvsadm")).run(words, ""),
        Step::Lines {
            restore: true,
            text,
        } => named("ipvsadm-restore").run(&[], text),
        Step::Lines { text, .. } => named("ipvsadm").run(&["-R".to_owned()], text),
        Step::Save(words) => named("ipvsadm-save").run(words, ""),
    }
}

fn shown(said: &Said) -> String {
    format!("status {:?}\n{}{}", said.status, said.out, said.err)
}

/// The steps as a shell script.
fn script(steps: &[Step]) -> String {
    let line = |program: &str, words: &[String]| {
        let words: String = words
            .iter()
            .map(|word| format!(" {}", quoted(word)))
            .collect();
        format!("{program}{words}\n")
    };
    steps
        .iter()
        .map(|step| match step {
            Step::Line(words) => line("ipvsadm", words),
            Step::Save(words) => line("ipvsadm-save", words),
            Step::Lines { restore, text } => {
                let program = if *restore {
                    "ipvsadm-restore"
                } else {
                    "ipvsadm -R"
                };
                format!("printf %s {} | {program}\n", quoted(text))
            }
        })
        .collect()
}
