//! Who can read private keys in the bucket: age, on this machine, before anything is sent.
//!
//! With recipients each file is encrypted to them, so `age -d -i` opens it, too. With a passphrase a
//! key pair is made once and kept in the bucket, encrypted with the passphrase: stretching it takes
//! about a second, and that is paid once a run.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use age::{
    Decryptor, Encryptor, Identity, Recipient, scrypt,
    x25519::{Identity as Private, Recipient as Public},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::options::{RemoteOptions, User};
use crate::{
    error::{StateError, StateErrorKind},
    store::remote::{Objects, Only},
};

/// The object that holds the key pair of a passphrase.
const WRAPPED: &str = "keys/passphrase.age";
/// The file with a recipient's private key.
const IDENTITY: &str = "INFRA_STATE_IDENTITY";
const PASSPHRASE: &str = "INFRA_STATE_PASSPHRASE";
const PASSPHRASE_FILE: &str = "INFRA_STATE_PASSPHRASE_FILE";
/// What this program is willing to compute for a passphrase.
const WORK_MAX: u8 = 22;

/// Encrypts for those who may read, decrypts for who is here.
pub struct Keyring {
    recipients: Vec<Public>,
    identity: Option<PathBuf>,
    objects: Arc<dyn Objects>,
    user: Arc<dyn User>,
    /// The key pair of the passphrase.
    wrapped: OnceCell<Option<Private>>,
}

impl Keyring {
    /// Makes the keyring of a bucket.
    ///
    /// # Errors
    /// Returns an error if a recipient is no public key.
    pub fn new(options: &RemoteOptions, objects: Arc<dyn Objects>) -> Result<Self, StateError> {
        let parse = |text: &String| {
            text.parse::<Public>().map_err(|why| {
                StateError::new(StateErrorKind::Invalid, format!("recipient {text}: {why}"))
            })
        };
        let recipients = options.recipients.iter().map(parse).collect::<Result<_, _>>()?;
        let named = std::env::var_os(IDENTITY).filter(|path| !path.is_empty()).map(PathBuf::from);
        let identity = named.or_else(|| options.identity.clone());
        let user = Arc::clone(&options.user);
        Ok(Self { recipients, identity, objects, user, wrapped: OnceCell::new() })
    }

    /// Encrypts.
    ///
    /// # Errors
    /// Returns an error if there is no recipient and no passphrase.
    pub async fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, StateError> {
        let own;
        let to: Vec<&dyn Recipient> = if self.recipients.is_empty() {
            own = self.wrapped(true).await?.ok_or_else(no_passphrase)?.to_public();
            vec![&own]
        } else {
            self.recipients.iter().map(|one| one as &dyn Recipient).collect()
        };
        encrypt(&to, plain).map_err(|why| StateError::new(StateErrorKind::Damaged, why))
    }

    /// Makes sure that something can be encrypted, before anything is begun. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if there is no recipient and no passphrase, or if the passphrase is the
    /// wrong one.
    pub async fn prepare(&self) -> Result<(), StateError> {
        if self.recipients.is_empty() {
            self.wrapped(true).await?;
        }
        Ok(())
    }

    /// Decrypts `name`.
    ///
    /// # Errors
    /// Returns an error if no key that is here opens it, or if it is damaged.
    pub async fn decrypt(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, StateError> {
        let keys = self.privates().await?;
        if keys.is_empty() {
            let why = format!("{name} is encrypted, and there is no key here that opens it");
            return Err(StateError::new(StateErrorKind::Credentials, why).hint(identity_hint()));
        }
        let keys: Vec<&dyn Identity> = keys.iter().map(|one| one as &dyn Identity).collect();
        decrypt(&keys, sealed).map_err(|why| {
            StateError::new(
                StateErrorKind::Credentials,
                format!("{name} can't be decrypted: {why}"),
            )
        })
    }

    /// Returns the private keys that are here.
    ///
    /// # Errors
    /// Returns an error if the identity file cannot be used, or if the passphrase is missing or
    /// wrong.
    pub(super) async fn privates(&self) -> Result<Vec<Private>, StateError> {
        let mut keys = match &self.identity {
            Some(path) => identities(path)?,
            None => Vec::new(),
        };
        let ask = self.recipients.is_empty() || keys.is_empty();
        if ask && let Some(own) = self.wrapped(false).await? {
            keys.push(own.clone());
        }
        Ok(keys)
    }

    /// Returns the recipients that infra.toml names.
    pub(super) fn recipients(&self) -> &[Public] {
        &self.recipients
    }

    /// Returns those who may read: the recipients, or the key pair of the passphrase, which is made
    /// if there is none.
    ///
    /// # Errors
    /// Returns an error if there is no recipient and no passphrase.
    pub(super) async fn readers(&self) -> Result<Vec<Public>, StateError> {
        if !self.recipients.is_empty() {
            return Ok(self.recipients.clone());
        }
        let own = self.wrapped(true).await?.ok_or_else(no_passphrase)?;
        Ok(vec![own.to_public()])
    }

    /// Returns a sum over those who may read.
    ///
    /// # Errors
    /// Returns the errors of [`Keyring::readers`].
    pub(super) async fn readers_sum(&self) -> Result<String, StateError> {
        let mut readers: Vec<String> =
            self.readers().await?.iter().map(ToString::to_string).collect();
        readers.sort();
        readers.dedup();
        Ok(super::working_copy::sum(readers.join("\n").as_bytes())[..16].to_owned())
    }

    /// Reads the key pair of the passphrase. With `make` it is made if there is none.
    async fn wrapped(&self, make: bool) -> Result<Option<&Private>, StateError> {
        if let Some(known) = self.wrapped.get()
            && (known.is_some() || !make)
        {
            return Ok(known.as_ref());
        }
        let found = match self.objects.get(WRAPPED).await? {
            Some(object) => Some(self.unwrap(object.bytes).await?),
            None if make => Some(self.make().await?),
            None => return Ok(None),
        };
        let _ = self.wrapped.set(found);
        Ok(self.wrapped.get().and_then(Option::as_ref))
    }

    async fn make(&self) -> Result<Private, StateError> {
        let passphrase = self.passphrase(true).await?.ok_or_else(no_passphrase)?;
        let own = Private::generate();
        let text = own.to_string();
        let sealed = blocking(move || {
            let recipient = scrypt::Recipient::new(passphrase);
            encrypt(&[&recipient], text.expose_secret().as_bytes())
        });
        let sealed = sealed.await?;
        match self.objects.put(WRAPPED, sealed.clone(), Only::New).await? {
            Some(_) => Ok(own),
            // The answer to a first try may have been lost; else another one's counts.
            None => match self.objects.get(WRAPPED).await? {
                Some(there) if there.bytes != sealed => self.unwrap(there.bytes).await,
                _ => Ok(own),
            },
        }
    }

    async fn unwrap(&self, sealed: Vec<u8>) -> Result<Private, StateError> {
        let passphrase = self.passphrase(false).await?.ok_or_else(no_passphrase)?;
        let opened = blocking(move || {
            let mut identity = scrypt::Identity::new(passphrase);
            identity.set_max_work_factor(WORK_MAX);
            decrypt(&[&identity], &sealed)
        });
        let plain = opened.await.map_err(|failure| {
            let message = format!("the passphrase does not open {WRAPPED}: {failure}");
            StateError::new(StateErrorKind::Credentials, message)
        })?;
        let text = SecretString::from(String::from_utf8(plain).map_err(StateError::local)?);
        text.expose_secret().parse().map_err(|why| {
            StateError::new(StateErrorKind::Damaged, format!("{WRAPPED} is no key: {why}"))
        })
    }

    /// Reads the passphrase from a variable, from a file or from the terminal. A `new` one is typed
    /// twice.
    async fn passphrase(&self, new: bool) -> Result<Option<SecretString>, StateError> {
        let given = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        if let Some(text) = given(PASSPHRASE) {
            return Ok(Some(text.into()));
        }
        if let Some(path) = given(PASSPHRASE_FILE) {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                StateError::new(StateErrorKind::Credentials, format!("{path}: {error}"))
            })?;
            let text = text.trim_end_matches(['\r', '\n']);
            return Ok((!text.is_empty()).then(|| text.to_owned().into()));
        }
        if !self.user.can_answer() {
            return Ok(None);
        }
        let text = self.user.passphrase("Passphrase of the private keys in the bucket: ").await?;
        if new {
            let again = self.user.passphrase("Once more: ").await?;
            if again.expose_secret() != text.expose_secret() {
                return Err(StateError::new(
                    StateErrorKind::Credentials,
                    "the two are not the same",
                ));
            }
        }
        Ok((!text.expose_secret().is_empty()).then_some(text))
    }
}

/// Runs `work` on a thread for blocking calls, because stretching a passphrase takes a second of
/// computing.
async fn blocking(
    work: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
) -> Result<Vec<u8>, StateError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(StateError::local)?;
    done.map_err(|why| StateError::new(StateErrorKind::Damaged, why))
}

/// Encrypts to these public keys.
pub(super) fn encrypt_to(to: &[Public], plain: &[u8]) -> Result<Vec<u8>, StateError> {
    let to: Vec<&dyn Recipient> = to.iter().map(|one| one as &dyn Recipient).collect();
    encrypt(&to, plain).map_err(|why| StateError::new(StateErrorKind::Damaged, why))
}

pub(super) fn identity_hint() -> String {
    format!("{IDENTITY}=FILE (or `identity` in [state]) names the file with your private key")
}

fn encrypt(to: &[&dyn Recipient], plain: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Write;
    let encryptor =
        Encryptor::with_recipients(to.iter().copied()).map_err(|error| error.to_string())?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| error.to_string())?;
    writer.write_all(plain).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(sealed)
}

fn decrypt(keys: &[&dyn Identity], sealed: &[u8]) -> Result<Vec<u8>, String> {
    let decryptor = Decryptor::new(sealed).map_err(|error| error.to_string())?;
    let mut reader = decryptor.decrypt(keys.iter().copied()).map_err(|error| error.to_string())?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok(plain)
}

fn identities(path: &Path) -> Result<Vec<Private>, StateError> {
    let unusable = |why: String| {
        StateError::new(
            StateErrorKind::Credentials,
            format!("the identity file {}: {why}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let text = SecretString::from(text);
    let lines = text.expose_secret().lines().map(str::trim);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<Private>, _> = keys.map(str::parse).collect();
    // Not what is wrong with it: that could quote the key.
    let keys =
        keys.map_err(|_| unusable("it holds something that is no AGE-SECRET-KEY-".into()))?;
    if keys.is_empty() {
        return Err(unusable("it holds no key".into()));
    }
    Ok(keys)
}

fn no_passphrase() -> StateError {
    StateError::new(
        StateErrorKind::Credentials,
        "private keys are encrypted before they go to the bucket, and nothing says with what",
    )
    .hint(format!(
        "add recipients = [\"age1…\"] to [state] and set {IDENTITY}, or set {PASSPHRASE} or {PASSPHRASE_FILE}"
    ))
}
