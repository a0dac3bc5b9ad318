//! The embedded cloud's stand-ins: same names, same layout, a few bytes each.

use std::path::Path;

use crate::artifacts::catalog::ImageEntry;
use crate::artifacts::{
    Arch, Artifact, ArtifactError, Catalog, LOCK_VERSION, Lock, Locked, Mirrors, sha256_bytes,
};
use crate::bundle::{ArchiveFile, tar, tar_gz};

/// Writes stand-ins for `version` into `dir` and returns their lock. The bytes depend on version
/// and processor only, so their SHA-256 are the same everywhere.
///
/// Binaries are scripts that call back into the embedded cloud; archives hold such scripts in the
/// layout of the real ones; images are archives that name an image and hold no layer.
pub fn stand_ins(dir: &Path, version: &str, arch: Arch) -> Result<Lock, ArtifactError> {
    let catalog = Catalog::new(version, arch, &Mirrors::default())?;
    std::fs::create_dir_all(dir).map_err(ArtifactError::io("create", dir))?;
    let mut artifacts = Vec::new();
    let mut put = |artifact: &Artifact, bytes: &[u8]| -> Result<(), ArtifactError> {
        let path = dir.join(&artifact.file);
        if std::fs::read(&path).ok().as_deref() != Some(bytes) {
            std::fs::write(&path, bytes).map_err(ArtifactError::io("write", &path))?;
        }
        let size = u64::try_from(bytes.len()).unwrap_or(0);
        let mut locked = Locked::of(artifact, sha256_bytes(bytes), size);
        locked.url = String::new();
        artifacts.push(locked);
        Ok(())
    };
    for artifact in &catalog.files {
        let bytes = contents(artifact).map_err(ArtifactError::io("archive", dir))?;
        put(artifact, &bytes)?;
    }
    for image in &catalog.images {
        // Which etcd and CoreDNS a kubeadm asks for is its own business: any tag stands for it.
        let tag = catalog.image_tag(image).unwrap_or_else(|| "stand-in".into());
        let bytes = image_archive(image, &tag).map_err(ArtifactError::io("archive", dir))?;
        put(&catalog.image_artifact(image, &tag), &bytes)?;
    }
    Ok(Lock {
        version: LOCK_VERSION,
        kubernetes: catalog.kubernetes.clone(),
        arch,
        pause: catalog.series.pause.clone(),
        stand_ins: true,
        artifacts,
    })
}

fn script(tool: &str, version: &str) -> Vec<u8> {
    format!(
        "#!/usr/bin/env bash\n\
         # Stand-in of the embedded cloud for {tool} v{version}.\n\
         export INFRA_STAND_IN_VERSION=v{version}\n\
         exec \"$INFRA_SIM_STAND_IN\" sim stand-in {tool} \"$@\"\n"
    )
    .into_bytes()
}

fn contents(artifact: &Artifact) -> std::io::Result<Vec<u8>> {
    let version = &artifact.version;
    // (name in the archive, tool it stands for)
    let inside: &[(&str, &str)] = match artifact.name.as_str() {
        "containerd" => &[
            ("bin/containerd", "containerd"),
            ("bin/containerd-shim-runc-v2", "containerd-shim-runc-v2"),
            ("bin/containerd-stress", "containerd-stress"),
            ("bin/ctr", "ctr"),
        ],
        "cni-plugins" => {
            &[("bridge", "cni"), ("host-local", "cni"), ("loopback", "cni"), ("portmap", "cni")]
        }
        "crictl" => &[("crictl", "crictl")],
        name => return Ok(script(name, version)),
    };
    let files: Vec<ArchiveFile> = inside
        .iter()
        .map(|(path, tool)| ArchiveFile::new(*path, 0o755, script(tool, version)))
        .collect();
    tar_gz(&files)
}

fn image_archive(image: &ImageEntry, tag: &str) -> std::io::Result<Vec<u8>> {
    let path = if image.name == "coredns" { "coredns/coredns" } else { image.name.as_str() };
    let name = format!("registry.k8s.io/{path}:{tag}");
    let manifest =
        serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": [] }]);
    tar(&[
        ArchiveFile::new("config.json", 0o644, b"{}".to_vec()),
        ArchiveFile::new("manifest.json", 0o644, manifest.to_string().into_bytes()),
    ])
}
