//! The credentials that a task's own endpoint is sent with.

use super::stage::Stage;
use crate::endpoints::seal::Sealer;
use crate::testing::record;
use morag_core::webhook::Credentials;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_an_earlier_version_stored_is_delivered_with_its_token() {
    let stage = Stage::new(&[]).await;
    stage.task_of_before("receiver.example", 3, "t0ken").await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it has all", |all| all.came("receiver.example").len() == 3).await;
    assert_eq!(*stage.receivers.tokens.lock().unwrap(), ["Bearer t0ken"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_lost_with_its_key_holds_up_no_webhooks() {
    let stage = Stage::new(&[]).await;
    // The store's proof is of the server's own key; the task's token was sealed with another.
    stage.app.endpoints.sealing().await.unwrap().unwrap();
    let lost = Sealer::new(&Sealer::generate().unwrap()).unwrap();
    let sealed = lost.seal("task/of-before", &Credentials::default()).unwrap();
    stage.task_of(record(), "receiver.example", 3, (None, Some(sealed))).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it has all", |all| all.came("receiver.example").len() == 3).await;
    assert!(stage.receivers.tokens.lock().unwrap().is_empty());
}
