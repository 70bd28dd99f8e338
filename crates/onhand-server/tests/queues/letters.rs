//! Messages that nobody can work on, and those of other programs.

use onhand_core::ids::OrderId;
use onhand_server::adapters::queues::job::Job;

use crate::world::{Form, SHORT, expect_nothing, outgoing, receive_one, text};

/// What came of messages.
#[derive(Default)]
struct Worked {
    processed: Vec<OrderId>,
    buried: usize,
}

/// Works on what there is, as a worker does, until so many messages have come to an end.
async fn work(form: &impl Form, count: usize) -> Worked {
    let queue = form.queue().await;
    let mut worked = Worked::default();
    while worked.processed.len() + worked.buried < count {
        let message = receive_one(&*queue).await;
        match Job::read(&message.body) {
            Ok(Job::ProcessOrder(id)) => {
                worked.processed.push(id);
                queue.done(&[message]).await.unwrap();
            }
            Err(error) => {
                worked.buried += 1;
                queue.bury(&message, &error.to_string()).await.unwrap();
            }
        }
    }
    worked.processed.sort();
    worked
}

pub(crate) async fn poison_ends_as_a_dead_letter_and_its_neighbours_go_on<F: Form>() {
    const POISON: [&str; 3] = [
        r#"{"action":"DROP_TABLES","orderId":1}"#,
        r#"{"action":"PROCESS_ORDER","orderId":-1}"#,
        "not json \u{1f600}",
    ];
    let form = F::fresh(SHORT * 5).await;
    let queue = form.queue().await;
    let mut messages = Vec::new();
    for number in 1..=4 {
        let job = Job::ProcessOrder(OrderId::new(number).unwrap());
        messages.push(outgoing(job.dedup_id(), format!("ord_{number}"), &job.body()));
        if let Some(poison) = POISON.get(messages.len() / 2) {
            // In one group with what is good, and ahead of its next one.
            messages.push(outgoing(format!("p-{number}"), format!("ord_{number}"), poison));
        }
    }
    queue.publish(&messages).await.unwrap();
    let worked = work(&form, messages.len()).await;
    let numbers: Vec<i64> = worked.processed.iter().map(|id| id.number()).collect();
    assert_eq!((numbers, worked.buried), (vec![1, 2, 3, 4], 3));
    let mut dead: Vec<(String, String)> =
        form.dead().await.into_iter().map(|(body, reason)| (text(&body), reason)).collect();
    dead.sort();
    let mut expected = POISON.map(|body| {
        let reason = Job::read(body.as_bytes()).unwrap_err().to_string();
        (body.to_owned(), reason)
    });
    expected.sort();
    assert_eq!(dead, expected);
    expect_nothing(&*queue, SHORT).await;
}

pub(crate) async fn what_other_programs_send_is_received<F: Form>() {
    let form = F::fresh(SHORT * 5).await;
    let queue = form.queue().await;
    if !form.send_bare(r#"{"action":"PROCESS_ORDER","orderId":42}"#).await {
        return;
    }
    assert_eq!(work(&form, 1).await.processed, [OrderId::new(42).unwrap()]);
    // Of one that has no id, and whose reason would break a header, the letter is kept too.
    assert!(form.send_bare("poison").await);
    let message = receive_one(&*queue).await;
    queue.bury(&message, "two\r\nlines: \u{e9}").await.unwrap();
    let dead = form.dead().await;
    assert_eq!(dead, [("poison".into(), "two  lines: \u{e9}".to_owned())]);
}
