//! `endpoint.json`: where a running embedded cloud answers, and with which credentials.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// Where a running embedded cloud answers. Holds secrets: its file is 0600 and `Debug` masks them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// Version of this file's format: 1.
    pub version: u32,
    /// Process id of the server.
    pub pid: u32,
    /// Base URL of the DigitalOcean API (without `/v2`).
    pub digitalocean: String,
    /// Base URL of S3 (path style).
    pub s3: String,
    /// Base URL of the control API (without `/sim`).
    pub control: String,
    /// PEM file of the certificate authority that signed the server's certificate.
    pub ca_file: PathBuf,
    /// The account's API token.
    pub token: String,
    /// A token of the account that may do what controllers in a cluster need, and nothing else.
    #[serde(default)]
    pub cluster_token: String,
    /// Access key id for S3.
    pub spaces_access_key_id: String,
    /// Secret key for S3.
    pub spaces_secret_access_key: String,
    /// The account the token belongs to.
    pub account: Account,
}

impl Endpoint {
    /// Returns the variables with which a tool for the cloud that this one stands in for reaches it.
    pub fn exports(&self) -> [(&'static str, &str); 6] {
        [
            ("DIGITALOCEAN_API_URL", &self.digitalocean),
            ("DIGITALOCEAN_TOKEN", &self.token),
            ("DIGITALOCEAN_CLUSTER_TOKEN", &self.cluster_token),
            ("SPACES_ENDPOINT_URL", &self.s3),
            ("SPACES_ACCESS_KEY_ID", &self.spaces_access_key_id),
            ("SPACES_SECRET_ACCESS_KEY", &self.spaces_secret_access_key),
        ]
    }

    /// Returns all that a run on this cloud finds in its environment.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let dns = ("DIGITALOCEAN_DNS_TOKEN", self.cluster_token.as_str());
        self.exports().into_iter().chain([dns])
    }
}

/// The cloud account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Its UUID.
    pub uuid: String,
    /// Its owner's mail address.
    pub email: String,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("pid", &self.pid)
            .field("digitalocean", &self.digitalocean)
            .field("s3", &self.s3)
            .field("control", &self.control)
            .field("ca_file", &self.ca_file)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Returns the file's place in a data folder.
    pub fn path(data: &Path) -> PathBuf {
        data.join("endpoint.json")
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    /// Returns an error if the file can't be read or isn't such a file.
    pub fn load(data: &Path) -> Result<Option<Self>, SimError> {
        let path = Self::path(data);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(SimError::io("read", path, e)),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| SimError::Record { path, reason: e.to_string() })
    }

    /// Writes the file atomically, readable by its owner only.
    ///
    /// # Errors
    /// Returns an error if the folder can't be written.
    pub fn save(&self, data: &Path) -> Result<(), SimError> {
        let path = Self::path(data);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?;
        crate::files::write_private(&path, &text)
    }
}
