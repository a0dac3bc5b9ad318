//! The executable that tests give to machines: `infra-sim-stand-in sim stand-in TOOL ARGS…`.

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.as_slice() {
        [sim, verb, tool, rest @ ..] if sim == "sim" && verb == "stand-in" => {
            infra_sim::stand_in::run(tool, rest)
        }
        _ => {
            eprintln!("usage: infra-sim-stand-in sim stand-in TOOL ARGS…");
            2
        }
    };
    u8::try_from(code).map_or(std::process::ExitCode::FAILURE, std::process::ExitCode::from)
}
