//! `kubelet`: says its version. What it does on a node is done by the embedded cloud while the
//! unit `kubelet.service` runs.

use super::values::Version;
use super::{Context, Failure, units};

/// Stands in for `kubelet --version`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    if args.contains(&"--version") || args == ["version"] {
        println!("Kubernetes {}", version(context, "kubelet")?);
        return Ok(());
    }
    Err(Failure::new("kubelet: start it by its unit (systemctl start kubelet)"))
}

/// Returns the version of the Kubernetes binary that runs.
///
/// # Errors
/// Returns an error if the artifact's script doesn't export it.
pub fn version(context: &Context, tool: &str) -> Result<Version, Failure> {
    let text = context.version.as_deref().ok_or_else(|| {
        Failure::new(format!(
            "{tool}: INFRA_STAND_IN_VERSION is not set: the stand-in artifact must export its version"
        ))
    })?;
    Version::parse(text).ok_or_else(|| Failure::new(format!("{tool}: not a version: {text}")))
}

/// Reads the version of the kubelet that is installed on the machine from its script.
pub fn installed(context: &Context) -> Result<Version, Failure> {
    let program =
        units::program(context, "kubelet.service").unwrap_or_else(|| "/usr/bin/kubelet".to_owned());
    let candidates = [program.as_str(), "/usr/bin/kubelet", "/usr/local/bin/kubelet"];
    let text = candidates
        .iter()
        .find_map(|p| context.read(p))
        .ok_or_else(|| Failure::new("exec: \"kubelet\": executable file not found in $PATH"))?;
    text.lines()
        .find_map(|l| {
            let at = l.find("INFRA_STAND_IN_VERSION=")?;
            let value = &l[at + "INFRA_STAND_IN_VERSION=".len()..];
            let end = value
                .trim_start_matches(['"', '\''])
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';'));
            let value = value.trim_start_matches(['"', '\'']);
            Version::parse(&value[..end.unwrap_or(value.len())])
        })
        .ok_or_else(|| Failure::new("couldn't get the kubelet's version"))
}
