//! Numbers that only go up, and the ids made from them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::table::Row;

/// The counters of a world. Ids follow from the seed and these, so one seed gives one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The seed, kept for the life of the world.
    pub seed: u64,
    /// Last droplet id.
    pub droplet: u64,
    /// Last action id.
    pub action: u64,
    /// Last SSH key id.
    pub key: u64,
    /// Last domain record id.
    pub record: u64,
    /// Last place in order of creation, of kinds without a number.
    pub order: u64,
    /// UUIDs made so far.
    pub uuid: u64,
    /// Public addresses looked at so far.
    pub address: u64,
    /// The block of public addresses: 0–255 stands for 127.64.0.0/18 and on.
    pub block: Option<u8>,
}

impl Counters {
    /// Makes the counters of a new world. Ids start where the vendor's are today, so that nobody
    /// takes them for 32-bit-small.
    pub fn new(seed: u64) -> Self {
        let jitter = mix(seed, "ids", 0) % 1_000_000;
        Self {
            seed,
            droplet: 480_000_000 + jitter,
            action: 2_300_000_000 + jitter,
            key: 44_000_000 + jitter,
            record: 1_790_000_000 + jitter,
            order: 0,
            uuid: 0,
            address: 0,
            block: None,
        }
    }

    /// Makes the next UUID (version 4 in form).
    pub fn next_uuid(&mut self) -> String {
        self.uuid += 1;
        let mut digest = Sha256::new();
        digest.update(self.seed.to_be_bytes());
        digest.update(b"uuid");
        digest.update(self.uuid.to_be_bytes());
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest.finalize()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Takes the next place in order of creation.
    pub fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }
}

/// Computes a number that depends on the seed, a purpose and an index, and on nothing else.
pub fn mix(seed: u64, purpose: &str, index: u64) -> u64 {
    let mut digest = Sha256::new();
    digest.update(seed.to_be_bytes());
    digest.update(purpose.as_bytes());
    digest.update(index.to_be_bytes());
    let d = digest.finalize();
    u64::from_be_bytes([d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]])
}

impl Row for Counters {
    const KIND: &'static str = "counters";
    fn seq(&self) -> u64 {
        0
    }
}
