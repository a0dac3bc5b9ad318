//! kube-controller-manager's signer of the certificates that kubelets serve with. It signs what somebody
//! has approved, and approves nothing itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use infra_sim_kube::Resource;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::running::Running;
use crate::machines::Disk;
use crate::stand_in::kubeadm::Authority;

const SIGNER: &str = "kubernetes.io/kubelet-serving";
/// How often what could not be signed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
const USAGES: [&str; 2] = ["digital signature", "server auth"];

fn requests() -> Resource {
    Resource::new("certificates.k8s.io", "v1", "certificatesigningrequests")
}

/// Signs until it is stopped.
pub async fn run(cluster: Arc<Running>, stop: CancellationToken) {
    let store = cluster.cluster.store().clone();
    loop {
        let (all, revision) = store.list(&requests(), None);
        let mut left: BTreeSet<String> = BTreeSet::new();
        left.extend(all.iter().filter(|one| is_due(one)).map(|one| name(one)));
        let mut watch = store.watch(&requests(), revision);
        loop {
            let mut unsigned = BTreeSet::new();
            for name in std::mem::take(&mut left) {
                if !sign(&cluster, &name).await {
                    unsigned.insert(name);
                }
            }
            left = unsigned;
            let pause = cluster.sim.clock.sleep(AGAIN);
            tokio::select! {
                () = stop.cancelled() => return,
                () = pause, if !left.is_empty() => {}
                event = watch.next() => match event {
                    Ok(event) if is_due(&event.object) => {
                        left.insert(name(&event.object));
                    }
                    Ok(_) => {}
                    // More happened than is remembered.
                    Err(_) => break,
                },
            }
        }
        if stop.run_until_cancelled(cluster.sim.clock.sleep(AGAIN)).await.is_none() {
            return;
        }
    }
}

fn name(request: &Value) -> String {
    request["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn has(request: &Value, kind: &str) -> bool {
    let all = request["status"]["conditions"].as_array();
    all.is_some_and(|all| all.iter().any(|one| one["type"] == kind))
}

/// Returns true if a request is approved, and neither signed nor failed.
fn is_due(request: &Value) -> bool {
    request["spec"]["signerName"] == SIGNER
        && has(request, "Approved")
        && !has(request, "Denied")
        && !has(request, "Failed")
        && request["status"]["certificate"].as_str().is_none_or(str::is_empty)
}

/// Signs a request; false if it must be tried again, because no control plane with the key runs.
async fn sign(cluster: &Running, name: &str) -> bool {
    let store = cluster.cluster.store();
    let Some(request) = store.get(&requests(), None, name).filter(|one| is_due(one)) else {
        return true;
    };
    let Some(authority) = authority(cluster).await else { return false };
    let signed = checked(&request).and_then(|pem| authority.sign_serving(&pem));
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let written = store.modify(&requests(), None, name, &mut |one: &mut Value| match &signed {
        Ok(pem) => one["status"]["certificate"] = STANDARD.encode(pem).into(),
        Err(why) => {
            let failed = json!({"type": "Failed", "status": "True", "reason": "SignerValidationFailure",
                "message": why, "lastUpdateTime": now, "lastTransitionTime": now});
            if let Some(all) = one["status"]["conditions"].as_array_mut() {
                all.push(failed);
            }
        }
    });
    if let Err(e) = written {
        tracing::debug!("{name} is not signed: {e}");
    }
    true
}

/// Returns what a request asks for, in PEM, if its usages are those of a server.
fn checked(request: &Value) -> Result<String, String> {
    let usages = request["spec"]["usages"].as_array().into_iter().flatten();
    let usages: BTreeSet<&str> = usages.filter_map(Value::as_str).collect();
    let others = usages.iter().any(|one| !USAGES.contains(one) && *one != "key encipherment");
    if others || USAGES.iter().any(|one| !usages.contains(one)) {
        return Err("usages did not match [digital signature key encipherment server auth]".into());
    }
    let pem = STANDARD.decode(request["spec"]["request"].as_str().unwrap_or_default());
    pem.ok()
        .and_then(|pem| String::from_utf8(pem).ok())
        .ok_or("PEM block type must be CERTIFICATE REQUEST".into())
}

/// Reads the authority and its key from the disk of a control plane that runs.
async fn authority(cluster: &Running) -> Option<Authority> {
    let record = cluster.record().await;
    let members = record.members.iter().filter(|member| cluster.is_up(member.droplet));
    members.into_iter().find_map(|member| {
        let disk = Disk::new(&cluster.sim.data.join("machines"), member.droplet);
        let key = disk.root.join("etc/kubernetes/pki/ca.key");
        let key = std::fs::read_to_string(key).ok()?;
        Authority::from_pem("ca", record.ca_cert_pem.clone(), &key).ok()
    })
}
