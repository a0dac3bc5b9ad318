//! What infra.toml asks for.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Address, Diagnostic, RawJson};

/// Up to where a run goes. Each phase holds the ones before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Cloud resources, certificates, artifacts.
    Infra,
    /// The nodes have joined and are Ready; network plugin and cloud controllers run.
    Bootstrap,
    /// The app suite, and DNS pointing at it.
    #[default]
    Apps,
}

/// Where in infra.toml a resource was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path as the user gave it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Bytes of the value (or of the table's name), for an excerpt of the file. They are not written
    /// anywhere: only the run that read the file can draw it.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
}

/// A resource that should exist. Its edges are the references in `spec`, and `depends_on`.
///
/// ```
/// use infra_provider_api::{Address, Declared, Phase};
/// use serde_json::json;
///
/// let spec = json!({"network": {"$ref": "vpc.main", "field": "id"}});
/// let machine = Declared::new(Address::new("machine", "worker-1"), &spec)?
///     .after(Address::new("firewall", "workers"))
///     .in_phase(Phase::Bootstrap);
/// let needs: Vec<String> = machine.needs().iter().map(ToString::to_string).collect();
/// assert_eq!(needs, ["firewall.workers", "vpc.main"]);
/// assert!(machine.phase < Phase::Apps, "a later phase holds the ones before it");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Its name in the cluster.
    pub address: Address,
    /// The phase in which it is made.
    pub phase: Phase,
    /// The kind's spec, erased; references are `{"$ref": ADDRESS, "field": OUTPUT}`.
    pub spec: RawJson,
    /// What must be there before, without a value flowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// Older resources that this one takes the place of: they are deleted only after this one is
    /// ready (a rotated node).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Address>,
    /// What a plan that is limited to this resource includes as well, although this one does not wait
    /// for it: without them it would not become what it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<Address>,
    /// What is deleted before this resource is created, if the plan deletes it. A plan that is limited to
    /// this resource includes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created_after: Vec<Address>,
    /// Refuse every plan that would delete or replace it, short of `destroy`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// The command that takes up what waits for a rotation; `None`: `infra rotate-node` with its node's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_by: Option<String>,
    /// Why what exists under this address is of no use any more, and is recreated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlived: Option<String>,
    /// Where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Declared {
    /// Makes a resource from its typed spec, in phase `infra`, with no further edges.
    pub fn new<S: Serialize>(address: Address, spec: &S) -> Result<Self, serde_json::Error> {
        Ok(Self {
            address,
            phase: Phase::Infra,
            spec: RawJson::of(spec)?,
            depends_on: Vec::new(),
            supersedes: Vec::new(),
            companions: Vec::new(),
            created_after: Vec::new(),
            protect: false,
            rotated_by: None,
            outlived: None,
            source: None,
        })
    }

    /// Moves it to another phase.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// Puts it after `address`.
    #[must_use]
    pub fn after(mut self, address: Address) -> Self {
        self.depends_on.push(address);
        self
    }

    /// Returns the addresses that this one needs, by reference or by `depends_on`, each once.
    pub fn needs(&self) -> Vec<Address> {
        let mut needs: Vec<Address> =
            self.spec.references().into_iter().map(|reference| reference.address).collect();
        needs.extend(self.depends_on.iter().cloned());
        needs.sort();
        needs.dedup();
        needs
    }
}

/// Makes a declared resource, in the words of a model.
///
/// # Errors
/// Returns a diagnostic if the spec cannot be written as JSON.
pub fn declare<S: Serialize>(address: Address, spec: &S) -> Result<Declared, Vec<Diagnostic>> {
    Declared::new(address, spec).map_err(|error| {
        let message = format!("a spec could not be written: {error}");
        vec![Diagnostic::new(message)]
    })
}

/// Puts the parts of a model together.
///
/// # Errors
/// Returns everything that is wrong with any of them.
pub fn model_of(
    parts: impl IntoIterator<Item = Result<Vec<Declared>, Vec<Diagnostic>>>,
) -> Result<Vec<Declared>, Vec<Diagnostic>> {
    let (mut declared, mut problems) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Ok(part) => declared.extend(part),
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(declared) } else { Err(problems) }
}
