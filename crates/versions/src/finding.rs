//! What is wrong with an entry on a given day.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::component::{Component, Digest};

/// After how many days a look at an entry without an end of life counts as none.
pub const LOOK_DAYS_MAX: i32 = 183;

/// One thing to know about an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// Its makers support it no longer.
    Ended {
        /// Since when.
        since: Date,
    },
    /// Its makers name no end, and nobody has looked for long.
    Stale {
        /// When it was looked at.
        looked_at: Date,
    },
    /// It does not support the Kubernetes version that is asked for.
    Unsupported {
        /// That version's minor version.
        kubernetes: String,
    },
    /// An image is pinned by its tag alone.
    NoDigest {
        /// The image with its tag.
        image: String,
    },
}

impl Finding {
    /// Returns true for what must not be shipped; an image without a digest is only said.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Finding::NoDigest { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Ended { since } => write!(f, "ENDED on {since}"),
            Finding::Stale { looked_at } => write!(f, "last looked at on {looked_at}"),
            Finding::Unsupported { kubernetes } => {
                write!(f, "does not support Kubernetes {kubernetes}")
            }
            Finding::NoDigest { image } => write!(f, "DIGEST UNKNOWN: {image}"),
        }
    }
}

impl Component {
    /// Returns what is to be known about the entry on a day, for a Kubernetes minor version.
    pub fn findings(&self, today: Date, minor: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        match self.end_of_life {
            Some(end) if end < today => found.push(Finding::Ended { since: end }),
            Some(_) => {}
            None => {
                let days = today.since(self.looked_at).map_or(i32::MAX, |span| span.get_days());
                if days > LOOK_DAYS_MAX {
                    found.push(Finding::Stale { looked_at: self.looked_at });
                }
            }
        }
        if !self.kubernetes.is_empty() && !self.kubernetes.iter().any(|one| one == minor) {
            found.push(Finding::Unsupported { kubernetes: minor.to_owned() });
        }
        for image in self.images.iter().filter(|image| image.is_for(minor)) {
            if image.digest == Digest::Unknown {
                let image = format!("{}:{}", image.image, image.tag);
                found.push(Finding::NoDigest { image });
            }
        }
        found
    }
}
