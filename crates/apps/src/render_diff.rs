//! Renders compared with each other, without a cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    Action, AppsError, AppsPlan, Object, ObjectChange, ObjectId, Suite, SuiteSource,
    load::{kustomization_of, rendered_objects},
    mask::is_mask,
    plan::fields,
};

/// The objects of an earlier render. Secrets are masked, but for a render with `--reveal`.
pub type Rendered = BTreeMap<ObjectId, Object>;

impl Suite {
    /// Returns what it renders to, Secrets masked.
    pub fn rendered(&self) -> Rendered {
        let shown = |object: &Object| Object { value: self.masked(object), ..object.clone() };
        self.objects().iter().map(|object| (object.id.clone(), shown(object))).collect()
    }
}

/// Reads a folder that `render_to` has written.
///
/// # Errors
/// Returns [`AppsError::File`] if it cannot be read, and [`AppsError::Manifests`] if it holds
/// something else.
pub fn read_rendered(dir: &Path) -> Result<Rendered, AppsError> {
    let objects = rendered_objects(dir)?;
    Ok(objects.into_iter().map(|object| (object.id.clone(), object)).collect())
}

fn is_masked(object: &Object) -> bool {
    let data = object.value.get("data").and_then(Value::as_object);
    data.is_some_and(|data| data.values().all(|value| value.as_str().is_some_and(is_mask)))
}

/// Compares `suite` with the render `before` and returns its changes as a plan.
pub fn compare_suites(name: &str, before: &Rendered, suite: &Suite) -> AppsPlan {
    let after = suite.rendered();
    let ids: BTreeSet<&ObjectId> = before.keys().chain(after.keys()).collect();
    let changes = ids.into_iter().map(|id| {
        let mut change = ObjectChange {
            object: id.clone(),
            action: Action::NoOp,
            fields: Vec::new(),
            conflicts: Vec::new(),
            origin: None,
            reason: None,
        };
        match (before.get(id), after.get(id)) {
            (None, _) => change.action = Action::Create,
            (Some(_), None) => change.action = Action::Delete,
            (Some(before), Some(after)) => {
                // A render with --reveal holds the values themselves.
                let before = match is_masked(before) {
                    true => before.value.clone(),
                    false => suite.masked(before),
                };
                change.fields = fields(&before, &after.value, id.is_secret());
                if !change.fields.is_empty() {
                    change.action = Action::Update;
                }
            }
        }
        change
    });
    AppsPlan { suite: name.to_owned(), digest: suite.digest(), changes: changes.collect() }
}

/// A source as it was at a revision of git; its files are in a folder of their own until this is
/// dropped. What is not under version control (`.env` files) is taken as it is now.
#[derive(Debug)]
pub struct Earlier {
    source: SuiteSource,
    _folder: TempDir,
}

impl Earlier {
    /// Returns the source.
    pub fn source(&self) -> &SuiteSource {
        &self.source
    }
}

/// Takes base and overlay of `source` out of git at `revision`.
///
/// # Errors
/// Returns [`AppsError::Git`] if git fails.
pub fn earlier_source(source: &SuiteSource, revision: &str) -> Result<Earlier, AppsError> {
    let failed = |message: String| AppsError::Git { revision: revision.to_owned(), message };
    let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let mut earlier = source.clone();
    let take = |path: &Path| -> Result<PathBuf, AppsError> {
        let here =
            std::fs::canonicalize(path).map_err(|e| failed(format!("{}: {e}", path.display())))?;
        let top = git(&here, &["rev-parse", "--show-toplevel"]).map_err(failed)?;
        let top = PathBuf::from(String::from_utf8_lossy(&top).trim());
        // A kustomization reaches into the folders beside it.
        let whole = kustomization_of(&here).and_then(|_| here.parent()).unwrap_or(&here);
        let inside = here.strip_prefix(&top).map_err(|e| failed(e.to_string()))?;
        let name = whole.strip_prefix(&top).unwrap_or(Path::new(""));
        let name = if name.as_os_str().is_empty() { Path::new(".") } else { name };
        let listed = git(
            &top,
            &["ls-tree", "-r", "-z", "--name-only", revision, "--", &name.to_string_lossy()],
        )
        .map_err(failed)?;
        for file in listed.split(|byte| *byte == 0).filter(|file| !file.is_empty()) {
            let file = String::from_utf8_lossy(file).into_owned();
            let text = git(&top, &["show", &format!("{revision}:{file}")]).map_err(failed)?;
            let target = folder.path().join(&file);
            let parent = target.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&target, text))
                .map_err(|error| failed(error.to_string()))?;
        }
        let taken = folder.path().join(inside);
        std::fs::create_dir_all(&taken).map_err(|error| failed(error.to_string()))?;
        Ok(taken)
    };
    earlier.base = take(&source.base)?;
    earlier.overlay = source.overlay.as_deref().map(take).transpose()?;
    Ok(Earlier { source: earlier, _folder: folder })
}

fn git(folder: &Path, words: &[&str]) -> Result<Vec<u8>, String> {
    let run = Command::new("git").arg("-C").arg(folder).args(words).output();
    let output = run.map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
