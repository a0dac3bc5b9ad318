//! What lies in the folder, read once.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::authority::Authority;
use crate::error::{Result, SslError};
use crate::files;
use crate::inspect::{CertificateFacts, certificate_facts};
use crate::key::PrivateKey;
use crate::pki::{AuthorityName, PkiLayout};

/// A certificate and a key as they lie on disk; either may be missing.
pub(crate) struct Pair {
    pub cert_path: PathBuf,
    pub key_path: PathBuf,
    pub cert: Option<String>,
    pub key: Option<SecretString>,
}

impl Pair {
    pub fn read(layout: &PkiLayout, stem: &str) -> Result<Pair> {
        let (cert_path, key_path) = (layout.cert(stem), layout.key(stem));
        Ok(Pair {
            cert: files::read_optional(&cert_path)?,
            key: read_secret(&key_path)?,
            cert_path,
            key_path,
        })
    }

    /// Reads the certificate's facts; an error names its path.
    pub fn facts(&self) -> Result<Option<CertificateFacts>> {
        self.cert.as_deref().map(|c| at(&self.cert_path, certificate_facts(c))).transpose()
    }

    /// Reads the key; an error names its path.
    pub fn private_key(&self) -> Result<Option<PrivateKey>> {
        self.key.as_ref().map(|k| at(&self.key_path, PrivateKey::from_pem(k))).transpose()
    }
}

/// An authority's place in the folder.
pub(crate) enum AuthorityOnDisk {
    /// Neither file is there.
    Absent,
    /// Both are, and they match.
    Present(Authority),
    /// Certificate and pending key are there: the rename was cut off.
    Unfinished(Authority),
}

/// Reads an authority; every state that would need replacing it is an error.
pub(crate) fn read_authority(layout: &PkiLayout, name: AuthorityName) -> Result<AuthorityOnDisk> {
    let pair = Pair::read(layout, name.stem())?;
    match (&pair.cert, &pair.key) {
        (None, None) => Ok(AuthorityOnDisk::Absent),
        (None, Some(_)) => {
            Err(SslError::MissingCertificate { cert: pair.cert_path, key: pair.key_path })
        }
        (Some(cert), None) => {
            let pending = layout.pending_key(name.stem());
            if let Some(key) = read_secret(&pending)?
                && let Ok(key) = PrivateKey::from_pem(&key)
                && let Ok(authority) = Authority::from_parts(cert.clone(), key)
            {
                return Ok(AuthorityOnDisk::Unfinished(authority));
            }
            Err(SslError::MissingKey { cert: pair.cert_path, key: pair.key_path })
        }
        (Some(cert), Some(_)) => {
            let (Some(facts), Some(key)) = (pair.facts()?, pair.private_key()?) else {
                return Ok(AuthorityOnDisk::Absent);
            };
            if facts.public_der != key.public_der() {
                return Err(SslError::KeyMismatch { cert: pair.cert_path, key: pair.key_path });
            }
            if !facts.is_authority {
                return Err(SslError::NotAnAuthority { cert: pair.cert_path });
            }
            Ok(AuthorityOnDisk::Present(Authority::from_parts(cert.clone(), key)?))
        }
    }
}

/// The service-account key pair: the private half is what counts.
pub(crate) enum SaOnDisk {
    Absent,
    /// Only the private half is there, the public one follows from it.
    NoPublic(PrivateKey),
    Present,
}

pub(crate) fn read_sa(layout: &PkiLayout) -> Result<SaOnDisk> {
    let (key_path, pub_path) = (layout.sa_key(), layout.sa_pub());
    let key = read_secret(&key_path)?;
    let public = files::read_optional(&pub_path)?;
    match (key, public) {
        (None, None) => Ok(SaOnDisk::Absent),
        (None, Some(_)) => Err(SslError::MissingKey { cert: pub_path, key: key_path }),
        (Some(key), public) => {
            let key = at(&key_path, PrivateKey::from_pem(&key))?;
            let Some(public) = public else {
                return Ok(SaOnDisk::NoPublic(key));
            };
            let block = pem::parse(public).map_err(|e| SslError::malformed(&pub_path, e))?;
            if block.contents() != key.public_der() {
                return Err(SslError::KeyMismatch { cert: pub_path, key: key_path });
            }
            Ok(SaOnDisk::Present)
        }
    }
}

/// Reads a key into memory that is wiped when dropped.
pub(crate) fn read_secret(path: &Path) -> Result<Option<SecretString>> {
    Ok(files::read_optional(path)?.map(SecretString::from))
}

/// Adds the path to an error about a text.
pub(crate) fn at<T>(path: &Path, result: Result<T>) -> Result<T> {
    result.map_err(|e| match e {
        SslError::Pem { reason, .. } => SslError::malformed(path, reason),
        other => other,
    })
}
