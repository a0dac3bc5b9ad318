//! `[cluster]`, `[providers]`, `[pools]` and `[ssh_keys]` as they are written.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clouds;

/// The cluster itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCluster {
    /// Its name: lower-case letters, digits and `-`, at most 40 characters.
    pub name: String,
    /// The cloud, unless `--provider` says otherwise: do, aws or gcp.
    pub provider: Option<String>,
    /// Kubernetes version, for instance "1.36.2".
    pub kubernetes: Option<String>,
    /// The environment taken when `--env` is not given.
    pub default_environment: Option<String>,
    /// Take any name after `--env`, also one without a table of its own.
    pub any_environment: bool,
    /// Ask for the environment's (or cluster's) name to be typed before anything is changed.
    pub protected: bool,
    /// Tags put on every cloud resource that can carry them.
    pub tags: Vec<String>,
}

/// What differs from cloud to cloud: a table for each cloud, of the cloud's own type. What is said for a cloud
/// that is not part of this build is not looked at.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct RawProviders(BTreeMap<String, Value>);

impl RawProviders {
    /// Returns the table of a cloud.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl JsonSchema for RawProviders {
    fn schema_name() -> Cow<'static, str> {
        "RawProviders".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = |name: &&str| {
            let own = clouds::find(name).map(|cloud| (cloud.settings.schema)(generator).to_value());
            ((*name).to_owned(), own.unwrap_or_else(|| json!({"type": "object"})))
        };
        let tables: Map<String, Value> = clouds::KNOWN.iter().map(table).collect();
        json_schema!({"type": "object", "properties": tables, "additionalProperties": false})
    }
}

/// A group of equal nodes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPool {
    /// What its nodes are for. Default: `control-plane` for the pool of that name, else `worker`.
    pub role: Option<RawRole>,
    /// How many nodes.
    pub count: Option<u32>,
    /// The fewest nodes, instead of `count`, where the cloud chooses how many.
    pub min: Option<u32>,
    /// The most nodes, together with `min`.
    pub max: Option<u32>,
    /// Machines that the cloud may take away at any time, at a lower price.
    pub spot: bool,
    /// The least number of virtual processors.
    pub vcpus: Option<u32>,
    /// The least memory, for instance "4GiB".
    pub memory: Option<String>,
    /// The cloud's own name of the machine type, instead of `vcpus` and `memory`; a table where it
    /// differs from cloud to cloud: `{ do = "s-2vcpu-4gb", aws = "t3.medium" }`.
    #[serde(rename = "type")]
    pub machine_type: Option<RawType>,
    /// Labels of the Nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Nodes, as kubectl writes them: "key=value:NoSchedule".
    pub taints: Vec<String>,
    /// How many machines there may be more than the pool has while its nodes are replaced: 3, or "30%". Default: 1.
    pub max_surge: Option<RawBound>,
    /// How many nodes may be away while the pool's nodes are replaced: 1, or "10%". Default: 0.
    pub max_unavailable: Option<RawBound>,
}

/// A number of nodes, or a share of the pool.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawBound {
    /// So many nodes.
    Nodes(u32),
    /// So many of a hundred: "30%".
    Percent(String),
}

/// What a pool's nodes are for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RawRole {
    /// Runs the API server and etcd.
    ControlPlane,
    /// Runs the apps.
    Worker,
}

/// A machine type, or one for each cloud.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawType {
    /// The same name whatever the cloud.
    One(String),
    /// By the cloud's short name.
    Each(BTreeMap<String, String>),
}

/// A public key, or the file that holds it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawSshKey {
    /// The key itself, one line in OpenSSH's format.
    Key(String),
    /// The file that holds it.
    File(RawFile),
}

/// A file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFile {
    /// Path, relative to infra.toml's folder; `~/` is your home folder.
    pub file: String,
}
