//! Spaces: where it is, and a client for it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    RuntimeComponents, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider as Tls, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use infra_provider_api::{CloudError, ErrorKind};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Connection,
    connection::{is_loopback, no_spaces_keys},
};

/// Where the cluster's objects are kept, and as whom.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    /// Base of the S3 API, without the bucket. Requests put the bucket into the path.
    pub endpoint: String,
    /// The region, as signatures name it.
    pub region: String,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: SecretString,
    /// Certificates (PEM) to trust instead of the system's.
    pub ca_pem: Option<String>,
}

/// Regions with machines and no Spaces, and the nearest one that has it.
const NEAREST: [(&str, &str); 5] =
    [("nyc1", "nyc3"), ("nyc2", "nyc3"), ("sfo1", "sfo3"), ("ams2", "ams3"), ("ams1", "ams3")];

/// Returns the region of Spaces for machines in `region`.
pub(crate) fn spaces_region(region: &str) -> &str {
    NEAREST.iter().find(|(machines, _)| *machines == region).map_or(region, |(_, near)| near)
}

impl ObjectStore {
    /// Makes the store for machines in `region`.
    ///
    /// # Errors
    /// Returns `Unauthorized` if there are no keys for it.
    pub fn new(connection: &Connection, region: &str) -> Result<Self, CloudError> {
        let keys = connection.spaces.clone().ok_or_else(|| no_spaces_keys("connect to Spaces"))?;
        let region = spaces_region(region).to_owned();
        Ok(Self {
            endpoint: endpoint(connection, &region),
            region,
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            ca_pem: connection.ca_pem.clone(),
        })
    }

    /// Makes a client that sends each request once; repeating is decided elsewhere.
    pub(crate) fn client(&self) -> Result<aws_sdk_s3::Client, CloudError> {
        let local = |error: String| CloudError::new(ErrorKind::Local, "connect to Spaces", error);
        let mut tls = TlsContext::builder();
        if let Some(pem) = &self.ca_pem {
            let trusted = TrustStore::empty().with_pem_certificate(pem.as_bytes());
            tls = tls.with_trust_store(trusted);
        }
        let tls = tls.build().map_err(|error| local(error.to_string()))?;
        // The SDK's own client takes proxies from the environment; one that is built here has to be given
        // them. A proxy leads out of this machine.
        let proxy = if is_loopback_url(&self.endpoint) {
            ProxyConfig::disabled()
        } else {
            ProxyConfig::from_env()
        };
        let http = Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(proxy.clone());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            connector.tls_provider(Tls::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone()).build()
        });
        let credentials = Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose_secret(),
            None,
            None,
            "SPACES_ACCESS_KEY_ID",
        );
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_attempt_timeout(Duration::from_secs(60))
            .build();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.endpoint)
            .force_path_style(true)
            .credentials_provider(credentials)
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .interceptor(infra_sdk_log::LogCalls)
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // Spaces knows the older checksums only.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(aws_sdk_s3::Client::from_conf(config))
    }
}

fn is_loopback_url(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    url.as_ref().and_then(url::Url::host).is_some_and(|host| is_loopback(&host))
}

/// Returns the endpoint for a region of Spaces: the region's own unless the connection names one.
pub(crate) fn endpoint(connection: &Connection, region: &str) -> String {
    connection.spaces_endpoint.as_ref().map_or_else(
        || format!("https://{region}.digitaloceanspaces.com"),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    )
}
