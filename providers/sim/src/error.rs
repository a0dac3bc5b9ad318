//! What can go wrong while the embedded cloud starts, runs or is talked to.

use std::path::{Path, PathBuf};

/// An error of the embedded cloud itself (refusals of its API are answers, not errors).
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A file or folder could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The attempted operation, as a verb: "read", "write", "create".
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A listener could not be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Address and port.
        address: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The recorded world can't be understood, for instance as a newer version wrote it.
    #[error("{}: {reason}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process already serves this data folder.
    #[error("an embedded cloud (pid {pid}) already serves {}", data.display())]
    AlreadyServed {
        /// Its data folder.
        data: PathBuf,
        /// Its process id.
        pid: u32,
    },
    /// Certificates or TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// The embedded cloud didn't become ready, or doesn't answer.
    #[error("{0}")]
    Unreachable(String),
    /// It answered with a refusal.
    #[error("the embedded cloud refused: {0}")]
    Refused(String),
    /// A part of it (machines, Kubernetes) failed to start.
    #[error("{part}: {reason}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

impl SimError {
    /// Makes an I/O error with the operation and the path it happened at.
    pub fn io(what: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { what, path: path.as_ref().to_owned(), source }
    }
}
