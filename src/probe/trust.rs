//! Which certificate of a server a check takes.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme,
};

use super::authorities::Authorities;

/// The settings of a client that takes every certificate: `verify: false`.
pub(super) fn everybody() -> Result<ClientConfig, String> {
    client(Arc::new(ring::default_provider()), Trust::Everybody)
}

/// The settings of a client that takes what these authorities signed, and a certificate among theirs.
pub(super) fn signed_by(known: Authorities) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(known.roots), Arc::clone(&provider));
    let trust = Trust::Signed {
        verifier: builder.build().map_err(|error| format!("TLS: {error}"))?,
        named: known.certificates,
    };
    client(provider, trust)
}

fn client(provider: Arc<CryptoProvider>, trust: Trust) -> Result<ClientConfig, String> {
    let verifier = Verifier {
        algorithms: provider.signature_verification_algorithms,
        trust,
    };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// Returns true if a server presents a certificate that is made to sign others.
pub(super) fn is_of_authority(error: &rustls::OtherError) -> bool {
    matches!(inner(error), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Returns true if the certificate is of X.509 version 1.
pub(super) fn is_version_1(error: &rustls::OtherError) -> bool {
    matches!(inner(error), Some(webpki::Error::UnsupportedCertVersion))
}

fn inner(error: &rustls::OtherError) -> Option<&webpki::Error> {
    error.0.downcast_ref()
}

/// Whose certificates are taken.
#[derive(Debug)]
enum Trust {
    /// Everybody's.
    Everybody,
    /// Those that the verifier's authorities signed, and those named.
    Signed {
        verifier: Arc<WebPkiServerVerifier>,
        named: Vec<CertificateDer<'static>>,
    },
}

/// Verifies the server's certificate as far as the check trusts others, and its signature always.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    trust: Trust,
}

impl ServerCertVerifier for Verifier {
    /// A certificate that a server signed for itself is made as an authority's as a rule. webpki
    /// refuses that one after it has looked at the time (`check_issuer_independent_properties`), so
    /// that only the name is left to be verified.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Signed { verifier, named } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = verifier.verify_server_cert(certificate, others, name, ocsp, now);
        let is_named = || named.iter().any(|one| one.as_ref() == certificate.as_ref());
        match &verified {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                if is_of_authority(other) && is_named() =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
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
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
