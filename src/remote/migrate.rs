//! Moving a record between this machine and a bucket: copy, read back, compare, and only then delete.

use std::sync::Arc;

use infra_provider_api::Owner;

use super::{
    copy::{self, Marker, sum},
    empty,
    record::RemoteRecord,
};
use crate::{
    session::{ExitCode, Failure, Places},
    state::{
        Lock, LockOptions, Record, Store,
        store::{Backend, Folder, remote::Remote},
    },
};

/// One thing that was moved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// `record`, `history/0000000003.json`, `pki/ca.key`.
    pub name: String,
    /// SHA-256 of what is there now, read back (and decrypted).
    pub sum: String,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// Each piece, compared.
    pub pieces: Vec<Piece>,
    /// Resources in the record.
    pub resources: usize,
    /// What was deleted where it came from.
    pub deleted: usize,
}

/// Names that a record on this machine is made of; the lock stays.
const OWN: [&str; 3] = ["identity.json", "snapshot.json", "journal"];

/// Returns the part of a record that moves. The files and the number of the last line do not move.
/// Neither does what was created or deleted in the last minutes: that is known from the lines of
/// the old journal.
fn said(record: &Record) -> Record {
    Record { serial: 0, files: Default::default(), recent: Default::default(), ..record.clone() }
}

fn said_sum(record: &Record) -> Result<String, Failure> {
    Ok(sum(&serde_json::to_vec(&said(record)).map_err(Failure::local)?))
}

fn differs(what: &str, to: &str) -> Failure {
    Failure::new(
        ExitCode::Record,
        format!("{what} read back from {to} is not what was written; nothing was deleted"),
    )
}

fn occupied(place: &str, record: &Record) -> Failure {
    Failure::new(
        ExitCode::Record,
        format!(
            "{place} has a record already ({} resources); nothing was changed",
            record.resources.len()
        ),
    )
    .hint("move it aside, or remove what is here: two records of one cluster are not merged")
}

/// Returns true if `to` may take what `from` says, because it is empty or an earlier try got that
/// far.
fn is_free(from: &Record, to: &Record) -> bool {
    let empty = to.resources.is_empty() && to.intents.is_empty();
    empty || said(from) == said(to)
}

async fn copy_record(from: &Store, to: &Store, named: &str) -> Result<(), Failure> {
    let record = from.record();
    if said(&record) != said(&to.record()) {
        to.append([record.restored(named)]).await?;
    }
    for name in from.backend().list("history/").await? {
        if let Some(bytes) = from.backend().read(&name).await? {
            to.backend().create_new(&name, bytes).await?;
        }
    }
    Ok(())
}

/// Compares record and history, as `to` has them when it is read again.
async fn compare(from: &Store, to: &Store, place: &str) -> Result<Vec<Piece>, Failure> {
    let (before, after) = (said_sum(&from.record())?, said_sum(&to.record())?);
    if before != after {
        return Err(differs("the record", place));
    }
    let mut pieces = vec![Piece { name: "record".into(), sum: after }];
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
async fn compare_files(remote: &RemoteRecord, places: &Places) -> Result<Vec<Piece>, Failure> {
    let record = remote.store.record();
    let files = &record.files;
    let mut pieces = Vec::new();
    for name in copy::names(places)? {
        let url = remote.target.url();
        let kept = files.get(&name).ok_or_else(|| differs(&name, url))?;
        let there = sum(&remote.files.fetch(&name, kept).await?);
        let path = copy::path(places, &name).ok_or_else(|| differs(&name, url))?;
        let here = copy::read(&path)?.map(|bytes| sum(&bytes));
        if here.as_ref() != Some(&there) {
            return Err(differs(&name, url));
        }
        pieces.push(Piece { name, sum: there });
    }
    if pieces.len() != files.len() {
        return Err(differs("the list of files", remote.target.url()));
    }
    Ok(pieces)
}

/// Deletes the record of this machine: first what it is known by.
async fn clear(folder: &Arc<dyn Backend>) -> Result<usize, Failure> {
    let history = folder.list("history/").await?;
    let names: Vec<String> = OWN.iter().map(|name| (*name).to_owned()).chain(history).collect();
    for name in &names {
        folder.remove(name).await?;
    }
    Ok(names.len())
}

/// Deletes what an earlier move to `url` left here that was cut off while it deleted.
async fn clear_leftovers(places: &Places, url: &str) -> Result<(), Failure> {
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&places.record));
    let moved = Marker::read(places)?.is_some_and(|marker| marker.url == url && !marker.left);
    if moved && folder.read("identity.json").await?.is_none() {
        clear(&folder).await?;
    }
    Ok(())
}

fn same_cluster(here: &Owner, there: &Owner, url: &str) -> Result<(), Failure> {
    if here.uuid == there.uuid {
        return Ok(());
    }
    Err(Failure::new(
        ExitCode::Record,
        format!(
            "{url} is the record of another cluster called {} ({}), not of {}",
            there.cluster, there.uuid, here.uuid
        ),
    ))
}

/// Moves the record of this machine to a bucket. Returns `None` if there is nothing here to move.
///
/// # Errors
/// Returns an error if one of the two is locked, damaged or of another cluster. Returns an error if
/// the bucket has a record, or if what is read back differs. The record here is deleted last, and
/// only when all is there.
pub async fn send_off(
    places: &Places,
    remote: &RemoteRecord,
    options: &LockOptions,
) -> Result<Option<Moved>, Failure> {
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&places.record));
    if folder.read("identity.json").await?.is_none() {
        clear_leftovers(places, remote.target.url()).await?;
        return Ok(None);
    }
    let _here = Lock::acquire(&places.record, options.clone()).await?;
    let owner = remote.store.owner();
    let store = Store::open_unclaimed(folder, &owner.cluster, owner.uuid).await?;
    let url = remote.target.url().to_owned();
    same_cluster(store.owner(), owner, &url)?;
    let there = remote.lock(options.clone(), &|_| {}).await?;
    if !is_free(&store.record(), &remote.store.record()) {
        return Err(occupied(&url, &remote.store.record()));
    }
    remote.prepare().await?;
    remote.sign().await?;
    copy_record(&store, &remote.store, "this machine").await?;
    Marker::new(&url).write(places)?;
    let sent = async {
        remote.send().await?;
        // It is read again, by nothing that remembers what was written.
        let again: Arc<dyn Backend> = Arc::new(Remote::new(remote.objects()));
        let again = Store::open_unclaimed(again, &owner.cluster, owner.uuid).await?;
        let mut pieces = compare(&store, &again, &url).await?;
        pieces.extend(compare_files(remote, places).await?);
        Ok::<_, Failure>(pieces)
    };
    let pieces = match sent.await {
        Ok(pieces) => pieces,
        Err(failure) => {
            // The record here still is the one that counts.
            Marker::remove(places)?;
            return Err(failure);
        }
    };
    let resources = store.record().resources.len();
    let deleted = clear(store.backend()).await?;
    there.release().await;
    Ok(Some(Moved { pieces, resources, deleted }))
}

/// Moves a record from a bucket to this machine.
///
/// # Errors
/// Returns the errors of [`send_off`], the other way round.
pub async fn bring_back(
    places: &Places,
    remote: &RemoteRecord,
    options: &LockOptions,
) -> Result<Moved, Failure> {
    let url = remote.target.url().to_owned();
    let owner = remote.store.owner().clone();
    let _here = Lock::acquire(&places.record, options.clone()).await?;
    let folder: Arc<dyn Backend> = Arc::new(Folder::new(&places.record));
    let there = remote.lock(options.clone(), &|_| {}).await?;
    clear_leftovers(places, &url).await?;
    let before = Store::open_unclaimed(Arc::clone(&folder), &owner.cluster, owner.uuid).await?;
    same_cluster(before.owner(), &owner, &url)?;
    if !is_free(&remote.store.record(), &before.record()) {
        return Err(occupied(&places.record.display().to_string(), &before.record()));
    }
    // An earlier try may have got as far as a record here; then the files are there already.
    if before.record().resources.is_empty() || Marker::read(places)?.is_some() {
        remote.refresh_all().await?;
    }
    let store = Store::open(&places.record, &owner.cluster, owner.uuid).await?;
    copy_record(&remote.store, &store, &url).await?;
    let again = Store::open_unclaimed(folder, &owner.cluster, owner.uuid).await?;
    let place = places.record.display().to_string();
    let mut pieces = compare(&remote.store, &again, &place).await?;
    pieces.extend(compare_files(remote, places).await?);
    // From here on the record here is the one that counts.
    Marker::of_left(&url).write(places)?;
    let resources = remote.store.record().resources.len();
    let deleted = empty::empty(&*remote.target.objects(), there).await?;
    remote.forget()?;
    Marker::remove(places)?;
    Ok(Moved { pieces, resources, deleted })
}
