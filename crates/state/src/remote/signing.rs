//! The key of a state: made once, encrypted for those who may read the private keys, proved to each
//! of them, and remembered by each machine that has seen it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use age::x25519::{Identity as Private, Recipient as Public};
use base64::{Engine, engine::general_purpose::STANDARD};
use infra_provider_api::Owner;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    encryption::Keyring,
    options::User,
    pin::{Pin, PinFile},
    proof::{fresh_key, is_proved, prove},
};
use crate::{
    Store,
    error::{StateError, StateErrorKind},
    store::remote::{KEY, Objects, Only, Seal, Signed},
};

/// The object that holds the key.
const DOCUMENT: &str = "keys/signing.json";
const VERSION: u64 = 2;
/// Lets a machine take an unsigned state that it has never seen before.
const ACCEPT: &str = "INFRA_STATE_ACCEPT_UNSIGNED";

/// `keys/signing.json`.
#[derive(Clone, Serialize, Deserialize)]
struct Document {
    version: u64,
    /// Whose state it is for.
    uuid: Uuid,
    /// How often the key was changed. Only the first one is readable for earlier versions.
    #[serde(default, skip_serializing_if = "is_first")]
    generation: u64,
    /// Public key of whoever made it.
    made_by: String,
    /// The key, encrypted with age, in base64.
    sealed: String,
    /// By the public key of each who may read it: the proof that `made_by` made it.
    proofs: BTreeMap<String, String>,
    /// Objects that were there before the state was signed: their SHA-256, by name.
    before: BTreeMap<String, String>,
    /// The signature of the two above.
    mac: String,
}

impl Document {
    fn said(&self) -> Result<Vec<u8>, StateError> {
        let said = (&self.made_by, &self.proofs, &self.before);
        let said = match self.generation {
            0 => serde_json::to_vec(&said),
            later => serde_json::to_vec(&(later, said)),
        };
        said.map_err(StateError::local)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_first(generation: &u64) -> bool {
    *generation == 0
}

struct Read {
    document: Document,
    etag: String,
}

/// The signing of one state.
pub(super) struct Signing {
    pub(super) objects: Arc<Signed>,
    /// The same without signatures.
    pub(super) bare: Arc<dyn Objects>,
    pub(super) keys: Arc<Keyring>,
    pub(super) pin: PinFile,
    pub(super) url: String,
    user: Arc<dyn User>,
    document: Mutex<Option<Read>>,
}

impl Signing {
    pub(super) fn new(
        bare: Arc<dyn Objects>,
        keys: Arc<Keyring>,
        pin: PinFile,
        url: &str,
        user: Arc<dyn User>,
    ) -> Self {
        let objects = Arc::new(Signed::new(Arc::clone(&bare)));
        let (url, document) = (url.to_owned(), Mutex::default());
        Self { objects, bare, keys, pin, url, user, document }
    }

    fn bad(&self, why: impl std::fmt::Display) -> StateError {
        let message = format!("{} can't be trusted: {why}", self.bare.describe(DOCUMENT));
        StateError::new(StateErrorKind::Damaged, message)
    }

    /// Reads the key, if the state is signed. From then on everything is checked.
    ///
    /// # Errors
    /// Returns an error if the key was made by nobody who may, is another one than this machine
    /// knows, or is gone. Returns an error if no private key here opens it.
    pub(super) async fn open(&self) -> Result<(), StateError> {
        let pin = self.pin.read()?;
        let Some(read) = self.read().await? else {
            return match pin {
                Some(_) => Err(self.bad("it is gone, and this machine has seen it").hint(format!(
                    "somebody removed it, or all of the state; if that was on purpose, remove {}",
                    self.pin.shown()
                ))),
                None => Ok(()),
            };
        };
        let document = &read.document;
        let generation = document.generation;
        if pin.as_ref().is_some_and(|pin| pin.generation > generation) {
            return Err(self.bad("its key is an earlier one than this machine has seen").hint(
                "somebody put back an earlier keys/signing.json; restore the newest version of that object",
            ));
        }
        let is_seen = pin.as_ref().filter(|pin| pin.generation == generation);
        let key = match is_seen.and_then(Pin::key) {
            Some(key) => key,
            // A later key proves itself, as the first one does on a machine that has seen none.
            None => self.key_of(document).await?,
        };
        let seal = Seal::new(key, document.uuid, document.before.clone());
        let known = pin.as_ref().is_none_or(|pin| pin.uuid == document.uuid);
        if !known || !seal.fits(DOCUMENT, &document.said()?, document.mac.as_bytes()) {
            let why = "it is another one than this machine has seen";
            return Err(self.bad(why).hint(format!(
                "somebody put another state there; if the state was made again, or moved away and back, remove {}",
                self.pin.shown()
            )));
        }
        match pin {
            None => self.pin.write(&Pin::new(&self.url, document.uuid, generation, &key))?,
            Some(mut pin) if pin.generation != generation => {
                pin.take(generation, &key);
                self.pin.write(&pin)?;
            }
            Some(_) => {}
        }
        self.objects.set(Arc::new(seal));
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(())
    }

    async fn read(&self) -> Result<Option<Read>, StateError> {
        let Some(object) = self.bare.get(DOCUMENT).await? else { return Ok(None) };
        let value: serde_json::Value =
            serde_json::from_slice(&object.bytes).map_err(|error| self.bad(error))?;
        if value["version"].as_u64().is_some_and(|found| found > VERSION) {
            let message = format!("{} is newer than this program", self.bare.describe(DOCUMENT));
            return Err(StateError::new(StateErrorKind::Damaged, message)
                .hint("use the version of infra that wrote it, or a later one"));
        }
        let document = serde_json::from_value(value).map_err(|error| self.bad(error))?;
        Ok(Some(Read { document, etag: object.etag }))
    }

    /// Decrypts the key and checks who made it.
    async fn key_of(&self, document: &Document) -> Result<[u8; KEY], StateError> {
        let own = self.keys.privates().await?;
        if own.is_empty() {
            return Err(
                self.no_identity("the state is signed, and there is no key here to check it with")
            );
        }
        let maker: Public = document.made_by.parse().map_err(|why| self.bad(why))?;
        let trusted = self.keys.recipients().contains(&maker)
            || own.iter().any(|one| one.to_public() == maker);
        if !trusted {
            let why = format!("{maker} made it, who is not in `recipients` of [state]");
            return Err(self.bad(why).hint(
                "whoever is in it and has seen the state before runs `infra apply`: that renews it; after `infra state migrate --from`, name them with --recipient",
            ));
        }
        let mine = own
            .iter()
            .find_map(|one| Some((one, document.proofs.get(&one.to_public().to_string())?)));
        let (mine, proof) = mine.ok_or_else(|| {
            self.no_identity(
                "the state is signed, and was not made readable for a key that is here",
            )
            .hint("whoever can read it adds you to `recipients` of [state] and runs `infra apply`")
        })?;
        let sealed = STANDARD.decode(&document.sealed).map_err(|error| self.bad(error))?;
        let name = self.bare.describe(DOCUMENT);
        let key = self.keys.decrypt(&name, &sealed).await?;
        let key: [u8; KEY] = key.try_into().map_err(|_| self.bad("its key has an odd length"))?;
        match is_proved(&maker, mine, document.uuid, document.generation, &key, proof) {
            Ok(true) => Ok(key),
            Ok(false) => Err(self.bad(format!("{maker} did not make it"))),
            Err(why) => Err(self.bad(why)),
        }
    }

    fn no_identity(&self, why: &str) -> StateError {
        StateError::new(StateErrorKind::Credentials, format!("{}: {why}", self.url))
            .hint(super::encryption::identity_hint())
    }

    /// Checks whose state it is, and whether one that is not signed may be taken.
    ///
    /// # Errors
    /// Returns an error if it is another cluster's, or if it is not signed and this machine has
    /// never seen it.
    pub(super) fn check(&self, store: &Store, is_seen: bool) -> Result<(), StateError> {
        let Owner { uuid, cluster } = store.owner();
        if let Some(seal) = self.objects.seal() {
            if seal.uuid() != *uuid {
                let why = format!("it is for {}, and {cluster} is {uuid}", seal.uuid());
                return Err(self.bad(why).hint("somebody exchanged identity.json next to it"));
            }
            return Ok(());
        }
        if store.state().serial == 0 {
            return Ok(());
        }
        let accepted = std::env::var_os(ACCEPT).is_some_and(|value| value == "1");
        if !is_seen && !accepted {
            return Err(StateError::new(
                StateErrorKind::Damaged,
                format!("the state in {} is not signed, and this machine has never seen it", self.url),
            )
            .hint("an `infra apply` with this version on a machine that has a copy of it signs it")
            .hint(format!("{ACCEPT}=1 takes it as it is, once; do that only if nobody else may write to the bucket")));
        }
        self.user.tell(&format!(
            "warning: the state in {} is not signed yet: whoever can write to the bucket can change it. The next run that changes something signs it.",
            self.url
        ));
        Ok(())
    }

    /// Signs a state that is not signed yet, or names those who may read it again. Returns true if the
    /// state has another key now: somebody left who knows the one before. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if there is no private key here of one of the recipients, or if the bucket
    /// cannot be written.
    pub(super) async fn establish(&self, owner: &Owner, is_old: bool) -> Result<bool, StateError> {
        let to = self.keys.readers().await?;
        match self.objects.seal() {
            Some(seal) => self.renew(&seal, &to).await,
            None => self.begin(owner, &to, is_old).await.map(|()| false),
        }
    }

    async fn begin(&self, owner: &Owner, to: &[Public], is_old: bool) -> Result<(), StateError> {
        let maker = self.maker(to).await?.ok_or_else(|| {
            self.no_identity(
                "the state is signed for those in `recipients`, and none of their private keys is here",
            )
        })?;
        let key = fresh_key().map_err(|why| self.bad(why))?;
        let before = self.objects.sums().await?;
        let seal = Seal::new(key, owner.uuid, BTreeMap::new());
        let document = self.document(&maker, to, &seal, 0, before)?;
        let bytes = serde_json::to_vec_pretty(&document).map_err(StateError::local)?;
        self.bare.put(DOCUMENT, bytes, Only::New).await?;
        // Read back: the answer to a first try may have been lost, or another one's counts.
        self.open().await?;
        if is_old {
            self.user.tell(&format!(
                "The state in {} is signed from now on; an unsigned one is refused.",
                self.url
            ));
        }
        Ok(())
    }

    /// Writes the document again where other people may read it than it says.
    async fn renew(&self, seal: &Seal, to: &[Public]) -> Result<bool, StateError> {
        let read = self.document.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(read) = read else { return Ok(false) };
        let wanted: BTreeSet<String> = to.iter().map(ToString::to_string).collect();
        let named: BTreeSet<String> = read.document.proofs.keys().cloned().collect();
        let same = wanted == named && wanted.contains(&read.document.made_by);
        // Whoever can't prove it leaves it to the next one who can.
        if same {
            return Ok(false);
        }
        let has_left = !named.is_subset(&wanted);
        let Some(maker) = self.maker(to).await? else {
            if has_left {
                self.user.tell(
                    "warning: somebody left `recipients` and still knows the key of the state; a run with the private key of a recipient changes it",
                );
            }
            return Ok(false);
        };
        let Document { generation, before, .. } = read.document;
        let document = if has_left {
            // Whoever left knows the key. What is there is vouched for by its sums.
            let key = fresh_key().map_err(|why| self.bad(why))?;
            let next = Seal::new(key, seal.uuid(), BTreeMap::new());
            self.document(&maker, to, &next, generation + 1, self.objects.sums().await?)?
        } else {
            self.document(&maker, to, seal, generation, before)?
        };
        let bytes = serde_json::to_vec_pretty(&document).map_err(StateError::local)?;
        self.bare.put(DOCUMENT, bytes, Only::Unchanged(read.etag)).await?;
        if has_left {
            // Read back: the answer to a first try may have been lost.
            self.open().await?;
            let is_ours = self.generation() == Some(generation + 1);
            if !is_ours {
                return Err(self.bad("another run has changed it meanwhile"));
            }
            self.user.tell(&format!(
                "The state in {} has another key: somebody left `recipients`.",
                self.url
            ));
        }
        Ok(has_left)
    }

    fn generation(&self) -> Option<u64> {
        let read = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().map(|read| read.document.generation)
    }

    /// Returns a private key that is here, of one of those who may read.
    async fn maker(&self, to: &[Public]) -> Result<Option<Private>, StateError> {
        let own = self.keys.privates().await?;
        Ok(own.into_iter().find(|one| to.contains(&one.to_public())))
    }

    fn document(
        &self,
        maker: &Private,
        to: &[Public],
        seal: &Seal,
        generation: u64,
        before: BTreeMap<String, String>,
    ) -> Result<Document, StateError> {
        let (uuid, key) = (seal.uuid(), seal.key());
        let mut proofs = BTreeMap::new();
        for one in to {
            let proof = prove(maker, one, uuid, generation, key).map_err(|why| self.bad(why))?;
            proofs.insert(one.to_string(), proof);
        }
        let sealed = super::encryption::encrypt_to(to, key)?;
        let mut document = Document {
            version: if generation == 0 { 1 } else { VERSION },
            uuid,
            generation,
            made_by: maker.to_public().to_string(),
            sealed: STANDARD.encode(sealed),
            proofs,
            before,
            mac: String::new(),
        };
        document.mac = seal.sign(DOCUMENT, &document.said()?);
        Ok(document)
    }
}
