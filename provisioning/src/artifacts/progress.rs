//! Who hears of long work.

/// Hears of bytes moved; all methods may be called from several tasks at once.
pub trait Progress: Send + Sync {
    /// Reports that work begins: so many files with so many bytes (0 bytes: not known yet).
    fn begin(&self, files: usize, bytes: u64);
    /// Reports that bytes of `file` were moved.
    fn moved(&self, file: &str, bytes: u64);
    /// Reports that `file` needed nothing.
    fn skipped(&self, file: &str, bytes: u64);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _files: usize, _bytes: u64) {}
    fn moved(&self, _file: &str, _bytes: u64) {}
    fn skipped(&self, _file: &str, _bytes: u64) {}
}
