//! `kubectl` on a machine: its version, and raw reads, over TLS with the kubeconfig it is given.

use std::time::Duration;

use http::Method;

use super::kubeadm::kubeconfig;
use super::kubelet::version;
use super::{Context, Failure, http as https};

/// Stands in for `kubectl version --client | [--kubeconfig FILE] get --raw PATH`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mut file =
        std::env::var("KUBECONFIG").unwrap_or_else(|_| "/etc/kubernetes/admin.conf".to_owned());
    let mut raw = None;
    let mut words = Vec::new();
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "--kubeconfig" => file = rest.next().unwrap_or_default().to_owned(),
            "--raw" => raw = rest.next().map(ToOwned::to_owned),
            a if a.starts_with("--kubeconfig=") => a[13..].clone_into(&mut file),
            a if a.starts_with("--raw=") => raw = Some(a[6..].to_owned()),
            a if a.starts_with('-') => {}
            a => words.push(a),
        }
    }
    match (words.as_slice(), raw) {
        (["version"], _) => {
            println!("Client Version: {}", version(context, "kubectl")?);
            Ok(())
        }
        (["get"], Some(path)) => get(context, &file, &path),
        _ => Err(Failure::new(format!(
            "kubectl: the stand-in on machines only knows `version --client` and `get --raw PATH`, not: {}",
            words.join(" ")
        ))),
    }
}

fn get(context: &Context, file: &str, path: &str) -> Result<(), Failure> {
    let path_of_file = context.given(file);
    let text = std::fs::read_to_string(&path_of_file)
        .map_err(|_| Failure::new(format!("error: stat {file}: no such file or directory")))?;
    let config = kubeconfig::parse(&text).map_err(Failure::new)?;
    let client = config.client.as_ref().map(|(c, k)| (c.as_str(), k.as_str()));
    let tls = https::trusting(&config.ca_pem, client).map_err(Failure::new)?;
    let bytes = context.block_on(async {
        let address = context.resolve(&config.host, config.port).await?;
        let target =
            https::Target { address, authority: format!("{}:{}", config.host, config.port), tls };
        let (status, bytes) =
            https::call(&target, Method::GET, path, None, None, Duration::from_secs(30))
                .await
                .map_err(|e| Failure::new(format!("Unable to connect to the server: {e}")))?;
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(Failure::new(format!("Error from server: {status}")))
        }
    })??;
    println!("{}", String::from_utf8_lossy(&bytes));
    Ok(())
}
