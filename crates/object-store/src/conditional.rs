//! Writes that hold only if nobody was faster, and what is needed to decide on them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use bytes::Bytes;

use crate::{Bucket, StoreError};

/// What must hold for a write to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no object of that key (`If-None-Match: *`).
    Absent,
    /// The object is still the one with this entity tag (`If-Match`).
    Unchanged(String),
}

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// All of it.
    pub body: Bytes,
    /// Entity tag, as the store gives it.
    pub etag: String,
    /// How long ago it was written, by the store's own clock; in whole seconds.
    pub age: Option<Duration>,
}

/// How often a write is tried again that met another one under way.
const CONFLICTS_MAX: u32 = 5;
const CONFLICT_PAUSE: Duration = Duration::from_millis(50);

impl Bucket {
    /// Writes an object if `condition` holds: its new entity tag, or `None` when it does not hold.
    /// The client repeats a write whose answer was lost, so `None` may be about its own first try:
    /// read what is there before believing it.
    pub async fn put_if(
        &self,
        key: &str,
        body: impl Into<Bytes>,
        condition: &Condition,
    ) -> Result<Option<String>, StoreError> {
        let body = body.into();
        let mut conflicts = 0;
        loop {
            let put = self.client.put_object().bucket(&self.name).key(key);
            let put = match condition {
                Condition::Absent => put.if_none_match("*"),
                Condition::Unchanged(etag) => put.if_match(etag),
            };
            let sent = put.body(ByteStream::from(body.clone())).send().await;
            let error = match sent {
                Ok(answer) => return Ok(Some(answer.e_tag().unwrap_or_default().to_owned())),
                Err(error) => error,
            };
            let conflict = error.code() == Some("ConditionalRequestConflict");
            if conflict && conflicts < CONFLICTS_MAX {
                conflicts += 1;
                tokio::time::sleep(CONFLICT_PAUSE * conflicts).await;
                continue;
            }
            let gone = matches!(condition, Condition::Unchanged(_));
            return match self.call("write", key).error(error) {
                StoreError::Precondition { what, request } if conflict => {
                    let reason = "another write to it is under way".to_owned();
                    Err(StoreError::Unavailable { action: "write", what, reason, request })
                }
                StoreError::Precondition { .. } => Ok(None),
                // S3 answers so when what should be unchanged is no longer there.
                StoreError::NotFound { .. } if gone => Ok(None),
                error => Err(error),
            };
        }
    }

    /// Returns how long ago an object was written, by the store's own clock; `None` when there is none,
    /// or the store does not say.
    pub async fn age(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        let date = ServerDate::default();
        let head = self.client.head_object().bucket(&self.name).key(key);
        let sent = head.customize().interceptor(date.clone()).send().await;
        match sent.map_err(|error| self.call("look at", key).error(error)) {
            Ok(answer) => Ok(age(&date, answer.last_modified())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads an object with its entity tag and age; `None` when there is none.
    pub async fn fetch(&self, key: &str) -> Result<Option<Fetched>, StoreError> {
        let date = ServerDate::default();
        let get = self.client.get_object().bucket(&self.name).key(key);
        let sent = get.customize().interceptor(date.clone()).send().await;
        let answer = match sent.map_err(|error| self.call("read", key).error(error)) {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let age = age(&date, answer.last_modified());
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let body = answer.body.collect().await.map_err(|e| StoreError::Unavailable {
            action: "read",
            what: self.call("read", key).what(),
            reason: format!("the answer broke off: {e}"),
            request: String::new(),
        })?;
        Ok(Some(Fetched { body: body.into_bytes(), etag, age }))
    }
}

fn age(date: &ServerDate, modified: Option<&DateTime>) -> Option<Duration> {
    let (now, then) = date.seconds().zip(modified.map(DateTime::secs))?;
    Some(Duration::from_secs((now - then).max(0).unsigned_abs()))
}

/// Keeps the `Date` of the last answer: the store's clock.
#[derive(Debug, Clone, Default)]
struct ServerDate(Arc<Mutex<Option<i64>>>);

impl ServerDate {
    fn seconds(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.map(|date| date.secs());
        Ok(())
    }
}
