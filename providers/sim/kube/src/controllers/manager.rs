//! Runs the controllers: one watch feeds the index and wakes keys, each controller has a queue.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::{Controller, Ctx, Next};
use super::index::{Change, Key};
use super::kinds::EVENTS;
use super::queue::Queue;
use crate::{Cluster, EventKind, Resource};

struct Slot {
    controller: Arc<dyn Controller>,
    queue: Arc<Queue>,
}

/// Starts the controllers on a cluster; they end when `stop` is cancelled.
pub fn run(cluster: Cluster, controllers: Vec<Arc<dyn Controller>>, stop: CancellationToken) {
    let ctx = Arc::new(Ctx::new(cluster));
    let slots: Vec<Slot> = controllers
        .into_iter()
        .map(|controller| Slot { controller, queue: Arc::new(Queue::default()) })
        .collect();
    for slot in &slots {
        for _ in 0..slot.controller.workers() {
            let work = worker(ctx.clone(), slot.controller.clone(), slot.queue.clone());
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(work).await });
        }
    }
    tokio::spawn(async move { stop.run_until_cancelled(feed(ctx, slots)).await });
}

async fn worker(ctx: Arc<Ctx>, controller: Arc<dyn Controller>, queue: Arc<Queue>) {
    loop {
        let key = queue.next().await;
        ctx.synced().await;
        match controller.reconcile(&ctx, &key).await {
            Ok(next) => {
                queue.forget(&key);
                if let Next::After(delay) = next {
                    queue.add_after(key.clone(), ctx.real(delay));
                }
            }
            Err(error) => {
                tracing::debug!(controller = controller.name(), key = %format_args!("{}/{}", key.ns, key.name), %error, "again");
                queue.retry(&key);
            }
        }
        queue.done(&key);
    }
}

/// Feeds the index for ever; lists again when the watch has lost its place.
async fn feed(ctx: Arc<Ctx>, slots: Vec<Slot>) {
    let mut first = true;
    loop {
        let from = ctx.store().revision();
        list(&ctx, &slots, first);
        first = false;
        ctx.applied.send_replace(from);
        let mut watch = ctx.store().watch_all(from);
        while let Ok(event) = watch.next().await {
            let deleted = event.kind == EventKind::Deleted;
            let change = ctx.index.apply(&event.resource, event.object, deleted);
            wake(&ctx, &slots, &change);
            ctx.applied.send_replace(event.rv);
            tokio::task::consume_budget().await;
        }
        tracing::debug!("the watch of the controllers lost its place");
    }
}

fn list(ctx: &Ctx, slots: &[Slot], first: bool) {
    let mut gone: HashSet<Key> = ctx.index.keys().into_iter().collect();
    let mut changes = Vec::new();
    for resource in ctx.store().kinds() {
        for object in ctx.store().list(&resource, None).0 {
            if first && resource.same_kind(&EVENTS) {
                ctx.events.known(&object);
            }
            let change = ctx.index.apply(&resource, object, false);
            gone.remove(&change.key);
            changes.push(change);
        }
    }
    changes.extend(gone.into_iter().filter_map(|k| last_of(ctx, &k.resource, &k)));
    // Keys wake when the whole index is there: an owner may come after its children.
    for change in &changes {
        wake(ctx, slots, change);
    }
}

fn last_of(ctx: &Ctx, resource: &Resource, key: &Key) -> Option<Change> {
    let object = ctx.index.object(key)?;
    Some(ctx.index.apply(resource, object, true))
}

fn wake(ctx: &Ctx, slots: &[Slot], change: &Change) {
    if change.is(&EVENTS) {
        return;
    }
    let mut keys = Vec::new();
    for slot in slots {
        slot.controller.wake(ctx, change, &mut keys);
        if keys.is_empty() {
            continue;
        }
        let pause = slot.controller.gather(ctx);
        for key in keys.drain(..) {
            slot.queue.add_after(key, pause);
        }
    }
}
