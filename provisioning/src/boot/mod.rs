//! The boot script and the host files that come with it.

mod templates;

pub use templates::{BOOT_SCRIPT, BOOT_STUB, EC2_TOOL, STAGES, host_files, templates_hash};
