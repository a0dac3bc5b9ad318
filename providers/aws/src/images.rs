//! Images: from what infra.toml says to owner and name pattern.

/// Names that stand for the vendor's images, from the vendors' pages: "Find Ubuntu images on AWS",
/// "Debian cloud images on AWS".
const ALIASES: [(&str, &str, &str); 5] = [
    ("ubuntu-22.04", "099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"),
    ("ubuntu-24.04", "099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"),
    (
        "ubuntu-26.04",
        "099720109477",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-*",
    ),
    ("debian-12", "136693071363", "debian-12-amd64-*"),
    ("debian-13", "136693071363", "debian-13-amd64-*"),
];

/// Parses owner and pattern of an `image` in infra.toml; owner `-` is an image named by its id.
/// Returns `None` if it is nothing of that.
pub(crate) fn lookup(image: &str) -> Option<(&str, &str)> {
    if image.starts_with("ami-") {
        return Some(("-", image));
    }
    if let Some((_, owner, pattern)) = ALIASES.iter().find(|(alias, ..)| *alias == image) {
        return Some((owner, pattern));
    }
    let (owner, pattern) = image.split_once('/')?;
    let is_owner = owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(owner, "self" | "amazon" | "aws-marketplace");
    // With owner and image id it has to fit into the value of one tag.
    (is_owner && !pattern.is_empty() && pattern.len() <= 190 && !pattern.contains(' '))
        .then_some((owner, pattern))
}

/// Lists the known aliases.
pub(crate) fn aliases() -> Vec<&'static str> {
    ALIASES.iter().map(|(alias, ..)| *alias).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_can_be() {
        assert_eq!(lookup("ami-0123"), Some(("-", "ami-0123")));
        assert_eq!(lookup("debian-12"), Some(("136693071363", "debian-12-amd64-*")));
        assert_eq!(lookup("099720109477/ubuntu/x-*"), Some(("099720109477", "ubuntu/x-*")));
        assert_eq!(lookup("self/nodes-*"), Some(("self", "nodes-*")));
        assert_eq!(lookup("ubuntu-24-04-x64"), None);
    }
}
