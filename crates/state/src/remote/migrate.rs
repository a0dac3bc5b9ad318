//! Moving a state between this machine and a bucket: copy, read back, compare, and only then delete.

use std::sync::Arc;

use infra_provider_api::Owner;

use super::{
    empty_bucket,
    state::RemoteState,
    working_copy::{self, Marker, sum},
};
use crate::{
    Lock, LockOptions, State, Store,
    error::{StateError, StateErrorKind},
    layout::ClusterLayout,
    store::{Backend, Folder, remote::Remote},
};

/// One thing that was moved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// `state`, `history/0000000003.json`, `pki/ca.key`.
    pub name: String,
    /// SHA-256 of what is there now, read back (and decrypted).
    pub sum: String,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// Each piece, compared.
    pub pieces: Vec<Piece>,
    /// Resources in the state.
    pub resources: usize,
    /// What was deleted where it came from.
    pub deleted: usize,
}

/// Names that a state on this machine is made of; the lock stays.
const OWN: [&str; 3] = ["identity.json", "snapshot.json", "journal"];

/// Returns the part of a state that moves. The files and the number of the last line do not move.
/// Neither does what was created or deleted in the last minutes: that is known from the lines of
/// the old journal.
fn said(record: &State) -> State {
    State { serial: 0, files: Default::default(), recent: Default::default(), ..record.clone() }
}

fn said_sum(record: &State) -> Result<String, StateError> {
    Ok(sum(&serde_json::to_vec(&said(record)).map_err(StateError::local)?))
}

fn differs(what: &str, to: &str) -> StateError {
    StateError::new(
        StateErrorKind::Damaged,
        format!("{what} read back from {to} is not what was written; nothing was deleted"),
    )
}

fn occupied(place: &str, record: &State) -> StateError {
    StateError::new(
        StateErrorKind::Damaged,
        format!(
            "{place} has a state already ({} resources); nothing was changed",
            record.resources.len()
        ),
    )
    .hint("move it aside, or remove what is here: two states of one cluster are not merged")
}

/// Returns true if `to` may take what `from` says, because it is empty or an earlier try got that
/// far.
fn is_free(from: &State, to: &State) -> bool {
    let empty = to.resources.is_empty() && to.intents.is_empty();
    empty || said(from) == said(to)
}

async fn copy_record(from: &Store, to: &Store, named: &str) -> Result<(), StateError> {
    let record = from.state();
    if said(&record) != said(&to.state()) {
        to.append([record.restored(named)]).await?;
    }
    for name in from.backend().list("history/").await? {
        if let Some(bytes) = from.backend().read(&name).await? {
            to.backend().create_new(&name, bytes).await?;
        }
    }
    Ok(())
}

/// Compares state and history, as `to` has them when it is read again.
async fn compare(from: &Store, to: &Store, place: &str) -> Result<Vec<Piece>, StateError> {
    let (before, after) = (said_sum(&from.state())?, said_sum(&to.state())?);
    if before != after {
        return Err(differs("the state", place));
    }
    let mut pieces = vec![Piece { name: "state".into(), sum: after }];
    for name in from.backend().list("history/").await? {
        let before = from.backend().read(&name).await?.map(|bytes| sum(&bytes));
        let after = to.backend().read(&name).await?.map(|bytes| sum(&bytes));
        match after {
            Some(after) if before.as_ref() == Some(&after) => {
                pieces.push(Piece { name, sum: after });
            }
            _ => return Err(differs(&name, place)),
        }
    }
    Ok(pieces)
}

/// Compares the files: those of the bucket, decrypted, with those on this machine, read again.
async fn compare_files(
    remote: &RemoteState,
    layout: &ClusterLayout,
) -> Result<Vec<Piece>, StateError> {
    let record = remote.store.state();
    let files = &record.files;
    let mut pieces = Vec::new();
    for name in working_copy::names(layout)? {
        let url = remote.bucket.url();
        let kept = files.get(&name).ok_or_else(|| differs(&name, url))?;
        let there = sum(&remote.files.fetch(&name, kept).await?);
        let path = working_copy::path(layout, &name).ok_or_else(|| differs(&name, url))?;
        let here = working_copy::read(&path)?.map(|bytes| sum(&bytes));
        if here.as_ref() != Some(&there) {
            return Err(differs(&name, url));
        }
        pieces.push(Piece { name, sum: there });
    }
    if pieces.len() != files.len() {
        return Err(differs("the list of files", remote.bucket.url()));
    }
    Ok(pieces)
}

/// Deletes the state of this machine: first what it is known by.
async fn clear(folder: &Arc<dyn Backend>) -> Result<usize, StateError> {
    let history = folder.list("history/").await?;
    let names: Vec<String> = OWN.iter().map(|name| (*name).to_owned()).chain(history).collect();
    for name in &names {
        folder.remove(name).await?;
    }
    Ok(names.len())
}

/// Deletes what an earlier move to `url` left here that was cut off while it deleted.
async fn clear_leftovers(layout: &ClusterLayout, url: &str) -> Result<(), StateError> {
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&layout.state));
    let moved = Marker::read(layout)?.is_some_and(|marker| marker.url == url && !marker.left);
    if moved && folder.read("identity.json").await?.is_none() {
        clear(&folder).await?;
    }
    Ok(())
}

fn same_cluster(here: &Owner, there: &Owner, url: &str) -> Result<(), StateError> {
    if here.uuid == there.uuid {
        return Ok(());
    }
    Err(StateError::new(
        StateErrorKind::Damaged,
        format!(
            "{url} is the state of another cluster called {} ({}), not of {}",
            there.cluster, there.uuid, here.uuid
        ),
    ))
}

/// Moves the state of this machine to a bucket. Returns `None` if there is nothing here to move.
///
/// # Errors
/// Returns an error if one of the two is locked, damaged or of another cluster. Returns an error if
/// the bucket has a state, or if what is read back differs. The state here is deleted last, and
/// only when all is there.
pub async fn send_off(
    layout: &ClusterLayout,
    remote: &RemoteState,
    options: &LockOptions,
) -> Result<Option<Moved>, StateError> {
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&layout.state));
    if folder.read("identity.json").await?.is_none() {
        clear_leftovers(layout, remote.bucket.url()).await?;
        return Ok(None);
    }
    let _here = Lock::acquire(&layout.state, options.clone()).await?;
    let owner = remote.store.owner();
    let store = Store::open_unclaimed(folder, &owner.cluster, owner.uuid).await?;
    let url = remote.bucket.url().to_owned();
    same_cluster(store.owner(), owner, &url)?;
    let there = remote.lock(options.clone(), &|_| {}).await?;
    if !is_free(&store.state(), &remote.store.state()) {
        return Err(occupied(&url, &remote.store.state()));
    }
    remote.prepare().await?;
    remote.sign().await?;
    copy_record(&store, &remote.store, "this machine").await?;
    Marker::new(&url).write(layout)?;
    let sent = async {
        remote.send().await?;
        // It is read again, by nothing that remembers what was written.
        let again: Arc<dyn Backend> = Arc::new(Remote::new(remote.objects()));
        let again = Store::open_unclaimed(again, &owner.cluster, owner.uuid).await?;
        let mut pieces = compare(&store, &again, &url).await?;
        pieces.extend(compare_files(remote, layout).await?);
        Ok::<_, StateError>(pieces)
    };
    let pieces = match sent.await {
        Ok(pieces) => pieces,
        Err(failure) => {
            // The state here still is the one that counts.
            Marker::remove(layout)?;
            return Err(failure);
        }
    };
    let resources = store.state().resources.len();
    let deleted = clear(store.backend()).await?;
    there.release().await;
    Ok(Some(Moved { pieces, resources, deleted }))
}

/// Moves a state from a bucket to this machine.
///
/// # Errors
/// Returns the errors of [`send_off`], the other way round.
pub async fn bring_back(
    layout: &ClusterLayout,
    remote: &RemoteState,
    options: &LockOptions,
) -> Result<Moved, StateError> {
    let url = remote.bucket.url().to_owned();
    let owner = remote.store.owner().clone();
    let _here = Lock::acquire(&layout.state, options.clone()).await?;
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&layout.state));
    let there = remote.lock(options.clone(), &|_| {}).await?;
    clear_leftovers(layout, &url).await?;
    let before = Store::open_unclaimed(Arc::clone(&folder), &owner.cluster, owner.uuid).await?;
    same_cluster(before.owner(), &owner, &url)?;
    if !is_free(&remote.store.state(), &before.state()) {
        return Err(occupied(&layout.state.display().to_string(), &before.state()));
    }
    // An earlier try may have got as far as a state here; then the files are there already.
    if before.state().resources.is_empty() || Marker::read(layout)?.is_some() {
        remote.refresh_all().await?;
    }
    let store = Store::open(&layout.state, &owner.cluster, owner.uuid).await?;
    copy_record(&remote.store, &store, &url).await?;
    let again = Store::open_unclaimed(folder, &owner.cluster, owner.uuid).await?;
    let place = layout.state.display().to_string();
    let mut pieces = compare(&remote.store, &again, &place).await?;
    pieces.extend(compare_files(remote, layout).await?);
    // From here on the state here is the one that counts.
    Marker::of_left(&url).write(layout)?;
    let resources = remote.store.state().resources.len();
    let deleted = empty_bucket::empty(&*remote.bucket.objects(), there).await?;
    remote.forget()?;
    Marker::remove(layout)?;
    Ok(Moved { pieces, resources, deleted })
}
