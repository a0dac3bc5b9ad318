//! `api_access`: a machine's way to the API server, where not everybody may connect. Machines reach
//! the load balancer from their public addresses; its firewall holds one `ip:` for each.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use async_trait::async_trait;
use infra_provider_api::{
    API_ACCESS, Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed,
    OnChange, Resource, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, address_of, known, nothing_to_update, outputs, ready},
    load_balancer::{PATH, machines, set_firewall},
};
use crate::wire::{LoadBalancer, LoadBalancerAnswer};

/// A machine that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiAccessSpec {
    /// The load balancer.
    pub load_balancer: Input<String>,
    /// The machine's public address.
    pub address: Input<String>,
}

/// A load balancer and an address, as ids have them: `<load balancer> <address>`.
type Entry = (String, String);

pub(crate) struct ApiAccesses {
    api: Arc<Api>,
    /// What is to be removed: whoever comes first removes all of it in one call.
    going: std::sync::Mutex<BTreeSet<Entry>>,
}

fn found(address: Address, balancer: &str, ip: &str) -> Found<ApiAccessSpec> {
    let spec =
        ApiAccessSpec { load_balancer: balancer.to_owned().into(), address: ip.to_owned().into() };
    ready(address, format!("{balancer} {ip}"), spec, outputs([("ip", json!(ip))]))
}

impl ApiAccesses {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, going: std::sync::Mutex::default() }
    }

    async fn balancer(
        &self,
        cx: &Context,
        operation: &str,
        id: &str,
    ) -> Result<Option<LoadBalancer>, CloudError> {
        let answer: Option<LoadBalancerAnswer> =
            self.api.client.get_optional(cx, operation, &[PATH, id]).await?;
        Ok(answer.map(|answer| answer.load_balancer))
    }

    /// Lets the addresses in.
    async fn add(&self, cx: &Context, balancer: &str, ips: &[&str]) -> Result<(), CloudError> {
        let operation = "let machines reach the API server";
        let _gate = self.api.balancer_gate.lock().await;
        let now = self.balancer(cx, operation, balancer).await?.ok_or_else(|| {
            CloudError::new(ErrorKind::NotFound, operation, "the load balancer is gone")
        })?;
        let allow = now.allowed();
        // The first entry of a list shuts out all that are not in it.
        if !allow.iter().any(|rule| rule.starts_with("cidr:")) {
            let message = "the load balancer still lets in everybody";
            return Err(CloudError::new(ErrorKind::Invalid, operation, message)
                .with_hint("apply without --target, or name load_balancer.api, too"));
        }
        let mut wanted = allow.clone();
        wanted.extend(ips.iter().map(|ip| format!("ip:{ip}")));
        if wanted == allow {
            return Ok(());
        }
        set_firewall(&self.api, cx, operation, &now, &wanted).await
    }

    /// Removes all that is to go, with one call for each load balancer.
    async fn remove_all(&self, cx: &Context, operation: &str) -> Result<(), CloudError> {
        let going = self.going.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut by_balancer: HashMap<&str, BTreeSet<String>> = HashMap::new();
        for (balancer, ip) in &going {
            by_balancer.entry(balancer).or_default().insert(format!("ip:{ip}"));
        }
        for (balancer, rules) in by_balancer {
            let Some(now) = self.balancer(cx, operation, balancer).await? else { continue };
            let allow = now.allowed();
            let left: BTreeSet<String> = allow.difference(&rules).cloned().collect();
            if left != allow {
                set_firewall(&self.api, cx, operation, &now, &left).await?;
            }
        }
        let mut all = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|entry| !going.contains(entry));
        Ok(())
    }
}

#[async_trait]
impl Resource for ApiAccesses {
    type Spec = ApiAccessSpec;

    fn name(&self) -> &'static str {
        API_ACCESS
    }

    /// It belongs to one life of its machine.
    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    fn batch_max(&self) -> usize {
        100
    }

    /// Each `ip:` on the cluster's load balancer is this tool's own: ranges are `cidr:`.
    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<ApiAccessSpec>>, CloudError> {
        let client = &self.api.client;
        let mut balancers: Vec<LoadBalancer> =
            client.list_shared(cx, "list load balancers", &[PATH], &[], PATH).await?;
        balancers.retain(|one| {
            address_of(&cx.owner, "load_balancer", &one.name).is_some()
                && one.allowed().iter().any(|rule| rule.starts_with("ip:"))
        });
        if balancers.is_empty() {
            return Ok(Vec::new());
        }
        let machines = machines(&self.api, cx).await?;
        let mut all = Vec::new();
        for balancer in &balancers {
            for rule in balancer.allowed() {
                let Some(ip) = rule.strip_prefix("ip:") else { continue };
                // One that no machine has any more is not wanted either.
                let name = machines.get(ip).map_or(ip, String::as_str);
                all.push(found(Address::new(API_ACCESS, name), &balancer.id, ip));
            }
        }
        Ok(all)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, ApiAccessSpec)],
    ) -> Vec<Result<Found<ApiAccessSpec>, CloudError>> {
        let mut asked = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            let operation = format!("create {}", request.address);
            let balancer = known(&operation, "load_balancer", &spec.load_balancer);
            let ip = known(&operation, "address", &spec.address);
            match (balancer, ip) {
                (Ok(balancer), Ok(ip)) => asked.push((balancer.as_str(), ip.as_str())),
                (Err(error), _) | (_, Err(error)) => {
                    return requests.iter().map(|_| Err(error.clone())).collect();
                }
            }
        }
        let mut by_balancer: HashMap<&str, Vec<&str>> = HashMap::new();
        for (balancer, ip) in &asked {
            by_balancer.entry(balancer).or_default().push(ip);
        }
        for (balancer, ips) in by_balancer {
            if let Err(error) = self.add(cx, balancer, &ips).await {
                return requests.iter().map(|_| Err(error.clone())).collect();
            }
        }
        let made = requests.iter().zip(asked);
        made.map(|((request, _), (id, ip))| Ok(found(request.address.clone(), id, ip))).collect()
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: ApiAccessSpec,
    ) -> Result<Found<ApiAccessSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let Some((balancer, ip)) = observed.id.split_once(' ') else { return Ok(true) };
        // Everybody may connect from now on: the load balancer's own change removes all entries, and
        // no machine is shut out before.
        if !self.api.scope.is_narrow {
            return Ok(true);
        }
        let entry = (balancer.to_owned(), ip.to_owned());
        self.going.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.clone());
        let _gate = self.api.balancer_gate.lock().await;
        if !self.going.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry) {
            return Ok(true);
        }
        let removed = self.remove_all(cx, &format!("delete {}", observed.address)).await;
        if removed.is_err() {
            self.going.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry);
        }
        removed.map(|()| true)
    }
}
