//! Logs each call that an AWS SDK makes, in the form that all clouds share
//! ([`infra_provider_api::Call`]). Amazon's SDKs log by themselves, too, but with headers.

use std::sync::Mutex;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use infra_provider_api::Call;

/// Logs the calls of a client.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCalls;

/// The call that is under way; taken out when it ends.
#[derive(Debug)]
struct Current(Mutex<Option<Call>>);

impl Storable for Current {
    type Storer = StoreReplace<Self>;
}

/// Operations that change nothing, by the first word of their names.
const READS: [&str; 4] = ["Describe", "List", "Get", "Head"];

impl Intercept for LogCalls {
    fn name(&self) -> &'static str {
        "LogCalls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let call = config.load::<Metadata>();
        let service = call.map_or("aws", Metadata::service).to_owned();
        let operation = call.map_or("", Metadata::name).to_owned();
        let is_read = READS.iter().any(|word| operation.starts_with(word));
        // The query protocol sends every operation to one path: the name says more.
        let path = request.uri().split_once('?').map_or(request.uri(), |(path, _)| path);
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        let path = path.find('/').map_or("/", |at| &path[at..]);
        let what = format!("{operation} {path}");
        let call = Call::begin(&service, request.method(), &what, !is_read);
        config.interceptor_state().store_put(Current(Mutex::new(Some(call))));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let current = config.load::<Current>().and_then(|current| current.0.lock().ok()?.take());
        let Some(call) = current else { return Ok(()) };
        match context.response() {
            Some(response) => {
                let ids = ["x-amz-request-id", "x-amzn-requestid"];
                let id = ids.iter().find_map(|name| response.headers().get(*name));
                call.answered(response.status().as_u16(), id);
            }
            // A presigned URL passes through here without having been sent, and has no outcome.
            None if context.output_or_error().is_none() => call.not_sent(),
            None => call.unanswered("no answer"),
        }
        Ok(())
    }
}
