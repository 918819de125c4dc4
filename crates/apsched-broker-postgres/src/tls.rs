//! What `sslmode` means: which certificate of the server is good enough.
//!
//! Not looking at it, and not looking at the name in it, is what PostgreSQL's own programs do below `verify-full`, and what
//! stores do with the same URL. The handshake's signatures are checked always.

use std::sync::Arc;

use apsched_core::broker::BrokerError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{PostgresConfig, Verification, misconfigured};

/// How connections are encrypted. `None`: they are not.
pub(crate) fn connector(config: &PostgresConfig) -> Result<Option<MakeRustlsConnect>, BrokerError> {
    if config.client.get_ssl_mode() == SslMode::Disable {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let failed = |error: &dyn std::fmt::Display| misconfigured(format!("postgres tls: {error}"));
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    let client = match config.verification {
        Verification::Full => builder.with_root_certificates(trusted(config)?).with_no_client_auth(),
        Verification::None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Lenient { provider, authority: None }))
            .with_no_client_auth(),
        Verification::Authority => {
            let roots = Arc::new(trusted(config)?);
            let authority = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| failed(&error))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lenient { provider, authority: Some(authority) }))
                .with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(client)))
}

/// The authorities of the file that was named, or the system's.
fn trusted(config: &PostgresConfig) -> Result<RootCertStore, BrokerError> {
    let mut roots = RootCertStore::empty();
    let (certificates, problem) = match &config.root_certificates {
        Some(path) => {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let read = read.map_err(|error| {
                misconfigured(format!("postgres tls: read certificates from {}: {error}", path.display()))
            })?;
            (read, None)
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            (found.certs, found.errors.first().map(ToString::to_string))
        }
    };
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        let why = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
        return Err(misconfigured(format!("postgres tls: found no certificate to trust{why}")));
    }
    Ok(roots)
}

/// Takes a certificate whatever name is in it, and whoever has signed it unless there is an authority.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, intermediates, name, ocsp_response, now) {
            // The name is looked at last, so all else is well.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
