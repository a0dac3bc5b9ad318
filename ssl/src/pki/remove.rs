//! Taking one thing out of the folder, in an order that a kill can cut anywhere.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::encryption::ENCRYPTION_KEYS;
use crate::error::{Result, SslError};
use crate::pki::{AuthorityName, PkiLayout};

/// One change of the folder. Doing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Step {
    fn run(&self) -> Result<()> {
        let done = match self {
            Step::Rename(from, to) => fs::rename(from, to),
            Step::Remove(path) => fs::remove_file(path),
        };
        match done {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let (Step::Rename(path, _) | Step::Remove(path)) = self;
                Err(SslError::io("delete", path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the steps of a removal. After each of them the folder is in a state that
/// [`super::ensure`] and [`super::plan`] accept. An authority goes the way it came: its key is
/// *pending* until nothing refers to it any more.
fn steps(layout: &PkiLayout, name: &str) -> Vec<Step> {
    let file = |path: PathBuf| Step::Remove(path);
    match name {
        "kubeconfig" => vec![file(layout.kubeconfig())],
        "bootstrap.secret" => vec![file(layout.cluster_secret())],
        ENCRYPTION_KEYS => vec![file(layout.encryption_keys())],
        // The public half follows from the private one, not the other way round.
        "sa" => vec![file(layout.sa_pub()), file(layout.sa_key())],
        _ if AuthorityName::ALL.iter().any(|authority| authority.stem() == name) => {
            let (key, pending) = (layout.key(name), layout.pending_key(name));
            vec![Step::Rename(key, pending.clone()), file(layout.cert(name)), file(pending)]
        }
        // A leaf without its key is issued again; a key without a certificate would be forgotten.
        _ => vec![file(layout.key(name)), file(layout.cert(name))],
    }
}

/// Deletes what `name` stands for in a [`super::CertificateStatus`] (`ca`, `sa`, `admin`,
/// `kubeconfig`, …, also `bootstrap.secret` and `encryption.keys`), and the folder itself with the last one. What is
/// gone already is no error: a removal that was cut off is finished by another. Returns the paths that are
/// files no more.
///
/// # Errors
/// Returns an error if a file cannot be deleted.
pub fn remove(dir: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let layout = PkiLayout::new(dir);
    let steps = steps(&layout, name);
    steps.iter().try_for_each(Step::run)?;
    match fs::remove_dir(dir) {
        Err(error)
            if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) =>
        {
            Err(SslError::io("delete", dir)(error))
        }
        _ => {
            Ok(steps.into_iter().map(|(Step::Rename(path, _) | Step::Remove(path))| path).collect())
        }
    }
}

/// Lists the authorities of which only the pending key is left, after a removal or a first making
/// was cut off. [`super::ensure`] makes new ones, [`remove`] ends them.
pub fn unfinished(dir: &Path) -> Vec<AuthorityName> {
    let layout = PkiLayout::new(dir);
    let pending = |name: &AuthorityName| {
        layout.pending_key(name.stem()).exists() && !layout.cert(name.stem()).exists()
    };
    AuthorityName::ALL.into_iter().filter(pending).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::pki::{PkiSpec, ensure, plan};

    const NAMES: [&str; 8] = [
        "ca",
        "etcd-ca",
        "front-proxy-ca",
        "site-ca",
        "sa",
        "admin",
        "bootstrap.secret",
        "kubeconfig",
    ];

    #[test]
    fn cut_off_anywhere_a_removal_can_be_finished_and_the_folder_made_whole_again() {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let spec = PkiSpec::new("demo").with_server("https://192.0.2.1:6443").with_site(true);
        let mut points = 0;
        for name in NAMES {
            for done in 0..=steps(&PkiLayout::new(""), name).len() {
                let temp = tempfile::tempdir().unwrap();
                let dir = temp.path().join("demo");
                ensure(&dir, &spec, now).unwrap();
                for step in &steps(&PkiLayout::new(&dir), name)[..done] {
                    step.run().unwrap();
                }
                plan(&dir, &spec, now)
                    .unwrap_or_else(|error| panic!("{name} after {done} steps: {error}"));
                // Going on with the removal leaves nothing of it …
                remove(&dir, name).unwrap();
                remove(&dir, name).unwrap();
                assert_eq!(unfinished(&dir), []);
                let left: Vec<_> = std::fs::read_dir(&dir)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .filter(|file| file.strip_prefix(name).is_some_and(|l| l.starts_with('.')))
                    .collect();
                assert_eq!(left, Vec::<String>::new(), "{name} after {done} steps");
                // … and so does turning back: all is there again.
                ensure(&dir, &spec, now).unwrap();
                assert_eq!(plan(&dir, &spec, now).unwrap(), []);
                points += 1;
            }
        }
        assert_eq!(points, 4 * 4 + 2 * 3 + 2 * 2);
    }

    #[test]
    fn an_authority_cut_off_at_its_last_step_is_seen() {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let temp = tempfile::tempdir().unwrap();
        let (dir, spec) = (temp.path().join("demo"), PkiSpec::new("demo"));
        ensure(&dir, &spec, now).unwrap();
        for step in &steps(&PkiLayout::new(&dir), "etcd-ca")[..2] {
            step.run().unwrap();
        }
        assert_eq!(unfinished(&dir), [AuthorityName::Etcd]);
        ensure(&dir, &spec, now).unwrap();
        assert_eq!(unfinished(&dir), []);
    }

    #[test]
    fn the_last_one_takes_the_folder_along() {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("demo");
        let spec = PkiSpec::new("demo").with_server("https://192.0.2.1:6443").with_site(true);
        ensure(&dir, &spec, now).unwrap();
        for name in NAMES {
            assert!(dir.exists());
            remove(&dir, name).unwrap();
        }
        assert!(!dir.exists());
    }
}
