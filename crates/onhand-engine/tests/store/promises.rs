//! Every promise of the suite as a test of one store. One that is missing here is dead code, which
//! the compiler reports.

/// The promises that every store keeps, or those that are named.
macro_rules! keeps_every_promise {
    ($backend:ty) => {
        crate::promises::keeps_every_promise! {
            $backend;
            suite {
                four_hundred_buyers_of_a_hundred_units_make_a_hundred_orders,
                one_key_has_one_effect_and_equal_answers_also_after_a_restart,
                a_key_used_for_another_request_is_refused,
                a_product_is_one_whichever_way_a_batch_names_it,
                an_order_is_read_again_only_when_it_is_another,
                a_refusal_leaves_its_neighbours_untouched,
                a_hold_is_free_the_instant_it_runs_out_with_its_whole_order,
                the_sweeper_expires_what_is_due_and_nothing_else,
                an_order_lives_from_hold_to_return,
                the_past_is_read_through_marks_and_a_count_nets_what_happened_since,
                a_batch_is_placed_as_its_policy_says,
                a_restart_keeps_everything,
                an_installation_is_known_by_its_first_commit,
                what_is_filed_in_a_batch_counts_in_that_batch,
                a_key_is_remembered_for_a_window_and_not_for_ever,
            }
            past {
                late_entries_change_what_happened_and_never_what_was_shown,
                a_count_of_long_ago_nets_all_that_came_since,
            }
            accounts {
                one_token_has_one_successor_however_often_it_is_shown_at_once,
                a_token_that_is_shown_with_another_successor_ends_the_session,
                a_right_that_was_taken_away_counts_in_the_same_batch,
                who_was_not_let_in_may_come_again_under_the_same_key,
                an_address_is_one_users_also_in_one_batch,
                an_admin_is_left_whoever_asks_at_once,
                the_oldest_session_gives_way_also_in_one_batch,
                accounts_are_found_as_they_were_left_also_after_a_restart,
                users_are_listed_as_the_filter_says,
            }
            holding {
                a_customer_has_so_many_open_orders_and_no_more,
                a_customer_holds_so_many_units_and_no_more,
            }
            references {
                a_reference_holds_once_until_it_has_nothing_left,
                within_one_batch_a_reference_holds_once,
                a_reference_gives_back_of_its_oldest_hold_first_all_or_none,
                of_very_many_holds_of_a_reference_the_oldest_are_looked_at,
                one_key_gives_back_once_also_after_a_restart,
                sixty_four_at_once_hold_once_and_give_back_what_is_held,
            }
            amounts {
                an_order_over_an_amount_is_found_as_it_was_placed_and_paid_like_any_other,
                an_order_over_an_amount_waits_without_an_end_and_is_cancelled_once,
            }
            payments {
                what_is_owed_is_given_to_one_worker_at_a_time,
                who_comes_after_the_end_of_a_lease_settles_nothing,
                a_call_that_fails_is_tried_again_until_somebody_looks,
                a_message_has_one_effect_however_often_it_comes,
                a_message_that_comes_too_early_waits_for_its_order,
                a_message_that_names_its_order_tells_whose_the_earlier_ones_are,
                what_is_owed_and_done_in_one_batch_was_never_there,
                messages_that_were_taken_in_are_forgotten_and_those_that_wait_are_not,
                a_paid_order_that_is_cancelled_gives_its_money_back,
                money_that_is_set_aside_holds_the_stock_for_longer,
                an_order_that_was_paid_too_late_lives_again,
                sixty_four_messages_at_once_take_the_money_once,
                payments_are_listed_as_the_filter_says,
                a_payment_goes_its_way_whatever_is_run_again,
                a_batch_of_messages_asks_no_oftener_than_one,
            }
            outbox {
                a_part_of_the_log_is_taken_in_once_whoever_tries,
                a_job_is_given_to_one_worker_and_after_those_of_its_lane,
                jobs_are_listed_as_the_filter_says_and_forgotten_in_time,
                an_endpoint_lives_from_its_making_to_its_end,
                what_is_scheduled_is_begun_once_also_after_a_restart,
                what_waits_is_counted_for_operators,
            }
            warehouse {
                a_run_goes_on_where_it_was_whoever_dies_between_two_steps,
                each_step_is_done_once_whoever_tries,
                a_late_figure_is_netted_and_a_newer_count_stands,
                what_a_batch_has_entered_late_is_netted_in_that_batch,
                what_is_missing_is_nobodys_to_sell,
                the_newest_orders_that_hold_what_is_missing_are_cancelled,
                runs_are_listed_held_and_forgotten_in_time,
            }
            imports {
                a_row_is_taken_once_whoever_sends_it,
                a_batch_of_rows_that_runs_again_counts_once,
                imports_and_the_ledger_are_listed_page_by_page,
                imports_whose_file_does_not_come_are_found,
            }
            overview {
                orders_are_counted_and_sampled_by_when_they_were_placed,
                the_log_is_read_backwards_as_the_filter_says,
            }
            watched {
                callers_hear_when_those_were_told_who_keep_copies,
            }
            behind {
                lists_miss_nothing_however_far_they_are_behind,
                times_of_placing_are_bounds_to_the_instant,
                levels_are_right_however_far_their_rows_are_behind,
            }
            faults {
                a_conflict_runs_the_batch_again_from_its_start,
                a_conflict_that_stays_fails_only_the_guilty_command,
                a_row_that_cannot_be_read_fails_only_its_command,
                a_store_that_fails_fails_its_callers_and_the_next_batch_succeeds,
                a_rollback_that_fails_is_made_up_for,
                work_between_batches_may_fail,
                an_unknown_outcome_is_told_to_everybody_and_ends_the_committer,
                a_flush_that_fails_answers_nobody_and_ends_the_committer,
                a_rule_that_panics_fails_alone,
            }
        }
    };
    ($backend:ty; $($room:ident { $($promise:ident,)+ })+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            crate::$room::$promise::<$backend>().await;
        }
    )+)+};
}

pub(crate) use keeps_every_promise;
