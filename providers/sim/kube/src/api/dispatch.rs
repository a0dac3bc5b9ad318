//! Dispatch: it finds out who asks for what, whether that is allowed, and which handler answers.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde_json::json;

use super::auth::{self, Action, User};
use super::call::{Call, Listing};
use super::context::Server;
use super::error::{ApiError, ApiResult};
use super::request::{PathParts, Query, Target, parse_path};
use super::{body, discovery, media, subresource, verbs};

/// Answers a request; refusals become Status objects.
pub(crate) async fn dispatch(
    server: &Arc<Server>,
    certificate: Option<User>,
    request: Request<Incoming>,
    listing: Listing,
) -> Response<Body> {
    let mut response = match handle(server, certificate, request, listing).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = media::json(error.code, &error.status());
            if let Some(seconds) = error.details["retryAfterSeconds"].as_u64() {
                response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
            }
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert("audit-id", header_value(&uuid::Uuid::new_v4().to_string()));
    headers.insert("cache-control", header_value("no-cache, private"));
    response
}

fn header_value(text: &str) -> http::HeaderValue {
    http::HeaderValue::from_str(text).unwrap_or_else(|_| http::HeaderValue::from_static(""))
}

async fn handle(
    server: &Arc<Server>,
    certificate: Option<User>,
    request: Request<Incoming>,
    listing: Listing,
) -> ApiResult<Response<Body>> {
    let (mut parts, incoming) = request.into_parts();
    let upgrade = Mutex::new(parts.extensions.remove::<OnUpgrade>());
    let user = server.shared.authenticator.user(certificate, &parts.headers)?;
    let user = impersonate(server, user, &parts.headers)?;
    let path = parts.uri.path().to_owned();
    let query = Query::parse(parts.uri.query());
    let about = parse_path(&path);
    authorize(server, &user, &parts.method, &path, &query, about.as_ref())?;
    let body = body::read(incoming).await?;
    let (method, headers) = (parts.method, parts.headers);
    let call = Call { method, path, query, headers, body, user, listing, upgrade };
    match about {
        Some(about) => {
            let watch = about.watch;
            let target = about.resolve(&server.registry)?;
            objects(server, &call, &target, watch).await
        }
        None => discovery::answer(server, &call),
    }
}

/// Handles `kubectl --as`: a user who may impersonate acts as the other from here on.
fn impersonate(server: &Server, user: User, headers: &HeaderMap) -> ApiResult<User> {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let groups: Vec<String> =
        headers.get_all("impersonate-group").iter().filter_map(text).collect();
    let Some(name) = headers.get("impersonate-user").and_then(text) else {
        if groups.is_empty() {
            return Ok(user);
        }
        let message = "requested groups without impersonating a user";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message));
    };
    let account = name.strip_prefix("system:serviceaccount:").and_then(|r| r.split_once(':'));
    let mut wanted = vec![match account {
        Some((namespace, account)) => ("serviceaccounts", account.to_owned(), namespace.to_owned()),
        None => ("users", name.clone(), String::new()),
    }];
    wanted.extend(groups.iter().map(|group| ("groups", group.clone(), String::new())));
    for (resource, name, namespace) in wanted {
        let action = Action {
            verb: "impersonate".into(),
            resource: resource.into(),
            name,
            namespace,
            ..Action::default()
        };
        if !auth::allowed(server.cluster.store(), &user, &action) {
            return Err(denied(&user, &action));
        }
    }
    let groups = match account {
        Some((namespace, _)) if groups.is_empty() => {
            vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")]
        }
        _ => groups,
    };
    Ok(User::new(name, groups))
}

/// Refuses with 403 what the user may not do; anonymous users may see little.
fn authorize(
    server: &Server,
    user: &User,
    method: &Method,
    path: &str,
    query: &Query,
    about: Option<&PathParts>,
) -> ApiResult<()> {
    let action = match about {
        Some(parts) => Action {
            verb: parts.verb(method, query).to_owned(),
            group: parts.group.clone(),
            resource: match &parts.subresource {
                Some(sub) => format!("{}/{sub}", parts.plural),
                None => parts.plural.clone(),
            },
            name: parts.name.clone().unwrap_or_default(),
            namespace: match (&parts.namespace, parts.plural.as_str()) {
                (None, "namespaces") if parts.group.is_empty() => {
                    parts.name.clone().unwrap_or_default()
                }
                (ns, _) => ns.clone().unwrap_or_default(),
            },
            path: None,
        },
        None => Action {
            verb: method.as_str().to_lowercase(),
            path: Some(path.to_owned()),
            ..Action::default()
        },
    };
    if auth::allowed(server.cluster.store(), user, &action) {
        return Ok(());
    }
    Err(denied(user, &action))
}

fn denied(user: &User, action: &Action) -> ApiError {
    let who = &user.name;
    if let Some(path) = &action.path {
        let message = format!("forbidden: User \"{who}\" cannot {} path \"{path}\"", action.verb);
        return ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message).with_details(json!({}));
    }
    let subject = match (action.group.as_str(), action.name.as_str()) {
        ("", "") => format!("{} is", action.resource),
        ("", name) => format!("{} \"{name}\" is", action.resource),
        (group, "") => format!("{}.{group} is", action.resource),
        (group, name) => format!("{}.{group} \"{name}\" is", action.resource),
    };
    let scope = if action.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", action.namespace)
    };
    let message = format!(
        "{subject} forbidden: User \"{who}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
        action.verb, action.resource, action.group
    );
    let mut details = json!({"kind": action.resource.split('/').next()});
    if !action.name.is_empty() {
        details["name"] = json!(action.name);
    }
    if !action.group.is_empty() {
        details["group"] = json!(action.group);
    }
    ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message).with_details(details)
}

/// Refuses what reads a Secret that another key wrote than those of this API server.
fn readable(server: &Server, call: &Call, target: &Target) -> ApiResult<()> {
    if call.method == Method::POST {
        return Ok(());
    }
    let found = server.cluster.store().unreadable(target.ns(), target.name.as_deref());
    match (found, &target.name) {
        (None, _) => Ok(()),
        (Some((_, why)), Some(_)) => Err(ApiError::internal(why)),
        (Some((key, why)), None) => {
            Err(ApiError::internal(format!("unable to transform key \"{key}\": {why}")))
        }
    }
}

async fn objects(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
    watch: bool,
) -> ApiResult<Response<Body>> {
    if target.subresource.as_deref().is_some_and(|sub| {
        !matches!(sub, "status" | "finalize" | "approval" | "resize" | "ephemeralcontainers")
    }) {
        return subresource::answer(server, call, target).await;
    }
    if target.kind.create_only {
        return match call.method {
            Method::POST => subresource::create_only(server, call, target),
            _ => Err(ApiError::method_not_supported()),
        };
    }
    let watch = watch || call.query.flag("watch");
    if target.kind.group.is_empty() && target.kind.plural == "secrets" {
        readable(server, call, target)?;
    }
    match (call.method.as_str(), target.name.is_some()) {
        ("GET" | "HEAD", _) if watch => verbs::watch(server, call, target),
        ("GET" | "HEAD", true) => verbs::get(server, call, target),
        ("GET" | "HEAD", false) => verbs::list(server, call, target),
        ("POST", false) => verbs::create(server, call, target).await,
        ("PUT", true) => verbs::update(server, call, target).await,
        ("PATCH", true) => verbs::patch(server, call, target).await,
        ("DELETE", true) => verbs::delete(server, call, target),
        ("DELETE", false) => verbs::delete_collection(server, call, target),
        _ => Err(ApiError::method_not_supported()),
    }
}
