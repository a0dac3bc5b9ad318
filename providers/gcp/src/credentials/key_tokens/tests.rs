use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::*;

/// How long the next tokens hold, and how many were given.
#[derive(Default)]
struct Server {
    lifetime_s: AtomicU64,
    given: AtomicU64,
}

async fn give(State(server): State<Arc<Server>>, body: String) -> (StatusCode, Json<Value>) {
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let field = |name: &str| pairs.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(field("grant_type"), GRANT);
    let assertion = field("assertion");
    let claims = assertion.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["scope"], "scope-1");
    assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
    assert!(!assertion.split('.').nth(2).unwrap().is_empty());
    if claims["iss"] == "gone@p" {
        let refusal =
            json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
        return (StatusCode::BAD_REQUEST, Json(refusal));
    }
    let number = server.given.fetch_add(1, Ordering::SeqCst) + 1;
    let lifetime_s = server.lifetime_s.load(Ordering::SeqCst);
    (StatusCode::OK, Json(json!({"access_token": format!("t{number}"), "expires_in": lifetime_s})))
}

async fn tokens(email: &str, lifetime_s: u64) -> (KeyTokens, Arc<Server>) {
    let server = Arc::new(Server { lifetime_s: lifetime_s.into(), ..Server::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(give)).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let file = json!({
        "type": "service_account", "client_email": email, "private_key_id": "k1",
        "private_key": key.serialize_pem(), "project_id": "p", "token_uri": url,
    });
    (KeyTokens::new(&file, "scope-1").unwrap(), server)
}

#[tokio::test]
async fn a_key_gets_a_token_and_keeps_it_until_some_minutes_before_its_end() {
    let (tokens, server) = tokens("sa@p", 3_600).await;
    for _ in 0..3 {
        assert_eq!(tokens.token().await.unwrap().token.expose_secret(), "t1");
    }
    assert_eq!(server.given.load(Ordering::SeqCst), 1);
    assert!(!format!("{tokens:?}").contains("t1"));
}

#[tokio::test]
async fn a_token_that_ends_soon_is_got_again() {
    let (tokens, server) = tokens("sa@p", 299).await;
    tokens.token().await.unwrap();
    assert_eq!(tokens.token().await.unwrap().token.expose_secret(), "t2");
    assert_eq!(server.given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_key_that_was_deleted_is_named() {
    let (tokens, _) = tokens("gone@p", 3_600).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(error.message, "the key of gone@p is refused: Invalid JWT Signature.");
}
