//! A folder with a kustomization: built by kustomize itself, so that it is what it says.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::apps::{Origin, Problem, ProblemKind};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Programs that build one, the first that is there is taken.
const PROGRAMS: [&[&str]; 2] = [&["kustomize", "build"], &["kubectl", "kustomize"]];

/// The kustomization of a folder.
pub(in crate::apps) fn file_of(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// What a folder's kustomization builds, as YAML; `${VAR}` comes through as it stands.
pub(super) fn build(folder: &Path, file: &Path) -> Result<String, Problem> {
    let problem =
        |message: String| Problem::new(ProblemKind::Kustomization, Origin::new(file, 0), message);
    for words in PROGRAMS {
        let run = Command::new(words[0]).args(&words[1..]).arg(folder).output();
        let output = match run {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(problem(format!("{}: {error}", words.join(" ")))),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        return Err(problem(format!("{}: {}", words.join(" "), text(&output.stderr))));
    }
    Err(problem("there is neither kustomize nor kubectl in PATH to build it".to_owned()).hint(
        "install one of them, or lay base and overlay over each other without a kustomization",
    ))
}
