//! Machine types: what a zone sells.

use serde_json::{Value, json};

/// Families: name, memory of a vCPU in MiB, the sizes in vCPUs.
const FAMILIES: [(&str, u64, &[u32]); 15] = [
    ("e2-standard", 4096, &[2, 4, 8, 16, 32]),
    ("e2-highmem", 8192, &[2, 4, 8, 16]),
    ("e2-highcpu", 1024, &[2, 4, 8, 16, 32]),
    ("n1-standard", 3840, &[1, 2, 4, 8, 16, 32, 64, 96]),
    ("n2-standard", 4096, &[2, 4, 8, 16, 32, 48, 64, 80, 96, 128]),
    ("n2-highmem", 8192, &[2, 4, 8, 16, 32, 48, 64, 80, 96, 128]),
    ("n2-highcpu", 1024, &[2, 4, 8, 16, 32, 48, 64, 80, 96]),
    ("n2d-standard", 4096, &[2, 4, 8, 16, 32, 48, 64, 80, 96]),
    ("n4-standard", 4096, &[2, 4, 8, 16, 32, 48, 64, 80]),
    ("n4-highmem", 8192, &[2, 4, 8, 16, 32, 48, 64, 80]),
    ("c3-standard", 4096, &[4, 8, 22, 44, 88, 176]),
    ("c4-standard", 3840, &[2, 4, 8, 16, 24, 32, 48, 96, 192]),
    ("c4-highmem", 7936, &[2, 4, 8, 16, 24, 32, 48, 96, 192]),
    ("t2d-standard", 4096, &[1, 2, 4, 8, 16, 32, 48, 60]),
    ("c2-standard", 4096, &[4, 8, 16, 30, 60]),
];
/// Those that share their vCPUs: name, vCPUs, memory in MiB.
const SHARED: [(&str, u32, u64); 5] = [
    ("e2-micro", 2, 1024),
    ("e2-small", 2, 2048),
    ("e2-medium", 2, 4096),
    ("f1-micro", 1, 614),
    ("g1-small", 1, 1740),
];

/// A machine type.
#[derive(Debug, Clone)]
pub struct MachineType {
    /// Its name.
    pub name: String,
    /// Its vCPUs.
    pub vcpus: u32,
    /// Its memory.
    pub memory_mib: u64,
    /// Whether it shares its vCPUs.
    pub shared: bool,
}

/// Lists all machine types.
pub fn all() -> impl Iterator<Item = MachineType> {
    let shared = SHARED.iter().map(|(name, vcpus, memory_mib)| MachineType {
        name: (*name).to_owned(),
        vcpus: *vcpus,
        memory_mib: *memory_mib,
        shared: true,
    });
    let whole = FAMILIES.iter().flat_map(|(family, memory, sizes)| {
        sizes.iter().map(move |vcpus| MachineType {
            name: format!("{family}-{vcpus}"),
            vcpus: *vcpus,
            memory_mib: memory * u64::from(*vcpus),
            shared: false,
        })
    });
    shared.chain(whole)
}

/// Lists the machine types of a zone: the newest families are not in each.
pub fn of_zone(zone: &str) -> Vec<MachineType> {
    let has = |one: &MachineType| {
        let family = one.name.split('-').next().unwrap_or_default();
        match family {
            "c4" => !zone.ends_with("-f") && !zone.starts_with("us-west2"),
            "n4" => zone != "europe-west3-c" && !zone.ends_with("-f"),
            _ => true,
        }
    };
    all().filter(has).collect()
}

/// Finds a machine type of a zone.
pub fn find(zone: &str, name: &str) -> Option<MachineType> {
    of_zone(zone).into_iter().find(|one| one.name == name)
}

/// Returns the vCPUs and the memory in MiB of a machine type; custom ones tell them by name.
pub fn capacity(name: &str) -> (u32, u64) {
    if let Some(one) = all().find(|one| one.name == name) {
        return (one.vcpus, one.memory_mib);
    }
    let numbers: Vec<u64> = name.rsplit('-').map_while(|part| part.parse().ok()).collect();
    match numbers[..] {
        [memory, vcpus, ..] => (u32::try_from(vcpus).unwrap_or(2), memory),
        _ => (2, 4096),
    }
}

/// Returns the disk that a pool of this machine type gets if none is named.
pub fn default_disk(name: &str) -> &'static str {
    let family = name.split('-').next().unwrap_or_default();
    if ["n4", "c4"].contains(&family) { "hyperdisk-balanced" } else { "pd-balanced" }
}

/// Shows a machine type of a zone.
pub fn view(base: &str, project: &str, zone: &str, one: &MachineType) -> Value {
    let digest = crate::world::mix(7, &one.name, 0) % 1_000_000;
    json!({
        "kind": "compute#machineType",
        "id": digest.to_string(),
        "name": one.name,
        "description": format!("{} vCPUs, {} MB RAM", one.vcpus, one.memory_mib),
        "guestCpus": one.vcpus,
        "memoryMb": one.memory_mib,
        "imageSpaceGb": 0,
        "maximumPersistentDisks": 128,
        "maximumPersistentDisksSizeGb": "263168",
        "isSharedCpu": one.shared,
        "architecture": "X86_64",
        "zone": zone,
        "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        "selfLink": format!("{base}/projects/{project}/zones/{zone}/machineTypes/{}", one.name),
    })
}
