//! Hashes and generated names in the alphabet Kubernetes uses for them.

use sha2::{Digest, Sha256};

use serde_json::Value;

/// Kubernetes' alphabet for generated names: no vowels and no digits that look like them.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Makes `len` characters that follow from the seed alone.
pub fn suffix_of(seed: &str, len: usize) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    digest
        .iter()
        .take(len)
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect()
}

/// Draws `len` random characters.
pub fn random_suffix(len: usize) -> String {
    (0..len).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect()
}

/// Makes `base` + 5 random characters, cut as `generateName` does (63 characters in all).
pub fn generate(base: &str) -> String {
    let cut: String = base.chars().take(58).collect();
    format!("{cut}{}", random_suffix(5))
}

/// Computes the `pod-template-hash` (or revision hash) of a template; `collisions` is higher after
/// a clash.
pub fn template_hash(template: &Value, collisions: i64) -> String {
    suffix_of(&format!("{}#{collisions}", canonical(template)), 10)
}

/// Computes a number in 0..1 that follows from the seed and a text.
pub fn fraction(seed: u64, text: &str) -> f64 {
    let digest = Sha256::digest(format!("{seed}/{text}").as_bytes());
    let n = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    f64::from(n) / f64::from(u32::MAX)
}

/// Writes JSON with sorted keys, nulls left out, so that equal templates hash alike.
pub fn canonical(v: &Value) -> String {
    let mut out = String::new();
    write(v, &mut out);
    out
}

fn write(v: &Value, out: &mut String) {
    match v {
        Value::Object(m) => {
            let mut keys: Vec<_> = m.iter().filter(|(_, v)| !v.is_null()).collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (k, v) in keys {
                out.push_str(k);
                out.push(':');
                write(v, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(a) => {
            out.push('[');
            for v in a {
                write(v, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hashes_ignore_the_order_of_keys_and_differ_by_content() {
        let a: Value = serde_json::from_str(r#"{"a":1,"b":null,"c":[1]}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"c":[1],"a":1}"#).unwrap();
        assert_eq!(template_hash(&a, 0), template_hash(&b, 0));
        assert_ne!(template_hash(&a, 0), template_hash(&a, 1));
        assert_ne!(template_hash(&a, 0), template_hash(&json!({"a": 2}), 0));
        assert_eq!(template_hash(&a, 0).len(), 10);
    }
}
