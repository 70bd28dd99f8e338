//! Every form of queue against the same rules, with real brokers: moto's server for SQS, and
//! nats-server. `cargo xtask test` starts them; for a run by hand, `cargo xtask services` does.
//! Another form is a [`world::Form`] and a line below. What every queue keeps, the database's too,
//! is asked of the running binary: [`flow`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod away;
mod basics;
mod brokered;
mod documents;
#[path = "../documents/mod.rs"]
#[expect(dead_code, reason = "some of it is for documents that need no service")]
mod documents_read;
mod flow;
mod front;
#[path = "../process/installation.rs"]
mod installation;
mod jetstream;
mod leases;
mod letters;
mod nats;
mod relay;
#[path = "../process/server.rs"]
#[expect(dead_code, reason = "some of it is for other tests")]
mod server;
mod sqs;
mod world;

/// Each rule for one form.
macro_rules! holds_for {
    ($name:ident: $form:ty; $($file:ident: $($rule:ident),+;)+) => {
        mod $name {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    crate::$file::$rule::<$form>().await;
                }
            )+)+
        }
    };
}

/// All rules for all forms.
macro_rules! hold {
    ($($name:ident: $form:ty),+ $(,)?) => {
        $(
            holds_for! {
                $name: $form;
                basics:
                    what_is_published_comes_once_and_is_done_for_good,
                    what_is_published_twice_comes_once_where_that_is_promised,
                    what_is_not_valid_is_refused_and_nothing_of_it_is_queued,
                    an_empty_queue_has_nothing,
                    a_message_that_comes_later_ends_the_wait;
                leases:
                    what_a_dead_consumer_had_comes_again,
                    what_is_extended_stays,
                    what_is_put_back_comes_again_after_its_delay,
                    order_within_a_group_is_kept_where_that_is_promised,
                    what_is_done_too_late_harms_nobody;
                letters:
                    poison_ends_as_a_dead_letter_and_its_neighbours_go_on,
                    what_other_programs_send_is_received;
                away:
                    a_broker_that_goes_away_loses_nothing;
            }
        )+
    };
}

hold! {
    sqs_standard: crate::sqs::Standard,
    sqs_fifo: crate::sqs::Fifo,
    nats_stream: crate::nats::Stream,
}

mod kept {
    crate::flow::keeps! { in_database: crate::flow::InDatabase }
    crate::flow::keeps! { in_sqs_standard: crate::sqs::Standard }
    crate::flow::keeps! { in_sqs_fifo: crate::sqs::Fifo }
    crate::flow::keeps! { in_nats_stream: crate::nats::Stream }
}
