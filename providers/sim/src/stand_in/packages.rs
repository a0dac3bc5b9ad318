//! `apt-get`: installs packages of the distribution by name; unknown names are refused.

use super::{Context, Failure};

/// Packages that a Kubernetes node's boot script may ask for.
const KNOWN: &[&str] = &[
    "apparmor",
    "apt-transport-https",
    "bash",
    "ca-certificates",
    "chrony",
    "conntrack",
    "curl",
    "e2fsprogs",
    "ebtables",
    "ethtool",
    "gnupg",
    "gpg",
    "htop",
    "iproute2",
    "ipset",
    "iptables",
    "ipvsadm",
    "jq",
    "kmod",
    "lvm2",
    "mount",
    "nfs-common",
    "nftables",
    "open-iscsi",
    "openssl",
    "procps",
    "rsync",
    "socat",
    "tar",
    "ufw",
    "unzip",
    "util-linux",
    "vim",
    "wireguard",
    "xfsprogs",
    "xz-utils",
    "zstd",
];

/// Stands in for `apt-get [-y] [-q] update | install PACKAGE… | remove | purge | autoremove | clean
/// | upgrade`.
pub fn run(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mut words = Vec::new();
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "-o" | "-t" | "--option" => {
                rest.next();
            }
            a if a.starts_with('-') => {}
            a => words.push(a),
        }
    }
    let Some((verb, packages)) = words.split_first() else {
        return Err(Failure::with_code(100, "E: No command given"));
    };
    match *verb {
        "update" | "upgrade" | "dist-upgrade" | "clean" | "autoremove" | "autoclean" => {
            println!("Reading package lists... Done");
            Ok(())
        }
        "install" => install(context, packages),
        "remove" | "purge" => {
            for package in packages {
                let list = context.path(&format!("/var/lib/dpkg/info/{package}.list"));
                if std::fs::remove_file(list).is_ok() {
                    println!("Removing {package} ...");
                }
            }
            Ok(())
        }
        other => Err(Failure::with_code(100, format!("E: Invalid operation {other}"))),
    }
}

fn install(context: &Context, packages: &[&str]) -> Result<(), Failure> {
    for package in packages {
        let name = package.split(['=', ':']).next().unwrap_or(package);
        if !KNOWN.contains(&name) {
            return Err(Failure::with_code(100, format!("E: Unable to locate package {name}")));
        }
    }
    for package in packages {
        let name = package.split(['=', ':']).next().unwrap_or(package);
        context.write(&format!("/var/lib/dpkg/info/{name}.list"), "", 0o644)?;
        println!("Setting up {name} ...");
    }
    Ok(())
}
