//! TLS of checks: the handshake, the authorities, and what a bad certificate is called.
//!
//! The certificates of this host's authorities are read when they are first needed; those of a file are
//! read again where the file was changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use rustix::fs::OFlags;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::errors::answering;
use super::outcome::Missed;
use crate::error::{Error, Kind, Result};
use crate::model::policy::check::Tls;

/// The largest file of certificates that is read: one of all public authorities has 250 kB.
const LARGEST: u64 = 4 * 1024 * 1024;

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

/// Returns true if a server presents a certificate that is made to sign others.
fn is_of_authority(error: &rustls::OtherError) -> bool {
    matches!(inner(error), Some(webpki::Error::CaUsedAsEndEntity))
}

fn is_version_1(error: &rustls::OtherError) -> bool {
    matches!(inner(error), Some(webpki::Error::UnsupportedCertVersion))
}

fn inner(error: &rustls::OtherError) -> Option<&webpki::Error> {
    error.0.downcast_ref()
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
        return once(&UNVERIFIED, unverified);
    }
    let Some(path) = &tls.ca else {
        return once(&OF_HOST, of_host);
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
    let config = Arc::new(verified(known)?);
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

fn of_host() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        false => verified(Authorities {
            roots,
            certificates: Vec::new(),
        }),
        true => Err(
            "this host knows no authorities: install ca-certificates, or name a file by ca"
                .to_owned(),
        ),
    }
}

/// Reads the certificates of a file.
///
/// # Errors
/// `invalid` where it holds none; as the system fails.
pub fn authorities(path: &str) -> Result<Authorities> {
    use std::io::Read;
    let in_words = |error: &std::io::Error| Error::system(format!("cannot read {path}"), error);
    // A pipe would be waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = std::fs::File::options();
    let file = options.read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| in_words(&error))?;
    let metadata = file.metadata().map_err(|error| in_words(&error))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        let why = match metadata.is_file() {
            true => format!("has more than {LARGEST} bytes"),
            false => "is no regular file".to_owned(),
        };
        return Err(Error::invalid(format!("{path} {why}")).about(path));
    }
    let mut bytes = Vec::new();
    let read = file.take(LARGEST).read_to_end(&mut bytes);
    read.map_err(|error| in_words(&error))?;
    let mut roots = RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let added = certificate.map_err(|error| error.to_string());
        let added = added.and_then(|one| {
            certificates.push(one.clone());
            roots.add(one).map_err(|error| error.to_string())
        });
        added.map_err(|why| {
            Error::invalid(format!("{path} holds what is no certificate: {why}")).about(path)
        })?;
    }
    match roots.is_empty() {
        true => Err(
            Error::new(Kind::Invalid, format!("{path} holds no certificate"))
                .about(path)
                .hint("a certificate stands between BEGIN CERTIFICATE and END CERTIFICATE"),
        ),
        false => Ok(Authorities {
            roots,
            certificates,
        }),
    }
}

/// The certificates of a file: authorities, and servers that sign for themselves.
#[derive(Debug)]
pub struct Authorities {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

fn verified(known: Authorities) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(known.roots), provider);
    let verifying = Verifying {
        verifier: verifier.build().map_err(|error| format!("TLS: {error}"))?,
        named: known.certificates,
    };
    let builder = builder()?.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(verifying));
    Ok(builder.with_no_client_auth())
}

fn unverified() -> Result<ClientConfig, String> {
    let accepting = Arc::new(Accepting(ring::default_provider()));
    let builder = builder()?.dangerous();
    let builder = builder.with_custom_certificate_verifier(accepting);
    Ok(builder.with_no_client_auth())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    builder.map_err(|error| format!("TLS: {error}"))
}

/// Verifies as TLS does, and takes a certificate that the file names itself: one that a server signed
/// for itself is made as an authority's as a rule, which webpki refuses after it has looked at the
/// time (`check_issuer_independent_properties`).
#[derive(Debug)]
struct Verifying {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifying {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .verifier
            .verify_server_cert(certificate, others, name, ocsp, now);
        match &verified {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                if is_of_authority(other)
                    && self
                        .named
                        .iter()
                        .any(|one| one.as_ref() == certificate.as_ref()) =>
            {
                let parsed = ParsedCertificate::try_from(certificate)?;
                verify_server_name(&parsed, name)?;
                Ok(ServerCertVerified::assertion())
            }
            _ => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes every certificate: `verify: false`.
#[derive(Debug)]
struct Accepting(CryptoProvider);

impl ServerCertVerifier for Accepting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
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
