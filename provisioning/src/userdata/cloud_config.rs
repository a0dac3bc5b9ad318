//! The `#cloud-config` document.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::boot::BOOT_STUB;
use crate::bundle::NodeFile;
use crate::userdata::{BootEnv, UserDataError, UserDataLimit};

#[derive(Serialize)]
struct CloudConfig<'a> {
    write_files: Vec<WriteFile<'a>>,
    runcmd: [[&'static str; 1]; 1],
}

#[derive(Serialize)]
struct WriteFile<'a> {
    path: &'static str,
    permissions: &'static str,
    content: &'a str,
}

/// User-data: writes `/etc/infra/boot.env` and the stub, and runs the stub. `store_ca_pem` is
/// written too when the object store's certificate is not one that the system trusts.
///
/// # Errors
/// Longer than `limit`.
pub fn cloud_config(
    env: &BootEnv,
    store_ca_pem: Option<&str>,
    limit: &UserDataLimit,
) -> Result<NodeFile, UserDataError> {
    let text = document(&env.node, env.text()?.expose_secret(), store_ca_pem)?;
    limit.check(&env.node, &text)?;
    let masked = document(&env.node, &env.masked()?, store_ca_pem)?;
    Ok(NodeFile::secret("user-data", 0o600, SecretString::from(text), masked))
}

fn document(node: &str, env: &str, store_ca_pem: Option<&str>) -> Result<String, UserDataError> {
    let mut write_files =
        vec![WriteFile { path: "/etc/infra/boot.env", permissions: "0600", content: env }];
    if let Some(pem) = store_ca_pem {
        write_files.push(WriteFile {
            path: "/etc/infra/store-ca.pem",
            permissions: "0644",
            content: pem,
        });
    }
    write_files.push(WriteFile {
        path: "/usr/local/sbin/infra-boot",
        permissions: "0755",
        content: BOOT_STUB,
    });
    let config = CloudConfig { write_files, runcmd: [["/usr/local/sbin/infra-boot"]] };
    let body = serde_yaml_ng::to_string(&config)
        .map_err(|e| UserDataError::Yaml { node: node.into(), reason: e.to_string() })?;
    Ok(format!("#cloud-config\n{body}"))
}
