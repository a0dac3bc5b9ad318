//! How long the pure part of a plan takes: nothing to change, 100 to 10,000 resources.
//!
//! `cargo bench --bench plan`

use std::{hint::black_box, sync::Arc};

use async_trait::async_trait;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use infra::engine::{Kinds, Observations, PlanInput, PlanOptions, plan};
use infra::state::{ResourceState, State};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Declared, ErrorKind, Input, Kind, ManagedBy,
    Observed, OnChange, Owner, RawJson, Readiness, UpdateRequest,
};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// A kind that is only planned, never called.
struct Planned(&'static str);

fn never() -> CloudError {
    CloudError::new(ErrorKind::Local, "call", "planning makes no calls")
}

#[async_trait]
impl Kind for Planned {
    fn name(&self) -> &'static str {
        self.0
    }
    fn on_change(&self, _: &str) -> OnChange {
        OnChange::Update
    }
    async fn list_owned(&self, _: &Context) -> Result<Vec<Observed>, CloudError> {
        Err(never())
    }
    async fn create(
        &self,
        _: &Context,
        requests: &[CreateRequest],
    ) -> Vec<Result<Observed, CloudError>> {
        requests.iter().map(|_| Err(never())).collect()
    }
    async fn update(&self, _: &Context, _: &UpdateRequest) -> Result<Observed, CloudError> {
        Err(never())
    }
    async fn delete(&self, _: &Context, _: &Observed) -> Result<bool, CloudError> {
        Err(never())
    }
}

/// One network and `count` machines in it: declared, observed and recorded alike.
fn world(count: usize) -> (Vec<Declared>, Observations, State) {
    let vpc = Address::new("vpc", "main");
    let mut declared = Vec::with_capacity(count + 1);
    let mut observed = Vec::with_capacity(count + 1);
    let mut record = State::default();
    for number in 0..=count {
        let (address, spec, seen) = if number == 0 {
            let spec = json!({"ip_range": "10.0.0.0/8"});
            (vpc.clone(), spec.clone(), spec)
        } else {
            let network: Input<String> = Input::reference(vpc.clone(), "id");
            let spec = json!({"size": "s-2vcpu-4gb", "image": "ubuntu-24-04-x64",
                              "region": "fra1", "vpc": network, "tags": ["a", "b"]});
            let mut seen = spec.clone();
            seen["vpc"] = json!("id-0");
            (Address::new("machine", format!("worker-{number}")), spec, seen)
        };
        let outputs = RawJson::from(json!({"id": format!("id-{number}")}));
        if let Ok(one) = Declared::new(address.clone(), &spec) {
            let mut recorded = ResourceState::planned(&one, seen.clone().into(), 1);
            recorded.id = format!("id-{number}");
            recorded.outputs = outputs.clone();
            recorded.ready = true;
            record.resources.insert(address.clone(), recorded);
            record.generations.insert(address.clone(), 1);
            declared.push(one);
        }
        observed.push(Observed {
            address,
            id: format!("id-{number}"),
            spec: seen.into(),
            outputs,
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        });
    }
    (declared, Observations::from_resources(observed), record)
}

fn nothing_to_change(criterion: &mut Criterion) {
    let kinds: [Arc<dyn Kind>; 2] = [Arc::new(Planned("vpc")), Arc::new(Planned("machine"))];
    let kinds = Kinds::new(kinds).expect("two names");
    let owner = Owner { cluster: "bench".into(), uuid: Uuid::nil() };
    let options = PlanOptions::default();
    let mut group = criterion.benchmark_group("plan, nothing to change");
    group.sample_size(20);
    for count in [100, 1_000, 10_000] {
        let (declared, observed, record) = world(count);
        let input = PlanInput {
            owner: &owner,
            environment: None,
            provider: "do",
            created_at: Timestamp::UNIX_EPOCH,
            declared: &declared,
            observed: &observed,
            record: &record,
            kinds: &kinds,
            options: &options,
        };
        assert!(plan(&input).expect("a plan").is_empty(), "the world is as declared");
        group.bench_with_input(BenchmarkId::from_parameter(count), &input, |bencher, input| {
            bencher.iter(|| plan(black_box(input)).map_or(0, |plan| plan.changes.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, nothing_to_change);
criterion_main!(benches);
