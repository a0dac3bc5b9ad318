//! A server that answers as a test tells it to, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use infra_cloud::CloudEnv;
use infra_gcp::{Connection, Gcp, Scope};
use infra_provider_api::{
    Address, Context, CreateRequest, Kind, Observed, Owner, Provider, UpdateRequest,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

pub const PROJECT: &str = "shop-1";
pub const REGION: &str = "europe-west3";

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Asked {
    /// Returns method and path below the project: `GET global/networks`.
    pub fn what(&self) -> String {
        let path = self.uri.path();
        let below = path.split_once("/projects/").map_or(path, |(_, below)| below);
        let below = below.strip_prefix(PROJECT).unwrap_or(below);
        format!("{} {}", self.method, below.trim_start_matches('/'))
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.uri.query()?.as_bytes());
        pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

type Handler = Arc<dyn Fn(&Asked, usize) -> Response<Body> + Send + Sync>;

#[derive(Clone)]
struct Script {
    handler: Handler,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A running server.
pub struct Mock {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

async fn answer(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked { method, uri, headers, body };
    let number = {
        let mut all = script.asked.lock().unwrap();
        all.push(asked.clone());
        all.len()
    };
    (script.handler)(&asked, number)
}

impl Mock {
    /// `handler` gets each request and its number, from 1.
    pub async fn start(
        handler: impl Fn(&Asked, usize) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Script { handler: Arc::new(handler), asked: Arc::clone(&asked) };
        let router = Router::new().fallback(answer).with_state(script);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns method and path of each request.
    pub fn calls(&self) -> Vec<String> {
        self.asked().iter().map(Asked::what).collect()
    }

    /// Returns the variables that lead here.
    pub fn env(&self) -> CloudEnv {
        let mut env = CloudEnv { only: true, ..CloudEnv::default() };
        for (api, path) in [
            ("CONTAINER", "/"),
            ("COMPUTE", "/compute/v1/"),
            ("DNS", "/dns/v1/"),
            ("IAM", "/"),
            ("CLOUDRESOURCEMANAGER", "/"),
        ] {
            let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}");
            env.variables.insert(name, format!("{}{path}", self.url));
        }
        let more = [("GOOGLE_OAUTH_ACCESS_TOKEN", "secret"), ("GOOGLE_CLOUD_PROJECT", PROJECT)];
        env.variables.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        env
    }

    pub async fn provider(&self) -> Gcp {
        let scope = Scope {
            cluster: "shop".to_owned(),
            region: REGION.to_owned(),
            location: REGION.to_owned(),
            domain: Some("example.com".to_owned()),
            ..Scope::default()
        };
        let connection = Connection::open(&self.env(), None).await.unwrap();
        Gcp::new(connection, scope).unwrap()
    }

    pub async fn kind(&self, name: &str) -> Arc<dyn Kind> {
        let kinds = self.provider().await.kinds();
        kinds.into_iter().find(|kind| kind.name() == name).unwrap()
    }
}

pub fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: Uuid::from_u128(0x1234_5678 << 96) }
}

/// A cluster of the same name in the same project.
pub fn other() -> Owner {
    Owner { uuid: Uuid::from_u128(0x1234_5678 << 96 | 1), ..owner() }
}

pub fn context() -> Context {
    Context::quiet(owner())
}

pub fn request(address: &str, spec: Value) -> CreateRequest {
    let address: Address = address.parse().unwrap();
    let intent_key = owner().intent_key(&address, 1);
    CreateRequest { address, spec, intent_key }
}

pub fn update(observed: Observed, spec: Value, changed: &[&str]) -> UpdateRequest {
    let changed = changed.iter().map(|field| (*field).to_owned()).collect();
    UpdateRequest { observed, spec, changed }
}

/// Returns the description that marks what this cluster made.
pub fn mark(owner: &Owner) -> String {
    format!("infra {} 0a1b", owner.uuid)
}

pub fn reply(status: u16, body: &Value) -> Response<Body> {
    let builder = Response::builder().status(status).header("content-type", "application/json");
    builder.body(Body::from(body.to_string())).unwrap()
}

/// Refuses as Compute does.
pub fn refuse(status: u16, reason: &str, message: &str) -> Response<Body> {
    let errors = json!([{"domain": "global", "reason": reason, "message": message}]);
    reply(status, &json!({"error": {"code": status, "message": message, "errors": errors}}))
}

pub fn not_found() -> Response<Body> {
    refuse(404, "notFound", "The resource was not found")
}

/// Accepts as Compute does: the operation is done already.
pub fn done() -> Response<Body> {
    reply(200, &operation("op-1", "DONE"))
}

pub fn operation(name: &str, status: &str) -> Value {
    json!({"kind": "compute#operation", "name": name, "status": status, "operationType": "insert"})
}

/// Returns the link of a resource of Compute, as answers have it.
pub fn link(place: &str) -> String {
    format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/{place}")
}

pub fn network(owner: &Owner) -> Value {
    let name = owner.exact_name("main");
    json!({
        "id": "7001", "name": name, "description": mark(owner),
        "selfLink": link(&format!("global/networks/{name}")),
        "autoCreateSubnetworks": false, "routingConfig": {"routingMode": "REGIONAL"},
    })
}
