//! Taking a control plane out of the load balancer of the API servers, which selects machines by the tag of their
//! role. Nothing else is lost with the tag: machines of the cluster reach each other by the cluster's own.

use infra_provider_api::{CloudError, Context, ErrorKind, RetryPolicy, Role, retry};

use super::{api::Api, load_balancer::PATH, tags};
use crate::{ownership, wire::LoadBalancer};

/// Takes the tag off the machine, and waits until the load balancer has taken notice.
///
/// # Errors
/// Returns `Busy` if the load balancer goes on naming it, or an error if the cloud refuses or does not answer.
pub(crate) async fn withdraw(api: &Api, cx: &Context, machine: &str) -> Result<(), CloudError> {
    let operation = "take a control plane out of its load balancer";
    let tag = &ownership::role_tag(&cx.owner, Role::ControlPlane);
    tags::set(&api.client, cx, operation, tag, machine, false).await?;
    let look = || async {
        let all = api.client.list::<LoadBalancer>(cx, operation, &[PATH], &[], PATH).await?;
        let has = |one: &LoadBalancer| one.droplet_ids.iter().any(|id| id.to_string() == machine);
        match all.iter().find(|one| one.tag.as_ref() == Some(tag) && has(one)) {
            None => Ok(()),
            Some(one) => {
                let text = format!("{} still sends traffic to it", one.name);
                Err(CloudError::new(ErrorKind::Busy, operation, text))
            }
        }
    };
    retry(cx, RetryPolicy::READ, look).await
}
