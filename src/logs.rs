//! Logs for people who look into a run: what was called, and how it was answered.
//!
//! They go to standard error (`-v`, `-vv`) or to a file (`--log-file`). Only this program's own words are
//! let through: libraries may log headers, and a header may be a token.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Mutex,
};

use indicatif::MultiProgress;
use tracing_subscriber::{
    EnvFilter, Layer, filter::FilterExt, filter::filter_fn, fmt, layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file can't be written.
    #[error("cannot write the log file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// INFRA_LOG is no filter.
    #[error("cannot read INFRA_LOG: {0}")]
    Filter(String),
}

/// The variable that chooses what is logged, in the form `info` or `infra::call=debug`.
pub const VARIABLE: &str = "INFRA_LOG";

/// Begins to log. `verbosity` is how often `-v` was given: once logs each call that may change something,
/// twice each call. INFRA_LOG chooses more exactly. To `file` everything is logged that is not left out by
/// INFRA_LOG; without a file, `-v` and INFRA_LOG, nothing is.
///
/// # Errors
/// Returns an error if the file cannot be written, or INFRA_LOG cannot be read.
pub fn start(verbosity: u8, file: Option<&Path>) -> Result<(), LogError> {
    let wanted = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let least = match (verbosity, file) {
        (0, None) => None,
        (1, None) => Some("info"),
        _ => Some("debug"),
    };
    let Some(filter) = wanted.as_deref().or(least) else { return Ok(()) };
    let filter = EnvFilter::builder().parse(filter).map_err(|e| LogError::Filter(e.to_string()))?;
    let filter = filter.and(filter_fn(|about| is_ours(about.target())));
    let registry = tracing_subscriber::registry();
    let started = match file {
        Some(path) => {
            let file = open(path, nix::unistd::Uid::effective().as_raw());
            let file =
                file.map_err(|source| LogError::File { path: path.display().to_string(), source })?;
            let layer = fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
            registry.with(layer.with_filter(filter)).try_init()
        }
        None => {
            let layer = fmt::layer().with_ansi(false).with_writer(|| BesideBars);
            registry.with(layer.with_filter(filter)).try_init()
        }
    };
    // A second call in one process changes nothing.
    let _ = started;
    Ok(())
}

/// Opens a log file of `user`, readable by nobody else. An existing one that others may read is closed
/// to them; a link to a file, and a file of another user, is refused, for somebody else chose where it
/// leads. A device or pipe is taken as it is, by a link, too, and so is whatever a link in /dev leads to:
/// `/dev/stderr` is one, and nobody but the system makes links there.
fn open(path: &Path, user: u32) -> io::Result<File> {
    let is_systems = path.starts_with("/dev");
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
    let file = match options.open(path) {
        Err(error) if error.raw_os_error() == Some(nix::libc::ELOOP) => {
            let through = OpenOptions::new().append(true).open(path)?;
            if through.metadata()?.is_file() && !is_systems {
                return Err(io::Error::other("it is a symbolic link; name what it leads to"));
            }
            return Ok(through);
        }
        opened => opened?,
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(file);
    }
    if about.uid() != user {
        let owner = about.uid();
        return Err(io::Error::other(format!("it belongs to another user (uid {owner})")));
    }
    if about.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Begins the log of the embedded cloud, on its standard output, which is `sim.log`.
pub fn start_sim() {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let wanted = if wanted.is_empty() { "info".to_owned() } else { wanted };
    let filter = EnvFilter::builder().parse_lossy(wanted);
    let filter = filter.and(filter_fn(|about| is_ours(about.target())));
    let layer = fmt::layer().with_ansi(false).with_writer(io::stdout).with_filter(filter);
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

fn is_ours(target: &str) -> bool {
    let root = target.split_once("::").map_or(target, |(root, _)| root);
    root == "infra" || root.starts_with("infra_")
}

/// The bars that are drawn on standard error, while they are.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Notes which bars are drawn on standard error, so that log lines do not run through them.
pub fn beside(bars: Option<MultiProgress>) {
    if let Ok(mut known) = BARS.lock() {
        *known = bars;
    }
}

/// Standard error, above the bars.
struct BesideBars;

impl Write for BesideBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bars = BARS.lock().ok().and_then(|bars| bars.clone());
        let text = String::from_utf8_lossy(bytes);
        let shown = crate::visible::visible(&text);
        let print = || io::stderr().write_all(shown.as_bytes());
        match bars {
            Some(bars) => bars.suspend(print)?,
            None => print()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is logged meanwhile.
    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_call_ends_once_and_one_that_is_dropped_was_given_up() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let begin = |path: &str| infra_provider_api::Call::begin("cloud", "POST", path, true);
            begin("/answered").answered(202, Some("id-1"));
            begin("/silent").unanswered("no answer");
            begin("/signed").not_sent();
            drop(begin("/dropped"));
        });
        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let ends: Vec<_> =
            log.lines().filter_map(|line| line.rsplit("infra::call: ").next()).collect();
        assert_eq!(ends, ["answered", "no answer", "given up"], "{log}");
        assert!(log.contains("path=\"/dropped\" duration_ms="), "{log}");
    }

    #[test]
    fn a_log_file_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("log"), folder.path().join("link"));
        let mode = || std::fs::metadata(&file).unwrap().mode() & 0o777;
        let user = nix::unistd::Uid::effective().as_raw();
        open(&file, user).unwrap().write_all(b"one\n").unwrap();
        assert_eq!(mode(), 0o600);
        for loose in [0o644, 0o660, 0o604] {
            std::fs::set_permissions(&file, Permissions::from_mode(loose)).unwrap();
            open(&file, user).unwrap();
            assert_eq!(mode(), 0o600, "{loose:o}");
        }
        let refused = open(&file, user + 1).unwrap_err();
        assert!(refused.to_string().contains("another user"), "{refused}");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let refused = open(&link, user).unwrap_err();
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\n");
        // Standard error may be anything.
        for device in ["/dev/null", "/dev/stderr"] {
            open(Path::new(device), user + 1).unwrap();
        }
        let device = folder.path().join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        open(&device, user).unwrap();
    }

    #[test]
    fn only_our_own_words_are_let_through() {
        for ours in ["infra::call", "infra_sim::server", "infra"] {
            assert!(is_ours(ours), "{ours}");
        }
        for theirs in ["hyper::client", "aws_smithy_runtime::client", "kube_client", "infrared"] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }
}
