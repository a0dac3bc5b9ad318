//! What cloud-init does at a machine's first boot.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::cloud_config::{CloudConfig, Package, User};
use super::disk::Disk;
use super::process::{Ended, run};
use super::record::{BootState, MachineRecord};
use super::user_data::UserData;
use super::{rewrite, write_files};

const SCRIPTS: &str = "/var/lib/cloud/instance/scripts";

/// How many lines of the console explain a failure.
const TAIL: usize = 20;

/// One boot.
pub struct Boot<'a> {
    pub disk: &'a Disk,
    pub hostname: &'a str,
    pub variables: &'a [(&'static str, String)],
    pub stop: &'a CancellationToken,
}

impl Boot<'_> {
    /// Runs user-data to its end and records how it went. `None` when the machine went down meanwhile:
    /// then the boot is run again.
    pub async fn run(&self, user_data: &str) -> Option<MachineRecord> {
        MachineRecord::new(BootState::Running).save(self.disk);
        let record = match self.steps(user_data).await {
            Ok(Ended::Killed) => return None,
            Ok(Ended::Exit(0)) => MachineRecord::new(BootState::Done),
            Ok(Ended::Exit(code)) => {
                self.disk.say(&format!("cloud-init: user-data failed with exit code {code}"));
                MachineRecord {
                    boot: BootState::Failed,
                    exit_code: Some(code),
                    tail: self.disk.tail(TAIL),
                }
            }
            Err(reason) => {
                self.disk.say(&format!("cloud-init: {reason}"));
                MachineRecord {
                    boot: BootState::Failed,
                    exit_code: None,
                    tail: self.disk.tail(TAIL),
                }
            }
        };
        record.save(self.disk);
        Some(record)
    }

    async fn steps(&self, user_data: &str) -> Result<Ended, String> {
        let parsed = UserData::parse(user_data)?;
        self.disk.prepare(self.hostname).map_err(|e| format!("the disk can't be prepared: {e}"))?;
        match parsed {
            UserData::Nothing => Ok(Ended::Exit(0)),
            UserData::Script(text) => self.script("part-001", &text).await,
            UserData::Config(config) => self.config(&config).await,
        }
    }

    async fn config(&self, config: &CloudConfig) -> Result<Ended, String> {
        self.names(config)?;
        if !config.bootcmd.is_empty() {
            let text = rewrite::script(self.disk, &config.bootcmd);
            if self.script("bootcmd", &text).await? == Ended::Killed {
                return Ok(Ended::Killed);
            }
        }
        write_files::write(self.disk, &config.write_files, false)?;
        self.settings(config)?;
        self.accounts(config)?;
        let packages = packages(config);
        if !packages.is_empty() {
            match self.script("packages", &packages).await? {
                Ended::Exit(0) => {}
                Ended::Exit(code) => {
                    return Err(format!("packages could not be installed (exit code {code})"));
                }
                Ended::Killed => return Ok(Ended::Killed),
            }
        }
        write_files::write(self.disk, &config.write_files, true)?;
        let mut ended = Ended::Exit(0);
        if !config.runcmd.is_empty() {
            let text = rewrite::script(self.disk, &config.runcmd);
            ended = self.script("runcmd", &text).await?;
        }
        if let Some(message) = &config.final_message {
            self.disk.say(message);
        }
        Ok(ended)
    }

    fn put(&self, path: &str, text: &str, mode: u32) -> Result<(), String> {
        self.disk.write(path, text.as_bytes(), mode, false).map_err(|e| format!("{path}: {e}"))
    }

    fn names(&self, config: &CloudConfig) -> Result<(), String> {
        let mut host = self.hostname.to_owned();
        if config.preserve_hostname != Some(true) {
            let short = |f: &String| f.split('.').next().unwrap_or(f).to_owned();
            let wanted = config.hostname.clone().or_else(|| config.fqdn.as_ref().map(short));
            if config.prefer_fqdn_over_hostname == Some(true) && config.fqdn.is_some() {
                host = config.fqdn.clone().unwrap_or(host);
            } else if let Some(wanted) = wanted {
                host = wanted;
            }
            self.put("/etc/hostname", &format!("{host}\n"), 0o644)?;
        }
        if config.manage_etc_hosts.as_ref().is_some_and(|v| v.as_bool() != Some(false)) {
            let full = config.fqdn.as_deref().unwrap_or(&host);
            let text = format!(
                "127.0.1.1 {full} {host}\n127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
            );
            self.put("/etc/hosts", &text, 0o644)?;
        }
        Ok(())
    }

    fn settings(&self, config: &CloudConfig) -> Result<(), String> {
        if let Some(zone) = &config.timezone {
            self.put("/etc/timezone", &format!("{zone}\n"), 0o644)?;
        }
        if !config.mounts.is_empty() || config.swap.as_ref().is_some_and(|s| s.filename.is_some()) {
            let mut fstab =
                std::fs::read_to_string(self.disk.root.join("etc/fstab")).unwrap_or_default();
            for mount in &config.mounts {
                let fields: Vec<String> = mount.iter().map(field).collect();
                fstab.push_str(&format!("{}\n", fields.join(" ")));
            }
            if let Some(file) = config.swap.as_ref().and_then(|s| s.filename.as_ref()) {
                fstab.push_str(&format!("{file} none swap sw 0 0\n"));
            }
            self.put("/etc/fstab", &fstab, 0o644)?;
        }
        Ok(())
    }

    fn accounts(&self, config: &CloudConfig) -> Result<(), String> {
        if !config.ssh_authorized_keys.is_empty() {
            let keys = config.ssh_authorized_keys.join("\n") + "\n";
            self.put("/root/.ssh/authorized_keys", &keys, 0o600)?;
        }
        for user in &config.users {
            let User::Account(account) = user else {
                continue;
            };
            let home = account.homedir.clone().unwrap_or_else(|| format!("/home/{}", account.name));
            if !account.ssh_authorized_keys.is_empty() {
                let keys = account.ssh_authorized_keys.join("\n") + "\n";
                self.put(&format!("{home}/.ssh/authorized_keys"), &keys, 0o600)?;
            }
        }
        Ok(())
    }

    async fn script(&self, name: &str, text: &str) -> Result<Ended, String> {
        let path = format!("{SCRIPTS}/{name}");
        self.put(&path, text, 0o700)?;
        let real: PathBuf = self.disk.inside(&path).ok_or("a script's path leaves the disk")?;
        run(self.disk, &real, self.variables, self.stop)
            .await
            .map_err(|e| format!("{name} can't be run: {e}"))
    }
}

fn field(value: &serde_yaml_ng::Value) -> String {
    match value {
        serde_yaml_ng::Value::String(text) => text.clone(),
        serde_yaml_ng::Value::Number(number) => number.to_string(),
        serde_yaml_ng::Value::Bool(flag) => flag.to_string(),
        _ => "none".to_owned(),
    }
}

/// Writes the script that installs packages; it is empty if there is nothing to do.
fn packages(config: &CloudConfig) -> String {
    let mut lines = Vec::new();
    if config.package_update == Some(true) {
        lines.push("apt-get update".to_owned());
    }
    if config.package_upgrade == Some(true) {
        lines.push("apt-get -y upgrade".to_owned());
    }
    let names: Vec<String> = config
        .packages
        .iter()
        .map(|p| match p {
            Package::Name(name) => name.clone(),
            Package::Version(words) => words.join("="),
        })
        .map(|name| format!("'{}'", name.replace('\'', "")))
        .collect();
    if !names.is_empty() {
        lines.push(format!("apt-get -y install {}", names.join(" ")));
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("#!/bin/sh\nset -e\n{}\n", lines.join("\n"))
}
