//! Damage at random places of random files: everything is answered rightly or refused.

use std::fs;
use std::path::{Path, PathBuf};

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
    // Half of the rounds go to the file that holds nearly everything.
    let path = match random.below(2) {
        0 => dir.join("sled/db"),
        _ => all.swap_remove(random.below(all.len() as u64) as usize),
    };
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len() as u64;
    let at = random.below(length) as usize;
    let what = match random.below(8) {
        0 if length > 0 => {
            bytes.truncate(at);
            "cut"
        }
        1 => {
            fs::remove_file(&path).unwrap();
            return format!("{} removed", path.display());
        }
        2 | 3 if length > 0 => {
            let end = (at + 1 + random.below(5_000) as usize).min(bytes.len());
            bytes[at..end].fill(0);
            "zeroed"
        }
        4 if length > 0 => {
            for _ in 0..random.below(600) {
                bytes.insert(at, random.below(256) as u8);
            }
            "grown"
        }
        _ if length > 0 => {
            bytes[at] ^= 1 << random.below(8);
            "flipped"
        }
        _ => "left alone",
    };
    fs::write(&path, bytes).unwrap();
    format!("{} of {length} bytes {what} at {at}", path.display())
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
            assert!(id == newest || damaged_mirror, "{id}");
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
            assert!(found == Some(intent(50)), "another intent, or none");
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

#[test]
fn damage_is_answered_rightly_or_refused() {
    let variable = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let rounds = variable("IPVSH_DAMAGE_ROUNDS").unwrap_or(40);
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
    store.set_intent(&intent(50)).unwrap();
    drop(store);

    for round in 0..rounds {
        let seed = seed.wrapping_add(round);
        let copied = tempfile::tempdir().unwrap();
        copy(&stores.dir, &copied.path().join("db"));
        let copy = disk(copied.path());
        fs::set_permissions(&copy.dir, fs::metadata(&stores.dir).unwrap().permissions()).unwrap();
        let what = damage(&copy.dir, &mut Random(seed));
        // Shown where the test fails, and with --nocapture.
        println!("IPVSH_DAMAGE_ROUNDS=1 IPVSH_DAMAGE_SEED={seed}: {what}");
        check_round(&copy, &expected, what.contains("mirror"));
    }
}
