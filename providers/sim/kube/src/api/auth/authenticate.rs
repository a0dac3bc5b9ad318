use std::sync::Arc;

use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::token::{Signer, same};
use super::user::User;
use crate::api::error::{ApiError, ApiResult};
use crate::{Accounts, KubeError, Resource, Store};

/// Finds out who is asking.
pub(crate) struct Authenticator {
    store: Store,
    signer: Signer,
    /// The cloud that runs the control plane, if one does.
    accounts: Option<Arc<dyn Accounts>>,
}

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

impl Authenticator {
    pub(crate) fn open(
        store: Store,
        dir: &std::path::Path,
        accounts: Option<Arc<dyn Accounts>>,
    ) -> Result<Self, KubeError> {
        Ok(Self { store, signer: Signer::open(dir)?, accounts })
    }

    /// Returns the user of the client certificate, else of the bearer token, else nobody. A token
    /// that is not valid is refused, as the real server does.
    pub(crate) fn user(&self, certificate: Option<User>, headers: &HeaderMap) -> ApiResult<User> {
        if let Some(user) = certificate {
            return Ok(user);
        }
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(User::anonymous());
        };
        let bearer = value.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match bearer {
            Some(token) => self.token_user(token).ok_or_else(ApiError::unauthorized),
            None => Err(ApiError::unauthorized()),
        }
    }

    /// Finds the user of a token: of a service account, of the cloud, or a bootstrap token.
    pub(crate) fn token_user(&self, token: &str) -> Option<User> {
        self.bootstrap(token)
            .or_else(|| self.service_account(token))
            .or_else(|| self.account(token))
    }

    fn account(&self, token: &str) -> Option<User> {
        let account = self.accounts.as_ref()?.account(token)?;
        Some(User::new(account.name, account.groups))
    }

    fn bootstrap(&self, token: &str) -> Option<User> {
        let (id, secret) = token.split_once('.')?;
        if id.len() != 6 || secret.len() != 16 {
            return None;
        }
        let name = format!("bootstrap-token-{id}");
        let object = self.store.get(&Resource::core("secrets"), Some("kube-system"), &name)?;
        if object["type"] != "bootstrap.kubernetes.io/token" {
            return None;
        }
        let field = |name: &str| decode(&object["data"][name]);
        if field("token-id")? != id || !same(field("token-secret")?.as_bytes(), secret.as_bytes()) {
            return None;
        }
        if field("usage-bootstrap-authentication").as_deref() != Some("true") {
            return None;
        }
        if let Some(expiration) = field("expiration") {
            let at: jiff::Timestamp = expiration.parse().ok()?;
            if at <= jiff::Timestamp::now() {
                return None;
            }
        }
        let mut groups = vec!["system:bootstrappers".to_owned()];
        let extra = field("auth-extra-groups").unwrap_or_default();
        groups.extend(extra.split(',').filter(|group| !group.is_empty()).map(str::to_owned));
        Some(User::new(format!("system:bootstrap:{id}"), groups))
    }

    fn service_account(&self, token: &str) -> Option<User> {
        let claims = self.signer.verify(token)?;
        if claims["exp"].as_i64()? <= jiff::Timestamp::now().as_second() {
            return None;
        }
        let account = &claims["kubernetes.io"];
        let (ns, name) =
            (account["namespace"].as_str()?, account["serviceaccount"]["name"].as_str()?);
        let uid = account["serviceaccount"]["uid"].as_str()?;
        // A token ends with its account.
        let object = self.store.get(&Resource::core("serviceaccounts"), Some(ns), name)?;
        if object["metadata"]["uid"] != uid {
            return None;
        }
        let mut user = User::new(
            format!("system:serviceaccount:{ns}:{name}"),
            vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{ns}")],
        );
        user.uid = uid.to_owned();
        Some(user)
    }

    /// Issues a token for a service account, valid for `seconds`.
    pub(crate) fn issue(&self, account: &Value, audiences: &[String], seconds: i64) -> String {
        let now = jiff::Timestamp::now().as_second();
        let meta = &account["metadata"];
        let (ns, name) = (&meta["namespace"], &meta["name"]);
        let subject = format!(
            "system:serviceaccount:{}:{}",
            ns.as_str().unwrap_or_default(),
            name.as_str().unwrap_or_default()
        );
        self.signer.sign(&json!({
            "aud": audiences, "iss": ISSUER, "sub": subject,
            "iat": now, "nbf": now, "exp": now + seconds,
            "kubernetes.io": {"namespace": ns, "serviceaccount": {"name": name, "uid": meta["uid"]}},
        }))
    }

    /// Returns the audience of tokens that name none.
    pub(crate) fn default_audience() -> String {
        ISSUER.to_owned()
    }
}

fn decode(value: &Value) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}
