use serde_json::{Value, json};

use super::{meta, pod};
use crate::api::field_error::{Errors, FieldError};
use crate::api::kind::Kind;
use crate::selector;

fn not_negative(spec: &Value, path: &str, field: &str, errors: &mut Errors) {
    if let Some(value) = spec[field].as_i64().filter(|value| *value < 0) {
        errors.push(FieldError::invalid(
            format!("{path}.{field}"),
            value,
            "must be greater than or equal to 0",
        ));
    }
}

/// Checks Deployments and similar kinds.
pub(super) fn controller(kind: &Kind, object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    not_negative(spec, "spec", "replicas", errors);
    let template = &spec["template"];
    let labels = &template["metadata"]["labels"];
    if kind.plural != "replicationcontrollers" {
        let selector = &spec["selector"];
        let empty = ["matchLabels", "matchExpressions"].iter().all(|part| {
            selector[*part].as_object().is_none_or(serde_json::Map::is_empty)
                && selector[*part].as_array().is_none_or(Vec::is_empty)
        });
        if selector.is_null() {
            errors.push(FieldError::required("spec.selector", ""));
        } else if empty {
            errors.push(FieldError::invalid(
                "spec.selector",
                selector.clone(),
                "empty selector is invalid for deployment".replace("deployment", &kind.singular),
            ));
        }
        if !selector::matches(selector, labels) {
            let shown = if labels.is_null() { json!({}) } else { labels.clone() };
            errors.push(FieldError::invalid(
                "spec.template.metadata.labels",
                shown,
                "`selector` does not match template `labels`",
            ));
        }
    }
    meta::labels_and_annotations(&template["metadata"], "spec.template.metadata", errors);
    pod::spec(&template["spec"], "spec.template.spec", errors);
    if let Some(policy) =
        template["spec"]["restartPolicy"].as_str().filter(|policy| *policy != "Always")
    {
        errors.push(FieldError::not_supported(
            "spec.template.spec.restartPolicy",
            policy,
            &["Always"],
        ));
    }
    match kind.plural.as_str() {
        "deployments" => {
            pod::one_of(
                &spec["strategy"],
                "spec.strategy",
                "type",
                &["Recreate", "RollingUpdate"],
                errors,
            );
            let rolling = &spec["strategy"]["rollingUpdate"];
            if spec["strategy"]["type"] == "Recreate" && rolling.is_object() {
                errors.push(FieldError::forbidden(
                    "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'",
                ));
            }
            let zero = |field: &str| {
                rolling[field] == 0 || rolling[field] == "0%" || rolling[field] == "0"
            };
            if rolling.is_object() && zero("maxUnavailable") && zero("maxSurge") {
                errors.push(FieldError::invalid(
                    "spec.strategy.rollingUpdate.maxUnavailable",
                    rolling["maxUnavailable"].clone(),
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
        }
        "statefulsets" => {
            pod::one_of(spec, "spec", "podManagementPolicy", &["OrderedReady", "Parallel"], errors);
            for (index, claim) in
                spec["volumeClaimTemplates"].as_array().into_iter().flatten().enumerate()
            {
                super::storage::claim(
                    &claim["spec"],
                    &format!("spec.volumeClaimTemplates[{index}].spec"),
                    errors,
                );
            }
        }
        _ => {}
    }
}

/// Checks Jobs and CronJobs.
pub(super) fn batch(kind: &Kind, object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if kind.plural == "jobs" {
        return job(spec, "spec", errors);
    }
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if !is_schedule(schedule) {
        errors.push(FieldError::invalid(
            "spec.schedule",
            schedule,
            format!(
                "expected exactly 5 fields, found {}: [{schedule}]",
                schedule.split_whitespace().count()
            ),
        ));
    }
    pod::one_of(spec, "spec", "concurrencyPolicy", &["Allow", "Forbid", "Replace"], errors);
    job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", errors);
}

fn is_schedule(schedule: &str) -> bool {
    if schedule.starts_with('@') {
        return matches!(
            schedule,
            "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly"
        ) || schedule.starts_with("@every ");
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    fields.len() == 5
        && fields
            .iter()
            .all(|field| field.chars().all(|c| c.is_ascii_alphanumeric() || "*,-/?".contains(c)))
}

fn job(spec: &Value, path: &str, errors: &mut Errors) {
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        not_negative(spec, path, field, errors);
    }
    let template = &spec["template"];
    meta::labels_and_annotations(
        &template["metadata"],
        &format!("{path}.template.metadata"),
        errors,
    );
    pod::spec(&template["spec"], &format!("{path}.template.spec"), errors);
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    if policy == "Always" {
        errors.push(FieldError::required(
            format!("{path}.template.spec.restartPolicy"),
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}

pub(super) fn disruption_budget(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        errors.push(FieldError::invalid(
            "spec",
            spec.clone(),
            "minAvailable and maxUnavailable cannot be both set",
        ));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        if let Some(text) = spec[field].as_str() {
            let percent = text.strip_suffix('%').and_then(|n| n.parse::<u32>().ok());
            match percent {
                None => errors.push(FieldError::invalid(format!("spec.{field}"), text, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")),
                Some(percent) if percent > 100 => errors.push(FieldError::invalid(format!("spec.{field}"), text, "must not be greater than 100%")),
                Some(_) => {}
            }
        }
        not_negative(spec, "spec", field, errors);
    }
}

pub(super) fn autoscaler(object: &Value, errors: &mut Errors) {
    let spec = &object["spec"];
    let max = spec["maxReplicas"].as_i64().unwrap_or(0);
    let min = spec["minReplicas"].as_i64().unwrap_or(1);
    if max < 1 {
        errors.push(FieldError::invalid("spec.maxReplicas", max, "must be greater than 0"));
    } else if max < min {
        errors.push(FieldError::invalid(
            "spec.maxReplicas",
            max,
            "must be greater than or equal to `minReplicas`",
        ));
    }
    for field in ["kind", "name"] {
        if spec["scaleTargetRef"][field].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
}
