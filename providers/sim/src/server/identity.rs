//! What an embedded cloud keeps for life: seed, account, token, ports.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::endpoint::Account;
use crate::error::SimError;
use crate::gcp::GcpAccount;
use crate::world::mix;

/// `identity.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    version: u32,
    /// The seed.
    pub seed: u64,
    /// The account.
    pub account: Account,
    /// The account's API token.
    pub token: String,
    /// Its token with the scopes of a cluster's controllers.
    #[serde(default)]
    pub cluster_token: String,
    /// The port of the API; kept while it is free.
    pub api_port: Option<u16>,
    /// The port of S3; kept while it is free.
    pub s3_port: Option<u16>,
    /// The Google Cloud project.
    #[serde(default)]
    pub gcp: GcpAccount,
}

const VERSION: u32 = 1;

fn new_token() -> String {
    let token: [u8; 32] = rand::random();
    format!("dop_v1_{}", hex::encode(token))
}

impl Identity {
    /// Loads the identity of a data folder, or makes one.
    ///
    /// # Errors
    /// Returns an error if the file can't be read or written, or is of a newer version.
    pub fn open(data: &Path, seed: u64) -> Result<Self, SimError> {
        let path = data.join("identity.json");
        match std::fs::read(&path) {
            Ok(text) => {
                let bad = |reason: String| SimError::Record { path: path.clone(), reason };
                let mut identity: Self =
                    serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
                if identity.version > VERSION {
                    return Err(bad(format!(
                        "version {} was written by a newer program (this one knows {VERSION})",
                        identity.version
                    )));
                }
                // Data of an earlier version has none.
                if identity.cluster_token.is_empty() {
                    identity.cluster_token = new_token();
                    identity.save(data)?;
                }
                if identity.gcp.token.is_empty() {
                    identity.gcp = GcpAccount::new(identity.seed, &identity.account.email);
                    identity.save(data)?;
                }
                Ok(identity)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let identity = Self::new(seed);
                identity.save(data)?;
                Ok(identity)
            }
            Err(e) => Err(SimError::io("read", path, e)),
        }
    }

    fn new(seed: u64) -> Self {
        let (high, low) = (mix(seed, "account", 0), mix(seed, "account", 1));
        let email = "account@example.com".to_owned();
        Self {
            gcp: GcpAccount::new(seed, &email),
            version: VERSION,
            seed,
            account: Account { uuid: format!("{high:016x}{low:016x}"), email },
            token: new_token(),
            cluster_token: new_token(),
            api_port: None,
            s3_port: None,
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Returns an error if the folder can't be written.
    pub fn save(&self, data: &Path) -> Result<(), SimError> {
        let path = data.join("identity.json");
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?;
        crate::files::write_private(&path, &text)
    }
}
