//! Stand-ins for the tools of a machine's host, and for Kubernetes' own binaries.
//!
//! A machine of the embedded cloud is a folder; what would touch the host's kernel, init system or
//! container runtime is answered here. The tools read and write the machine's folder (below
//! `INFRA_ROOT`) and tell the embedded cloud what matters outside of it, through its control API.
//! They are strict where the real ones are, and print what those print at the points people look for.

mod container;
mod context;
mod control;
mod host;
mod http;
pub mod kubeadm;
mod kubectl;
mod kubelet;
mod packages;
mod sysctl;
mod systemctl;
mod units;
pub mod values;

#[cfg(test)]
mod tests;

use std::fmt;

pub use context::Context;

/// Environment variable: the unit that does not start on this machine, for a fault.
pub const BROKEN_UNIT: &str = "INFRA_SIM_BROKEN_UNIT";

pub use control::{
    ClusterPlan, JoinRequest, Joined, MachineInfo, MemberState, NodeSpec, TaintSpec, TokenSpec,
};
pub use kubeadm::{ca_sha256, cluster_info, secret_keys, sign_cluster_info, sign_kubelet};

/// The tools that the embedded cloud puts into every machine's PATH.
pub const HOST_TOOLS: &[&str] = &[
    "systemctl",
    "sysctl",
    "modprobe",
    "swapoff",
    "hostnamectl",
    "mount",
    "umount",
    "apt-get",
    "ctr",
    "crictl",
];

/// Why a tool fails: what it prints on stderr, and its exit code.
#[derive(Debug)]
pub struct Failure {
    /// Printed on stderr as is.
    pub message: String,
    /// The process's exit code.
    pub code: i32,
}

impl Failure {
    /// Makes a failure with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_code(1, message)
    }

    /// Makes a failure with the exit code the real tool gives.
    pub fn with_code(code: i32, message: impl Into<String>) -> Self {
        Self { message: message.into(), code }
    }

    /// Makes a failure about a file that can't be used.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Runs `tool` with `args` on the machine that the environment names; returns the exit code.
pub fn run(tool: &str, args: &[String]) -> i32 {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = Context::from_env().and_then(|context| dispatch(&context, tool, &args));
    match result {
        Ok(()) => 0,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("{failure}");
            }
            failure.code
        }
    }
}

fn dispatch(context: &Context, tool: &str, args: &[&str]) -> Result<(), Failure> {
    match tool {
        "systemctl" => systemctl::run(context, args),
        "sysctl" => sysctl::run(context, args),
        "modprobe" => host::modprobe(context, args),
        "swapoff" => host::swapoff(context, args),
        "hostnamectl" => host::hostnamectl(context, args),
        "mount" => host::mount(context, args),
        "umount" => host::umount(context, args),
        "apt-get" => packages::run(context, args),
        "ctr" => container::ctr(context, args),
        "crictl" => container::crictl(context, args),
        "containerd" => container::containerd(args),
        "runc" => container::runc(args),
        "kubelet" => kubelet::run(context, args),
        "kubectl" => kubectl::run(context, args),
        "kubeadm" => kubeadm::run(context, args),
        other => Err(Failure::with_code(
            127,
            format!("{other}: the embedded cloud has no stand-in for this tool"),
        )),
    }
}
