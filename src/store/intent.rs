//! An intent as it is stored: JSON in parts, with a checksum in the manifest.
//!
//! Bringing back services of the head is all that `restore` does at boot. What they are is in the
//! history already: only their names are written.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Intent;
use super::address::{Address, damaged};
use super::content::{from_json, to_json};
use super::record::{self, Parts};
use super::table::Batch;
use crate::error::Result;
use crate::kernel::Place;
use crate::model::{Ruleset, ServiceKey, SnapshotId};
use crate::plan::Step;

/// The bytes of a part.
const PART: usize = 4096;

/// An [`Intent`], with its steps in fewer words.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    time: DateTime<Utc>,
    author: Cow<'a, str>,
    message: Cow<'a, str>,
    head: Option<SnapshotId>,
    place: Cow<'a, Place>,
    pid: u32,
    steps: Vec<Short<'a>>,
}

/// One step, or many.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Short<'a> {
    /// Services are added as the head has them, each before its servers.
    OfHead {
        /// In the order of the steps.
        of_head: Vec<ServiceKey>,
    },
    /// A step by itself.
    Step(Cow<'a, Step>),
}

/// An intent in parts, and what the manifest says of them; with the rules of its head, where they
/// are at hand.
pub(super) fn parts(intent: &Intent, head: Option<&Ruleset>) -> Result<(Parts, Batch)> {
    let json = to_json(&Stored {
        time: intent.time,
        author: Cow::Borrowed(&intent.author),
        message: Cow::Borrowed(&intent.message),
        head: intent.head,
        place: Cow::Borrowed(&intent.place),
        pid: intent.pid,
        steps: shortened(&intent.steps, head.filter(|_| intent.head.is_some())),
    })?;
    let numbered = (0..).zip(json.chunks(PART));
    let batch: Batch = numbered
        .map(|(number, part)| (record::intent_name(number), Some(part.to_vec())))
        .collect();
    let parts = Parts {
        count: u32::try_from(batch.len()).unwrap_or(u32::MAX),
        sum: Address::of(&[&json]),
    };
    Ok((parts, batch))
}

/// Reads an intent from its parts, put together; `ruleset` gives what a snapshot holds.
///
/// # Errors
/// `damaged` where they do not fit the checksum; as the snapshot cannot be read.
pub(super) fn read(
    json: &[u8],
    sum: Address,
    ruleset: impl FnOnce(SnapshotId) -> Result<Ruleset>,
) -> Result<Intent<'static>> {
    if Address::of(&[json]) != sum {
        return Err(damaged("the intent does not fit its checksum"));
    }
    let stored: Stored = from_json(json, "the intent")?;
    let is_short = |step: &Short| matches!(step, Short::OfHead { .. });
    let head = match stored.head.filter(|_| stored.steps.iter().any(is_short)) {
        Some(head) => ruleset(head)?,
        None => Ruleset::default(),
    };
    let mut steps = Vec::new();
    for short in stored.steps {
        match short {
            Short::Step(step) => steps.push(step.into_owned()),
            Short::OfHead { of_head } => {
                for key in of_head {
                    steps.extend(of_service(key, &head)?);
                }
            }
        }
    }
    Ok(Intent {
        time: stored.time,
        author: stored.author.into_owned(),
        message: stored.message.into_owned(),
        head: stored.head,
        place: stored.place.into_owned(),
        pid: stored.pid,
        steps: Cow::Owned(steps),
    })
}

/// The steps that add a service of the head.
fn of_service(key: ServiceKey, head: &Ruleset) -> Result<Vec<Step>> {
    let service = head.services.get(&key);
    let service = service.ok_or_else(|| {
        damaged(format!(
            "the intent adds {key}, which its head does not have"
        ))
    })?;
    Ok(Step::adding(key, service))
}

fn shortened<'a>(steps: &'a [Step], head: Option<&Ruleset>) -> Vec<Short<'a>> {
    let mut short: Vec<Short> = Vec::new();
    let mut rest = steps;
    while let Some((first, behind)) = rest.split_first() {
        match head.and_then(|head| of_head(rest, head)) {
            Some((key, count)) => {
                match short.last_mut() {
                    Some(Short::OfHead { of_head }) => of_head.push(key),
                    _ => short.push(Short::OfHead { of_head: vec![key] }),
                }
                rest = rest.get(count..).unwrap_or_default();
            }
            None => {
                short.push(Short::Step(Cow::Borrowed(first)));
                rest = behind;
            }
        }
    }
    short
}

/// The service of the head that the first steps add whole, and how many steps these are.
fn of_head(steps: &[Step], head: &Ruleset) -> Option<(ServiceKey, usize)> {
    let (Step::AddService { key, options }, behind) = steps.split_first()? else {
        return None;
    };
    let service = head
        .services
        .get(key)
        .filter(|one| one.options == *options)?;
    let added = behind.get(..service.servers.len())?;
    let mut servers = service.servers.iter().zip(added);
    let are_added = servers.all(|((server, options), step)| {
        matches!(step, Step::AddServer { service, key: one, options: with }
            if service == key && one == server && with == options)
    });
    are_added.then_some((*key, added.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Live;
    use crate::plan::steps;
    use crate::store::tests::{intent, reweigh, rules};

    /// What is written, and the steps that are read again.
    fn through(steps: Vec<Step>, head: &Ruleset) -> (String, Vec<Step>) {
        let intent = Intent {
            head: Some(SnapshotId(1)),
            steps: steps.into(),
            ..intent(0)
        };
        let (parts, batch) = parts(&intent, Some(head)).unwrap();
        let json: Vec<u8> = batch
            .into_iter()
            .flat_map(|(_, part)| part.unwrap())
            .collect();
        let again = read(&json, parts.sum, |id| {
            assert_eq!(id, SnapshotId(1));
            Ok(head.clone())
        });
        let text = String::from_utf8(json).unwrap();
        (text, again.unwrap().steps.into_owned())
    }

    fn to(target: &Ruleset) -> Vec<Step> {
        let target = Live {
            rules: target.clone(),
            ..Live::default()
        };
        steps(&Live::default(), &target)
    }

    #[test]
    fn a_load_of_the_head_is_its_names() {
        let head = rules(20, 5);
        let load = to(&head);
        assert_eq!(load.len(), 120);
        let (text, again) = through(load.clone(), &head);
        assert_eq!(again, load);
        assert!(!text.contains("AddServer"), "{text}");
        assert!(text.len() < 2_500, "{} bytes", text.len());
    }

    #[test]
    fn what_the_head_has_otherwise_is_written_out() {
        let head = rules(20, 3);
        let mut other = head.clone();
        reweigh(&mut other, 7, 0);
        let mut load = to(&other);
        // One server is there already.
        load.remove(1);
        let (text, again) = through(load.clone(), &head);
        assert_eq!(again, load);
        assert_eq!(text.matches("AddService").count(), 2, "{text}");
        assert_eq!(text.matches("of_head").count(), 2, "{text}");
        let nothing = Ruleset::default();
        assert_eq!(through(load.clone(), &nothing).1, load);
    }

    #[test]
    fn a_head_that_lacks_what_it_added_is_damage() {
        let head = rules(3, 1);
        let intent = Intent {
            head: Some(SnapshotId(1)),
            steps: to(&head).into(),
            ..intent(0)
        };
        let (parts, batch) = parts(&intent, Some(&head)).unwrap();
        let json: Vec<u8> = batch
            .into_iter()
            .flat_map(|(_, part)| part.unwrap())
            .collect();
        let error = read(&json, parts.sum, |_| Ok(rules(2, 1))).unwrap_err();
        assert!(
            error.message().contains("its head does not have"),
            "{error}"
        );
        let error = read(&json[1..], parts.sum, |_| Ok(head)).unwrap_err();
        assert!(error.message().contains("checksum"), "{error}");
    }
}
