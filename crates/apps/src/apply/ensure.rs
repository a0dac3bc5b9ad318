//! Namespaces that a suite has something in, and that belong to others.

use kube::{
    Api,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};

use crate::{
    AppsError, FIELD_MANAGER, KubeClient, Suite,
    plan::{Prepared, namespace_id},
};

/// Creates the namespaces that are not there. They carry nothing of this suite, so that the suite that
/// declares them takes them over as they are.
///
/// # Errors
/// Returns an error when the API server refuses one.
pub(super) async fn namespaces(
    client: &KubeClient,
    suite: &Suite,
    prepared: &Prepared,
) -> Result<(), AppsError> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
    let api: Api<DynamicObject> = Api::all_with(client.raw().clone(), &kind);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
    for name in suite.ensured_namespaces() {
        if prepared.live.contains_key(&namespace_id(name)) {
            continue;
        }
        let operation = format!("create Namespace/{name}");
        let namespace = DynamicObject::new(name, &kind);
        match client.try_call(|| api.create(&params, &namespace)).await {
            Ok(_) => {}
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(client.explained(&operation, error)),
        }
    }
    Ok(())
}
