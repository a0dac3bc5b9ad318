//! Asking for a resource by its id.

use crate::{Address, Observed, RawJson};

/// A resource that the state knows.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownResource {
    /// Its address.
    pub address: Address,
    /// The cloud's id.
    pub id: String,
    /// Its spec as the state has it; references are resolved.
    pub spec: RawJson,
}

impl KnownResource {
    /// Returns what is known of a resource that was observed.
    pub fn of(observed: &Observed) -> Self {
        let Observed { address, id, spec, .. } = observed;
        Self { address: address.clone(), id: id.clone(), spec: spec.clone() }
    }
}

/// The cloud's answer to the question for one id.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence<T> {
    /// The cloud has nothing with that id.
    Absent,
    /// It exists and carries this cluster's ownership tag.
    Owned(T),
    /// It exists and carries nobody's ownership tag: somebody took ours away. The address is that
    /// of the question.
    Untagged(T),
    /// It exists and carries the ownership tag of another cluster.
    Foreign {
        /// The other cluster, as its tag names it.
        owner: String,
    },
}

impl<T> Presence<T> {
    /// Returns the same answer with what exists changed by `change`.
    ///
    /// # Errors
    /// Returns the error of `change`.
    pub fn try_map<U, E>(self, change: impl FnOnce(T) -> Result<U, E>) -> Result<Presence<U>, E> {
        Ok(match self {
            Self::Absent => Presence::Absent,
            Self::Owned(found) => Presence::Owned(change(found)?),
            Self::Untagged(found) => Presence::Untagged(change(found)?),
            Self::Foreign { owner } => Presence::Foreign { owner },
        })
    }
}

/// Returns an answer for each of `known`, in the same order, from `all` that carry this cluster's
/// ownership tag.
pub fn presences<T>(
    known: &[KnownResource],
    all: Vec<T>,
    id: impl Fn(&T) -> &str,
) -> Vec<Presence<T>> {
    let mut all: Vec<Option<T>> = all.into_iter().map(Some).collect();
    let mut take = |known: &KnownResource| {
        let place = all.iter_mut().find(|one| one.as_ref().is_some_and(|one| id(one) == known.id));
        place.and_then(Option::take).map_or(Presence::Absent, Presence::Owned)
    };
    known.iter().map(&mut take).collect()
}
