//! What is done to one resource.

use serde::{Deserialize, Serialize};

/// What is done to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is as declared.
    NoOp,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and recreated.
    Replace,
    /// It is deleted.
    Delete,
    /// It exists and is ours, but the state did not know. No call.
    Adopt,
    /// It is recorded, but gone, and not declared either. No call.
    Forget,
    /// It was created earlier and is not ready yet: waited for. No call but looks.
    Resume,
}

impl Action {
    /// Returns the sign in front of a line of a plan.
    pub fn sign(self) -> &'static str {
        match self {
            Self::NoOp => " ",
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Adopt => "=",
            Self::Forget => "x",
            Self::Resume => ">",
        }
    }

    /// Returns the word that a plan has for it: `create`, `no-op`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Resume => "resume",
        }
    }

    /// Returns true if it deletes something.
    pub fn destroys(self) -> bool {
        matches!(self, Self::Replace | Self::Delete)
    }

    /// Returns true if it creates something.
    pub fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Replace)
    }
}
