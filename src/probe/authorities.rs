//! The certificates that checks over TLS trust: those of this host's authorities, and those of a file.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::error::{Error, Result};

/// The largest file of certificates that is read: one of all public authorities has 250 kB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Certificates that a check trusts: those of authorities, and of servers that sign for themselves.
#[derive(Debug)]
pub struct Authorities {
    /// Those that may have signed the server's.
    pub(super) roots: RootCertStore,
    /// Those of a file, of which one may be the server's own.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Reads the authorities of this host; `None` where it knows none.
pub(super) fn of_host() -> Option<Authorities> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (!roots.is_empty()).then(|| Authorities {
        roots,
        certificates: Vec::new(),
    })
}

/// Reads the certificates of a file.
///
/// # Errors
/// `invalid` where it holds none; as the system fails.
pub fn authorities(path: &str) -> Result<Authorities> {
    let in_words = |error: &std::io::Error| Error::system(format!("cannot read {path}"), error);
    // A pipe would be waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = File::options();
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
        true => Err(Error::invalid(format!("{path} holds no certificate"))
            .about(path)
            .hint("a certificate stands between BEGIN CERTIFICATE and END CERTIFICATE")),
        false => Ok(Authorities {
            roots,
            certificates,
        }),
    }
}
