//! Whoever keeps copies of what is stored is told what changes, and the callers hear of it when
//! that is done.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onhand_core::Actor;
use onhand_engine::watch::Telling;
use onhand_engine::{Batch, Watch};
use tokio::sync::oneshot;

use crate::backend::Backend;
use crate::world::{World, code, place};

/// Somebody who keeps copies, and takes its time.
#[derive(Debug, Default)]
struct Keeper {
    /// Of each batch its newest event, and how many orders it leaves.
    heard: Mutex<Vec<(i64, usize)>>,
    /// What the next batch waits for.
    telling: Mutex<Option<Telling>>,
}

impl Watch for Keeper {
    fn changing(&self, batch: &Batch) -> Option<Telling> {
        self.heard.lock().unwrap().push((batch.newest_event(), batch.rows.orders.len()));
        self.telling.lock().unwrap().take()
    }
}

pub(crate) async fn callers_hear_when_those_were_told_who_keep_copies<B: Backend>() {
    let world = World::<B>::with(&[("tea", 9)]).await;
    let keeper = Arc::new(Keeper::default());
    let (told, telling) = oneshot::channel();
    *keeper.telling.lock().unwrap() = Some(telling);
    world.submit.watch(keeper.clone());
    let before = *world.submit.durable().borrow();
    let submit = world.submit.clone();
    let asked =
        tokio::spawn(async move { submit.submit(place(&[("tea", 1)]), Actor::Local, None).await });
    let mut looks = 0;
    while world.figures("tea").await != (9, 1, 8) {
        looks += 1;
        assert!(looks < 6_000, "it is never to be seen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!asked.is_finished());
    assert_eq!(*world.submit.durable().borrow(), before);
    told.send(()).unwrap();
    assert_eq!(code(&asked.await.unwrap()), "ok");
    let after = *world.submit.durable().borrow();
    assert_eq!(*keeper.heard.lock().unwrap(), [(after, 1)]);
    // What is told by nobody any more is waited for no longer, and a refusal changes nothing.
    *keeper.telling.lock().unwrap() = Some(oneshot::channel().1);
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    assert_eq!(code(&world.ask(place(&[("tea", 99)])).await), "insufficient_stock");
    assert_eq!(keeper.heard.lock().unwrap().len(), 2);
    world.close().await;
}
