//! `kubeadm reset`: undoes init or join on this machine.

use std::io::ErrorKind;

use http::Method;

use super::{Options, manifests};
use crate::stand_in::{Context, Failure, units};

/// What reset deletes. The CA keys go too: a machine that joins again gets them again.
const PATHS: &[&str] = &[
    manifests::FOLDER,
    "/etc/kubernetes/pki",
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/super-admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
    "/var/lib/kubelet",
    "/var/lib/etcd",
];

pub fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    if !options.force {
        return Err(Failure::new("aborted reset operation (run it with --force)"));
    }
    println!("[preflight] Running pre-flight checks");
    println!("[reset] Stopping the kubelet service");
    units::set_active(context, "kubelet.service", false)?;
    context.block_on(context.ask::<()>(Method::POST, "/kubeadm/reset", None))??;
    println!("[reset] Deleting contents of directories and files: {PATHS:?}");
    for path in PATHS {
        let real = context.path(path);
        let result = if real.is_dir() {
            std::fs::remove_dir_all(&real)
        } else {
            std::fs::remove_file(&real)
        };
        match result {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Failure::io("remove", &real, &e));
            }
            _ => {}
        }
    }
    println!(
        "The reset process does not clean CNI configuration. To do so, you must remove /etc/cni/net.d"
    );
    Ok(())
}
