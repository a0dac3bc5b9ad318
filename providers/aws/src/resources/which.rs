//! Which resources are asked for: all that carry the owner's mark, or some by their ids.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_sdk_ec2::types::Filter;
use infra_provider_api::{Address, Context, Found, KnownResource, Presence, RawJson};

use super::api::{filter, owned};
use crate::ownership::{Marks, OWNER};

/// Returns a question for an id of which nothing else is known: whose it is does not matter.
pub(crate) fn unknown(kind: &str, id: &str) -> KnownResource {
    KnownResource { address: Address::new(kind, id), id: id.to_owned(), spec: RawJson::default() }
}

/// Which resources are asked for.
pub(crate) enum Which<'a> {
    /// All that carry the owner's tag.
    Owned,
    /// These, whoever's tag they carry.
    Known {
        /// What the state knows of them.
        known: &'a [KnownResource],
        /// By id: those that do not carry the owner's tag, with the tag that they carry instead.
        others: Mutex<HashMap<String, Option<String>>>,
    },
}

impl<'a> Which<'a> {
    /// Asks for these by their ids.
    pub(crate) fn known(known: &'a [KnownResource]) -> Self {
        Self::Known { known, others: Mutex::default() }
    }

    /// Returns what the state knows of those asked for by their ids; `None` when all that carry the
    /// owner's mark are asked for.
    pub(crate) fn asked(&self) -> Option<&'a [KnownResource]> {
        match self {
            Self::Owned => None,
            Self::Known { known, .. } => Some(known),
        }
    }

    /// Returns the filter for EC2. As a filter, an id that is gone is no error.
    pub(crate) fn filter(&self, cx: &Context, id_name: &str) -> Filter {
        match self {
            Self::Owned => owned(cx),
            Self::Known { known, .. } => filter(id_name, known.iter().map(|known| &known.id)),
        }
    }

    /// Returns the address of what was found: that on its tags, or that which the state knows.
    pub(crate) fn address(
        &self,
        cx: &Context,
        marks: &Marks,
        kind: &str,
        id: &str,
    ) -> Option<Address> {
        marks.address(&cx.owner, kind).or_else(|| Some(self.untagged(marks, id)?.address.clone()))
    }

    /// Notes that what was found does not carry the owner's tag. Returns what the state knows of it;
    /// `None` when it was not asked for by id.
    pub(crate) fn untagged(&self, marks: &Marks, id: &str) -> Option<&'a KnownResource> {
        self.marked_by(id, marks.get(OWNER).map(str::to_owned))
    }

    /// Notes that what was found carries the mark of `owner`, or nobody's. Returns what the state
    /// knows of it; `None` when it was not asked for by id.
    pub(crate) fn marked_by(&self, id: &str, owner: Option<String>) -> Option<&'a KnownResource> {
        let Self::Known { known, others } = self else { return None };
        let known = known.iter().find(|known| known.id == id)?;
        others.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), owner);
        Some(known)
    }

    /// Returns the answer to each question, in the same order.
    pub(crate) fn answers<S>(self, found: Vec<Found<S>>) -> Vec<Presence<Found<S>>> {
        let Self::Known { known, others } = self else { return Vec::new() };
        let mut others = others.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut found: HashMap<String, Found<S>> =
            found.into_iter().map(|found| (found.id.clone(), found)).collect();
        let answer =
            |known: &KnownResource| match (found.remove(&known.id), others.remove(&known.id)) {
                (None, _) => Presence::Absent,
                (Some(found), None) => Presence::Owned(found),
                (Some(found), Some(None)) => Presence::Untagged(found),
                (Some(_), Some(Some(owner))) => Presence::Foreign { owner },
            };
        known.iter().map(answer).collect()
    }
}
