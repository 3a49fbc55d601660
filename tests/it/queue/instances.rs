//! Two instances on one set of servers: whichever is asked, and by whatever way.

use std::sync::Arc;

use tollgate::broker::Broker;

use super::jit::one_decision_each;
use crate::support::Program;
use crate::support::corners::Corners;
use crate::support::instance::Instance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_same_token_at_two_instances_and_by_the_queue_at_once_is_one_decision() {
    let corners = Corners::new().await;
    let environment = corners.environment();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = Instance::start_on(folders[0].path(), &environment).await;
    let second = Instance::start_on(folders[1].path(), &environment).await;
    let clients = [first.client(), second.client()];
    let queues = corners.broker().await;
    let broker: Arc<dyn Broker> = queues.clone();
    let business = Program::set_up(&mut first.client(), 1_000_000, 1).await;
    one_decision_each(&clients, &broker, &business, "business").await;
    let personal = Program::set_up_personal(&mut first.client(), 1_000_000, 1).await;
    one_decision_each(&clients, &broker, &personal, "personal").await;
    first.verify();
    drop((first, second));
    queues.close().await;
    corners.clear().await;
}
