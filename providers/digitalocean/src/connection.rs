//! Where the API is and who we are there, from the environment.

use infra_provider_api::{CloudError, ErrorKind};
use secrecy::SecretString;
use url::Url;

const API_URL: &str = "https://api.digitalocean.com";
const TOKEN_PAGE: &str = "https://cloud.digitalocean.com/account/api/tokens";
const SPACES_PAGE: &str = "https://cloud.digitalocean.com/account/api/spaces";

/// The key pair of Spaces, which is apart from the API token.
#[derive(Clone, Debug)]
pub struct SpacesKeys {
    /// `SPACES_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `SPACES_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
}

/// Endpoints and credentials.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Base of the API; paths begin with `/v2`.
    pub api_url: Url,
    /// The API token.
    pub token: SecretString,
    /// The variable the token came from: named when the token is refused.
    pub token_variable: String,
    /// Keys of Spaces; `None` when neither variable is set.
    pub spaces: Option<SpacesKeys>,
    /// Endpoint of Spaces, where it is not the region's own.
    pub spaces_endpoint: Option<Url>,
    /// Certificates (PEM) to trust instead of the system's: the embedded cloud has its own
    /// authority. TLS is always verified.
    pub ca_pem: Option<String>,
    /// How much faster than real time the cloud's clock runs: 1, but for the embedded one, whose
    /// rate limits pass as fast.
    pub clock_speed: f64,
}

impl Connection {
    /// Reads the variables that doctl and other tools for DigitalOcean use: `DIGITALOCEAN_TOKEN` or
    /// `DIGITALOCEAN_ACCESS_TOKEN`, `DIGITALOCEAN_API_URL`, `SPACES_ACCESS_KEY_ID`,
    /// `SPACES_SECRET_ACCESS_KEY`, `SPACES_ENDPOINT_URL`. Empty counts as unset.
    ///
    /// # Errors
    /// Returns `Unauthorized` if the token is missing or only half of the Spaces keys is set.
    /// Returns `Invalid` if an endpoint is no URL, or is plain `http` and not on this machine.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, CloudError> {
        let get = |name: &str| {
            lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let (token_variable, token) = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"]
            .into_iter()
            .find_map(|name| get(name).map(|token| (name.to_owned(), token)))
            .ok_or_else(no_token)?;
        // A header can't carry anything else, and a pasted line break is a common slip.
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CloudError::new(
                ErrorKind::Unauthorized,
                "connect to DigitalOcean",
                format!("{token_variable} holds characters that no token has"),
            )
            .with_hint("copy the token again, without quotes, spaces or line breaks"));
        }
        let api_url = endpoint("DIGITALOCEAN_API_URL", get("DIGITALOCEAN_API_URL"))?
            .map_or_else(|| endpoint_url("DIGITALOCEAN_API_URL", API_URL), Ok)?;
        let spaces_endpoint = endpoint("SPACES_ENDPOINT_URL", get("SPACES_ENDPOINT_URL"))?;
        let spaces = match (get("SPACES_ACCESS_KEY_ID"), get("SPACES_SECRET_ACCESS_KEY")) {
            (Some(access_key_id), Some(secret)) => {
                Some(SpacesKeys { access_key_id, secret_access_key: SecretString::from(secret) })
            }
            (None, None) => None,
            (Some(_), None) => return Err(half_keys("SPACES_SECRET_ACCESS_KEY")),
            (None, Some(_)) => return Err(half_keys("SPACES_ACCESS_KEY_ID")),
        };
        let token = SecretString::from(token);
        Ok(Self {
            api_url,
            token,
            token_variable,
            spaces,
            spaces_endpoint,
            ca_pem: None,
            clock_speed: 1.0,
        })
    }

    /// Sets the speed of the cloud's clock, which runs `speed` times as fast as real time.
    #[must_use]
    pub fn with_clock_speed(mut self, speed: f64) -> Self {
        self.clock_speed = speed;
        self
    }

    /// Trusts the certificates in `pem` instead of the system's.
    #[must_use]
    pub fn with_ca_pem(mut self, pem: impl Into<String>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }
}

fn no_token() -> CloudError {
    CloudError::new(
        ErrorKind::Unauthorized,
        "connect to DigitalOcean",
        "no token: neither DIGITALOCEAN_TOKEN nor DIGITALOCEAN_ACCESS_TOKEN is set",
    )
    .with_hint(format!(
        "make a token with read and write scope at {TOKEN_PAGE} and export DIGITALOCEAN_TOKEN, \
         or try it all without an account: --sim"
    ))
}

fn half_keys(missing: &str) -> CloudError {
    CloudError::new(
        ErrorKind::Unauthorized,
        "connect to Spaces",
        format!("{missing} is not set, the other half of the key pair is"),
    )
    .with_hint(format!("Spaces keys are made in pairs at {SPACES_PAGE}"))
}

/// Makes the error for a bucket that is needed while there are no keys for it.
pub(crate) fn no_spaces_keys(operation: &str) -> CloudError {
    CloudError::new(
        ErrorKind::Unauthorized,
        operation,
        "no keys for Spaces: SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY are not set",
    )
    .with_hint(format!("make a pair at {SPACES_PAGE} and export both; the API token does not do"))
}

fn endpoint(variable: &str, text: Option<String>) -> Result<Option<Url>, CloudError> {
    text.map(|text| endpoint_url(variable, &text)).transpose()
}

fn endpoint_url(variable: &str, text: &str) -> Result<Url, CloudError> {
    let invalid = |why: String| {
        CloudError::new(ErrorKind::Invalid, "connect to DigitalOcean", why)
            .with_hint(format!("{variable} takes a base address such as {API_URL}"))
    };
    let url = Url::parse(text)
        .map_err(|error| invalid(format!("{variable} is not an address: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid(format!("{variable} must have no user, password or query")));
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
    use secrecy::ExposeSecret;

    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Connection, CloudError> {
        Connection::from_env(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_missing_token_names_both_variables() {
        let error = from(&[("DIGITALOCEAN_TOKEN", " ")]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(error.message.contains("DIGITALOCEAN_TOKEN"));
        assert!(error.message.contains("DIGITALOCEAN_ACCESS_TOKEN"));
        assert!(error.hint.unwrap().contains("/account/api/tokens"));
    }

    #[test]
    fn the_first_variable_wins_and_is_remembered() {
        let both = [("DIGITALOCEAN_ACCESS_TOKEN", "b"), ("DIGITALOCEAN_TOKEN", "a\n")];
        let connection = from(&both).unwrap();
        assert_eq!(connection.token.expose_secret(), "a");
        assert_eq!(connection.token_variable, "DIGITALOCEAN_TOKEN");
        assert_eq!(connection.api_url.as_str(), "https://api.digitalocean.com/");
        assert!(!format!("{connection:?}").contains("\"a\""));
        assert_eq!(from(&both[..1]).unwrap().token_variable, "DIGITALOCEAN_ACCESS_TOKEN");
    }

    #[test]
    fn plain_http_only_on_this_machine() {
        let with = |url: &str| from(&[("DIGITALOCEAN_TOKEN", "t"), ("DIGITALOCEAN_API_URL", url)]);
        assert!(with("http://127.0.0.1:8080").is_ok());
        assert!(with("http://[::1]:8080").is_ok());
        assert!(with("http://localhost:8080").is_ok());
        assert!(with("http://api.example.com").unwrap_err().message.contains("plain http"));
        assert!(with("https://u:p@api.example.com").is_err());
        assert!(with("api.example.com").is_err());
        assert!(with("ftp://127.0.0.1").is_err());
    }

    #[test]
    fn half_a_key_pair_is_refused() {
        let error = from(&[("DIGITALOCEAN_TOKEN", "t"), ("SPACES_ACCESS_KEY_ID", "k")]);
        assert!(error.unwrap_err().message.starts_with("SPACES_SECRET_ACCESS_KEY"));
    }
}
