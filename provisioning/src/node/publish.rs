//! Publishing a node's files.

use std::collections::BTreeMap;
use std::time::Duration;

use infra_provider_api::BucketAccess;
use secrecy::{ExposeSecret, SecretString};

use crate::artifacts::{key_of, sha256_bytes};
use crate::bundle::{NodeFiles, bundle_archive, pki_archive};
use crate::kubeadm::Role;
use crate::node::assemble::{Urls, boot_env, bundle_files, needed, pki_files};
use crate::node::{NodeKit, NodeKitError, REPORT_URL_TTL};
use crate::userdata::{BootEnv, StorePlace, cloud_config};
use infra_object_store::{Bucket, StoreError};

/// Where a node's objects lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKeys {
    /// `nodes/<role>/<node>/<revision>/bundle.tar.gz`: by role, so that workers can be kept from what
    /// control planes get.
    pub bundle: String,
    /// `nodes/control-plane/<node>/<revision>/pki.tar.gz`
    pub pki: String,
    /// `turns/<node>`
    pub turn: String,
    /// `status/<node>/<revision>.json`; where machines sign their own requests
    /// `status/{machine}.json`, in which the machine fills in its ARN.
    pub status: String,
}

/// What a machine that signs its own requests replaces by its ARN.
const OWN_ARN: &str = "{machine}";

/// Returns the keys of one node.
pub fn keys(kit: &NodeKit) -> NodeKeys {
    let (node, revision) = (&kit.boot.node, kit.revision());
    let folder = format!("{}{revision}", folder(kit.boot.role, node));
    NodeKeys {
        bundle: format!("{folder}/bundle.tar.gz"),
        pki: format!("{folder}/pki.tar.gz"),
        turn: turn(node),
        status: match kit.platform.signs_itself() {
            false => report_of_call(node, &revision),
            true => report_of_machine(OWN_ARN),
        },
    }
}

/// Returns the folder of a node's files, of all revisions.
pub(super) fn folder(role: Role, node: &str) -> String {
    format!("nodes/{}/{node}/", role.as_str())
}

/// Returns the key of the object that lets a control plane join.
fn turn(node: &str) -> String {
    format!("turns/{node}")
}

/// Returns the object to which a machine reports by a URL that it was given: it was created with `key`.
pub fn report_of_call(node: &str, key: &str) -> String {
    format!("status/{node}/{key}.json")
}

/// Returns the object to which a machine that signs its own requests reports; `arn` is the machine's. The
/// policy of machines lets each write this one only.
pub fn report_of_machine(arn: &str) -> String {
    format!("status/{arn}.json")
}

/// A node whose files are in the bucket.
#[derive(Debug, Clone)]
pub struct PublishedNode {
    /// Node name.
    pub node: String,
    /// Revision.
    pub revision: String,
    /// SHA-256 of the bundle.
    pub bundle_sha256: String,
    /// What to give the cloud.
    pub user_data: SecretString,
    /// Its part, for user-data that several machines share: see [`crate::userdata::cloud_config`].
    pub env: BootEnv,
    /// The authority that the machine must trust to reach the bucket.
    pub store_ca_pem: Option<String>,
    /// Where the objects lie.
    pub keys: NodeKeys,
}

/// Returns exactly what the node would get, with placeholders for the URLs. It does no I/O.
pub fn preview(kit: &NodeKit) -> Result<NodeFiles, NodeKitError> {
    let none = BTreeMap::new();
    let urls = Urls { signed: &none, scheme: scheme(kit) };
    let keys = keys(kit);
    let bundle = bundle_files(kit, &urls)?;
    let pki = pki_files(kit);
    let archive = |archive| move |e: std::io::Error| failed(kit, archive, &e);
    let bundle_sha = sha256_bytes(&bundle_archive(&bundle).map_err(archive("bundle.tar.gz"))?);
    let pki_sha = sha256_bytes(&pki_archive(&pki).map_err(archive("pki.tar.gz"))?);
    let (put, delete) = (urls.get(&keys.status), urls.get(&keys.pki));
    let mut env = boot_env(kit, &keys, &bundle_sha, &pki_sha, &urls, &put, &delete);
    if kit.platform.signs_itself() {
        env.store = Some(StorePlace { url: "bucket:".into(), region: "region".into() });
    }
    let user_data = cloud_config(&[&env], kit.store_ca_pem.as_deref(), &kit.platform)?;
    Ok(NodeFiles { node: kit.boot.node.clone(), revision: kit.revision(), user_data, bundle, pki })
}

/// Sends the node's bundle (and PKI), signs the URLs and returns its user-data. Run again it
/// replaces the objects: fresh URLs for a machine that is made later.
pub async fn publish_node(bucket: &Bucket, kit: &NodeKit) -> Result<PublishedNode, NodeKitError> {
    kit.check()?;
    let keys = keys(kit);
    let signed = match kit.platform.bucket_access {
        BucketAccess::PresignedUrls => signed(bucket, kit, &keys).await?,
        BucketAccess::AsMachine => Signed::default(),
    };
    let urls = Urls { signed: &signed.get, scheme: scheme(kit) };
    let put = signed.put.unwrap_or_else(|| urls.get(&keys.status));
    let delete = signed.delete.unwrap_or_else(|| urls.get(&keys.pki));

    let archive = |archive| move |e: std::io::Error| failed(kit, archive, &e);
    let bundle = bundle_archive(&bundle_files(kit, &urls)?).map_err(archive("bundle.tar.gz"))?;
    let pki = pki_archive(&pki_files(kit)).map_err(archive("pki.tar.gz"))?;
    let (bundle_sha256, pki_sha256) = (sha256_bytes(&bundle), sha256_bytes(&pki));
    let mut env = boot_env(kit, &keys, &bundle_sha256, &pki_sha256, &urls, &put, &delete);
    if kit.platform.signs_itself() {
        env.store = Some(place(bucket, kit).await?);
    }
    // The node must trust the same authorities that this program was given for the store.
    let stores = bucket.store().ca_pem.as_deref().and_then(|pem| std::str::from_utf8(pem).ok());
    let store_ca = kit.store_ca_pem.as_deref().or(stores);
    let user_data = cloud_config(&[&env], store_ca, &kit.platform)?;

    // A report of an earlier machine of this name and revision would look like this one's.
    if !kit.platform.signs_itself() {
        bucket.delete(&keys.status).await?;
    }
    bucket.put(&keys.bundle, bundle).await?;
    if kit.boot.role == Role::ControlPlane {
        // A bucket that keeps versions would keep the keys of an earlier boot for a day.
        if kit.platform.signs_itself() {
            bucket.purge(&keys.pki).await?;
        }
        bucket.put(&keys.pki, pki).await?;
    }
    Ok(PublishedNode {
        node: kit.boot.node.clone(),
        revision: kit.revision(),
        bundle_sha256,
        user_data: user_data.contents,
        store_ca_pem: store_ca.map(str::to_owned),
        env,
        keys,
    })
}

/// Presigned URLs of a node.
#[derive(Default)]
struct Signed {
    get: BTreeMap<String, SecretString>,
    put: Option<SecretString>,
    delete: Option<SecretString>,
}

async fn signed(bucket: &Bucket, kit: &NodeKit, keys: &NodeKeys) -> Result<Signed, NodeKitError> {
    let artifacts = needed(kit).into_iter().map(key_of);
    let own = [&keys.bundle, &keys.pki].map(Clone::clone);
    let mut get = BTreeMap::new();
    for key in artifacts.chain(own) {
        let url = bucket.presign_get(&key, kit.url_ttl).await?;
        get.insert(key, url);
    }
    // Waiting for the turn may take longer, and tells nobody anything.
    get.insert(keys.turn.clone(), bucket.presign_get(&keys.turn, REPORT_URL_TTL).await?);
    let put = Some(bucket.presign_put(&keys.status, REPORT_URL_TTL).await?);
    let delete = Some(bucket.presign_delete(&keys.pki, kit.url_ttl).await?);
    Ok(Signed { get, put, delete })
}

/// Finds the bucket's base, the part before a key in its URLs, and the store's region.
async fn place(bucket: &Bucket, kit: &NodeKit) -> Result<StorePlace, NodeKitError> {
    let url = bucket.presign_get("k", kit.url_ttl).await?;
    let url = url.expose_secret().split('?').next().unwrap_or_default();
    let url = url.strip_suffix("/k").unwrap_or(url).to_owned();
    Ok(StorePlace { url, region: bucket.store().region.clone() })
}

/// Returns the prefix of targets without a URL. It marks placeholders (`bucket:`), or keys whose
/// requests the machine signs itself (`s3:`).
fn scheme(kit: &NodeKit) -> &'static str {
    match kit.platform.bucket_access {
        BucketAccess::PresignedUrls => "bucket:",
        BucketAccess::AsMachine => "s3:",
    }
}

/// Lets a waiting control plane join; the object holds `text`. One at a time: grant the next when
/// etcd has promoted this.
pub async fn grant_turn(bucket: &Bucket, node: &str, text: &str) -> Result<(), StoreError> {
    bucket.put(&turn(node), text.to_owned()).await
}

/// The cluster's keys, waiting in the bucket for a control plane to fetch them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBundle {
    /// The node.
    pub node: String,
    /// The revision that the node was published with.
    pub revision: String,
    key: String,
}

/// Lists the copies of the cluster's keys that are in the bucket: each is there from the moment a
/// control plane is published until its machine has fetched it.
pub async fn key_bundles(bucket: &Bucket) -> Result<Vec<KeyBundle>, StoreError> {
    let listed = match bucket.list("nodes/control-plane/").await {
        Ok(listed) => listed,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let bundle = |key: String| {
        let parts: Vec<&str> = key.split('/').collect();
        let ["nodes", _, node, revision, .., "pki.tar.gz"] = parts.as_slice() else { return None };
        let (node, revision) = ((*node).to_owned(), (*revision).to_owned());
        Some(KeyBundle { node, revision, key })
    };
    Ok(listed.into_iter().filter_map(|object| bundle(object.key)).collect())
}

impl KeyBundle {
    /// Returns how long it has been waiting, by the store's clock.
    pub async fn age(&self, bucket: &Bucket) -> Result<Option<Duration>, StoreError> {
        bucket.age(&self.key).await
    }

    /// Deletes it, with every version of it.
    pub async fn burn(&self, bucket: &Bucket) -> Result<(), StoreError> {
        bucket.purge(&self.key).await
    }
}

/// Deletes all objects of a node that is gone, of every revision.
pub async fn remove_node(bucket: &Bucket, node: &str) -> Result<(), StoreError> {
    for role in [Role::Worker, Role::ControlPlane] {
        bucket.delete_prefix(&folder(role, node)).await?;
    }
    bucket.delete_prefix(&format!("status/{node}/")).await?;
    bucket.delete(&turn(node)).await
}

fn failed(kit: &NodeKit, archive: &'static str, e: &std::io::Error) -> NodeKitError {
    NodeKitError::Archive { node: kit.boot.node.clone(), archive, reason: e.to_string() }
}
