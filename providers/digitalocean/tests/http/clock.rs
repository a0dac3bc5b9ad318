//! A wrong clock, as a store sees it.

use axum::http::StatusCode;
use infra_provider_api::ErrorKind;

use crate::store::{Answer, delete, error, store};

#[tokio::test]
async fn a_wrong_clock_is_named_and_the_keys_are_not() {
    // Codes differ from store to store; the date of the answer tells.
    for code in ["RequestTimeTooSkewed", "SignatureDoesNotMatch"] {
        let answer: Answer = match code {
            "RequestTimeTooSkewed" => {
                |_, _, _| (StatusCode::FORBIDDEN, error("RequestTimeTooSkewed"))
            }
            _ => |_, _, _| (StatusCode::FORBIDDEN, error("SignatureDoesNotMatch")),
        };
        let (provider, _) = store(answer, Some("Sat, 01 Jan 2000 00:00:00 GMT")).await;
        let refused = delete(&provider).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Local, "{refused}");
        let words = "this machine's clock differs from the store's by";
        assert!(refused.message.contains(words), "{refused}");
        assert!(refused.message.contains("days (it is ahead)"), "{refused}");
        let hint = refused.hint.unwrap();
        assert!(hint.contains("set this machine's clock") && !hint.contains("SPACES"), "{hint}");
    }
}
