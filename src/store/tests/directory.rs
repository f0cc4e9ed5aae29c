//! The directory: made late, for its owner alone, and never another's.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::directory::{Found, look, make, mark};

#[test]
fn looking_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores.open().unwrap();
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotFound);
    assert!(!stores.dir.exists());
    std::fs::create_dir(&stores.dir).unwrap();
    stores.open().unwrap();
    assert_eq!(std::fs::read_dir(&stores.dir).unwrap().count(), 0);
}

fn tree(path: &Path, into: &mut Vec<(std::path::PathBuf, u32)>) {
    let metadata = path.symlink_metadata().unwrap();
    into.push((path.to_owned(), metadata.permissions().mode() & 0o777));
    if metadata.is_dir() {
        for entry in path.read_dir().unwrap() {
            tree(&entry.unwrap().path(), into);
        }
    }
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    for round in 1..4 {
        let mut store = stores.open_to_write().unwrap();
        store.record(&draft("m"), &rules(round, 2)).unwrap();
    }
    let mut found = Vec::new();
    tree(&stores.dir, &mut found);
    assert!(found.len() > 7, "{found:?}");
    for (path, mode) in found {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", path.display());
    }

    std::fs::set_permissions(&stores.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = stores.open().err().unwrap();
    assert_eq!(error.kind(), Kind::NotPermitted);
    assert_eq!(
        error.hints(),
        [format!("chmod 700 {}", stores.dir.display())]
    );
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotPermitted);
}

#[test]
fn other_directories_and_formats_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let marker = stores.dir.join("FORMAT");
    std::fs::create_dir(&stores.dir).unwrap();
    std::fs::set_permissions(&stores.dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(stores.dir.join("letter"), "x").unwrap();
    let error = stores.open_to_write().err().unwrap();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(
        error.to_string().ends_with("db/letter but no FORMAT"),
        "{error}"
    );
    assert_eq!(stores.dir.read_dir().unwrap().count(), 1);

    for (text, wanted) in [
        (
            "ipvsh 1 sled-0.34 linux\nmade by ipvsh 0.1.0\n",
            "it was made for the real kernel",
        ),
        (
            "ipvsh 2 sled-0.34 sim\nmade by ipvsh 3.1.4\n",
            "it has format 2 on sled-0.34, made by ipvsh 3.1.4; this is format 1 on sled-0.34",
        ),
        ("\u{1}ipvsh", "its FORMAT is damaged"),
        ("", "its FORMAT is damaged"),
    ] {
        std::fs::write(&marker, text).unwrap();
        for error in [
            stores.open().err().unwrap(),
            stores.open_to_write().err().unwrap(),
        ] {
            assert_eq!(error.kind(), Kind::Damaged);
            assert_eq!(error.message(), wanted);
        }
    }
    assert_eq!(stores.dir.read_dir().unwrap().count(), 2);
    let file = SledStores::new(&marker, DatabaseKind::Sim);
    assert_eq!(
        file.open().err().unwrap().message(),
        "it is not a directory"
    );
}

#[test]
fn a_creation_that_was_cut_short_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    std::fs::create_dir(&stores.dir).unwrap();
    std::fs::write(stores.dir.join("LOCK"), "").unwrap();
    std::fs::write(stores.dir.join("FORMAT.new"), "ip").unwrap();
    assert_eq!(stores.open().unwrap().head().unwrap(), None);
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("m"), &rules(1, 1))
        .unwrap();
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}

#[test]
fn those_who_make_it_at_the_same_moment_all_succeed() {
    const WRITERS: u32 = 6;
    for round in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        // Every other time the directory is there, and open to others as `mkdir` makes it.
        if round % 2 == 1 {
            std::fs::create_dir(dir.path().join("db")).unwrap();
        }
        let start = std::sync::Barrier::new(WRITERS as usize);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (start, path) = (&start, dir.path());
                scope.spawn(move || {
                    let stores = disk(path).waiting(Duration::from_secs(60));
                    start.wait();
                    if writer % 2 == 1 {
                        stores.open().map(drop).unwrap();
                        stores.settled().map(drop).unwrap();
                    }
                    let mut store = stores.open_to_write().unwrap();
                    store.record(&draft("m"), &rules(writer + 1, 1)).unwrap();
                });
            }
        });
        let stores = disk(dir.path());
        let made = stores.open().unwrap().snapshots().unwrap().len();
        assert_eq!(made, WRITERS as usize, "round {round}");
        assert_eq!(stores.check().unwrap().problems, [""; 0]);
    }
}

#[test]
fn a_directory_that_another_process_is_marking_is_no_error() {
    for _ in 0..300 {
        let dir = tempfile::tempdir().unwrap();
        let path = &dir.path().join("db");
        make(path).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                mark(path, DatabaseKind::Sim).unwrap();
                std::fs::create_dir(path.join("sled")).unwrap();
            });
            while look(path, DatabaseKind::Sim).unwrap() == Found::Nothing {
                make(path).unwrap();
            }
        });
    }
}

#[test]
fn a_directory_behind_a_link_is_looked_at_there() {
    let lab = tempfile::tempdir().unwrap();
    let (link, target) = (lab.path().join("db"), lab.path().join("target"));
    std::os::unix::fs::symlink("target", &link).unwrap();
    for error in [
        disk(lab.path()).open().err().unwrap(),
        disk(lab.path()).open_to_write().err().unwrap(),
        disk(lab.path()).mirror().unwrap_err(),
    ] {
        assert_eq!(
            error.message(),
            "it is a link to target, which is not there"
        );
    }
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&target, mode).unwrap();
    };
    std::fs::create_dir(&target).unwrap();
    mode(0o777);
    let stores = disk(lab.path());
    let mut store = stores.open_to_write().unwrap();
    store.record(&draft("m"), &rules(1, 1)).unwrap();
    drop(store);
    let found = target.metadata().unwrap().permissions().mode();
    assert_eq!(found & 0o777, 0o700);
    assert_eq!(stores.check().unwrap().problems, [""; 0]);

    let log = target.join("mirror.log");
    std::fs::write(&log, "nonsense").unwrap();
    let time = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let repaired = disk(lab.path()).repair(time).unwrap();
    assert!(repaired.now.is_whole());
    assert!(link.symlink_metadata().unwrap().is_symlink());
    mode(0o777);
    let error = disk(lab.path()).open().err().unwrap();
    assert_eq!(error.message(), "others can write to it");
    assert_eq!(
        error.hints(),
        [format!(
            "chmod 700 {}",
            target.canonicalize().unwrap().display()
        )]
    );
}

#[test]
fn no_database_for_the_kernel_is_made_where_everybody_could_exchange_it() {
    let lab = tempfile::tempdir().unwrap();
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(lab.path(), mode).unwrap();
    };
    let stores = SledStores::new(lab.path().join("db"), DatabaseKind::Linux);
    mode(0o777);
    let error = stores.open_to_write().err().unwrap();
    assert_eq!(error.kind(), Kind::NotPermitted);
    assert!(error.message().ends_with(" has mode 777"), "{error}");
    assert!(!stores.dir.exists());
    // One that is there is read, and checks say it: a boot without rules would be worse.
    mode(0o700);
    let mut store = stores.open_to_write().unwrap();
    store.record(&draft("m"), &rules(1, 1)).unwrap();
    drop(store);
    mode(0o777);
    assert!(stores.settled().unwrap().is_some());
    let checkup = stores.check().unwrap();
    assert!(checkup.is_whole());
    assert_eq!(checkup.notes.len(), 1, "{:?}", checkup.notes);
    // The simulator's is for practice.
    let sim = SledStores::new(lab.path().join("sim"), DatabaseKind::Sim);
    assert!(sim.open_to_write().is_ok());
}
