//! The conformance suite of brokers: embedded always, on RabbitMQ with `scripts/test`. What only a server
//! can do to us is beside it.

mod conformance;
mod embedded;
mod rabbitmq;
pub mod world;

macro_rules! conformance {
    ($($name:ident)+) => {
        mod on_embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::world::embedded(super::conformance::$name).await;
                }
            )+
        }

        mod on_rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: scripts/test"]
                async fn $name() {
                    super::world::rabbitmq(super::conformance::$name).await;
                }
            )+
        }
    };
}

conformance! {
    a_message_arrives_whole_and_once
    messages_keep_their_order
    a_failing_message_is_tried_four_times_and_dies
    what_can_never_work_dies_at_once
    no_more_than_a_prefetch_is_unsettled
    what_is_dropped_unsettled_comes_again
    what_comes_back_again_and_again_without_a_word_dies
    work_that_has_expired_is_dead_and_says_so
    a_dead_letter_comes_back_however_often
    what_is_returned_is_not_counted
    what_nobody_takes_is_told_to_its_publisher
    each_of_many_publishers_is_told_of_its_own
    whatever_order_they_are_settled_in_each_is_settled_once
    answers_go_to_whoever_asked
    what_is_worth_nothing_any_more_is_gone
    publishers_and_consumers_side_by_side_lose_nothing
    the_queues_are_counted
    events_are_heard_by_everyone_from_when_they_listen
}
