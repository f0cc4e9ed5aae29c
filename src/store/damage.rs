//! Damage at random places of random files: everything is answered rightly or refused.

use std::fs;
use std::path::{Path, PathBuf};

use super::intent::INTENT;
use super::tests::{copy, disk, draft, intent, reweigh, rules};
use super::*;
use crate::error::Kind;

/// A small generator (splitmix64), so that a round can be run again by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = dir.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn damage(dir: &Path, random: &mut Random) -> String {
    let mut all = Vec::new();
    files(dir, &mut all);
    // A third of the rounds go to the file that holds nearly everything.
    let path = match random.below(3) {
        0 => dir.join("sled/db"),
        _ => all[random.below(all.len() as u64) as usize].clone(),
    };
    let name = path.strip_prefix(dir).unwrap().display().to_string();
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len() as u64;
    let at = random.below(length) as usize;
    let what = match random.below(11) {
        0 => {
            bytes.truncate(at);
            "cut"
        }
        1 => {
            // At the end of a line, where nothing looks cut.
            let end = bytes.iter().take(at).rposition(|byte| *byte == b'\n');
            bytes.truncate(end.map_or(0, |end| end + 1));
            "cut at the end of a line"
        }
        // Nothing can tell that there was an intent.
        2 if name != INTENT => {
            fs::remove_file(&path).unwrap();
            return format!("{name} removed");
        }
        3 => {
            let other = &all[random.below(all.len() as u64) as usize];
            let others = fs::read(other).unwrap();
            fs::write(&path, others).unwrap();
            fs::write(other, bytes).unwrap();
            let other = other.strip_prefix(dir).unwrap().display();
            return format!("{name} and {other} exchanged");
        }
        4 | 5 if length > 0 => {
            let at = at / 4096 * 4096;
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
            "a page zeroed"
        }
        6 => {
            for _ in 0..random.below(600) {
                bytes.insert(at, random.below(256) as u8);
            }
            "grown"
        }
        7 => {
            bytes.extend((0..1 + random.below(600)).map(|_| random.below(256) as u8));
            "garbage appended"
        }
        _ if length > 0 => {
            bytes[at] ^= 1 << random.below(8);
            "flipped"
        }
        _ => "left alone",
    };
    fs::write(&path, bytes).unwrap();
    format!("{name} of {length} bytes, {what} at {at}")
}

/// The answer, or nothing where it was refused as damaged.
fn whole<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Damaged, "{error}");
            None
        }
    }
}

fn check_round(stores: &SledStores, expected: &[Ruleset], damaged_mirror: bool) {
    let newest = SnapshotId(expected.len() as u64);
    match stores.mirror() {
        Ok((id, rules)) => {
            // Never an older state as if it were the newest.
            assert_eq!(id, newest);
            assert_eq!(rules, expected[id.0 as usize - 1]);
        }
        Err(error) => {
            assert!(damaged_mirror, "{error}");
            assert!(
                [Kind::Damaged, Kind::NotFound].contains(&error.kind()),
                "{error}"
            );
        }
    }
    check_settled(stores, newest, &expected[newest.0 as usize - 1]);
    for to_write in [false, true] {
        let opened = if to_write {
            stores.open_to_write()
        } else {
            stores.open()
        };
        let Some(mut store) = whole(opened) else {
            continue;
        };
        if let Some(head) = whole(store.head()) {
            assert_eq!(head.map(|head| head.id), Some(newest));
        }
        if let Some(all) = whole(store.snapshots()) {
            assert_eq!(all.len(), expected.len());
        }
        for (place, rules) in expected.iter().enumerate() {
            if let Some(found) = whole(store.ruleset(SnapshotId(place as u64 + 1))) {
                assert_eq!(&found, rules);
            }
        }
        if let Some(found) = whole(store.intent()) {
            assert!(found == Some(intent(12, 50)), "another intent, or none");
        }
        if let Some(found) = whole(store.tagged("good")) {
            assert_eq!(found, Some(SnapshotId(2)));
        }
        if to_write && whole(store.record(&draft("more"), &rules(1, 1))).is_some() {
            drop(store);
            match stores.mirror() {
                Ok((_, found)) => assert_eq!(found, rules(1, 1)),
                // A commit reads the head of the base only; damage behind it is found later.
                Err(error) => assert!(damaged_mirror && error.kind() == Kind::Damaged, "{error}"),
            }
        }
    }
}

/// What a boot would restore without opening the database, were no commit under way: the newest head,
/// or nothing.
fn check_settled(stores: &SledStores, newest: SnapshotId, rules: &Ruleset) {
    let (intent, away) = (stores.dir.join(INTENT), stores.dir.join("away"));
    assert!(stores.settled().ok().flatten().is_none() || !intent.exists());
    fs::rename(&intent, &away).unwrap();
    if let Ok(Some(settled)) = stores.settled() {
        assert_eq!(settled.head, newest);
        assert_eq!(*settled.rules, *rules);
    }
    fs::rename(&away, &intent).unwrap();
}

/// Every file with its bytes.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    files(dir, &mut all);
    all.into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// A check changes nothing and says what is wrong; a repair gives a database that works. Says
/// whether something was lost.
fn repair_round(stores: &SledStores, expected: &[Ruleset]) -> Option<bool> {
    // Somebody met the damage before it was checked.
    drop(stores.open());
    let before = contents(&stores.dir);
    let checkup = stores.check().unwrap();
    assert_eq!(contents(&stores.dir), before);
    let time = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let repaired = stores.repair(time).unwrap();
    assert!(repaired.now.is_whole());
    assert_eq!(repaired.kept.is_some(), !checkup.is_whole(), "{checkup:?}");
    if let Some(kept) = &repaired.kept {
        assert!(
            kept.ends_with("damaged-2027-01-15T08-00-00"),
            "{}",
            kept.display()
        );
        assert_eq!(repaired.now.kept, ["damaged-2027-01-15T08-00-00"]);
    }
    let losses = &repaired.losses;
    let is_lost = |id: u64| losses.snapshots.contains(&SnapshotId(id));

    let mut store = stores.open_to_write().unwrap();
    let said = store.repairs();
    assert!(said.is_empty() || checkup.is_whole(), "{said:?}");
    let there: Vec<u64> = store.snapshots().unwrap().iter().map(|s| s.id.0).collect();
    let wanted: Vec<u64> = (1..=expected.len() as u64)
        .rev()
        .filter(|id| !is_lost(*id))
        .collect();
    assert_eq!(there, wanted, "{losses:?}");
    for id in &there {
        assert_eq!(
            store.ruleset(SnapshotId(*id)).unwrap(),
            expected[*id as usize - 1]
        );
    }
    let tag = store.tagged("good").unwrap();
    assert!(
        tag == Some(SnapshotId(2)) || !losses.is_nothing(),
        "{tag:?}"
    );
    let left = store.intent().unwrap();
    assert!(
        left == Some(intent(12, 50)) || !losses.is_nothing(),
        "{losses:?}"
    );
    let events = store.events().unwrap();
    assert_eq!(events.len(), usize::from(repaired.kept.is_some()));
    assert!(
        events
            .iter()
            .all(|event| event.message.contains(&losses.sentence()))
    );
    let next = store.record(&draft("next"), &rules(1, 1)).unwrap();
    assert_eq!(next.id.0, expected.len() as u64 + 1);
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (next.id, rules(1, 1)));
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
    repaired.kept.map(|_| !losses.is_nothing())
}

#[test]
fn damage_is_answered_rightly_or_refused() {
    let variable = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let rounds = variable("IPVSH_DAMAGE_ROUNDS").unwrap_or(60);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = variable("IPVSH_DAMAGE_SEED").unwrap_or(clock.unwrap().as_nanos() as u64);

    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    // More of them make a database of many segments, for longer runs by hand.
    let services = variable("IPVSH_DAMAGE_SERVICES").unwrap_or(60);
    let mut wanted = rules(services as u32, 5);
    let mut expected = Vec::new();
    for round in 0..12 {
        let mut store = stores.open_to_write().unwrap();
        reweigh(&mut wanted, round * 4, 0);
        let message = if round == 5 {
            "m".repeat(70_000)
        } else {
            "m".to_owned()
        };
        store.record(&draft(&message), &wanted).unwrap();
        expected.push(wanted.clone());
    }
    let mut store = stores.open_to_write().unwrap();
    store.set_tag("good", SnapshotId(2)).unwrap();
    store.set_intent(&intent(12, 50)).unwrap();
    drop(store);

    let (mut repaired, mut lossy) = (0, 0);
    for round in 0..rounds {
        let seed = seed.wrapping_add(round);
        let copied = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let copies = copied.each_ref().map(|dir| {
            copy(&stores.dir, &dir.path().join("db"));
            directory::close_to_others(&dir.path().join("db")).unwrap();
            let what = damage(&dir.path().join("db"), &mut Random(seed));
            (disk(dir.path()), what)
        });
        let [(one, what), (other, _)] = copies;
        // Shown where the test fails, and with --nocapture.
        println!("IPVSH_DAMAGE_ROUNDS=1 IPVSH_DAMAGE_SEED={seed}: {what}");
        check_round(&one, &expected, what.contains("mirror"));
        if let Some(lost) = repair_round(&other, &expected) {
            repaired += 1;
            lossy += usize::from(lost);
        }
    }
    println!("{rounds} rounds from seed {seed}: {repaired} repaired, {lossy} of them with losses");
}
