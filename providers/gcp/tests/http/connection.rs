//! Where the project comes from, and what calls carry.

use std::fs;

use infra_cloud::CloudEnv;
use infra_gcp::Connection;
use infra_provider_api::{ErrorKind, Provider};
use serde_json::json;

use crate::mock::{Mock, context, reply};

const USER: &str =
    r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;

/// Variables that hide those of the machine.
fn env(pairs: &[(&str, &str)]) -> CloudEnv {
    let hidden = [
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_PROJECT",
        "GCLOUD_PROJECT",
        "CLOUDSDK_CORE_PROJECT",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
        "CLOUDSDK_BILLING_QUOTA_PROJECT",
        "CLOUDSDK_ACTIVE_CONFIG_NAME",
    ];
    let mut env = CloudEnv::default();
    env.variables.extend(hidden.map(|name| (name.to_owned(), String::new())));
    let own = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    env.variables.extend(own);
    env
}

#[tokio::test]
async fn the_project_comes_from_the_first_place_that_names_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().to_str().unwrap();
    let login = USER.replace('}', r#","quota_project_id":"from-login"}"#);
    let file = folder.path().join("application_default_credentials.json");
    fs::create_dir(folder.path().join("configurations")).unwrap();
    let active = folder.path().join("configurations/config_default");
    fs::write(active, "[core]\nproject = from-gcloud\n").unwrap();
    let open = async |pairs: &[(&str, &str)], account: Option<&str>| {
        let pairs = [pairs, &[("CLOUDSDK_CONFIG", config)]].concat();
        Connection::open(&env(&pairs), account).await.unwrap()
    };
    fs::write(&file, USER).unwrap();
    assert_eq!(open(&[], None).await.project, "from-gcloud");
    fs::write(&file, login).unwrap();
    assert_eq!(open(&[], None).await.project, "from-login");
    assert_eq!(open(&[], Some("from-file")).await.project, "from-file");
    let core = ("CLOUDSDK_CORE_PROJECT", "from-core");
    assert_eq!(open(&[core], Some("from-file")).await.project, "from-core");
    let both = [core, ("GOOGLE_CLOUD_PROJECT", "from-cloud")];
    assert_eq!(open(&both, None).await.project, "from-cloud");

    let connection = open(&both, None).await;
    assert_eq!(connection.quota_project.as_deref(), Some("from-login"));
    assert_eq!(connection.container.as_str(), "https://container.googleapis.com/");
    assert_eq!(connection.compute.as_str(), "https://compute.googleapis.com/compute/v1/");
}

#[tokio::test]
async fn a_login_without_a_quota_project_uses_the_project() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("application_default_credentials.json"), USER).unwrap();
    let config = ("CLOUDSDK_CONFIG", folder.path().to_str().unwrap());
    let connection = Connection::open(&env(&[config]), Some("shop-1")).await.unwrap();
    assert_eq!(connection.quota_project.as_deref(), Some("shop-1"));
}

#[tokio::test]
async fn no_project_is_said_with_what_to_write() {
    let token = ("GOOGLE_OAUTH_ACCESS_TOKEN", "t");
    let folder = tempfile::tempdir().unwrap();
    let config = ("CLOUDSDK_CONFIG", folder.path().to_str().unwrap());
    let error = Connection::open(&env(&[token, config]), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("GOOGLE_CLOUD_PROJECT"), "{error}");
    assert!(error.hint.unwrap().contains("`account` under [providers.gcp]"));
}

#[tokio::test]
async fn an_expired_login_is_named_and_no_call_is_made() {
    let tokens = Mock::start(|_, _| {
        let refusal = json!({"error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": "reauth related error (invalid_rapt)"});
        reply(400, &refusal)
    })
    .await;
    let cloud = Mock::start(|asked, _| panic!("{}", asked.what())).await;
    let folder = tempfile::tempdir().unwrap();
    let uri = format!(r#","token_uri":"{}/token"}}"#, tokens.url);
    fs::write(folder.path().join("application_default_credentials.json"), USER.replace('}', &uri))
        .unwrap();
    let config = ("CLOUDSDK_CONFIG", folder.path().to_str().unwrap());
    let mut env = env(&[config]);
    let overrides = cloud.env().variables.into_iter();
    env.variables.extend(overrides.filter(|(name, _)| name.contains("OVERRIDES")));
    let connection = Connection::open(&env, Some("shop-1")).await.unwrap();
    let provider = infra_gcp::Gcp::new(connection, infra_gcp::Scope::default()).unwrap();
    let networks = provider.kinds().into_iter().find(|kind| kind.name() == "network").unwrap();
    let error = networks.list_owned(&context()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.message.contains("the login has expired"), "{error}");
    assert!(error.hint.unwrap().contains("gcloud auth application-default login"));
}

#[tokio::test]
async fn calls_carry_token_and_quota_project() {
    let mock = Mock::start(|_, _| reply(200, &json!({}))).await;
    let mut env = mock.env();
    env.variables.insert("GOOGLE_CLOUD_QUOTA_PROJECT".to_owned(), "bills-1".to_owned());
    let connection = Connection::open(&env, None).await.unwrap();
    let provider = infra_gcp::Gcp::new(connection, infra_gcp::Scope::default()).unwrap();
    for kind in provider.kinds().iter().filter(|kind| kind.name() == "network") {
        kind.list_owned(&context()).await.unwrap();
    }
    let asked = &mock.asked()[0];
    assert_eq!(asked.header("x-goog-user-project"), Some("bills-1"));
    assert_eq!(asked.header("authorization"), Some("Bearer secret"));
}
