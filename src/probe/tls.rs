//! TLS of checks: the handshake, the authorities, and what a bad certificate is called.
//!
//! The certificates of this host's authorities are read when they are first needed; those of a file are
//! read again where the file was changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig};

use super::authorities::{authorities, of_host};
use super::errors::answering;
use super::outcome::Missed;
use super::trust::{everybody, is_of_authority, is_version_1, signed_by};
use crate::model::policy::check::Tls;

/// The most files whose certificates are kept.
const MOST: usize = 64;

/// Makes TLS of a connection. `host` is the host of the request, `addr` the server's address.
pub(super) async fn handshake(
    stream: TcpStream,
    tls: &Tls,
    host: Option<&str>,
    addr: IpAddr,
) -> Result<TlsStream<TcpStream>, Missed> {
    let name = name(tls, host, addr);
    let config = config(tls).map_err(Missed::no_result)?;
    let connected = TlsConnector::from(config)
        .connect(name.clone(), stream)
        .await;
    connected.map_err(|error| said(&error, &name))
}

/// The name that the certificate must have.
fn name(tls: &Tls, host: Option<&str>, addr: IpAddr) -> ServerName<'static> {
    let of_host = || host.map(without_port);
    let wanted = tls.sni.as_deref().or_else(of_host);
    let wanted = wanted.and_then(|name| ServerName::try_from(name.to_owned()).ok());
    wanted.unwrap_or_else(|| ServerName::IpAddress(addr.into()))
}

/// A host without its port, and an address without its brackets.
fn without_port(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match (inner, host.rsplit_once(':')) {
        (Some((addr, _)), _) => addr,
        (None, Some((name, port))) if !name.contains(':') && is_number(port) => name,
        _ => host,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What went wrong with a handshake, or with what was read or written later.
pub(super) fn said(error: &std::io::Error, name: &ServerName<'_>) -> Missed {
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(inner) => Missed::failed(in_words(inner, name)),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Missed::failed("closed during the TLS handshake")
        }
        None => answering(error),
    }
}

fn in_words(error: &rustls::Error, name: &ServerName<'_>) -> String {
    use rustls::Error as E;
    let name = name.to_str();
    match error {
        E::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "the certificate is signed by no known authority".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the certificate is not for {name}")
            }
            CertificateError::Revoked => "the certificate is revoked".to_owned(),
            CertificateError::BadSignature => {
                "the certificate is not signed by the authority that it names".to_owned()
            }
            CertificateError::Other(other) => match is_of_authority(other) {
                true => {
                    "the certificate is that of an authority: name its file by ca, or give the \
                         server a certificate of its own"
                        .to_owned()
                }
                false if is_version_1(other) => {
                    "the certificate is of X.509 version 1, which has no names: it needs a \
                     subjectAltName"
                        .to_owned()
                }
                false => format!("the certificate is not valid: {other}"),
            },
            other => format!("the certificate is not valid: {other}"),
        },
        E::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        E::InvalidMessage(_) => "the answer is not TLS".to_owned(),
        other => format!("TLS: {other}"),
    }
}

/// Settings that take every certificate, and those with the authorities of this host.
static UNVERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
static OF_HOST: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// The settings of checks that name a file, with its time of change.
type Kept = BTreeMap<String, (Option<SystemTime>, Arc<ClientConfig>)>;

/// Those of files.
static OF_FILES: Mutex<Kept> = Mutex::new(BTreeMap::new());

/// The settings that a check needs, or why this host cannot have them.
fn config(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    if !tls.verify {
        return once(&UNVERIFIED, everybody);
    }
    let Some(path) = &tls.ca else {
        return once(&OF_HOST, || {
            signed_by(of_host().ok_or(
                "this host knows no authorities: install ca-certificates, or name a file by ca",
            )?)
        });
    };
    let changed = std::fs::metadata(path)
        .and_then(|file| file.modified())
        .ok();
    let mut kept = OF_FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((time, config)) = kept.get(path)
        && *time == changed
        && time.is_some()
    {
        return Ok(Arc::clone(config));
    }
    let known = authorities(path).map_err(|error| error.to_string())?;
    let config = Arc::new(signed_by(known)?);
    if kept.len() >= MOST {
        kept.clear();
    }
    kept.insert(path.clone(), (changed, Arc::clone(&config)));
    Ok(config)
}

/// Makes settings once for all checks; what fails is tried again.
fn once(
    made: &OnceLock<Arc<ClientConfig>>,
    make: impl FnOnce() -> Result<ClientConfig, String>,
) -> Result<Arc<ClientConfig>, String> {
    if let Some(config) = made.get() {
        return Ok(Arc::clone(config));
    }
    let new = Arc::new(make()?);
    Ok(Arc::clone(made.get_or_init(|| new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_without_its_port() {
        for (host, name) in [
            ("example.org", "example.org"),
            ("example.org:8443", "example.org"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("example.org:", "example.org:"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
