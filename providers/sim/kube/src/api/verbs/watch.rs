use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::list::selector;
use super::show;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::media::{self, Form};
use crate::api::request::Target;
use crate::api::table;
use crate::selector::Selector;
use crate::store::namespace_of;
use crate::{Event, EventKind, WatchStream};

const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// One watch under way.
struct Watch {
    kind: Arc<Kind>,
    namespace: Option<String>,
    selector: Selector,
    form: Form,
    include: Option<String>,
    /// Table columns go out with the first event only.
    columns_sent: bool,
    bookmarks: bool,
    stream: WatchStream,
    queue: VecDeque<Bytes>,
    ends: Instant,
    next_bookmark: Instant,
    ended: bool,
    server: Arc<Server>,
}

/// Watches a collection, or one object.
pub(crate) fn watch(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let form = media::form_of(&call.headers)?;
    let mut selector = selector(call, target)?;
    if let Some(name) = &target.name {
        selector = selector.named(name);
    }
    let store = server.cluster.store();
    let resource = target.kind.stored();
    let since = call.query.number("resourceVersion")?.unwrap_or(0);
    let initial = call.query.get("sendInitialEvents").map(|_| call.query.flag("sendInitialEvents"));
    let (objects, rv) = store.list(&resource, target.ns());
    let from_start = initial.unwrap_or(since == 0);
    let seconds =
        call.query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).unwrap_or(3600);
    let mut watch = Watch {
        kind: target.kind.clone(),
        namespace: target.namespace.clone(),
        selector,
        form,
        include: call.query.get("includeObject").map(str::to_owned),
        columns_sent: false,
        bookmarks: call.query.flag("allowWatchBookmarks"),
        stream: store.watch(&resource, if from_start { rv } else { since }),
        queue: VecDeque::new(),
        ends: Instant::now() + Duration::from_secs(seconds.min(86_400)),
        next_bookmark: Instant::now() + BOOKMARK_EVERY,
        ended: false,
        server: server.clone(),
    };
    if from_start {
        for object in &objects {
            if watch.selector.matches(object) {
                watch.send("ADDED", object);
            }
        }
        if initial == Some(true) {
            watch.bookmark(rv, true);
        }
    }
    let body = Body::from_stream(futures::stream::unfold(watch, |mut watch| async move {
        let bytes = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), watch))
    }));
    let mut response = media::typed(StatusCode::OK, "application/json", body);
    if form == Form::Table {
        let media = http::HeaderValue::from_static("application/json;as=Table;v=v1;g=meta.k8s.io");
        response.headers_mut().insert(http::header::CONTENT_TYPE, media);
    }
    Ok(response)
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.queue.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                event = self.stream.next() => match event {
                    Ok(event) => self.event(&event),
                    Err(gone) => {
                        let error = ApiError::expired(gone.to_string());
                        self.line("ERROR", error.status());
                        self.ended = true;
                    }
                },
                () = tokio::time::sleep_until(self.next_bookmark.min(self.ends)) => {
                    self.ended = Instant::now() >= self.ends;
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    if self.bookmarks {
                        self.bookmark(self.stream.position(), false);
                    }
                }
                () = self.server.stop.cancelled() => self.ended = true,
            }
        }
    }

    /// Passes on a change. An object that begins or ceases to match the selector is added or
    /// deleted to the watcher.
    fn event(&mut self, event: &Event) {
        let inside = |object: &Value| {
            self.namespace.as_deref().is_none_or(|ns| ns == namespace_of(object))
                && self.selector.matches(object)
        };
        let before = event.previous.as_deref().is_some_and(inside);
        let after = event.kind != EventKind::Deleted && inside(&event.object);
        match (before, after) {
            (false, true) => self.send("ADDED", &event.object),
            (true, true) => self.send("MODIFIED", &event.object),
            (true, false) if event.kind == EventKind::Deleted => {
                self.send("DELETED", &event.object);
            }
            (true, false) => {
                // The last form that matched, at the revision of the change.
                if let Some(previous) = &event.previous {
                    let mut last = (**previous).clone();
                    last["metadata"]["resourceVersion"] = json!(event.rv.to_string());
                    self.send("DELETED", &Arc::new(last));
                }
            }
            (false, false) => {}
        }
    }

    fn send(&mut self, kind: &str, object: &Arc<Value>) {
        let shown = show::present(&self.kind, object);
        let value = match self.form {
            Form::Full => shown,
            Form::Metadata => show::metadata_only(&shown),
            Form::Table => {
                let columns = !std::mem::replace(&mut self.columns_sent, true);
                let mut table = table::of(&self.kind, &[shown], self.include.as_deref(), columns);
                table["metadata"] =
                    json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                table
            }
        };
        self.line(kind, value);
    }

    fn bookmark(&mut self, rv: u64, initial_end: bool) {
        let mut metadata = json!({"resourceVersion": rv.to_string()});
        if self.form != Form::Table {
            metadata["creationTimestamp"] = Value::Null;
        }
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Full => {
                json!({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": metadata})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Table => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": [], "rows": []})
            }
        };
        self.line("BOOKMARK", object);
    }

    fn line(&mut self, kind: &str, object: Value) {
        let mut line = json!({"type": kind, "object": object}).to_string();
        line.push('\n');
        self.queue.push_back(line.into());
    }
}
