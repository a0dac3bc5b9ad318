//! `/etc/infra/boot.env`.

use secrecy::{ExposeSecret, SecretString};

use crate::userdata::UserDataError;

/// Where a machine that signs its own requests finds the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// What stands before a key in the bucket's URLs.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
}

/// The variables that the stub and the boot script read; the URLs end after about an hour.
#[derive(Debug, Clone)]
pub struct BootEnv {
    /// Node name.
    pub node: String,
    /// For machines that sign their own requests; their targets below are `s3:KEY`, not URLs.
    pub store: Option<StorePlace>,
    /// Presigned GET of the bundle.
    pub bundle_url: SecretString,
    /// SHA-256 of the bundle.
    pub bundle_sha256: String,
    /// Presigned PUT of the status object.
    pub status_put_url: SecretString,
    /// Presigned GET, presigned DELETE and SHA-256 of the PKI bundle (control planes).
    pub pki: Option<(SecretString, SecretString, String)>,
    /// Presigned GET of the turn object (control planes but the first).
    pub turn_url: Option<SecretString>,
}

impl BootEnv {
    /// Returns the file's text.
    pub fn text(&self) -> Result<SecretString, UserDataError> {
        self.write(|s| s.expose_secret().to_string()).map(SecretString::from)
    }

    /// Returns the text with the URLs' queries masked.
    pub fn masked(&self) -> Result<String, UserDataError> {
        self.write(|s| mask_url(s.expose_secret()))
    }

    fn write(&self, show: impl Fn(&SecretString) -> String) -> Result<String, UserDataError> {
        let mut pairs = vec![
            ("NODE", self.node.clone()),
            ("BUNDLE_SHA256", self.bundle_sha256.clone()),
            ("BUNDLE_URL", show(&self.bundle_url)),
            ("STATUS_PUT_URL", show(&self.status_put_url)),
        ];
        if let Some(store) = &self.store {
            pairs.push(("STORE_URL", store.url.clone()));
            pairs.push(("STORE_REGION", store.region.clone()));
        }
        if let Some((get, delete, sha256)) = &self.pki {
            pairs.push(("PKI_SHA256", sha256.clone()));
            pairs.push(("PKI_GET_URL", show(get)));
            pairs.push(("PKI_DELETE_URL", show(delete)));
        }
        if let Some(turn) = &self.turn_url {
            pairs.push(("TURN_URL", show(turn)));
        }
        let mut out = String::new();
        for (name, value) in pairs {
            if value.contains(['\'', '"', '\\']) || value.chars().any(char::is_control) {
                return Err(UserDataError::Unquotable { node: self.node.clone(), name });
            }
            out.push_str(&format!("{name}='{value}'\n"));
        }
        Ok(out)
    }
}

/// Masks a URL's query, which is what makes the URL a secret.
pub(crate) fn mask_url(url: &str) -> String {
    match url.split_once('?') {
        Some((plain, _)) => format!("{plain}?****"),
        None => url.to_string(),
    }
}
