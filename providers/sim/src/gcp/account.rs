//! The project, and the token that opens it.

use serde::{Deserialize, Serialize};

use crate::world::mix;

/// The Google Cloud project of an embedded cloud. It holds a secret, which `Debug` masks.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct GcpAccount {
    /// The project's id.
    pub project: String,
    /// The project's number.
    pub number: u64,
    /// The access token of its owner.
    pub token: String,
    /// The mail address of its owner.
    pub email: String,
    /// The port of the API; kept while it is free.
    pub port: Option<u16>,
}

impl GcpAccount {
    /// Makes the project of a world; the token is not from the seed.
    pub fn new(seed: u64, email: &str) -> Self {
        let token: [u8; 32] = rand::random();
        Self {
            project: format!("infra-sim-{:06x}", mix(seed, "gcp-project", 0) & 0xff_ffff),
            number: 100_000_000_000 + mix(seed, "gcp-project", 1) % 900_000_000_000,
            token: format!("ya29.sim-{}", hex::encode(token)),
            email: email.to_owned(),
            port: None,
        }
    }

    /// Returns the base URL of all of Google's APIs, without a final slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.unwrap_or_default())
    }
}

impl std::fmt::Debug for GcpAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GcpAccount")
            .field("project", &self.project)
            .field("number", &self.number)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
