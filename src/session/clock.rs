//! What certificates tell of clocks that are wrong.

use infra_ssl::{PkiSpec, Validity, clock_warning, status};
use jiff::Timestamp;

use super::open::Session;
use crate::config::Project;
use crate::state::ClusterLayout;

impl Session {
    /// Says which clock is wrong when certificates of the cluster have not begun.
    pub fn clock_warning(&self) -> Option<String> {
        certificates_clock(&self.project, &self.layout)
    }
}

/// Says which clock is wrong when certificates in `layout` have not begun. Those who need an
/// unreadable certificate report it.
pub fn certificates_clock(project: &Project, layout: &ClusterLayout) -> Option<String> {
    let now = Timestamp::now();
    let spec = PkiSpec::new(&project.cluster.name)
        .with_validity(validity(project))
        .with_site(infra_ssl::has_site_authority(&layout.pki));
    clock_warning(&status(&layout.pki, &spec, now).ok()?, now)
}

/// Converts the periods of infra.toml.
pub fn validity(project: &Project) -> Validity {
    Validity {
        ca_days: project.certificates.ca_days,
        leaf_days: project.certificates.leaf_days,
        renew_before_days: project.certificates.renew_before_days,
    }
}
