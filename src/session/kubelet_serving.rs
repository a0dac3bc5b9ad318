//! Who signs the certificates that kubelets serve with: a property that a cluster is made with.

use infra_provider_api::Address;

use super::{error::CliError, observe::Purpose, open::Session, versions::refuse};
use crate::cluster::{KubeAccess, KubeletCertificates, kubelets_ask};

impl Session {
    /// Reports whether the cluster's authority signs what kubelets serve with; `runs` says that control
    /// planes have made the cluster. One that runs keeps what it was made with, because neither its
    /// kubelets nor its API servers are changed while they run: an API server that checks certificates
    /// does not talk to a kubelet that signed its own.
    ///
    /// # Errors
    /// Returns an error if infra.toml asks a cluster to give it up.
    pub(super) async fn kubelet_serving(
        &self,
        purpose: Purpose,
        runs: bool,
        kube: &KubeAccess,
    ) -> Result<bool, CliError> {
        let wanted = &self.project.kubernetes;
        if !runs {
            return Ok(wanted.kubelet_serving);
        }
        let is_kept = |kind: &str| {
            let record = self.store.state();
            let mut known = record.resources.keys().chain(record.intents.keys());
            known.any(|address: &Address| address.kind() == kind)
        };
        let has = match is_kept(KubeletCertificates::KIND) {
            true => true,
            false if purpose == Purpose::Destroy => false,
            false => match kubelets_ask(kube).await {
                Some(ask) => ask,
                // A certificate comes before its Node: with Nodes and without any, there are none.
                None => wanted.kubelet_serving && !is_kept("node"),
            },
        };
        let changes = !matches!(purpose, Purpose::Show | Purpose::Orphans | Purpose::Destroy);
        if has && !wanted.kubelet_serving && changes {
            return Err(refuse(
                wanted.kubelet_serving_source.as_ref(),
                "this cluster's authority signs what its kubelets serve with, and a cluster that runs \
                 keeps that"
                    .into(),
                "write serving_certificates = \"cluster\", or leave the key out".into(),
            ));
        }
        Ok(has)
    }

    /// Returns what a plan says about a cluster whose kubelets sign their own certificates although
    /// infra.toml lets the cluster's authority do it.
    pub(super) fn kubelet_serving_note(&self, made: bool, has: bool) -> Option<String> {
        (made && !has && self.project.kubernetes.kubelet_serving).then(|| {
            "this cluster was made before its authority signed what kubelets serve with, and keeps that; \
             write serving_certificates = \"self-signed\" under [kubernetes.kubelet] to acknowledge it"
                .to_owned()
        })
    }
}
