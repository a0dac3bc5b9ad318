//! The policy of the project: it is read and written whole, and an etag tells of changes in between.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::compute::shape;
use crate::gcp::http::{Call, Refusal, Reply, Routes};
use crate::world::{GcpPolicy, GcpServiceAccount, State as World};

/// The row of the policy.
const ROW: u64 = 1;
/// There are no more members than this.
const MEMBERS_MAX: usize = 1500;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.post("/v1/projects/{project}:getIamPolicy", get);
    routes.post("/v1/projects/{project}:setIamPolicy", set);
}

/// Returns the policy; a project has one from the start.
fn of(gcp: &Gcp, w: &World) -> GcpPolicy {
    w.gcp_policies.get(ROW).map(|policy| GcpPolicy::clone(policy)).unwrap_or_else(|| {
        let account = gcp.account();
        let number = account.number;
        GcpPolicy {
            seq: ROW,
            version: 0,
            bindings: json!([
                {
                    "role": "roles/container.serviceAgent",
                    "members": [format!("serviceAccount:service-{number}@container-engine-robot.iam.gserviceaccount.com")],
                },
                {
                    "role": "roles/editor",
                    "members": [format!("serviceAccount:{number}-compute@developer.gserviceaccount.com")],
                },
                { "role": "roles/owner", "members": [format!("user:{}", account.email)] },
            ]),
        }
    })
}

fn etag(policy: &GcpPolicy) -> String {
    let mut bytes = b"BwY".to_vec();
    bytes.extend(policy.version.to_be_bytes());
    STANDARD.encode(bytes)
}

fn view(policy: &GcpPolicy) -> Value {
    let has_condition = policy
        .bindings
        .as_array()
        .is_some_and(|all| all.iter().any(|binding| binding.get("condition").is_some()));
    json!({
        "version": if has_condition { 3 } else { 1 },
        "etag": etag(policy),
        "bindings": policy.bindings,
    })
}

async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    call.body(shape("GetIamPolicyRequest"))?;
    Ok(gcp.sim().world.read(|w| view(&of(&gcp, w))))
}

async fn set(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = call.body(shape("SetIamPolicyRequest"))?;
    let Some(policy) = body.get("policy") else {
        return Err(Refusal::invalid("Request must contain a policy."));
    };
    let bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
    gcp.sim().world.write(|w| {
        let before = of(&gcp, w);
        let given = policy["etag"].as_str().unwrap_or_default();
        if !given.is_empty() && given != etag(&before) {
            return Err(Refusal::aborted(
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            ));
        }
        let bindings = checked(w, &call, bindings)?;
        let version = before.version + 1;
        let after = w.gcp_policies.put(GcpPolicy { seq: ROW, version, bindings });
        Ok(view(&after))
    })
}

/// Checks bindings and brings them into the form in which they are kept.
fn checked(w: &World, call: &Call, bindings: Vec<Value>) -> Result<Value, Refusal> {
    let mut kept: Vec<Value> = Vec::new();
    let mut count = 0;
    for binding in bindings {
        let role = binding["role"].as_str().unwrap_or_default().to_owned();
        let is_role = role.starts_with("roles/") || role.contains("/roles/");
        if !is_role {
            return Err(Refusal::invalid(format!(
                "Role ({role}) does not exist in the resource's hierarchy."
            )));
        }
        let mut members: Vec<String> = Vec::new();
        for member in binding["members"].as_array().into_iter().flatten() {
            let member = member.as_str().unwrap_or_default();
            check_member(w, call, member)?;
            if !members.iter().any(|m| m == member) {
                members.push(member.to_owned());
            }
        }
        if members.is_empty() {
            continue;
        }
        count += members.len();
        members.sort();
        let mut binding = binding;
        binding["members"] = json!(members);
        kept.push(binding);
    }
    if count > MEMBERS_MAX {
        return Err(Refusal::invalid(
            "The number of members in the policy is larger than the maximum allowed size.",
        ));
    }
    if !kept.iter().any(|binding| binding["role"] == "roles/owner") {
        return Err(Refusal::invalid("Policy must contain an owner of the project.").detail(
            json!({
                "@type": "type.googleapis.com/google.cloudresourcemanager.v1.ProjectIamPolicyError",
                "type": "ROLE_NOT_GRANTABLE",
            }),
        ));
    }
    kept.sort_by(|a, b| a["role"].as_str().cmp(&b["role"].as_str()));
    Ok(json!(kept))
}

/// Refuses members that can't be, and service accounts of the project that are not there.
fn check_member(w: &World, call: &Call, member: &str) -> Result<(), Refusal> {
    let kinds =
        ["user", "serviceAccount", "group", "domain", "deleted", "principal", "principalSet"];
    let Some((kind, rest)) = member.split_once(':') else {
        return Err(Refusal::invalid(format!("Invalid member: {member}")));
    };
    if !kinds.contains(&kind) || rest.is_empty() {
        return Err(Refusal::invalid(format!("Invalid member: {member}")));
    }
    let of_project = rest.ends_with(&format!("@{}.iam.gserviceaccount.com", call.project()));
    let is_there = w.gcp_service_accounts.by_id(rest).is_some() && !call.meets(Effect::NotYet);
    if kind == "serviceAccount" && of_project && !is_there {
        return Err(Refusal::invalid(format!("Service account {rest} does not exist.")));
    }
    Ok(())
}

/// Marks a deleted service account in the policy, where it stays.
pub fn forget(w: &mut World, account: &GcpServiceAccount) {
    let member = format!("serviceAccount:{}", account.email);
    let deleted = json!(format!("deleted:{member}?uid={}", account.number));
    w.gcp_policies.modify(ROW, |policy| {
        for binding in policy.bindings.as_array_mut().into_iter().flatten() {
            for one in binding["members"].as_array_mut().into_iter().flatten() {
                if *one == member.as_str() {
                    *one = deleted.clone();
                }
            }
        }
        policy.version += 1;
    });
}
