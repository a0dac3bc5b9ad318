//! Service accounts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::policy;
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::compute::{fingerprint, operations::number, shape};
use crate::gcp::http::{Call, Refusal, Reply, Routes, page};
use crate::world::{GcpServiceAccount, State as World};

const ALL: &str = "/v1/projects/{project}/serviceAccounts";
const ONE: &str = "/v1/projects/{project}/serviceAccounts/{account}";
/// How many accounts a page has when the caller names no number.
const PAGE: usize = 20;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, create);
    routes.get(ONE, get);
    routes.delete(ONE, delete);
}

fn view(project: &str, account: &GcpServiceAccount) -> Value {
    let mut body = json!({
        "name": format!("projects/{project}/serviceAccounts/{}", account.email),
        "projectId": project,
        "uniqueId": account.number.to_string(),
        "email": account.email,
        "oauth2ClientId": account.number.to_string(),
    });
    for (name, value) in
        [("displayName", &account.display_name), ("description", &account.description)]
    {
        if !value.is_empty() {
            body[name] = json!(value);
        }
    }
    body["etag"] = json!(fingerprint(&body));
    body
}

/// Makes the account that every project with Compute Engine has.
fn of_project(gcp: &Gcp) -> GcpServiceAccount {
    let account = gcp.account();
    GcpServiceAccount {
        seq: 0,
        email: format!("{}-compute@developer.gserviceaccount.com", account.number),
        number: number(gcp.sim().seed, 0),
        display_name: "Compute Engine default service account".to_owned(),
        description: String::new(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn find(w: &World, call: &Call) -> Result<Arc<GcpServiceAccount>, Refusal> {
    let wanted = call.value("account");
    let by_number = || w.gcp_service_accounts.iter().find(|a| a.number.to_string() == wanted);
    let found = w.gcp_service_accounts.by_id(wanted).or_else(by_number).cloned();
    found
        .filter(|_| !call.meets(Effect::NotYet))
        .ok_or_else(|| Refusal::not_found("Unknown service account"))
}

async fn list(gcp: Arc<Gcp>, mut call: Call) -> Reply {
    if call.query.get("pageSize").is_none() {
        call.query.set("pageSize", &PAGE.to_string());
    }
    let project = gcp.account().project.clone();
    let own = of_project(&gcp);
    let stale = call.stale();
    let accounts = gcp.sim().world.read(|w| {
        let all = w
            .gcp_service_accounts
            .iter()
            .filter(|a| stale.is_none_or(|age| !w.gcp_service_accounts.younger(a.seq, age)))
            .map(|a| view(&project, a));
        std::iter::once(view(&project, &own)).chain(all).collect()
    });
    let (accounts, next) = page(&call, "pageSize", accounts)?;
    let mut body = json!({ "accounts": accounts });
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}

async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    let own = of_project(&gcp);
    if call.value("account") == own.email {
        return Ok(view(&gcp.account().project, &own));
    }
    let found = gcp.sim().world.read(|w| find(w, &call))?;
    Ok(view(&gcp.account().project, &found))
}

async fn create(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = call.body(shape("CreateServiceAccountRequest"))?;
    let id = body["accountId"].as_str().unwrap_or_default();
    let is_good = (6..=30).contains(&id.len()) && crate::gcp::compute::is_name(id);
    if !is_good {
        return Err(Refusal::invalid(format!(
            "Account ID '{id}' must be between 6 and 30 characters of a-z, 0-9 and -, and begin with a letter."
        )));
    }
    let text = |name: &str| body["serviceAccount"][name].as_str().unwrap_or_default().to_owned();
    let (display_name, description) = (text("displayName"), text("description"));
    if display_name.len() > 100 || description.len() > 256 {
        return Err(Refusal::invalid("The display name or the description is too long."));
    }
    let project = gcp.account().project.clone();
    let email = format!("{id}@{project}.iam.gserviceaccount.com");
    gcp.sim().world.write(|w| {
        if w.gcp_service_accounts.by_id(&email).is_some() {
            return Err(Refusal::exists(format!(
                "Service account {id} already exists within project projects/{project}."
            ))
            .detail(json!({
                "@type": "type.googleapis.com/google.rpc.ResourceInfo",
                "resourceName": format!("projects/{project}/serviceAccounts/{email}"),
            })));
        }
        let seq = w.counters.next_order();
        let account = w.gcp_service_accounts.put(GcpServiceAccount {
            seq,
            email: email.clone(),
            number: number(w.counters.seed, seq),
            display_name,
            description,
            created_at: jiff::Timestamp::now(),
        });
        Ok(view(&project, &account))
    })
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.write(|w| {
        let account = find(w, &call)?;
        policy::forget(w, &account);
        w.gcp_service_accounts.remove(account.seq);
        Ok(json!({}))
    })
}
