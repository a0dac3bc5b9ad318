//! Metadata server: where a machine of Google's gets the tokens of its service account.

use std::{sync::Arc, time::Duration};

use google_cloud_auth::credentials::mds;
use infra_cloud::CloudEnv;
use infra_provider_api::{CloudError, ErrorKind};

use super::{FoundCredentials, OPERATION, adc_tokens::AdcTokens};

const HOST_VARIABLE: &str = "GCE_METADATA_HOST";
/// The same on every machine of Google's. A name would be looked up first, which may take long.
const HOST: &str = "169.254.169.254";
/// It is on the same machine: one that does not answer by then is none.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Takes the credentials of the machine, if there is a metadata server of Google's.
pub(super) async fn find(env: &CloudEnv) -> Result<Option<FoundCredentials>, CloudError> {
    let host = env.filled(HOST_VARIABLE).unwrap_or_else(|| HOST.to_owned());
    let endpoint = format!("http://{host}");
    let Some(project) = text(&endpoint, "project/project-id").await else { return Ok(None) };
    let email = text(&endpoint, "instance/service-accounts/default/email").await;
    let wrong = |_| {
        let message = "the metadata server of this machine can't be used";
        CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
    };
    let builder = mds::Builder::default().with_endpoint(endpoint);
    let credentials = builder.build_access_token_credentials().map_err(wrong)?;
    Ok(Some(FoundCredentials {
        tokens: Arc::new(AdcTokens::new(credentials)),
        who: email.unwrap_or_else(|| "the service account of this machine".to_owned()),
        project: Some(project),
        quota_project: None,
        is_user: false,
    }))
}

/// Reads a text from the server. Another cloud may answer at the same address, so its name must be in
/// the answer.
async fn text(endpoint: &str, path: &str) -> Option<String> {
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().ok()?;
    let url = format!("{endpoint}/computeMetadata/v1/{path}");
    let answer = client.get(url).header("Metadata-Flavor", "Google").send().await.ok()?;
    let flavor = answer.headers().get("metadata-flavor")?.to_str().ok()?.to_owned();
    if flavor != "Google" || !answer.status().is_success() {
        return None;
    }
    let text = answer.text().await.ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
