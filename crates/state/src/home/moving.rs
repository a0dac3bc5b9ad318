//! Moving a cluster's state to its home. At each moment one of the two places is whole: keys are copied
//! and compared first, the state is moved in one step, and only then the old keys are deleted.

use std::path::{Path, PathBuf};

use super::{
    Home, Left,
    compare::{entries, has_all, is_there},
    disk::{Disk, RealDisk},
    error::MoveError,
    left::{has_state, is_cluster, is_same, may_be_same},
    links::check_links,
    tree,
};
use crate::{Lock, LockOptions};

/// What was moved, as pairs of old and new place.
pub type Carried = Vec<(PathBuf, PathBuf)>;

/// The file of the lock, which stays with its holder.
const LOCK: &str = "lock";
/// The file that only grows.
const JOURNAL: &str = "journal";

/// A move of a cluster's state and keys, with the lock held.
#[derive(Debug)]
pub struct Move {
    here: Home,
    to: Home,
    cluster: String,
    _locks: Vec<Lock>,
}

impl Home {
    /// Takes the lock for moving the state and keys of `cluster` from the current folder to where they
    /// belong. Returns `None` if nothing is to be moved, and no interrupted move has left anything.
    ///
    /// # Errors
    /// Returns an error if somebody holds the lock.
    pub async fn moving(
        &self,
        cluster: &str,
        lock: &LockOptions,
    ) -> Result<Option<Move>, MoveError> {
        let here = Self::in_folder(Path::new(""));
        let to = match &self.left {
            Left::State { belongs } => Self::in_folder(belongs),
            Left::Both => Self::in_folder(&self.folder),
            Left::Nothing => {
                let to = Self::in_folder(&self.folder);
                let is_here = is_same(&here.folder, &to.folder);
                if self.is_apart
                    || is_here
                    || !has_state(&to.state(cluster))
                    || !has_rest(&here, &to, cluster)
                {
                    return Ok(None);
                }
                to
            }
        };
        let mut locks = Vec::new();
        for state in [here.state(cluster), to.state(cluster)] {
            // Taking the lock makes the folder, and a move makes that of the new place.
            if is_there(&state) {
                locks.push(Lock::acquire(&state, lock.clone()).await?);
            }
        }
        Ok(Some(Move { here, to, cluster: cluster.to_owned(), _locks: locks }))
    }
}

impl Move {
    /// Returns the folder of the embedded cloud if it is moved, too. It must not run then.
    ///
    /// # Errors
    /// Returns an error if the old folder cannot be read.
    pub fn sim(&self) -> Result<Option<PathBuf>, MoveError> {
        let sim = self.here.sim();
        let moves = has_state(&self.here.state(&self.cluster))
            && is_there(&sim)
            && !has_others(&self.here, &self.cluster)?;
        Ok(moves.then_some(sim))
    }

    /// Moves the state and keys. The embedded cloud and the cache of downloads move along if no other
    /// cluster has state in the old folder. It finishes what an interrupted move has left.
    ///
    /// # Errors
    /// Returns an error if something else is in the new place, or a file cannot be moved. What was in
    /// the old place is still there, or whole in the new one.
    pub fn carry(&self) -> Result<Carried, MoveError> {
        carry(&RealDisk, &self.here, &self.to, &self.cluster)
    }
}

pub(super) fn carry(
    disk: &dyn Disk,
    here: &Home,
    to: &Home,
    cluster: &str,
) -> Result<Carried, MoveError> {
    let mut carried = Carried::new();
    if has_state(&here.state(cluster)) {
        carry_state(disk, here, to, cluster, &mut carried)?;
    }
    finish(disk, here, to, cluster, &mut carried)?;
    Ok(carried)
}

fn carry_state(
    disk: &dyn Disk,
    here: &Home,
    to: &Home,
    cluster: &str,
    carried: &mut Carried,
) -> Result<(), MoveError> {
    let (old, new) = (here.state(cluster), to.state(cluster));
    let (old_keys, new_keys) = (here.pki(cluster), to.pki(cluster));
    let mut along = Vec::new();
    if !has_others(here, cluster)? {
        along = vec![(here.sim(), to.sim()), (here.downloads(), to.downloads())];
        along.retain(|(from, _)| is_there(from));
    }
    let mut all = along.clone();
    all.extend([(old.clone(), new.clone()), (old_keys.clone(), new_keys.clone())]);
    for (from, to) in all.iter().filter(|(from, _)| is_there(from)) {
        check_links(from, to)?;
    }
    let is_copied = has_state(&new);
    if is_copied && !has_all(&new, &old, Some(LOCK), Some(JOURNAL))? {
        return Err(MoveError::Occupied { from: old, to: new });
    }
    // Whatever refuses the move does so before the first file is copied.
    for (from, to) in along.iter().filter(|(from, _)| *from == here.sim()) {
        if is_there(to) && !has_all(to, from, None, None)? {
            return Err(MoveError::Occupied { from: from.clone(), to: to.clone() });
        }
    }
    if is_there(&old_keys) {
        tree::copy(disk, &old_keys, &new_keys, None)?;
    }
    for (from, to) in along {
        if !is_there(&to) {
            tree::carry(disk, &from, &to, None)?;
        } else if has_all(&to, &from, None, None)? {
            tree::discard(disk, &from)?;
        } else {
            // A cache that differs does no harm.
            continue;
        }
        carried.push((from, to));
    }
    if is_copied {
        tree::discard(disk, &old)?;
    } else {
        tree::delete(disk, &new)?;
        tree::carry(disk, &old, &new, Some(LOCK))?;
    }
    carried.push((old, new));
    Ok(())
}

/// Deletes what is still in the old place once the state is in the new one.
fn finish(
    disk: &dyn Disk,
    here: &Home,
    to: &Home,
    cluster: &str,
    carried: &mut Carried,
) -> Result<(), MoveError> {
    for (old, new) in [
        (here.state(cluster), to.state(cluster)),
        (here.sim(), to.sim()),
        (here.downloads(), to.downloads()),
    ] {
        if may_be_same(&tree::rest_of(&old), &new) {
            tree::discard_rest(disk, &old)?;
        }
    }
    let (old, new) = (here.pki(cluster), to.pki(cluster));
    if is_there(&old) {
        check_links(&old, &new)?;
        tree::copy(disk, &old, &new, None)?;
        tree::delete(disk, &old)?;
        carried.push((old, new));
    }
    for empty in ["ssl", ".infra"] {
        let _ = std::fs::remove_dir(here.folder.join(empty));
    }
    Ok(())
}

/// Returns true if a move was interrupted before the old place was clean.
fn has_rest(here: &Home, to: &Home, cluster: &str) -> bool {
    let rest = tree::rest_of(&here.state(cluster));
    is_there(&here.pki(cluster))
        || (is_there(&rest) && may_be_same(&rest, &to.state(cluster)))
        || is_there(&tree::rest_of(&here.sim()))
        || is_there(&tree::rest_of(&here.downloads()))
}

/// Returns true if other clusters have state in the old folder.
fn has_others(here: &Home, cluster: &str) -> Result<bool, MoveError> {
    let folder = here.folder.join(".infra");
    // The embedded cloud has an identity, too.
    let others = entries(&folder)?.into_iter().filter(|name| name != cluster && name != "sim");
    let mut others = others.filter(|name| !tree::is_ours(&name.to_string_lossy()));
    Ok(others.any(|name| is_cluster(&folder.join(name))))
}
