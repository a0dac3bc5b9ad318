//! Connection: where Google's APIs are, in which project and as whom, from the environment.

use std::sync::Arc;

use google_cloud_auth::credentials::Credentials;
use infra_cloud::CloudEnv;
use infra_provider_api::{CloudError, ErrorKind, KubeToken};
use url::Url;

use crate::credentials::{self, OPERATION, Tokens};

/// The variables that name a project, in the order in which tools for Google look.
const PROJECT_VARIABLES: [&str; 4] =
    ["GOOGLE_CLOUD_PROJECT", "GOOGLE_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"];
/// The variables that name the project whose quota calls use.
const QUOTA_VARIABLES: [&str; 2] = ["GOOGLE_CLOUD_QUOTA_PROJECT", "CLOUDSDK_BILLING_QUOTA_PROJECT"];

/// Endpoints, project and credentials.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The project's id.
    pub project: String,
    /// Whose credentials these are: an e-mail, or their kind.
    pub who: String,
    /// Base of the GKE API; paths begin with `v1`.
    pub container: Url,
    /// Base of the Compute API, with its version.
    pub compute: Url,
    /// Base of the DNS API, with its version.
    pub dns: Url,
    /// Base of the IAM API; paths begin with `v1`.
    pub iam: Url,
    /// Base of the Resource Manager API; paths begin with `v1`.
    pub resource_manager: Url,
    pub(crate) tokens: Arc<dyn Tokens>,
    /// The project whose quota calls use, where it is not the one that the credentials are of.
    pub quota_project: Option<String>,
    /// Certificates (PEM) to trust instead of the system's. TLS is always verified. Google's own client
    /// for GKE takes none.
    pub ca_pem: Option<String>,
    /// How much faster than real time the cloud's clock runs: 1, but for the embedded one.
    pub clock_speed: f64,
}

impl Connection {
    /// Reads the variables and files that gcloud and other tools for Google use. `account` is the project
    /// of infra.toml. It makes no call to Google.
    ///
    /// # Errors
    /// Returns `Unauthorized` if there are no credentials, and `Invalid` if there is no project, or an
    /// endpoint is no URL, or is plain `http` and not on this machine.
    pub async fn open(env: &CloudEnv, account: Option<&str>) -> Result<Self, CloudError> {
        let endpoint = |api: &str, default: &str| {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}");
            let text = env.filled(&variable).unwrap_or_else(|| default.to_owned());
            endpoint_url(&variable, &text, default)
        };
        let container = endpoint("CONTAINER", "https://container.googleapis.com/")?;
        let compute = endpoint("COMPUTE", "https://compute.googleapis.com/compute/v1/")?;
        let dns = endpoint("DNS", "https://dns.googleapis.com/dns/v1/")?;
        let iam = endpoint("IAM", "https://iam.googleapis.com/")?;
        let resource_manager =
            endpoint("CLOUDRESOURCEMANAGER", "https://cloudresourcemanager.googleapis.com/")?;
        let found = credentials::find(env).await?;
        let named = |variables: &[&str]| variables.iter().find_map(|name| env.filled(name));
        let project = named(&PROJECT_VARIABLES)
            .or_else(|| account.map(str::to_owned))
            .or_else(|| found.project.clone())
            .or_else(|| found.quota_project.clone())
            .or_else(|| credentials::active_project(env));
        let project = checked(project.ok_or_else(no_project)?)?;
        // Google refuses calls of a person's login that name no project to count them for.
        let quota_project = named(&QUOTA_VARIABLES)
            .or(found.quota_project)
            .or_else(|| found.is_user.then(|| project.clone()));
        Ok(Self {
            project,
            who: found.who,
            container,
            compute,
            dns,
            iam,
            resource_manager,
            tokens: found.tokens,
            quota_project,
            ca_pem: env.ca_pem.clone(),
            clock_speed: env.clock_speed.unwrap_or(1.0),
        })
    }

    /// Returns the credentials that Google's own clients take.
    pub(crate) fn google(&self) -> Credentials {
        credentials::for_google(Arc::clone(&self.tokens), self.quota_project.clone())
    }

    /// Returns where tokens for the API server come from.
    pub(crate) fn kube_token(&self) -> Arc<dyn KubeToken> {
        Arc::clone(&self.tokens) as Arc<dyn KubeToken>
    }
}

fn no_project() -> CloudError {
    let message = "no project is named: neither `account` under [providers.gcp] nor GOOGLE_CLOUD_PROJECT is set";
    CloudError::new(ErrorKind::Invalid, OPERATION, message).with_hint(
        "write the project's id as `account` under [providers.gcp], or set GOOGLE_CLOUD_PROJECT",
    )
}

/// Checks a project's id, which becomes a part of paths: `shop-1`, `example.com:shop-1`.
fn checked(project: String) -> Result<String, CloudError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte);
    if project.bytes().all(allowed) && project.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(project);
    }
    let message = format!("`{project}` is not the id of a project");
    Err(CloudError::new(ErrorKind::Invalid, OPERATION, message)
        .with_hint("write the id, not the name or the number; `gcloud projects list` shows it"))
}

pub(crate) fn endpoint_url(variable: &str, text: &str, example: &str) -> Result<Url, CloudError> {
    let invalid = |why: String| {
        CloudError::new(ErrorKind::Invalid, OPERATION, why)
            .with_hint(format!("set {variable} to a base address such as {example}"))
    };
    let mut url = Url::parse(text)
        .map_err(|error| invalid(format!("{variable} is not an address: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid(format!("{variable} must have no user, password or query")));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        ("http", Some(_)) => Err(invalid(format!(
            "{variable} is plain http: the token would be readable on the way; \
             only addresses of this machine may be http"
        ))),
        (scheme, _) => Err(invalid(format!("{variable} begins with {scheme}:, not with https:"))),
    }
}

pub(crate) fn is_loopback(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
        url::Host::Domain(name) => *name == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_only_on_this_machine() {
        let with = |url: &str| endpoint_url("V", url, "https://x.example/");
        assert_eq!(
            with("http://127.0.0.1:8080").map(|url| url.to_string()).ok().as_deref(),
            Some("http://127.0.0.1:8080/")
        );
        assert!(with("http://[::1]:8080/compute/v1").is_ok_and(|url| url.path() == "/compute/v1/"));
        assert!(with("http://api.example.com").unwrap_err().message.contains("plain http"));
        assert!(with("https://u:p@api.example.com").is_err());
        assert!(with("ftp://127.0.0.1").is_err());
    }

    #[test]
    fn a_project_is_an_id() {
        assert!(
            checked("shop-1".to_owned()).is_ok() && checked("example.com:shop".to_owned()).is_ok()
        );
        for wrong in ["123456789", "My Project", "a/b", ""] {
            assert_eq!(checked(wrong.to_owned()).unwrap_err().kind, ErrorKind::Invalid, "{wrong}");
        }
    }
}
