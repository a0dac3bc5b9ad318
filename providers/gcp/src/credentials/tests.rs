use std::{fs, path::Path};

use secrecy::ExposeSecret;

use super::*;

fn env(pairs: &[(&str, &str)]) -> CloudEnv {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    CloudEnv { variables: pairs.iter().map(pair).collect(), ..CloudEnv::default() }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_token_of_the_environment_wins_and_stays_secret() {
    let found = find(&env(&[(TOKEN_VARIABLE, "ya29.secret\n")])).await.unwrap();
    let token = found.tokens.token().await.unwrap();
    assert_eq!(token.token.expose_secret(), "ya29.secret");
    assert_eq!(found.who, "access token");
    assert!(!format!("{found:?}").contains("ya29"));
    assert!(find(&env(&[(TOKEN_VARIABLE, "two words")])).await.is_err());
}

#[tokio::test]
async fn nothing_else_is_looked_at_where_only_the_given_variables_count() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    fs::write(
        &file,
        r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#,
    )
    .unwrap();
    let only = CloudEnv { only: true, ..env(&[(KEY_FILE_VARIABLE, text(&file))]) };
    let error = find(&only).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.message.contains(TOKEN_VARIABLE), "{error}");
}

#[tokio::test]
async fn a_token_file_is_read_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let found = find(&env(&[(TOKEN_FILE_VARIABLE, text(&file))])).await.unwrap();
    assert_eq!(found.tokens.token().await.unwrap().token.expose_secret(), "first");
    fs::write(&file, "second").unwrap();
    assert_eq!(found.tokens.token().await.unwrap().token.expose_secret(), "second");
    fs::remove_file(&file).unwrap();
    let error = found.tokens.token().await.unwrap_err();
    assert!(error.message.contains(TOKEN_FILE_VARIABLE), "{error}");
}

#[tokio::test]
async fn a_login_in_gcloud_s_folder_is_found_and_names_a_quota_project() {
    let folder = tempfile::tempdir().unwrap();
    let login = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"shop-1","account":"jane@example.com"}"#;
    fs::write(folder.path().join(adc::FILE), login).unwrap();
    let found = find(&env(&[("CLOUDSDK_CONFIG", text(folder.path()))])).await.unwrap();
    assert_eq!(found.who, "jane@example.com");
    assert_eq!(found.quota_project.as_deref(), Some("shop-1"));
    assert!(found.is_user);
}

#[tokio::test]
async fn a_file_that_is_not_as_it_should_be_is_named_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    for (content, expected) in [
        ("{secret", "does not hold JSON"),
        (r#"{"type":"gold_card","x":"secret"}"#, "unknown type `gold_card`"),
        (r#"{"type":"service_account","private_key":"secret"}"#, "has no client_email"),
        (
            r#"{"type":"service_account","client_email":"e","token_uri":"http://x.example/secret"}"#,
            "plain http",
        ),
        (r#"{"type":"authorized_user","client_secret":"secret"}"#, "can't be used"),
    ] {
        fs::write(&file, content).unwrap();
        let error = find(&env(&[(KEY_FILE_VARIABLE, text(&file))])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(error.message.contains(expected), "{error}");
        assert!(error.message.contains(KEY_FILE_VARIABLE), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let missing = find(&env(&[(KEY_FILE_VARIABLE, "/nowhere/key.json")])).await.unwrap_err();
    assert!(missing.message.contains("can't be read"), "{missing}");
}
