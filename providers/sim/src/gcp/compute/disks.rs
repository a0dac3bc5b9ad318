//! Disks.

use serde_json::{Value, json};

use super::checks::{self, text};
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// The types of disks.
const TYPES: [&str; 8] = [
    "hyperdisk-balanced",
    "hyperdisk-extreme",
    "hyperdisk-ml",
    "hyperdisk-throughput",
    "pd-balanced",
    "pd-extreme",
    "pd-ssd",
    "pd-standard",
];
/// The largest disk, GiB.
const SIZE_MAX: u64 = 65_536;

/// Checks a new disk.
pub fn prepare(_: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    fields.remove("users");
    fields.remove("labelFingerprint");
    let given = text(fields, "type").to_owned();
    let kind = if given.is_empty() { "pd-standard" } else { links::name_of(&given) };
    if !TYPES.contains(&kind) {
        let why = "The referenced diskType resource cannot be found.";
        return Err(Refusal::field("resource.type", &given, why));
    }
    let path = format!("projects/{}/{}/diskTypes/{kind}", site.project, site.scope);
    let size = match fields.get("sizeGb").and_then(Value::as_str).map(str::parse::<u64>) {
        None => 500,
        Some(Ok(size)) if (1..=SIZE_MAX).contains(&size) => size,
        Some(_) => {
            let why = format!("Disk size must be between 1 and {SIZE_MAX} GB.");
            return Err(Refusal::field("resource.sizeGb", text(fields, "sizeGb"), &why));
        }
    };
    fields.insert("type".to_owned(), json!(links::link(&path)));
    fields.insert("sizeGb".to_owned(), json!(size.to_string()));
    fields.insert("status".to_owned(), json!("READY"));
    checks::default(fields, "physicalBlockSizeBytes", json!("4096"));
    Ok(())
}
