//! What TLS of a check can hold, checked at the call.

use std::net::IpAddr;

use serde_json::Value;
use tokio_rustls::rustls::pki_types::DnsName;

use super::super::super::patch::{Options, boolean, text};
use super::kind::Tls;
use super::payload::no_nul;
use crate::error::{Error, Result};

/// The most bytes of a path.
const LONGEST_PATH: usize = 4095;

/// Reads the options of TLS.
pub(super) fn tls(options: &Options) -> Result<Tls> {
    let mut tls = Tls::default();
    for (name, value) in options {
        match name.as_str() {
            "verify" => tls.verify = boolean(name, value)?,
            "sni" => tls.sni = Some(server_name(name, value)?),
            "ca" => tls.ca = Some(file(name, value)?),
            _ => {}
        }
    }
    if let (false, Some(_)) = (tls.verify, &tls.ca) {
        return Err(
            Error::invalid("without verification no authority is asked for")
                .about("ca")
                .hint("leave ca out, or verify: false"),
        );
    }
    Ok(tls)
}

/// Reads a name that certificates have: of DNS, or an address.
fn server_name(name: &str, value: &Value) -> Result<String> {
    let typed = text(name, value)?;
    let is_name = DnsName::try_from(typed).is_ok() || typed.parse::<IpAddr>().is_ok();
    match is_name {
        true => Ok(typed.to_owned()),
        false => Err(
            Error::invalid(format!("\"{typed}\" is not a name of a certificate"))
                .about(typed)
                .about(name)
                .hint("like \"www.example.org\""),
        ),
    }
}

/// Reads the absolute path of a file.
fn file(name: &str, value: &Value) -> Result<String> {
    let path = text(name, value)?;
    no_nul(name, path)?;
    match path.starts_with('/') && path.len() <= LONGEST_PATH {
        true => Ok(path.to_owned()),
        false => Err(
            Error::invalid(format!("\"{path}\" is not the absolute path of a file"))
                .about(path)
                .about(name)
                .hint("like \"/etc/ipvsh/ca.pem\""),
        ),
    }
}
