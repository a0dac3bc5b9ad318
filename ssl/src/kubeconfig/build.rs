//! Building a kubeconfig.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_yaml_ng::{Mapping, Value};

use crate::error::{Result, SslError};

/// A client certificate and its key.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Certificate, PEM.
    pub cert_pem: String,
    /// Key, PEM.
    pub key_pem: SecretString,
}

/// A program that kubectl runs to get a token for a cluster whose control plane a cloud runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecCredential {
    /// The version of `client.authentication.k8s.io` that it speaks: `v1`.
    pub version: String,
    /// The program, by its path or by its name.
    pub command: String,
    /// Its arguments. They hold no secret.
    pub args: Vec<String>,
    /// What kubectl says where the program is not there.
    pub install_hint: String,
}

/// The entries of one cluster: a cluster, a user, a context. All certificates are embedded, so
/// the file works from any folder.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// Name of the cluster and of the context.
    pub name: String,
    /// Name of the user entry.
    pub user: String,
    /// `https://host:port`.
    pub server: String,
    /// The name that the server's certificate must carry; `None`: the host of `server`.
    pub server_name: Option<String>,
    /// The cluster's authority, PEM.
    pub ca_pem: String,
    /// The user's certificate; `None`: the entry has none.
    pub credentials: Option<Credentials>,
    /// The program that makes the user's tokens; `None`: none does.
    pub exec: Option<ExecCredential>,
    /// Namespace of the context, when it is not `default`.
    pub namespace: Option<String>,
}

impl Kubeconfig {
    /// Makes a kubeconfig for `cluster` with user `<cluster>-admin`.
    pub fn new(cluster: &str, server: &str, ca_pem: &str) -> Kubeconfig {
        Kubeconfig {
            name: cluster.into(),
            user: format!("{cluster}-admin"),
            server: server.into(),
            server_name: None,
            ca_pem: ca_pem.into(),
            credentials: None,
            exec: None,
            namespace: None,
        }
    }

    /// Sets the program that makes the user's tokens.
    #[must_use]
    pub fn with_exec(mut self, exec: ExecCredential) -> Kubeconfig {
        self.exec = Some(exec);
        self
    }

    /// Sets the name that the server's certificate must carry, whatever its address is.
    #[must_use]
    pub fn with_server_name(mut self, name: &str) -> Kubeconfig {
        self.server_name = Some(name.into());
        self
    }

    /// Sets the client certificate.
    pub fn with_credentials(mut self, credentials: Credentials) -> Kubeconfig {
        self.credentials = Some(credentials);
        self
    }

    /// Writes the whole file as YAML, with `current-context` set.
    pub fn to_yaml(&self) -> Result<SecretString> {
        let mut root = Mapping::new();
        root.insert("apiVersion".into(), "v1".into());
        root.insert("kind".into(), "Config".into());
        root.insert("clusters".into(), Value::Sequence(vec![self.cluster_entry()]));
        root.insert("users".into(), Value::Sequence(vec![self.user_entry()]));
        root.insert("contexts".into(), Value::Sequence(vec![self.context_entry()]));
        root.insert("current-context".into(), self.name.as_str().into());
        to_text(&Value::Mapping(root)).map(SecretString::from)
    }

    pub(crate) fn cluster_entry(&self) -> Value {
        let mut body = pairs([
            ("certificate-authority-data", STANDARD.encode(&self.ca_pem)),
            ("server", self.server.clone()),
        ]);
        if let Some(name) = &self.server_name {
            body.insert("tls-server-name".into(), name.as_str().into());
        }
        entry(&self.name, "cluster", body)
    }

    pub(crate) fn user_entry(&self) -> Value {
        let mut body = match &self.credentials {
            Some(c) => pairs([
                ("client-certificate-data", STANDARD.encode(&c.cert_pem)),
                ("client-key-data", STANDARD.encode(c.key_pem.expose_secret())),
            ]),
            None => Mapping::new(),
        };
        if let Some(exec) = &self.exec {
            body.insert("exec".into(), Value::Mapping(exec.entry()));
        }
        entry(&self.user, "user", body)
    }

    pub(crate) fn context_entry(&self) -> Value {
        let mut body = pairs([("cluster", self.name.clone()), ("user", self.user.clone())]);
        if let Some(namespace) = &self.namespace {
            body.insert("namespace".into(), namespace.as_str().into());
        }
        entry(&self.name, "context", body)
    }

    /// Reads the embedded credentials of a kubeconfig's first user, if it has some.
    pub fn credentials_in(yaml: &str) -> Option<Credentials> {
        let root: Value = serde_yaml_ng::from_str(yaml).ok()?;
        let user = root.get("users")?.get(0)?.get("user")?;
        let decode = |key: &str| {
            let bytes = STANDARD.decode(user.get(key)?.as_str()?).ok()?;
            String::from_utf8(bytes).ok()
        };
        Some(Credentials {
            cert_pem: decode("client-certificate-data")?,
            key_pem: SecretString::from(decode("client-key-data")?),
        })
    }

    /// Reads the server of a kubeconfig's first cluster.
    pub fn server_in(yaml: &str) -> Option<String> {
        let root: Value = serde_yaml_ng::from_str(yaml).ok()?;
        let server = root.get("clusters")?.get(0)?.get("cluster")?.get("server")?;
        server.as_str().map(str::to_string)
    }
}

impl ExecCredential {
    fn entry(&self) -> Mapping {
        let mut body = pairs([
            ("apiVersion", format!("client.authentication.k8s.io/{}", self.version)),
            ("command", self.command.clone()),
        ]);
        let args = self.args.iter().map(|arg| Value::String(arg.clone())).collect();
        body.insert("args".into(), Value::Sequence(args));
        body.insert("installHint".into(), self.install_hint.as_str().into());
        body.insert("interactiveMode".into(), "Never".into());
        body.insert("provideClusterInfo".into(), false.into());
        body
    }
}

fn entry(name: &str, kind: &str, body: Mapping) -> Value {
    let mut map = Mapping::new();
    map.insert("name".into(), name.into());
    map.insert(kind.into(), Value::Mapping(body));
    Value::Mapping(map)
}

fn pairs<const N: usize>(entries: [(&str, String); N]) -> Mapping {
    entries.into_iter().map(|(k, v)| (k.into(), Value::String(v))).collect()
}

pub(crate) fn to_text(value: &Value) -> Result<String> {
    crate::yaml::to_text(value)
        .map_err(|e| SslError::Pem { what: "kubeconfig", reason: e.to_string() })
}
