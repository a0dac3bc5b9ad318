//! The stand-in as a server on this machine, and a provider that is connected to it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
};
use infra_cloud::CloudEnv;
use infra_gcp::{Connection, Gcp, Scope};
use infra_provider_api::{
    Address, Context, CreateRequest, Kind, Observed, Owner, Progress, Provider, UpdateRequest,
};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::world::{World, project};

/// What is said while waiting.
#[derive(Default)]
pub struct Said(Mutex<Vec<String>>);

impl Progress for Said {
    fn waiting(&self, _: Option<&Address>, reason: &str) {
        self.0.lock().unwrap().push(reason.to_owned());
    }
    fn bytes(&self, _: Option<&Address>, _: u64, _: u64) {}
}

/// A project with a provider for it.
pub struct Lab {
    pub provider: Gcp,
    pub cx: Context,
    world: Arc<Mutex<World>>,
    said: Arc<Said>,
}

type Shared = Arc<Mutex<World>>;

async fn answer(
    State(world): State<Shared>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = world.lock().unwrap().answer(method.as_str(), uri.path(), &body);
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/json")], answer.to_string())
}

pub fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
}

impl Lab {
    pub async fn start() -> Self {
        let world: Shared = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut variables = BTreeMap::from([
            ("GOOGLE_CLOUD_PROJECT".to_owned(), project().to_owned()),
            ("GOOGLE_OAUTH_ACCESS_TOKEN".to_owned(), "token".to_owned()),
        ]);
        for (api, path) in [
            ("CONTAINER", "/"),
            ("COMPUTE", "/compute/v1/"),
            ("DNS", "/dns/v1/"),
            ("IAM", "/"),
            ("CLOUDRESOURCEMANAGER", "/"),
        ] {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}");
            variables.insert(variable, format!("{base}{path}"));
        }
        let env =
            CloudEnv { variables, only: true, clock_speed: Some(1000.0), ..CloudEnv::default() };
        let connection = Connection::open(&env, None).await.unwrap();
        let scope = Scope {
            cluster: "shop".to_owned(),
            region: "europe-west3".to_owned(),
            location: "europe-west3".to_owned(),
            ..Scope::default()
        };
        let said = Arc::new(Said::default());
        let mut cx = Context::quiet(owner());
        cx.progress = Arc::clone(&said) as Arc<dyn Progress>;
        Self { provider: Gcp::new(connection, scope).unwrap(), cx, world, said }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn kind(&self, name: &str) -> Arc<dyn Kind> {
        self.provider.kinds().into_iter().find(|kind| kind.name() == name).unwrap()
    }

    /// Returns what was said while waiting.
    pub fn said(&self) -> String {
        self.said.0.lock().unwrap().join("\n")
    }

    /// Returns the calls since the last time, `METHOD path`, but for operations and reads of one thing.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.world().asked)
    }

    /// Returns those of the calls that may change something.
    pub fn effects(&self) -> Vec<String> {
        let is_effect = |call: &String| {
            !call.starts_with("GET")
                && !call.ends_with("listManagedInstances")
                && !call.ends_with("wait")
        };
        self.calls().into_iter().filter(is_effect).collect()
    }

    pub fn request(&self, address: &str, spec: Value) -> CreateRequest {
        let address: Address = address.parse().unwrap();
        let intent_key = self.cx.owner.intent_key(&address, 1);
        CreateRequest { address, spec, intent_key }
    }

    pub async fn create(
        &self,
        address: &str,
        spec: Value,
    ) -> Result<Observed, infra_provider_api::CloudError> {
        let request = self.request(address, spec);
        let kind = self.kind(request.address.kind());
        kind.create(&self.cx, &[request]).await.remove(0)
    }

    /// Lists all of a kind.
    pub async fn list(&self, kind: &str) -> Vec<Observed> {
        self.kind(kind).list_owned(&self.cx).await.unwrap()
    }

    /// Changes one field of a resource.
    pub async fn update(
        &self,
        observed: &Observed,
        changes: &[(&str, Value)],
    ) -> Result<Observed, infra_provider_api::CloudError> {
        let mut spec = observed.spec.value();
        for (field, value) in changes {
            spec[*field] = value.clone();
        }
        let changed = changes.iter().map(|(field, _)| (*field).to_owned()).collect();
        let request = UpdateRequest { observed: observed.clone(), spec, changed };
        self.kind(observed.address.kind()).update(&self.cx, &request).await
    }
}
