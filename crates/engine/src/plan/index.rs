//! Everything a plan is made from, indexed.

use std::collections::{BTreeMap, HashMap, HashSet};

use infra_provider_api::{Address, Declared, Kind, ManagedBy, Observed, Phase, Place, Readiness};

use super::{PlanError, PlanInput};
use crate::graph::Graph;
use infra_state::ResourceState;

pub(super) struct PlanIndex<'a> {
    pub input: &'a PlanInput<'a>,
    pub graph: Graph<'a>,
    /// What exists, one at each address.
    pub observed: HashMap<&'a Address, &'a Observed>,
    /// Further ones at an address that has one already. Only with `destroy`.
    pub extra: Vec<&'a Observed>,
    /// What can't be seen now, as it is recorded.
    pub assumed: HashMap<Address, Observed>,
    /// The latest phase of the declared resources of each kind.
    phases: HashMap<String, Phase>,
}

impl<'a> PlanIndex<'a> {
    pub(super) fn new(input: &'a PlanInput<'a>) -> Result<Self, PlanError> {
        let graph = Graph::build(input.declared)?;
        let mut phases: HashMap<String, Phase> = HashMap::new();
        for declared in graph.iter() {
            if input.kinds.get(declared.address.kind()).is_none() {
                return Err(PlanError::UnknownKind { address: declared.address.clone() });
            }
            let phase = phases.entry(declared.address.kind().to_owned()).or_default();
            *phase = declared.phase;
        }
        let mut world = Self {
            input,
            graph,
            observed: HashMap::new(),
            extra: Vec::new(),
            assumed: HashMap::new(),
            phases,
        };
        world.index_observed()?;
        world.assume();
        Ok(world)
    }

    fn index_observed(&mut self) -> Result<(), PlanError> {
        for (address, found) in &self.input.observed.resources {
            let recorded = self.input.record.resources.get(address);
            // With several, the recorded one is the one in use.
            let main = found
                .iter()
                .position(|observed| recorded.is_some_and(|recorded| recorded.id == observed.id))
                .unwrap_or(0);
            let several = found.len() > 1;
            if several && !self.input.options.destroy {
                let ids = found.iter().map(|observed| observed.id.clone()).collect();
                return Err(PlanError::Duplicate { address: address.clone(), ids });
            }
            for (place, observed) in found.iter().enumerate() {
                if place == main {
                    self.observed.insert(address, observed);
                } else {
                    self.extra.push(observed);
                }
            }
        }
        Ok(())
    }

    fn assume(&mut self) {
        if self.input.observed.unreachable.is_empty() {
            return;
        }
        for recorded in self.input.record.resources.values() {
            if self.is_unreachable(&recorded.address) {
                self.assumed.insert(recorded.address.clone(), as_observed(recorded));
            }
        }
    }

    pub(super) fn is_unreachable(&self, address: &Address) -> bool {
        self.input.observed.unreachable.contains_key(address.kind())
    }

    /// Returns the resource that exists at `address`, or is assumed to exist.
    pub(super) fn existing(&self, address: &Address) -> Option<&Observed> {
        self.observed.get(address).copied().or_else(|| self.assumed.get(address))
    }

    pub(super) fn recorded(&self, address: &Address) -> Option<&'a ResourceState> {
        self.input.record.resources.get(address)
    }

    pub(super) fn kind(&self, address: &Address) -> Option<&'a dyn Kind> {
        self.input.kinds.get(address.kind()).map(AsRef::as_ref)
    }

    /// Returns where the resources of the address's kind are.
    pub(super) fn place(&self, address: &Address) -> Place {
        self.kind(address).map_or(Place::Cloud, Kind::place)
    }

    /// Returns the phase of a resource that is no longer declared.
    pub(super) fn phase_of_undeclared(&self, address: &Address) -> Phase {
        match self.recorded(address) {
            Some(recorded) => recorded.phase,
            None => self.phases.get(address.kind()).copied().unwrap_or(Phase::Infra),
        }
    }

    /// Returns the declared addresses that belong to a later phase than asked for, or need one that
    /// does.
    pub(super) fn later_phase(&self) -> HashSet<&Address> {
        let mut later = HashSet::new();
        if self.input.options.destroy {
            return later;
        }
        for declared in self.graph.topological() {
            if declared.phase > self.input.options.phase
                || self.graph.needs(&declared.address).any(|need| later.contains(need))
            {
                later.insert(&declared.address);
            }
        }
        later
    }

    /// Returns the needs of an existing resource: by the state, or else as it is declared.
    pub(super) fn known_needs(&self, address: &Address) -> Option<Vec<Address>> {
        let recorded = self.recorded(address).map(|recorded| recorded.needs.clone());
        recorded.or_else(|| self.graph.get(address).map(Declared::needs))
    }

    /// Returns the needs of an existing resource, also by ids of others in its spec. If the state
    /// is lost, or an update got no answer, only those tell.
    pub(super) fn all_needs(&self, address: &Address, ids: &Ids<'_>) -> Vec<Address> {
        let mut needs = self.known_needs(address).unwrap_or_default();
        if let Some(observed) = self.observed.get(address) {
            needs.extend(ids.mentioned_in(observed));
        }
        needs.sort();
        needs.dedup();
        needs
    }
}

/// Ids of everything that exists, to find out who mentions whom. An id is unique within its kind only: a Node
/// and its machine may have the same.
pub(super) struct Ids<'a>(BTreeMap<&'a str, Vec<&'a Address>>);

impl<'a> Ids<'a> {
    pub(super) fn of(world: &PlanIndex<'a>) -> Self {
        let mut ids: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
        for found in world.observed.values() {
            ids.entry(found.id.as_str()).or_default().push(&found.address);
        }
        Self(ids)
    }

    pub(super) fn mentioned_in(&self, observed: &Observed) -> Vec<Address> {
        let mut found = Vec::new();
        self.collect(&observed.spec.value(), &mut found);
        found.retain(|address| *address != observed.address);
        found.sort();
        found.dedup();
        found
    }

    fn collect(&self, value: &serde_json::Value, found: &mut Vec<Address>) {
        use serde_json::Value;
        let of = |id: &str| self.0.get(id).into_iter().flatten().copied().cloned();
        match value {
            Value::String(text) => found.extend(of(text)),
            Value::Number(number) => found.extend(of(&number.to_string())),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| self.collect(field, found)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn as_observed(recorded: &ResourceState) -> Observed {
    let readiness = if recorded.ready {
        Readiness::Ready
    } else {
        Readiness::Pending { reason: "created earlier, out of sight now".to_owned() }
    };
    Observed {
        address: recorded.address.clone(),
        id: recorded.id.clone(),
        spec: recorded.spec.clone(),
        outputs: recorded.outputs.clone(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}
