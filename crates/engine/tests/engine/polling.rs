//! How often is looked at what waits.

use std::time::Duration;

use tokio::time::Instant;

use crate::world::{World, cluster};

/// Looks leave most of an account's requests to others while there are others: at 4 ms for each that
/// waits, a second look at so many would come after 12 s, and each is ready at the second one.
const MACHINES: usize = 3000;

#[tokio::test(start_paused = true)]
async fn what_is_alone_to_wait_is_looked_at_soon() {
    let (world, declared) = (World::new(), cluster(MACHINES));
    let began = Instant::now();
    let outcome = world.apply(&declared).await.unwrap();
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    world.assert_is(&declared, "looked at soon").await;
}
