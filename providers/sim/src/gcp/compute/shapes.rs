//! The shapes of what callers send, made from the discovery documents.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::gcp::http::Shape;

/// A line a message: its name and its shape.
const TEXT: &str = include_str!("../../../data/gcp-shapes.txt");

/// Returns the shape of a message; one without fields if it is unknown.
pub fn shape(message: &str) -> &'static Shape {
    static SHAPES: OnceLock<HashMap<&'static str, Shape>> = OnceLock::new();
    static NOTHING: OnceLock<Shape> = OnceLock::new();
    let all = SHAPES.get_or_init(|| {
        TEXT.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .map(|(name, text)| (name, Shape::new(text)))
            .collect()
    });
    all.get(message).unwrap_or_else(|| NOTHING.get_or_init(Shape::default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_have_their_fields() {
        let subnet = json!({
            "name": "s", "ipCidrRange": "10.0.0.0/20", "network": "global/networks/n",
            "privateIpGoogleAccess": true,
            "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"}],
        });
        assert!(shape("Subnetwork").check(subnet).is_ok());
        assert!(shape("Subnetwork").check(json!({"ipCidrRang": "x"})).is_err());
        assert!(shape("Router").check(json!({"nats": [{"natIpAllocateOption": "AUTO"}]})).is_err());
        assert!(shape("SetIamPolicyRequest").check(json!({"policy": {"etag": "x"}})).is_ok());
    }
}
