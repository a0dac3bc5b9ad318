//! Small resources: SSH keys, tags, reserved addresses, projects, Spaces keys.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// An SSH key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SshKey {
    /// Its id.
    pub id: u64,
    /// MD5 fingerprint, as `aa:bb:…`; unique in the account.
    pub fingerprint: String,
    /// `TYPE BASE64 COMMENT`.
    pub public_key: String,
    /// Its name.
    pub name: String,
}

impl Row for SshKey {
    const KIND: &'static str = "key";
    fn seq(&self) -> u64 {
        self.id
    }
    fn id(&self) -> Option<&str> {
        Some(&self.fingerprint)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}

/// A tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tag {
    /// Order of creation.
    pub seq: u64,
    /// Its name as first written.
    pub name: String,
    /// Its name in lower case: tags differ in more than case.
    pub key: String,
}

impl Row for Tag {
    const KIND: &'static str = "tag";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.key)
    }
}

/// A reserved address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReservedIp {
    /// Order of creation.
    pub seq: u64,
    /// The address.
    pub ip: Ipv4Addr,
    /// The same as text.
    pub key: String,
    /// Region slug.
    pub region: String,
    /// The droplet it is assigned to.
    pub droplet_id: Option<u64>,
    /// Project.
    pub project_id: String,
}

impl Row for ReservedIp {
    const KIND: &'static str = "reserved_ip";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.key)
    }
}

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Project {
    /// Order of creation.
    pub seq: u64,
    /// UUID.
    pub id: String,
    /// Name, unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Purpose.
    pub purpose: String,
    /// `Development`, `Staging`, `Production`.
    pub environment: String,
    /// Whether new resources land in it.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
    /// URNs assigned by hand.
    #[serde(default)]
    pub resources: Vec<String>,
}

impl Row for Project {
    const KIND: &'static str = "project";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}

/// What a Spaces key may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The bucket; empty with `fullaccess`.
    pub bucket: String,
    /// `read`, `readwrite`, `fullaccess`.
    pub permission: String,
}

/// A Spaces access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpacesKey {
    /// Order of creation.
    pub seq: u64,
    /// The access key.
    pub access_key: String,
    /// The secret key; given out once.
    pub secret_key: String,
    /// Name.
    pub name: String,
    /// What it may.
    pub grants: Vec<Grant>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for SpacesKey {
    const KIND: &'static str = "spaces_key";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.access_key)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}
