//! `verify` on PostgreSQL is itself put to the proof, as on SQLite (`tests/store/verify_meta.rs`):
//! each seeded corruption of a sound database must be reported by the check whose promise it
//! breaks, and a sound one must raise no alarm. A server that cannot show its rows must say so.

use futures_util::{StreamExt, stream};
use onhand_engine::Location;
use onhand_engine::postgres::{self, Database};
use onhand_engine::prover::Position;
use onhand_engine::report::{Check, Report};
use tokio_postgres::SimpleQueryMessage;

use crate::history::{DAMAGED_LEVELS, LEVELS, expect_damage, history};
use crate::rounds::{expect_no_alarm, expect_seen, round_from};
use crate::server::{Postgres, Scratch, connect};

/// Changes a field of the first order's document.
macro_rules! doc {
    ($path:literal, $value:literal) => {
        concat!(
            "UPDATE events SET body = jsonb_set(body::jsonb, '{order,",
            $path,
            "}', '",
            $value,
            "')::text WHERE seq = (SELECT last_event FROM orders WHERE id = 1)"
        )
    };
}

/// Changes the newest event of the first order.
macro_rules! newest_event {
    ($change:literal) => {
        concat!(
            "UPDATE events SET ",
            $change,
            " WHERE seq = (SELECT last_event FROM orders WHERE id = 1)"
        )
    };
}

/// How many copies are looked at side by side.
const COPIES: usize = 4;

/// What is done to the logs and to what they say of themselves, and the check that must see it.
const OF_LOGS: &[(&str, &str)] = &[
    ("DELETE FROM batches WHERE id = 3", "I3"),
    ("DELETE FROM batches", "I3"),
    (
        "UPDATE batches SET last_event = last_event + 1 WHERE id = (SELECT max(id) FROM batches)",
        "I3",
    ),
    ("UPDATE batches SET last_movement = 0 WHERE id = (SELECT max(id) FROM batches)", "I3"),
    ("UPDATE numbering SET batch = batch + 1", "I3"),
    ("UPDATE numbering SET chain = decode(repeat('00', 32), 'hex')", "I3"),
    ("DELETE FROM numbering", "I3"),
    ("DELETE FROM movements WHERE seq = 4", "I4"),
    ("DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)", "I4"),
    (
        "INSERT INTO movements SELECT seq, product_id + 9, location_id, kind, reason, reference, \
         actor, delta_on_hand, delta_reserved, on_hand_after, reserved_after, occurred_at, \
         recorded_at, previous, ordinal, cause FROM movements WHERE seq = 3",
        "I4",
    ),
    ("DELETE FROM events WHERE seq = 5", "I4"),
    ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "I4"),
    ("UPDATE numbering SET movement = movement - 1", "I4"),
    ("UPDATE numbering SET event = event + 5", "I4"),
    ("UPDATE movements SET recorded_at = recorded_at + 86400000000 WHERE seq = 2", "I17"),
    ("UPDATE events SET recorded_at = recorded_at + 86400000000 WHERE seq = 2", "I17"),
    ("UPDATE movements SET occurred_at = recorded_at + 3600000000 WHERE seq = 2", "I17"),
    (doc!("currency", "\"USD\""), "I25"),
    (doc!("metadata", "{\"a\":\"b\"}"), "I25"),
    (
        "UPDATE events SET body = replace(body, '\"confirmed\"', '\"expired\"') \
         WHERE kind = 'order.confirmed'",
        "I25",
    ),
    (newest_event!("body = 'not an order'"), "I25"),
    ("UPDATE events SET kind = 'order.updated' WHERE kind = 'order.placed'", "I25"),
    ("UPDATE movements SET kind = 'stolen' WHERE seq = 2", "I25"),
    ("UPDATE movements SET reason = 'theft' WHERE seq = 2", "I25"),
    ("UPDATE events SET actor = 'somebody' WHERE seq = 3", "I25"),
    ("UPDATE movements SET actor = 'somebody' WHERE seq = 2", "I25"),
    ("UPDATE movements SET reference = 'ord_7' WHERE seq = 3", "I25"),
    ("UPDATE batches SET chain = decode(repeat('00', 32), 'hex') WHERE id = 4", "I25"),
    ("UPDATE batches SET chain = '\\x00' WHERE id = 4", "I25"),
];

/// What is done to the stock.
const OF_STOCK: &[(&str, &str)] = &[
    ("UPDATE levels SET on_hand = on_hand + 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET on_hand = on_hand + 1, received = received + 1", "I6"),
    ("UPDATE levels SET reserved = reserved + 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET last_movement = last_movement - 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET movements = movements + 1 WHERE product_id = 2", "I6"),
    ("INSERT INTO shifted_sums VALUES (1, 1, 0, 5, 'received', 1, 0)", "I6c"),
    ("UPDATE movements SET occurred_at = occurred_at - 1 WHERE seq = 1", "I6c"),
    ("DELETE FROM levels WHERE product_id = 2", "I6a"),
    ("UPDATE movements SET delta_on_hand = delta_on_hand + 1 WHERE seq = 1", "I6a"),
    ("UPDATE movements SET delta_reserved = delta_reserved - 1 WHERE kind = 'reserved'", "I6a"),
    ("UPDATE movements SET on_hand_after = on_hand_after + 1 WHERE seq = 1", "I6b"),
    ("UPDATE movements SET previous = 1 WHERE seq = (SELECT max(seq) FROM movements)", "I6b"),
    ("UPDATE movements SET cause = 999999 WHERE seq = 2", "I6b"),
    ("UPDATE movements SET ordinal = ordinal + 1 WHERE seq = 3", "I6b"),
    ("UPDATE reservations SET state = 'released' WHERE state = 'held'", "I7"),
    ("UPDATE reservations SET quantity = quantity + 1 WHERE state = 'held'", "I7"),
    ("DELETE FROM reservations WHERE state = 'held'", "I7"),
    (
        "ALTER TABLE levels DROP CONSTRAINT levels_check; \
         UPDATE levels SET reserved = on_hand + 1 WHERE product_id = 1",
        "I8",
    ),
    (
        "ALTER TABLE levels DROP CONSTRAINT levels_safety_stock_check; \
         UPDATE levels SET safety_stock = -1 WHERE product_id = 1",
        "I8",
    ),
];

/// What is done to orders, and to what is kept about them.
const OF_ORDERS: &[(&str, &str)] = &[
    ("UPDATE outcomes_1 SET event = 999999 WHERE event > 0", "I5"),
    ("UPDATE outcomes_1 SET event = 1 WHERE event > 0", "I5"),
    (
        "ALTER TABLE outcomes_1 DROP CONSTRAINT outcomes_1_check; \
         UPDATE outcomes_1 SET body = NULL WHERE body IS NOT NULL",
        "I5",
    ),
    ("UPDATE orders SET status = 'delivered' WHERE id = 2", "I9"),
    ("UPDATE orders SET version = version + 1 WHERE id = 1", "I9"),
    ("UPDATE orders SET customer_id = 7 WHERE id = 1", "I9"),
    ("UPDATE orders SET last_event = 1 WHERE id = 1", "I9"),
    ("UPDATE orders SET last_event = 0 WHERE id = 1", "I9"),
    ("UPDATE orders SET last_event = 999999 WHERE id = 1", "I9"),
    ("UPDATE orders SET last_event = (SELECT last_event FROM orders WHERE id = 1)", "I9"),
    ("UPDATE orders SET created_at = created_at + 1 WHERE id = 1", "I9"),
    ("DELETE FROM orders WHERE status = 'cancelled'", "I9"),
    (newest_event!("previous = 0"), "I9"),
    (newest_event!("previous = seq"), "I9"),
    (newest_event!("subject = 2"), "I9"),
    (newest_event!("body = 'not an order'"), "I9"),
    (doc!("version", "1"), "I9"),
    (doc!("status", "\"delivered\""), "I9"),
    (doc!("total", "1"), "I18"),
    (doc!("lines,0,unit_price", "1"), "I18"),
    (doc!("lines,0,quantity", "0"), "I19"),
    (doc!("lines,0,unit_price", "-5"), "I19"),
    ("UPDATE orders SET status = 'cancelled' WHERE id = 1", "I20"),
    ("UPDATE reservations SET order_id = 999 WHERE order_id = 1", "I20"),
    (doc!("lines,0,allocations", "[]"), "I20"),
    (doc!("lines,0,fulfilled", "99"), "I21"),
    (doc!("lines,0,returned", "2"), "I21"),
    (
        "UPDATE reservations SET consumed = consumed + 1 \
         WHERE order_id = 1 AND consumed + released < quantity",
        "I21",
    ),
    ("DELETE FROM open_orders WHERE customer_id = 1", "S27"),
    ("UPDATE open_orders SET units = units + 1 WHERE customer_id = 1", "S27"),
    ("UPDATE open_orders SET expires_at = expires_at + 1 WHERE customer_id = 1", "S27"),
    ("INSERT INTO open_orders VALUES (1, 1, 5, 0)", "S27"),
    ("DELETE FROM orders_by_customer", "lists"),
    ("DELETE FROM orders_by_status WHERE order_id = 2", "lists"),
    ("DELETE FROM orders_by_product WHERE order_id = 3", "lists"),
    ("UPDATE orders_by_status SET status = 'pending' WHERE status = 'confirmed'", "lists"),
    ("INSERT INTO orders_by_product VALUES (2, 0)", "lists"),
    ("UPDATE lists_progress SET order_id = order_id + 7", "lists"),
    ("DELETE FROM lists_progress", "lists"),
];

/// What is done to accounts.
const OF_ACCOUNTS: &[(&str, &str)] = &[
    ("UPDATE users SET password = 'hunter2' WHERE id = 1", "I24"),
    ("UPDATE users SET password = substr(password, 1, 70) WHERE id = 1", "I24"),
    ("UPDATE sessions SET token = '\\x00' WHERE id = 1", "I24"),
    ("UPDATE sessions SET previous_token = '\\x00' WHERE id = 2", "I24"),
    ("UPDATE api_keys SET hash = '\\x00' WHERE id = 1", "I24"),
    ("UPDATE sessions SET ended_because = NULL WHERE id = 1", "I24"),
    ("UPDATE sessions SET ended_at = created_at - 1 WHERE id = 1", "I24"),
    ("UPDATE sessions SET rotated_at = created_at - 1 WHERE id = 2", "I24"),
    ("UPDATE sessions SET expires_at = created_at - 1 WHERE id = 2", "I24"),
    ("DELETE FROM users WHERE id = 2", "I24"),
    ("UPDATE users SET disabled = true WHERE id = 2", "I24"),
    ("UPDATE users SET role = 'admin' WHERE id = 2", "I26"),
    ("UPDATE users SET scopes = 'admin' WHERE id = 2", "I26"),
    ("UPDATE users SET disabled = false WHERE id = 3", "I26"),
    ("UPDATE users SET version = version + 1 WHERE id = 2", "I26"),
    ("DELETE FROM users WHERE id = 1", "I26"),
    (
        "INSERT INTO users SELECT 9, 'eve@example.com', name, role, scopes, password, \
         disabled, tokens_from, version, created_at, updated_at FROM users WHERE id = 1",
        "I26",
    ),
    ("UPDATE sessions SET ended_at = NULL, ended_because = NULL WHERE id = 1", "I26"),
    ("UPDATE sessions SET ended_because = 'reuse' WHERE id = 1", "I26"),
    ("UPDATE sessions SET user_id = 1 WHERE id = 2", "I26"),
    ("DELETE FROM sessions WHERE id = 1", "I26"),
    ("UPDATE api_keys SET scopes = 'admin' WHERE id = 1", "I26"),
    ("UPDATE api_keys SET prefix = 'onk_x' WHERE id = 1", "I26"),
    ("UPDATE api_keys SET expires_at = NULL WHERE id = 1", "I26"),
    ("UPDATE api_keys SET revoked_at = NULL WHERE id = 2", "I26"),
    ("DELETE FROM api_keys WHERE id = 2", "I26"),
    ("DELETE FROM events WHERE kind = 'user.updated'", "I26"),
    ("UPDATE events SET kind = 'user.updated' WHERE kind = 'user.registered'", "I26"),
    ("UPDATE events SET subject = 2 WHERE kind = 'session.ended'", "I26"),
    (
        "UPDATE events SET body = replace(body, 'operator', 'admin') WHERE kind = \
         'user.updated'",
        "I26",
    ),
    ("UPDATE events SET body = 'not a key' WHERE kind = 'api_key.created'", "I26"),
    ("UPDATE numbering SET rights = 1", "I26"),
];

/// Changes a field of the newest document of an order that is paid through a gateway.
macro_rules! paid {
    ($order:literal, $path:literal, $value:literal) => {
        concat!(
            "UPDATE events SET body = jsonb_set(body::jsonb, '{order,",
            $path,
            "}', ",
            $value,
            ")::text WHERE seq = (SELECT last_event FROM orders WHERE id = ",
            $order,
            ")"
        )
    };
}

/// What is done to payments. Order 5 is paid, 6 was paid after its end, 7 has its money back, 8
/// waits, and what is owed about 9 is dead.
const OF_PAYMENTS: &[(&str, &str)] = &[
    (paid!(12, "custom_amount", "'499'"), "I18"),
    (paid!(12, "total", "'499'"), "I18"),
    (paid!(13, "custom_amount", "'-500'"), "I18"),
    (paid!(13, "payment,attempts,0,captured", "'501'"), "I10"),
    (paid!(5, "payment,attempts,0,captured", "'900'"), "I10"),
    (paid!(5, "payment,attempts,0,captured", "'100'"), "effects"),
    (paid!(5, "payment,attempts,0,state", "'\"failed\"'"), "I10"),
    (paid!(5, "status", "'\"cancelled\"'"), "I10"),
    (paid!(6, "status", "'\"pending\"'"), "I10"),
    (paid!(7, "payment,refunds,0,amount,amount", "'500'"), "I10"),
    (paid!(5, "payment,attempts,9", "body::jsonb #> '{order,payment,attempts,0}'"), "I10"),
    (paid!(5, "payment,attempts,0,id", "'\"pay_4\"'"), "I11"),
    (paid!(8, "payment,intents,0,gateway_id", "'\"order_9\"'"), "I11"),
    (paid!(8, "payment,intents,0,state", "'\"failed\"'"), "effects"),
    (
        "UPDATE events SET body = (body::jsonb #- '{order,payment}')::text \
         WHERE seq = (SELECT last_event FROM orders WHERE id = 8)",
        "effects",
    ),
    ("UPDATE gateway_ids SET order_id = 8 WHERE gateway_id = 'pay_2'", "I11"),
    ("UPDATE gateway_ids SET order_id = 1 WHERE gateway_id = 'pay_4'", "I11"),
    ("UPDATE gateway_ids SET gateway_id = 'order_7' WHERE gateway_id = 'order_1'", "I11"),
    ("DELETE FROM gateway_ids WHERE gateway_id = 'pay_3'", "I11"),
    ("INSERT INTO gateway_ids VALUES ('razorpay', 'pay_7', 1)", "I11"),
    ("INSERT INTO gateway_ids VALUES ('stripe', 'pay_7', 999)", "I11"),
    ("DELETE FROM effects WHERE order_id = 8", "effects"),
    ("UPDATE effects SET order_id = 5 WHERE order_id = 9", "effects"),
    ("UPDATE effects SET order_id = 999 WHERE order_id = 9", "effects"),
    ("UPDATE effects SET state = 'done' WHERE order_id = 8", "effects"),
    ("DROP INDEX notices_event; UPDATE notices SET event_id = 'e2' WHERE event_id = 'e4'", "I23"),
    (
        "DROP INDEX notices_body; UPDATE notices SET body_hash = (SELECT body_hash FROM notices \
         WHERE event_id = 'e2') WHERE event_id = 'e4'",
        "I23",
    ),
    ("UPDATE notices SET order_id = 999 WHERE event_id = 'e2'", "I23"),
    ("UPDATE notices SET order_id = 5 WHERE event_id = 'e9'", "I23"),
    ("UPDATE notices SET seen = NULL WHERE event_id = 'e9'", "I23"),
    ("UPDATE numbering SET notice = 1", "I23"),
    ("UPDATE events SET kind = 'stock.low' WHERE kind = 'payment.captured'", "I9"),
    ("UPDATE events SET previous = 1 WHERE kind = 'order.revived'", "I9"),
    ("UPDATE outcomes_1 SET event = 1 WHERE event = (SELECT max(event) FROM outcomes_1)", "I5"),
];

/// Changes a field of the first import.
macro_rules! import {
    ($path:literal, $value:literal) => {
        concat!(
            "UPDATE imports SET document = jsonb_set(document::jsonb, '{",
            $path,
            "}', '",
            $value,
            "')::text WHERE id = (SELECT min(id) FROM imports)"
        )
    };
}

/// What is done to imports, and the check that must see it. The first is completed and has ten
/// rows, eight of them products with a movement; the second has none yet.
const OF_IMPORTS: &[(&str, &str)] = &[
    ("DELETE FROM imports WHERE id = (SELECT min(id) FROM imports)", "I27"),
    ("UPDATE imports SET id = id + 900", "I27"),
    ("UPDATE imports SET document = '{}'", "I27"),
    (import!("import,state", "\"receiving\""), "I27"),
    (import!("import,position,rows", "11"), "I27"),
    (import!("import,tally,created", "9"), "I27"),
    (import!("import,tally,counted", "9"), "I27"),
];

/// What is done to what follows from the log. Jobs 1 and 2 are of an endpoint, 1 was done; of the
/// mails 3 to 5, 3 is dead and one is leased.
const OF_OUTBOX: &[(&str, &str)] = &[
    (
        "DROP INDEX jobs_once; UPDATE jobs SET event = (SELECT event FROM jobs WHERE id = 1), \
      about = (SELECT about FROM jobs WHERE id = 1) WHERE id = 2",
        "I14",
    ),
    ("UPDATE jobs SET event = 999999 WHERE id = 1", "I14"),
    ("DELETE FROM consumers WHERE name = 'mail'", "I14"),
    ("UPDATE numbering SET job = 1", "I14"),
    ("DELETE FROM jobs WHERE state = 'waiting'", "I14"),
    (
        "UPDATE consumers SET document = jsonb_set(document::jsonb, '{cursor}', '999999')::text \
         WHERE name = 'mail'",
        "I14",
    ),
    (
        "UPDATE consumers SET document = jsonb_set(document::jsonb, '{open}', '7')::text \
         WHERE name = 'mail'",
        "I14",
    ),
    ("UPDATE consumers SET document = '{}' WHERE name = 'mail'", "I14"),
    ("UPDATE jobs SET state = 'lost' WHERE id = 1", "I15"),
    ("UPDATE jobs SET attempts = '[]' WHERE id = 1", "I15"),
    ("UPDATE jobs SET attempts = '[]' WHERE id = 3", "I15"),
    ("UPDATE jobs SET leased = TRUE WHERE id = 3", "I16"),
    (
        "DROP INDEX jobs_once; UPDATE jobs SET queue = 'mail', lane = 'x' WHERE id IN (2, 3); \
      UPDATE jobs SET attempts = '[1]' WHERE id = 3",
        "I16",
    ),
    (
        "UPDATE webhook_endpoints SET document = jsonb_set(document::jsonb, '{url}', \
         '\"https://e.example\"')::text",
        "I26",
    ),
    ("DELETE FROM webhook_endpoints", "I26"),
    ("UPDATE events SET kind = 'user.updated' WHERE kind = 'webhook_endpoint.created'", "I26"),
];

/// What the server itself cannot show any more, and what it says of that.
const OF_STORAGE: &[(&str, &str)] = &[
    ("UPDATE pg_class SET relfilenode = 1 WHERE relname = 'movements'", "could not open file"),
    ("UPDATE levels SET received = 9223372036854775807, sold = 1", "out of range"),
];

/// Waits until the lists have come up to the log.
async fn fill_lists(scratch: &Scratch) {
    let database = Database::open(&scratch.url()).await.unwrap();
    let _store = database.store();
    let client = connect(&scratch.0).await;
    let behind = "SELECT n.event - 1 - p.event FROM numbering n, lists_progress p";
    while client.query_one(behind, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
}

/// What is done to what the warehouse has said: of run 1 a row was counted and one has found too
/// little, the only one of run 2 is held.
const OF_WAREHOUSE: &[(&str, &str)] = &[
    ("UPDATE levels SET missing = 0 WHERE missing > 0", "shortfalls"),
    ("UPDATE levels SET missing = 2 WHERE missing > 0", "shortfalls"),
    ("UPDATE levels SET missing = 1 WHERE product_id = 1", "shortfalls"),
    ("DELETE FROM shortfalls", "shortfalls"),
    (
        "INSERT INTO shortfalls SELECT 1, location_id, document, version FROM shortfalls",
        "shortfalls",
    ),
    ("UPDATE sync_rows SET action = 'unchanged' WHERE action = 'counted'", "syncs"),
    ("UPDATE sync_rows SET movement = NULL WHERE action = 'counted'", "syncs"),
    ("UPDATE sync_rows SET movement = movement - 1 WHERE action = 'counted'", "syncs"),
    ("UPDATE sync_rows SET number = 9 WHERE action = 'counted'", "syncs"),
    ("UPDATE sync_rows SET product_id = 2 WHERE action = 'counted'", "syncs"),
    ("DELETE FROM sync_rows WHERE action = 'held'", "syncs"),
    ("DELETE FROM syncs WHERE id = 1", "syncs"),
    ("UPDATE syncs SET status = 'applied' WHERE id = 2", "syncs"),
    ("UPDATE numbering SET sync = 1", "syncs"),
    ("UPDATE syncs SET document = (document::jsonb - 'ended_at')::text WHERE id = 1", "syncs"),
    (
        "UPDATE shortfalls SET document = jsonb_set(document::jsonb, '{missing}', '7')::text",
        "shortfalls",
    ),
];

/// What `verify` says of a copy to which something was done, and a round in slices.
async fn report_after(sound: &Scratch, corruption: &str) -> (Report, Vec<Check>) {
    let copy = Scratch::from(&sound.0).await;
    let client = connect(&copy.0).await;
    let answers = client.simple_query(corruption).await.unwrap();
    let changed = answers.iter().rev().find_map(|answer| {
        let SimpleQueryMessage::CommandComplete(rows) = answer else { return None };
        Some(*rows)
    });
    assert_ne!(changed, Some(0), "changes nothing: {corruption}");
    let report = postgres::verify(&copy.url(), true).await;
    let report = report.unwrap_or_else(|error| panic!("{corruption}: {error}"));
    let location = Location::Server(copy.url());
    (report, round_from(&location, Position::default(), 64).await)
}

/// A corruption of rows is seen by the check whose promise it breaks, and the storage stays sound.
async fn expect_reported(sound: &Scratch, corruption: &str, wanted: &str) {
    let (report, broken) = report_after(sound, corruption).await;
    expect_seen(&broken, corruption, wanted);
    let seen = seen(&report);
    assert!(seen.contains(&wanted), "{corruption}: seen by {seen:?}, not by {wanted}");
    assert!(report.storage_is_sound(), "{corruption}: {}", report.storage);
}

fn seen(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|check| check.violations > 0).map(|check| check.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_seeded_corruption_is_reported_and_a_sound_database_is_not() {
    let (Postgres(sound), _) = history::<Postgres<true>>().await.stopped();
    fill_lists(&sound).await;
    for is_full in [false, true] {
        let report = postgres::verify(&sound.url(), is_full).await.unwrap();
        assert_eq!((report.violations(), &*report.storage), (0, "ok"), "{report:#?}");
    }
    let of_others = [OF_ACCOUNTS, OF_PAYMENTS, OF_OUTBOX, OF_WAREHOUSE, OF_IMPORTS];
    let all = [OF_LOGS, OF_STOCK, OF_ORDERS].into_iter().chain(of_others).flatten();
    let rows = all.map(|(corruption, wanted)| expect_reported(&sound, corruption, wanted));
    stream::iter(rows).buffer_unordered(COPIES).collect::<()>().await;
    for (corruption, wanted) in OF_STORAGE {
        let (report, broken) = report_after(&sound, corruption).await;
        assert!(report.storage.contains(wanted), "{corruption}: {}", report.storage);
        expect_seen(&broken, corruption, "storage");
    }
    expect_no_alarm(&Location::Server(sound.url())).await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_proved_and_one_without_its_schema_is_refused() {
    let scratch = Scratch::migrated().await;
    // Formatted SQL: a database's name cannot be bound; it is one of ours.
    let read_only = format!("ALTER DATABASE {} SET default_transaction_read_only = on", scratch.0);
    connect("postgres").await.batch_execute(&read_only).await.unwrap();
    let report = postgres::verify(&scratch.url(), true).await.unwrap();
    assert_eq!((report.violations(), report.last_event), (0, 0), "{report:#?}");
    let empty = Scratch::empty().await;
    let refused = postgres::verify(&empty.url(), false).await.unwrap_err().to_string();
    assert!(refused.contains("not up to date") && refused.contains("0001"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_that_are_not_what_the_ledger_says_are_listed_side_by_side() {
    let (Postgres(sound), _) = history::<Postgres<true>>().await.stopped();
    let rebuilt = postgres::rebuild(&sound.url()).await.unwrap();
    assert_eq!((rebuilt.levels, rebuilt.differing), (LEVELS, 0), "{rebuilt:#?}");
    connect(&sound.0).await.batch_execute(DAMAGED_LEVELS).await.unwrap();
    expect_damage(&postgres::rebuild(&sound.url()).await.unwrap());
}
