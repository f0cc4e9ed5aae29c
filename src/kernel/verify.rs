//! Whether the kernel holds what it acknowledged: two cheap looks, at once.
//!
//! May import: `model`, `ipvs`, siblings. The options of services are one dump, their servers one
//! file. The kernel works at both at the same time, in the threads that ask.

use std::collections::BTreeSet;
use std::io::{Seek, SeekFrom};

use super::convert;
use super::read::{FEW, ReadError};
use super::table::{self, Shown, Stretch};
use crate::ipvs::{Detail, IpvsClient, Service};
use crate::model::{Ruleset, ServiceKey};
use crate::threads::{alone, beside};

/// From so many services on two threads read the list of their servers.
const LONG: usize = 512;

/// How many tenths of it are read by the one who has nothing else to do.
const SHARE: u64 = 9;

/// Says whether services, with their servers, are certain to be as acknowledged; no where that
/// takes a dearer look.
///
/// # Errors
/// As [`IpvsClient::services`].
pub(super) fn holds(
    client: &mut IpvsClient,
    keys: &BTreeSet<ServiceKey>,
    acknowledged: &Ruleset,
) -> Result<bool, ReadError> {
    // Of a mark the file does not show enough.
    if keys.iter().any(ServiceKey::is_mark) {
        return Ok(false);
    }
    // Here, not in the threads: the file is of the network namespace of whoever opens it.
    let Ok(mut list) = table::open() else {
        return Ok(false);
    };
    let rest = cut(keys, acknowledged)
        .filter(|_| !alone())
        .and_then(|cut| Some((table::open().ok()?, cut)));
    let stretch = match rest {
        Some((_, cut)) => Stretch::Until(cut),
        None => Stretch::Whole,
    };
    let (behind, before) = beside(
        || -> Result<_, ReadError> {
            let same = options_hold(client, keys, acknowledged)?;
            Ok(same.then(|| match rest {
                Some((mut rest, cut)) => rest
                    .seek(SeekFrom::Start(cut))
                    .and_then(|_| Shown::read(rest, Stretch::Behind, keys, acknowledged)),
                None => Ok(Shown::default()),
            }))
        },
        || Shown::read(&mut list, stretch, keys, acknowledged),
    );
    Ok(match (behind?, before) {
        (Some(Ok(behind)), Ok(before)) => before.with(behind).holds(keys, acknowledged),
        _ => false,
    })
}

/// Where a long list is cut in two. The kernel reads a list from its beginning for every page, so that
/// twice as many services take four times as long; to go to a place in it is one reading.
fn cut(keys: &BTreeSet<ServiceKey>, acknowledged: &Ruleset) -> Option<u64> {
    let services = keys.iter().filter_map(|key| acknowledged.services.get(key));
    let servers = services.map(|service| service.servers.len()).sum();
    (keys.len() >= LONG).then(|| table::length(keys.len(), servers) / 10 * SHARE)
}

/// Says whether services have the options that were acknowledged, and those that were not
/// acknowledged are gone.
fn options_hold(
    client: &mut IpvsClient,
    keys: &BTreeSet<ServiceKey>,
    acknowledged: &Ruleset,
) -> Result<bool, ReadError> {
    // That something is gone cannot be told from a list that may leave something out.
    let all_wanted = keys
        .iter()
        .all(|key| acknowledged.services.contains_key(key));
    if !all_wanted {
        let services = client.services_in(Detail::WithoutStats)?;
        let mut listed = Listed::new(keys, acknowledged);
        services.iter().for_each(|service| listed.take(service));
        return Ok(listed.same && listed.missing.is_empty());
    }
    // What is seen once is there: a torn list need not be read again for it.
    let mut listed = Listed::new(keys, acknowledged);
    client.each_service(Detail::WithoutStats, |service| listed.take(service))?;
    if listed.missing.len() > FEW {
        return Ok(false);
    }
    for key in listed.missing.clone() {
        if let Some(service) = client.service(&convert::service_id(key))? {
            listed.take(&service);
        }
    }
    Ok(listed.same && listed.missing.is_empty())
}

/// What a list has shown.
struct Listed<'a> {
    keys: &'a BTreeSet<ServiceKey>,
    acknowledged: &'a Ruleset,
    /// Services that should be there and were not shown.
    missing: BTreeSet<&'a ServiceKey>,
    /// Those that were shown are as acknowledged.
    same: bool,
}

impl<'a> Listed<'a> {
    fn new(keys: &'a BTreeSet<ServiceKey>, acknowledged: &'a Ruleset) -> Listed<'a> {
        let wanted = |key: &&ServiceKey| acknowledged.services.contains_key(key);
        Listed {
            keys,
            acknowledged,
            missing: keys.iter().filter(wanted).collect(),
            same: true,
        }
    }

    fn take(&mut self, service: &Service) {
        let key = convert::service_key(&service.id);
        if self.keys.contains(&key) {
            let wanted = self.acknowledged.services.get(&key);
            let shown = convert::service_options(service).ok();
            self.same &= shown.is_some() && shown.as_ref() == wanted.map(|one| &one.options);
            self.missing.remove(&key);
        }
    }
}
