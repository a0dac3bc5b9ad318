//! Which kind of user-data a droplet was given.

use super::cloud_config::CloudConfig;

/// User-data that can be run.
#[derive(Debug)]
pub enum UserData {
    /// None: the machine just runs.
    Nothing,
    /// `#cloud-config`.
    Config(Box<CloudConfig>),
    /// `#!`: run as it is.
    Script(String),
}

impl UserData {
    /// Reads user-data as cloud-init does, but refuses what cloud-init would silently ignore.
    ///
    /// # Errors
    /// Returns a sentence that names what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let first = text.lines().next().unwrap_or_default().trim_end();
        if text.trim().is_empty() {
            return Ok(Self::Nothing);
        }
        if first.starts_with("#!") {
            return Ok(Self::Script(text.to_owned()));
        }
        if first == "#cloud-config" {
            return CloudConfig::parse(text).map(|c| Self::Config(Box::new(c)));
        }
        if first.starts_with("Content-Type:") || first.starts_with("MIME-Version:") {
            return Err(
                "user-data: multipart archives are not modelled by the embedded cloud".to_owned()
            );
        }
        // The text may hold secrets: only its first word is shown.
        let word: String =
            first.split_whitespace().next().unwrap_or_default().chars().take(24).collect();
        Err(format!(
            "user-data: unhandled type: it begins with {word:?}, and neither with \"#cloud-config\" nor with \"#!\""
        ))
    }
}
