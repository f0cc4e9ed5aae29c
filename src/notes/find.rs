//! Objects as a line of a script finds them.

use crate::model::{ServerKey, ServiceKey};

/// A service: `find("tcp 192.0.2.10:80")`.
pub(super) fn find(key: &ServiceKey) -> String {
    format!("find(\"{key}\")")
}

/// A real server of a service.
pub(super) fn find_server(key: &ServiceKey, server: &ServerKey) -> String {
    format!("{}.find(\"{server}\")", find(key))
}
