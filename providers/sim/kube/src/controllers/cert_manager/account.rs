//! The account that cert-manager's pod runs as, and what it may do.

use std::sync::Arc;

use serde_json::Value;

use crate::Resource;
use crate::api::{Action, User, allowed};
use crate::controllers::context::Ctx;
use crate::controllers::kinds::{
    CERTIFICATE_REQUESTS, CERTIFICATES, CHALLENGES, CLUSTER_ISSUERS, DEPLOYMENTS, INGRESSES,
    ISSUERS, ORDERS, PODS, SECRETS, SERVICES,
};
use crate::controllers::object::ObjectExt;

/// Returns the kinds that its caches hold of the whole cluster. With one that it may not fill it begins nothing.
fn cached() -> [&'static Resource; 10] {
    [
        &CERTIFICATES,
        &CERTIFICATE_REQUESTS,
        &ISSUERS,
        &CLUSTER_ISSUERS,
        &ORDERS,
        &CHALLENGES,
        &SECRETS,
        &PODS,
        &SERVICES,
        &INGRESSES,
    ]
}

/// cert-manager, as it was installed.
pub struct Account {
    user: User,
    /// The image of the pod that answers a challenge.
    pub solver_image: String,
}

impl Account {
    /// Finds a cert-manager whose pod is ready and whose caches can be filled.
    pub fn of_running(ctx: &Ctx) -> Option<Self> {
        let all = ctx.list(&DEPLOYMENTS, "");
        let ready = |one: &&Arc<Value>| one.int_at("/status/readyReplicas").unwrap_or(0) > 0;
        let mut running = all.iter().filter(ready).filter(|one| is_controller(one));
        running.find_map(|one| {
            let account = Self::of(one);
            let reads = |kind: &&Resource| {
                ["list", "watch"].iter().all(|verb| account.may(ctx, verb, kind, "", ""))
            };
            cached().iter().all(reads).then_some(account)
        })
    }

    fn of(workload: &Value) -> Self {
        const SOLVER: &str = "--acme-http01-solver-image=";
        let account = match workload.str_at("/spec/template/spec/serviceAccountName") {
            "" => "default",
            name => name,
        };
        let name = format!("system:serviceaccount:{}:{account}", workload.ns());
        let group = format!("system:serviceaccounts:{}", workload.ns());
        let containers = workload.list_at("/spec/template/spec/containers").iter();
        let args = containers.flat_map(|one| one.list_at("/args")).filter_map(Value::as_str);
        let image = args.filter_map(|arg| arg.strip_prefix(SOLVER)).next().unwrap_or_default();
        Self {
            user: User::new(name, vec!["system:serviceaccounts".into(), group]),
            solver_image: image.to_owned(),
        }
    }

    fn may(&self, ctx: &Ctx, verb: &str, kind: &Resource, sub: &str, ns: &str) -> bool {
        let action = Action {
            verb: verb.to_owned(),
            group: kind.group.clone(),
            resource: format!("{}{sub}", kind.plural),
            namespace: ns.to_owned(),
            ..Action::default()
        };
        allowed(ctx.store(), &self.user, &action)
    }

    /// Returns the API server's refusal of a call, if it lacks the right.
    pub fn refusal(&self, ctx: &Ctx, verb: &str, kind: &Resource, ns: &str) -> Option<String> {
        self.refusal_of(ctx, verb, kind, "", ns)
    }

    /// Returns the refusal to write a status.
    pub fn status_refusal(&self, ctx: &Ctx, kind: &Resource, ns: &str) -> Option<String> {
        self.refusal_of(ctx, "update", kind, "/status", ns)
    }

    fn refusal_of(
        &self,
        ctx: &Ctx,
        verb: &str,
        kind: &Resource,
        sub: &str,
        ns: &str,
    ) -> Option<String> {
        let refusal = || {
            format!(
                "{} is forbidden: User \"{}\" cannot {verb} resource \"{}{sub}\" in API group \"{}\" in the namespace \"{ns}\"",
                kind.qualified(),
                self.user.name,
                kind.plural,
                kind.group
            )
        };
        (!self.may(ctx, verb, kind, sub, ns)).then(refusal)
    }
}

/// Returns true for a workload with cert-manager's image.
pub fn is_controller(workload: &Value) -> bool {
    workload.list_at("/spec/template/spec/containers").iter().any(|container| {
        let image = container.str_at("/image").split('@').next().unwrap_or_default();
        let name = image.rsplit('/').next().unwrap_or_default();
        name.split(':').next() == Some("cert-manager-controller")
    })
}
