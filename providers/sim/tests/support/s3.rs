//! Presigned S3 URLs (Signature Version 4 in the query), as a client makes them.

use hmac::{Hmac, Mac};
use infra_sim::Endpoint;
use sha2::{Digest, Sha256};

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A URL that allows `method` on `path` (`/bucket/key`) for an hour.
pub fn presign(endpoint: &Endpoint, method: &str, path: &str) -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &now[..8];
    let scope = format!("{day}/us-east-1/s3/aws4_request");
    let host = endpoint.s3.trim_start_matches("https://");
    let credential = format!("{}%2F{}", endpoint.spaces_access_key_id, scope.replace('/', "%2F"));
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={now}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
    );
    let canonical = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
    let hash = hex::encode(Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{hash}");
    let mut key = hmac(format!("AWS4{}", endpoint.spaces_secret_access_key).as_bytes(), day);
    for part in ["us-east-1", "s3", "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex::encode(hmac(&key, &text));
    format!("{}{path}?{query}&X-Amz-Signature={signature}", endpoint.s3)
}
