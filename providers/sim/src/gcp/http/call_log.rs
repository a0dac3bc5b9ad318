//! The log of calls: a line of JSON for each, which tests check against the vendor's documents.
//!
//! [`Settings::gcp_log`](crate::settings::Settings::gcp_log) turns it on. A line has `method`, `path` with
//! the query, `body`, `status` and `answer`; what is not there is left out. An answer that a fault cut
//! off has no status. Nothing of the headers is kept, so no token is.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};

use crate::api::Cut;
use crate::sim::Sim;

/// The name of the log in the data folder.
const FILE: &str = "gcp-calls.jsonl";
/// A request that is larger is refused further on, and its body is not logged.
const BODY_MAX_BYTES: usize = 2 << 20;

/// Lets a call pass, and writes it down with its answer if the settings say so.
pub async fn logged<F: Future<Output = Response>>(
    sim: &Sim,
    request: Request,
    pass: impl FnOnce(Request) -> F,
) -> Response {
    if !sim.settings.get().gcp_log {
        return pass(request).await;
    }
    let (parts, body) = request.into_parts();
    let sent = Limited::new(body, BODY_MAX_BYTES).collect().await;
    let sent = sent.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut line = Map::new();
    line.insert("method".to_owned(), parts.method.as_str().into());
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    line.insert("path".to_owned(), path.into());
    line.extend(text(&sent).map(|body| ("body".to_owned(), body)));
    let response = pass(Request::from_parts(parts, Body::from(sent))).await;
    let (response, answer) = copied(response).await;
    if let Some(answer) = answer {
        line.insert("status".to_owned(), response.status().as_u16().into());
        line.extend(text(&answer).map(|answer| ("answer".to_owned(), answer)));
    }
    if let Err(e) = append(&sim.data.join(FILE), &Value::Object(line)) {
        tracing::warn!("cannot log a call: {e}");
    }
    response
}

/// Reads a body as JSON, or as a text where it is none.
fn text(bytes: &[u8]) -> Option<Value> {
    if bytes.is_empty() {
        return None;
    }
    let read = serde_json::from_slice(bytes);
    Some(read.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into()))
}

/// Reads an answer, and gives it back as it was. One that breaks off does so again, and is no answer.
async fn copied(response: Response) -> (Response, Option<Bytes>) {
    if response.extensions().get::<Cut>().is_some() {
        return (response, None);
    }
    let (parts, mut body) = response.into_parts();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read.extend(frame.into_data().unwrap_or_default()),
            Err(broken) => {
                let stream = futures::stream::iter([Ok(read.freeze()), Err(broken)]);
                return (Response::from_parts(parts, Body::from_stream(stream)), None);
            }
        }
    }
    let read = read.freeze();
    (Response::from_parts(parts, Body::from(read.clone())), Some(read))
}

/// Adds a line to a file; lines of calls at the same time do not mix.
fn append(path: &Path, line: &Value) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).append(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_read_and_given_back_and_a_broken_one_breaks_again() {
        let (whole, read) = copied(Response::new(Body::from("{\"a\": 1}"))).await;
        assert_eq!(text(&read.unwrap()).unwrap()["a"], 1);
        assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "{\"a\": 1}");
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let stream = futures::stream::iter([Ok(Bytes::from_static(b"{\"a\"")), Err(broken)]);
        let (half, read) = copied(Response::new(Body::from_stream(stream))).await;
        assert!(read.is_none());
        assert!(half.into_body().collect().await.is_err());
        let mut cut = Response::new(Body::empty());
        cut.extensions_mut().insert(Cut);
        let (cut, read) = copied(cut).await;
        assert!(read.is_none() && cut.extensions().get::<Cut>().is_some());
    }

    #[test]
    fn lines_are_added_and_texts_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for body in [&b"{\"a\": 1}"[..], b"<html>"] {
            append(&path, &text(body).unwrap()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), "{\"a\":1}\n\"<html>\"\n");
        assert!(text(b"").is_none());
    }
}
