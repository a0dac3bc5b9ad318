//! `sysctl`: kernel settings as files below the machine's `/proc/sys`.

use super::host::module_loaded;
use super::{Context, Failure};

/// Stands in for `sysctl --system | -p [FILE] | [-w] KEY=VALUE… | [-n] KEY…`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let (mut names_only, mut quiet) = (false, false);
    let mut words = Vec::new();
    let mut rest = args.iter().copied().peekable();
    while let Some(arg) = rest.next() {
        match arg {
            "--system" => return system(context, quiet),
            "-p" | "--load" => {
                let file = rest.next().unwrap_or("/etc/sysctl.conf");
                return load(context, file, quiet);
            }
            "-n" | "--values" => names_only = true,
            "-q" | "--quiet" => quiet = true,
            "-w" | "--write" | "-e" => {}
            a if a.starts_with("--load=") => return load(context, &a[7..], quiet),
            a if a.starts_with('-') => {
                return Err(Failure::new(format!("sysctl: unrecognized option '{a}'")));
            }
            a => words.push(a),
        }
    }
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => set(context, key.trim(), value.trim(), quiet)?,
            None => {
                let value = get(context, word).ok_or_else(|| unknown(word))?;
                if names_only {
                    println!("{value}");
                } else {
                    println!("{word} = {value}");
                }
            }
        }
    }
    Ok(())
}

/// Returns a kernel setting's value; settings nobody set have the kernel's default.
pub fn get(context: &Context, key: &str) -> Option<String> {
    let stored = context.read(&file_of(key)).map(|t| t.trim().to_owned());
    stored.or_else(|| match key {
        "net.ipv4.ip_forward" | "net.ipv6.conf.all.forwarding" => Some("0".to_owned()),
        "vm.swappiness" => Some("60".to_owned()),
        "fs.inotify.max_user_watches" => Some("8192".to_owned()),
        _ => None,
    })
}

fn file_of(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

fn unknown(key: &str) -> Failure {
    Failure::with_code(
        255,
        format!("sysctl: cannot stat {}: No such file or directory", file_of(key)),
    )
}

fn set(context: &Context, key: &str, value: &str, quiet: bool) -> Result<(), Failure> {
    let known = ["net.", "kernel.", "vm.", "fs.", "user.", "dev."];
    if !known.iter().any(|k| key.starts_with(k)) || key.contains("..") || key.contains('/') {
        return Err(unknown(key));
    }
    // The bridge's settings only exist while its module is loaded.
    if key.starts_with("net.bridge.") && !module_loaded(context, "br_netfilter") {
        return Err(unknown(key));
    }
    context.write(&file_of(key), &format!("{value}\n"), 0o644)?;
    if !quiet {
        println!("{key} = {value}");
    }
    Ok(())
}

fn system(context: &Context, quiet: bool) -> Result<(), Failure> {
    let mut files = Vec::new();
    for folder in ["/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"] {
        let Ok(entries) = std::fs::read_dir(context.path(folder)) else {
            continue;
        };
        let mut names: Vec<String> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|n| n.ends_with(".conf"))
            .collect();
        names.sort();
        files.extend(names.into_iter().map(|n| format!("{folder}/{n}")));
    }
    files.push("/etc/sysctl.conf".to_owned());
    for file in files.iter().filter(|f| context.exists(f)) {
        if !quiet {
            println!("* Applying {file} ...");
        }
        load(context, file, quiet)?;
    }
    Ok(())
}

fn load(context: &Context, file: &str, quiet: bool) -> Result<(), Failure> {
    let path = context.given(file);
    let text = std::fs::read_to_string(&path).map_err(|_| {
        Failure::with_code(
            255,
            format!("sysctl: cannot open \"{file}\": No such file or directory"),
        )
    })?;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line.starts_with(';') {
            continue;
        }
        // A leading dash means that a failure doesn't matter.
        let (line, optional) = line.strip_prefix('-').map_or((line, false), |l| (l, true));
        let Some((key, value)) = line.split_once('=') else {
            return Err(Failure::with_code(255, format!("sysctl: {file}: invalid syntax: {line}")));
        };
        match set(context, key.trim(), value.trim(), quiet) {
            Err(e) if !optional => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
