//! ResourceQuotas that count objects: `count/deployments.apps`, `configmaps`, `pods`. Those of CPU and
//! memory are kept and not enforced: nothing runs here.

use serde_json::Value;

use crate::Resource;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;

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

/// Refuses with 403 if one object more is one too many.
pub(super) fn check(server: &Server, kind: &Kind, object: &Value) -> ApiResult<()> {
    let metadata = &object["metadata"];
    let Some(namespace) = metadata["namespace"].as_str() else { return Ok(()) };
    let store = server.cluster.store();
    let (quotas, _) = store.list(&Resource::core("resourcequotas"), Some(namespace));
    for quota in &quotas {
        let hard = quota["spec"]["hard"].as_object().into_iter().flatten();
        for (key, limit) in
            hard.filter(|(key, _)| counted(key) == Some((&kind.plural, &kind.group)))
        {
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

/// Returns what a quota's key counts: plural and group. It returns `None` for what is not counted,
/// such as CPU.
pub(crate) fn counted(key: &str) -> Option<(&str, &str)> {
    match key.strip_prefix("count/") {
        Some(resource) => Some(resource.split_once('.').unwrap_or((resource, ""))),
        None => PLAIN.contains(&key).then_some((key, "")),
    }
}
