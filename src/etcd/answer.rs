//! What the answers of etcd's members mean: one that can be had from another member is no failure.

use std::time::Duration;

use http::StatusCode;
use infra_provider_api::{CloudError, ErrorKind};
use tokio::time::{sleep, timeout};

use super::call::CallError;

/// How long one member may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a read may take by which a member is judged.
const HEALTH_MAX: Duration = Duration::from_secs(5);
/// How often one is asked that can't be reached.
const HEALTH_TRIES: usize = 3;
/// The pause before it is asked again.
const HEALTH_PAUSE: Duration = Duration::from_millis(200);

/// Asks one member after the other until one answers. A member that is cut off from the others, or
/// has no vote yet, refuses what another one does: only if all refuse is that etcd's answer.
///
/// # Errors
/// Returns etcd's refusal, or `Unavailable` if no member answers.
pub(super) async fn first_answer<'a, F>(
    operation: &str,
    pods: &[&'a str],
    ask: impl Fn(&'a str) -> F,
) -> Result<Vec<u8>, CloudError>
where
    F: Future<Output = Result<Vec<u8>, CallError>>,
{
    let (mut reasons, mut refusal) = (Vec::new(), None);
    for pod in pods {
        match timeout(PATIENCE, ask(pod)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(CallError::Unreached(reason))) => reasons.push(format!("{pod}: {reason}")),
            Ok(Err(CallError::Refused { status, message })) => {
                let error = CloudError::new(kind_of(status), operation, message.as_str());
                if error.kind == ErrorKind::NotFound {
                    return Err(error);
                }
                reasons.push(format!("{pod}: {message}"));
                refusal = refusal.or(Some(error));
            }
            Err(_) => reasons.push(format!("{pod}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    if reasons.is_empty() {
        reasons.push("no pod of etcd runs".to_owned());
    }
    Err(CloudError::new(ErrorKind::Unavailable, operation, reasons.join("; ")))
}

/// Reads through a member. Returns why it takes no part, if it does not.
pub(super) async fn unhealthy<F>(read: impl Fn() -> F) -> Option<String>
where
    F: Future<Output = Result<Vec<u8>, CallError>>,
{
    let mut why = String::new();
    // The way leads over the API server and a kubelet, which may fail for themselves.
    for again in 0..HEALTH_TRIES {
        if again > 0 {
            sleep(HEALTH_PAUSE).await;
        }
        why = match timeout(HEALTH_MAX, read()).await {
            Ok(Ok(_)) => return None,
            // Reads that are under way during an election are refused, too.
            Ok(Err(CallError::Unreached(reason) | CallError::Refused { message: reason, .. })) => {
                reason
            }
            Err(_) => return Some(format!("no answer within {} s", HEALTH_MAX.as_secs())),
        };
    }
    Some(why)
}

/// Returns the meaning of etcd's refusal. "Unhealthy cluster" and "not enough started members"
/// pass.
fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => ErrorKind::Unavailable,
        _ => ErrorKind::Busy,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn unreached() -> Result<Vec<u8>, CallError> {
        Err(CallError::Unreached("connection refused".to_owned()))
    }

    fn refused(status: u16, message: &str) -> Result<Vec<u8>, CallError> {
        let status = StatusCode::from_u16(status).unwrap();
        Err(CallError::Refused { status, message: message.to_owned() })
    }

    /// Asks three members, of which each does as `told` says; nothing: it never answers. Returns the
    /// answer, and how many were asked.
    async fn ask(
        told: [Option<Result<Vec<u8>, CallError>>; 3],
    ) -> (Result<Vec<u8>, CloudError>, usize) {
        let asked = RefCell::new(0);
        let answer = first_answer("list", &["0", "1", "2"], |pod| {
            *asked.borrow_mut() += 1;
            let told = told[pod.parse::<usize>().unwrap()].clone();
            async move {
                match told {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        });
        let answer = answer.await;
        (answer, asked.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_member_cannot_say_another_one_does() {
        let away = || refused(503, "etcdserver: no leader");
        for first in [None, Some(unreached()), Some(away())] {
            let (answer, asked) = ask([first.clone(), Some(Ok(vec![1])), Some(unreached())]).await;
            assert_eq!((answer.unwrap(), asked), (vec![1], 2), "{first:?}");
        }
        // What is gone is gone for all.
        let (answer, asked) = ask([Some(refused(404, "not found")), None, None]).await;
        assert_eq!((answer.unwrap_err().kind, asked), (ErrorKind::NotFound, 1));
        // A refusal says more than silence, wherever it stands.
        let unsafe_now = || Some(refused(400, "unhealthy cluster"));
        for told in
            [[unsafe_now(), None, Some(unreached())], [None, Some(unreached()), unsafe_now()]]
        {
            let (answer, asked) = ask(told).await;
            assert_eq!((answer.unwrap_err().kind, asked), (ErrorKind::Busy, 3));
        }
        let (answer, asked) = ask([None, Some(unreached()), None]).await;
        let error = answer.unwrap_err();
        assert_eq!((error.kind, asked), (ErrorKind::Unavailable, 3));
        assert!(
            error.message.contains("0: no answer within 10 s; 1: connection refused"),
            "{error}"
        );
        let none = first_answer("list", &[], |_| async { unreached() }).await.unwrap_err();
        assert!(none.message.contains("no pod of etcd runs"), "{none}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_is_ill_if_it_fails_for_a_while_or_once_says_nothing() {
        let tries = |answers: Vec<Option<Result<Vec<u8>, CallError>>>| async move {
            let left = RefCell::new(answers.into_iter());
            let why = unhealthy(|| {
                let answer = left.borrow_mut().next().expect("an answer for each question");
                async move {
                    match answer {
                        Some(answer) => answer,
                        None => std::future::pending().await,
                    }
                }
            });
            (why.await, left.into_inner().len())
        };
        assert_eq!(tries(vec![Some(Ok(vec![]))]).await, (None, 0));
        let passing = vec![Some(unreached()), Some(refused(503, "no leader")), Some(Ok(vec![]))];
        assert_eq!(tries(passing).await, (None, 0));
        let (why, left) =
            tries(vec![Some(unreached()), Some(unreached()), Some(refused(503, "x"))]).await;
        assert_eq!((why.as_deref(), left), (Some("x"), 0));
        // It had its time: asked again, it would only cost the same again.
        let (why, left) = tries(vec![None, Some(Ok(vec![]))]).await;
        assert_eq!((why.as_deref(), left), (Some("no answer within 5 s"), 1));
    }
}
