//! The `infra` command.
fn main() {}
