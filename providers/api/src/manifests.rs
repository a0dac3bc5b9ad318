//! Manifests of a cloud: what Kubernetes needs there, as files that are part of the program.

/// A file that is part of the program: its path in the source, as findings name it, and its text.
pub type EmbeddedFile = (&'static str, &'static str);

/// What a cloud adds to the manifests that every cluster gets.
#[derive(Clone, Copy, Debug)]
pub struct CloudManifests {
    /// The name of the addon with the cloud's controllers.
    pub addon: &'static str,
    /// The manifests of that addon, in the order in which they are read.
    pub files: &'static [EmbeddedFile],
    /// Issuers of cert-manager that answer challenges by the cloud's DNS. A file is named after its
    /// challenge: `issuer-dns-01-route53.yaml`.
    pub issuers: &'static [EmbeddedFile],
    /// Annotations of the ingress controller's Service, which tell the cloud about its load balancer. The
    /// value may have the variable LOAD_BALANCER_NAME.
    pub ingress_annotations: &'static [(&'static str, &'static str)],
    /// The versions and images of the controllers (TOML, as in `provisioning/data/versions.toml`).
    pub versions: &'static str,
}

/// Embeds files: `embedded_files!("providers/x/addon" in "../../..": "a.yaml")`. The folder is relative to
/// the workspace, which is found from the folder of the file that says this.
#[macro_export]
macro_rules! embedded_files {
    ($folder:literal in $root:literal: $($file:literal),+ $(,)?) => {
        &[$((
            concat!($folder, "/", $file),
            include_str!(concat!($root, "/", $folder, "/", $file)),
        )),+]
    };
}
