//! Versions of GKE: `1.36.2-gke.1052000` is Kubernetes 1.36.2 in some build of Google's.

use std::fmt;

/// The label of a cluster that keeps the version which was asked for. GKE upgrades clusters by itself, so that
/// the version of the control plane does not tell.
pub(crate) const LABEL: &str = "infra-kubernetes";

/// A version of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Reads a version, with or without Google's build.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.split_once("-gke").map_or(text, |(plain, _)| plain);
        Self::of_parts(plain.split('.'))
    }

    /// Reads the value of a label.
    pub(crate) fn of_label(text: &str) -> Option<Self> {
        Self::of_parts(text.split('-'))
    }

    fn of_parts<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut number = || parts.next()?.parse().ok();
        let (major, minor, patch) = (number()?, number()?, number()?);
        parts.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Returns the minor version: `1.36`.
    pub(crate) fn minor(&self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Returns the value of the label for a version. Labels have no dots.
pub(crate) fn label_of(version: &str) -> String {
    version.replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let read = |text: &str| Version::parse(text).unwrap();
        assert_eq!(read("1.36.2-gke.1052000"), read("1.36.2"));
        assert!(read("1.36.10") > read("1.36.9") && read("1.37.0") > read("1.36.10"));
        assert_eq!(Version::of_label(&label_of("1.36.2")), Some(read("1.36.2")));
        for wrong in ["", "1.36", "latest", "1.36.2.3", "1.36.x-gke.1"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
