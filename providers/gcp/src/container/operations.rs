//! Operations: what GKE does at the moment, as people read it, and waiting for its end.

use std::time::{Duration, Instant};

use google_cloud_container_v1::model::{
    Operation,
    operation::{Status, Type},
};
use infra_provider_api::{Address, CloudError, Context, ErrorKind};

use super::{ClusterPath, Container, Target};

/// How long an operation of ours is waited for. Upgrades of control planes are the longest.
const OPERATION_MAX: Duration = Duration::from_secs(60 * 60);

/// Returns the path of an operation on a cluster.
pub(super) fn path(cluster: &ClusterPath, operation: &Operation) -> String {
    format!("{}/operations/{}", cluster.parent(), operation.name)
}

fn is_over(operation: &Operation) -> bool {
    matches!(operation.status, Status::Done)
}

/// Returns what a link is about, from `clusters/` on. Links have the number of the project, or its id, and
/// `zones` or `locations`.
fn tail(link: &str) -> Option<(&str, &str)> {
    let (before, tail) = link.split_once("/clusters/")?;
    Some((before.rsplit('/').next()?, tail))
}

/// Reports whether an operation keeps others from `target`.
fn is_about(operation: &Operation, target: &Target) -> bool {
    let cluster = target.cluster();
    let Some((location, tail)) = tail(&operation.target_link) else { return false };
    if location != cluster.location {
        return false;
    }
    let (name, pool) = tail.split_once("/nodePools/").map_or((tail, None), |(c, p)| (c, Some(p)));
    name == cluster.name
        && match (target, pool) {
            (Target::Cluster(_), _) | (_, None) => true,
            (Target::Pool(path), Some(pool)) => path.name == pool,
        }
}

/// Describes an operation: `UPGRADE_MASTER, 8 of 12 CLUSTER_DEPLOYING (operation-1)`.
pub(crate) fn describe(operation: &Operation) -> String {
    let kind = match &operation.operation_type {
        Type::Unspecified => "an operation",
        kind => kind.name().unwrap_or("an operation"),
    };
    let mut text = kind.to_owned();
    if !operation.detail.is_empty() {
        text = format!("{text}, {}", operation.detail);
    }
    if let Some(progress) = progress(operation) {
        text = format!("{text}, {progress}");
    }
    format!("{text} ({})", operation.name)
}

/// Returns the first part of an operation that is not complete. Metrics come in pairs: `X` and `X_TOTAL`.
fn progress(operation: &Operation) -> Option<String> {
    let metrics = &operation.progress.as_ref()?.metrics;
    let value = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.name == name)?;
        metric.int_value().copied()
    };
    metrics.iter().find_map(|metric| {
        let total = value(&format!("{}_TOTAL", metric.name))?;
        let done = metric.int_value().copied()?;
        (done < total).then(|| format!("{done} of {total} {}", metric.name))
    })
}

impl Container {
    /// Lists the operations of a location that are not over.
    pub(crate) async fn running_all(
        &self,
        cx: &Context,
        operation: &str,
        cluster: &ClusterPath,
    ) -> Result<Vec<Operation>, CloudError> {
        let parent = cluster.parent();
        let answer = self
            .read(cx, operation, &format!("v1/{parent}/operations"), |client| {
                let parent = parent.clone();
                async move { client.list_operations().set_parent(parent).send().await }
            })
            .await?;
        Ok(answer.operations.into_iter().filter(|one| !is_over(one)).collect())
    }

    /// Returns the operation that keeps others from `target`, if there is one.
    pub(crate) async fn running(
        &self,
        cx: &Context,
        operation: &str,
        target: &Target,
    ) -> Result<Option<Operation>, CloudError> {
        let all = self.running_all(cx, operation, target.cluster()).await?;
        Ok(pick(&all, target).cloned())
    }

    /// Returns the operation of that path, unless it is over or Google forgot it.
    pub(super) async fn under_way(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<Option<Operation>, CloudError> {
        let answer = self.operation(cx, operation, name).await?;
        Ok(answer.filter(|one| !is_over(one)))
    }

    async fn operation(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<Option<Operation>, CloudError> {
        let answer = self
            .read(cx, operation, &format!("v1/{name}"), |client| {
                let name = name.to_owned();
                async move { client.get_operation().set_name(name).send().await }
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until an operation of ours is over.
    ///
    /// # Errors
    /// Returns what the operation ended with.
    pub(crate) async fn wait(
        &self,
        cx: &Context,
        address: &Address,
        operation: &str,
        cluster: &ClusterPath,
        begun: Operation,
    ) -> Result<(), CloudError> {
        let name = path(cluster, &begun);
        let began = Instant::now();
        let mut look = 0;
        let mut seen = begun;
        while !is_over(&seen) {
            let what = describe(&seen);
            if began.elapsed() > self.scaled(OPERATION_MAX) {
                let message = format!("it is not over: {what}");
                return Err(CloudError::new(ErrorKind::Deadline, operation, message));
            }
            self.pause(cx, address, operation, &format!("waiting for {what}"), look).await?;
            look += 1;
            match self.operation(cx, operation, &name).await? {
                Some(now) => seen = now,
                None => return Ok(()),
            }
        }
        self.note_write();
        match &seen.error {
            Some(status) => Err(ended(operation, status.code, &status.message)),
            None => Ok(()),
        }
    }
}

/// Returns the operation among `all` that keeps others from `target`; one on the same pool comes first.
pub(crate) fn pick<'a>(all: &'a [Operation], target: &Target) -> Option<&'a Operation> {
    let about = || all.iter().filter(|one| is_about(one, target));
    let own = |one: &&Operation| one.target_link.contains("/nodePools/");
    match target {
        Target::Pool(_) => about().find(own).or_else(|| about().next()),
        Target::Cluster(_) => about().find(|one| !own(one)).or_else(|| about().next()),
    }
}

/// Makes the error of an operation that ended with one, by its canonical code.
fn ended(operation: &str, code: i32, message: &str) -> CloudError {
    let kind = match code {
        7 => ErrorKind::Forbidden,
        8 => ErrorKind::Quota,
        10 => ErrorKind::Busy,
        13 | 14 => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    };
    CloudError::new(kind, operation, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(target: &str) -> Operation {
        let base = "https://container.googleapis.com/v1/projects/123/zones/europe-west3-a/clusters";
        serde_json::from_value(json!({
            "name": "operation-1", "operationType": "UPGRADE_MASTER", "status": "RUNNING",
            "targetLink": format!("{base}/{target}"),
            "progress": {"metrics": [
                {"name": "CLUSTER_CONFIGURING", "intValue": "8"},
                {"name": "CLUSTER_CONFIGURING_TOTAL", "intValue": "8"},
                {"name": "CLUSTER_DEPLOYING", "intValue": "3"},
                {"name": "CLUSTER_DEPLOYING_TOTAL", "intValue": "12"},
            ]},
        }))
        .unwrap()
    }

    #[test]
    fn an_operation_says_how_far_it_is() {
        let text = describe(&operation("shop"));
        assert_eq!(text, "UPGRADE_MASTER, 3 of 12 CLUSTER_DEPLOYING (operation-1)");
    }

    #[test]
    fn what_is_in_the_way_is_found_by_its_link() {
        let path = ClusterPath::parse("projects/p/locations/europe-west3-a/clusters/shop").unwrap();
        let whole = Target::Cluster(path.clone());
        let pool = Target::Pool(path.pool("worker"));
        let elsewhere = Target::Cluster(ClusterPath { location: "europe-west3".into(), ..path });
        assert!(is_about(&operation("shop"), &whole) && is_about(&operation("shop"), &pool));
        assert!(is_about(&operation("shop/nodePools/worker"), &whole));
        assert!(is_about(&operation("shop/nodePools/worker"), &pool));
        assert!(!is_about(&operation("shop/nodePools/worker-g2"), &pool));
        assert!(!is_about(&operation("shop-2"), &whole));
        assert!(!is_about(&operation("shop"), &elsewhere));
        let all = [operation("shop"), operation("shop/nodePools/worker")];
        assert_eq!(
            pick(&all, &pool).map(|one| one.target_link.len()),
            Some(all[1].target_link.len())
        );
    }

    #[test]
    fn an_operation_that_failed_tells_why() {
        assert_eq!(ended("x", 8, "GCE_QUOTA").kind, ErrorKind::Quota);
        assert_eq!(ended("x", 3, "no").kind, ErrorKind::Invalid);
    }
}
