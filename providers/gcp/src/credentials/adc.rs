//! Application default credentials: the file of a login, of a service account or of a federation.

use std::{path::Path, sync::Arc};

use google_cloud_auth::{
    build_errors::Error as BuildError,
    credentials::{
        AccessTokenCredentials, external_account, external_account_authorized_user, impersonated,
        user_account,
    },
};
use infra_provider_api::{CloudError, ErrorKind};
use serde_json::Value;

use super::{
    FoundCredentials, LOGIN_HINT, OPERATION, adc_tokens::AdcTokens, key_tokens::KeyTokens,
};

/// The name of the file in gcloud's folder.
pub(super) const FILE: &str = "application_default_credentials.json";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Reads the file at `path`, which `variable` names.
pub(super) fn read(path: &Path, variable: Option<&str>) -> Result<FoundCredentials, CloudError> {
    let shown = match variable {
        Some(variable) => format!("{}, the file of {variable},", path.display()),
        None => path.display().to_string(),
    };
    let wrong = |why: String| {
        CloudError::new(ErrorKind::Unauthorized, OPERATION, format!("{shown} {why}"))
            .with_hint(LOGIN_HINT)
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(format!("can't be read: {e}")))?;
    // The error of the parser would repeat a part of the file.
    let json: Value =
        serde_json::from_str(&text).map_err(|_| wrong("does not hold JSON".to_owned()))?;
    let kind = json.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let who = who(&json, &kind);
    let field = |name: &str| {
        json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (project, quota_project) = (field("project_id"), field("quota_project_id"));
    let is_user = matches!(kind.as_str(), "authorized_user" | "external_account_authorized_user");
    if kind == "service_account" {
        let tokens = Arc::new(KeyTokens::new(&json, SCOPE).map_err(wrong)?);
        return Ok(FoundCredentials { tokens, who, project, quota_project, is_user });
    }
    let credentials = match build(json, &kind) {
        Some(Ok(credentials)) => credentials,
        Some(Err(error)) => return Err(wrong(format!("can't be used: {}", told(&error)))),
        None => return Err(wrong(format!("holds credentials of the unknown type `{kind}`"))),
    };
    let tokens = Arc::new(AdcTokens::new(credentials));
    Ok(FoundCredentials { tokens, who, project, quota_project, is_user })
}

/// Says what is wrong. The library's causes name fields of the file and no values.
fn told(error: &BuildError) -> &'static str {
    match () {
        () if error.is_missing_field() => "a field is missing",
        () if error.is_not_supported() => "this library does not support it",
        () => "it is not as Google's tools write it",
    }
}

fn build(json: Value, kind: &str) -> Option<Result<AccessTokenCredentials, BuildError>> {
    let scopes = [SCOPE];
    Some(match kind {
        // A login has the scopes that it was made with.
        "authorized_user" => user_account::Builder::new(json).build_access_token_credentials(),
        "impersonated_service_account" => {
            impersonated::Builder::new(json).with_scopes(scopes).build_access_token_credentials()
        }
        "external_account" => external_account::Builder::new(json)
            .with_scopes(scopes)
            .build_access_token_credentials(),
        "external_account_authorized_user" => {
            external_account_authorized_user::Builder::new(json).build_access_token_credentials()
        }
        _ => return None,
    })
}

/// Returns whose credentials these are: an e-mail, or what kind they are.
fn who(json: &Value, kind: &str) -> String {
    let text = |name: &str| json.get(name)?.as_str().filter(|text| !text.is_empty());
    let impersonated = || {
        let url = text("service_account_impersonation_url")?;
        let account = url.rsplit('/').next()?.split(':').next()?;
        account.contains('@').then_some(account)
    };
    let email = text("client_email").or_else(impersonated).or_else(|| text("account"));
    let kind = match kind {
        "authorized_user" => "the login of `gcloud auth application-default login`",
        "external_account" => "workload identity federation",
        "external_account_authorized_user" => "workforce identity federation",
        "impersonated_service_account" => "an impersonated service account",
        _ => "application default credentials",
    };
    email.unwrap_or(kind).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_says_whose_it_is() {
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@p.iam.gserviceaccount.com:generateAccessToken";
        for (file, expected) in [
            (
                json!({"client_email": "sa@p.iam.gserviceaccount.com"}),
                "sa@p.iam.gserviceaccount.com",
            ),
            (json!({"service_account_impersonation_url": url}), "ci@p.iam.gserviceaccount.com"),
            (json!({"account": "jane@example.com"}), "jane@example.com"),
            (json!({"account": ""}), "the login of `gcloud auth application-default login`"),
        ] {
            assert_eq!(who(&file, "authorized_user"), expected);
        }
    }
}
