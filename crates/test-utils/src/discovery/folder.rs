//! The folder with the vendor's documents.

use std::{env, fs, path::Path, path::PathBuf, process::Command};

use serde_json::Value;

/// Names the folder of the documents; without it the Python package is asked for.
const VARIABLE: &str = "INFRA_DISCOVERY";

const ASK: &str = "import googleapiclient, os\n\
                   print(os.path.join(os.path.dirname(googleapiclient.__file__), 'discovery_cache', 'documents'))";

/// Finds the folder; `None` where there is none.
pub(super) fn find() -> Option<PathBuf> {
    if let Some(folder) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Some(folder.into());
    }
    let asked = Command::new("python3").args(["-c", ASK]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    (asked.status.success() && folder.is_dir()).then_some(folder)
}

/// Reads the documents of these APIs.
///
/// # Panics
/// Panics if one cannot be read.
pub(super) fn read(folder: &Path, apis: &[&str]) -> Vec<Value> {
    let one = |api: &&str| {
        let path = folder.join(format!("{api}.json"));
        let text = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    apis.iter().map(one).collect()
}
