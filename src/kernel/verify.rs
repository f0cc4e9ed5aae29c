//! Whether the kernel holds what it acknowledged: two cheap looks, at once.
//!
//! May import: `model`, `ipvs`, siblings. The options of services are one dump, their servers one
//! file. The kernel works at both at the same time, in the threads that ask.

use std::collections::BTreeSet;

use super::convert;
use super::linux::{FEW, ReadError};
use super::table;
use crate::ipvs::{Detail, IpvsClient, Service};
use crate::model::{Ruleset, ServiceKey};
use crate::threads::beside;

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
    // Here, not in the thread: the file is of the network namespace of whoever opens it.
    let Ok(mut list) = table::open() else {
        return Ok(false);
    };
    let (options, servers) = beside(
        || options_hold(client, keys, acknowledged),
        || table::holds(&mut list, keys, acknowledged),
    );
    Ok(options? && servers.unwrap_or(false))
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
