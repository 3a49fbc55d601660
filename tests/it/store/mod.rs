//! The conformance suite of stores: one list of sentences, run on every adapter.

mod access;
mod audit;
mod cancelled;
pub(crate) mod clock;
mod contention;
mod counting;
mod daily_runs;
mod dead_letters;
mod facts;
mod history;
mod inbox;
mod kyc;
mod lists;
mod money;
pub(crate) mod mongodb;
mod mongodb_claims;
mod mongodb_faults;
mod mongodb_prepare;
pub(crate) mod mongodb_rights;
mod mongodb_speed;
mod notices;
mod outbox;
pub(crate) mod postgres;
pub(crate) mod postgres_cancelled;
mod postgres_contention;
pub(crate) mod postgres_database;
mod postgres_events;
mod postgres_prepare;
mod postgres_returned;
mod postgres_rights;
mod postgres_schema;
mod postgres_speed;
mod program;
mod refresh;
mod reseal;
mod resources;
mod routed;
mod setters;
pub(crate) mod sqlite;
pub(crate) mod subject;
pub(crate) mod unreadable;
mod webhooks;

/// Runs the suite on the store that `$open` opens: what holds for every store, and what only a
/// store that keeps `business` accounts, or `personal` ones, has to answer for.
/// `conformance!(open; business, personal)` runs all of it. `#[ignore]` before it: on a server
/// that `scripts/test` starts.
macro_rules! conformance {
    ($(#[$ignore:meta])? $open:path; $($kind:ident),+) => {
        conformance!(@any [$(#[$ignore])?] $open);
        conformance!(@each [$(#[$ignore])?] $open; $($kind)+);
    };
    (@each $ignore:tt $open:path; $($kind:ident)+) => {
        $(conformance!(@$kind $ignore $open);)+
    };
    (@business $ignore:tt $open:path) => {
        conformance!(@tests $ignore $open;
            resources::a_company_is_kept_with_its_account
            resources::an_update_of_an_old_company_is_stale
            resources::a_taken_token_of_a_company_is_named
            money::a_declined_request_is_kept_without_an_account
            counting::a_companys_pool_counts_the_uses_of_all_its_cards
            lists::a_company_is_listed_with_what_is_its_own
            lists::policies_of_a_company_are_those_of_its_users_and_cards
            lists::authorizations_of_a_company_are_those_of_its_account
        );
    };
    (@personal $ignore:tt $open:path) => {
        conformance!(@tests $ignore $open;
            resources::people_and_wallets_are_kept_whole
            resources::an_update_of_an_old_wallet_is_stale
            facts::a_personal_card_has_its_wallets_zone_and_no_company
            lists::wallets_are_listed_with_what_is_on_them
            counting::a_persons_pool_counts_each_currency_apart
            kyc::a_submission_is_decided_with_what_it_gives
            kyc::a_decision_that_can_not_be_kept_whole_is_not_kept
            kyc::submissions_are_listed_by_person_and_status
            kyc::documents_are_sealed_and_what_was_kept_plain_is_read
            reseal::what_another_key_has_sealed_is_sealed_anew_once
            reseal::what_was_never_sealed_is_sealed_without_another_key
        );
    };
    (@any $ignore:tt $open:path) => {
        conformance!(@tests $ignore $open;
            resources::users_and_cards_are_kept_whole
            resources::limits_and_controls_are_kept_whole
            resources::an_update_of_an_old_version_is_stale
            resources::a_taken_token_is_named
            resources::every_write_bumps_the_versions_of_its_subjects
            facts::references_are_tokens_or_ids
            facts::limits_come_narrowest_scope_first_with_all_versions
            money::a_purchase_is_there_once_it_is_committed
            money::a_repeat_is_answered_from_its_row
            money::a_life_cycle_ends_in_the_same_rows
            money::funding_and_limits_change_the_account_once
            money::a_later_message_finds_its_chain_by_any_name
            money::chains_that_turn_out_to_be_one_are_loaded_together
            money::a_void_overturns_the_stored_approval
            money::a_clash_with_what_is_stored_is_a_conflict
            notices::a_confirmed_approval_is_found_by_either_name
            notices::a_stand_in_is_held_once_whatever_we_said
            notices::a_voided_approval_that_was_delivered_is_held_again
            notices::a_told_decline_leaves_no_hold_and_a_tombstone
            notices::disputes_and_announced_credits_are_kept
            counting::counters_are_kept_and_rolled
            counting::a_young_limit_counts_what_its_card_has_used
            counting::a_users_pool_counts_the_uses_of_all_their_cards
            counting::a_pool_counts_on_when_its_amount_is_taken_away_and_given_back
            counting::a_message_of_another_card_counts_for_the_card_of_the_purchase
            counting::a_deleted_limit_takes_its_counters_along
            refresh::stale_facts_are_replaced_under_the_lock
            refresh::what_was_unknown_and_is_known_now_is_replaced
            refresh::a_step_is_refreshed_by_its_card
            refresh::a_write_before_the_batch_is_seen_by_it
            history::an_explanation_is_read_back_whole
            history::names_lead_to_decisions_and_chains
            history::old_explanations_are_thinned_and_nothing_else
            history::events_wait_in_order_and_are_dropped_from_the_front
            lists::users_and_cards_are_listed_newest_first
            lists::users_and_cards_are_listed_by_status
            lists::policies_are_listed_by_whom_they_bind
            lists::authorizations_are_listed_by_card_account_outcome_and_time
            lists::a_history_tells_what_has_moved_latest_first
            lists::many_are_loaded_at_once_and_what_is_there_stays
            lists::many_limits_are_loaded_at_once_and_what_is_there_stays
            outbox::events_are_read_in_order_and_removed_one_by_one
            outbox::an_event_is_read_as_it_was_told
            outbox::events_of_a_key_stand_in_the_order_of_their_commits
            outbox::cards_and_users_are_told_of
            outbox::a_limit_that_is_used_up_is_told_of
            outbox::a_balance_at_the_end_of_its_range_is_told_of
            outbox::relays_share_the_shards_and_inherit_them
            outbox::leases_asked_for_at_once_never_overlap
            audit::what_is_committed_adds_up
            audit::a_snapshot_is_of_one_moment
            audit::pages_hold_every_row_once
            cancelled::a_dropped_begin_leaves_nothing_behind
            cancelled::a_dropped_transaction_is_rolled_back
            cancelled::writers_and_lanes_side_by_side_lose_nothing
        );
    };
    (@tests [#[$ignore:meta]] $open:path; $($room:ident::$name:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[$ignore]
        async fn $name() {
            crate::store::$room::$name(&$open().await).await;
        }
    )+};
    (@tests [] $open:path; $($room:ident::$name:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::store::$room::$name(&$open().await).await;
        }
    )+};
}

/// Runs what two instances on one set of rows must keep, on the two that `$open` opens beside whatever keeps
/// their rows. `; name` adds sentences that only some stores are asked.
macro_rules! contended {
    ($(#[$ignore:meta])? $open:path $(; $($more:ident)+)?) => {
        contended!(@tests [$(#[$ignore])?] $open;
            a_batch_that_waited_sees_what_changed_meanwhile
            time_is_read_after_the_lock
            opposite_orders_end
            of_two_who_ask_for_more_than_half_one_gets_it
            a_purchase_its_reversal_and_its_clearing_at_once_resolve_its_hold_once
            $($($more)+)?
        );
    };
    (@tests $ignore:tt $open:path; $($name:ident)+) => {
        $(contended!(@test $ignore $open; $name);)+
    };
    (@test [$(#[$ignore:meta])?] $open:path; $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignore])?
        async fn $name() {
            let (one, two, _kept) = $open().await;
            crate::store::contention::$name(one, two).await;
        }
    };
}

pub(crate) use conformance;
pub(crate) use contended;
