//! Stand-ins for host tools on simulated machines.

/// Runs the stand-in of a tool and gives its exit code.
pub fn run(tool: &str, _args: &[String]) -> i32 {
    eprintln!("{tool}: no such stand-in");
    127
}
