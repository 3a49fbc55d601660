//! Requests and work that come through queues: the same decisions, whatever breaks.

mod absent;
mod black_hole;
mod crash;
mod dead_letters;
mod instances;
mod jit;
mod kills;
mod no_place;
mod outage;
mod poison;
mod speed;
mod stall;
mod supervisor;
mod unsettled;
pub mod world;

macro_rules! on_both {
    ($($module:ident::$name:ident)+) => {
        mod on_embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::world::embedded(super::$module::$name).await;
                }
            )+
        }

        mod on_rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: scripts/test"]
                async fn $name() {
                    super::world::rabbitmq(super::$module::$name).await;
                }
            )+
        }
    };
}

on_both! {
    jit::a_request_is_decided_and_answered_to_whoever_asked
    jit::the_same_token_by_http_and_queue_at_once_is_one_decision
    poison::what_can_not_be_read_is_dead_at_once_and_its_neighbours_flow
    jit::what_is_too_late_is_answered_and_not_judged
    jit::a_token_used_for_something_else_is_answered_and_dead
    jit::whoever_would_rather_not_wait_finds_the_decision_in_the_queue
}
