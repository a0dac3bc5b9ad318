//! Configuration of gcloud: its folder, and the project of its active configuration.

use std::path::{Path, PathBuf};

use infra_cloud::CloudEnv;

/// Returns the folder in which gcloud keeps its configuration and the logins.
pub(super) fn folder(env: &CloudEnv) -> Option<PathBuf> {
    if let Some(folder) = env.filled("CLOUDSDK_CONFIG") {
        return Some(PathBuf::from(folder));
    }
    let home = env.filled("HOME")?;
    Some(Path::new(&home).join(".config").join("gcloud"))
}

/// Reads the project of gcloud's active configuration. A file that is not there, or is not as gcloud
/// writes it, names none.
pub(crate) fn active_project(env: &CloudEnv) -> Option<String> {
    if env.only {
        return None;
    }
    let folder = folder(env)?;
    let active = env.filled("CLOUDSDK_ACTIVE_CONFIG_NAME").or_else(|| {
        let name = std::fs::read_to_string(folder.join("active_config")).ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    let name = active.unwrap_or_else(|| "default".to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(plain) {
        return None;
    }
    let file = folder.join("configurations").join(format!("config_{name}"));
    project_of(&std::fs::read_to_string(file).ok()?)
}

/// Reads the key `project` of the table `[core]`.
fn project_of(text: &str) -> Option<String> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if section == "core"
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "project"
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_of_the_core_table_counts() {
        let text = "[compute]\nproject = not-this\n\n[core]\naccount = jane@example.com\nproject = shop-1\n";
        assert_eq!(project_of(text).as_deref(), Some("shop-1"));
        assert_eq!(project_of("[core]\nproject =\n"), None);
        assert_eq!(project_of("project = shop-1\n"), None);
    }
}
