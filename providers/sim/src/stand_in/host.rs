//! Small host tools: modprobe, swapoff, hostnamectl, mount, umount.

use super::{Context, Failure};

/// What `/proc/swaps` says when there is no swap.
pub const NO_SWAP: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

/// Modules of a stock cloud kernel that a Kubernetes node may ask for.
const MODULES: &[&str] = &[
    "overlay",
    "br_netfilter",
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_sh",
    "nf_conntrack",
    "nf_conntrack_ipv4",
    "ip_tables",
    "ip6_tables",
    "iptable_nat",
    "iptable_filter",
    "nf_nat",
    "xt_socket",
    "xt_mark",
    "xt_conntrack",
    "vxlan",
    "wireguard",
    "ipip",
    "geneve",
    "tun",
    "veth",
    "bridge",
    "dummy",
    "iscsi_tcp",
    "nfs",
    "rbd",
    "dm_crypt",
    "dm_snapshot",
    "dm_thin_pool",
    "fuse",
    "nf_tables",
    "sch_fq",
    "tcp_bbr",
    "nvme_tcp",
    "configs",
];

/// Stands in for `modprobe [-a] [-q] MODULE…`.
pub fn modprobe(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let names: Vec<&&str> = args.iter().filter(|a| !a.starts_with('-')).collect();
    if names.is_empty() {
        return Err(Failure::new("modprobe: ERROR: missing parameters. See -h."));
    }
    for name in names {
        let name = name.replace('-', "_");
        if !MODULES.contains(&name.as_str()) {
            return Err(Failure::new(format!(
                "modprobe: FATAL: Module {name} not found in directory /lib/modules/6.8.0-sim"
            )));
        }
        context.write(&format!("/sys/module/{name}/initstate"), "live\n", 0o644)?;
    }
    Ok(())
}

/// Returns true if a module was loaded.
pub fn module_loaded(context: &Context, name: &str) -> bool {
    context.exists(&format!("/sys/module/{name}"))
}

/// Stands in for `swapoff -a` and `swapoff FILE`: the image's one swap file goes either way.
pub fn swapoff(context: &Context, args: &[&str]) -> Result<(), Failure> {
    if args.is_empty() {
        return Err(Failure::with_code(16, "swapoff: bad usage"));
    }
    context.write("/proc/swaps", NO_SWAP, 0o644)
}

/// Returns true if swap is in use.
pub fn swap_on(context: &Context) -> bool {
    context.read("/proc/swaps").is_some_and(|t| t.lines().skip(1).any(|l| !l.trim().is_empty()))
}

/// Stands in for `hostnamectl [set-hostname|hostname] [NAME]`.
pub fn hostnamectl(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let words: Vec<&str> = args.iter().copied().filter(|a| !a.starts_with("--")).collect();
    match words.as_slice() {
        ["set-hostname" | "hostname", name] => {
            let valid = !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
            if !valid {
                return Err(Failure::new(format!(
                    "Could not set static hostname: Invalid hostname '{name}'"
                )));
            }
            context.write("/etc/hostname", &format!("{name}\n"), 0o644)
        }
        ["hostname"] => {
            println!("{}", context.hostname());
            Ok(())
        }
        [] | ["status"] => {
            println!(" Static hostname: {}", context.hostname());
            Ok(())
        }
        _ => Err(Failure::new(format!("Unknown command verb {}.", words.join(" ")))),
    }
}

/// Stands in for `mount`: mounts are noted in `/proc/mounts`; nothing of the host is touched.
pub fn mount(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mut words = Vec::new();
    let mut kind = "none";
    let mut options = "rw";
    let mut all = false;
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "-t" | "--types" => kind = rest.next().unwrap_or(kind),
            "-o" | "--options" => options = rest.next().unwrap_or(options),
            "-a" | "--all" => all = true,
            a if a.starts_with('-') => {}
            a => words.push(a),
        }
    }
    let mounts = context.read("/proc/mounts").unwrap_or_default();
    let (device, folder) = match words.as_slice() {
        [] if all => return Ok(()),
        [] => {
            print!("{mounts}");
            return Ok(());
        }
        [folder] => ("none", *folder),
        [device, folder] => (*device, *folder),
        _ => return Err(Failure::new("mount: bad usage")),
    };
    if !context.given(folder).is_dir() {
        return Err(Failure::with_code(
            32,
            format!("mount: {folder}: mount point does not exist."),
        ));
    }
    let line = format!("{device} {folder} {kind} {options} 0 0\n");
    if mounts.contains(&line) {
        return Ok(());
    }
    context.write("/proc/mounts", &(mounts + &line), 0o644)
}

/// Stands in for `umount FOLDER`.
pub fn umount(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mounts = context.read("/proc/mounts").unwrap_or_default();
    for folder in args.iter().filter(|a| !a.starts_with('-')) {
        let kept: String = mounts
            .lines()
            .filter(|l| l.split(' ').nth(1) != Some(*folder))
            .map(|l| format!("{l}\n"))
            .collect();
        if kept == mounts {
            return Err(Failure::with_code(32, format!("umount: {folder}: not mounted.")));
        }
        context.write("/proc/mounts", &kept, 0o644)?;
    }
    Ok(())
}
