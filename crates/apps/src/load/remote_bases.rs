//! What a kustomization would fetch from elsewhere. kustomize does so without asking, over HTTP or
//! with git, so it is found before kustomize runs. Whatever is not found here is stopped by the
//! environment that it runs in (`kustomize.rs`).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_yaml_ng::Value as Yaml;

use super::{kustomize::file_of, nesting};
use crate::{Origin, Problem, ProblemKind};

/// The lists of a kustomization whose items are paths.
const PATHS: [&str; 9] = [
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "patchesStrategicMerge",
];
/// The lists whose items have a `path`.
const WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];
/// The lists whose items name files, as `path` or `key=path`.
const WITH_FILES: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// Something that would be fetched.
struct Remote {
    file: PathBuf,
    line: usize,
    text: String,
    /// Empty where none can be recognized.
    host: String,
}

/// Finds everything that `folder` would fetch from hosts that are not in `allowed`.
pub(super) fn refused(folder: &Path, allowed: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    visit(folder, &mut BTreeSet::new(), &mut found);
    let is_allowed =
        |remote: &Remote| allowed.iter().any(|host| host.eq_ignore_ascii_case(&remote.host));
    found.iter().filter(|remote| !is_allowed(remote)).map(problem).collect()
}

fn problem(remote: &Remote) -> Problem {
    let message = format!("{} is elsewhere; nothing is fetched", remote.text);
    let hint = if remote.host.is_empty() {
        "copy it into the folder".to_owned()
    } else {
        format!(
            "copy it into the folder, or allow its host: --allow-remote-bases {host} (infra.toml: [apps] remote_bases = [\"{host}\"])",
            host = remote.host
        )
    };
    Problem::new(ProblemKind::Kustomization, Origin::new(&remote.file, remote.line), message)
        .hint(hint)
}

/// Looks at a kustomization and at those that it names. One that cannot be read is kustomize's to
/// complain about.
fn visit(folder: &Path, seen: &mut BTreeSet<PathBuf>, found: &mut Vec<Remote>) {
    let Some(file) = file_of(folder) else { return };
    let Ok(real) = fs::canonicalize(folder) else { return };
    if !seen.insert(real) {
        return;
    }
    let Ok(text) = fs::read_to_string(&file) else { return };
    if nesting::check(&text).is_err() {
        return;
    }
    let Ok(yaml) = serde_yaml_ng::from_str::<Yaml>(&text) else { return };
    for path in paths(&yaml) {
        if let Some(host) = remote_host(&path, folder) {
            let line = text.lines().position(|line| line.contains(&path)).map_or(0, |at| at + 1);
            found.push(Remote { file: file.clone(), line, text: path, host });
        } else {
            visit(&folder.join(path), seen, found);
        }
    }
}

fn paths(yaml: &Yaml) -> Vec<String> {
    let items = |key: &str| yaml.get(key).and_then(Yaml::as_sequence).into_iter().flatten();
    let text = |value: &Yaml| value.as_str().map(ToOwned::to_owned);
    let mut found: Vec<String> = PATHS.iter().flat_map(|key| items(key).filter_map(text)).collect();
    found.extend(
        WITH_PATH.iter().flat_map(|key| items(key).filter_map(|item| text(item.get("path")?))),
    );
    found.extend(yaml.get("openapi").and_then(|openapi| text(openapi.get("path")?)));
    for item in WITH_FILES.iter().flat_map(|key| items(key)) {
        for list in ["files", "envs"] {
            let named = item.get(list).and_then(Yaml::as_sequence).into_iter().flatten();
            // A key may stand before the path.
            let path = |text: &str| text.split_once('=').map_or(text, |(_, path)| path).to_owned();
            found.extend(named.filter_map(|one| Some(path(one.as_str()?))));
        }
        found.extend(item.get("env").and_then(text));
    }
    // An inline patch is a text of several lines.
    found.retain(|path| !path.contains('\n'));
    found
}

/// Returns the host that kustomize would ask for `path`; `None` for what is on this machine.
fn remote_host(path: &str, folder: &Path) -> Option<String> {
    let path = path.trim();
    let bare = path.strip_prefix("git::").unwrap_or(path);
    if let Some(rest) = bare.strip_prefix("gh:") {
        return (!rest.is_empty()).then(|| "github.com".to_owned());
    }
    if let Some((_, rest)) = bare.split_once("://") {
        return Some(host(rest));
    }
    // `git@host:owner/name`, as ssh has it.
    let first = bare.split('/').next().unwrap_or_default();
    if bare.len() < path.len() || first.contains('@') && first.contains(':') {
        return Some(host(bare));
    }
    let is_github = first.eq_ignore_ascii_case("github.com");
    let is_repository =
        [".git/", ".git?", "_git/", "?ref=", "?version="].iter().any(|mark| bare.contains(mark))
            || bare.ends_with(".git");
    let is_host = first.contains('.') && !first.starts_with('.') && bare.contains('/');
    if is_github || is_repository || is_host && !folder.join(bare).exists() {
        return Some(host(bare));
    }
    None
}

/// Reads the host of `user@host:port/path`.
fn host(text: &str) -> String {
    let text = text.split(['/', '?']).next().unwrap_or_default();
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    text.split(':').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kustomize_would_fetch_is_told_from_paths() {
        let here = Path::new("/nowhere");
        let cases = [
            ("https://example.com/a.yaml", Some("example.com")),
            ("http://user:word@Example.com:8080/a.yaml", Some("example.com")),
            ("github.com/owner/name//base?ref=v1", Some("github.com")),
            ("gh:owner/name", Some("github.com")),
            ("git@git.example.com:owner/name.git", Some("git.example.com")),
            ("ssh://git@git.example.com/owner/name", Some("git.example.com")),
            ("git::https://example.com/owner/name", Some("example.com")),
            ("git.example.com/owner/name", Some("git.example.com")),
            ("owner/name.git//base", Some("owner")),
            ("file:///srv/name", Some("")),
            ("../base", None),
            ("./a.b/c.yaml", None),
            ("web.yaml", None),
            ("apps/web.yaml", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(remote_host(path, here).as_deref(), wanted, "{path}");
        }
    }
}
