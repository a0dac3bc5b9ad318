#![allow(dead_code)]
//! Example nodes.

use std::time::Duration;

use infra_provisioning::artifacts::Lock;
use infra_provisioning::kubeadm::{BootToken, NodeBoot, Role, Taint};
use infra_provisioning::node::{NodeKit, PkiFile};

pub const VERSION: &str = "1.36.4";

pub fn boot(node: &str, role: Role) -> NodeBoot {
    let mut boot = NodeBoot::new("demo", node, role, VERSION, "203.0.113.10:6443");
    boot.token = "abcdef.0123456789abcdef".into();
    boot.ca_hash = format!("sha256:{}", "ab".repeat(32));
    boot.cloud_provider_external = true;
    boot.labels.insert("node.kubernetes.io/pool".into(), "web".into());
    boot
}

pub fn first() -> NodeBoot {
    let mut boot = boot("cp-1", Role::ControlPlane);
    boot.first_control_plane = true;
    boot.cert_sans = vec!["203.0.113.10".into(), "api.example.com".into()];
    boot.init_tokens = ["cp-2:bcdefg.1123456789abcdef", "worker-1:abcdef.0123456789abcdef"]
        .iter()
        .map(|t| {
            let (node, token) = t.split_once(':').unwrap();
            BootToken {
                token: token.into(),
                description: node.into(),
                ttl: Duration::from_secs(5400),
            }
        })
        .collect();
    boot
}

pub fn second() -> NodeBoot {
    let mut boot = boot("cp-2", Role::ControlPlane);
    boot.schedulable_control_plane = true;
    boot
}

pub fn worker() -> NodeBoot {
    let mut boot = boot("worker-1", Role::Worker);
    boot.taints =
        vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
    boot.kubelet_args = vec![("--max-pods".into(), "60".into())];
    boot
}

pub fn kit(boot: NodeBoot, lock: &Lock) -> NodeKit {
    let control_plane = boot.role == Role::ControlPlane;
    let mut kit = NodeKit::new(boot, lock.clone(), super::WITH_URLS);
    if control_plane {
        let file = |path: &str, mode| PkiFile {
            path: path.into(),
            mode,
            contents: format!("-----BEGIN {path}-----\nSECRET-OF-{path}\n").into(),
        };
        kit.pki = vec![
            file("ca.crt", 0o644),
            file("ca.key", 0o600),
            file("etcd/ca.crt", 0o644),
            file("etcd/ca.key", 0o600),
            file("front-proxy-ca.crt", 0o644),
            file("front-proxy-ca.key", 0o600),
            file("sa.key", 0o600),
            file("sa.pub", 0o644),
        ];
    }
    kit
}
