//! The client against answers good and bad.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::mock::{Asked, Mock, Told, context, kind, owner, provider, request};
use axum::{body::Body, http::Response};
use infra_provider_api::{ErrorKind, Provider};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn reply(status: u16, body: impl ToString) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-request-id", "r-1")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn droplet(id: usize) -> Value {
    json!({
        "id": id, "name": format!("worker-{id}"), "status": "active", "size_slug": "s-2vcpu-4gb",
        "region": {"slug": "fra1"}, "image": {"id": 1, "slug": "ubuntu-24-04-x64"},
        "tags": [owner().tag()], "vpc_uuid": "v-1",
        "networks": {"v4": [{"ip_address": "10.0.0.5", "type": "private"}]},
    })
}

fn page(asked: &Asked, total: usize) -> Value {
    let per_page: usize = asked.query("per_page").unwrap().parse().unwrap();
    let first = (asked.page() - 1) * per_page;
    let items: Vec<Value> = (first..total.min(first + per_page)).map(droplet).collect();
    json!({"droplets": items, "links": {}, "meta": {"total": total}})
}

#[tokio::test]
async fn a_list_of_450_is_three_pages() {
    let mock = Mock::start(|asked, _| reply(200, page(asked, 450))).await;
    let found = kind(&mock.provider(), "droplet").list_owned(&context(None)).await.unwrap();
    assert_eq!(found.len(), 450);
    let asked = mock.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.query("per_page").as_deref() == Some("200")));
    assert!(asked.iter().all(|asked| asked.query("tag_name") == Some(owner().tag())));
    assert_eq!(asked[0].page(), 1);
}

#[tokio::test]
async fn a_list_that_moves_while_it_is_read_is_read_again() {
    // One is deleted after the first page: what follows moves up, and one would be missed.
    let mock = Mock::start(|asked, number| {
        let mut answer = page(asked, 250);
        if number > 1 {
            answer["meta"]["total"] = json!(249);
            let items = answer["droplets"].as_array_mut().unwrap();
            if asked.page() == 2 {
                items.remove(0);
            } else {
                items.remove(7);
                items.push(droplet(200));
            }
        }
        if number == 2 {
            // The second page as it looks after the move: 200 has slipped to the first.
            assert_eq!(asked.page(), 2);
        }
        reply(200, answer)
    })
    .await;
    let found = kind(&mock.provider(), "droplet").list_owned(&context(None)).await.unwrap();
    assert_eq!(found.len(), 249);
    assert!(found.iter().any(|found| found.id == "200"));
    assert_eq!(mock.asked().len(), 4);
}

#[tokio::test]
async fn too_many_requests_waits_as_told_and_says_so() {
    let mock = Mock::start(|asked, number| match number {
        1 => {
            let mut refused = reply(429, json!({"id": "too_many_requests", "message": "slow"}));
            refused.headers_mut().insert("retry-after", 1.into());
            refused
        }
        _ => reply(200, page(asked, 1)),
    })
    .await;
    let told = Arc::new(Told::default());
    let cx = context(Some(Arc::clone(&told)));
    let started = std::time::Instant::now();
    assert_eq!(kind(&mock.provider(), "droplet").list_owned(&cx).await.unwrap().len(), 1);
    assert!(started.elapsed() >= std::time::Duration::from_millis(990));
    assert_eq!(mock.asked().len(), 2);
    let told = told.0.lock().unwrap();
    assert!(told.iter().any(|told| told.contains("rate limit, 1 s")), "{told:?}");
}

#[tokio::test]
async fn one_of_many_is_sent_away_more_often_than_a_failing_call_is_repeated() {
    let refusals = u64::from(infra_provider_api::RetryPolicy::READ.attempts_max) + 2;
    let mock = Mock::start(move |asked, number| {
        if number as u64 <= refusals {
            let mut refused = reply(429, json!({"id": "too_many_requests", "message": "slow"}));
            refused.headers_mut().insert("retry-after", 0.into());
            return refused;
        }
        reply(200, page(asked, 1))
    })
    .await;
    let found = kind(&mock.provider(), "droplet").list_owned(&context(None)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(mock.asked().len() as u64, refusals + 1);
}

#[tokio::test]
async fn a_spent_hour_closes_the_gate_until_its_reset() {
    let mock = Mock::start(|asked, _| {
        let mut answer = reply(200, page(asked, 1));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let reset = (now.as_secs() + 2).to_string();
        answer.headers_mut().insert("ratelimit-remaining", 0.into());
        answer.headers_mut().insert("ratelimit-reset", reset.parse().unwrap());
        answer
    })
    .await;
    let droplets = kind(&mock.provider(), "droplet");
    droplets.list_owned(&context(None)).await.unwrap();
    let told = Arc::new(Told::default());
    let started = std::time::Instant::now();
    droplets.list_owned(&context(Some(Arc::clone(&told)))).await.unwrap();
    assert!(started.elapsed() >= std::time::Duration::from_millis(900));
    assert!(
        told.0.lock().unwrap().iter().any(|told| told.contains("waiting for the rate limit, "))
    );
}

#[tokio::test]
async fn reads_outlast_a_weak_service() {
    for status in [500, 502, 503, 504] {
        let mock = Mock::start(move |asked, number| {
            if number <= 2 { reply(status, "<html>") } else { reply(200, page(asked, 1)) }
        })
        .await;
        let found = kind(&mock.provider(), "droplet").list_owned(&context(None)).await.unwrap();
        assert_eq!((found.len(), mock.asked().len()), (1, 3), "{status}");
    }
}

#[tokio::test]
async fn a_refused_token_is_asked_once_and_its_variable_named() {
    let mock =
        Mock::start(|_, _| reply(401, json!({"message": "Unable to authenticate you"}))).await;
    let error = mock.provider().account(&context(None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    assert!(error.hint.unwrap().contains("DIGITALOCEAN_ACCESS_TOKEN"));
    assert_eq!(mock.asked().len(), 1);
}

#[tokio::test]
async fn effects_are_tried_once_and_their_outcome_named() {
    let kinds = [(500, ErrorKind::Unanswered), (503, ErrorKind::Unavailable)];
    for (status, expected) in kinds {
        let mock = Mock::start(move |_, _| reply(status, "")).await;
        let vpc = request("vpc.main", json!({"region": "fra1", "ip_range": "10.0.0.0/20"}));
        let made = kind(&mock.provider(), "vpc").create(&context(None), &[vpc]).await;
        assert_eq!(made[0].as_ref().unwrap_err().kind, expected);
        assert_eq!(mock.asked().len(), 1);
    }
}

/// A server that reads a request, sends `answer` and hangs up.
async fn raw(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 16 * 1024];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer).await;
        }
    });
    (url, count)
}

async fn create_on(url: &str) -> ErrorKind {
    let vpc = request("vpc.main", json!({"region": "fra1", "ip_range": "10.0.0.0/20"}));
    let made = kind(&provider(url), "vpc").create(&context(None), &[vpc]).await;
    made[0].as_ref().unwrap_err().kind
}

#[tokio::test]
async fn broken_answers_to_an_effect_leave_its_outcome_open() {
    let (url, count) = raw(b"").await;
    assert_eq!(create_on(&url).await, ErrorKind::Unanswered);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let (url, _) = raw(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"vpc\":").await;
    assert_eq!(create_on(&url).await, ErrorKind::MalformedResponse);
    let (url, _) = raw(b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\n<ht>").await;
    assert_eq!(create_on(&url).await, ErrorKind::MalformedResponse);
    let (url, _) = raw(b"\x00\xff\x00 what").await;
    assert_eq!(create_on(&url).await, ErrorKind::Unanswered);
    let (url, _) =
        raw(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert_eq!(create_on(&url).await, ErrorKind::MalformedResponse);
}

#[tokio::test]
async fn nobody_there_had_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(create_on(&url).await, ErrorKind::Unavailable);
}

#[tokio::test]
async fn reads_give_up_in_the_end_and_never_panic() {
    let bodies: [&str; 6] =
        ["[]", "null", "{\"meta\":7}", "{\"vpcs\":{}}", "{\"vpcs\":[{}]}", "\u{0}"];
    for body in bodies {
        let mock = Mock::start(move |_, _| reply(200, body)).await;
        let cx = context(None);
        let stop = cx.stop.clone();
        let vpcs = kind(&mock.provider(), "vpc");
        let list = tokio::spawn(async move { vpcs.list_owned(&cx).await });
        while mock.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        // Reads whose answer is malformed are repeated for a while; the user need not wait for the end of it.
        stop.cancel();
        let error = list.await.unwrap().unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::MalformedResponse | ErrorKind::Cancelled),
            "{body} {error}"
        );
    }
}

#[tokio::test]
async fn two_kinds_share_one_list_and_an_effect_ends_that() {
    let mock = Mock::start(|asked, _| match asked.path() {
        "/v2/load_balancers" => reply(200, json!({"load_balancers": [], "meta": {"total": 0}})),
        "/v2/vpcs" if asked.method == "GET" => {
            reply(200, json!({"vpcs": [], "meta": {"total": 0}}))
        }
        _ => reply(404, json!({"message": "no"})),
    })
    .await;
    let (provider, cx) = (mock.provider(), context(None));
    let (ours, made) =
        (kind(&provider, "load_balancer"), kind(&provider, "kubernetes_load_balancer"));
    let (a, b) = tokio::join!(ours.list_owned(&cx), made.list_owned(&cx));
    assert!(a.unwrap().is_empty() && b.unwrap().is_empty());
    kind(&provider, "vpc").list_owned(&cx).await.unwrap();
    assert_eq!(mock.asked().len(), 2);
    let gone = infra_provider_api::Observed {
        address: "firewall.nodes".parse().unwrap(),
        id: "f-1".to_owned(),
        spec: json!({}).into(),
        outputs: Default::default(),
        readiness: infra_provider_api::Readiness::Ready,
        intent_key: None,
        made_by: Default::default(),
    };
    assert!(kind(&provider, "firewall").delete(&cx, &gone).await.unwrap());
    ours.list_owned(&cx).await.unwrap();
    assert_eq!(mock.asked().len(), 4);
}
