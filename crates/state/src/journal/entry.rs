//! What a line of the journal says.

use std::collections::BTreeMap;

use infra_provider_api::{Address, RawJson};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use infra_provider_api::visible::one_line;

use crate::resources::{IntentAction, KeptFile, OpenIntent, ResourceState};

/// Who runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user's name.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
}

impl Holder {
    /// Returns this process as a holder.
    pub fn this() -> Self {
        let host = nix::unistd::gethostname()
            .map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned());
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective())
            .ok()
            .flatten()
            .map_or_else(|| "unknown".to_owned(), |user| user.name);
        Self { user, host, pid: std::process::id() }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // In a bucket it is what another machine wrote.
        write!(f, "{}@{} pid {}", one_line(&self.user), one_line(&self.host), self.pid)
    }
}

/// What a line of the journal says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The first line of each journal file.
    Opened {
        /// Format of the lines.
        version: u32,
        /// The cluster's name.
        cluster: String,
        /// The cluster's UUID.
        uuid: Uuid,
        /// In a bucket: the generation of the lease whose holder writes from here on. A write of an
        /// earlier one finds its place taken by this line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<u64>,
    },
    /// A run begins.
    RunStarted {
        /// Its number, from 1.
        run: u64,
        /// `apply`, `destroy`, …
        verb: String,
        /// Who.
        by: Holder,
    },
    /// Something is about to be done.
    Intent(OpenIntent),
    /// The cloud accepted a create. Ends the intent.
    Created(ResourceState),
    /// A created resource can be used.
    Ready {
        /// Which.
        address: Address,
        /// Its outputs, now complete.
        outputs: RawJson,
    },
    /// An update is done. Ends the intent.
    Updated(ResourceState),
    /// It exists, and was not recorded like this: adopted, or found after an unanswered call. Ends
    /// an intent.
    Found(ResourceState),
    /// It is gone. Ends the intent.
    Deleted {
        /// Which.
        address: Address,
        /// The cloud's id of it.
        id: String,
    },
    /// It is gone without our doing.
    Forgotten {
        /// Which.
        address: Address,
    },
    /// The call surely had no effect. Ends the intent.
    Failed {
        /// Which.
        address: Address,
        /// What was tried.
        action: IntentAction,
        /// Why not.
        message: String,
    },
    /// An open intent was looked into and had no effect. Ends the intent.
    Closed {
        /// Which.
        address: Address,
        /// What was found.
        reason: String,
    },
    /// Files that are kept with the state were written or removed.
    Kept {
        /// By name; `None`: it is gone.
        files: BTreeMap<String, Option<KeptFile>>,
    },
    /// The state was set to an earlier or another one by hand.
    Restored {
        /// Where it is from: `run 12`, a file.
        from: String,
        /// What it says exists.
        resources: Vec<ResourceState>,
        /// How often each address had been created.
        generations: BTreeMap<Address, u64>,
        /// What was begun and not seen to end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        intents: Vec<OpenIntent>,
        /// Number of the last run.
        #[serde(default)]
        run: u64,
    },
    /// A run ended by itself.
    RunFinished {
        /// Its number.
        run: u64,
        /// How many steps failed.
        failed: usize,
    },
}
