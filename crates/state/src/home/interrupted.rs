//! Moves that are ended at each of their calls, and finished by the next one.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{Home, MoveError, disk::Disk, moving::carry};

/// A disk on which everything ends after some calls. A call that ends a copy leaves half a file, and one
/// that ends a deletion leaves half a folder.
struct Ending {
    /// Whether the new place is on another disk.
    across: bool,
    left: Cell<Option<u32>>,
}

impl Ending {
    fn after(calls: Option<u32>, across: bool) -> Self {
        Self { across, left: Cell::new(calls) }
    }

    /// Counts a call; `half` is done in place of the one that is interrupted.
    fn count(&self, half: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self.left.get() {
            None => return Ok(()),
            Some(0) => {}
            Some(left) => {
                self.left.set(Some(left - 1));
                if left > 1 {
                    return Ok(());
                }
                half()?;
                self.left.set(Some(0));
            }
        }
        Err(io::Error::other("killed"))
    }
}

struct Real;
impl Disk for Real {}

impl Disk for Ending {
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count(|| Ok(()))?;
        let disk = |path: &Path| path.components().any(|part| part.as_os_str() == "new");
        if self.across && disk(from) != disk(to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        Real.rename(from, to)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count(|| {
            let bytes = fs::read(from)?;
            fs::write(to, &bytes[..bytes.len() / 2])
        })?;
        Real.copy(from, to)
    }

    fn link(&self, target: &Path, at: &Path) -> io::Result<()> {
        self.count(|| Ok(()))?;
        Real.link(target, at)
    }

    fn make(&self, folder: &Path) -> io::Result<()> {
        self.count(|| Ok(()))?;
        Real.make(folder)
    }

    fn delete(&self, path: &Path) -> io::Result<()> {
        self.count(|| {
            let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
            let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            entries.sort();
            entries.truncate(entries.len().div_ceil(2));
            entries.iter().try_for_each(|entry| Real.delete(entry))
        })?;
        Real.delete(path)
    }

    fn sync(&self, folder: &Path) -> io::Result<()> {
        self.count(|| Ok(()))?;
        Real.sync(folder)
    }
}

/// An old and a new place, with files in the old one.
struct Places {
    root: tempfile::TempDir,
    files: BTreeMap<PathBuf, String>,
}

const IDENTITY: &str = r#"{"version": 1, "uuid": "00000000-0000-0000-0000-000000000001"}"#;

impl Places {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let files = [
            (".infra/lab/identity.json", IDENTITY),
            (".infra/lab/journal", "one\ntwo\n"),
            (".infra/lab/history/1.json", "{}"),
            (".infra/sim/world.json", "a world"),
            (".infra/artifacts/kubeadm", "a program"),
            ("ssl/lab/ca.key", "a private key"),
            ("ssl/lab/etcd/ca.key", "another private key"),
        ];
        let files = files.map(|(name, text)| (PathBuf::from(name), text.to_owned()));
        let places = Self { root, files: BTreeMap::from(files) };
        for (name, text) in &places.files {
            places.write("old", name, text);
        }
        places.write("old", Path::new(".infra/lab/lock"), "held");
        symlink("ca.key", places.root.path().join("old/ssl/lab/current.key")).unwrap();
        fs::create_dir(places.root.path().join("new")).unwrap();
        places
    }

    fn home(&self, name: &str) -> Home {
        Home::in_folder(&self.root.path().join(name))
    }

    fn write(&self, place: &str, name: &Path, text: &str) {
        let path = self.root.path().join(place).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn carry(&self, disk: &Ending) -> Result<(), MoveError> {
        carry(disk, &self.home("old"), &self.home("new"), "lab").map(drop)
    }

    /// Returns the files below a place, with their contents.
    fn files(&self, place: &str) -> BTreeMap<PathBuf, String> {
        let root = self.root.path().join(place);
        let mut found = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                let kind = fs::symlink_metadata(&entry).unwrap();
                let name = entry.strip_prefix(&root).unwrap().to_owned();
                if kind.is_dir() {
                    folders.push(entry);
                } else if kind.is_file() {
                    found.insert(name, fs::read_to_string(&entry).unwrap());
                }
            }
        }
        found
    }

    /// Fails unless everything is in the new place, and nothing in the old one.
    fn is_moved(&self, when: &str) {
        let mut new = self.files("new");
        new.remove(Path::new(".infra/lab/lock"));
        assert_eq!(new, self.files, "{when}");
        assert_eq!(self.files("old"), BTreeMap::new(), "{when}");
        let link = fs::read_link(self.root.path().join("new/ssl/lab/current.key")).unwrap();
        assert_eq!(link, Path::new("ca.key"), "{when}");
    }

    /// Returns true if a place has the whole state.
    fn is_whole(&self, place: &str) -> bool {
        let found = self.files(place);
        let state = self.files.iter().filter(|(name, _)| name.starts_with(".infra/lab"));
        state.into_iter().all(|(name, text)| found.get(name) == Some(text))
    }
}

#[test]
fn a_move_is_finished_wherever_it_was_ended() {
    for across in [false, true] {
        let mut calls = 0;
        loop {
            let places = Places::new();
            calls += 1;
            let when = format!("across: {across}, ended in call {calls}");
            if places.carry(&Ending::after(Some(calls), across)).is_ok() {
                break;
            }
            assert!(places.is_whole("old") || places.is_whole("new"), "{when}");
            // A state that counts is never half there.
            for place in ["old", "new"] {
                let state = places.home(place).state("lab");
                assert!(!state.exists() || places.is_whole(place), "{when}: {place}");
            }
            places.carry(&Ending::after(None, across)).unwrap_or_else(|e| panic!("{when}: {e}"));
            places.is_moved(&when);
        }
        assert!(calls > 10, "{calls} calls");
    }
}

#[test]
fn the_newer_of_two_states_stays() {
    let journal = Path::new(".infra/lab/journal");
    // The copy counted already, and a run continued there.
    let mut places = Places::new();
    for (name, text) in &places.files {
        places.write("new", name, text);
    }
    places.write("new", journal, "one\ntwo\nthree\n");
    symlink("ca.key", places.root.path().join("new/ssl/lab/current.key")).unwrap();
    places.files.insert(journal.to_owned(), "one\ntwo\nthree\n".to_owned());
    places.carry(&Ending::after(None, true)).unwrap();
    places.is_moved("the new one is newer");

    // A run continued in the old place, or in both: neither is deleted.
    for old in ["one\ntwo\nthree\n", "one\ntwo\nother\n"] {
        let places = Places::new();
        for (name, text) in &places.files {
            places.write("new", name, text);
        }
        places.write("old", journal, old);
        let before = (places.files("old"), places.files("new"));
        let error = places.carry(&Ending::after(None, true)).unwrap_err();
        assert!(matches!(&error, MoveError::Occupied { .. }), "{error}");
        assert_eq!((places.files("old"), places.files("new")), before, "{old}");
    }
}

#[test]
fn half_a_key_is_copied_again_and_another_one_is_kept() {
    let key = Path::new("ssl/lab/ca.key");
    let places = Places::new();
    places.write("new", key, "a priv");
    places.carry(&Ending::after(None, true)).unwrap();
    places.is_moved("half a key");

    let places = Places::new();
    places.write("new", key, "a private kex");
    let error = places.carry(&Ending::after(None, false)).unwrap_err();
    assert!(matches!(&error, MoveError::Occupied { .. }), "{error}");
    assert_eq!(places.files("new")[key], "a private kex");
    assert!(places.is_whole("old"));
}

#[test]
fn a_link_that_would_dangle_is_refused() {
    for (at, target) in [
        ("ssl/lab/sa.key", "../../kept/sa.key"),
        (".infra/lab/history/2.json", "../../../elsewhere.json"),
    ] {
        let places = Places::new();
        let before = places.files("old");
        symlink(target, places.root.path().join("old").join(at)).unwrap();
        for across in [false, true] {
            let error = places.carry(&Ending::after(None, across)).unwrap_err();
            assert!(matches!(&error, MoveError::Link { .. }), "{error}");
            assert!(error.to_string().contains(target), "{error}");
        }
        assert_eq!((places.files("old"), places.files("new")), (before, BTreeMap::new()));
    }
}

#[test]
fn another_cluster_keeps_the_embedded_cloud() {
    let places = Places::new();
    places.write("old", Path::new(".infra/two/working-copy.json"), "{}");
    places.carry(&Ending::after(None, false)).unwrap();
    let old = places.files("old");
    assert!(old.contains_key(Path::new(".infra/sim/world.json")), "{old:?}");
    assert!(!old.contains_key(Path::new(".infra/lab/journal")), "{old:?}");
}
