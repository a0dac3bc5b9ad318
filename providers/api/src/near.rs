//! The word that somebody may have meant.

/// Returns the one of `words` that looks most like `word`, if one looks like it: at most a third of the
/// longer one is added, left out, exchanged, or swapped with its neighbour. Of several the first in order.
///
/// ```
/// use infra_provider_api::nearest;
///
/// assert_eq!(nearest("regoin", ["region", "image"]), Some("region"));
/// assert_eq!(nearest("zone", ["region", "image"]), None);
/// ```
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    words
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, near)| *distance <= (near.chars().count().max(length) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found() {
        for (word, words, near) in [
            ("regoin", &["region", "image"][..], Some("region")),
            ("kubernets", &["kubernetes", "name"], Some("kubernetes")),
            ("droplet.woker-1", &["droplet.worker-1", "vpc.main"], Some("droplet.worker-1")),
            ("fra2", &["nyc1", "fra1", "ams3"], Some("fra1")),
            ("ubuntu-24-04", &["ubuntu-24-04-x64", "debian-13-x64"], Some("ubuntu-24-04-x64")),
            ("eu-centrl-1", &["eu-west-1", "eu-central-1"], Some("eu-central-1")),
            ("t3.meduim", &["t3.medium", "t3.micro"], Some("t3.medium")),
            // Of equals the first, whatever order they come in.
            ("fra", &["frc", "frb"], Some("frb")),
            ("deployment", &["Deployment"], Some("Deployment")),
        ] {
            assert_eq!(nearest(word, words.iter().copied()), near, "{word}");
        }
    }

    #[test]
    fn what_is_far_is_not_meant() {
        for (word, words) in [
            ("banana", &["region", "image"][..]),
            ("frankfurt", &["fra1", "nyc1"]),
            ("xx", &["fra1"]),
            ("firewall.x", &["vpc.main"]),
            ("", &["region"]),
            ("region", &[]),
        ] {
            assert_eq!(nearest(word, words.iter().copied()), None, "{word}");
        }
    }
}
