//! Making, attaching and deleting volumes in the world; also used by the simulated CSI driver.

use std::sync::Arc;

use serde::Deserialize;

use crate::api::names::required;
use crate::api::{Refusal, tags};
use crate::catalog::catalog;
use crate::world::{State as World, Volume};

/// The largest volume, GiB.
pub const SIZE_MAX_GIB: u64 = 16_384;
/// Volumes a droplet can have.
const PER_DROPLET_MAX: usize = 15;

/// The body of `POST /v2/volumes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Name, unique in the region.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Region slug.
    pub region: Option<String>,
    /// GiB.
    pub size_gigabytes: Option<u64>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// `ext4`, `xfs`.
    pub filesystem_type: Option<String>,
    /// Label.
    pub filesystem_label: Option<String>,
    /// A snapshot to copy; there are none here.
    pub snapshot_id: Option<String>,
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::unprocessable(text))
}

/// Makes a volume.
///
/// # Errors
/// Returns 409 if the name is taken, 422 if a rule is broken.
pub fn create(w: &mut World, spec: &Spec, limit: usize) -> Result<Arc<Volume>, Refusal> {
    let name = required("name", spec.name.as_deref())?.to_owned();
    let region = required("region", spec.region.as_deref())?.to_owned();
    let size_gigabytes = check(spec, &name, &region)?;
    if by_name(w, &name, &region).is_ok() {
        return Err(Refusal::conflict("a volume with the same name already exists in this region"));
    }
    if w.volumes.len() >= limit {
        return refuse("you have reached the limit of volumes of your account");
    }
    let seq = w.counters.next_order();
    let id = w.counters.next_uuid();
    let tags = tags::ensure(w, spec.tags.as_deref().unwrap_or_default());
    Ok(w.volumes.put(Volume {
        seq,
        id,
        name,
        description: spec.description.clone().unwrap_or_default(),
        region,
        size_gigabytes,
        created_at: jiff::Timestamp::now(),
        tags,
        droplet_id: None,
        filesystem_type: spec.filesystem_type.clone().unwrap_or_default(),
        filesystem_label: spec.filesystem_label.clone().unwrap_or_default(),
    }))
}

fn check(spec: &Spec, name: &str, region: &str) -> Result<u64, Refusal> {
    let form = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !form {
        return refuse(
            "name must be lowercase, begin with a letter, be composed only of numbers, letters and \"-\", and have at most 64 characters",
        );
    }
    if catalog().open_region(region).is_none() || !catalog().has_feature(region, "storage") {
        return refuse(format!("region {region} does not have volumes"));
    }
    if spec.snapshot_id.as_ref().is_some_and(|s| !s.is_empty()) {
        return Err(Refusal::not_found());
    }
    let size = match spec.size_gigabytes {
        Some(size) if (1..=SIZE_MAX_GIB).contains(&size) => size,
        Some(_) => return refuse(format!("size_gigabytes must be between 1 and {SIZE_MAX_GIB}")),
        None => return refuse("size_gigabytes is required"),
    };
    let kind = spec.filesystem_type.as_deref().unwrap_or_default();
    let label = spec.filesystem_label.as_deref().unwrap_or_default();
    let label_max = match kind {
        "" => 0,
        "ext4" => 16,
        "xfs" => 12,
        _ => return refuse("filesystem_type must be ext4 or xfs"),
    };
    if label.len() > label_max {
        return refuse(match kind {
            "" => "filesystem_label needs a filesystem_type".to_owned(),
            _ => format!("filesystem_label of {kind} has at most {label_max} characters"),
        });
    }
    tags::check(spec.tags.as_deref().unwrap_or_default())?;
    Ok(size)
}

/// Finds a volume by name and region.
///
/// # Errors
/// Returns 404 if there is none.
pub fn by_name(w: &World, name: &str, region: &str) -> Result<Arc<Volume>, Refusal> {
    w.volumes.by_name(name).find(|v| v.region == region).cloned().ok_or_else(Refusal::not_found)
}

/// Deletes a volume.
///
/// # Errors
/// Returns 409 while it is attached.
pub fn delete(w: &mut World, seq: u64) -> Result<(), Refusal> {
    if w.volumes.get(seq).is_some_and(|v| v.droplet_id.is_some()) {
        return Err(Refusal::conflict("attached volume cannot be deleted"));
    }
    w.volumes.remove(seq);
    Ok(())
}

/// Attaches a volume to a droplet of its region.
///
/// # Errors
/// Returns 404 if there is no such droplet, 422 if a rule is broken.
pub fn attach(w: &mut World, seq: u64, droplet: u64) -> Result<(), Refusal> {
    let volume = w.volumes.get(seq).cloned().ok_or_else(Refusal::not_found)?;
    let target =
        w.droplets.get(droplet).cloned().ok_or_else(|| {
            Refusal::unprocessable(format!("droplet {droplet} could not be found"))
        })?;
    if target.region != volume.region {
        return refuse("Droplet and volume must be in the same region");
    }
    if volume.droplet_id == Some(droplet) {
        return refuse("Volume is already attached to this Droplet");
    }
    if volume.droplet_id.is_some() {
        return refuse("Volume is already attached to another Droplet");
    }
    if target.volume_ids.len() >= PER_DROPLET_MAX {
        return refuse(format!("at most {PER_DROPLET_MAX} volumes can be attached to a Droplet"));
    }
    w.volumes.modify(seq, |v| v.droplet_id = Some(droplet));
    w.droplets.modify(droplet, |d| d.volume_ids.push(volume.id.clone()));
    Ok(())
}

/// Detaches a volume from the droplet it is on.
///
/// # Errors
/// Returns 422 if it is not attached (to that droplet).
pub fn detach(w: &mut World, seq: u64, droplet: Option<u64>) -> Result<(), Refusal> {
    let volume = w.volumes.get(seq).cloned().ok_or_else(Refusal::not_found)?;
    let on = volume.droplet_id.filter(|on| droplet.is_none_or(|d| d == *on));
    let Some(on) = on else {
        return refuse("Attachment not found");
    };
    w.volumes.modify(seq, |v| v.droplet_id = None);
    w.droplets.modify(on, |d| d.volume_ids.retain(|v| *v != volume.id));
    Ok(())
}

/// Makes a volume larger.
///
/// # Errors
/// Returns 422 if it would not be.
pub fn resize(w: &mut World, seq: u64, size_gigabytes: Option<u64>) -> Result<(), Refusal> {
    let old = w.volumes.get(seq).map_or(0, |v| v.size_gigabytes);
    match size_gigabytes {
        Some(size) if size > old && size <= SIZE_MAX_GIB => {
            w.volumes.modify(seq, |v| v.size_gigabytes = size);
            Ok(())
        }
        Some(_) => {
            refuse(format!("size_gigabytes must be greater than {old} and at most {SIZE_MAX_GIB}"))
        }
        None => refuse("size_gigabytes is required"),
    }
}
