//! Signature Version 4 in query strings, written from the public description, independent of the server's.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn encode(text: &str, slash: bool) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(b).to_string()
            }
            b'/' if !slash => "/".to_owned(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// A presigned URL. `age_s` seconds ago it was made; it is good for `expires_s`.
pub fn presign(
    base: &str,
    (id, secret): (&str, &str),
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    (age_s, expires_s): (i64, i64),
) -> String {
    let host = base.strip_prefix("https://").unwrap();
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(age_s);
    let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{}/us-east-1/s3/aws4_request", &stamp[..8]);
    let credential = format!("{id}/{scope}");
    let expires = expires_s.to_string();
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .copied()
        .chain([
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", credential.as_str()),
            ("X-Amz-Date", stamp.as_str()),
            ("X-Amz-Expires", expires.as_str()),
            ("X-Amz-SignedHeaders", "host"),
        ])
        .map(|(k, v)| (encode(k, true), encode(v, true)))
        .collect();
    pairs.sort();
    let canonical_query: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let canonical_query = canonical_query.join("&");
    let canonical_path = encode(path, false);
    let request = format!(
        "{method}\n{canonical_path}\n{canonical_query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    );
    let hashed = hex::encode(Sha256::digest(request.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}");
    let key = hmac(format!("AWS4{secret}").as_bytes(), &stamp[..8]);
    let key = hmac(&hmac(&hmac(&key, "us-east-1"), "s3"), "aws4_request");
    let signature = hex::encode(hmac(&key, &to_sign));
    format!("{base}{canonical_path}?{canonical_query}&X-Amz-Signature={signature}")
}
