//! Bringing the folder to what is declared.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::authority::Authority;
use crate::encryption::{ENCRYPTION_KEYS, EncryptionKeys, EncryptionStage};
use crate::error::{Result, SslError};
use crate::files::{self, FOLDER_MODE, PUBLIC_MODE, SECRET_MODE};
use crate::key::PrivateKey;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::assess::leaf_action;
use crate::pki::folder::{AuthorityOnDisk, Pair, SaOnDisk, read_authority, read_sa, read_secret};
use crate::pki::spec::{ADMIN, ExtraLeaf};
use crate::pki::{Action, AuthorityName, Change, EncryptionStart, PkiLayout, PkiSpec};
use crate::token::ClusterSecret;

/// A name that every API server's certificate carries, whatever load balancer stood before it when it
/// was made: a load balancer that is made again has another address.
const SERVER_NAME: &str = "kubernetes";

/// Lists the changes that [`ensure`] would make at `now`. It reads only.
///
/// # Errors
/// Returns an error if [`ensure`] would: an authority would have to be replaced, for example.
pub fn plan(dir: &Path, spec: &PkiSpec, now: Timestamp) -> Result<Vec<Change>> {
    Run::new(dir, spec, now, false).all()
}

/// Makes what is missing, renews and re-issues leaves that need it, and leaves every byte of the
/// rest alone. An existing authority is never replaced.
///
/// # Errors
/// Returns an error if an authority has expired, or if its key is missing or does not match; it then
/// writes nothing. Contradictory periods and files that cannot be read or written are errors too.
pub fn ensure(dir: &Path, spec: &PkiSpec, now: Timestamp) -> Result<Vec<Change>> {
    plan(dir, spec, now)?;
    files::ensure_folder(dir)?;
    Run::new(dir, spec, now, true).all()
}

struct Run<'a> {
    layout: PkiLayout,
    spec: &'a PkiSpec,
    now: Timestamp,
    write: bool,
    changes: Vec<Change>,
}

impl<'a> Run<'a> {
    fn new(dir: &Path, spec: &'a PkiSpec, now: Timestamp, write: bool) -> Run<'a> {
        Run { layout: PkiLayout::new(dir), spec, now, write, changes: Vec::new() }
    }

    fn all(mut self) -> Result<Vec<Change>> {
        self.spec.validity.check()?;
        self.folder_mode()?;
        let mut authorities = Vec::new();
        for name in self.spec.authorities() {
            authorities.push((name, self.authority(name)?));
        }
        if self.spec.sites_only {
            return Ok(self.changes);
        }
        self.service_account()?;
        self.cluster_secret()?;
        self.encryption()?;
        let mut admin_changes = false;
        for leaf in self.spec.leaves() {
            let authority = authorities
                .iter()
                .find_map(|(n, a)| (*n == leaf.authority).then_some(a.as_ref()).flatten());
            let changed = self.leaf(&leaf, authority)?;
            admin_changes |= changed && leaf.stem == ADMIN;
        }
        self.kubeconfig(admin_changes)?;
        Ok(self.changes)
    }

    fn note(&mut self, name: &str, action: Action, path: PathBuf, reason: impl Into<String>) {
        self.changes.push(Change { name: name.into(), action, path, reason: reason.into() });
    }

    fn folder_mode(&mut self) -> Result<()> {
        let dir = self.layout.dir().to_path_buf();
        if let Some(mode) = files::mode_of(&dir)?
            && mode & 0o077 != 0
        {
            self.note("folder", Action::TightenMode, dir.clone(), format!("its mode is {mode:o}"));
            if self.write {
                files::set_mode(&dir, FOLDER_MODE)?;
            }
        }
        Ok(())
    }

    fn key_mode(&mut self, name: &str, path: PathBuf) -> Result<()> {
        if let Some(mode) = files::mode_of(&path)?
            && mode & 0o077 != 0
        {
            self.note(name, Action::TightenMode, path.clone(), format!("its mode is {mode:o}"));
            if self.write {
                files::set_mode(&path, SECRET_MODE)?;
            }
        }
        Ok(())
    }

    /// Returns the authority, or `None` when it would be made (planning only).
    fn authority(&mut self, name: AuthorityName) -> Result<Option<Authority>> {
        let stem = name.stem();
        let (cert, key) = (self.layout.cert(stem), self.layout.key(stem));
        let pending = self.layout.pending_key(stem);
        let authority = match read_authority(&self.layout, name)? {
            AuthorityOnDisk::Present(authority) => {
                self.key_mode(stem, key)?;
                authority
            }
            AuthorityOnDisk::Unfinished(authority) => {
                self.note(stem, Action::Finish, cert.clone(), "its key was not yet in place");
                if self.write {
                    rename(&pending, &key)?;
                }
                authority
            }
            AuthorityOnDisk::Absent => {
                self.note(stem, Action::Create, cert.clone(), "it is missing");
                if !self.write {
                    return Ok(None);
                }
                let common_name = name.common_name(&self.spec.cluster);
                // They sign leaves only: no intermediates below them.
                let authority =
                    Authority::create(&common_name, Some(0), &self.spec.validity, self.now)?;
                let key_pem = authority.key().pem().expose_secret().as_bytes();
                files::write_atomic(&pending, key_pem, SECRET_MODE)?;
                files::write_atomic(&cert, authority.cert_pem().as_bytes(), PUBLIC_MODE)?;
                rename(&pending, &key)?;
                authority
            }
        };
        if authority.facts().not_after <= self.now {
            return Err(SslError::ExpiredAuthority {
                cert,
                folder: self.layout.dir().to_path_buf(),
                expired: authority.facts().not_after.to_string(),
            });
        }
        Ok(Some(authority))
    }

    fn service_account(&mut self) -> Result<()> {
        let (key_path, pub_path) = (self.layout.sa_key(), self.layout.sa_pub());
        match read_sa(&self.layout)? {
            SaOnDisk::Present => self.key_mode("sa", key_path),
            SaOnDisk::NoPublic(key) => {
                self.note("sa", Action::Finish, pub_path.clone(), "its public half is missing");
                if self.write {
                    files::write_atomic(&pub_path, key.public_pem().as_bytes(), PUBLIC_MODE)?;
                }
                self.key_mode("sa", key_path)
            }
            SaOnDisk::Absent => {
                self.note("sa", Action::Create, key_path.clone(), "it is missing");
                if self.write {
                    let key = PrivateKey::generate()?;
                    files::write_atomic(
                        &key_path,
                        key.pem().expose_secret().as_bytes(),
                        SECRET_MODE,
                    )?;
                    files::write_atomic(&pub_path, key.public_pem().as_bytes(), PUBLIC_MODE)?;
                }
                Ok(())
            }
        }
    }

    fn cluster_secret(&mut self) -> Result<()> {
        let path = self.layout.cluster_secret();
        if ClusterSecret::read(&path)?.is_some() {
            return self.key_mode("bootstrap.secret", path);
        }
        self.note("bootstrap.secret", Action::Create, path.clone(), "it is missing");
        if self.write {
            ClusterSecret::generate()?.write(&path)?;
        }
        Ok(())
    }

    fn encryption(&mut self) -> Result<()> {
        let path = self.layout.encryption_keys();
        if let Some(keys) = EncryptionKeys::read(&path)? {
            let begins_anew = self.spec.encryption == Some(EncryptionStart::Anew);
            if !begins_anew || keys.stage() == EncryptionStage::Settled {
                return self.key_mode(ENCRYPTION_KEYS, path);
            }
            let reason = "the cluster is recreated, so its newest key writes from the beginning";
            self.note(ENCRYPTION_KEYS, Action::Reissue, path.clone(), reason);
            return if self.write { keys.anew().write(&path) } else { Ok(()) };
        }
        let Some(start) = self.spec.encryption else { return Ok(()) };
        self.note(ENCRYPTION_KEYS, Action::Create, path.clone(), "it is missing");
        if self.write {
            EncryptionKeys::generate(start != EncryptionStart::Existing)?.write(&path)?;
        }
        Ok(())
    }

    /// Returns whether the leaf changes.
    fn leaf(&mut self, leaf: &ExtraLeaf, authority: Option<&Authority>) -> Result<bool> {
        let pair = Pair::read(&self.layout, &leaf.stem)?;
        let action = match authority {
            Some(a) => leaf_action(leaf, &pair, a.facts(), &self.spec.validity, self.now),
            None if pair.cert.is_none() => Some((Action::Create, "it is missing".into())),
            None => Some((Action::Reissue, "its authority is recreated".into())),
        };
        let Some((action, reason)) = action else {
            self.key_mode(&leaf.stem, pair.key_path)?;
            return Ok(false);
        };
        self.note(&leaf.stem, action, pair.cert_path.clone(), reason);
        if let Some(authority) = authority.filter(|_| self.write) {
            let issued = authority.issue(&leaf.request, &self.spec.validity, self.now)?;
            // Killed between the two, they do not match and are issued again.
            let key = issued.key.pem().expose_secret().as_bytes();
            files::write_atomic(&pair.key_path, key, SECRET_MODE)?;
            files::write_atomic(&pair.cert_path, issued.cert_pem.as_bytes(), PUBLIC_MODE)?;
        }
        Ok(true)
    }

    fn kubeconfig(&mut self, admin_changes: bool) -> Result<()> {
        let path = self.layout.kubeconfig();
        let present = read_secret(&path)?;
        let Some(server) = &self.spec.server else {
            return match present {
                Some(_) => self.key_mode("kubeconfig", path),
                None => Ok(()),
            };
        };
        let action = if present.is_none() { Action::Create } else { Action::Reissue };
        if !self.write && (admin_changes || present.is_none()) {
            let reason =
                if present.is_none() { "it is missing" } else { "the certificate in it changes" };
            self.note("kubeconfig", action, path, reason);
            return Ok(());
        }
        let ca = Pair::read(&self.layout, AuthorityName::Kubernetes.stem())?;
        let admin = Pair::read(&self.layout, ADMIN)?;
        let (Some(ca_pem), Some(cert_pem), Some(key_pem)) = (ca.cert, admin.cert, admin.key) else {
            // Planning, with an authority still to be made: covered by `admin_changes`.
            return Ok(());
        };
        let wanted = Kubeconfig::new(&self.spec.cluster, server, &ca_pem)
            .with_server_name(SERVER_NAME)
            .with_credentials(Credentials { cert_pem, key_pem })
            .to_yaml()?;
        match present {
            Some(p) if p.expose_secret() == wanted.expose_secret() => {
                self.key_mode("kubeconfig", path)
            }
            _ => {
                let reason = match action {
                    Action::Create => "it is missing",
                    _ if admin_changes => "the certificate in it changes",
                    _ => "the server or the certificates in it differ",
                };
                self.note("kubeconfig", action, path.clone(), reason);
                if self.write {
                    files::write_atomic(&path, wanted.expose_secret().as_bytes(), SECRET_MODE)?;
                }
                Ok(())
            }
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(SslError::io("put in place", to))
}
