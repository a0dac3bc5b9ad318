//! The version of Kubernetes that kubeadm keeps for the cluster, and what kubeadm installs besides control planes:
//! kube-proxy and CoreDNS. `kubeadm upgrade` would change them; nodes that are replaced need none.

use infra_provider_api::{CloudError, Context, ErrorKind, RetryPolicy, retry};
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment},
    core::v1::{ConfigMap, PodSpec},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::kube_access::{KubeAccess, of_kube};

const NAMESPACE: &str = "kube-system";
const CONFIG: &str = "kubeadm-config";
const KEY: &str = "ClusterConfiguration";
const FIELD: &str = "kubernetesVersion:";

/// Reads the version, without `v`, with which the next control plane joins.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached, or if the ConfigMap is not as kubeadm writes it.
pub async fn kubeadm_version(cx: &Context, kube: &KubeAccess) -> Result<String, CloudError> {
    let text = read(cx, kube).await?.1;
    let line = text.lines().find_map(|line| line.strip_prefix(FIELD));
    let version = line.map(|version| version.trim().trim_matches('"').trim_start_matches('v'));
    version.map(str::to_owned).ok_or_else(malformed)
}

/// Lets the next control plane join with `version`: it takes the version of its components from there.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached, or if the ConfigMap is not as kubeadm writes it.
pub async fn set_kubeadm_version(
    cx: &Context,
    kube: &KubeAccess,
    version: &str,
) -> Result<(), CloudError> {
    let set = || async {
        let (mut map, text) = read(cx, kube).await?;
        let changed = with_version(&text, version).ok_or_else(malformed)?;
        if changed == text {
            return Ok(());
        }
        map.data.get_or_insert_default().insert(KEY.to_owned(), changed);
        let client = kube.client().await?;
        let maps = Api::<ConfigMap>::namespaced(client.raw().clone(), NAMESPACE);
        match maps.replace(CONFIG, &PostParams::default(), &map).await {
            Ok(_) => Ok(()),
            // Somebody else has changed it since it was read.
            Err(kube::Error::Api(status)) if status.code == 409 => {
                Err(CloudError::new(ErrorKind::Busy, OPERATION, status.message))
            }
            Err(error) => Err(of_kube(OPERATION, &error)),
        }
    };
    retry(cx, RetryPolicy::READ, set).await
}

const OPERATION: &str = "write the version into the ConfigMap kubeadm-config";

fn malformed() -> CloudError {
    let text = format!("the ConfigMap {NAMESPACE}/{CONFIG} has no {KEY} with a version");
    CloudError::new(ErrorKind::MalformedResponse, "read the version of kubeadm", text)
}

async fn read(cx: &Context, kube: &KubeAccess) -> Result<(ConfigMap, String), CloudError> {
    let client = kube.client().await?;
    let maps = Api::<ConfigMap>::namespaced(client.raw().clone(), NAMESPACE);
    let get = || async {
        maps.get(CONFIG).await.map_err(|error| of_kube("read the ConfigMap kubeadm-config", &error))
    };
    let map = retry(cx, RetryPolicy::READ, get).await?;
    let text = map.data.as_ref().and_then(|data| data.get(KEY)).cloned().ok_or_else(malformed)?;
    Ok((map, text))
}

/// Returns a configuration with another version, and everything else as it is.
fn with_version(text: &str, version: &str) -> Option<String> {
    text.lines().any(|line| line.starts_with(FIELD)).then(|| {
        let line = |line: &str| match line.starts_with(FIELD) {
            true => format!("{FIELD} v{version}\n"),
            false => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    })
}

/// Brings kube-proxy to `version`, and CoreDNS to `coredns`, where they are installed and another one runs. Returns
/// what was changed: `kube-proxy to v1.36.2`.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn upgrade_kubeadm_addons(
    cx: &Context,
    kube: &KubeAccess,
    version: &str,
    coredns: Option<&str>,
) -> Result<Vec<String>, CloudError> {
    let client = kube.client().await?;
    let sets = Api::<DaemonSet>::namespaced(client.raw().clone(), NAMESPACE);
    let deployments = Api::<Deployment>::namespaced(client.raw().clone(), NAMESPACE);
    let mut changed = Vec::new();
    let params = PatchParams::default();
    let get = || async {
        sets.get_opt("kube-proxy").await.map_err(|error| of_kube("read kube-proxy", &error))
    };
    if let Some(set) = retry(cx, RetryPolicy::READ, get).await?
        && let Some(image) = newer(
            set.spec.and_then(|spec| spec.template.spec),
            "kube-proxy",
            &format!("v{version}"),
        )
    {
        let patch = patch("kube-proxy", &image);
        let write = || async {
            let patched = sets.patch("kube-proxy", &params, &Patch::Strategic(&patch)).await;
            patched.map(drop).map_err(|error| of_kube("upgrade kube-proxy", &error))
        };
        retry(cx, RetryPolicy::READ, write).await?;
        changed.push(format!("kube-proxy to v{version}"));
    }
    let Some(tag) = coredns.map(|version| format!("v{version}")) else { return Ok(changed) };
    let get = || async {
        deployments.get_opt("coredns").await.map_err(|error| of_kube("read CoreDNS", &error))
    };
    if let Some(one) = retry(cx, RetryPolicy::READ, get).await?
        && let Some(image) = newer(one.spec.and_then(|spec| spec.template.spec), "coredns", &tag)
    {
        let patch = patch("coredns", &image);
        let write = || async {
            let patched = deployments.patch("coredns", &params, &Patch::Strategic(&patch)).await;
            patched.map(drop).map_err(|error| of_kube("upgrade CoreDNS", &error))
        };
        retry(cx, RetryPolicy::READ, write).await?;
        changed.push(format!("CoreDNS to {tag}"));
    }
    Ok(changed)
}

/// Returns the image of a container with another tag, unless it has that.
fn newer(pod: Option<PodSpec>, container: &str, tag: &str) -> Option<String> {
    let image = pod?.containers.into_iter().find(|one| one.name == container)?.image?;
    let (repository, has) = image.rsplit_once(':')?;
    (has != tag).then(|| format!("{repository}:{tag}"))
}

fn patch(container: &str, image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_of_the_configuration_changes() {
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.8\nnetworking:\n  podSubnet: 10.244.0.0/16\n";
        let changed = with_version(text, "1.36.2").unwrap();
        assert_eq!(changed, text.replace("v1.35.8", "v1.36.2"));
        assert_eq!(with_version(&changed, "1.36.2").unwrap(), changed);
        assert_eq!(with_version("kind: ClusterConfiguration\n", "1.36.2"), None);
    }

    #[test]
    fn an_image_keeps_its_repository() {
        let pod = |image: &str| {
            serde_json::from_value(json!({"containers": [{"name": "coredns", "image": image}]}))
                .unwrap()
        };
        let image =
            newer(Some(pod("mirror.example.com:5000/coredns:v1.12.0")), "coredns", "v1.13.1");
        assert_eq!(image.as_deref(), Some("mirror.example.com:5000/coredns:v1.13.1"));
        assert_eq!(newer(Some(pod("x/coredns:v1.13.1")), "coredns", "v1.13.1"), None);
        assert_eq!(newer(Some(pod("x/coredns:v1.13.1")), "other", "v1"), None);
        assert_eq!(newer(None, "coredns", "v1"), None);
    }
}
