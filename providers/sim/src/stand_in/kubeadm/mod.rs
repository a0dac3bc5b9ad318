//! `kubeadm`, strictly: init, join, reset, version.

mod api_server;
mod authority;
mod certs;
mod component;
mod discovery;
mod documents;
mod init;
mod join;
pub mod kubeconfig;
mod manifests;
mod node;
mod preflight;
mod reset;
mod server_files;
pub mod types;
mod validate;
mod worker;

#[cfg(test)]
mod tests;

pub use authority::{Authority, Leaf};
pub use discovery::{ca_sha256, pin_of, sign as sign_cluster_info};
pub use kubeconfig::cluster_info;
#[cfg(test)]
pub use preflight::Preflight;
pub use server_files::secret_keys;
pub use worker::{Worker, read_worker};

use super::kubelet::version;
use super::{Context, Failure};

/// Options of init, join and reset.
#[derive(Default)]
struct Options {
    config: Option<String>,
    ignore: Vec<String>,
    force: bool,
}

/// Stands in for `kubeadm init|join|reset|version|config images list`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let Some((verb, rest)) = args.split_first() else {
        return Err(Failure::new("kubeadm: a command is needed"));
    };
    match *verb {
        "version" => print_version(context, rest),
        "init" => init::run(context, &options(rest)?),
        "join" => join::run(context, &options(rest)?),
        "reset" => reset::run(context, &options(rest)?),
        other => Err(Failure::new(format!(
            "unknown command \"{other}\" for \"kubeadm\" (the embedded cloud knows init, join, reset and version)"
        ))),
    }
}

fn print_version(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let version = version(context, "kubeadm")?;
    if args == ["-o", "short"]
        || args == ["-oshort"]
        || args == ["--output=short"]
        || args == ["--output", "short"]
    {
        println!("{version}");
    } else {
        println!(
            "kubeadm version: &version.Info{{Major:\"{}\", Minor:\"{}\", GitVersion:\"{version}\"}}",
            version.major, version.minor
        );
    }
    Ok(())
}

fn options(args: &[&str]) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg, None),
        };
        let mut value = || {
            inline
                .or_else(|| rest.next())
                .map(ToOwned::to_owned)
                .ok_or_else(|| Failure::new(format!("flag needs an argument: {name}")))
        };
        match name {
            "--config" => options.config = Some(value()?),
            "--ignore-preflight-errors" => {
                options.ignore.extend(value()?.split(',').map(str::to_lowercase));
            }
            "--v" | "-v" | "--cri-socket" | "--cert-dir" | "--certificate-key" => {
                value()?;
            }
            "-f" | "--force" => options.force = true,
            "--upload-certs"
            | "--skip-certificate-key-print"
            | "--skip-token-print"
            | "--cleanup-tmp-dir" => {}
            other => return Err(Failure::new(format!("unknown flag: {other}"))),
        }
    }
    Ok(options)
}

/// Reads the file given by `--config`.
fn config_text(context: &Context, options: &Options) -> Result<String, Failure> {
    let Some(file) = &options.config else {
        return Err(Failure::new(
            "kubeadm: the stand-in needs --config FILE (flags alone are not modelled)",
        ));
    };
    std::fs::read_to_string(context.given(file)).map_err(|_| {
        Failure::new(format!(
            "unable to read config from \"{file}\": open {file}: no such file or directory"
        ))
    })
}

/// Signs the request for the client certificate of the kubelet `node` with an authority in PEM.
///
/// # Errors
/// Returns an error if the authority or the request can't be read.
pub fn sign_kubelet(
    ca_pem: &str,
    key_pem: &str,
    csr_pem: &str,
    node: &str,
) -> Result<String, Failure> {
    authority::Authority::from_pem("ca", ca_pem.to_owned(), key_pem)?.sign_kubelet(csr_pem, node)
}
