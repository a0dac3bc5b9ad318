//! One Service, looked up.

use serde_json::Value;

use super::{AppsError, KubeClient, client::is_gone};

/// A Service as it is in the cluster.
#[derive(Clone, Debug)]
pub struct DynamicService(Value);

impl DynamicService {
    /// The Service, if it is there.
    ///
    /// # Errors
    /// What the call gives.
    pub async fn get(
        client: &KubeClient,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Self>, AppsError> {
        let catalog = client.catalog().await?;
        let Some(target) = catalog.resolve("v1", "Service") else { return Ok(None) };
        let api = &client.api(target, Some(namespace));
        match client.try_call(|| async move { api.get(name).await }).await {
            Ok(object) => Ok(Some(Self(serde_json::to_value(object).unwrap_or(Value::Null)))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(client.explained(&format!("read Service/{namespace}/{name}"), error)),
        }
    }

    /// Its first port.
    pub fn first_port(&self) -> Option<u16> {
        let port = self.0.pointer("/spec/ports/0/port")?.as_u64()?;
        u16::try_from(port).ok()
    }
}
