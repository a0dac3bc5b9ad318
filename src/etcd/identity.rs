//! Who we are for etcd: a certificate of its authority, good for a day, that never touches a disk.

use std::{path::Path, sync::Arc};

use infra_ssl::{Authority, LeafRequest, Names, PkiLayout, PrivateKey, Profile, Validity};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};

/// As short as can be: the connection is made at once.
const VALIDITY: Validity = Validity { ca_days: 1, leaf_days: 1, renew_before_days: 0 };

/// Makes the TLS settings for a client of etcd, from the authority in the PKI folder.
///
/// # Errors
/// Returns the reason if the authority cannot be used.
pub(super) fn tls(pki: &Path) -> Result<Arc<ClientConfig>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let layout = PkiLayout::new(pki);
    let read = |path: std::path::PathBuf| {
        let found = infra_ssl::files::read_optional(&path).map_err(|error| text(&error))?;
        found.ok_or_else(|| format!("there is no {}", path.display()))
    };
    let ca_pem = read(layout.cert("etcd-ca"))?;
    let key = SecretString::from(read(layout.key("etcd-ca"))?);
    let key = PrivateKey::from_pem(&key).map_err(|error| text(&error))?;
    let authority = Authority::from_parts(ca_pem.clone(), key).map_err(|error| text(&error))?;
    let request = LeafRequest { profile: Profile::EtcdHealthcheckClient, names: Names::default() };
    let issued = authority
        .issue(&request, &VALIDITY, jiff::Timestamp::now())
        .map_err(|error| text(&error))?;

    let certificates = |pem: &str| {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        all.map_err(|error| text(&error))
    };
    let mut roots = RootCertStore::empty();
    for ca in certificates(&ca_pem)? {
        roots.add(ca).map_err(|error| text(&error))?;
    }
    let key = PrivateKeyDer::from_pem_slice(issued.key.pem().expose_secret().as_bytes())
        .map_err(|error| text(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| text(&error))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&issued.cert_pem)?, key)
        .map_err(|error| text(&error))?;
    Ok(Arc::new(config))
}
