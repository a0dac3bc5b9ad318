//! The subset of cloud-config that machines understand, and what cloud-init's schema says about it.

use serde::Deserialize;
use serde_yaml_ng::Value;

/// A `#cloud-config` document. Unknown keys are refused, as by cloud-init's schema check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudConfig {
    pub bootcmd: Vec<CommandLine>,
    pub runcmd: Vec<CommandLine>,
    pub write_files: Vec<WriteFile>,
    pub hostname: Option<String>,
    pub fqdn: Option<String>,
    pub prefer_fqdn_over_hostname: Option<bool>,
    pub preserve_hostname: Option<bool>,
    pub manage_etc_hosts: Option<Value>,
    pub package_update: Option<bool>,
    pub package_upgrade: Option<bool>,
    pub packages: Vec<Package>,
    pub users: Vec<User>,
    pub ssh_authorized_keys: Vec<String>,
    pub ssh_pwauth: Option<Value>,
    pub disable_root: Option<bool>,
    pub timezone: Option<String>,
    pub ntp: Option<Value>,
    pub mounts: Vec<Vec<Value>>,
    pub swap: Option<Swap>,
    pub final_message: Option<String>,
}

/// A command: a list is quoted for the shell, a string is shell code.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a command is neither a string nor a list of words")]
pub enum CommandLine {
    /// Program and arguments.
    Words(Vec<Word>),
    /// Shell code.
    Shell(String),
}

/// A word of a command.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// As written.
    Text(String),
    /// YAML reads `[sleep, 1]` as a number.
    Number(i64),
}

/// A file to write.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    pub path: String,
    #[serde(default)]
    pub content: String,
    /// `b64`, `gzip`, `gz+b64` and their long names; plain text when absent.
    pub encoding: Option<String>,
    /// Octal, as a string; 0644 when absent.
    pub permissions: Option<String>,
    pub owner: Option<String>,
    #[serde(default)]
    pub append: bool,
    /// Written at the end, after packages and users.
    #[serde(default)]
    pub defer: bool,
}

/// A package, with a version or without.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "packages: neither a name nor [name, version]")]
pub enum Package {
    Name(String),
    Version(Vec<String>),
}

/// A user: `default` or an account.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "users: neither a name nor an account with known keys only")]
pub enum User {
    Name(String),
    Account(Box<Account>),
}

/// A user account.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    pub name: String,
    pub gecos: Option<String>,
    pub groups: Option<Value>,
    pub primary_group: Option<String>,
    pub shell: Option<String>,
    pub sudo: Option<Value>,
    pub homedir: Option<String>,
    pub lock_passwd: Option<bool>,
    pub no_create_home: Option<bool>,
    pub system: Option<bool>,
    pub uid: Option<u32>,
    pub ssh_authorized_keys: Vec<String>,
    pub ssh_redirect_user: Option<bool>,
}

/// A swap file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swap {
    pub filename: Option<String>,
    pub size: Option<Value>,
    pub maxsize: Option<Value>,
}

impl CloudConfig {
    /// Reads the document.
    ///
    /// # Errors
    /// Returns what cloud-init's schema check would say, in one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_yaml_ng::from_str(text)
            .map_err(|e| format!("Invalid user-data: cloud-config is not valid YAML: {e}"))?;
        if value.is_null() {
            return Ok(Self::default());
        }
        let config: Self = serde_yaml_ng::from_value(value)
            .map_err(|e| format!("Invalid user-data: Cloud config schema errors: {e}"))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (index, file) in self.write_files.iter().enumerate() {
            let at = |reason: String| {
                format!(
                    "Invalid user-data: Cloud config schema errors: write_files.{index}: {reason}"
                )
            };
            if !file.path.starts_with('/') {
                return Err(at(format!("path {:?} is not absolute", file.path)));
            }
            if let Some(mode) = &file.permissions
                && u32::from_str_radix(mode.trim_start_matches("0o"), 8)
                    .map_or(true, |m| m > 0o7777)
            {
                return Err(at(format!("permissions {mode:?} is no octal mode")));
            }
            if let Some(encoding) = &file.encoding
                && super::write_files::Encoding::parse(encoding).is_none()
            {
                return Err(at(format!(
                    "encoding {encoding:?} is not one of gzip, b64, gz+b64, text/plain"
                )));
            }
            if let Some(owner) = &file.owner
                && !self.has_account(owner.split(':').next().unwrap_or_default())
            {
                return Err(at(format!("owner {owner:?}: no such user")));
            }
        }
        let hosts = self.manage_etc_hosts.as_ref();
        if !hosts
            .is_none_or(|v| v.is_bool() || matches!(v.as_str(), Some("localhost" | "template")))
        {
            return Err("Invalid user-data: Cloud config schema errors: manage_etc_hosts: not a boolean, \"localhost\" or \"template\"".to_owned());
        }
        for account in self.users.iter().filter_map(|u| match u {
            User::Account(a) => Some(a),
            User::Name(_) => None,
        }) {
            if account.name.is_empty() {
                return Err("Invalid user-data: Cloud config schema errors: users: 'name' is a required property".to_owned());
            }
        }
        Ok(())
    }

    /// Returns true if a user of that name is on the machine.
    fn has_account(&self, name: &str) -> bool {
        matches!(name, "" | "root" | "ubuntu" | "nobody" | "www-data" | "syslog")
            || self.users.iter().any(|u| match u {
                User::Name(n) => n == name,
                User::Account(a) => a.name == name,
            })
    }
}
