//! Writing the files of a cloud-config.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cloud_config::WriteFile;
use super::disk::Disk;

/// How a file's content is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Base64,
    Gzip,
    GzipBase64,
}

impl Encoding {
    /// Parses the names that cloud-init knows.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "text/plain" => Self::Plain,
            "b64" | "base64" => Self::Base64,
            "gz" | "gzip" => Self::Gzip,
            "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => Self::GzipBase64,
            _ => return None,
        })
    }

    fn decode(self, content: &str) -> Result<Vec<u8>, String> {
        let base64 = |text: &str| {
            let packed: String = text.split_whitespace().collect();
            STANDARD.decode(packed).map_err(|e| format!("base64: {e}"))
        };
        match self {
            Self::Plain => Ok(content.as_bytes().to_vec()),
            Self::Base64 => base64(content),
            Self::Gzip => gunzip(content.as_bytes()),
            Self::GzipBase64 => gunzip(&base64(content)?),
        }
    }
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut plain)
        .map_err(|e| format!("gzip: {e}"))?;
    Ok(plain)
}

/// Writes the files whose `defer` is as asked.
///
/// # Errors
/// Returns an error that names the file and the reason, never its content.
pub fn write(disk: &Disk, files: &[WriteFile], deferred: bool) -> Result<(), String> {
    for file in files.iter().filter(|f| f.defer == deferred) {
        let failed = |reason: String| format!("write_files: {}: {reason}", file.path);
        let encoding =
            file.encoding.as_deref().and_then(Encoding::parse).unwrap_or(Encoding::Plain);
        let content = encoding.decode(&file.content).map_err(failed)?;
        let mode = file
            .permissions
            .as_deref()
            .and_then(|m| u32::from_str_radix(m.trim_start_matches("0o"), 8).ok())
            .unwrap_or(0o644);
        disk.write(&file.path, &content, mode, file.append).map_err(|e| failed(e.to_string()))?;
    }
    Ok(())
}
