//! How kubectl gets tokens for a cluster whose control plane the cloud runs: by a verb of this program.

use std::path::Path;

use infra_ssl::ExecCredential;

use crate::config::Project;

/// The verb that prints a token for kubectl.
pub const VERB: &str = "kube-token";

const INSTALL_HINT: &str = "infra makes the tokens of this cluster: install it where kubectl finds it, or run `infra kubeconfig --exec` with the vendor's own plugin";

/// Returns the program that makes tokens for the cluster of `project`; `sim` says that it is on the embedded
/// cloud, which is in the folder of the state.
pub fn of_project(project: &Project, sim: bool) -> ExecCredential {
    let mut args = vec![VERB.to_owned(), "--provider".to_owned(), project.cluster.provider.clone()];
    if sim {
        let folder = project.home.folder();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        args.extend(["--sim".to_owned(), "--state-dir".to_owned(), folder.display().to_string()]);
    }
    ExecCredential {
        version: "v1".to_owned(),
        command: command(),
        args,
        install_hint: INSTALL_HINT.to_owned(),
    }
}

/// Returns the vendor's own program, which needs no arguments.
pub fn of_vendor(command: &str) -> ExecCredential {
    ExecCredential {
        version: "v1beta1".to_owned(),
        command: command.to_owned(),
        args: Vec::new(),
        install_hint: format!("install {command} where kubectl finds it"),
    }
}

/// Returns how kubectl finds this program: by its name where the name leads here, else by its path.
fn command() -> String {
    const NAME: &str = "infra";
    let Ok(own) = std::env::current_exe() else { return NAME.to_owned() };
    let by_name = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|folder| folder.join(NAME)).find(|one| one.is_file())
    });
    let same = |one: &Path| matches!((one.canonicalize(), own.canonicalize()), (Ok(one), Ok(own)) if one == own);
    match by_name {
        Some(found) if same(&found) => NAME.to_owned(),
        _ => own.display().to_string(),
    }
}
