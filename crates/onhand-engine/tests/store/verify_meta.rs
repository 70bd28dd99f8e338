//! `verify` is itself put to the proof: each seeded corruption of a sound database must be reported
//! by the check whose promise it breaks, and a sound database must raise no alarm.

use std::path::Path;

use crate::backend::Sqlite;
use crate::history::{DAMAGED_LEVELS, LEVELS, expect_damage, history};
use crate::rounds::{expect_no_alarm, expect_seen, round_from};
use onhand_engine::prover::{Position, ProverError};
use onhand_engine::{Location, database, sqlite};

/// Changes a field of the first order's document.
macro_rules! doc {
    ($path:literal, $value:literal) => {
        concat!(
            "UPDATE events SET body = json_set(body, '$.order.",
            $path,
            "', ",
            $value,
            ") WHERE seq = (SELECT last_event FROM orders WHERE id = 1)"
        )
    };
}

/// Changes a field of the newest document of an order that is paid through a gateway.
macro_rules! paid {
    ($order:literal, $path:literal, $value:literal) => {
        concat!(
            "UPDATE events SET body = json_set(body, '$.order.",
            $path,
            "', ",
            $value,
            ") WHERE seq = (SELECT last_event FROM orders WHERE id = ",
            $order,
            ")"
        )
    };
}

/// What is done to payments, and the check that must see it. Order 5 is paid, 6 was paid after its
/// end, 7 has its money back, 8 waits, and what is owed about 9 is dead.
const OF_PAYMENTS: &[(&str, &str)] = &[
    (paid!(5, "payment.attempts[0].captured", "900"), "I10"),
    (paid!(5, "payment.attempts[0].captured", "100"), "effects"),
    (paid!(5, "payment.attempts[0].state", "'failed'"), "I10"),
    (paid!(5, "status", "'cancelled'"), "I10"),
    (paid!(6, "status", "'pending'"), "I10"),
    (paid!(7, "payment.refunds[0].amount.amount", "500"), "I10"),
    (
        paid!(5, "payment.attempts[#]", "json(json_extract(body, '$.order.payment.attempts[0]'))"),
        "I10",
    ),
    (paid!(5, "payment.attempts[0].id", "'pay_4'"), "I11"),
    (paid!(8, "payment.intents[0].gateway_id", "'order_9'"), "I11"),
    (paid!(8, "payment.intents[0].state", "'failed'"), "effects"),
    (
        "UPDATE events SET body = json_remove(body, '$.order.payment') \
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
            "UPDATE imports SET document = json_set(document, '$.",
            $path,
            "', ",
            $value,
            ") WHERE id = (SELECT min(id) FROM imports)"
        )
    };
}

/// What is done to imports, and the check that must see it. The first is completed and has ten
/// rows, eight of them products with a movement; the second has none yet.
const OF_IMPORTS: &[(&str, &str)] = &[
    ("DELETE FROM imports WHERE id = (SELECT min(id) FROM imports)", "I27"),
    ("UPDATE imports SET id = id + 900", "I27"),
    ("UPDATE imports SET document = '{}'", "I27"),
    (import!("import.state", "'receiving'"), "I27"),
    (import!("import.position.rows", "11"), "I27"),
    (import!("import.tally.created", "9"), "I27"),
    (import!("import.tally.counted", "9"), "I27"),
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
        "UPDATE consumers SET document = json_set(document, '$.cursor', 999999) \
         WHERE name = 'mail'",
        "I14",
    ),
    ("UPDATE consumers SET document = json_set(document, '$.open', 7) WHERE name = 'mail'", "I14"),
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
        "UPDATE webhook_endpoints SET document = json_set(document, '$.url', 'https://e.example')",
        "I26",
    ),
    ("DELETE FROM webhook_endpoints", "I26"),
    ("UPDATE events SET kind = 'user.updated' WHERE kind = 'webhook_endpoint.created'", "I26"),
];

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
    ("UPDATE syncs SET document = json_set(document, '$.ended_at', NULL) WHERE id = 1", "syncs"),
    ("UPDATE shortfalls SET document = json_set(document, '$.missing', 7)", "shortfalls"),
];

/// What is done to the database, and the check that must see it.
const CORRUPTIONS: &[(&str, &str)] = &[
    ("DELETE FROM batches WHERE id = 3", "I3"),
    (
        "UPDATE batches SET last_event = last_event + 1 WHERE id = (SELECT max(id) FROM batches)",
        "I3",
    ),
    ("UPDATE numbering SET batch = batch + 1", "I3"),
    ("DELETE FROM movements WHERE seq = 4", "I4"),
    ("DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)", "I4"),
    ("DELETE FROM events WHERE seq = 5", "I4"),
    ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "I4"),
    ("UPDATE numbering SET movement = movement - 1", "I4"),
    ("UPDATE numbering SET event = event + 5", "I4"),
    ("UPDATE levels SET on_hand = on_hand + 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET on_hand = on_hand + 1, received = received + 1", "I6"),
    ("UPDATE levels SET reserved = reserved + 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET last_movement = last_movement - 1 WHERE product_id = 1", "I6"),
    ("UPDATE levels SET movements = movements + 1 WHERE product_id = 2", "I6"),
    ("DELETE FROM levels WHERE product_id = 2", "I6a"),
    ("UPDATE movements SET delta_on_hand = delta_on_hand + 1 WHERE seq = 1", "I6a"),
    ("UPDATE movements SET delta_reserved = delta_reserved - 1 WHERE kind = 'reserved'", "I6a"),
    ("INSERT INTO shifted_sums VALUES (1, 1, 0, 5, 'received', 1, 0)", "I6c"),
    ("UPDATE movements SET occurred_at = occurred_at - 1 WHERE seq = 1", "I6c"),
    ("UPDATE movements SET on_hand_after = on_hand_after + 1 WHERE seq = 1", "I6b"),
    ("UPDATE movements SET previous = 1 WHERE seq = (SELECT max(seq) FROM movements)", "I6b"),
    ("UPDATE movements SET cause = 999999 WHERE seq = 2", "I6b"),
    ("UPDATE movements SET ordinal = ordinal + 1 WHERE seq = 3", "I6b"),
    ("UPDATE reservations SET state = 'released' WHERE state = 'held'", "I7"),
    ("UPDATE reservations SET quantity = quantity + 1 WHERE state = 'held'", "I7"),
    ("DELETE FROM reservations WHERE state = 'held'", "I7"),
    ("UPDATE levels SET reserved = on_hand + 1 WHERE product_id = 1", "I8"),
    ("UPDATE levels SET safety_stock = -1 WHERE product_id = 1", "I8"),
    ("UPDATE movements SET recorded_at = recorded_at + 86400000000 WHERE seq = 2", "I17"),
    ("UPDATE events SET recorded_at = recorded_at + 86400000000 WHERE seq = 2", "I17"),
    ("UPDATE movements SET occurred_at = recorded_at + 3600000000 WHERE seq = 2", "I17"),
    (doc!("total", "1"), "I18"),
    (doc!("lines[0].unit_price", "1"), "I18"),
    (doc!("lines[0].quantity", "0"), "I19"),
    (doc!("lines[0].unit_price", "-5"), "I19"),
    (paid!(12, "custom_amount", "499"), "I18"),
    (paid!(12, "total", "499"), "I18"),
    (paid!(13, "custom_amount", "-500"), "I18"),
    (paid!(12, "custom_amount", "0, '$.order.total', 0"), "I18"),
    (paid!(13, "payment.attempts[0].captured", "501"), "I10"),
    ("UPDATE orders SET status = 'cancelled' WHERE id = 1", "I20"),
    ("UPDATE reservations SET order_id = 999 WHERE order_id = 1", "I20"),
    (doc!("lines[0].fulfilled", "99"), "I21"),
    (doc!("lines[0].returned", "2"), "I21"),
    ("DELETE FROM open_orders WHERE customer_id = 1", "S27"),
    ("UPDATE open_orders SET units = units + 1 WHERE customer_id = 1", "S27"),
    ("UPDATE open_orders SET expires_at = expires_at + 1 WHERE customer_id = 1", "S27"),
    ("INSERT INTO open_orders VALUES (1, 1, 5, 0)", "S27"),
    ("UPDATE users SET password = 'hunter2' WHERE id = 1", "I24"),
    ("UPDATE users SET password = substr(password, 1, 70) WHERE id = 1", "I24"),
    ("UPDATE sessions SET token = x'00' WHERE id = 1", "I24"),
    ("UPDATE sessions SET previous_token = x'00' WHERE id = 2", "I24"),
    ("UPDATE api_keys SET hash = x'00' WHERE id = 1", "I24"),
    ("UPDATE sessions SET ended_because = NULL WHERE id = 1", "I24"),
    ("UPDATE sessions SET ended_at = created_at - 1 WHERE id = 1", "I24"),
    ("UPDATE sessions SET rotated_at = created_at - 1 WHERE id = 2", "I24"),
    ("UPDATE sessions SET expires_at = created_at - 1 WHERE id = 2", "I24"),
    ("DELETE FROM users WHERE id = 2", "I24"),
    ("UPDATE users SET disabled = 1 WHERE id = 2", "I24"),
    ("UPDATE users SET role = 'admin' WHERE id = 2", "I26"),
    ("UPDATE users SET scopes = 'admin' WHERE id = 2", "I26"),
    ("UPDATE users SET disabled = 0 WHERE id = 3", "I26"),
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
    ("UPDATE outcomes_1 SET event = 999999 WHERE event > 0", "I5"),
    ("UPDATE outcomes_1 SET event = 1 WHERE event > 0", "I5"),
    ("DELETE FROM outcome_bodies_1", "I5"),
    ("UPDATE orders SET status = 'delivered' WHERE id = 2", "I9"),
    ("UPDATE orders SET version = version + 1 WHERE id = 1", "I9"),
    ("UPDATE orders SET customer_id = 7 WHERE id = 1", "I9"),
    ("UPDATE orders SET last_event = 1 WHERE id = 1", "I9"),
    ("UPDATE orders SET created_at = created_at + 1 WHERE id = 1", "I9"),
    (doc!("currency", "'USD'"), "I25"),
    (doc!("metadata", "json('{\"a\":\"b\"}')"), "I25"),
    (
        "UPDATE events SET body = replace(body, '\"confirmed\"', '\"expired\"') \
         WHERE kind = 'order.confirmed'",
        "I25",
    ),
    ("UPDATE events SET kind = 'order.updated' WHERE kind = 'order.placed'", "I25"),
    ("UPDATE movements SET reason = 'theft' WHERE seq = 2", "I25"),
    ("UPDATE events SET actor = 'somebody' WHERE seq = 3", "I25"),
    ("UPDATE movements SET actor = 'somebody' WHERE seq = 2", "I25"),
    ("UPDATE movements SET reference = 'ord_7' WHERE seq = 3", "I25"),
    ("UPDATE batches SET chain = zeroblob(32) WHERE id = 4", "I25"),
    ("DELETE FROM lists.entries WHERE list = 1", "lists"),
    ("DELETE FROM lists.entries WHERE list = 2 AND id = 2", "lists"),
    ("DELETE FROM lists.entries WHERE list = 3 AND id = 3", "lists"),
    ("UPDATE lists.entries SET key = 'pending' WHERE key = 'confirmed'", "lists"),
    ("INSERT INTO lists.entries VALUES (3, 2, 0)", "lists"),
];

/// Waits until the lists have come up to the log.
fn fill_lists(path: &Path) {
    let database = sqlite::Database::open(path).unwrap();
    let _store = database.store().unwrap();
    let lists = rusqlite::Connection::open(path.with_extension("lists.db")).unwrap();
    let newest = rusqlite::Connection::open(path).unwrap();
    let position = |connection: &rusqlite::Connection, sql| {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let newest = position(&newest, "SELECT event - 1 FROM numbering");
    while position(&lists, "SELECT event FROM progress") < newest {
        std::thread::yield_now();
    }
    lists.pragma_update(None, "wal_checkpoint", "truncate").unwrap();
}

async fn check(sound: &Path, folder: &Path, corruption: &str, wanted: &str) {
    let path = folder.join("corrupt.db");
    let lists = path.with_extension("lists.db");
    std::fs::copy(sound, &path).unwrap();
    std::fs::copy(sound.with_extension("lists.db"), &lists).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("ATTACH DATABASE ?1 AS lists", [lists.to_str()]).unwrap();
    connection.pragma_update(None, "ignore_check_constraints", "on").unwrap();
    connection.execute_batch(corruption).unwrap();
    assert!(connection.changes() > 0, "changes nothing: {corruption}");
    drop(connection);
    let report = sqlite::verify(&path, true).unwrap();
    let seen: Vec<_> =
        report.checks.iter().filter(|check| check.violations > 0).map(|check| check.id).collect();
    assert!(seen.contains(&wanted), "{corruption}: seen by {seen:?}, not by {wanted}");
    let broken = round_from(&Location::File(path), Position::default(), 3).await;
    expect_seen(&broken, corruption, wanted);
}

#[tokio::test]
async fn every_seeded_corruption_is_reported_and_a_sound_database_is_not() {
    let world = history::<Sqlite>().await;
    let (backend, _) = world.stopped();
    let path = backend.path();
    let folder = tempfile::tempdir().unwrap();
    fill_lists(&path);
    let sound = sqlite::verify(&path, true).unwrap();
    assert_eq!(sound.violations(), 0, "{sound:#?}");
    // Everything into the one file, so that it can be copied.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "wal_checkpoint", "truncate").unwrap();
    drop(connection);
    let all = [CORRUPTIONS, OF_PAYMENTS, OF_OUTBOX, OF_WAREHOUSE, OF_IMPORTS];
    for (corruption, wanted) in all.into_iter().flatten() {
        check(&path, folder.path(), corruption, wanted).await;
    }
}

#[tokio::test]
async fn a_round_over_a_sound_database_raises_no_alarm_wherever_it_is_taken_up() {
    let (backend, _) = history::<Sqlite>().await.stopped();
    let location = Location::File(backend.path());
    expect_no_alarm(&location).await;
    // Somebody who pulls the brake gets no half answer.
    let mut prover = database::prover(&location).unwrap();
    prover.brake().pull();
    let at = Position { step: prover.steps() - 1, after: 0 };
    for _ in 0..3 {
        let interrupted = prover.slice(at).await;
        assert!(matches!(interrupted, Ok(_) | Err(ProverError::Interrupted)), "{interrupted:?}");
    }
    prover.brake().release();
    assert!(prover.slice(at).await.unwrap().next.is_none());
}

#[tokio::test]
async fn levels_that_are_not_what_the_ledger_says_are_listed_side_by_side() {
    let (backend, _) = history::<Sqlite>().await.stopped();
    let sound = sqlite::rebuild(&backend.path()).unwrap();
    assert_eq!(
        (sound.levels, sound.differing, sound.differences.len()),
        (LEVELS, 0, 0),
        "{sound:#?}"
    );
    let connection = rusqlite::Connection::open(backend.path()).unwrap();
    connection.execute_batch(DAMAGED_LEVELS).unwrap();
    expect_damage(&sqlite::rebuild(&backend.path()).unwrap());
}
