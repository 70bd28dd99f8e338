//! Payments: what is owed is given to one worker at a time, what a gateway says has one effect
//! however often and in whatever order it says it, and all of it is there again after a restart.

use onhand_core::Command;
use onhand_core::command::Reply;
use onhand_core::effects::{EffectState, Outcome};
use onhand_core::ids::{OrderId, UserId};
use onhand_core::orders::{self, Status};
use onhand_core::payments::{self, AttemptState, Call, Provider, Seen, Status as Paid, Task};
use onhand_engine::Clock;
use onhand_engine::committer::Answer;
use onhand_engine::query::PaymentFilter;

use crate::backend::Backend;
use crate::faulty::{Fault, Step};
use crate::paying::{
    LEASE_SECS, attempt, captured, gateway_id, intent, lease, message, place_paid, refunded, retry,
    settle, tasks,
};
use crate::world::{Verdict, World, code, codes, key};

fn number(id: i64) -> OrderId {
    OrderId::new(id).unwrap()
}

fn is_new(verdict: &Verdict) -> bool {
    match verdict {
        Ok(Answer { outcome: Ok(Reply::Notice { is_new }), .. }) => *is_new,
        other => panic!("{other:?}"),
    }
}

fn cancel(id: OrderId) -> Command {
    Command::Orders(orders::Command::Cancel { id, expected_version: None, reason: None })
}

async fn count<B: Backend>(world: &World<B>, id: OrderId, kind: &str) -> usize {
    world.reader.timeline(id).await.iter().filter(|one| *one == kind).count()
}

/// The messages that wait for their order.
async fn unmatched<B: Backend>(world: &World<B>) -> usize {
    world.reader.0.unmatched_notices(None, 10).await.unwrap().rows.len()
}

pub(crate) async fn what_is_owed_is_given_to_one_worker_at_a_time<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    world.done(place_paid(&[("tea", 2)], 600)).await;
    world.done(place_paid(&[("tea", 1)], 600)).await;
    let effect = world.owed(number(1)).await.unwrap();
    assert_eq!((effect.state, effect.due_at), (EffectState::Waiting, world.clock.now()));
    let both = vec![(lease(1), None), (lease(10), None), (lease(10), None)];
    let answers = world.in_one_batch(|_| {}, both).await;
    let given: Vec<Vec<_>> = answers
        .into_iter()
        .map(|answer| tasks(answer.unwrap().outcome.unwrap()))
        .map(|tasks| tasks.iter().map(|task| task.order_id).collect())
        .collect();
    // What is looked for is what the whole batch asks for at most.
    assert_eq!(given, [vec![number(1)], vec![number(2)], vec![]]);
    assert_eq!(world.leased(10).await, []);
    let world = world.reopened().await;
    assert_eq!(world.leased(10).await, []);
    world.clock.advance_secs(LEASE_SECS);
    let again = world.leased(10).await;
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|task| task.ask_first && task.tries == 1));
    assert!(again.iter().all(|task| matches!(task.call, Call::CreateIntent { number: 1, .. })));
    world.close().await;
}

pub(crate) async fn who_comes_after_the_end_of_a_lease_settles_nothing<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    world.done(place_paid(&[("tea", 2)], 600)).await;
    let [late] = &world.leased(1).await[..] else { panic!("nothing is due") };
    world.clock.advance_secs(LEASE_SECS);
    let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
    assert!(task.epoch > late.epoch && task.ask_first && !late.ask_first);
    let before = world.owed(number(1)).await;
    assert_eq!(world.settled(late, Seen::default(), retry()).await, 0);
    assert_eq!(world.owed(number(1)).await, before);
    // What was seen counts from whomever it comes, and what is owed then follows from it.
    assert_eq!(world.settled(late, intent("order_A"), Outcome::Done).await, 0);
    let payment = world.reader.order(number(1)).await.payment.unwrap();
    assert_eq!(payment.intents[0].gateway_id, Some(gateway_id("order_A")));
    let after = world.owed(number(1)).await.unwrap();
    assert!(!after.leased && after.due_at > world.clock.now());
    assert_eq!(world.settled(task, intent("order_A"), Outcome::Done).await, 0);
    assert_eq!(world.owed(number(1)).await, Some(after));
    assert_eq!(count(&world, number(1), "payment.intent_created").await, 1);
    world.close().await;
}

pub(crate) async fn a_call_that_fails_is_tried_again_until_somebody_looks<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    world.done(place_paid(&[("tea", 2)], 6_000)).await;
    for tries in 0..12 {
        let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
        assert_eq!((task.tries, task.ask_first), (tries, false));
        assert_eq!(world.settled(task, Seen::default(), retry()).await, 1);
        world.clock.advance_secs(LEASE_SECS);
    }
    assert_eq!(world.leased(1).await, []);
    let dead = world.reader.0.effects(Some(EffectState::Dead), None, 10).await.unwrap().rows;
    assert_eq!(dead.len(), 1);
    assert_eq!(
        world.reader.0.effects(Some(EffectState::Waiting), None, 10).await.unwrap().rows,
        []
    );
    let id = dead[0].id();
    let requeue = Command::Effects(onhand_core::effects::Command::Requeue { id });
    assert!(matches!(world.done(requeue.clone()).await, Reply::Effect(_)));
    assert_eq!(code(&world.ask(requeue).await), "effect_not_dead");
    let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
    assert!(task.ask_first);
    let declined = Outcome::Declined(onhand_core::text::Text::new("no such account").unwrap());
    assert_eq!(world.settled(task, Seen::default(), declined).await, 1);
    assert_eq!(world.reader.order(number(1)).await.status, Status::Cancelled);
    assert_eq!((world.owed(number(1)).await, world.figures("tea").await), (None, (10, 0, 10)));
    world.close().await;
}

pub(crate) async fn a_message_has_one_effect_however_often_it_comes<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    let paid = |event, body| message(event, body, captured("order_A", 200));
    let thrice = vec![(paid("e1", 1), None), (paid("e1", 2), None), (paid("e2", 1), None)];
    let answers = world.in_one_batch(|_| {}, thrice).await;
    assert_eq!(answers.iter().map(is_new).collect::<Vec<_>>(), [true, false, false]);
    let world = world.reopened().await;
    for (event, body) in [("e1", 1), ("e1", 3), ("e3", 1)] {
        assert!(!is_new(&world.ask(paid(event, body)).await), "{event} {body}");
    }
    // The same again in other words, as another message.
    assert!(is_new(&world.ask(paid("e4", 4)).await));
    let kept = world.reader.order(order.id).await;
    assert_eq!((kept.status, kept.expires_at), (Status::Confirmed, None));
    assert_eq!(count(&world, order.id, "payment.captured").await, 1);
    assert_eq!(count(&world, order.id, "order.confirmed").await, 1);
    assert_eq!((world.owed(order.id).await, unmatched(&world).await), (None, 0));
    assert_eq!(world.figures("tea").await, (10, 2, 8));
    // It is found by what the gateway calls its parts, by whoever may know of it.
    let owner = kept.customer_id.and_then(|id| UserId::new(id.number()));
    for (name, own, wanted) in [
        ("order_A", None, true),
        ("pay_A", owner, true),
        ("pay_A", UserId::new(99), false),
        ("pay_B", None, false),
    ] {
        let reader = &world.reader.0;
        let found = reader.order_of_gateway_id(Provider::Razorpay, gateway_id(name), own).await;
        let found = found.unwrap().map(|order| order.id);
        assert_eq!(found, wanted.then_some(order.id), "{name} {own:?}");
    }
    world.close().await;
}

pub(crate) async fn a_message_that_comes_too_early_waits_for_its_order<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    for _ in 0..3 {
        world.done(place_paid(&[("tea", 1)], 600)).await;
    }
    let tasks = world.leased(3).await;
    let [first, second, third] = &tasks[..] else { panic!("three are due") };
    assert!(is_new(&world.ask(message("e1", 1, captured("order_1", 100))).await));
    assert_eq!(unmatched(&world).await, 1);
    assert_eq!(world.reader.order(number(1)).await.status, Status::Pending);
    let world = world.reopened().await;
    assert_eq!(world.settled(first, intent("order_1"), Outcome::Done).await, 1);
    // Both in one batch, in either order.
    let early = vec![
        (message("e2", 2, captured("order_2", 100)), None),
        (settle(second, intent("order_2"), Outcome::Done), None),
    ];
    let late = vec![
        (settle(third, intent("order_3"), Outcome::Done), None),
        (message("e3", 3, captured("order_3", 100)), None),
    ];
    for both in [early, late] {
        assert_eq!(codes(&world.in_one_batch(|_| {}, both).await), ["ok", "ok"]);
    }
    for id in 1..=3 {
        let kept = world.reader.order(number(id)).await;
        assert_eq!((kept.status, world.owed(kept.id).await), (Status::Confirmed, None), "{id}");
        assert_eq!(count(&world, kept.id, "payment.captured").await, 1);
    }
    assert_eq!(unmatched(&world).await, 0);
    world.close().await;
}

pub(crate) async fn a_message_that_names_its_order_tells_whose_the_earlier_ones_are<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    world.done(place_paid(&[("tea", 1)], 600)).await;
    // The answer to the first call is lost: nobody has said whose `order_1` is.
    assert_eq!(world.leased(1).await.len(), 1);
    assert!(is_new(&world.ask(message("e1", 1, captured("order_1", 100))).await));
    assert_eq!(unmatched(&world).await, 1);
    let mut naming = message("e2", 2, intent("order_1"));
    if let Command::Payments(payments::Command::Receive(notice)) = &mut naming {
        notice.order_id = Some(number(1));
    }
    assert!(is_new(&world.ask(naming).await));
    assert_eq!(world.reader.order(number(1)).await.status, Status::Confirmed);
    assert_eq!((unmatched(&world).await, world.owed(number(1)).await), (0, None));
    world.close().await;
}

pub(crate) async fn what_is_owed_and_done_in_one_batch_was_never_there<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    // Somebody who never had it says that all of it is done.
    let nobodys = Task {
        epoch: 0,
        leased_until: world.clock.now(),
        tries: 0,
        ask_first: false,
        order_id: number(1),
        provider: Provider::Razorpay,
        call: Call::FindIntent { number: 1 },
    };
    let seen = Seen { attempts: captured("order_A", 100).attempts, ..intent("order_A") };
    let both =
        vec![(place_paid(&[("tea", 1)], 600), None), (settle(&nobodys, seen, Outcome::Done), None)];
    assert_eq!(codes(&world.in_one_batch(|_| {}, both).await), ["ok", "ok"]);
    assert_eq!(world.reader.order(number(1)).await.status, Status::Confirmed);
    assert_eq!(world.owed(number(1)).await, None);
    assert_eq!(world.figures("tea").await, (10, 1, 9));
    world.close().await;
}

pub(crate) async fn a_paid_order_that_is_cancelled_gives_its_money_back<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    world.done(message("e1", 1, captured("order_A", 200))).await;
    assert_eq!(world.owed(order.id).await, None);
    let first = world.ask_once(cancel(order.id), key(1)).await.unwrap();
    let effect = world.owed(order.id).await.unwrap();
    assert_eq!((effect.state, effect.due_at), (EffectState::Waiting, world.clock.now()));
    // The reply is what the last event left, and the key tells it again.
    let world = world.reopened().await;
    let again = world.ask_once(cancel(order.id), key(1)).await.unwrap();
    assert_eq!((again.replayed, &again.outcome), (true, &first.outcome));
    let Ok(Reply::Order(reply)) = first.outcome else { panic!("{first:?}") };
    assert_eq!(*reply, world.reader.order(order.id).await);
    let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
    let Call::Refund { number: 1, attempt, amount } = &task.call else { panic!("{task:?}") };
    assert_eq!((attempt, amount.amount), (&gateway_id("pay_A"), 200));
    assert_eq!(world.settled(task, refunded("pay_A", 200), Outcome::Done).await, 1);
    let paid = world.reader.order(order.id).await;
    assert_eq!(paid.payment.as_ref().unwrap().status(&paid), Paid::Refunded);
    // The customer could still pay once more: that is looked for, and not for ever.
    let mut polls = 0;
    while let Some(effect) = world.owed(order.id).await {
        let secs = effect.due_at.duration_since(world.clock.now()).as_secs();
        world.clock.advance_secs(secs);
        let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
        assert!(matches!(task.call, Call::Fetch { .. }), "{task:?}");
        assert_eq!(world.settled(task, Seen::default(), Outcome::Done).await, 1);
        polls += 1;
    }
    assert_eq!((polls, count(&world, order.id, "payment.closed").await), (5, 1));
    assert_eq!(world.figures("tea").await, (10, 0, 10));
    world.close().await;
}

pub(crate) async fn messages_that_were_taken_in_are_forgotten_and_those_that_wait_are_not<
    B: Backend,
>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    world.done(message("e1", 1, captured("order_A", 200))).await;
    world.done(message("e2", 2, captured("order_gone", 200))).await;
    world.done(message("e3", 3, Seen::default())).await;
    world.clock.advance_secs(10);
    let later = world.clock.now();
    world.done(message("e4", 4, captured("order_A", 200))).await;
    let forget = |most| Command::Payments(payments::Command::ForgetNotices { before: later, most });
    // In steps; one that comes again finds its order in the same batch, and changes nothing.
    let paid = world.reader.order(order.id).await;
    let again = message("e1", 1, captured("order_A", 200));
    let both = vec![(forget(1), None), (again.clone(), None), (again, None)];
    let answers = world.in_one_batch(|_| {}, both).await;
    let replies: Vec<Reply> =
        answers.into_iter().map(|answer| answer.unwrap().outcome.unwrap()).collect();
    let is_new = |is_new| Reply::Notice { is_new };
    assert_eq!(replies, [Reply::Forgotten { rows: 1 }, is_new(true), is_new(false)]);
    assert_eq!(world.reader.order(order.id).await, paid);
    let world = world.reopened().await;
    assert_eq!(world.done(forget(10)).await, Reply::Forgotten { rows: 1 });
    assert_eq!(world.done(forget(10)).await, Reply::Forgotten { rows: 0 });
    // Money that belongs to no order waits for somebody, however long.
    let waiting = world.reader.0.unmatched_notices(None, 10).await.unwrap();
    assert_eq!(waiting.rows.len(), 1);
    for (event, body, is_known) in
        [("e1", 1, true), ("e2", 2, true), ("e4", 4, true), ("e3", 3, false)]
    {
        let reply = world.done(message(event, body, Seen::default())).await;
        assert_eq!(reply, Reply::Notice { is_new: !is_known }, "{event}");
    }
    assert_eq!(world.reader.order(order.id).await, paid);
    world.close().await;
}

pub(crate) async fn money_that_is_set_aside_holds_the_stock_for_longer<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    world.done(message("e1", 1, attempt("order_A", AttemptState::Authorized, 200))).await;
    let held = world.reader.order(order.id).await;
    assert!(held.expires_at > order.expires_at);
    // What the customer holds is counted until then, too: that is proved at the end.
    world.clock.advance_secs(601);
    assert_eq!(world.figures("tea").await, (10, 2, 8));
    let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
    assert!(matches!(task.call, Call::Capture { .. }), "{task:?}");
    assert_eq!(world.settled(task, captured("order_A", 200), Outcome::Done).await, 1);
    assert_eq!(world.reader.order(order.id).await.status, Status::Confirmed);
    world.close().await;
}

pub(crate) async fn an_order_that_was_paid_too_late_lives_again<B: Backend>() {
    let world = World::<B>::with(&[("tea", 3)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    world.clock.advance_secs(601);
    let due = onhand_core::inventory::Command::ExpireDue { most: 10 };
    world.done(Command::Inventory(due)).await;
    assert_eq!(world.reader.order(order.id).await.status, Status::Expired);
    world.done(message("e1", 1, captured("order_A", 200))).await;
    let kept = world.reader.order(order.id).await;
    assert_eq!((kept.status, world.figures("tea").await), (Status::Confirmed, (3, 2, 1)));
    assert_eq!(
        (count(&world, order.id, "order.revived").await, world.owed(order.id).await),
        (1, None)
    );
    world.close().await;
}

pub(crate) async fn sixty_four_messages_at_once_take_the_money_once<B: Backend>() {
    const MESSAGES: u8 = 64;
    let world = World::<B>::with(&[("tea", 10)]).await;
    let order = world.payable(&[("tea", 2)], "order_A").await;
    let paid =
        (0..MESSAGES).map(|body| message(&format!("e{body}"), body, captured("order_A", 200)));
    let answers = world.at_once(onhand_core::Actor::Local, paid.collect()).await;
    assert!(answers.iter().all(is_new));
    assert_eq!(count(&world, order.id, "payment.captured").await, 1);
    let paid = world.reader.order(order.id).await;
    let payment = paid.payment.as_ref().unwrap();
    assert_eq!((paid.status, payment.captured(paid.currency)), (Status::Confirmed, 200));
    world.close().await;
}

pub(crate) async fn payments_are_listed_as_the_filter_says<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    for name in ["order_1", "order_2", "order_3"] {
        world.payable(&[("tea", 1)], name).await;
    }
    world.placed(&[("tea", 1)], None).await;
    world.done(message("e1", 1, captured("order_2", 100))).await;
    let list = async |status, provider, own| {
        let filter = PaymentFilter { status, provider };
        let page = world.reader.0.payments(filter, own, None, 10).await.unwrap();
        page.rows.iter().map(|order| order.id.number()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None).await, [3, 2, 1]);
    assert_eq!(list(Some(Paid::AwaitingPayment), None, None).await, [3, 1]);
    assert_eq!(list(Some(Paid::Captured), Some(Provider::Razorpay), UserId::new(1)).await, [2]);
    assert_eq!(list(None, Some(Provider::Stripe), None).await, [0; 0]);
    assert_eq!(list(None, None, UserId::new(2)).await, [0; 0]);
    let now = world.clock.now();
    assert_eq!(world.reader.0.open_payments(now, None, 10).await.unwrap().rows.len(), 0);
    world.clock.advance_secs(1);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.reader.0.open_payments(world.clock.now(), after, 1).await.unwrap();
        seen.extend(page.rows.iter().map(|(effect, order)| (effect.order_id, order.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [(number(1), number(1)), (number(3), number(3))]);
    let page = world.reader.0.effects(None, Some(3), 10).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.order_id).collect::<Vec<_>>(), [number(1)]);
    let look = payments::Command::Look { order_id: number(1) };
    world.done(Command::Payments(look)).await;
    assert!(world.owed(number(1)).await.unwrap().due_at <= world.clock.now());
    world.close().await;
}

/// What happens to one payment, from its order to the end of a refund; before each step the store
/// fails in some way.
async fn life<B: Backend>(world: &World<B>, fails: Option<(Step, u32)>) -> Vec<String> {
    let disturb = || {
        world.faults.clear();
        if let Some((step, times)) = fails {
            world.faults.next(step, times, Fault::Conflict);
        }
    };
    disturb();
    let Reply::Order(order) = world.done(place_paid(&[("tea", 1)], 600)).await else {
        panic!("no order")
    };
    let (id, body) = (order.id, u8::try_from(order.id.number()).unwrap());
    let (name, event) = (format!("order_{id}"), format!("e{id}"));
    for seen in [intent(&name), refunded(&format!("pay_{id}"), 100)] {
        disturb();
        let [task] = &world.leased(1).await[..] else { panic!("nothing is due") };
        assert_eq!(task.order_id, id);
        disturb();
        assert_eq!(world.settled(task, seen, Outcome::Done).await, 1);
        if matches!(task.call, Call::CreateIntent { .. }) {
            disturb();
            assert!(is_new(&world.ask(message(&event, body, captured(&name, 100))).await));
            disturb();
            assert_eq!(code(&world.ask(cancel(id)).await), "ok");
        }
    }
    world.faults.clear();
    world.reader.timeline(id).await
}

pub(crate) async fn a_payment_goes_its_way_whatever_is_run_again<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let usual = life(&world, None).await;
    assert_eq!(usual.last().map(String::as_str), Some("payment.refunded"), "{usual:?}");
    for step in [Step::Begin, Step::Load, Step::Commit] {
        for times in [1, 3] {
            assert_eq!(life(&world, Some((step, times))).await, usual, "{step:?} {times}");
        }
    }
    assert_eq!(world.figures("tea").await, (10, 0, 10));
    world.close().await;
}

pub(crate) async fn a_batch_of_messages_asks_no_oftener_than_one<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    for id in 1..=21 {
        world.payable(&[("tea", 1)], &format!("order_{id}")).await;
    }
    let paid = |id: u8| message(&format!("e{id}"), id, captured(&format!("order_{id}"), 100));
    let loads = || world.faults.steps().iter().filter(|step| **step == Step::Load).count();
    world.faults.clear();
    assert!(is_new(&world.ask(paid(21)).await));
    let of_one = loads();
    let many = (1..=20).map(|id| (paid(id), None)).collect();
    let answers = world.in_one_batch(|_| {}, many).await;
    assert!(answers.iter().all(is_new));
    assert_eq!(loads(), of_one);
    // An order asks as often as it did before there were payments: once, when it begins.
    world.faults.clear();
    world.placed(&[("tea", 1)], None).await;
    assert_eq!(loads(), 0);
    world.close().await;
}
