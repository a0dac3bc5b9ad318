//! Calls of the control API.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use http::{Method, StatusCode};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::wire::{call, trusting};
use super::{Inventory, Status};
use crate::endpoint::Endpoint;
use crate::error::SimError;
use crate::faults::{Fault, SetFault};
use crate::limits::Limits;
use crate::settings::Settings;

/// A connection to a running embedded cloud.
pub struct Control {
    endpoint: Endpoint,
    tls: Arc<ClientConfig>,
}

impl Control {
    /// Opens the embedded cloud of a data folder, if one is recorded to run there.
    ///
    /// # Errors
    /// Returns an error if its files can't be read.
    pub fn open(data: &Path) -> Result<Option<Self>, SimError> {
        Endpoint::load(data)?.map(Self::to).transpose()
    }

    /// Makes a client of this embedded cloud.
    ///
    /// # Errors
    /// Returns an error if its authority's file can't be read.
    pub fn to(endpoint: Endpoint) -> Result<Self, SimError> {
        let pem = std::fs::read(&endpoint.ca_file)
            .map_err(|e| SimError::io("read", &endpoint.ca_file, e))?;
        Ok(Self { tls: trusting(&pem)?, endpoint })
    }

    /// Returns where it answers.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Vec<u8>, SimError> {
        let url = format!("{}{path}", self.endpoint.control);
        let url = Url::parse(&url).map_err(|e| SimError::Unreachable(format!("{url}: {e}")))?;
        let body = body.map(|b| b.to_string().into_bytes());
        let (status, bytes) =
            call(&self.tls, method, &url, Some(&self.endpoint.token), body).await?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        let message = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .and_then(|v| v["message"].as_str().map(str::to_owned))
            .unwrap_or_else(|| status.to_string());
        Err(match status {
            StatusCode::UNAUTHORIZED => SimError::Unreachable(message),
            _ => SimError::Refused(message),
        })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, SimError> {
        let bytes = self.raw(method, path, body).await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| SimError::Unreachable(format!("{path}: unexpected answer: {e}")))
    }

    /// Deletes a machine as the account's owner does in the vendor's console: nothing that runs on the
    /// machine hears of it.
    ///
    /// # Errors
    /// Returns an error if there is none with this id, or no answer.
    pub async fn delete_machine(&self, id: u64) -> Result<(), SimError> {
        let url = format!("{}/v2/droplets/{id}", self.endpoint.digitalocean);
        let url = Url::parse(&url).map_err(|e| SimError::Unreachable(format!("{url}: {e}")))?;
        let (status, _) =
            call(&self.tls, Method::DELETE, &url, Some(&self.endpoint.token), None).await?;
        if status.is_success() {
            return Ok(());
        }
        Err(SimError::Refused(format!("cannot delete machine {id}: {status}")))
    }

    /// Asks how it is.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn status(&self) -> Result<Status, SimError> {
        self.json(Method::GET, "/sim/status", None).await
    }

    /// Asks for everything that exists.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn inventory(&self) -> Result<Inventory, SimError> {
        self.json(Method::GET, "/sim/inventory", None).await
    }

    /// Asks for the calls by "METHOD /template"; with `reset` they are counted from 0 from now on.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn stats(&self, reset: bool) -> Result<BTreeMap<String, u64>, SimError> {
        let path = if reset { "/sim/stats?reset=1" } else { "/sim/stats" };
        self.json(Method::GET, path, None).await
    }

    /// Asks for the faults set now, each with how many requests it saw and hit.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn faults(&self) -> Result<Vec<SetFault>, SimError> {
        #[derive(serde::Deserialize)]
        struct All {
            faults: Vec<SetFault>,
        }
        let all: All = self.json(Method::GET, "/sim/faults", None).await?;
        Ok(all.faults)
    }

    /// Sets a fault; gives it back with its id.
    ///
    /// # Errors
    /// Returns an error if it makes no sense, or there is no answer.
    pub async fn set_fault(&self, fault: &Fault) -> Result<Fault, SimError> {
        let body = serde_json::to_value(fault).map_err(|e| SimError::Refused(e.to_string()))?;
        self.json(Method::POST, "/sim/faults", Some(body)).await
    }

    /// Removes all faults.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn clear_faults(&self) -> Result<(), SimError> {
        self.raw(Method::DELETE, "/sim/faults", None).await.map(drop)
    }

    /// Removes one fault.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn clear_fault(&self, id: u64) -> Result<(), SimError> {
        self.raw(Method::DELETE, &format!("/sim/faults/{id}"), None).await.map(drop)
    }

    /// Changes the clock's speed.
    ///
    /// # Errors
    /// Returns an error if it isn't greater than 0, or there is no answer.
    pub async fn set_speed(&self, speed: f64) -> Result<(), SimError> {
        self.raw(Method::POST, "/sim/clock", Some(json!({ "speed": speed }))).await.map(drop)
    }

    /// Sets the account's limits.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn set_limits(&self, limits: &Limits) -> Result<Limits, SimError> {
        let body = serde_json::to_value(limits).map_err(|e| SimError::Refused(e.to_string()))?;
        self.json(Method::POST, "/sim/limits", Some(body)).await
    }

    /// Asks how it behaves.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn settings(&self) -> Result<Settings, SimError> {
        self.json(Method::GET, "/sim/settings", None).await
    }

    /// Changes how it behaves.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn set_settings(&self, settings: &Settings) -> Result<Settings, SimError> {
        let body = serde_json::to_value(settings).map_err(|e| SimError::Refused(e.to_string()))?;
        self.json(Method::POST, "/sim/settings", Some(body)).await
    }

    /// Asks for the account's limits.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn limits(&self) -> Result<Limits, SimError> {
        self.json(Method::GET, "/sim/limits", None).await
    }

    /// Asks what DNS answers.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn resolve(&self, name: &str, kind: &str) -> Result<Vec<String>, SimError> {
        #[derive(serde::Deserialize)]
        struct Answers {
            answers: Vec<String>,
        }
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("name", name)
            .append_pair("type", kind)
            .finish();
        let path = format!("/sim/resolve?{query}");
        let answers: Answers = self.json(Method::GET, &path, None).await?;
        Ok(answers.answers)
    }

    /// Asks it to stop; it does so a moment later.
    ///
    /// # Errors
    /// Returns an error if it doesn't answer.
    pub async fn stop(&self) -> Result<(), SimError> {
        self.raw(Method::POST, "/sim/stop", None).await.map(drop)
    }
}
