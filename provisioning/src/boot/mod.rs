//! The boot script and the host files that come with it.

mod templates;

pub use templates::{BOOT_SCRIPT, BOOT_STUB, STAGES, host_files, templates_hash};
