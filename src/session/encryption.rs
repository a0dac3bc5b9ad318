//! The keys that Secrets are encrypted with: what control planes get, and when the next step is safe.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Observed, Role};
use infra_ssl::{ENCRYPTION_KEYS, EncryptionKeys, EncryptionStage, EncryptionStart, PkiLayout};

use super::{
    error::{CliError, ExitCode},
    observe::{Observation, Purpose},
    open::Session,
    versions::refuse,
};
use crate::cluster::{ApiServers, KubeAccess, encrypts_secrets};

/// What is known of the cluster whose Secrets are to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// A control plane is there or comes, and none has made the cluster yet.
    New,
    /// No control plane is there, or the data of each is given up.
    Anew,
    /// Control planes have made it.
    Runs,
}

/// What is declared of encryption.
#[derive(Clone, Debug, Default)]
pub(super) struct Encryption {
    /// How keys are begun; `None`: not at all.
    pub(super) start: Option<EncryptionStart>,
    /// The order of keys that control planes get; empty: no encryption.
    pub(super) order: Vec<String>,
}

impl Session {
    /// Returns the cluster's encryption keys.
    ///
    /// # Errors
    /// Returns an error if the file is damaged.
    pub fn encryption_keys(&self) -> Result<Option<EncryptionKeys>, CliError> {
        let path = PkiLayout::new(&self.layout.pki).encryption_keys();
        EncryptionKeys::read(&path).map_err(CliError::local)
    }

    /// Returns what is declared of encryption, for a cluster in this `life`.
    pub(super) async fn encryption(
        &self,
        purpose: Purpose,
        life: Life,
        kube: &KubeAccess,
    ) -> Result<Encryption, CliError> {
        let wanted = &self.project.kubernetes;
        // Whatever may make a control plane: a lost key must not be replaced by another one in silence.
        let changes = !matches!(purpose, Purpose::Show | Purpose::Orphans | Purpose::Destroy);
        if let Some(keys) = self.encryption_keys()? {
            if !wanted.encrypts && changes {
                return Err(refuse(
                    wanted.encryption_source.as_ref(),
                    "this cluster's Secrets are encrypted, and infra can't write them as plain text again"
                        .into(),
                    "write enabled = true, or leave the key out".into(),
                ));
            }
            return Ok(match life {
                Life::Anew => {
                    Encryption { start: Some(EncryptionStart::Anew), order: keys.anew().order() }
                }
                Life::New | Life::Runs => Encryption { start: None, order: keys.order() },
            });
        }
        if !wanted.encrypts {
            return Ok(Encryption::default());
        }
        let runs = life == Life::Runs;
        if runs && changes && self.lacks_keys(kube).await? {
            let path = PkiLayout::new(&self.layout.pki).encryption_keys();
            return Err(CliError::new(
                ExitCode::State,
                format!(
                    "{} is missing, and this cluster's Secrets are encrypted with its keys",
                    path.display()
                ),
            )
            .hint(
                "restore it from a backup: a control plane that joins without these keys cannot read any Secret",
            ));
        }
        let start = if runs { EncryptionStart::Existing } else { EncryptionStart::New };
        let order = EncryptionKeys::first_order(start == EncryptionStart::New);
        Ok(Encryption { start: Some(start), order })
    }

    /// Returns true if the cluster's Secrets are encrypted with keys that are not on this machine. The state
    /// knows that, or the API server's own configuration.
    ///
    /// # Errors
    /// Returns an error if neither can tell.
    async fn lacks_keys(&self, kube: &KubeAccess) -> Result<bool, CliError> {
        let record = self.store.state();
        let keys = Address::new("certificate", ENCRYPTION_KEYS);
        if record.resources.contains_key(&keys) {
            return Ok(true);
        }
        match encrypts_secrets(kube).await {
            Some(encrypts) => Ok(encrypts),
            // It was made, and never given any: an earlier version made it.
            None if record.resources.contains_key(&ApiServers::address()) => Ok(false),
            None => Err(CliError::new(
                ExitCode::State,
                "cannot see whether this cluster's Secrets are encrypted: the state does not know it, and the API server does not answer",
            )
            .hint("make the API server reachable, or restore the state, and run the same command again")),
        }
    }

    /// Returns true if no control plane could take up another key: one can only be replaced while
    /// others keep etcd's data.
    pub fn is_stuck_with_its_keys(looked: &Observation) -> bool {
        let nodes = looked.cluster.nodes();
        nodes.iter().filter(|(pool, _)| pool.role == Role::ControlPlane).count() < 2
    }

    /// Returns what a plan says about a cluster whose Secrets are not encrypted yet.
    pub(super) fn encryption_note(&self, looked: &Observation) -> Option<String> {
        if Self::is_stuck_with_its_keys(looked) {
            return None;
        }
        let keys = self.encryption_keys().ok()??;
        let unencrypted = match keys.stage() {
            EncryptionStage::Reading => "are not encrypted yet",
            EncryptionStage::Writing => "are not all encrypted yet",
            _ => return None,
        };
        Some(format!("Secrets {unencrypted}; `infra encryption rotate` says what comes next"))
    }

    /// Returns the control planes that were made with other settings than those of now, by the address
    /// of their machine. One that is not declared (any more) is one of them.
    ///
    /// # Errors
    /// Returns an error if the present settings are unknown, because the nodes' downloads are not there.
    pub fn outdated_control_planes(&self, looked: &Observation) -> Result<Vec<Address>, CliError> {
        if let Some(missing) = &looked.own()?.missing {
            return Err(missing.clone());
        }
        let nodes = looked.cluster.nodes().into_iter();
        let nodes: BTreeMap<String, (Role, String)> =
            nodes.map(|(pool, node)| (node.name(), (pool.role, node.revision.clone()))).collect();
        let kind = self.cloud.plane.machine_kind();
        let machines = looked.observed.iter().filter(|one| one.address.kind() == kind);
        let is_outdated = |machine: &&Observed| match nodes.get(machine.address.name()) {
            Some((Role::Worker, _)) => false,
            Some((Role::ControlPlane, revision)) => {
                machine.spec.text("revision").as_ref() != Some(revision)
            }
            None => machine.outputs.text("role").is_none_or(|role| role != Role::Worker.as_str()),
        };
        Ok(machines.filter(is_outdated).map(|machine| machine.address.clone()).collect())
    }
}
