//! What all kinds share.

use std::{future::Future, sync::Arc};

use aws_sdk_ec2::{
    error::SdkError,
    operation::RequestId,
    types::{Filter, ResourceType, TagSpecification},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, ManagedBy, Observed,
    Outputs, Readiness, RetryPolicy, retry,
};
use serde_json::Value;

use crate::{
    Connection, Scope,
    client::{ExpectedOwner, Pace, Paces, mapped, sdk::OperationError},
    ownership::{self, Pair},
};

/// The account and region, and what a listing needs to know of the cluster.
pub(crate) struct Api {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) route53: aws_sdk_route53::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) owner: ExpectedOwner,
    pub(crate) scope: Scope,
    pub(crate) connection: Connection,
    paces: Paces,
}

impl Api {
    pub(crate) fn new(connection: Connection, scope: Scope) -> Arc<Self> {
        let owner = ExpectedOwner::default();
        let config = &connection.config;
        let path_style = connection.s3_endpoint().is_some();
        // A client for each service, which reaches an endpoint on this machine without a proxy.
        macro_rules! client {
            ($sdk:ident, $service:literal $(, $more:ident($value:expr))*) => {{
                let mut config = $sdk::config::Builder::from(config)
                    .interceptor(infra_sdk_log::LogCalls) $(.$more($value))*;
                if let Some(direct) = connection.direct($service) {
                    config.set_http_client(Some(direct));
                }
                $sdk::Client::from_conf(config.build())
            }};
        }
        Arc::new(Self {
            ec2: client!(aws_sdk_ec2, "EC2"),
            elb: client!(aws_sdk_elasticloadbalancingv2, "Elastic Load Balancing v2"),
            iam: client!(aws_sdk_iam, "IAM"),
            route53: client!(aws_sdk_route53, "Route 53"),
            s3: client!(aws_sdk_s3, "S3", force_path_style(path_style), interceptor(owner.clone())),
            sts: client!(aws_sdk_sts, "STS"),
            owner,
            scope,
            paces: Paces::default(),
            connection,
        })
    }

    /// Makes a call without an effect, and repeats it until it is answered.
    pub(crate) async fn read<T, E, F, Fut>(
        &self,
        cx: &Context,
        operation: &str,
        mut call: F,
    ) -> Result<T, CloudError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: OperationError,
        SdkError<E, HttpResponse>: RequestId,
    {
        retry(cx, RetryPolicy::READ, || {
            let call = call();
            async {
                self.paces.wait(Pace::Read).await;
                call.await.map_err(|error| mapped(operation, &error))
            }
        })
        .await
    }

    /// Makes a call as [`Self::read`] does, where absence is an answer.
    pub(crate) async fn find<T, E, F, Fut>(
        &self,
        cx: &Context,
        operation: &str,
        call: F,
    ) -> Result<Option<T>, CloudError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: OperationError,
        SdkError<E, HttpResponse>: RequestId,
    {
        absent(self.read(cx, operation, call).await)
    }

    /// Makes a call with an effect, once.
    pub(crate) async fn effect<T, E, Fut>(
        &self,
        operation: &str,
        call: Fut,
    ) -> Result<T, CloudError>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: OperationError,
        SdkError<E, HttpResponse>: RequestId,
    {
        self.paces.wait(Pace::Change).await;
        call.await.map_err(|error| mapped(operation, &error))
    }

    /// Makes a call of RunInstances, which has a pace of its own.
    pub(crate) async fn run<T, E, Fut>(&self, operation: &str, call: Fut) -> Result<T, CloudError>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: OperationError,
        SdkError<E, HttpResponse>: RequestId,
    {
        self.paces.wait(Pace::Run).await;
        call.await.map_err(|error| mapped(operation, &error))
    }

    /// Deletes something by one call. A resource that is absent counts as deleted.
    pub(crate) async fn delete<T, E, Fut>(
        &self,
        operation: &str,
        call: Fut,
    ) -> Result<(), CloudError>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: OperationError,
        SdkError<E, HttpResponse>: RequestId,
    {
        absent(self.effect(operation, call).await).map(|_| ())
    }

    /// Returns the tags of a resource in its create call.
    pub(crate) fn tags(&self, cx: &Context, request: &CreateRequest, more: &[Pair]) -> Vec<Pair> {
        let users = &self.scope.tags;
        ownership::pairs(&cx.owner, &request.address, &request.intent_key, more, users)
    }

    /// Puts the ownership tag back on a resource of EC2, with its name.
    pub(crate) async fn tag_again(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<(), CloudError> {
        let tags =
            ownership::sdk_tags!(aws_sdk_ec2, ownership::ownership(&cx.owner, &observed.address));
        let call = self.ec2.create_tags().resources(&observed.id).set_tags(Some(tags));
        self.effect(&format!("tag {}", observed.address), call.send()).await.map(drop)
    }

    /// Returns the tags of a resource in its create call, as EC2 takes them.
    pub(crate) fn tag_spec(
        &self,
        cx: &Context,
        of: ResourceType,
        request: &CreateRequest,
        more: &[Pair],
    ) -> TagSpecification {
        let tags = ownership::sdk_tags!(aws_sdk_ec2, self.tags(cx, request, more));
        TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()
    }
}

fn absent<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks EC2 for what carries the owner's mark alone.
pub(crate) fn owned(cx: &Context) -> Filter {
    filter(&format!("tag:{}", ownership::OWNER), [cx.owner.uuid.to_string()])
}

/// Makes a filter of EC2.
pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// Returns EC2's tags as marks.
pub(crate) fn ec2_marks(tags: &[aws_sdk_ec2::types::Tag]) -> ownership::Marks {
    ownership::Marks::of(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// Returns a value that is known by the time a call is made.
pub(crate) fn known<'a, T>(
    operation: &str,
    field: &str,
    input: &'a Input<T>,
) -> Result<&'a T, CloudError> {
    input.known().ok_or_else(|| {
        CloudError::new(ErrorKind::Local, operation, format!("{field} is not known yet"))
    })
}

/// Returns all values of a list, each known by the time a call is made.
pub(crate) fn all_known(
    operation: &str,
    field: &str,
    inputs: &[Input<String>],
) -> Result<Vec<String>, CloudError> {
    inputs.iter().map(|input| known(operation, field, input).cloned()).collect()
}

/// Texts as a list of inputs, sorted.
pub(crate) fn inputs<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Input<String>> {
    let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    texts.sort();
    texts.into_iter().map(Input::Known).collect()
}

/// Outputs from pairs.
pub(crate) fn outputs<const N: usize>(pairs: [(&str, Value); N]) -> Outputs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Describes a resource that is ready and was made by this tool.
pub(crate) fn ready<S>(
    address: Address,
    id: impl Into<String>,
    spec: S,
    intent_key: Option<String>,
    outputs: Outputs,
) -> Found<S> {
    Found {
        address,
        id: id.into(),
        spec,
        outputs: outputs.into(),
        readiness: Readiness::Ready,
        intent_key,
        made_by: ManagedBy::Infra,
    }
}

/// Refuses an update, for kinds all of whose fields force a replacement.
pub(crate) fn nothing_to_update<T>(observed: &Observed) -> Result<T, CloudError> {
    Err(CloudError::new(
        ErrorKind::Invalid,
        format!("update {}", observed.address),
        "nothing of it can be changed in place",
    ))
}

/// Makes the error of an answer that does not name what was made.
pub(crate) fn not_told(operation: &str) -> CloudError {
    CloudError::new(
        ErrorKind::MalformedResponse,
        operation,
        "the answer does not tell what was made",
    )
}

/// Makes an error that passes by itself.
pub(crate) fn busy(operation: &str, message: impl Into<String>) -> CloudError {
    CloudError::new(ErrorKind::Busy, operation, message)
}
