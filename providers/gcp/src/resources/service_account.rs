//! `service_account`: the account that the machines run as. Its id is made of the cluster's UUID; its
//! description holds the whole of it.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Readiness, Resource, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::api::{
    Api, create_each, each, name_taken, nothing_to_update, operation, outputs, ready,
};
use crate::{
    ownership::{DescriptionMark, account_email, described_intent, foreign, node_account_id},
    wire::ServiceAccount,
};

/// An account for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccountSpec {
    /// Its id, the first part of its e-mail.
    pub account_id: String,
    /// The name that people see.
    pub display_name: String,
}

pub(crate) struct ServiceAccounts(pub(crate) Arc<Api>);

const KIND: &str = "service_account";

impl ServiceAccounts {
    fn email(&self, cx: &Context) -> String {
        account_email(self.0.client.project(), &node_account_id(&cx.owner))
    }

    fn url(&self, email: &str) -> Url {
        self.0.client.iam(&["serviceAccounts", email])
    }

    async fn get(&self, cx: &Context, email: &str) -> Result<Option<ServiceAccount>, CloudError> {
        let operation = format!("read the service account {email}");
        self.0.client.get_optional(cx, &operation, &self.url(email)).await
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &ServiceAccountSpec,
    ) -> Result<Found<ServiceAccountSpec>, CloudError> {
        let operation = operation("create", &request.address);
        let body = json!({
            "accountId": spec.account_id,
            "serviceAccount": {
                "displayName": spec.display_name,
                "description": DescriptionMark::text(&cx.owner, &request.intent_key),
            },
        });
        let url = self.0.client.iam(&["serviceAccounts"]);
        let made = self.0.client.effect(cx, &operation, Method::POST, &url, Some(&body)).await;
        let account: ServiceAccount = match made {
            Ok(account) => account,
            Err(error) if error.kind == ErrorKind::NameTaken => {
                let email = account_email(self.0.client.project(), &spec.account_id);
                self.get(cx, &email).await?.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        match foreign(&cx.owner, &account.description) {
            Some(owner) => Err(name_taken(&operation, &account.email, &owner)),
            None => Ok(found_at(cx, request.address.clone(), &account)),
        }
    }
}

fn found_at(cx: &Context, address: Address, account: &ServiceAccount) -> Found<ServiceAccountSpec> {
    let account_id = account.email.split('@').next().unwrap_or_default().to_owned();
    let spec = ServiceAccountSpec { account_id, display_name: account.display_name.clone() };
    let outputs = outputs([
        ("id", json!(account.email)),
        ("email", json!(account.email)),
        ("member", json!(format!("serviceAccount:{}", account.email))),
    ]);
    let intent = described_intent(&cx.owner, &account.description);
    let mut found = ready(address, &account.email, spec, intent, outputs);
    if account.disabled {
        found.readiness = Readiness::Failed {
            reason: "somebody disabled it".to_owned(),
            help: Some(format!("run `gcloud iam service-accounts enable {}`", account.email)),
        };
    }
    found
}

#[async_trait]
impl Resource for ServiceAccounts {
    type Spec = ServiceAccountSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "account_id" => OnChange::Replace,
            _ => OnChange::CreateOnly,
        }
    }

    /// Reads the one account that a cluster has, because a list holds those of everybody.
    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<ServiceAccountSpec>>, CloudError> {
        let account = self.get(cx, &self.email(cx)).await?;
        let own = account.filter(|account| foreign(&cx.owner, &account.description).is_none());
        let found = own.map(|account| found_at(cx, Address::new(KIND, "nodes"), &account));
        Ok(found.into_iter().collect())
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<ServiceAccountSpec>>>, CloudError> {
        each(known, |known| async move {
            let Some(account) = self.get(cx, &self.email(cx)).await? else {
                return Ok(Presence::Absent);
            };
            if let Some(owner) = foreign(&cx.owner, &account.description) {
                return Ok(Presence::Foreign { owner });
            }

            Ok(Presence::Owned(found_at(cx, known.address.clone(), &account)))
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, ServiceAccountSpec)],
    ) -> Vec<Result<Found<ServiceAccountSpec>, CloudError>> {
        create_each(requests, |request, spec| self.create_one(cx, request, spec)).await
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: ServiceAccountSpec,
    ) -> Result<Found<ServiceAccountSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let url = self.url(&self.email(cx));
        let client = &self.0.client;
        let deleted: Result<Value, _> =
            client.effect(cx, &operation, Method::DELETE, &url, None::<&()>).await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}
