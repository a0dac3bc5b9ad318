use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::api::error::{ApiError, ApiResult};

/// The place at which a list continues.
#[derive(Debug, PartialEq)]
pub(super) struct Continue {
    pub(super) rv: u64,
    /// Namespace and name of the last object shown.
    pub(super) after: (String, String),
}

impl Continue {
    pub(super) fn encode(&self) -> String {
        let value = json!({"v": "meta.k8s.io/v1", "rv": self.rv, "ns": self.after.0, "start": self.after.1});
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    pub(super) fn decode(token: &str) -> ApiResult<Self> {
        let parse = || {
            let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
            Some(Continue {
                rv: value["rv"].as_u64()?,
                after: (value["ns"].as_str()?.to_owned(), value["start"].as_str()?.to_owned()),
            })
        };
        parse()
            .ok_or_else(|| ApiError::bad_request("continue key is not valid: illegal base64 data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_nonsense_is_refused() {
        let token = Continue { rv: 7, after: ("a".into(), "b".into()) };
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert!(Continue::decode("nonsense").is_err());
    }
}
