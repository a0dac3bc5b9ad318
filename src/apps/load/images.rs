//! Which images an object runs, and whether they are allowed.

use serde_json::Value;

use super::{source::ImagePolicy, variables::Marks};
use crate::apps::{Object, Origin, Problem, ProblemKind};

/// The lines (from 1) of a document's `image:` entries, variables filled in.
pub(super) fn image_lines(text: &str, first_line: usize, marks: &Marks) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry = line.trim_start().trim_start_matches("- ").trim_start();
        if let Some(image) = entry.strip_prefix("image:") {
            let image = image.trim().trim_matches(['"', '\'']);
            let filled = marks.fill(image, &mut Vec::new()).map(|f| f.text);
            found.push((first_line + number, filled.unwrap_or_else(|| image.to_owned())));
        }
    }
    found
}

/// Images that the policy refuses, as problems at the line of their manifest.
pub(super) fn check(
    object: &Object,
    lines: &[(Origin, String)],
    policy: ImagePolicy,
    problems: &mut Vec<Problem>,
) {
    for (container, image) in images(&object.value) {
        let Some((why, hint)) = refusal(image, policy) else { continue };
        let line = lines.iter().find(|(_, text)| text.split_whitespace().next() == Some(image));
        let origin = line.map_or(&object.origin, |(origin, _)| origin);
        let message = format!("{}: container {container}: image {image:?} {why}", object.id);
        problems.push(Problem::new(ProblemKind::Image, origin.clone(), message).hint(hint));
    }
}

/// Container and image of everything an object runs.
pub(super) fn images(object: &Value) -> Vec<(&str, &str)> {
    let paths = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let specs = paths.iter().filter_map(|path| object.pointer(path));
    specs
        .flat_map(|spec| lists.iter().filter_map(|list| spec.get(list)?.as_array()))
        .flatten()
        .filter_map(|c| {
            let name = c.get("name").and_then(Value::as_str).unwrap_or("?");
            Some((name, c.get("image")?.as_str()?))
        })
        .collect()
}

fn refusal(image: &str, policy: ImagePolicy) -> Option<(&'static str, &'static str)> {
    if image.contains("@sha256:") {
        return None;
    }
    if policy.require_digest {
        return Some(("has no digest", "name it as image@sha256:…"));
    }
    if policy.allow_latest {
        return None;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        None | Some((_, "")) => Some((
            "has no tag, which means latest",
            "name a version, such as image:1.2.3, so that every machine runs the same",
        )),
        Some((_, "latest")) => Some((
            "is refused",
            "latest changes under your feet: name a version, such as image:1.2.3",
        )),
        Some(_) => None,
    }
}
