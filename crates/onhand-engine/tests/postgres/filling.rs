//! Lists that are filled in steps: whatever the steps take in, each order is on its lists once and
//! on no other.

use onhand_core::Command;
use onhand_core::ids::OrderId;
use onhand_core::limits::BATCH_ORDERS_MAX;
use onhand_core::orders::{self, ErrorPolicy};
use onhand_engine::limits::LISTS_CHUNK_ENTRIES;
use onhand_engine::postgres::Database;
use tokio::time::{Duration, sleep, timeout};

use crate::backend::Backend;
use crate::server::{Postgres, connect};
use crate::world::{World, code, order};

/// What is missing from the lists, in positions of whichever log is missing most.
const BEHIND: &str = "SELECT greatest(n.event - 1 - p.event, n.\"order\" - 1 - p.order_id, \
     n.reservation - 1 - p.reservation_id) FROM numbering n, lists_progress p";
const ENTRIES: &str = "SELECT (SELECT count(*) FROM orders_by_status), \
     (SELECT count(*) FROM orders_by_product), \
     (SELECT count(*) FROM orders_by_status WHERE status = 'cancelled')";
/// They take tenths of a second; a step that fails is tried again for ever.
const FILLED_WITHIN: Duration = Duration::from_secs(60);
/// Cancels one order of so many.
const EACH: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_steps_put_each_order_on_its_lists_once() {
    let world = World::<Postgres<true>>::with(&[("tea", 1 << 20), ("cup", 1 << 20)]).await;
    let several = BATCH_ORDERS_MAX * (2 * LISTS_CHUNK_ENTRIES).div_ceil(BATCH_ORDERS_MAX);
    let bought = order(&[("tea", 1), ("cup", 1)], None);
    for _ in 0..several / BATCH_ORDERS_MAX {
        let orders = vec![bought.clone(); BATCH_ORDERS_MAX];
        let error_policy = ErrorPolicy::RejectAll;
        let command = orders::Command::PlaceMany { orders, error_policy };
        assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
    }
    for number in (1..=several).step_by(EACH) {
        let id = OrderId::new(i64::try_from(number).unwrap()).unwrap();
        let command = orders::Command::Cancel { id, expected_version: None, reason: None };
        assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
    }
    let (backend, _) = world.stopped();
    let client = connect(&backend.0.0).await;
    // Whatever was taken in meanwhile is taken in anew.
    let anew = "TRUNCATE orders_by_status, orders_by_product, orders_by_customer; \
         UPDATE lists_progress SET event = 0, order_id = 0, reservation_id = 0";
    client.batch_execute(anew).await.unwrap();
    let database = Database::open(&backend.url()).await.unwrap();
    let store = database.store();
    let filled = async {
        while client.query_one(BEHIND, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(FILLED_WITHIN, filled).await.expect("the lists come up to the log");
    let entries = client.query_one(ENTRIES, &[]).await.unwrap();
    let entries = [0, 1, 2].map(|place| entries.get::<_, i64>(place));
    let wanted = [several, 2 * several, several.div_ceil(EACH)];
    assert_eq!(entries.to_vec(), wanted.map(|count| i64::try_from(count).unwrap()).to_vec());
    drop(store);
    assert_eq!(backend.verify().await, Vec::<String>::new());
}
