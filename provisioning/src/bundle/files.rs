//! Exactly what a machine gets.

use secrecy::{ExposeSecret, SecretString};

use crate::bundle::{ArchiveFile, tar_gz};

/// One file on its way to a node.
#[derive(Debug, Clone)]
pub struct NodeFile {
    /// Path in its archive, or on the node for user-data.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Contents, with secrets.
    pub contents: SecretString,
    /// Contents with every secret replaced by what it is; equal when there is none.
    pub masked: String,
}

impl NodeFile {
    /// Makes a file without secrets.
    pub fn public(path: &str, mode: u32, contents: impl Into<String>) -> NodeFile {
        let masked: String = contents.into();
        NodeFile { path: path.into(), mode, contents: SecretString::from(masked.as_str()), masked }
    }

    /// Makes a file with secrets; `masked` is the text to print in their place.
    pub fn secret(path: &str, mode: u32, contents: SecretString, masked: String) -> NodeFile {
        NodeFile { path: path.into(), mode, contents, masked }
    }

    /// Returns the text to print.
    pub fn text(&self, reveal: bool) -> &str {
        if reveal { self.contents.expose_secret() } else { &self.masked }
    }
}

/// Everything one node gets, for `infra node show`.
#[derive(Debug, Clone)]
pub struct NodeFiles {
    /// Node name.
    pub node: String,
    /// Revision.
    pub revision: String,
    /// What the cloud hands over.
    pub user_data: NodeFile,
    /// `bundle.tar.gz`, sorted by path.
    pub bundle: Vec<NodeFile>,
    /// `pki.tar.gz`; empty for workers.
    pub pki: Vec<NodeFile>,
}

impl NodeFiles {
    /// Finds a file of the bundle by path.
    pub fn bundle_file(&self, path: &str) -> Option<&NodeFile> {
        self.bundle.iter().find(|f| f.path == path)
    }

    /// Prints all files into one text, with a heading line per file.
    pub fn render(&self, reveal: bool) -> String {
        let mut out = format!("# node {} revision {}\n", self.node, self.revision);
        let groups: [(&str, &[NodeFile]); 3] = [
            ("user-data", std::slice::from_ref(&self.user_data)),
            ("bundle", &self.bundle),
            ("pki", &self.pki),
        ];
        for (group, files) in groups {
            for file in files {
                out.push_str(&format!("\n## {group}: {} ({:04o})\n", file.path, file.mode));
                let text = file.text(reveal);
                out.push_str(text);
                if !text.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
        out
    }
}

/// Packs `bundle.tar.gz`: the files plus `MANIFEST`, one `sha256  path` line each.
///
/// # Errors
/// Returns an error if a path cannot stand in a tar.
pub fn bundle_archive(files: &[NodeFile]) -> std::io::Result<Vec<u8>> {
    let mut archive: Vec<ArchiveFile> = files.iter().map(archived).collect();
    archive.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest: String = archive
        .iter()
        .map(|f| format!("{}  {}\n", crate::artifacts::sha256_bytes(&f.contents), f.path))
        .collect();
    archive.push(ArchiveFile::new("MANIFEST", 0o600, manifest.into_bytes()));
    tar_gz(&archive)
}

/// Packs `pki.tar.gz`, the files below `/etc/kubernetes/pki`.
///
/// # Errors
/// Returns an error if a path cannot stand in a tar.
pub fn pki_archive(files: &[NodeFile]) -> std::io::Result<Vec<u8>> {
    tar_gz(&files.iter().map(archived).collect::<Vec<_>>())
}

fn archived(file: &NodeFile) -> ArchiveFile {
    ArchiveFile::new(&file.path, file.mode, file.contents.expose_secret().as_bytes())
}
