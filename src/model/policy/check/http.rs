//! What a request of HTTP can hold, checked at the call.

use std::collections::BTreeMap;

use hyper::http::uri::PathAndQuery;
use hyper::http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::super::super::patch::{text, wrong};
use crate::error::{Error, Result};

/// The most bytes of a path, of the header Host, and of the value of a header.
const LONGEST: usize = 4096;
/// The most headers of a request.
const MOST_HEADERS: usize = 32;
/// Headers that the request has anyway, or that would change what it is.
const OWN: [&str; 6] = [
    "connection",
    "content-length",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Reads a path with its query.
pub(super) fn path(name: &str, value: &Value) -> Result<String> {
    let path = text(name, value)?;
    let is_valid = path.starts_with('/')
        && path.len() <= LONGEST
        && PathAndQuery::try_from(path).is_ok_and(|parsed| parsed.as_str() == path);
    if !is_valid {
        return Err(
            Error::invalid(format!("\"{path}\" is not a path of HTTP"))
                .about(path)
                .about(name)
                .hint(
                    "a path begins with /, and has neither spaces nor a fragment, like \"/health?full=1\"",
                ),
        );
    }
    Ok(path.to_owned())
}

/// Reads the header Host.
pub(super) fn host(name: &str, value: &Value) -> Result<String> {
    let host = text(name, value)?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]~%".contains(&byte);
    if host.is_empty() || host.len() > LONGEST || !host.bytes().all(is_part) {
        return Err(Error::invalid(format!("\"{host}\" is not a host of HTTP"))
            .about(host)
            .about(name)
            .hint("a host is a name or an address, and a port where it is not 80, like \"example.org\""));
    }
    Ok(host.to_owned())
}

/// Reads further headers.
pub(super) fn headers(name: &str, value: &Value) -> Result<BTreeMap<String, String>> {
    let map = value
        .as_object()
        .ok_or_else(|| wrong(name, "a map like #{ \"X-Check\": \"1\" }", value))?;
    if map.len() > MOST_HEADERS {
        return Err(Error::invalid(format!("{name} has {} entries", map.len()))
            .about(name)
            .hint(format!(
                "a request has at most {MOST_HEADERS} further headers"
            )));
    }
    let mut headers = BTreeMap::new();
    for (header, value) in map {
        let value = text(header, value)?;
        let lower = header.to_ascii_lowercase();
        if lower == "host" {
            return Err(Error::invalid("the header Host has an option of its own")
                .about(header)
                .hint(format!("host: \"{value}\"")));
        }
        if OWN.contains(&lower.as_str()) {
            return Err(
                Error::invalid(format!("a check cannot set the header {header}"))
                    .about(header)
                    .hint("ipvsh sets it, or leaves it out, so that each run is one request"),
            );
        }
        let is_valid = HeaderName::try_from(header.as_str()).is_ok()
            && value.len() <= LONGEST
            && HeaderValue::try_from(value).is_ok();
        if !is_valid {
            return Err(
                Error::invalid(format!("\"{header}: {value}\" is not a header of HTTP"))
                    .about(header)
                    .hint("a header has a name without spaces, and a value on one line"),
            );
        }
        let is_twice = |name: &String| name.eq_ignore_ascii_case(header);
        if headers.keys().any(is_twice) {
            return Err(
                Error::invalid(format!("the header {header} is named twice")).about(header),
            );
        }
        headers.insert(header.clone(), value.to_owned());
    }
    Ok(headers)
}
