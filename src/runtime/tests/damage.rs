//! Every cut and every changed byte of a state file, and other versions.

use std::fs;

use super::super::format::StateRead;
use super::super::state::{Starting, StateFile, read_state, starting_state};
use super::{down, moment, place, runtime_dir};
use crate::error::Kind;
use crate::health::State;

/// A state file with three changes, and the states after each.
fn written(dir: &super::RuntimeDir, database: &std::path::Path) -> Vec<State> {
    let states = vec![down([1]), down([1, 2]), down([2, 3])];
    let clock = || moment(0);
    let starting = Starting {
        state: states[0].clone(),
        kernel: states[0].clone(),
        ..Starting::default()
    };
    let mut file = StateFile::create(dir, database, place(), starting, &clock).unwrap();
    for state in &states[1..] {
        file.write(state, &clock).unwrap();
    }
    states
}

#[test]
fn a_cut_last_line_leaves_the_state_before_it() {
    let (lab, dir) = runtime_dir();
    let states = written(&dir, lab.path());
    let whole = fs::read(dir.state()).unwrap();
    let ends: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter_map(|(at, byte)| (*byte == b'\n').then_some(at + 1))
        .collect();
    assert_eq!(ends.len(), 4, "a first line and three changes");
    for length in 0..=whole.len() {
        fs::write(dir.state(), &whole[..length]).unwrap();
        let changes = ends.iter().filter(|end| **end <= length).count();
        match (read_state(&dir, &place()), changes) {
            // The first two lines are written in one step: they are not cut by a death.
            (StateRead::Unreadable(error), 0 | 1) => assert_eq!(error.kind(), Kind::Damaged),
            (StateRead::Read(state, at), _) => {
                assert_eq!(state, states[changes - 2], "cut at {length}");
                assert_eq!(at, moment(0));
            }
            (read, _) => panic!("cut at {length}: {read:?}"),
        }
    }
}

#[test]
fn a_changed_byte_elsewhere_makes_it_unreadable() {
    let (lab, dir) = runtime_dir();
    let states = written(&dir, lab.path());
    let whole = fs::read(dir.state()).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(dir.state(), &bytes).unwrap();
        match read_state(&dir, &place()) {
            StateRead::Unreadable(error) => {
                let path = dir.state().display().to_string();
                assert!(error.to_string().contains(&path), "{error}");
                assert!(error.hints()[0].contains("rm "), "{error:?}");
            }
            // Its last byte is the end of the last line.
            StateRead::Read(state, _) if at == whole.len() - 1 => assert_eq!(state, states[1]),
            read => panic!("byte {at}: {read:?}"),
        }
        let start = starting_state(&dir, lab.path(), &place(), moment(0));
        assert_eq!(start.is_err(), at != whole.len() - 1, "hands off");
    }
}

#[test]
fn another_version_means_hands_off() {
    let (lab, dir) = runtime_dir();
    written(&dir, lab.path());
    let text = fs::read_to_string(dir.state()).unwrap();
    for (from, to) in [("state 1 ", "state 2 "), ("state 1 ", "state 10\n")] {
        fs::write(dir.state(), text.replacen(from, to, 1)).unwrap();
        let StateRead::Unreadable(error) = read_state(&dir, &place()) else {
            panic!("{to} was read");
        };
        assert!(error.to_string().contains("knows version 1"), "{error}");
    }
    fs::write(dir.state(), "").unwrap();
    assert!(matches!(
        read_state(&dir, &place()),
        StateRead::Unreadable(_)
    ));
}

#[test]
fn a_state_of_another_boot_or_namespace_is_foreign() {
    let (lab, dir) = runtime_dir();
    assert_eq!(read_state(&dir, &place()), StateRead::Missing);
    written(&dir, lab.path());
    let mut other = place();
    other.boot = "later".to_owned();
    assert!(matches!(read_state(&dir, &other), StateRead::Foreign(_)));
    let mut other = place();
    other.namespace = "net:[2]".to_owned();
    let StateRead::Foreign(why) = read_state(&dir, &other) else {
        panic!("it was read");
    };
    assert_eq!(
        why,
        "it belongs to the network namespace net:[1]; this is net:[2]"
    );
}

#[test]
fn readers_make_nothing() {
    let lab = tempfile::tempdir().unwrap();
    let dir = super::RuntimeDir::below(lab.path(), lab.path());
    assert_eq!(read_state(&dir, &place()), StateRead::Missing);
    starting_state(&dir, lab.path(), &place(), moment(0)).unwrap();
    assert!(!super::super::Heartbeat::is_fresh(&dir));
    let mut reader = super::super::EventReader::new(&dir, None);
    assert_eq!(reader.read().unwrap(), None);
    super::super::ask(&dir, &super::super::Request::Poke).unwrap_err();
    assert_eq!(fs::read_dir(lab.path()).unwrap().count(), 0);
}
