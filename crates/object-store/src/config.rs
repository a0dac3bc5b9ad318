//! How to reach an S3 store.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    RuntimeComponents,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::owner::ExpectedOwner;
use crate::{Bucket, StoreError};

/// An S3 store and the credentials for it.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    /// Base URL; `None`: the one AWS has for the region. `http` is taken for loopback only.
    pub endpoint: Option<Url>,
    /// Region, also where the vendor ignores it (it is part of the signature).
    pub region: String,
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret: SecretString,
    /// The token that temporary credentials come with.
    pub session_token: Option<SecretString>,
    /// Who is asked for credentials instead of the two above, so that short-lived ones are renewed.
    pub chain: Option<SharedCredentialsProvider>,
    /// A certificate authority trusted besides the system's (PEM).
    pub ca_pem: Option<Vec<u8>>,
    /// `https://host/bucket/key` instead of `https://bucket.host/key`.
    pub path_style: bool,
    /// The account that owns the buckets, where the store checks it (Amazon's does): a bucket of any
    /// other account is refused.
    pub owner: Option<String>,
}

impl ObjectStore {
    /// Makes a handle on one bucket; it makes no call.
    ///
    /// # Errors
    /// Returns an error if the access key is empty, the endpoint is neither https nor loopback, or
    /// an authority is no PEM.
    pub fn bucket(&self, name: impl Into<String>) -> Result<Bucket, StoreError> {
        // A header that is signed into a URL would have to be sent by whoever uses the URL.
        let signer = self.client(None)?;
        let client = match &self.owner {
            Some(owner) => self.client(Some(owner))?,
            None => signer.clone(),
        };
        Ok(Bucket::new(client, signer, name.into(), self.clone()))
    }

    /// Returns the host of the store.
    pub(crate) fn host(&self) -> &str {
        self.endpoint.as_ref().and_then(Url::host_str).unwrap_or("amazonaws.com")
    }

    fn client(&self, owner: Option<&String>) -> Result<Client, StoreError> {
        self.check()?;
        let mut trust = tls::TrustStore::default();
        if let Some(pem) = &self.ca_pem {
            trust.add_pem_certificate(pem.as_slice());
        }
        let context = tls::TlsContext::builder()
            .with_trust_store(trust)
            .build()
            .map_err(|e| StoreError::Config(e.to_string()))?;
        // The SDK's own client takes proxies from the environment; one that is built here has to be given
        // them. A proxy leads out of this machine.
        let proxy = match &self.endpoint {
            Some(endpoint) if is_loopback(endpoint) => ProxyConfig::disabled(),
            _ => ProxyConfig::from_env(),
        };
        let http = Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(proxy.clone());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            connector
                .tls_provider(tls::Provider::rustls(CryptoMode::AwsLc))
                .tls_context(context.clone())
                .build()
        });
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let credentials =
            Credentials::new(&self.access_key, self.secret.expose_secret(), token, None, "infra");
        let credentials = match &self.chain {
            Some(chain) => chain.clone(),
            None => SharedCredentialsProvider::new(credentials),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .build();
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(self.path_style)
            .http_client(http)
            .interceptor(infra_sdk_log::LogCalls)
            .timeout_config(timeouts)
            // Only what passes within seconds: the engine tries again, too, and says so.
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            // The SDK's newer default (CRC trailers on every request) is refused by S3 clones.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint.as_str().trim_end_matches('/'));
        }
        if let Some(owner) = owner {
            config = config.interceptor(ExpectedOwner(owner.clone()));
        }
        Ok(Client::from_conf(config.build()))
    }

    fn check(&self) -> Result<(), StoreError> {
        let fixed = self.chain.is_none();
        if fixed && (self.access_key.is_empty() || self.secret.expose_secret().is_empty()) {
            return Err(StoreError::Config("the access key or its secret is empty".into()));
        }
        if let Some(pem) = &self.ca_pem
            && !pem.windows(11).any(|w| w == b"-----BEGIN ")
        {
            return Err(StoreError::Config("the certificate authority is no PEM text".into()));
        }
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        match endpoint.scheme() {
            "https" => Ok(()),
            "http" if is_loopback(endpoint) => Ok(()),
            _ => Err(StoreError::Config(format!(
                "{} is not an https URL; http is taken for loopback only",
                endpoint.host_str().unwrap_or("the endpoint")
            ))),
        }
    }
}

fn is_loopback(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
