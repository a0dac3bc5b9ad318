//! Bringing the working copy up to date, and what it has new into the bucket.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    copy_lock::CopyLock,
    encryption::Keyring,
    guard,
    options::User,
    working_copy::{self, Copied, Marker, sum},
};
use crate::{
    KeptFile, Store,
    error::{StateError, StateErrorKind},
    journal::Entry,
    layout::ClusterLayout,
    store::remote::{Only, Remote},
};

/// The files of a state in a bucket, and the copy of them here.
pub struct Files {
    pub(super) layout: ClusterLayout,
    pub(super) url: String,
    pub(super) remote: Arc<Remote>,
    pub(super) keys: Arc<Keyring>,
    /// One at a time: steps that make certificates run at the same time.
    pub(super) busy: Mutex<()>,
    /// The names of what was removed here on purpose.
    pub(super) removed: std::sync::Mutex<BTreeSet<String>>,
    pub(super) user: Arc<dyn User>,
}

/// How a working copy is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bring {
    /// Only what is new in the bucket: a run here may be about to send the rest.
    New,
    /// The bucket's are right: the lock is held, so nobody is about to send anything.
    All,
}

impl Files {
    /// Brings the working copy up to date with the state.
    ///
    /// # Errors
    /// Returns an error if this machine has files that the bucket does not know, or if an object is
    /// missing, damaged, or cannot be decrypted.
    pub async fn bring(&self, store: &Store, how: Bring) -> Result<(), StateError> {
        let _one = self.busy.lock().await;
        let _alone = CopyLock::take(&self.layout, &*self.user).await?;
        let record = store.state();
        let marker = self.marker(&record.files)?;
        // Another run on this machine has sent files since this state was read: they are the newer.
        if how == Bring::New && marker.serial > record.serial {
            return Ok(());
        }
        let mut next = marker.clone();
        let mut fetched = Vec::new();
        for (name, kept) in &record.files {
            let Some(path) = working_copy::path(&self.layout, name) else { continue };
            let bytes_here = working_copy::read(&path)?;
            let here = bytes_here.as_deref().map(sum);
            let known = marker.files.get(name);
            let is_known = known.is_some_and(|known| known.object == kept.sum);
            let is_copy = here.is_some() && here.as_ref() == known.map(|known| &known.file);
            if is_known && (is_copy || (how == Bring::New && here.is_some())) {
                continue;
            }
            let bytes = self.fetch(name, kept).await?;
            // One that this machine has had from the bucket before may be put back.
            if let Some(here) = bytes_here.filter(|_| !is_known) {
                guard::check_authority(name, &self.place(kept), &here, &bytes)?;
            }
            let copied = Copied { object: kept.sum.clone(), file: sum(&bytes) };
            next.files.insert(name.clone(), copied);
            fetched.push((name.as_str(), path, bytes, kept));
        }
        let checked: Vec<(&str, String, &[u8])> = fetched
            .iter()
            .map(|(name, _, bytes, kept)| (*name, self.place(kept), bytes.as_slice()))
            .collect();
        guard::check_fetched(&checked, |name| match working_copy::path(&self.layout, name) {
            Some(path) => working_copy::read(&path),
            None => Ok(None),
        })?;
        // First that it is a copy: cut off below, its files are not taken for this machine's own.
        if !fetched.is_empty() {
            marker.write(&self.layout)?;
        }
        for (name, path, bytes, kept) in fetched {
            working_copy::write(&path, &bytes, guard::mode(name, kept))?;
        }
        // A bucket that says nothing at all has lost everything; then this copy is the last one.
        if record.serial > 0 {
            for name in marker.files.keys().filter(|name| !record.files.contains_key(*name)) {
                if let Some(path) = working_copy::path(&self.layout, name) {
                    working_copy::remove(&path)?;
                }
                next.files.remove(name);
            }
        }
        if next != marker || next.files.is_empty() {
            next.serial = record.serial;
            next.write(&self.layout)?;
        }
        Ok(())
    }

    /// Returns the marker. It refuses a folder with files of its own.
    fn marker(&self, kept: &BTreeMap<String, KeptFile>) -> Result<Marker, StateError> {
        match Marker::read(&self.layout)?.filter(|marker| !marker.left) {
            Some(marker) if marker.url == self.url => return Ok(marker),
            Some(marker) => {
                return Err(StateError::new(
                    StateErrorKind::Damaged,
                    format!(
                        "{} and {} are a copy of {}, not of {}",
                        self.layout.state.display(),
                        self.layout.pki.display(),
                        marker.url,
                        self.url
                    ),
                )
                .hint("run it in a folder of its own, or move those two aside"));
            }
            None => {}
        }
        let own = self.layout.state.join("journal").exists()
            || self.layout.state.join("snapshot.json").exists();
        let named = working_copy::names(&self.layout)?;
        if !own && named.is_empty() {
            return Ok(Marker::new(&self.url));
        }
        let there = if kept.is_empty() { "has nothing of it" } else { "is another one" };
        Err(StateError::new(
            StateErrorKind::Damaged,
            format!(
                "this machine has a state and certificates of its own ({}, {}); {} {there}",
                self.layout.state.display(),
                self.layout.pki.display(),
                self.url
            ),
        )
        .hint("`infra state migrate` moves them to the bucket; or move them aside"))
    }

    /// Returns where a person finds a kept file.
    fn place(&self, kept: &KeptFile) -> String {
        self.remote.objects().describe(&kept.object)
    }

    /// Fetches the contents of a kept file.
    pub(super) async fn fetch(&self, name: &str, kept: &KeptFile) -> Result<Vec<u8>, StateError> {
        let place = self.place(kept);
        guard::check_encrypted(name, &place, kept)?;
        let damaged =
            |why: &str| StateError::new(StateErrorKind::Damaged, format!("{place} ({name}) {why}"));
        let object = self.remote.objects().get(&kept.object).await?;
        let object = object.ok_or_else(|| damaged("is missing"))?;
        if sum(&object.bytes) != kept.sum {
            return Err(damaged("is damaged: its sum is not the one that is recorded"));
        }
        if kept.encrypted {
            self.keys.decrypt(&place, &object.bytes).await
        } else {
            Ok(object.bytes)
        }
    }

    /// Notes that files were removed on purpose. What else is missing here was lost, and stays in the
    /// state.
    pub fn removed(&self, paths: &[PathBuf]) {
        let names = paths.iter().filter_map(|path| working_copy::name(&self.layout, path));
        if let Ok(mut removed) = self.removed.lock() {
            removed.extend(names);
        }
    }

    /// Returns true if a file that is not here was removed: on purpose, or as the key of an authority that has
    /// its final name by now.
    fn was_removed(&self, name: &str, names: &[String]) -> bool {
        let is_final = |key: &str| names.iter().any(|name| name == key);
        name.strip_suffix(infra_ssl::PENDING).is_some_and(is_final)
            || self.removed.lock().is_ok_and(|removed| removed.contains(name))
    }

    /// Sends what is new in the working copy, and records it. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if it cannot be encrypted or written.
    pub async fn send(&self, store: &Store) -> Result<(), StateError> {
        let _one = self.busy.lock().await;
        let _alone = CopyLock::take(&self.layout, &*self.user).await?;
        let record = store.state();
        let mut marker = Marker::read(&self.layout)?.unwrap_or_else(|| Marker::new(&self.url));
        let mut files: BTreeMap<String, Option<KeptFile>> = BTreeMap::new();
        let names = working_copy::names(&self.layout)?;
        let readers = self.keys.readers_sum().await?;
        for name in &names {
            let Some(path) = working_copy::path(&self.layout, name) else { continue };
            let Some(bytes) = working_copy::read(&path)? else { continue };
            let here = sum(&bytes);
            if let (Some(known), Some(kept)) = (marker.files.get(name), record.files.get(name))
                && known.file == here
                && known.object == kept.sum
                && is_readable(kept, &readers)
            {
                continue;
            }
            let kept = self.send_one(name, &bytes, working_copy::mode(&path)).await?;
            let copied = Copied { object: kept.sum.clone(), file: here };
            marker.files.insert(name.clone(), copied);
            files.insert(name.clone(), Some(kept));
        }
        let is_gone = |name: &&String| !names.contains(name) && self.was_removed(name, &names);
        for name in record.files.keys().filter(is_gone) {
            marker.files.remove(name);
            files.insert(name.clone(), None);
        }
        if files.is_empty() {
            return Ok(());
        }
        // From here on they count; whoever has lost the lease is refused.
        store.append([Entry::Kept { files: files.clone() }]).await?;
        marker.serial = store.state().serial;
        marker.write(&self.layout)?;
        if let Ok(mut removed) = self.removed.lock() {
            removed.retain(|name| !files.contains_key(name));
        }
        for name in files.keys() {
            if let Some(old) = record.files.get(name) {
                self.remote.objects().remove(&old.object).await?;
            }
        }
        Ok(())
    }

    /// Encrypts again what is encrypted for others than those who may read now: whoever came in could
    /// not read it. The lock must be held.
    ///
    /// # Errors
    /// Returns the errors of [`Files::send`].
    pub(super) async fn send_to_readers(&self, store: &Store) -> Result<(), StateError> {
        let readers = self.keys.readers_sum().await?;
        if store.state().files.values().all(|kept| is_readable(kept, &readers)) {
            return Ok(());
        }
        self.send(store).await
    }

    /// Removes objects that no state names: what a run sent that was killed before it said so.
    pub(super) async fn tidy(&self, store: &Store) -> Result<(), StateError> {
        let record = store.state();
        let kept = &record.files;
        for object in self.remote.objects().list("files/").await? {
            if kept.values().all(|file| file.object != object) {
                crate::store::Backend::may_act(&*self.remote)?;
                self.remote.objects().remove(&object).await?;
            }
        }
        Ok(())
    }

    async fn send_one(&self, name: &str, bytes: &[u8], mode: u32) -> Result<KeptFile, StateError> {
        let encrypted = working_copy::is_secret(name);
        let bytes = if encrypted { self.keys.encrypt(bytes).await? } else { bytes.to_vec() };
        let held = self.remote.held().map_or(0, |held| held.generation());
        let unique = Uuid::new_v4().simple().to_string();
        let end = if encrypted { ".age" } else { "" };
        let object = format!("files/{held:06}-{}/{name}{end}", &unique[..8]);
        let readers = if encrypted { Some(self.keys.readers_sum().await?) } else { None };
        let kept = KeptFile { object: object.clone(), sum: sum(&bytes), encrypted, readers, mode };
        crate::store::Backend::may_act(&*self.remote)?;
        // The name is new: `None` means that the answer to a first try was lost.
        self.remote.objects().put(&object, bytes, Only::New).await?;
        Ok(kept)
    }
}

/// Returns true if a file is not encrypted, or is encrypted for those who may read now.
fn is_readable(kept: &KeptFile, readers: &str) -> bool {
    !kept.encrypted || kept.readers.as_deref() == Some(readers)
}
