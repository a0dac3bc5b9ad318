//! Other makers' stores behind the endpoint of Spaces.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use infra_digitalocean::{Connection, DigitalOcean, Scope};
use infra_provider_api::{CloudError, ErrorKind, Observed, Readiness};
use serde_json::json;
use tokio::net::TcpListener;

use crate::mock::{context, kind};

/// Answers one request: method, target with its query, and headers.
pub type Answer = fn(&Method, &str, &HeaderMap) -> (StatusCode, String);

#[derive(Clone)]
struct Store {
    answer: Answer,
    date: Option<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn serve(
    State(store): State<Store>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    _body: Bytes,
) -> Response {
    let (status, body) = (store.answer)(&method, &uri.to_string(), &headers);
    store.asked.lock().unwrap().push(format!("{method} {} {uri}", status.as_u16()));
    let mut response = Response::builder().status(status);
    if let Some(date) = store.date {
        response = response.header("date", date);
    }
    response.body(Body::from(body)).unwrap()
}

/// A provider whose Spaces are this store, and what the store was asked.
pub async fn store(
    answer: Answer,
    date: Option<&'static str>,
) -> (DigitalOcean, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let store = Store { answer, date, asked: Arc::clone(&asked) };
    let router = Router::new().fallback(serve).with_state(store);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let connection = Connection::from_env(|name| match name {
        "DIGITALOCEAN_ACCESS_TOKEN" => Some("dop_v1_secret".to_owned()),
        "DIGITALOCEAN_API_URL" | "SPACES_ENDPOINT_URL" => Some(url.clone()),
        "SPACES_ACCESS_KEY_ID" => Some("id".to_owned()),
        "SPACES_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
        _ => None,
    });
    let scope = Scope { region: "fra1".to_owned(), ..Scope::default() };
    (DigitalOcean::new(connection.unwrap(), scope).unwrap(), asked)
}

pub fn bucket() -> Observed {
    Observed {
        address: "bucket.artifacts".parse().unwrap(),
        id: "shop-artifacts".to_owned(),
        spec: json!({"name": "shop-artifacts", "region": "fra1"}).into(),
        outputs: Default::default(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: Default::default(),
    }
}

pub async fn delete(provider: &DigitalOcean) -> Result<bool, CloudError> {
    kind(provider, "bucket").delete(&context(None), &bucket()).await
}

fn is_newer_checksum(headers: &HeaderMap) -> bool {
    let chunked = headers.get("content-encoding").is_some_and(|value| value == "aws-chunked");
    chunked
        || headers.keys().any(|name| {
            let name = name.as_str();
            name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm"
        })
}

static EMPTIED: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_store_that_knows_content_md5_only_is_emptied_and_deleted() {
    let (provider, asked) = store(
        |method, target, headers| {
            if is_newer_checksum(headers) {
                return (StatusCode::NOT_IMPLEMENTED, error("NotImplemented"));
            }
            let listing = method == Method::GET && target.contains("list-type=2");
            let removal = method == Method::POST && target.contains("delete");
            if listing && EMPTIED.load(Ordering::SeqCst) {
                let body = "<ListBucketResult><Name>shop-artifacts</Name><IsTruncated>false\
                            </IsTruncated></ListBucketResult>";
                return (StatusCode::OK, body.to_owned());
            }
            if listing {
                let key = "<Contents><Key>nodes/a</Key><Size>1</Size></Contents>";
                let body = format!(
                    "<ListBucketResult><Name>shop-artifacts</Name>{key}<IsTruncated>false\
                     </IsTruncated></ListBucketResult>"
                );
                return (StatusCode::OK, body);
            }
            if removal && !headers.contains_key("content-md5") {
                return (StatusCode::BAD_REQUEST, error("InvalidRequest"));
            }
            if removal {
                EMPTIED.store(true, Ordering::SeqCst);
                return (StatusCode::OK, "<DeleteResult/>".to_owned());
            }
            (StatusCode::NO_CONTENT, String::new())
        },
        None,
    )
    .await;
    assert!(delete(&provider).await.unwrap());
    let asked = asked.lock().unwrap().clone();
    assert!(asked.iter().any(|one| one.starts_with("POST 200")), "{asked:?}");
    assert!(!asked.iter().any(|one| one.contains(" 501 ") || one.contains(" 400 ")), "{asked:?}");
}

pub fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>no</Message></Error>")
}

#[tokio::test]
async fn other_refusals_keep_their_hint() {
    let (provider, _) =
        store(|_, _, _| (StatusCode::FORBIDDEN, error("SignatureDoesNotMatch")), None).await;
    let refused = delete(&provider).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthorized);
    assert!(refused.hint.unwrap().contains("SPACES_ACCESS_KEY_ID"));
}
