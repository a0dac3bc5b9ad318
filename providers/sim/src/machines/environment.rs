//! The environment of everything that a machine runs: clean, but for what is listed here.

use crate::sim::Sim;

use super::disk::Disk;
use super::token;

/// Returns the variables of a machine's processes.
pub fn variables(sim: &Sim, disk: &Disk, droplet: u64) -> Vec<(&'static str, String)> {
    let root = disk.root.display().to_string();
    let stand_ins = super::stand_ins::folder(&sim.data).display().to_string();
    let ca = sim.endpoint.ca_file.display().to_string();
    let control = sim.endpoint.control.clone();
    let token = token::of(sim, droplet);
    let metadata = format!("{control}/sim/machines/{droplet}/{token}/metadata/v1");
    let path = format!(
        "{root}/usr/local/sbin:{root}/usr/local/bin:{root}/usr/sbin:{root}/usr/bin:{root}/opt/cni/bin:{stand_ins}:/usr/local/bin:/usr/bin:/bin"
    );
    vec![
        ("PATH", path),
        ("HOME", format!("{root}/root")),
        ("TMPDIR", format!("{root}/tmp")),
        ("USER", "root".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("INFRA_ROOT", root),
        ("CURL_CA_BUNDLE", ca.clone()),
        ("SSL_CERT_FILE", ca.clone()),
        ("INFRA_SIM_CA", ca),
        ("INFRA_SIM_STAND_IN", sim.exe.display().to_string()),
        ("INFRA_SIM_MACHINE", droplet.to_string()),
        ("INFRA_SIM_CONTROL", control),
        ("INFRA_SIM_MACHINE_TOKEN", token),
        ("INFRA_METADATA_URL", metadata),
    ]
}
