use serde_json::{Value, json};

use super::{View, age, age_of, containers, name, number, or, selector};

pub(super) fn view(plural: &str) -> Option<View> {
    Some(match plural {
        "deployments" => View {
            columns: &[
                ("Name", false),
                ("Ready", false),
                ("Up-to-date", false),
                ("Available", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
                ("Selector", true),
            ],
            row: |o| {
                let (spec, status) = (&o["spec"], &o["status"]);
                let pod = &spec["template"]["spec"];
                vec![
                    name(o),
                    json!(format!(
                        "{}/{}",
                        number(&status["readyReplicas"]),
                        number(&spec["replicas"])
                    )),
                    json!(number(&status["updatedReplicas"])),
                    json!(number(&status["availableReplicas"])),
                    age_of(o),
                    containers(pod, "name"),
                    containers(pod, "image"),
                    selector(&spec["selector"]),
                ]
            },
        },
        "replicasets" | "replicationcontrollers" => View {
            columns: &[
                ("Name", false),
                ("Desired", false),
                ("Current", false),
                ("Ready", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
                ("Selector", true),
            ],
            row: |o| {
                let (spec, status) = (&o["spec"], &o["status"]);
                let pod = &spec["template"]["spec"];
                vec![
                    name(o),
                    json!(number(&spec["replicas"])),
                    json!(number(&status["replicas"])),
                    json!(number(&status["readyReplicas"])),
                    age_of(o),
                    containers(pod, "name"),
                    containers(pod, "image"),
                    selector(&spec["selector"]),
                ]
            },
        },
        "statefulsets" => View {
            columns: &[
                ("Name", false),
                ("Ready", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
            ],
            row: |o| {
                let pod = &o["spec"]["template"]["spec"];
                vec![
                    name(o),
                    json!(format!(
                        "{}/{}",
                        number(&o["status"]["readyReplicas"]),
                        number(&o["spec"]["replicas"])
                    )),
                    age_of(o),
                    containers(pod, "name"),
                    containers(pod, "image"),
                ]
            },
        },
        "daemonsets" => View {
            columns: &[
                ("Name", false),
                ("Desired", false),
                ("Current", false),
                ("Ready", false),
                ("Up-to-date", false),
                ("Available", false),
                ("Node Selector", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
                ("Selector", true),
            ],
            row: |o| {
                let status = &o["status"];
                let pod = &o["spec"]["template"]["spec"];
                vec![
                    name(o),
                    json!(number(&status["desiredNumberScheduled"])),
                    json!(number(&status["currentNumberScheduled"])),
                    json!(number(&status["numberReady"])),
                    json!(number(&status["updatedNumberScheduled"])),
                    json!(number(&status["numberAvailable"])),
                    super::pairs(&pod["nodeSelector"]),
                    age_of(o),
                    containers(pod, "name"),
                    containers(pod, "image"),
                    selector(&o["spec"]["selector"]),
                ]
            },
        },
        "jobs" => View {
            columns: &[
                ("Name", false),
                ("Status", false),
                ("Completions", false),
                ("Duration", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
                ("Selector", true),
            ],
            row: job,
        },
        "cronjobs" => View {
            columns: &[
                ("Name", false),
                ("Schedule", false),
                ("Timezone", false),
                ("Suspend", false),
                ("Active", false),
                ("Last Schedule", false),
                ("Age", false),
                ("Containers", true),
                ("Images", true),
                ("Selector", true),
            ],
            row: |o| {
                let spec = &o["spec"];
                let job = &spec["jobTemplate"]["spec"];
                let suspended = if spec["suspend"] == true { "True" } else { "False" };
                let last = if o["status"]["lastScheduleTime"].is_string() {
                    age::since(&o["status"]["lastScheduleTime"])
                } else {
                    json!("<none>")
                };
                vec![
                    name(o),
                    spec["schedule"].clone(),
                    or(&spec["timeZone"], "<none>"),
                    json!(suspended),
                    json!(o["status"]["active"].as_array().map_or(0, Vec::len)),
                    last,
                    age_of(o),
                    containers(&job["template"]["spec"], "name"),
                    containers(&job["template"]["spec"], "image"),
                    selector(&job["selector"]),
                ]
            },
        },
        "poddisruptionbudgets" => View {
            columns: &[
                ("Name", false),
                ("Min Available", false),
                ("Max Unavailable", false),
                ("Allowed Disruptions", false),
                ("Age", false),
            ],
            row: |o| {
                vec![
                    name(o),
                    or(&o["spec"]["minAvailable"], "N/A"),
                    or(&o["spec"]["maxUnavailable"], "N/A"),
                    json!(number(&o["status"]["disruptionsAllowed"])),
                    age_of(o),
                ]
            },
        },
        "horizontalpodautoscalers" => View {
            columns: &[
                ("Name", false),
                ("Reference", false),
                ("Targets", false),
                ("MinPods", false),
                ("MaxPods", false),
                ("Replicas", false),
                ("Age", false),
            ],
            row: |o| {
                let target = &o["spec"]["scaleTargetRef"];
                let reference = format!(
                    "{}/{}",
                    target["kind"].as_str().unwrap_or_default(),
                    target["name"].as_str().unwrap_or_default()
                );
                let goals: Vec<String> = o["spec"]["metrics"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|metric| {
                        let resource = &metric["resource"];
                        format!(
                            "{}: <unknown>/{}%",
                            resource["name"].as_str().unwrap_or("metric"),
                            number(&resource["target"]["averageUtilization"])
                        )
                    })
                    .collect();
                vec![
                    name(o),
                    json!(reference),
                    json!(goals.join(", ")),
                    or(&o["spec"]["minReplicas"], "<unset>"),
                    json!(number(&o["spec"]["maxReplicas"])),
                    json!(number(&o["status"]["currentReplicas"])),
                    age_of(o),
                ]
            },
        },
        "controllerrevisions" => View {
            columns: &[("Name", false), ("Controller", false), ("Revision", false), ("Age", false)],
            row: |o| {
                let owner = &o["metadata"]["ownerReferences"][0];
                let owner = match (owner["kind"].as_str(), owner["name"].as_str()) {
                    (Some(kind), Some(name)) => format!("{}.apps/{name}", kind.to_lowercase()),
                    _ => "<none>".into(),
                };
                vec![name(o), json!(owner), o["revision"].clone(), age_of(o)]
            },
        },
        _ => return None,
    })
}

fn job(o: &Value) -> Vec<Value> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let is = |kind: &str| {
        status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|c| c["type"] == kind && c["status"] == "True")
    };
    let state = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if o["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else {
        "Running"
    };
    let done = number(&status["succeeded"]);
    let completions = match spec["completions"].as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None if number(&spec["parallelism"]) > 1 => {
            format!("{done}/1 of {}", number(&spec["parallelism"]))
        }
        None => format!("{done}/1"),
    };
    let at =
        |field: &str| status[field].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let duration = at("startTime").map_or(String::new(), |start| {
        let end = at("completionTime").unwrap_or_else(jiff::Timestamp::now);
        age::human(end.as_second() - start.as_second())
    });
    let pod = &spec["template"]["spec"];
    vec![
        name(o),
        json!(state),
        json!(completions),
        json!(duration),
        age_of(o),
        containers(pod, "name"),
        containers(pod, "image"),
        selector(&spec["selector"]),
    ]
}
