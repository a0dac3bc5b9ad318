//! What a cloud, its machines and its API servers do wrong.

use infra_sim::{Fault, FaultApi, FaultEffect as Effect, Limits};

use super::{
    Provider,
    cloud::{fault, machine},
    gke_faults,
};

/// One thing that goes wrong while a scenario runs.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// For people: `503s`.
    pub name: &'static str,
    /// Faults of requests; those of the run alone, machines are left in peace.
    pub(super) requests: Vec<Fault>,
    /// Faults of machines.
    pub(super) machines: Vec<Fault>,
    /// Another limit of the account.
    pub(super) limit: Option<fn(&Limits, usize) -> Limits>,
    /// Whether waits have to be short, because what is waited for never comes.
    pub(super) never: bool,
}

pub(super) fn of(name: &'static str, requests: Vec<Fault>) -> Disturbance {
    Disturbance { name, requests, machines: Vec::new(), limit: None, never: false }
}

pub(super) fn each(n: u32, fault: Fault) -> Fault {
    Fault { every: Some(n), ..fault }
}

pub(super) fn method(method: &str, fault: Fault) -> Fault {
    Fault { method: Some(method.to_owned()), ..fault }
}

pub(super) fn times(count: u32, fault: Fault) -> Fault {
    Fault { count: Some(count), ..fault }
}

fn stale(api: FaultApi) -> Fault {
    fault(api, Effect::StaleList)
}

/// How far lists lag behind, on the cloud's clock: less than the 20 s that are allowed for.
const LAG: Option<u64> = Some(15_000);

/// Lists every disturbance of a cloud. `speed` is that of its clock.
pub fn disturbances(provider: Provider, speed: f64) -> Vec<Disturbance> {
    let mut all = of_any_cloud(provider.api(), speed);
    all.extend(match provider {
        Provider::Do => of_own_machines(),
        Provider::Gcp => gke_faults::disturbances(),
    });
    all
}

/// Lists what any API does wrong; `cloud` is that of the cloud.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
fn of_any_cloud(cloud: FaultApi, speed: f64) -> Vec<Disturbance> {
    use FaultApi::{Any, Kube};
    // Real time, as milliseconds of the cloud's clock.
    let real_ms = |ms: f64| Some((ms * speed) as u64);
    let retry_after = Fault { retry_after_s: Some(1), ..fault(cloud, Effect::TooManyRequests) };
    vec![
        of("429 with Retry-After", vec![times(8, each(4, retry_after))]),
        of("429 without Retry-After", vec![each(4, fault(Any, Effect::TooManyRequests))]),
        of("500", vec![each(5, fault(Any, Effect::ServerError))]),
        of("502", vec![each(5, fault(Any, Effect::BadGateway))]),
        of("503", vec![each(5, fault(Any, Effect::Unavailable))]),
        of("reset before the effect", vec![each(6, fault(Any, Effect::ResetBefore))]),
        of("reset after the effect", vec![each(6, fault(Any, Effect::ResetAfter))]),
        of("reset after every create", vec![method("POST", fault(cloud, Effect::ResetAfter))]),
        of(
            "slow answers",
            vec![each(4, Fault { delay_ms: real_ms(400.0), ..fault(Any, Effect::Slow) })],
        ),
        of(
            "time-outs",
            vec![times(
                2,
                method(
                    "GET",
                    each(9, Fault { delay_ms: real_ms(40_000.0), ..fault(Any, Effect::Slow) }),
                ),
            )],
        ),
        of("truncated bodies", vec![each(6, fault(Any, Effect::Truncate))]),
        of("bodies that are not JSON", vec![each(6, fault(Any, Effect::NotJson))]),
        of("lists that lag behind", vec![Fault { delay_ms: LAG, ..stale(cloud) }]),
        of("small pages", vec![fault(Any, Effect::SmallPages)]),
        of(
            "the API server flaps",
            vec![
                each(4, fault(Kube, Effect::Unavailable)),
                each(7, fault(Kube, Effect::ResetBefore)),
            ],
        ),
    ]
}

/// Lists what DigitalOcean, its S3 and a cluster's own machines do wrong.
fn of_own_machines() -> Vec<Disturbance> {
    use FaultApi::{Digitalocean, S3};
    vec![
        of("lists of objects that lag behind", vec![Fault { delay_ms: LAG, ..stale(S3) }]),
        of(
            "a page that shifts for a while",
            vec![times(9, fault(Digitalocean, Effect::ShiftPage))],
        ),
        of("pages that always shift", vec![fault(Digitalocean, Effect::ShiftPage)]),
        Disturbance {
            machines: vec![machine("worker-*", Effect::NeverActive)],
            never: true,
            ..of("a machine that never becomes active", vec![])
        },
        Disturbance {
            machines: vec![machine("worker-*", Effect::NeverJoins)],
            never: true,
            ..of("a machine that boots and never joins", vec![])
        },
        Disturbance {
            machines: vec![times(1, machine("worker-*", Effect::BootFails))],
            never: true,
            ..of("a boot that fails", vec![])
        },
        Disturbance {
            limit: Some(|limits, droplets| Limits {
                droplets: u32::try_from(droplets.max(1)).unwrap_or(1),
                ..limits.clone()
            }),
            ..of("the quota of machines is reached", vec![])
        },
        Disturbance {
            limit: Some(|limits, _| Limits { load_balancers: 1, volumes: 0, ..limits.clone() }),
            never: true,
            ..of("the quota of balancers and disks is reached", vec![])
        },
        of("S3 refuses writes (403)", vec![method("PUT", fault(S3, Effect::Forbidden))]),
        of("S3 refuses writes (503)", vec![method("PUT", fault(S3, Effect::Unavailable))]),
    ]
}
