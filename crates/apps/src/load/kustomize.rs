//! A folder with a kustomization: built by kustomize itself, so that it is what it says.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{child, remote_bases, source::SuiteSource};
use crate::{Origin, Problem, ProblemKind};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Programs that build one, the first that is there is taken.
const PROGRAMS: [&[&str]; 2] = [&["kustomize", "build"], &["kubectl", "kustomize"]];
/// How long a build may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Nobody listens there, so what goes by this proxy goes nowhere.
const NO_WAY: &str = "http://127.0.0.1:9";

/// Finds the kustomization of a folder.
pub(crate) fn file_of(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Builds a folder's kustomization, as YAML; `${VAR}` comes through as it stands.
pub(super) fn build(
    folder: &Path,
    file: &Path,
    source: &SuiteSource,
) -> Result<String, Vec<Problem>> {
    let elsewhere = remote_bases::refused(folder, &source.remote_bases);
    if !elsewhere.is_empty() {
        return Err(elsewhere);
    }
    let problem =
        |message: String| Problem::new(ProblemKind::Kustomization, Origin::new(file, 0), message);
    let limit = source.kustomize_limit.unwrap_or(LIMIT);
    for words in PROGRAMS {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(folder);
        close(&mut command, &source.remote_bases);
        let said = |message: &str| vec![problem(format!("{}: {message}", words.join(" ")))];
        let output = match child::output(&mut command, limit) {
            Ok(Some(output)) => output,
            Ok(None) => {
                let limit = humantime::format_duration(limit);
                let late = problem(format!(
                    "{}: it took more than {limit} and was ended",
                    words.join(" ")
                ));
                return Err(vec![late.hint("[apps] kustomize_timeout gives it longer")]);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(said(&error.to_string())),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        return Err(said(&text(&output.stderr)));
    }
    let absent = "there is neither kustomize nor kubectl in PATH to build it";
    Err(vec![problem(absent.to_owned()).hint(
        "install one of them, or lay base and overlay over each other without a kustomization",
    )])
}

/// Leaves a build no way but to the hosts in `allowed`. HTTP goes by a proxy that does not exist,
/// and git may use no transport. A proxy of the user's own stays when something is allowed, for it
/// may be the only way there.
fn close(command: &mut Command, allowed: &[String]) {
    let own = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let has_own = own.iter().any(|name| std::env::var_os(name).is_some());
    command.env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_ALLOW_PROTOCOL", if allowed.is_empty() { "none" } else { "https:ssh" });
    if !allowed.is_empty() && has_own {
        return;
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, NO_WAY).env(name.to_lowercase(), NO_WAY);
    }
    let open = allowed.join(",");
    command.env("NO_PROXY", &open).env("no_proxy", open);
}
