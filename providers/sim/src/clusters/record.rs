//! What is kept of a cluster next to its objects.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// What is kept of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// SHA-256 (hex) of its authority's certificate in DER: its identity.
    pub ca_sha256: String,
    /// kubeadm's `clusterName`.
    pub name: String,
    pub pod_cidr: ipnet::IpNet,
    pub service_cidr: ipnet::IpNet,
    pub kubernetes_version: String,
    pub ca_cert_pem: String,
    /// What pods may do where their namespace says nothing, as the first API server was set up.
    #[serde(default)]
    pub pod_security: infra_sim_kube::PodSecurity,
    /// Whether API servers check the certificates of kubelets, as the first one was set up.
    #[serde(default)]
    pub checks_kubelets: bool,
    /// Members of etcd, each with an API server.
    pub members: Vec<Member>,
    /// All machines that are nodes.
    pub nodes: Vec<NodeRow>,
}

/// A member of etcd with its API server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// The machine.
    pub droplet: u64,
    /// The API server's port on the machine.
    pub port: u16,
    /// Where it really listens; kept over restarts.
    pub socket: Option<SocketAddr>,
    /// Its leaf, as found on the machine's disk when it started.
    pub cert_pem: String,
    pub key_pem: String,
    /// It receives the log and doesn't vote yet.
    pub learner: bool,
    /// etcd's number of it.
    #[serde(default)]
    pub id: u64,
    /// The name it gave itself: its node's.
    #[serde(default)]
    pub name: String,
    /// The address that other members reach it at.
    #[serde(default)]
    pub address: String,
    /// The version of its API server; empty in earlier records: that of the cluster.
    #[serde(default)]
    pub version: String,
}

/// A machine that is a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeRow {
    pub droplet: u64,
    pub node: String,
}

/// Nodes that joined since the record was last written as a whole, one JSON line each.
const JOINED: &str = "joined.jsonl";

impl NodeRow {
    /// Notes that this node joined.
    ///
    /// # Errors
    /// Returns an error if the folder can't be written.
    pub fn append(&self, folder: &Path) -> Result<(), SimError> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = folder.join(JOINED);
        let mut line = serde_json::to_vec(self)
            .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?;
        line.push(b'\n');
        std::fs::File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&line))
            .map_err(|e| SimError::io("write", path, e))
    }
}

impl ClusterRecord {
    /// Returns the folder of a cluster below that of all clusters.
    pub fn folder(clusters: &Path, ca_sha256: &str) -> PathBuf {
        clusters.join(&ca_sha256[..ca_sha256.len().min(16)])
    }

    /// Reads the record in a cluster's folder.
    ///
    /// # Errors
    /// Returns an error if it isn't there or isn't such a record.
    pub fn load(folder: &Path) -> Result<Self, SimError> {
        let path = folder.join("cluster.json");
        let text = std::fs::read(&path).map_err(|e| SimError::io("read", &path, e))?;
        let mut record: Self = serde_json::from_slice(&text)
            .map_err(|e| SimError::Record { path, reason: e.to_string() })?;
        record.take_joined(folder)?;
        record.name_members();
        Ok(record)
    }

    /// Gives members of earlier records what those did not keep.
    fn name_members(&mut self) {
        for member in self.members.iter_mut().filter(|m| m.id == 0) {
            member.id = member.droplet;
            let node = self.nodes.iter().find(|n| n.droplet == member.droplet);
            member.name = node.map(|n| n.node.clone()).unwrap_or_default();
        }
    }

    /// Takes in the nodes that joined since the record was last written as a whole.
    fn take_joined(&mut self, folder: &Path) -> Result<(), SimError> {
        let path = folder.join(JOINED);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(SimError::io("read", path, e)),
        };
        // The last line may be torn: then its node never got an answer, and joins again.
        for row in text.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()) {
            let row: NodeRow = row;
            self.nodes.retain(|n| n.droplet != row.droplet);
            self.nodes.push(row);
        }
        Ok(())
    }

    /// Writes the record. It holds keys: 0600.
    ///
    /// # Errors
    /// Returns an error if the folder can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), SimError> {
        let path = folder.join("cluster.json");
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?;
        crate::files::write_private(&path, &text)?;
        // All that joined is in the record now.
        match std::fs::remove_file(folder.join(JOINED)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(SimError::io("remove", folder.join(JOINED), e))
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of a machine's node.
    pub fn node_of(&self, droplet: u64) -> Option<&str> {
        self.nodes.iter().find(|n| n.droplet == droplet).map(|n| n.node.as_str())
    }
}
