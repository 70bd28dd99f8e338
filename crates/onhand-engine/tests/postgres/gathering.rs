//! Reads that are gathered into one statement: it goes by keys, also where it was planned before
//! there was anything to read, as on every new installation.

use std::time::Duration;

use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, ProductId};
use onhand_engine::Reader;
use onhand_engine::postgres::Database;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::server::{Postgres, connect};
use crate::world::{World, sku};

/// As many again as there are of each, behind the first.
const MORE: &str = "INSERT INTO products SELECT (jsonb_populate_record(p, \
     jsonb_build_object('id', n, 'sku', 'tea-' || n))).* \
     FROM products p, generate_series(101, 2100) n WHERE p.id = 1; \
     INSERT INTO levels SELECT (jsonb_populate_record(l, jsonb_build_object('product_id', n))).* \
     FROM levels l, generate_series(101, 2100) n WHERE l.product_id = 1; \
     INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', n))).* \
     FROM orders o, generate_series(101, 2100) n WHERE o.id = 1";
/// What sessions have looked at, which they say when they end.
const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid != pg_backend_pid()";
const LOOKED: &str = "SELECT coalesce(sum(idx_scan), 0)::int8, \
     coalesce(sum(idx_tup_read), 0)::int8 FROM pg_stat_user_indexes \
     WHERE relname IN ('products', 'levels', 'orders')";
/// Objects of each kind that are read.
const READ: i64 = 100;
/// A server says it within a second of the end of a session.
const SAID_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_planned_on_empty_tables_looks_at_nothing_else() {
    let world = World::<Postgres<true>>::with(&[("tea", 9)]).await;
    world.placed(&[("tea", 1)], None).await;
    let (backend, _) = world.stopped();
    let client = connect(&backend.0.0).await;
    let database = Database::open(&backend.url()).await.unwrap();
    let reader = Reader::Postgres(database.reader().unwrap());
    read(&reader, 1).await;
    client.batch_execute(MORE).await.unwrap();
    let [_, before] = looked(&client).await;
    for number in 101..101 + READ {
        read(&reader, number).await;
    }
    drop((reader, database));
    client.query(END, &[]).await.unwrap();
    // Two ways to a product, each with and without its levels, and an order.
    let (scans, rows) = (7 * READ, 7 * READ);
    let after = timeout(SAID_WITHIN, async {
        loop {
            let [scanned, after] = looked(&client).await;
            if scanned >= scans {
                break after;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let after = after.await.expect("the server says what was looked at");
    assert!(after - before < 2 * rows, "{} rows looked at for {rows}", after - before);
}

/// Reads a product by both of its names, its stock likewise, and an order. The names are not those
/// of the first product: that is asked for, and not there.
async fn read(reader: &Reader, number: i64) {
    let named = [ProductRef::Id(ProductId::new(number).unwrap()), sku(&format!("tea-{number}"))];
    for name in named {
        let product = reader.product(name.clone()).await.unwrap();
        let stock = reader.stock(name.clone(), None).await.unwrap();
        assert_eq!(product.as_ref(), stock.as_ref().map(|row| &row.product));
        if number > 1 {
            assert_eq!(product.unwrap().id.number(), number);
            assert_eq!(stock.unwrap().levels[0].product_id.number(), number);
        }
    }
    assert!(reader.order(OrderId::new(number).unwrap(), None).await.is_ok());
}

async fn looked(client: &Client) -> [i64; 2] {
    let row = client.query_one(LOOKED, &[]).await.unwrap();
    [row.get(0), row.get(1)]
}
