//! `kubeconfig`: the kubeconfig of a cluster whose control plane the cloud runs. It holds no secret: kubectl
//! runs a program that makes a token each time.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, ManagedBy, Observed,
    OnChange, Outputs, Place, RawJson, Readiness, Resource, UpdateRequest,
};
use infra_ssl::{ExecCredential, Kubeconfig, files};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::errors::local;
use crate::state::Persister;

/// A kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigSpec {
    /// `valid`, or why it must be written again.
    pub state: String,
    /// The API server's address or name.
    pub server: Input<String>,
    /// The authority of its certificate, PEM.
    pub ca_pem: Input<String>,
}

/// The kind.
pub struct Kubeconfigs {
    path: PathBuf,
    cluster: String,
    exec: ExecCredential,
    keeper: Option<Arc<dyn Persister>>,
}

impl Kubeconfigs {
    /// The kind's name.
    pub const KIND: &'static str = "kubeconfig";

    /// Makes the kind for the kubeconfig of `cluster` at `path`, in which kubectl gets its tokens by `exec`.
    pub fn new(
        path: PathBuf,
        cluster: String,
        exec: ExecCredential,
        keeper: Option<Arc<dyn Persister>>,
    ) -> Self {
        Self { path, cluster, exec, keeper }
    }

    /// Returns the address of the one kubeconfig.
    pub fn address() -> Address {
        Address::new(Self::KIND, "admin")
    }

    async fn write(
        &self,
        operation: &str,
        spec: &KubeconfigSpec,
    ) -> Result<Found<KubeconfigSpec>, CloudError> {
        let known = |field: &str, input: &Input<String>| {
            input.known().cloned().ok_or_else(|| {
                CloudError::new(ErrorKind::Local, operation, format!("{field} is not known yet"))
            })
        };
        let (server, ca_pem) = (known("the server", &spec.server)?, known("its CA", &spec.ca_pem)?);
        self.write_file(operation, &server, &ca_pem)?;
        if let Some(keeper) = &self.keeper {
            keeper.persist().await?;
        }
        Ok(self.found("valid".to_owned(), server, ca_pem))
    }

    fn write_file(&self, operation: &str, server: &str, ca_pem: &str) -> Result<(), CloudError> {
        let config = Kubeconfig::new(&self.cluster, &format!("https://{server}"), ca_pem)
            .with_exec(self.exec.clone());
        let yaml = config.to_yaml().map_err(|error| local(operation, error))?;
        if let Some(folder) = self.path.parent() {
            files::ensure_folder(folder).map_err(|error| local(operation, error))?;
        }
        let text = yaml.expose_secret().as_bytes();
        files::write_atomic(&self.path, text, files::SECRET_MODE)
            .map_err(|error| local(operation, error))
    }

    /// Writes the file as the state has it, unless there is one. It names a program of this machine, so that each
    /// machine that shares a state has its own.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub fn restore(&self, recorded: &RawJson) -> Result<(), CloudError> {
        let known = |field: &str| recorded.text(field).filter(|text| !text.is_empty());
        match (known("server"), known("ca_pem")) {
            (Some(server), Some(ca_pem)) if !self.path.exists() => {
                self.write_file("write the kubeconfig", &server, &ca_pem)
            }
            _ => Ok(()),
        }
    }

    fn found(&self, state: String, server: String, ca_pem: String) -> Found<KubeconfigSpec> {
        let path = self.path.display().to_string();
        Found {
            address: Self::address(),
            id: "admin".to_owned(),
            spec: KubeconfigSpec { state, server: server.into(), ca_pem: ca_pem.into() },
            outputs: Outputs::from([("path".to_owned(), path.into())]).into(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    /// Says what is wrong with the file `text`, if anything is: another program makes the tokens, or the one
    /// that does is not there any more.
    fn fault(&self, text: &str) -> Option<String> {
        let root: serde_json::Value = serde_yaml_ng::from_str(text).ok()?;
        let exec = root.pointer("/users/0/user/exec")?;
        let command = exec["command"].as_str().unwrap_or_default();
        let args = exec["args"].as_array().into_iter().flatten();
        let args: Vec<&str> = args.filter_map(|arg| arg.as_str()).collect();
        // On another machine the program may be elsewhere.
        let name = |command: &str| command.rsplit('/').next().map(str::to_owned);
        if name(command) != name(&self.exec.command) || args != self.exec.args {
            return Some("its tokens are made in another way".to_owned());
        }
        let is_path = command.contains('/');
        (is_path && !std::path::Path::new(command).exists())
            .then(|| format!("{command} is not there any more"))
    }
}

#[async_trait]
impl Resource for Kubeconfigs {
    type Spec = KubeconfigSpec;

    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn place(&self) -> Place {
        Place::Here
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<KubeconfigSpec>>, CloudError> {
        let operation = "read the kubeconfig";
        let text = files::read_optional(&self.path).map_err(|error| local(operation, error))?;
        let Some(text) = text else { return Ok(Vec::new()) };
        let read = Kubeconfig::own_without_exec(&text, None);
        Ok(vec![match read {
            Ok(own) => {
                let state = self.fault(&text).unwrap_or_else(|| "valid".to_owned());
                let server = own.server.trim_start_matches("https://").to_owned();
                self.found(state, server, own.ca_pem)
            }
            Err(why) => self.found(format!("damaged: {why}"), String::new(), String::new()),
        }])
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, KubeconfigSpec)],
    ) -> Vec<Result<Found<KubeconfigSpec>, CloudError>> {
        let mut made = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            made.push(self.write(&format!("write {}", request.address), spec).await);
        }
        made
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: KubeconfigSpec,
    ) -> Result<Found<KubeconfigSpec>, CloudError> {
        self.write(&format!("write {}", request.observed.address), &spec).await
    }

    async fn delete(&self, _: &Context, _: &Observed) -> Result<bool, CloudError> {
        let operation = "delete the kubeconfig";
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(local(operation, error));
            }
            _ => {}
        }
        if let Some(keeper) = &self.keeper {
            keeper.removed(std::slice::from_ref(&self.path));
            keeper.persist().await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use infra_provider_api::Owner;

    use super::*;

    fn exec(command: &str) -> ExecCredential {
        ExecCredential {
            version: "v1".to_owned(),
            command: command.to_owned(),
            args: vec!["kube-token".to_owned()],
            install_hint: "install it".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_program_that_is_gone_is_a_difference_and_another_place_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssl/lab/kubeconfig");
        let kind =
            |command: &str| Kubeconfigs::new(path.clone(), "lab".to_owned(), exec(command), None);
        let cx = Context::quiet(Owner { cluster: "lab".to_owned(), uuid: uuid::Uuid::nil() });
        let seen = async |kind: &Kubeconfigs| {
            let all = kind.list_owned(&cx).await.unwrap();
            all.first().map(|one| one.spec.state.clone())
        };
        assert_eq!(seen(&kind("infra")).await, None);
        let spec = KubeconfigSpec {
            state: "valid".to_owned(),
            server: "192.0.2.1".to_owned().into(),
            ca_pem: "a PEM".to_owned().into(),
        };
        kind("infra").write("write it", &spec).await.unwrap();
        assert_eq!(seen(&kind("infra")).await.as_deref(), Some("valid"));
        assert_eq!(seen(&kind("/opt/infra")).await.as_deref(), Some("valid"));
        kind("/nowhere/infra").write("write it", &spec).await.unwrap();
        let state = seen(&kind("infra")).await.unwrap();
        assert_eq!(state, "/nowhere/infra is not there any more");
        let other = seen(&kind("gke-gcloud-auth-plugin")).await.unwrap();
        assert_eq!(other, "its tokens are made in another way");
        assert!(kind("infra").delete(&cx, &observed(&kind("infra"))).await.unwrap());
        assert_eq!(seen(&kind("infra")).await, None);
    }

    fn observed(kind: &Kubeconfigs) -> Observed {
        let found = kind.found("valid".to_owned(), String::new(), String::new());
        Observed {
            address: found.address,
            id: found.id,
            spec: RawJson::default(),
            outputs: found.outputs,
            readiness: found.readiness,
            intent_key: None,
            made_by: found.made_by,
        }
    }
}
