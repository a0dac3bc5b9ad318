//! Which images an object runs, and whether they are allowed.

use serde_json::Value;

use super::{source::ImagePolicy, variables::Marks};
use crate::{Object, Origin, Problem, ProblemKind};

/// Returns the lines (from 1) of a document's `image:` entries, with variables filled in.
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
    policy: &ImagePolicy,
    version: Option<&str>,
    problems: &mut Vec<Problem>,
) {
    for (container, image) in images(&object.value) {
        let line = lines.iter().find(|(_, text)| text.split_whitespace().next() == Some(image));
        let origin = line.map_or(&object.origin, |(origin, _)| origin);
        let found = match refusal(image, policy) {
            Some((why, hint)) => Some((ProblemKind::Image, why.to_owned(), hint.to_owned())),
            None => unversioned(image, policy, version)
                .map(|(why, hint)| (ProblemKind::Version, why, hint)),
        };
        let Some((kind, why, hint)) = found else { continue };
        let message = format!("{}: container {container}: image {image:?} {why}", object.id);
        problems.push(Problem::new(kind, origin.clone(), message).hint(hint));
    }
}

/// Explains why the tag of an image is not the version that it must be, with a hint. Returns `None`
/// if it is.
fn unversioned(
    image: &str,
    policy: &ImagePolicy,
    version: Option<&str>,
) -> Option<(String, String)> {
    let image = image.split('@').next().unwrap_or(image);
    let start = image.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match image[start..].split_once(':') {
        Some((_, tag)) => (&image[..image.len() - tag.len() - 1], tag),
        None => (image, ""),
    };
    let is_meant = |pattern: &String| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    if !policy.versioned.iter().any(is_meant) {
        return None;
    }
    if !is_semantic(tag) {
        let hint = "tag it MAJOR.MINOR.PATCH, such as 1.4.0 (semver.org)";
        return Some(("has a tag that is no semantic version".to_owned(), hint.to_owned()));
    }
    match version {
        Some(version) if version != tag => Some((
            format!("is not of version {version}, which is rolled out"),
            "write the tag as ${VERSION}, or give --version that of the image".to_owned(),
        )),
        _ => None,
    }
}

/// Returns true if `text` is a semantic version: `1.4.0`, `1.4.0-rc.1`, `1.4.0+build`.
pub(super) fn is_semantic(text: &str) -> bool {
    let identifiers = |part: &str, numeric_zeros: bool| {
        part.split('.').all(|word| {
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            !word.is_empty()
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && (numeric_zeros || !is_number || word == "0" || !word.starts_with('0'))
        })
    };
    let (rest, build) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(a, b)| (a, Some(b)));
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && identifiers(core, false)
        && pre.is_none_or(|pre| identifiers(pre, false))
        && build.is_none_or(|build| identifiers(build, true))
}

/// Lists container and image of everything an object runs.
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

fn refusal(image: &str, policy: &ImagePolicy) -> Option<(&'static str, &'static str)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semantic_versions() {
        for good in ["0.1.0", "1.4.0-rc.1", "1.4.0+build.01", "10.20.30-a-b.0+c"] {
            assert!(is_semantic(good), "{good}");
        }
        for bad in ["", "latest", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3.4"] {
            assert!(!is_semantic(bad), "{bad}");
        }
    }

    #[test]
    fn the_version_is_asked_of_versioned_images_alone() {
        let policy = ImagePolicy {
            versioned: vec!["registry.example.com:5000/shop/*".to_owned(), "api".to_owned()],
            ..ImagePolicy::default()
        };
        let why = |image| unversioned(image, &policy, Some("1.2.3")).map(|(why, _)| why);
        assert_eq!(why("registry.example.com:5000/shop/web:1.2.3"), None);
        assert_eq!(why("registry.example.com:5000/other/web:7"), None);
        assert!(why("api:1.2.4").unwrap().contains("not of version 1.2.3"));
        assert!(why("api:next").unwrap().contains("no semantic version"));
    }
}
