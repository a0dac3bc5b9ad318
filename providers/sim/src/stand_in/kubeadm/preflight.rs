//! What kubeadm checks of the machine before it changes it.

use super::manifests::{COMPONENTS, FOLDER};
use super::types::{ClusterConfiguration, NodeRegistration};
use crate::stand_in::control::MachineInfo;
use crate::stand_in::values::Version;
use crate::stand_in::{Context, Failure, container, host, kubelet, sysctl};

/// A kubelet may be so many minor versions older than kubeadm.
const KUBELET_SKEW: u64 = 3;

/// Checks that kubeadm knows control planes of this version: its own minor version and the one
/// before. It does so wherever it reads a cluster's configuration, and nothing makes it ignorable.
///
/// # Errors
/// Returns an error if the control plane is older.
pub fn known_control_plane(kubeadm: Version, control_plane: Version) -> Result<(), Failure> {
    if control_plane.minor + 1 >= kubeadm.minor {
        return Ok(());
    }
    Err(Failure::new(format!(
        "this version of kubeadm only supports deploying clusters with the control plane version >= {}.{}.0. Current version: {control_plane}",
        kubeadm.major,
        kubeadm.minor - 1
    )))
}

/// Collects what is wrong, each under the name that makes it ignorable.
pub struct Preflight<'a> {
    context: &'a Context,
    ignore: Vec<String>,
    errors: Vec<String>,
}

impl<'a> Preflight<'a> {
    /// Checks for a machine; `ignore` from flags and configuration, lower case.
    pub fn new(context: &'a Context, flags: &[String], registration: &NodeRegistration) -> Self {
        let mut ignore = flags.to_vec();
        ignore.extend(registration.ignore_preflight_errors.iter().map(|e| e.to_lowercase()));
        println!("[preflight] Running pre-flight checks");
        Self { context, ignore, errors: Vec::new() }
    }

    fn fail(&mut self, check: &str, reason: &str) {
        let name = check.to_lowercase();
        if self.ignore.iter().any(|i| *i == name || i == "all") {
            eprintln!("\t[WARNING {check}]: {reason}");
        } else {
            self.errors.push(format!("\t[ERROR {check}]: {reason}"));
        }
    }

    /// Checks every node: swap, forwarding, the container runtime.
    pub fn node(&mut self) {
        if host::swap_on(self.context) {
            self.fail("Swap", "running with swap on is not supported. Please disable swap");
        }
        if sysctl::get(self.context, "net.ipv4.ip_forward").as_deref() != Some("1") {
            self.fail(
                "FileContent--proc-sys-net-ipv4-ip_forward",
                "/proc/sys/net/ipv4/ip_forward contents are not set to 1",
            );
        }
        if !container::running(self.context) {
            self.fail(
                "CRI",
                "could not connect to the container runtime: failed to create new CRI runtime service: validate service connection: \
                 dial unix /var/run/containerd/containerd.sock: connect: no such file or directory",
            );
        }
    }

    /// Checks the sizes that a control plane needs.
    pub fn size(&mut self, info: &MachineInfo) {
        if info.vcpus < 2 {
            self.fail(
                "NumCPU",
                &format!("the number of available CPUs {} is less than the required 2", info.vcpus),
            );
        }
        if info.memory_mib < 1700 {
            self.fail(
                "Mem",
                &format!(
                    "the system RAM ({} MB) is less than the minimum 1700 MB",
                    info.memory_mib
                ),
            );
        }
    }

    /// Checks that nothing of an earlier run is there.
    pub fn fresh_control_plane(&mut self, port: u16) {
        let mut running = false;
        for component in COMPONENTS {
            let path = format!("{FOLDER}/{component}.yaml");
            if self.context.exists(&path) {
                running |= component == "kube-apiserver";
                self.must_not_exist(&path);
            }
        }
        if running {
            self.fail(&format!("Port-{port}"), &format!("Port {port} is in use"));
        }
        let etcd = std::fs::read_dir(self.context.path("/var/lib/etcd"));
        if etcd.is_ok_and(|mut e| e.next().is_some()) {
            self.fail("DirAvailable--var-lib-etcd", "/var/lib/etcd is not empty");
        }
    }

    /// Checks that the machine isn't a node yet.
    pub fn fresh_node(&mut self, worker: bool) {
        self.must_not_exist("/etc/kubernetes/kubelet.conf");
        if worker {
            self.must_not_exist("/etc/kubernetes/pki/ca.crt");
        }
    }

    fn must_not_exist(&mut self, path: &str) {
        if self.context.exists(path) {
            let name = path.trim_start_matches('/').replace('/', "-");
            self.fail(&format!("FileAvailable--{name}"), &format!("{path} already exists"));
        }
    }

    /// Checks the kubelet against kubeadm's own version, and with `init` against the control plane that
    /// is to be made: by major and minor version only. A join compares the kubelet with no control plane.
    pub fn kubelet(&mut self, kubeadm: Version, init: Option<Version>) {
        let kubelet = match kubelet::installed(self.context) {
            Ok(kubelet) => kubelet,
            Err(failure) => return self.fail("KubeletVersion", &failure.message),
        };
        if kubelet.minor + KUBELET_SKEW < kubeadm.minor {
            self.fail(
                "KubeletVersion",
                &format!("Kubelet version \"{kubelet}\" is lower than kubeadm can support. Please upgrade kubelet"),
            );
        }
        let Some(control_plane) = init else { return };
        if (kubelet.major, kubelet.minor) > (control_plane.major, control_plane.minor) {
            self.fail(
                "KubeletVersion",
                &format!(
                    "the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: \"{kubelet}\" Control plane version: \"{control_plane}\""
                ),
            );
        }
        // Only a warning, also in the original.
        if control_plane.minor > kubeadm.minor {
            eprintln!(
                "\t[WARNING KubernetesVersion]: Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes version: {control_plane}. Kubeadm version: {}.{}.x",
                kubeadm.major, kubeadm.minor
            );
        }
    }

    /// Checks that the control plane's images were imported: machines reach no registry.
    pub fn images(&mut self, cluster: &ClusterConfiguration, pull_policy: &str) {
        if pull_policy == "Never" {
            return;
        }
        println!("[preflight] Pulling images required for setting up a Kubernetes cluster");
        let present = container::images(self.context);
        let repository = &cluster.image_repository;
        let mut needed = vec![
            format!("{repository}/kube-apiserver:{}", cluster.kubernetes_version),
            format!("{repository}/kube-controller-manager:{}", cluster.kubernetes_version),
            format!("{repository}/kube-scheduler:{}", cluster.kubernetes_version),
        ];
        if !cluster.proxy.disabled {
            needed.push(format!("{repository}/kube-proxy:{}", cluster.kubernetes_version));
        }
        for image in needed {
            if !present.contains(&image) {
                self.fail(
                    "ImagePull",
                    &format!("failed to pull image {image}: it was not imported, and machines of the embedded cloud reach no registry"),
                );
            }
        }
        for name in ["etcd", "pause"] {
            let prefix = format!("{repository}/{name}:");
            if !present.iter().any(|i| i.starts_with(&prefix)) {
                self.fail(
                    "ImagePull",
                    &format!("failed to pull image {prefix}…: it was not imported"),
                );
            }
        }
    }

    /// Ends the checks.
    ///
    /// # Errors
    /// Returns all that is wrong, as kubeadm prints it.
    pub fn finish(self) -> Result<(), Failure> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Failure::with_code(
            2,
            format!(
                "error execution phase preflight: [preflight] Some fatal errors occurred:\n{}\n[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`",
                self.errors.join("\n")
            ),
        ))
    }
}
