//! What a size slug says of a machine.

/// vCPUs and memory in MiB, read from the slug (`s-2vcpu-4gb`, `c-4`, `s-1vcpu-512mb-10gb`).
pub fn of(slug: &str) -> (u64, u64) {
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
