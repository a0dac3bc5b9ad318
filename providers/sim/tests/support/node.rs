//! What a machine needs to become a node, written by hand: artifacts in a bucket, user-data.

use reqwest::Method;
use sha2::{Digest, Sha256};

use super::pki::Pki;
use super::{Cloud, s3};

pub const VERSION: &str = "v1.34.1";
pub const TOKEN: &str = "abcdef.0123456789abcdef";

/// An archive in the bucket: a URL to get it, and its sum.
pub struct Artifacts {
    pub url: String,
    pub sha256: String,
}

fn stand_in(tool: &str) -> String {
    format!(
        "#!/bin/sh\nexport INFRA_STAND_IN_VERSION={VERSION}\nexec \"$INFRA_SIM_STAND_IN\" sim stand-in {tool} \"$@\"\n"
    )
}

fn images() -> Vec<u8> {
    let tags: Vec<String> =
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
            .iter()
            .map(|n| format!("registry.k8s.io/{n}:{VERSION}"))
            .chain([
                "registry.k8s.io/etcd:3.6.4-0".to_owned(),
                "registry.k8s.io/pause:3.10".to_owned(),
            ])
            .collect();
    let manifest =
        serde_json::json!([{"Config": "c.json", "RepoTags": tags, "Layers": []}]).to_string();
    archive(&[("manifest.json", 0o644, manifest.as_bytes())])
}

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_cksum();
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Puts everything a node installs into a bucket.
pub async fn publish(cloud: &Cloud) -> Artifacts {
    let kubelet_unit = "[Service]\nExecStart=/usr/bin/kubelet\n";
    let drop_in =
        "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n";
    let containerd_unit = "[Service]\nExecStart=/usr/local/bin/containerd\n";
    let images = images();
    let text = |t: &str| t.as_bytes().to_vec();
    let files = [
        ("usr/bin/kubeadm", 0o755, text(&stand_in("kubeadm"))),
        ("usr/bin/kubelet", 0o755, text(&stand_in("kubelet"))),
        ("usr/local/bin/containerd", 0o755, text(&stand_in("containerd"))),
        ("usr/local/sbin/runc", 0o755, text(&stand_in("runc"))),
        ("opt/cni/bin/bridge", 0o755, text("#!/bin/sh\n")),
        ("etc/systemd/system/kubelet.service", 0o644, text(kubelet_unit)),
        ("etc/systemd/system/kubelet.service.d/10-kubeadm.conf", 0o644, text(drop_in)),
        ("etc/systemd/system/containerd.service", 0o644, text(containerd_unit)),
        ("opt/images.tar", 0o644, images),
    ];
    let borrowed: Vec<(&str, u32, &[u8])> =
        files.iter().map(|(p, m, b)| (*p, *m, b.as_slice())).collect();
    let bytes = archive(&borrowed);
    let sha256 = hex::encode(Sha256::digest(&bytes));
    for (path, body) in [("/infra-test", Vec::new()), ("/infra-test/node.tar", bytes)] {
        let url = s3::presign(&cloud.endpoint, "PUT", path);
        let response = cloud.client.request(Method::PUT, url).body(body).send().await.unwrap();
        let status = response.status();
        assert!(status.is_success(), "{path}: {status}: {}", response.text().await.unwrap());
    }
    Artifacts { url: s3::presign(&cloud.endpoint, "GET", "/infra-test/node.tar"), sha256 }
}

/// The user-data of a node: fetches, checks, prepares the host, runs kubeadm.
pub fn user_data(artifacts: &Artifacts, pki: Option<&Pki>, verb: &str, documents: &str) -> String {
    let mut files = vec![("/etc/kubernetes/kubeadm.yaml".to_owned(), documents.to_owned())];
    for (name, content) in pki.map(|p| p.files.as_slice()).unwrap_or_default() {
        files.push((format!("/etc/kubernetes/pki/{name}"), content.clone()));
    }
    files.push((
        "/usr/local/sbin/become-node".to_owned(),
        format!(
            "#!/bin/bash
set -euo pipefail
cd \"$INFRA_ROOT/tmp\"
private=$(curl -fsS \"$INFRA_METADATA_URL/interfaces/private/0/ipv4/address\")
echo \"private address $private\"
curl -fsS --retry 5 --retry-all-errors -o node.tar '{url}'
echo '{sha256}  node.tar' | sha256sum -c -
tar -xf node.tar -C \"$INFRA_ROOT\"
swapoff -a
modprobe overlay br_netfilter
sysctl -w net.ipv4.ip_forward=1
systemctl daemon-reload
systemctl enable --now containerd
ctr -n k8s.io images import /opt/images.tar
systemctl enable kubelet
if [ ! -e \"$INFRA_ROOT/etc/kubernetes/kubelet.conf\" ]; then
  kubeadm {verb} --config /etc/kubernetes/kubeadm.yaml
fi
systemctl start kubelet
echo node is up
",
            url = artifacts.url,
            sha256 = artifacts.sha256
        ),
    ));
    let write_files: Vec<_> = files
        .iter()
        .map(|(path, content)| serde_json::json!({"path": path, "content": content, "permissions": if path.contains("sbin") { "0755" } else { "0600" }}))
        .collect();
    // JSON is YAML.
    let document = serde_json::json!({
        "write_files": write_files,
        "runcmd": [["/usr/local/sbin/become-node"]],
    });
    format!("#cloud-config\n{document}\n")
}

/// The documents of `kubeadm init`.
pub fn init_documents(name: &str, endpoint: &str, ttl: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{{token: {TOKEN}, ttl: {ttl}}}]
nodeRegistration:
  name: {name}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: test
kubernetesVersion: {VERSION}
controlPlaneEndpoint: {endpoint}:6443
networking: {{podSubnet: 10.244.0.0/16}}
"
    )
}

/// The document of `kubeadm join`.
pub fn join_document(name: &str, endpoint: &str, pin: &str, extra: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: {TOKEN}
    apiServerEndpoint: {endpoint}:6443
    caCertHashes: ['{pin}']
nodeRegistration:
  name: {name}
{extra}"
    )
}
