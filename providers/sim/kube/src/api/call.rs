//! Call: one request to the API server, with its body and its user.

use std::sync::Mutex;

use http::{HeaderMap, Method};
use hyper::upgrade::OnUpgrade;

use super::auth::User;
use super::request::Query;

/// What a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// What there is, in pages as large as the client asks for.
    Plain,
    /// What there was some changes ago.
    Stale,
    /// What there is, in pages of two if the client asks for pages.
    SmallPages,
}

/// A request, read whole.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
    pub(crate) user: User,
    /// What a fault does to the list that is asked for.
    pub(crate) listing: Listing,
    /// The connection, when the client wants to speak something else on it.
    pub(crate) upgrade: Mutex<Option<OnUpgrade>>,
}

impl Call {
    /// Takes the connection once it speaks something else; it is given away once.
    pub(crate) fn upgrade(&self) -> Option<OnUpgrade> {
        self.upgrade.lock().ok()?.take()
    }

    /// Returns the field manager: named by the client, else the first word of its User-Agent.
    pub(crate) fn manager(&self) -> String {
        if let Some(name) = self.query.get("fieldManager").filter(|name| !name.is_empty()) {
            return name.to_owned();
        }
        let agent = self.headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
        let name = agent.unwrap_or("unknown").split('/').next().unwrap_or("unknown");
        name.chars().take(128).collect()
    }
}
