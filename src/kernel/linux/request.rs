//! Steps as requests of generic netlink.

use super::super::convert;
use super::settings;
use crate::error::Result;
use crate::ipvs::Request;
use crate::plan::Step;

/// The request that carries a step out; none for a chain of mark rules, which is not IPVS's.
///
/// # Errors
/// `invalid` where a name does not fit into the kernel's 16 bytes.
pub(super) fn of(step: &Step) -> Result<Option<Request>> {
    Ok(Some(match step {
        Step::AddService { key, options } => Request::AddService(convert::service(key, options)?),
        Step::ChangeService { key, to, .. } => Request::UpdateService(convert::service(key, to)?),
        Step::RemoveService { key, .. } => Request::RemoveService(convert::service_id(key)),
        Step::AddServer {
            service,
            key,
            options,
        } => Request::AddDestination(
            convert::service_id(service),
            convert::destination(key, options),
        ),
        Step::ChangeServer {
            service, key, to, ..
        } => {
            Request::UpdateDestination(convert::service_id(service), convert::destination(key, to))
        }
        Step::RemoveServer { service, key, .. } => {
            Request::RemoveDestination(convert::service_id(service), convert::destination_id(key))
        }
        Step::Set { settings } => return settings::request(settings),
        Step::SetChain { .. } => return Ok(None),
    }))
}
