//! Names for buckets. All accounts of a cloud share them, so whoever can tell a cluster's beforehand may
//! take it first: they end in a part that nobody can guess.

use rand::Rng;

use crate::Owner;

/// Letters of the part that nobody can guess. With the longest name that a cluster may have, a bucket's
/// is as long as the clouds allow.
const RANDOM: usize = 7;
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Returns how the names of a cluster's bucket begin: `infra-shop-1234abcd`. Earlier versions called it
/// just that.
pub fn bucket_prefix(owner: &Owner) -> String {
    format!("infra-{}-{}", owner.cluster, owner.short())
}

/// Makes up a name for a cluster's bucket: `infra-shop-1234abcd-x7k2m9q`.
pub fn new_bucket_name(owner: &Owner) -> String {
    let mut rng = rand::rng();
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    let random: String = (0..RANDOM).map(letter).collect();
    format!("{}-{random}", bucket_prefix(owner))
}

/// Reports whether `name` is one that was made up for this cluster's bucket, by this version or an
/// earlier one.
pub fn is_bucket_name(owner: &Owner, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(&bucket_prefix(owner)) else { return false };
    rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|random| {
            random.len() == RANDOM && random.bytes().all(|byte| LETTERS.contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_known_again_and_never_equal() {
        let owner =
            Owner { cluster: "x".repeat(40), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) };
        let (one, other) = (new_bucket_name(&owner), new_bucket_name(&owner));
        assert_ne!(one, other);
        assert!(one.len() <= 63, "{one}");
        assert!(is_bucket_name(&owner, &one) && is_bucket_name(&owner, &bucket_prefix(&owner)));
        let short = Owner { cluster: "shop".into(), ..owner };
        for foreign in [
            "infra-shop-12345678-",
            "infra-shop-12345678x",
            "infra-shop-12345678-longer-than-that",
            "infra-shop-87654321-x7k2m9q",
            // That of a cluster called shop-12345678.
            "infra-shop-12345678-0a1b2c3d",
        ] {
            assert!(!is_bucket_name(&short, foreign), "{foreign}");
        }
    }
}
