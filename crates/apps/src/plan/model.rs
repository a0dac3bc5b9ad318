//! The plan as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ObjectId, Origin};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// Fields change.
    Update,
    /// A field changes that cannot be changed in place: it is deleted and recreated.
    Replace,
    /// Nothing changes.
    NoOp,
    /// It left the suite.
    Delete,
    /// It left the suite and is kept: it holds data or takes other things along.
    Keep,
    /// The API server would refuse it; `reason` says why.
    Refused,
}

/// One changed field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// `spec.template.spec.containers[api].image`.
    pub path: String,
    /// What is there; `None` when nothing is, `(secret)` for a secret.
    pub before: Option<Value>,
    /// What will be; `None` when nothing will, `(secret)` for a secret.
    pub after: Option<Value>,
    /// Whether the values are masked.
    pub secret: bool,
}

/// A field that another field manager owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Who: `kubectl-edit`, or `suite other`.
    pub manager: String,
    /// `.spec.replicas`.
    pub field: String,
}

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectChange {
    /// Which.
    pub object: ObjectId,
    /// What.
    pub action: Action,
    /// Which fields, for updates.
    pub fields: Vec<FieldChange>,
    /// Who else owns fields that are declared; an apply without force stops there.
    pub conflicts: Vec<Conflict>,
    /// Its manifest; `None` for what left the suite.
    pub origin: Option<Origin>,
    /// Why it is refused or kept.
    pub reason: Option<String>,
}

/// How many objects each action has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// [`Action::Create`].
    pub create: usize,
    /// [`Action::Update`].
    pub update: usize,
    /// [`Action::Replace`].
    pub replace: usize,
    /// [`Action::NoOp`].
    pub no_op: usize,
    /// [`Action::Delete`].
    pub delete: usize,
    /// [`Action::Keep`].
    pub keep: usize,
    /// [`Action::Refused`].
    pub refused: usize,
}

/// What an apply of a suite would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppsPlan {
    /// The suite.
    pub suite: String,
    /// [`crate::Suite::digest`] of what was planned.
    pub digest: String,
    /// In the order of an apply; what is deleted comes last.
    pub changes: Vec<ObjectChange>,
}

impl AppsPlan {
    /// Counts the objects of each action.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            *match change.action {
                Action::Create => &mut counts.create,
                Action::Update => &mut counts.update,
                Action::Replace => &mut counts.replace,
                Action::NoOp => &mut counts.no_op,
                Action::Delete => &mut counts.delete,
                Action::Keep => &mut counts.keep,
                Action::Refused => &mut counts.refused,
            } += 1;
        }
        counts
    }

    /// Returns true if an apply would change nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| matches!(change.action, Action::NoOp | Action::Keep))
    }
}
