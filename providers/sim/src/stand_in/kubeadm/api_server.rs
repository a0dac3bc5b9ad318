//! What a kube-apiserver refuses to start with: flags whose files it can't see or read, mounts that its
//! kubelet can't make. The real one ends at once then, and kubeadm waits for it in vain.

use std::path::Path;

use infra_sim_kube::PodSecurity;
use serde_yaml_ng::Value;

use super::server_files::{admission, audit_policy, authentication, encryption};
use super::types::{ApiServer, Arg, ClusterConfiguration, HostPathMount};
use crate::stand_in::values::Version;
use crate::stand_in::{Context, Failure};

const KUBELET_CA: &str = "kubelet-certificate-authority";
/// Folders that kubeadm mounts into the API server by itself.
const OWN_MOUNTS: [&str; 4] =
    ["/etc/kubernetes/pki", "/etc/ssl/certs", "/etc/ca-certificates", "/usr/share/ca-certificates"];
/// Names of those mounts.
const OWN_NAMES: [&str; 7] = [
    "ca-certs",
    "k8s-certs",
    "etc-ca-certificates",
    "etc-pki-ca-trust",
    "etc-pki-tls-certs",
    "usr-local-share-ca-certificates",
    "usr-share-ca-certificates",
];
const PATH_TYPES: [&str; 8] = [
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
];

/// Checks flags and mounts of the API server against what lies on the machine.
pub fn check(context: &Context, cluster: &ClusterConfiguration) -> Result<(), Failure> {
    let server = &cluster.api_server;
    for (component, args) in [
        ("kube-apiserver", &server.extra_args),
        ("kube-controller-manager", &cluster.controller_manager.extra_args),
        ("kube-scheduler", &cluster.scheduler.extra_args),
    ] {
        for Arg { name, .. } in args {
            let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if name.is_empty() || name.starts_with('-') || !name.bytes().all(known) {
                return Err(exits(component, &format!("unknown flag: --{name}")));
            }
        }
    }
    volumes(context, &server.extra_volumes)?;
    let value = |flag: &str| {
        server.extra_args.iter().rev().find(|arg| arg.name == flag).map(|arg| arg.value.as_str())
    };
    let read =
        |flag: &str| value(flag).map(|path| visible(context, server, flag, path)).transpose();
    if let Some(text) = read("audit-policy-file")? {
        audit_policy(&text)
            .map_err(|why| exits("kube-apiserver", &format!("loading audit policy file: {why}")))?;
    }
    if let Some(text) = read("admission-control-config-file")? {
        admission(&text).map_err(|why| {
            exits("kube-apiserver", &format!("failed to initialize admission: {why}"))
        })?;
    }
    if let Some(text) = read("authentication-config")? {
        let stable = Version::parse(&cluster.kubernetes_version).is_none_or(|one| one.minor >= 34);
        authentication(&text, stable).map_err(|why| {
            exits("kube-apiserver", &format!("failed to load authentication configuration: {why}"))
        })?;
        if server.extra_args.iter().any(|arg| arg.name.starts_with("oidc-")) {
            return Err(exits(
                "kube-apiserver",
                "authentication-config file and oidc-* flags are mutually exclusive",
            ));
        }
    }
    if let Some(text) = read("encryption-provider-config")? {
        encryption(&text).map_err(|why| {
            exits(
                "kube-apiserver",
                &format!("error while parsing the encryption configuration: {why}"),
            )
        })?;
    }
    if let Some(text) = read(KUBELET_CA)? {
        let is_pem = text.contains("-----BEGIN CERTIFICATE-----");
        if !is_pem {
            let path = value(KUBELET_CA).unwrap_or_default();
            let why = format!("unable to load root certificates: no valid certificate in {path}");
            return Err(exits("kube-apiserver", &why));
        }
    }
    if let Some(path) = value("audit-log-path").filter(|path| *path != "-") {
        let is_writable = |v: &HostPathMount| !v.read_only && is_below(path, &v.mount_path);
        if !server.extra_volumes.iter().any(is_writable) {
            let why = format!("ensureLogFile: open {path}: read-only file system");
            return Err(exits("kube-apiserver", &why));
        }
    }
    Ok(())
}

/// Reports whether the API server checks the certificates of kubelets.
pub fn checks_kubelets(cluster: &ClusterConfiguration) -> bool {
    cluster.api_server.extra_args.iter().any(|arg| arg.name == KUBELET_CA)
}

/// Returns the API server's settings for pods.
pub fn pod_security(
    context: &Context,
    cluster: &ClusterConfiguration,
) -> Result<PodSecurity, Failure> {
    let server = &cluster.api_server;
    let flag = "admission-control-config-file";
    let Some(arg) = server.extra_args.iter().rev().find(|arg| arg.name == flag) else {
        return Ok(PodSecurity::default());
    };
    let text = visible(context, server, flag, &arg.value)?;
    let settings = admission(&text).map_err(Failure::new)?.unwrap_or_default();
    let field =
        |table: &str, key: &str| settings.get(table).and_then(|table| table.get(key)).cloned();
    let enforce = field("defaults", "enforce");
    let exempt = field("exemptions", "namespaces").unwrap_or_default();
    let exempt = exempt.as_sequence().into_iter().flatten().filter_map(Value::as_str);
    Ok(PodSecurity {
        enforce: enforce.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
        exempt: exempt.map(str::to_owned).collect(),
    })
}

fn exits(component: &str, why: &str) -> Failure {
    Failure::new(format!(
        "error execution phase wait-control-plane: failed while waiting for the control plane to start: {component} exits: {why}"
    ))
}

fn is_below(path: &str, folder: &str) -> bool {
    Path::new(path).starts_with(folder)
}

fn volumes(context: &Context, volumes: &[HostPathMount]) -> Result<(), Failure> {
    let refused = |name: &str, why: &str| {
        Err(Failure::new(format!("static Pod kube-apiserver: volume \"{name}\": {why}")))
    };
    for (at, volume) in volumes.iter().enumerate() {
        let name = &volume.name;
        let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(label) {
            return refused(name, "its name is no RFC 1123 label");
        }
        let is_double = volumes[..at].iter().any(|other| other.name == *name);
        if is_double || OWN_NAMES.contains(&name.as_str()) {
            return refused(name, "Duplicate value");
        }
        if !volume.host_path.starts_with('/') || !volume.mount_path.starts_with('/') {
            return refused(name, "paths must be absolute");
        }
        if !PATH_TYPES.contains(&volume.path_type.as_str()) {
            return refused(name, "Unsupported value of pathType");
        }
        let path = context.path(&volume.host_path);
        let fits = match volume.path_type.as_str() {
            "Directory" => path.is_dir(),
            "File" => path.is_file(),
            "DirectoryOrCreate" => {
                std::fs::create_dir_all(&path).map_err(|e| Failure::io("make", &path, &e))?;
                path.is_dir()
            }
            _ => true,
        };
        if !fits {
            let why = format!(
                "hostPath type check failed: {} is not a {}",
                volume.host_path, volume.path_type
            );
            return refused(name, &why);
        }
    }
    Ok(())
}

/// Reads a file as the API server sees it: through its mounts.
fn visible(
    context: &Context,
    server: &ApiServer,
    flag: &str,
    path: &str,
) -> Result<String, Failure> {
    let missing =
        || exits("kube-apiserver", &format!("--{flag}: open {path}: no such file or directory"));
    let mounts = server.extra_volumes.iter().map(|v| (v.mount_path.as_str(), v.host_path.as_str()));
    let mounts = mounts.chain(OWN_MOUNTS.map(|own| (own, own)));
    let (mount, host) = mounts
        .filter(|(mount, _)| is_below(path, mount))
        .max_by_key(|(mount, _)| mount.len())
        .ok_or_else(missing)?;
    let rest = path[mount.len()..].trim_start_matches('/');
    context.read(&format!("{}/{rest}", host.trim_end_matches('/'))).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.context().write("/etc/kubernetes/infra/policy.yaml", POLICY, 0o600).unwrap();
            machine
        }

        fn context(&self) -> Context {
            Context {
                root: self.0.path().to_owned(),
                machine: 1,
                control: String::new(),
                ca_file: Default::default(),
                token: String::new(),
                version: None,
            }
        }

        fn check(&self, server: ApiServer) -> Result<(), String> {
            let cluster = ClusterConfiguration { api_server: server, ..Default::default() };
            check(&self.context(), &cluster).map_err(|failure| failure.message)
        }
    }

    fn server() -> ApiServer {
        let arg = |name: &str, value: &str| Arg { name: name.into(), value: value.into() };
        let mount = |name: &str, path: &str, read_only: bool, path_type: &str| HostPathMount {
            name: name.into(),
            host_path: path.into(),
            mount_path: path.into(),
            read_only,
            path_type: path_type.into(),
        };
        ApiServer {
            extra_args: vec![
                arg("audit-policy-file", "/etc/kubernetes/infra/policy.yaml"),
                arg("audit-log-path", "/var/log/kubernetes/audit/audit.log"),
            ],
            extra_volumes: vec![
                mount("settings", "/etc/kubernetes/infra", true, "Directory"),
                mount("audit", "/var/log/kubernetes/audit", false, "DirectoryOrCreate"),
            ],
            ..Default::default()
        }
    }

    #[test]
    fn what_it_can_see_it_starts_with() {
        let machine = Machine::new();
        machine.check(server()).unwrap();
        assert!(machine.context().exists("/var/log/kubernetes/audit"));
    }

    #[test]
    fn what_it_cannot_see_or_write_ends_it() {
        type Change = fn(&mut ApiServer);
        let changes: [(Change, &str); 9] = [
            (|s| s.extra_args[0].value.push('x'), "no such file"),
            (|s| drop(s.extra_volumes.remove(0)), "no such file"),
            (|s| s.extra_volumes[1].read_only = true, "read-only file system"),
            (|s| drop(s.extra_volumes.remove(1)), "read-only file system"),
            (|s| s.extra_args[0].name.insert(0, '-'), "unknown flag: ---audit-policy-file"),
            (|s| s.extra_volumes[1].name = "settings".into(), "Duplicate value"),
            (|s| s.extra_volumes[0].name = "k8s-certs".into(), "Duplicate value"),
            (|s| s.extra_volumes[0].path_type = "Folder".into(), "Unsupported value"),
            (|s| s.extra_volumes[0].host_path = "/absent".into(), "type check failed"),
        ];
        for (change, says) in changes {
            let mut server = server();
            change(&mut server);
            let message = Machine::new().check(server).expect_err(says);
            assert!(message.contains(says), "no {says:?} in {message}");
        }
    }
}
