//! ResourceQuotas that count objects: `count/deployments.apps`, `configmaps`, `pods`. Those of CPU and
//! memory are kept and not enforced: nothing runs here.

use serde_json::Value;

use crate::Resource;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::server::Server;

/// Core kinds that a quota may name without `count/`.
const PLAIN: [&str; 7] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// 403 when one object more is one too many.
pub(super) fn check(server: &Server, kind: &Kind, object: &Value) -> ApiResult<()> {
    let metadata = &object["metadata"];
    let Some(namespace) = metadata["namespace"].as_str() else { return Ok(()) };
    let store = server.cluster.store();
    let (quotas, _) = store.list(&Resource::core("resourcequotas"), Some(namespace));
    for quota in &quotas {
        let hard = quota["spec"]["hard"].as_object().into_iter().flatten();
        for (key, limit) in hard.filter(|(key, _)| counts(key, kind)) {
            let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
            let Ok(most) = limit.parse::<usize>() else { continue };
            let used = store.list(&kind.stored(), Some(namespace)).0.len();
            if used >= most {
                let name = metadata["name"].as_str().unwrap_or_default();
                let quota = quota["metadata"]["name"].as_str().unwrap_or_default();
                let why = format!(
                    "exceeded quota: {quota}, requested: {key}=1, used: {key}={used}, limited: {key}={most}"
                );
                return Err(ApiError::forbidden(kind, name, &why));
            }
        }
    }
    Ok(())
}

/// Whether a quota's key counts objects of this kind.
fn counts(key: &str, kind: &Kind) -> bool {
    match key.strip_prefix("count/") {
        Some(resource) => match resource.split_once('.') {
            Some((plural, group)) => plural == kind.plural && group == kind.group,
            None => resource == kind.plural && kind.group.is_empty(),
        },
        None => kind.group.is_empty() && kind.plural == key && PLAIN.contains(&key),
    }
}
