//! What controllers and nodes would do on a cluster whose API server stands alone: just enough that
//! objects get ready, and go.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, ResourceQuota, Secret, Service},
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_millis(100);

/// Every namespace has this ConfigMap with the cluster's CA; quotas count it.
const CA_MAP: &str = "kube-root-ca.crt";

/// Works until it is stopped. What fails is done again at the next look.
pub async fn work(client: Client, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
        let _ = deployments(&client).await;
        let _ = claims(&client).await;
        let _ = quotas(&client).await;
        let _ = namespaces(&client).await;
    }
}

async fn all<K>(client: &Client) -> kube::Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    Ok(Api::<K>::all(client.clone()).list(&ListParams::default()).await?.items)
}

/// The API of the namespace that `object` is in, and its name.
fn at<K>(client: &Client, object: &K) -> (Api<K>, String)
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    let meta = object.meta();
    let namespace = meta.namespace.clone().unwrap_or_default();
    (Api::namespaced(client.clone(), &namespace), meta.name.clone().unwrap_or_default())
}

/// As the garbage collector and the volume protection do it: what was waited for is done.
async fn let_go<K>(client: &Client, object: &K) -> kube::Result<()>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let (api, name) = at(client, object);
    let none = json!({ "metadata": { "finalizers": null } });
    api.patch(&name, &PatchParams::default(), &Patch::Merge(none)).await.map(drop)
}

/// All pods of each are there at once.
async fn deployments(client: &Client) -> kube::Result<()> {
    for deployment in all::<Deployment>(client).await? {
        if deployment.metadata.deletion_timestamp.is_some() {
            let_go(client, &deployment).await?;
            continue;
        }
        let generation = deployment.metadata.generation;
        if deployment.status.as_ref().and_then(|s| s.observed_generation) == generation {
            continue;
        }
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
        let status = json!({ "status": {
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        } });
        let (api, name) = at(client, &deployment);
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    }
    Ok(())
}

async fn claims(client: &Client) -> kube::Result<()> {
    for claim in all::<PersistentVolumeClaim>(client).await? {
        if claim.metadata.deletion_timestamp.is_some() {
            let_go(client, &claim).await?;
        }
    }
    Ok(())
}

/// A quota holds from the moment that its status has been counted.
async fn quotas(client: &Client) -> kube::Result<()> {
    for quota in all::<ResourceQuota>(client).await? {
        let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone());
        if quota.status.as_ref().and_then(|status| status.hard.clone()) == hard {
            continue;
        }
        let namespace = quota.metadata.namespace.clone().unwrap_or_default();
        let maps = Api::<ConfigMap>::namespaced(client.clone(), &namespace);
        if maps.get_opt(CA_MAP).await?.is_none() {
            continue;
        }
        let deployments = Api::<Deployment>::namespaced(client.clone(), &namespace);
        let used = json!({
            "configmaps": maps.list(&ListParams::default()).await?.items.len().to_string(),
            "count/deployments.apps":
                deployments.list(&ListParams::default()).await?.items.len().to_string(),
        });
        let (api, name) = at(client, &quota);
        let status = json!({ "status": { "hard": hard, "used": used } });
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    }
    Ok(())
}

async fn root_ca(client: &Client, namespace: &str) -> kube::Result<()> {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    if maps.get_opt(CA_MAP).await?.is_some() {
        return Ok(());
    }
    let metadata = ObjectMeta { name: Some(CA_MAP.to_owned()), ..ObjectMeta::default() };
    let map = ConfigMap { metadata, ..ConfigMap::default() };
    maps.create(&PostParams::default(), &map).await.map(drop)
}

/// A namespace is emptied, and goes when nothing holds on to what is in it.
async fn namespaces(client: &Client) -> kube::Result<()> {
    for namespace in all::<Namespace>(client).await? {
        let name = namespace.metadata.name.clone().unwrap_or_default();
        if namespace.metadata.deletion_timestamp.is_none() {
            root_ca(client, &name).await?;
            continue;
        }
        empty::<Deployment>(client, &name).await?;
        empty::<Service>(client, &name).await?;
        empty::<Secret>(client, &name).await?;
        empty::<PersistentVolumeClaim>(client, &name).await?;
        if empty::<ConfigMap>(client, &name).await? > 0 {
            continue;
        }
        let mut body = serde_json::to_value(&namespace).unwrap_or_default();
        body["spec"]["finalizers"] = Value::Null;
        let path = format!("/api/v1/namespaces/{name}/finalize");
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let request = http::Request::put(path).header("content-type", "application/json");
        client.request_text(request.body(body).map_err(kube::Error::HttpError)?).await?;
    }
    Ok(())
}

/// Deletes all of a kind in a namespace; how many are still there.
async fn empty<K>(client: &Client, namespace: &str) -> kube::Result<usize>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api = Api::<K>::namespaced(client.clone(), namespace);
    for object in api.list(&ListParams::default()).await?.items {
        let name = object.meta().name.clone().unwrap_or_default();
        if object.meta().deletion_timestamp.is_none() {
            let _ = api.delete(&name, &DeleteParams::default()).await?;
        }
    }
    Ok(api.list(&ListParams::default()).await?.items.len())
}
