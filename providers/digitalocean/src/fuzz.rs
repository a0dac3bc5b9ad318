//! What fuzzers call: see `infra::fuzz`.

use infra_provider_api::{Context, Owner};
use uuid::Uuid;

use crate::{
    client::{Answer, parse, refused},
    resources::decode_lists,
    wire::{
        AccountAnswer, DropletAnswer, FirewallAnswer, Image, LoadBalancerAnswer, RecordAnswer,
        Region, SizeListed, SshKeyAnswer, VpcAnswer,
    },
};

/// The cluster that seeds belong to.
const OWNER: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);

/// Reads `body` as each answer that the API gives, and as a refusal.
pub fn answers(body: &[u8]) {
    let cx = Context::quiet(Owner { cluster: "demo".to_owned(), uuid: OWNER });
    decode_lists(&cx, body);
    macro_rules! each {
        ($($answer:ty),*) => { $(drop(parse::<$answer>("read an answer", body));)* };
    }
    each!(
        AccountAnswer,
        DropletAnswer,
        FirewallAnswer,
        LoadBalancerAnswer,
        RecordAnswer,
        SshKeyAnswer,
        VpcAnswer,
        Vec<Image>,
        Vec<Region>,
        Vec<SizeListed>
    );
    for status in [302, 401, 403, 404, 409, 422, 429, 500, 503] {
        let error = refused(&Answer {
            operation: "read an answer",
            status,
            request_id: None,
            retry_after: None,
            body,
            credential: "DIGITALOCEAN_TOKEN",
        });
        assert!(!error.message.is_empty(), "every refusal says something");
    }
}
