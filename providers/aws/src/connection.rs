//! Where AWS is and who we are there: the SDK's default chain.

use std::{net::IpAddr, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, meta::region::ProvideRegion, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider as Tls, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, runtime_components::RuntimeComponents,
};
use aws_types::service_config::ServiceConfigKey;
use infra_provider_api::{CloudError, ErrorKind};

const OPERATION: &str = "connect to AWS";

/// Endpoints, region and credentials. Credentials are asked for when a call is made, and renewed
/// by the SDK during a run.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) config: SdkConfig,
    /// The region.
    pub region: String,
}

/// Where the cluster's objects are kept.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    /// Base of the S3 API where it is not AWS's own.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// Who we are.
    pub credentials: SharedCredentialsProvider,
}

/// Reads the region of the usual places: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile.
pub async fn region_of() -> Option<String> {
    let region = aws_config::default_provider::region::default_provider();
    region.region().await.map(|region| region.to_string()).filter(|region| !region.is_empty())
}

impl Connection {
    /// Takes profiles, SSO, environment, container and instance credentials, `AWS_ENDPOINT_URL` and
    /// `AWS_ENDPOINT_URL_<SERVICE>`, as every tool on the SDK does. It makes no call to AWS.
    ///
    /// # Errors
    /// Returns `Invalid` if an endpoint is plain `http` and not on this machine.
    pub async fn open(region: &str) -> Result<Self, CloudError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_attempt_timeout(Duration::from_secs(60))
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            // Repeating is decided by the kind of the error, in one place for all clouds.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .load()
            .await;
        let connection = Self { config, region: region.to_owned() };
        for service in ["EC2", "Elastic Load Balancing v2", "IAM", "Route 53", "S3", "STS"] {
            check_endpoint(connection.endpoint(service).as_deref())?;
        }
        Ok(connection)
    }

    /// Returns the endpoint of a service where it is not AWS's own.
    fn endpoint(&self, service: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        let own = self.config.service_config().and_then(|config| config.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }

    /// Returns the endpoint of S3 if it is somewhere else than AWS.
    pub(crate) fn s3_endpoint(&self) -> Option<String> {
        self.endpoint("S3").map(|url| url.trim_end_matches('/').to_owned())
    }

    /// Returns a client that asks no proxy, where the endpoint of the service is on this machine. The SDK's
    /// own client takes proxies from the environment.
    pub(crate) fn direct(&self, service: &str) -> Option<SharedHttpClient> {
        let here = self.endpoint(service).is_some_and(|url| is_here(&url));
        if !here {
            return None;
        }
        let http = Builder::new().build_with_connector_fn(|settings, components| {
            let mut connector = Connector::builder().proxy_config(ProxyConfig::disabled());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            connector.tls_provider(Tls::Rustls(CryptoMode::AwsLc)).build()
        });
        Some(http)
    }

    fn credentials(&self) -> Result<SharedCredentialsProvider, CloudError> {
        self.config.credentials_provider().ok_or_else(no_credentials)
    }

    /// Returns the store that keeps the cluster's objects.
    ///
    /// # Errors
    /// Returns `Unauthorized` if the chain has no credentials at all.
    pub fn object_store(&self) -> Result<ObjectStore, CloudError> {
        Ok(ObjectStore {
            endpoint: self.s3_endpoint(),
            region: self.region.clone(),
            credentials: self.credentials()?,
        })
    }

    /// Takes credentials once, so that their absence has one message, whatever is called first.
    ///
    /// # Errors
    /// Returns `Unauthorized` if there are none, or if they are refused where they come from.
    pub async fn log_in(&self) -> Result<(), CloudError> {
        let taken = self.credentials()?.provide_credentials().await;
        taken.map(|_| ()).map_err(|error| refused(&error))
    }

    /// Returns the id of the access key that calls are signed with; `None` if there is none.
    pub async fn access_key_id(&self) -> Option<String> {
        let taken = self.credentials().ok()?.provide_credentials().await.ok()?;
        Some(taken.access_key_id().to_owned())
    }

    /// Asks AWS which account the credentials are of.
    ///
    /// # Errors
    /// Returns an error if the credentials are refused, or if AWS does not answer.
    pub async fn account(&self) -> Result<String, CloudError> {
        let operation = "ask AWS who we are";
        let config = aws_sdk_sts::config::Builder::from(&self.config);
        let config = config.interceptor(infra_sdk_log::LogCalls).build();
        let call = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send();
        let answer = call.await.map_err(|error| crate::client::mapped(operation, &error))?;
        match answer.account() {
            Some(account) if !account.is_empty() => Ok(account.to_owned()),
            _ => {
                Err(CloudError::new(ErrorKind::MalformedResponse, operation, "it names no account"))
            }
        }
    }
}

fn no_credentials() -> CloudError {
    CloudError::new(ErrorKind::Unauthorized, OPERATION, "no credentials").with_hint(
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`",
    )
}

fn refused(error: &CredentialsError) -> CloudError {
    let text = chain(error);
    // The last place of the chain, and it has none either.
    let machines = text.contains("IMDS");
    let sso = !machines && ["SSO", "sso", "token"].iter().any(|word| text.contains(word));
    match error {
        CredentialsError::CredentialsNotLoaded(_) if !sso => no_credentials(),
        _ if machines => no_credentials(),
        CredentialsError::ProviderTimedOut(_) => CloudError::new(
            ErrorKind::Unauthorized,
            OPERATION,
            "the credentials did not come in time",
        )
        .with_hint(
            "set AWS_PROFILE or AWS_ACCESS_KEY_ID; without them an instance's own are waited for",
        ),
        _ => {
            let hint = if sso {
                "the login is over: `aws sso login` with the same AWS_PROFILE"
            } else {
                "`aws sts get-caller-identity` with the same environment tells more"
            };
            CloudError::new(
                ErrorKind::Unauthorized,
                OPERATION,
                format!("the credentials can't be loaded: {text}"),
            )
            .with_hint(hint)
        }
    }
}

/// Joins the texts of the error and its causes. They hold no secret: providers name files and
/// profiles.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Reports whether a URL leads to this machine.
fn is_here(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = &rest[..end];
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn check_endpoint(endpoint: Option<&str>) -> Result<(), CloudError> {
    let Some(url) = endpoint else { return Ok(()) };
    if url.starts_with("https://") {
        return Ok(());
    }
    match url.strip_prefix("http://") {
        Some(_) if is_here(url) => Ok(()),
        Some(_) => Err(CloudError::new(
            ErrorKind::Invalid,
            OPERATION,
            format!("the endpoint {url} is plain http; only addresses of this machine may be"),
        )
        .with_hint("AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> take https addresses")),
        None => Err(CloudError::new(
            ErrorKind::Invalid,
            OPERATION,
            format!("the endpoint {url} is no address"),
        )
        .with_hint(
            "AWS_ENDPOINT_URL takes an address such as https://ec2.eu-central-1.amazonaws.com",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_only_on_this_machine() {
        let check = |url: &str| check_endpoint(Some(url));
        assert!(check_endpoint(None).is_ok());
        assert!(check("https://s3.example.com").is_ok());
        assert!(check("http://127.0.0.1:5000").is_ok());
        assert!(check("http://localhost:5000/x").is_ok());
        assert!(check("http://[::1]:5000").is_ok());
        assert!(check("http://127.evil.example.com").is_err());
        assert!(check("http://s3.example.com").unwrap_err().message.contains("plain http"));
        assert!(check("s3.example.com").is_err());
    }
}
