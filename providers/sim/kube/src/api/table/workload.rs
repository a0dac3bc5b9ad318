//! The columns of workloads.

use serde_json::{Value, json};

use super::age;
use super::cells::{list, number, reference, text};
use super::column::Cell::*;
use super::column::{AGE, Column, NAME, Table, col, wide};

const CONTAINERS: Column = wide("Containers", Containers("/spec/template/spec", "name"));
const IMAGES: Column = wide("Images", Containers("/spec/template/spec", "image"));
const SELECTOR: Column = wide("Selector", Selector("/spec/selector"));
/// The spec of the pods of a CronJob.
const CRON_POD: &str = "/spec/jobTemplate/spec/template/spec";

pub(super) static TABLES: &[Table] = &[
    Table {
        kinds: &["deployments.apps"],
        columns: &[
            NAME,
            col("Ready", Ratio("/status/readyReplicas", "/spec/replicas")),
            col("Up-to-date", Number("/status/updatedReplicas")),
            col("Available", Number("/status/availableReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    },
    Table {
        kinds: &["replicasets.apps", "replicationcontrollers"],
        columns: &[
            NAME,
            col("Desired", Number("/spec/replicas")),
            col("Current", Number("/status/replicas")),
            col("Ready", Number("/status/readyReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    },
    Table {
        kinds: &["statefulsets.apps"],
        columns: &[
            NAME,
            col("Ready", Ratio("/status/readyReplicas", "/spec/replicas")),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
    },
    Table {
        kinds: &["daemonsets.apps"],
        columns: &[
            NAME,
            col("Desired", Number("/status/desiredNumberScheduled")),
            col("Current", Number("/status/currentNumberScheduled")),
            col("Ready", Number("/status/numberReady")),
            col("Up-to-date", Number("/status/updatedNumberScheduled")),
            col("Available", Number("/status/numberAvailable")),
            col("Node Selector", Pairs("/spec/template/spec/nodeSelector")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    },
    Table {
        kinds: &["controllerrevisions.apps"],
        columns: &[
            NAME,
            col("Controller", With(controller)),
            col("Revision", Plain("/revision")),
            AGE,
        ],
    },
    Table {
        kinds: &["jobs.batch"],
        columns: &[
            NAME,
            col("Status", With(job_status)),
            col("Completions", With(completions)),
            col("Duration", With(duration)),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    },
    Table {
        kinds: &["cronjobs.batch"],
        columns: &[
            NAME,
            col("Schedule", Plain("/spec/schedule")),
            col("Timezone", Text("/spec/timeZone", "<none>")),
            col(
                "Suspend",
                With(|o| json!(if o["spec"]["suspend"] == true { "True" } else { "False" })),
            ),
            col("Active", Count("/status/active")),
            col("Last Schedule", With(last_schedule)),
            AGE,
            wide("Containers", Containers(CRON_POD, "name")),
            wide("Images", Containers(CRON_POD, "image")),
            wide("Selector", Selector("/spec/jobTemplate/spec/selector")),
        ],
    },
    Table {
        kinds: &["poddisruptionbudgets.policy"],
        columns: &[
            NAME,
            col("Min Available", Text("/spec/minAvailable", "N/A")),
            col("Max Unavailable", Text("/spec/maxUnavailable", "N/A")),
            col("Allowed Disruptions", Number("/status/disruptionsAllowed")),
            AGE,
        ],
    },
    Table {
        kinds: &["horizontalpodautoscalers.autoscaling"],
        columns: &[
            NAME,
            col("Reference", With(|o| reference(&o["spec"]["scaleTargetRef"]))),
            col("Targets", With(targets)),
            col("MinPods", Text("/spec/minReplicas", "<unset>")),
            col("MaxPods", Number("/spec/maxReplicas")),
            col("Replicas", Number("/status/currentReplicas")),
            AGE,
        ],
    },
];

fn controller(revision: &Value) -> Value {
    let owner = &revision["metadata"]["ownerReferences"][0];
    match (owner["kind"].as_str(), owner["name"].as_str()) {
        (Some(kind), Some(name)) => json!(format!("{}.apps/{name}", kind.to_lowercase())),
        _ => json!("<none>"),
    }
}

fn job_status(job: &Value) -> Value {
    let is = |kind: &str| {
        list(&job["status"]["conditions"])
            .iter()
            .any(|c| c["type"] == kind && c["status"] == "True")
    };
    json!(if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if job["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else {
        "Running"
    })
}

fn completions(job: &Value) -> Value {
    let spec = &job["spec"];
    let done = number(&job["status"]["succeeded"]);
    json!(match spec["completions"].as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None if number(&spec["parallelism"]) > 1 => {
            format!("{done}/1 of {}", number(&spec["parallelism"]))
        }
        None => format!("{done}/1"),
    })
}

fn duration(job: &Value) -> Value {
    let at = |field: &str| text(&job["status"][field]).parse::<jiff::Timestamp>().ok();
    json!(at("startTime").map_or(String::new(), |start| {
        let end = at("completionTime").unwrap_or_else(jiff::Timestamp::now);
        age::human(end.as_second() - start.as_second())
    }))
}

fn last_schedule(cron_job: &Value) -> Value {
    let at = &cron_job["status"]["lastScheduleTime"];
    if at.is_string() { age::since(at) } else { json!("<none>") }
}

fn targets(autoscaler: &Value) -> Value {
    let goals: Vec<String> = list(&autoscaler["spec"]["metrics"])
        .iter()
        .map(|metric| {
            let resource = &metric["resource"];
            let name = resource["name"].as_str().unwrap_or("metric");
            let goal = number(&resource["target"]["averageUtilization"]);
            format!("{name}: <unknown>/{goal}%")
        })
        .collect();
    json!(goals.join(", "))
}
