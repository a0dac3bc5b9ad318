//! What an earlier version has left in the current folder, and whose it is.

use std::{fs, io, path::Path};

use serde::Deserialize;
use uuid::Uuid;

use crate::remote::COPY_LOCK;

/// Returns true if `folder` (`.infra/<cluster>`) has more than locks. What cannot be read may be state: then
/// whatever reads it says why it can't.
pub(super) fn has_state(folder: &Path) -> bool {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return error.kind() != io::ErrorKind::NotFound,
    };
    entries.into_iter().any(|entry| {
        entry.map_or(true, |entry| {
            !["lock", COPY_LOCK].iter().any(|lock| entry.file_name() == *lock)
        })
    })
}

/// Returns true if `folder` belongs to a cluster: it has the identity, or the marker of a working copy.
/// What cannot be looked at may be one.
pub(super) fn is_cluster(folder: &Path) -> bool {
    ["identity.json", "working-copy.json"]
        .iter()
        .any(|name| folder.join(name).try_exists().unwrap_or(true))
}

/// Returns true unless both folders have an identity and these differ.
pub(super) fn may_be_same(one: &Path, other: &Path) -> bool {
    match (identity(one), identity(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn identity(folder: &Path) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Identity {
        uuid: Uuid,
    }
    let bytes = fs::read(folder.join("identity.json")).ok()?;
    serde_json::from_slice(&bytes).ok().map(|Identity { uuid }| uuid)
}

/// Returns true if both paths lead to one folder. An empty path is the current folder.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let named =
        |path: &Path| if path.as_os_str().is_empty() { ".".into() } else { path.to_owned() };
    let (one, other) = (named(one), named(other));
    one == other || fs::canonicalize(one).ok() == fs::canonicalize(other).ok()
}

/// Returns true if state of `cluster` in `folder` is that of another file than `file`: `folder` has an
/// infra.toml of its own, and that names the same cluster or cannot be read. Without a `cluster`, any
/// infra.toml of its own will do.
pub(super) fn is_of_another(folder: &Path, file: &Path, cluster: Option<&str>) -> bool {
    let own = folder.join("infra.toml");
    let Ok(real) = fs::canonicalize(&own) else { return false };
    if fs::canonicalize(file).is_ok_and(|file| file == real) {
        return false;
    }
    let named = fs::read_to_string(&own).ok().and_then(|text| {
        let value: toml::Table = toml::from_str(&text).ok()?;
        value.get("cluster")?.get("name")?.as_str().map(str::to_owned)
    });
    match (cluster, named) {
        (Some(cluster), Some(named)) => cluster == named,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn state_beside_another_file_of_the_same_cluster_is_that_files() {
        let lab = "[cluster]\nname = \"lab\"\n";
        let own = folder(&[("infra.toml", lab), ("other.toml", lab)]);
        let (path, other) = (own.path(), folder(&[("infra.toml", lab)]));
        let file = other.path().join("infra.toml");
        assert!(is_of_another(path, &file, Some("lab")));
        assert!(is_of_another(path, &file, None));
        assert!(!is_of_another(path, &file, Some("two")), "no file here names the cluster two");
        assert!(!is_of_another(path, &path.join("infra.toml"), Some("lab")));
        assert!(!is_of_another(folder(&[]).path(), &file, Some("lab")));
        let damaged = folder(&[("infra.toml", "[cluster")]);
        assert!(is_of_another(damaged.path(), &file, Some("two")));
    }

    #[test]
    fn a_lock_is_no_state_and_a_working_copy_is_a_cluster() {
        assert!(!has_state(folder(&[("lock", "")]).path()));
        assert!(has_state(folder(&[("lock", ""), ("journal", "")]).path()));
        assert!(is_cluster(folder(&[("working-copy.json", "{}")]).path()));
        assert!(!is_cluster(folder(&[("journal", "")]).path()));
        let own = folder(&[("file", "")]);
        assert!(!has_state(&own.path().join("nothing")));
        assert!(has_state(&own.path().join("file")), "it can't be read, so nobody knows");
    }

    #[test]
    fn identities_tell_clusters_of_one_name_apart() {
        let identity = |uuid: u128| format!("{{\"uuid\": \"{}\"}}", Uuid::from_u128(uuid));
        let (one, two) = (identity(1), identity(2));
        let [one, same, two] =
            [&one, &one, &two].map(|text| folder(&[("identity.json", text.as_str())]));
        assert!(may_be_same(one.path(), same.path()));
        assert!(!may_be_same(one.path(), two.path()));
        assert!(may_be_same(one.path(), folder(&[("identity.json", "{")]).path()));
    }
}
