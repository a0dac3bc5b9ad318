//! What a machine of a size has.

use crate::catalog::catalog;

/// Returns the vCPUs and the memory in MiB of a size.
pub fn of(slug: &str) -> (u64, u64) {
    let sold = catalog().size(slug);
    let number = |key: &str| sold.and_then(|s| s[key].as_u64());
    match (number("vcpus"), number("memory")) {
        (Some(vcpus), Some(memory)) => (vcpus, memory),
        _ => by_name(slug),
    }
}

/// Reads a size that is no longer sold from its slug (`s-2vcpu-4gb`, `c-4`, `s-1vcpu-512mb-10gb`).
fn by_name(slug: &str) -> (u64, u64) {
    let mut vcpus = None;
    let mut memory = None;
    for part in slug.split('-').skip(1) {
        if let Some(n) = part.strip_suffix("vcpu").and_then(|n| n.parse().ok()) {
            vcpus = vcpus.or(Some(n));
        } else if let Some(n) = part.strip_suffix("gb").and_then(|n| n.parse::<u64>().ok()) {
            memory = memory.or(Some(n * 1024));
        } else if let Some(n) = part.strip_suffix("mb").and_then(|n| n.parse().ok()) {
            memory = memory.or(Some(n));
        } else if let Ok(n) = part.parse() {
            vcpus = vcpus.or(Some(n));
        }
    }
    let vcpus = vcpus.unwrap_or(2);
    (vcpus, memory.unwrap_or(vcpus * 2048))
}
