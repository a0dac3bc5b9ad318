//! `version = "git"`: what is rolled out is the tag of the commit that is checked out.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Command, Stdio},
};

use super::{images::is_semantic, source::SuiteSource};
use crate::{Problem, ProblemKind};

/// Stands for the version in checks that roll nothing out.
const STAND_IN: &str = "0.0.0-untagged";

/// Fills in the version that git knows. A source that names a version itself stays as it is.
///
/// # Errors
/// Returns a problem if git cannot be run, HEAD has no semantic version for a tag, or the tree
/// differs from it.
pub(crate) fn filled(source: &SuiteSource) -> Result<SuiteSource, Problem> {
    let mut filled = source.clone();
    let Some(folder) = &source.version_from_git else { return Ok(filled) };
    let watched: Vec<&Path> = [Some(source.base.as_path()), source.overlay.as_deref()]
        .into_iter()
        .flatten()
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    let version = match tag_of_head(folder, &watched) {
        Err(_) if source.exported_optional => STAND_IN.to_owned(),
        other => other?,
    };
    filled.variables.entry("VERSION".to_owned()).or_insert_with(|| version.clone());
    filled.version = Some(version);
    Ok(filled)
}

fn problem(message: impl Into<String>, hint: &str) -> Problem {
    Problem::new(
        ProblemKind::Version,
        None,
        format!("cannot take the version from git: {}", message.into()),
    )
    .hint(hint)
}

/// Returns the one tag of HEAD that is a semantic version. `watched` may hold no file that git does
/// not know: what is rolled out from there would be in no commit.
fn tag_of_head(folder: &Path, watched: &[&Path]) -> Result<String, Problem> {
    let commit = git(folder, &["rev-parse", "--short", "HEAD"], &[])?;
    let commit = commit.trim();
    let changed = git(folder, &["status", "--porcelain", "--untracked-files=no"], &[])?;
    let unknown = match watched {
        [] => String::new(),
        watched => git(folder, &["status", "--porcelain", "--untracked-files=all"], watched)?,
    };
    let mut changes = changed.lines().chain(unknown.lines().filter(|line| is_manifest(line)));
    if let Some(change) = changes.next() {
        let file = change.get(3..).unwrap_or(change);
        let message = format!("the working tree differs from the commit {commit} ({file})");
        return Err(problem(message, "commit or stash the change, or give --version"));
    }
    let tags = git(folder, &["tag", "--points-at", "HEAD"], &[])?;
    let tags: Vec<&str> = tags.lines().filter(|tag| !tag.is_empty()).collect();
    let versions: Vec<&str> = tags.iter().copied().filter(|tag| is_semantic(tag)).collect();
    match versions[..] {
        [version] => Ok(version.to_owned()),
        [] if tags.is_empty() => Err(problem(
            format!("the commit {commit} has no tag"),
            "tag it, such as `git tag 1.4.0`; a shallow clone needs `git fetch --tags`; or give --version",
        )),
        [] => Err(problem(
            format!("the tag {} of the commit {commit} is no semantic version", tags.join(", ")),
            "tag it MAJOR.MINOR.PATCH, such as 1.4.0 (semver.org), or give --version",
        )),
        _ => Err(problem(
            format!("the commit {commit} has several versions: {}", versions.join(", ")),
            "choose one with --version",
        )),
    }
}

/// Returns true if a line of `git status` names a file that a suite would read. A suite reads no
/// hidden files.
fn is_manifest(line: &str) -> bool {
    let path = line.get(3..).unwrap_or_default().trim_matches('"');
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    !is_hidden && [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

fn git(folder: &Path, words: &[&str], paths: &[&Path]) -> Result<String, Problem> {
    let absolute = |path: &&Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let run = Command::new("git")
        // A monitor that the repository names would be a program of its own.
        .args(["-c", "core.fsmonitor=false", "-C"])
        .arg(folder)
        .args(words)
        .args((!paths.is_empty()).then_some("--"))
        .args(paths.iter().map(absolute))
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output();
    let output = run.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            problem("there is no `git` in PATH", "install git, or give --version")
        }
        _ => problem(format!("git cannot be run: {error}"), "give --version"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let said = text.trim().lines().next().unwrap_or("git failed").to_owned();
    Err(problem(said, "give --version, or work in a clone of the repository"))
}
