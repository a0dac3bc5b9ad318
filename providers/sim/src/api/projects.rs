//! `/v2/projects`

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{required, time};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{Project, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/projects", get(list).post(create))
        .route("/projects/{id}", get(show).put(replace).patch(patch).delete(delete))
        .route("/projects/{id}/resources", get(resources).post(assign))
}

fn view(api: &Api, p: &Project) -> Value {
    json!({
        "id": p.id,
        "owner_uuid": api.sim.endpoint.account.uuid,
        "owner_id": 1,
        "name": p.name,
        "description": p.description,
        "purpose": p.purpose,
        "environment": p.environment,
        "is_default": p.is_default,
        "created_at": time(p.created_at),
        "updated_at": time(p.updated_at),
    })
}

/// Finds a project by id; `default` stands for the default one.
fn find(w: &World, id: &str) -> Result<Arc<Project>, Refusal> {
    let found = match id {
        "default" => w.projects.iter().find(|p| p.is_default),
        id => w.projects.by_id(id),
    };
    found.cloned().ok_or_else(Refusal::not_found)
}

/// Makes the default project of a new world.
pub fn ensure_default(w: &mut World) {
    if w.projects.is_empty() {
        let now = jiff::Timestamp::now();
        put_new(
            w,
            Project {
                seq: 0,
                id: String::new(),
                name: "first-project".to_owned(),
                description: "Update your project information under Settings".to_owned(),
                purpose: "Just trying out DigitalOcean".to_owned(),
                environment: "Development".to_owned(),
                is_default: true,
                created_at: now,
                updated_at: now,
                resources: Vec::new(),
            },
        );
    }
}

fn put_new(w: &mut World, mut p: Project) -> Arc<Project> {
    p.seq = w.counters.next_order();
    p.id = w.counters.next_uuid();
    w.projects.put(p)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api
        .sim
        .world
        .read(|w| listing.rows("projects", &w.projects, w.projects.iter(), |p| view(&api, p))))
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let project = api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "project": view(&api, &project) })))
}

#[derive(Deserialize)]
struct Spec {
    name: Option<String>,
    description: Option<String>,
    purpose: Option<String>,
    environment: Option<String>,
    is_default: Option<bool>,
}

fn check(w: &World, p: &Project, but: Option<u64>) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::unprocessable(text));
    if p.name.trim().is_empty() || p.name.chars().count() > 175 {
        return refuse("name is required and has at most 175 characters");
    }
    if p.description.chars().count() > 255 || p.purpose.chars().count() > 255 {
        return refuse("description and purpose have at most 255 characters");
    }
    if !["", "Development", "Staging", "Production"].contains(&p.environment.as_str()) {
        return refuse("environment must be Development, Staging or Production");
    }
    if w.projects.by_name(&p.name).any(|x| Some(x.seq) != but) {
        return Err(Refusal::conflict("name is already in use"));
    }
    Ok(())
}

async fn create(State(api): Ctx, Body(body): Body<Spec>) -> Reply {
    let now = jiff::Timestamp::now();
    let project = Project {
        seq: 0,
        id: String::new(),
        name: required("name", body.name.as_deref())?.to_owned(),
        description: body.description.unwrap_or_default(),
        purpose: required("purpose", body.purpose.as_deref())?.to_owned(),
        environment: body.environment.unwrap_or_else(|| "Development".to_owned()),
        is_default: false,
        created_at: now,
        updated_at: now,
        resources: Vec::new(),
    };
    api.sim.world.write(|w| {
        check(w, &project, None)?;
        let project = put_new(w, project);
        Ok(Answer::created(json!({ "project": view(&api, &project) })))
    })
}

async fn replace(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Spec>) -> Reply {
    let whole = body.name.is_some()
        && body.description.is_some()
        && body.purpose.is_some()
        && body.environment.is_some()
        && body.is_default.is_some();
    if !whole {
        return Err(Refusal::unprocessable(
            "name, description, purpose, environment and is_default are required",
        ));
    }
    update(&api, &id, body)
}

async fn patch(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Spec>) -> Reply {
    update(&api, &id, body)
}

fn update(api: &Api, id: &str, body: Spec) -> Reply {
    api.sim.world.write(|w| {
        let mut p = Project::clone(&*find(w, id)?);
        p.name = body.name.unwrap_or(p.name);
        p.description = body.description.unwrap_or(p.description);
        p.purpose = body.purpose.unwrap_or(p.purpose);
        p.environment = body.environment.unwrap_or(p.environment);
        p.updated_at = jiff::Timestamp::now();
        check(w, &p, Some(p.seq))?;
        if body.is_default == Some(true) && !p.is_default {
            let old: Vec<u64> = w.projects.iter().filter(|x| x.is_default).map(|x| x.seq).collect();
            for seq in old {
                w.projects.modify(seq, |x| x.is_default = false);
            }
            p.is_default = true;
        }
        let p = w.projects.put(p);
        Ok(Answer::ok(json!({ "project": view(api, &p) })))
    })
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    if id == "default" {
        return Err(Refusal::method_not_allowed());
    }
    api.sim.world.write(|w| {
        let project = find(w, &id)?;
        if project.is_default {
            return Err(Refusal::precondition_failed("the default project cannot be deleted"));
        }
        if !urns(w, &project).is_empty() {
            return Err(Refusal::precondition_failed(
                "cannot delete a project with resources. move or remove the resources first",
            ));
        }
        w.projects.remove(project.seq);
        Ok(Answer::no_content())
    })
}

/// Lists what is in a project: what was put there, and in the default one all that was put nowhere.
fn urns(w: &World, p: &Project) -> Vec<String> {
    let droplets = w.droplets.iter().map(|d| format!("do:droplet:{}", d.id));
    let volumes = w.volumes.iter().map(|v| format!("do:volume:{}", v.id));
    let balancers = w.load_balancers.iter().map(|l| format!("do:loadbalancer:{}", l.id));
    let domains = w.domains.iter().map(|d| format!("do:domain:{}", d.name));
    let elsewhere =
        |urn: &String| w.projects.iter().any(|o| o.seq != p.seq && o.resources.contains(urn));
    droplets
        .chain(volumes)
        .chain(balancers)
        .chain(domains)
        .filter(|urn| p.resources.contains(urn) || (p.is_default && !elsewhere(urn)))
        .collect()
}

fn resource(urn: &str, at: jiff::Timestamp, status: &str) -> Value {
    json!({ "urn": urn, "assigned_at": time(at), "status": status })
}

async fn resources(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    let (project, urns) = api.sim.world.read(|w| {
        let p = find(w, &id)?;
        let urns = urns(w, &p);
        Ok((p, urns))
    })?;
    Ok(listing.page("resources", urns, |urn| resource(&urn, project.updated_at, "ok")))
}

#[derive(Deserialize)]
struct Assign {
    resources: Vec<String>,
}

async fn assign(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Assign>) -> Reply {
    api.sim.world.write(|w| {
        let target = find(w, &id)?;
        let others: Vec<u64> = w.projects.iter().map(|p| p.seq).collect();
        for seq in others {
            w.projects.modify(seq, |p| {
                p.resources.retain(|r| !body.resources.contains(r));
                if seq == target.seq {
                    p.resources.extend(body.resources.iter().cloned());
                }
            });
        }
        let now = jiff::Timestamp::now();
        let all: Vec<Value> =
            body.resources.iter().map(|urn| resource(urn, now, "assigned")).collect();
        Ok(Answer::ok(json!({ "resources": all })))
    })
}
