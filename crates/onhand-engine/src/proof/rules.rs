//! The promises that are SQL, in what SQLite and PostgreSQL both understand: every subquery in a
//! `FROM` has a name, numbers become text by `||` or `cast`, and a group is joined to its row from
//! outside. What is about single rows goes by a span of their keys, `$1` before `$2`, so that it
//! can be looked at in slices. A store whose rows need another form says so in its own `verify.rs`.

use super::spans::Over;
use super::{Finds, Rule, levels};
use crate::past::WRONG_SUMS;

const MOVEMENTS: &str = "SELECT count(*) FROM movements";
const JOBS: &str = "SELECT count(*) FROM jobs";
const EVENTS: &str = "SELECT count(*) FROM events";
const LEVELS: &str = "SELECT count(*) FROM levels";

pub(super) const RULES: &[Rule<'static>] = &[
    Rule {
        id: "I3",
        promise: "batches are dense and end where their logs end",
        is_quick: true,
        counted: &["SELECT count(*) FROM batches"],
        finds: &[
            Finds::Of(
                Over::Batches,
                "SELECT 'batch ' || b.id FROM batches b LEFT JOIN batches p ON p.id = b.id - 1 \
                 WHERE b.id > $1 AND b.id <= $2 AND ((b.id > 1 AND p.id IS NULL) \
                 OR p.last_event > b.last_event OR p.last_movement > b.last_movement)",
            ),
            Finds::All(
                "SELECT 'numbering: its row is missing' \
                 WHERE NOT EXISTS (SELECT 1 FROM numbering)",
            ),
            Finds::All(
                "SELECT 'numbering: batch ' || batch FROM numbering \
                 WHERE batch != (SELECT coalesce(max(id), 0) + 1 FROM batches)",
            ),
            Finds::All(
                "SELECT 'newest batch ends at event ' || b.last_event FROM batches b \
                 WHERE b.id = (SELECT max(id) FROM batches) \
                 AND (b.last_event != (SELECT coalesce(max(seq), 0) FROM events) \
                 OR b.last_movement != (SELECT coalesce(max(seq), 0) FROM movements))",
            ),
            Finds::All(
                "SELECT 'events without a batch' WHERE NOT EXISTS (SELECT 1 FROM batches) \
                 AND EXISTS (SELECT 1 FROM events)",
            ),
        ],
    },
    Rule {
        id: "I4",
        promise: "ledger and event log have no gaps",
        is_quick: true,
        counted: &[MOVEMENTS, EVENTS],
        finds: &[
            Finds::Of(
                Over::Movements,
                "SELECT 'gap before movement ' || m.seq FROM movements m \
                 WHERE m.seq > $1 AND m.seq <= $2 AND m.seq > 1 \
                 AND NOT EXISTS (SELECT 1 FROM movements p WHERE p.seq = m.seq - 1)",
            ),
            Finds::Of(
                Over::Events,
                "SELECT 'gap before event ' || e.seq FROM events e \
                 WHERE e.seq > $1 AND e.seq <= $2 AND e.seq > 1 \
                 AND NOT EXISTS (SELECT 1 FROM events p WHERE p.seq = e.seq - 1)",
            ),
            Finds::All(
                "SELECT 'numbering: movement ' || movement || ', event ' || event FROM numbering \
                 WHERE movement != (SELECT coalesce(max(seq), 0) + 1 FROM movements) \
                 OR event != (SELECT coalesce(max(seq), 0) + 1 FROM events)",
            ),
        ],
    },
    Rule {
        id: "I6",
        promise: "each level is what its newest movement left and what its totals add up to",
        is_quick: true,
        counted: &[LEVELS],
        finds: &[Finds::Of(
            Over::Levels,
            "SELECT 'level prd_' || l.product_id || ' at loc_' || l.location_id \
             FROM levels l LEFT JOIN movements m ON m.seq = l.last_movement \
             WHERE l.product_id > $1 AND l.product_id <= $2 \
             AND (l.on_hand != l.received + l.sold + l.returned + l.adjusted + l.counted \
             + l.transferred OR (l.last_movement > 0 AND (m.seq IS NULL \
             OR m.product_id != l.product_id OR m.location_id != l.location_id \
             OR m.on_hand_after != l.on_hand OR m.reserved_after != l.reserved \
             OR m.ordinal != l.movements)) \
             OR (l.last_movement = 0 AND (l.on_hand != 0 OR l.reserved != 0)))",
        )],
    },
    Rule {
        id: "I6a",
        promise: "levels are the sums of the ledger",
        is_quick: false,
        counted: &[MOVEMENTS],
        // By slices: each entry's chain is continued (I6b) and each level is what its newest entry
        // left (I6); with every entry on some level's chain, and none on two, those are the sums.
        finds: &[
            Finds::InOneGo(levels::WRONG),
            Finds::Of(Over::Movements, levels::OF_NO_LEVEL),
            Finds::All(levels::MISCOUNTED),
        ],
    },
    Rule {
        id: "I6b",
        promise: "each movement continues its level's chain and has a cause",
        is_quick: false,
        counted: &[MOVEMENTS],
        finds: &[Finds::Of(
            Over::Movements,
            "SELECT 'movement ' || m.seq FROM movements m \
             LEFT JOIN movements p ON p.seq = m.previous LEFT JOIN events e ON e.seq = m.cause \
             WHERE m.seq > $1 AND m.seq <= $2 AND (e.seq IS NULL OR m.previous >= m.seq \
             OR m.on_hand_after != coalesce(p.on_hand_after, 0) + m.delta_on_hand \
             OR m.reserved_after != coalesce(p.reserved_after, 0) + m.delta_reserved \
             OR m.ordinal != coalesce(p.ordinal, 0) + 1 \
             OR (m.previous > 0 AND (p.seq IS NULL OR p.product_id != m.product_id \
             OR p.location_id != m.location_id)))",
        )],
    },
    Rule {
        id: "I6c",
        promise: "what happened at another time than it was recorded is summed up by span",
        is_quick: false,
        counted: &["SELECT count(*) FROM shifted_sums"],
        finds: &[Finds::All(WRONG_SUMS)],
    },
    Rule {
        id: "I7",
        promise: "reserved is the sum of the open reservations",
        is_quick: true,
        counted: &["SELECT count(*) FROM reservations WHERE state = 'held'"],
        finds: &[Finds::All(
            "SELECT 'prd_' || s.product_id || ' at loc_' || s.location_id \
             || ': reserved ' || sum(s.reserved) || ', open ' || sum(s.open) FROM ( \
             SELECT product_id, location_id, reserved, 0 AS open FROM levels UNION ALL \
             SELECT product_id, location_id, 0, quantity - consumed - released \
             FROM reservations WHERE state = 'held') s \
             GROUP BY s.product_id, s.location_id HAVING sum(s.reserved) != sum(s.open)",
        )],
    },
    Rule {
        id: "I8",
        promise: "nothing is promised that is not there; no figure is negative",
        is_quick: true,
        counted: &[LEVELS],
        finds: &[Finds::Of(
            Over::Levels,
            "SELECT 'prd_' || product_id || ' at loc_' || location_id FROM levels \
             WHERE product_id > $1 AND product_id <= $2 \
             AND (on_hand < reserved OR reserved < 0 OR safety_stock < 0)",
        )],
    },
    Rule {
        id: "I24",
        promise: "only hashes are kept, a session ends whole, and nobody is in who is disabled",
        is_quick: true,
        counted: &[
            "SELECT count(*) FROM users",
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM api_keys",
        ],
        finds: &[
            Finds::Of(
                Over::Users,
                "SELECT 'usr_' || id || ': password' FROM users \
                 WHERE id > $1 AND id <= $2 AND password IS NOT NULL \
                 AND (password NOT LIKE '$argon2id$v=%$m=%,t=%,p=%$%$%' \
                 OR length(password) < 71 OR length(password) > 255)",
            ),
            Finds::Of(
                Over::Sessions,
                "SELECT 'ses_' || id || ': token' FROM sessions WHERE id > $1 AND id <= $2 \
                 AND (length(token) != 32 OR length(previous_token) != 32)",
            ),
            Finds::Of(
                Over::Keys,
                "SELECT 'key_' || id || ': hash' FROM api_keys \
                 WHERE id > $1 AND id <= $2 AND length(hash) != 32",
            ),
            Finds::Of(
                Over::Sessions,
                "SELECT 'ses_' || s.id || ' of usr_' || s.user_id FROM sessions s \
                 LEFT JOIN users u ON u.id = s.user_id \
                 WHERE s.id > $1 AND s.id <= $2 AND (u.id IS NULL \
                 OR (s.ended_at IS NULL) != (s.ended_because IS NULL) \
                 OR s.ended_at < s.created_at OR s.rotated_at < s.created_at \
                 OR s.expires_at < s.created_at)",
            ),
            Finds::Of(
                Over::Sessions,
                "SELECT 'ses_' || s.id || ' of usr_' || u.id || ', who is disabled' \
                 FROM sessions s JOIN users u ON u.id = s.user_id \
                 WHERE s.id > $1 AND s.id <= $2 AND u.disabled AND s.ended_at IS NULL",
            ),
        ],
    },
    Rule {
        id: "S27",
        promise: "what customers hold without having paid is counted, and nothing else",
        is_quick: false,
        counted: &["SELECT count(*) FROM open_orders"],
        finds: &[
            Finds::All(
                "SELECT 'ord_' || o.id || ' of cus_' || o.customer_id || ' is not counted' \
                 FROM orders o LEFT JOIN open_orders n \
                 ON n.customer_id = o.customer_id AND n.order_id = o.id \
                 WHERE o.status = 'pending' AND o.customer_id IS NOT NULL AND n.order_id IS NULL \
                 AND o.id IN (SELECT order_id FROM reservations WHERE state = 'held' \
                 AND order_id IS NOT NULL)",
            ),
            Finds::All(
                "SELECT 'ord_' || n.order_id || ' of cus_' || n.customer_id || ' is not open' \
                 FROM open_orders n LEFT JOIN orders o ON o.id = n.order_id \
                 AND o.customer_id = n.customer_id AND o.status = 'pending' WHERE o.id IS NULL",
            ),
            Finds::All(
                "SELECT 'ord_' || n.order_id || ': ' || n.units || ' units until ' || n.expires_at \
                 FROM open_orders n JOIN (SELECT order_id, sum(quantity) AS units, \
                 max(expires_at) AS expires_at FROM reservations WHERE state = 'held' \
                 GROUP BY order_id) r ON r.order_id = n.order_id \
                 WHERE r.units != n.units OR r.expires_at != n.expires_at",
            ),
        ],
    },
    Rule {
        id: "I23",
        promise: "each message of a gateway is kept once, and belongs to an order or waits for one",
        is_quick: false,
        counted: &["SELECT count(*) FROM notices"],
        finds: &[
            Finds::All(
                "SELECT provider || ' ' || event_id || ': ' || count(*) || ' times' FROM notices \
                 GROUP BY provider, event_id HAVING count(*) > 1",
            ),
            Finds::All(
                "SELECT 'ntc_' || max(id) || ': its body, ' || count(*) || ' times' FROM notices \
                 GROUP BY body_hash HAVING count(*) > 1 OR max(length(body_hash)) != 32",
            ),
            Finds::Of(
                Over::Notices,
                "SELECT 'ntc_' || n.id || ' of ord_' || n.order_id FROM notices n \
                 LEFT JOIN orders o ON o.id = n.order_id \
                 WHERE n.id > $1 AND n.id <= $2 AND n.order_id IS NOT NULL \
                 AND (o.id IS NULL OR n.intent IS NOT NULL OR n.seen IS NOT NULL)",
            ),
            Finds::Of(
                Over::Notices,
                "SELECT 'ntc_' || id || ' waits for ' || intent || ' and tells nothing' \
                 FROM notices WHERE id > $1 AND id <= $2 \
                 AND intent IS NOT NULL AND seen IS NULL",
            ),
            Finds::All(
                "SELECT 'numbering: notice ' || notice FROM numbering \
                 WHERE notice <= (SELECT coalesce(max(id), 0) FROM notices)",
            ),
        ],
    },
    Rule {
        id: "I14",
        promise: "each event makes each of its jobs once, and none follows from what is not there",
        is_quick: false,
        counted: &[JOBS],
        finds: &[
            Finds::All(
                "SELECT 'job_' || max(id) || ' of event ' || event || ': ' || count(*) || ' times' \
                 FROM jobs WHERE event > 0 GROUP BY queue, event, about, replay \
                 HAVING count(*) > 1",
            ),
            Finds::Of(
                Over::Jobs,
                "SELECT 'job_' || id || ' of event ' || event FROM jobs \
                 WHERE id > $1 AND id <= $2 \
                 AND (event < 0 OR event > (SELECT event - 1 FROM numbering))",
            ),
            Finds::Of(
                Over::Jobs,
                "SELECT 'job_' || j.id || ' of ' || j.queue FROM jobs j \
                 LEFT JOIN consumers c ON c.name = j.queue \
                 WHERE j.id > $1 AND j.id <= $2 AND c.name IS NULL",
            ),
            Finds::All(
                "SELECT 'numbering: job ' || job FROM numbering \
                 WHERE job <= (SELECT coalesce(max(id), 0) FROM jobs)",
            ),
        ],
    },
    Rule {
        id: "I15",
        promise: "what was done or given up was tried, and what was not waits for its time",
        is_quick: false,
        counted: &[JOBS],
        finds: &[
            Finds::Of(
                Over::Jobs,
                "SELECT 'job_' || id || ': ' || state FROM jobs WHERE id > $1 AND id <= $2 \
                 AND state NOT IN ('waiting', 'done', 'dead', 'skipped')",
            ),
            Finds::Of(
                Over::Jobs,
                "SELECT 'job_' || id || ': ' || state || ' without a try' FROM jobs \
                 WHERE id > $1 AND id <= $2 AND state IN ('done', 'dead') AND attempts = '[]'",
            ),
        ],
    },
    Rule {
        id: "I16",
        promise: "one after the other where they belong together, and leased only while they wait",
        is_quick: false,
        counted: &[JOBS],
        finds: &[
            Finds::All(
                "SELECT 'job_' || j.id || ' overtook job_' || e.id FROM jobs e \
                 JOIN jobs j ON j.queue = e.queue AND j.lane = e.lane AND j.id > e.id \
                 WHERE e.state = 'waiting' AND e.attempts = '[]' AND j.attempts != '[]'",
            ),
            Finds::Of(
                Over::Jobs,
                "SELECT 'job_' || id || ': leased and ' || state FROM jobs \
                 WHERE id > $1 AND id <= $2 AND leased AND (state != 'waiting' OR epoch < 1)",
            ),
        ],
    },
    Rule {
        id: "I17",
        promise: "recorded time never goes back; nothing happened after it was recorded",
        is_quick: false,
        counted: &[MOVEMENTS, EVENTS],
        finds: &[
            Finds::Of(
                Over::Movements,
                "SELECT 'movement ' || m.seq FROM movements m LEFT JOIN movements p \
                 ON p.seq = m.seq - 1 WHERE m.seq > $1 AND m.seq <= $2 \
                 AND (p.recorded_at > m.recorded_at \
                 OR m.occurred_at > m.recorded_at + 60000000)",
            ),
            Finds::Of(
                Over::Events,
                "SELECT 'event ' || e.seq FROM events e JOIN events p ON p.seq = e.seq - 1 \
                 WHERE e.seq > $1 AND e.seq <= $2 AND p.recorded_at > e.recorded_at",
            ),
        ],
    },
];
