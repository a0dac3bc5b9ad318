//! Beginning a step: its references are resolved now, not earlier.

use std::sync::Arc;

use infra_provider_api::{
    Address, CloudError, CreateRequest, ErrorKind, Kind, OnChange, RawJson, Reference,
    UpdateRequest, resolve,
};
use serde_json::Value;

use super::{create, create::Item, effect, run::Run, waiter::Want};
use crate::{
    events::StepAction,
    plan::{Change, Step},
};
use infra_state::ResourceState;

impl Run<'_> {
    /// Begins `step`, which has a call slot.
    pub(super) fn begin(&mut self, step: usize) {
        let Step::Do { change, action } = self.steps.steps[step] else {
            return self.queue.done(step);
        };
        let change = &self.plan.changes[change];
        if let Err(error) = self.launch(step, change, action) {
            self.failed(step, error);
        }
    }

    fn launch(
        &mut self,
        step: usize,
        change: &Change,
        action: StepAction,
    ) -> Result<(), CloudError> {
        self.mark_started(step);
        let kind = self.kind(change)?;
        let env = Arc::clone(&self.env);
        match action {
            StepAction::Create => {
                self.batches.arrived(kind.name());
                let item = self.item(step, change)?;
                let max = kind.batch_max().max(1);
                if max == 1 {
                    self.call(vec![step], create::create(env, kind, vec![item]));
                } else {
                    let key = kind.batch_key(&item.request);
                    self.batches.add(kind.name(), key, max, item);
                }
            }
            StepAction::Update => {
                let (request, record) = self.update_request(change, &*kind)?;
                self.call(vec![step], effect::update(env, kind, step, request, record));
            }
            StepAction::Delete => {
                let observed =
                    change.observed.as_deref().ok_or_else(|| incomplete(change))?.clone();
                let address = change.address.clone();
                self.call(vec![step], effect::delete(env, kind, step, address, observed));
            }
            StepAction::Resume => {
                let observed = change.observed.as_ref().ok_or_else(|| incomplete(change))?;
                let id = observed.id.clone();
                self.env.started(&change.address, StepAction::Resume);
                let want = if change.recovers { Want::ReadyAgain } else { Want::Ready };
                self.wait(step, change.address.clone(), id, want);
            }
        }
        Ok(())
    }

    /// Sends one collected batch.
    pub(super) fn send_batch(&mut self, items: Vec<Item>) {
        let Some(first) = items.first() else { return };
        let Some(kind) = self.kinds.get(first.request.address.kind()).cloned() else { return };
        let steps = items.iter().map(|item| item.step).collect();
        let env = Arc::clone(&self.env);
        self.call(steps, create::create(env, kind, items));
    }

    pub(super) fn kind(&self, change: &Change) -> Result<Arc<dyn Kind>, CloudError> {
        self.kinds.get(change.address.kind()).cloned().ok_or_else(|| {
            local(&change.address, "this kind of resource is not known here".to_owned())
        })
    }

    fn item(&self, step: usize, change: &Change) -> Result<Item, CloudError> {
        let declared = change.declared.as_ref().ok_or_else(|| incomplete(change))?;
        let spec = self.resolved(&change.address, &declared.spec)?;
        let generation = change.generation.unwrap_or(1);
        let intent_key = self.plan.owner.intent_key(&change.address, generation);
        Ok(Item {
            step,
            record: ResourceState::planned(declared, spec.clone().into(), generation),
            request: CreateRequest { address: change.address.clone(), spec, intent_key },
            before: change.observed.as_ref().map(|observed| observed.id.clone()),
        })
    }

    fn update_request(
        &self,
        change: &Change,
        kind: &dyn Kind,
    ) -> Result<(UpdateRequest, ResourceState), CloudError> {
        let (Some(declared), Some(observed), Some(planned)) =
            (change.declared.as_deref(), change.observed.as_deref(), change.record.as_deref())
        else {
            return Err(incomplete(change));
        };
        let mut spec = self.resolved(&change.address, &declared.spec)?;
        for (name, value) in spec.as_object_mut().into_iter().flatten() {
            // What waits for a rotation stays as it is.
            if kind.on_change(name) == OnChange::Rotate {
                *value = planned.spec.get(name).unwrap_or_default();
            }
        }
        let mut changed: Vec<String> =
            change.fields.iter().map(|field| field.field().to_owned()).collect();
        changed.dedup();
        let record = ResourceState { spec: spec.clone().into(), ..planned.clone() };
        Ok((UpdateRequest { observed: observed.clone(), spec, changed }, record))
    }

    fn resolved(&self, address: &Address, spec: &RawJson) -> Result<Value, CloudError> {
        let output =
            |reference: &Reference| self.outputs.get(&reference.address)?.get(&reference.field);
        let (spec, unknown) = resolve(&spec.value(), &output);
        match unknown.first() {
            None => Ok(spec),
            Some(reference) => Err(local(
                address,
                format!("{} has no output called {}", reference.address, reference.field),
            )),
        }
    }
}

fn incomplete(change: &Change) -> CloudError {
    local(&change.address, "the plan is incomplete; make a new one".to_owned())
}

fn local(address: &Address, message: String) -> CloudError {
    CloudError::new(ErrorKind::Local, format!("prepare {address}"), message)
}
