//! The `#cloud-config` document.

use infra_provider_api::BootPlatform;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::boot::{BOOT_STUB, EC2_TOOL};
use crate::bundle::NodeFile;
use crate::userdata::{BootEnv, UserDataError, limit::check_length};

#[derive(Serialize)]
struct CloudConfig<'a> {
    write_files: Vec<WriteFile<'a>>,
    runcmd: [[&'static str; 1]; 1],
}

#[derive(Serialize)]
struct WriteFile<'a> {
    path: String,
    permissions: &'static str,
    content: &'a str,
}

/// The second one only where machines sign their own requests.
const PROGRAMS: [(&str, &str); 2] =
    [("/usr/local/sbin/infra-boot", BOOT_STUB), ("/usr/local/sbin/infra-ec2", EC2_TOOL)];

/// Makes user-data that writes `/etc/infra/boot.env` and the stub, and runs the stub.
///
/// If one call makes several machines, each has its part in `/etc/infra/boot.d/<node>.env`, and the
/// stub takes the one of its machine. On EC2, where machines have no names, the part is `<number in
/// the call>.env`. The machines are of one pool, so none learns what it could not have had.
///
/// `store_ca_pem` is written too if the object store's certificate is not one that the system
/// trusts.
///
/// # Errors
/// Returns an error if the text is longer than `platform` takes.
pub fn cloud_config(
    envs: &[&BootEnv],
    store_ca_pem: Option<&str>,
    platform: &BootPlatform,
) -> Result<NodeFile, UserDataError> {
    let names: Vec<&str> = envs.iter().map(|env| env.node.as_str()).collect();
    let names = names.join(", ");
    let (mut plain, mut masked) = (Vec::new(), Vec::new());
    let signs_itself = envs.iter().any(|env| env.store.is_some());
    for (number, env) in envs.iter().enumerate() {
        let path = match envs {
            [_] => "/etc/infra/boot.env".to_owned(),
            _ if signs_itself => format!("/etc/infra/boot.d/{number}.env"),
            _ => format!("/etc/infra/boot.d/{}.env", env.node),
        };
        plain.push((path.clone(), env.text()?));
        masked.push((path, SecretString::from(env.masked()?)));
    }
    let tools = if signs_itself { &PROGRAMS[..] } else { &PROGRAMS[..1] };
    let text = document(&names, &plain, store_ca_pem, tools)?;
    check_length(platform, &names, &text)?;
    let masked = document(&names, &masked, store_ca_pem, tools)?;
    Ok(NodeFile::secret("user-data", 0o600, SecretString::from(text), masked))
}

fn document(
    nodes: &str,
    parts: &[(String, SecretString)],
    store_ca_pem: Option<&str>,
    programs: &[(&str, &str)],
) -> Result<String, UserDataError> {
    let mut write_files: Vec<WriteFile<'_>> = parts
        .iter()
        .map(|(path, text)| WriteFile {
            path: path.clone(),
            permissions: "0600",
            content: text.expose_secret(),
        })
        .collect();
    if let Some(pem) = store_ca_pem {
        write_files.push(WriteFile {
            path: "/etc/infra/store-ca.pem".into(),
            permissions: "0644",
            content: pem,
        });
    }
    write_files.extend(programs.iter().map(|(path, content)| WriteFile {
        path: (*path).into(),
        permissions: "0755",
        content,
    }));
    let config = CloudConfig { write_files, runcmd: [["/usr/local/sbin/infra-boot"]] };
    let body = serde_yaml_ng::to_string(&config)
        .map_err(|e| UserDataError::Yaml { node: nodes.into(), reason: e.to_string() })?;
    Ok(format!("#cloud-config\n{body}"))
}
