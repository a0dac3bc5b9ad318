//! `endpoint.json`: where a running embedded cloud answers, and with which credentials.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SimError;
use crate::gcp::GcpAccount;

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
    /// The Google Cloud project, with its token and the port of Google's APIs.
    #[serde(default)]
    pub gcp: GcpAccount,
}

impl Endpoint {
    /// Returns the variables with which tools for the clouds that this one stands in for reach it.
    pub fn exports(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("DIGITALOCEAN_API_URL", self.digitalocean.clone()),
            ("DIGITALOCEAN_TOKEN", self.token.clone()),
            ("DIGITALOCEAN_CLUSTER_TOKEN", self.cluster_token.clone()),
            ("SPACES_ENDPOINT_URL", self.s3.clone()),
            ("SPACES_ACCESS_KEY_ID", self.spaces_access_key_id.clone()),
            ("SPACES_SECRET_ACCESS_KEY", self.spaces_secret_access_key.clone()),
        ];
        if self.gcp.port.is_some() {
            all.extend(self.google());
        }
        all
    }

    /// Returns the variables of Google's tools. Some of their URLs contain the API's version.
    fn google(&self) -> [(&'static str, String); 7] {
        let base = format!("{}/", self.gcp.url());
        [
            ("GOOGLE_OAUTH_ACCESS_TOKEN", self.gcp.token.clone()),
            ("GOOGLE_CLOUD_PROJECT", self.gcp.project.clone()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", base.clone()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", format!("{base}compute/v1/")),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_DNS", format!("{base}dns/v1/")),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", base.clone()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER", base),
        ]
    }

    /// Returns all that a run on this cloud finds in its environment.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let dns = ("DIGITALOCEAN_DNS_TOKEN", self.cluster_token.clone());
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
            .field("gcp", &self.gcp)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_earlier_version_is_read() {
        let text = r#"{"version": 1, "pid": 1, "digitalocean": "d", "s3": "s", "control": "c",
            "ca_file": "/ca", "token": "t", "spaces_access_key_id": "a",
            "spaces_secret_access_key": "b", "account": {"uuid": "u", "email": "e"}}"#;
        let mut endpoint: Endpoint = serde_json::from_str(text).unwrap();
        assert!(endpoint.exports().iter().all(|(name, _)| !name.contains("CLOUDSDK")));
        endpoint.gcp.port = Some(1);
        let variables: Vec<_> = endpoint.variables().collect();
        let compute = "http://127.0.0.1:1/compute/v1/".to_owned();
        assert!(variables.contains(&("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", compute)));
    }
}
