//! Proving who made the key of a state.
//!
//! Anybody can encrypt something to a public key of age. But the secret that two key pairs share
//! (X25519) is known to their two holders alone. So whoever makes the key of a state writes, for
//! each recipient, a proof with the secret that their own key pair shares with that one's: nobody
//! makes such a proof who has neither private key.

use age::x25519::{Identity as Private, Recipient as Public};
use hkdf::Hkdf;
use secrecy::ExposeSecret;
use sha2::Sha256;
use uuid::Uuid;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::store::remote::{KEY, Seal};

/// Proves to `to` that the holder of `from` made `key`, the one of this `generation`, for the state of
/// cluster `uuid`.
pub(super) fn prove(
    from: &Private,
    to: &Public,
    uuid: Uuid,
    generation: u64,
    key: &[u8; KEY],
) -> Result<String, String> {
    let names = (from.to_public().to_string(), to.to_string());
    Ok(shared(from, to, &names, uuid)?.sign(&said(generation), key))
}

/// Returns what a proof says of a key. Whoever knows an earlier key can't pass it off as a later one.
fn said(generation: u64) -> String {
    if generation == 0 { "proof".to_owned() } else { format!("proof {generation}") }
}

/// Checks a proof that the holder of `from` made for `to`.
pub(super) fn is_proved(
    from: &Public,
    to: &Private,
    uuid: Uuid,
    generation: u64,
    key: &[u8; KEY],
    proof: &str,
) -> Result<bool, String> {
    let names = (from.to_string(), to.to_public().to_string());
    Ok(shared(to, from, &names, uuid)?.fits(&said(generation), key, proof.as_bytes()))
}

/// Returns a seal with the key that two key pairs share, for one direction between them.
fn shared(
    own: &Private,
    other: &Public,
    (from, to): &(String, String),
    uuid: Uuid,
) -> Result<Seal, String> {
    let own = StaticSecret::from(bytes(own.to_string().expose_secret())?);
    let shared = own.diffie_hellman(&PublicKey::from(bytes(&other.to_string())?));
    if !shared.was_contributory() {
        return Err(format!("{from} or {to} is no proper public key"));
    }
    let mut key = [0; KEY];
    Hkdf::<Sha256>::new(Some(b"infra record key proof"), shared.as_bytes())
        .expand(format!("{from}\n{to}").as_bytes(), &mut key)
        .map_err(|error| error.to_string())?;
    Ok(Seal::new(key, uuid, Default::default()))
}

/// Returns a key that nobody has seen.
pub(super) fn fresh_key() -> Result<[u8; KEY], String> {
    bytes(Private::generate().to_string().expose_secret())
}

/// Returns the 32 bytes that a key of age is.
fn bytes(text: &str) -> Result<[u8; 32], String> {
    // Not what is wrong with it: that could quote the key.
    let odd = || "a key of age can't be read".to_owned();
    let (_, bytes) = bech32::decode(text).map_err(|_| odd())?;
    bytes.try_into().map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_convinces_whom_it_is_for_and_nobody_makes_one_for_others() {
        let [ada, bob, eve] = [(); 3].map(|()| Private::generate());
        let (uuid, key) = (Uuid::from_u128(7), [1; KEY]);
        let proof = prove(&ada, &bob.to_public(), uuid, 0, &key).unwrap();
        let check = |from: &Private, to: &Private, uuid, key: &[u8; KEY], proof: &str| {
            is_proved(&from.to_public(), to, uuid, 0, key, proof).unwrap()
        };
        assert!(check(&ada, &bob, uuid, &key, &proof));
        assert!(!check(&ada, &bob, uuid, &[2; KEY], &proof), "another key");
        assert!(!check(&ada, &bob, Uuid::from_u128(8), &key, &proof), "another cluster");
        assert!(!check(&bob, &ada, uuid, &key, &proof), "the other way round");
        assert!(!check(&ada, &eve, uuid, &key, &proof));
        // With nothing but the public keys of both, one's own key pair proves nothing.
        let forged = prove(&eve, &bob.to_public(), uuid, 0, &key).unwrap();
        assert!(!check(&ada, &bob, uuid, &key, &forged));
        // To oneself: that is how a passphrase's key pair does it.
        let later = |proof: &str| is_proved(&ada.to_public(), &bob, uuid, 1, &key, proof).unwrap();
        assert!(!later(&proof), "an earlier key");
        assert!(later(&prove(&ada, &bob.to_public(), uuid, 1, &key).unwrap()));
        let own = prove(&ada, &ada.to_public(), uuid, 0, &key).unwrap();
        assert!(check(&ada, &ada, uuid, &key, &own));
    }
}
