//! The columns of each table in the order in which rows are read: the same in every store.

macro_rules! product_columns {
    () => {
        "id, sku, name, description, price, currency, active, \
     category_ids, version, created_at, updated_at, deleted_at"
    };
}
pub(crate) use product_columns;

macro_rules! category_columns {
    () => {
        "id, name, parent_id, version, created_at, updated_at, deleted_at"
    };
}
pub(crate) use category_columns;

macro_rules! location_columns {
    () => {
        "id, code, name, priority, active, version, created_at, updated_at"
    };
}
pub(crate) use location_columns;

macro_rules! level_columns {
    () => {
        "product_id, location_id, on_hand, reserved, safety_stock, \
     low_stock_threshold, received, sold, returned, adjusted, counted, transferred, movements, \
     last_movement, version, updated_at, missing"
    };
}
pub(crate) use level_columns;

macro_rules! movement_columns {
    () => {
        "seq, product_id, location_id, kind, reason, reference, actor, \
     delta_on_hand, delta_reserved, on_hand_after, reserved_after, occurred_at, recorded_at, \
     previous, ordinal, cause"
    };
}
pub(crate) use movement_columns;

macro_rules! reservation_columns {
    () => {
        "id, product_id, location_id, quantity, consumed, released, \
     state, order_id, reference, expires_at, version, created_at, updated_at"
    };
}
pub(crate) use reservation_columns;

macro_rules! user_columns {
    () => {
        "id, email, name, role, scopes, password, disabled, tokens_from, version, created_at, \
     updated_at"
    };
}
pub(crate) use user_columns;

macro_rules! session_columns {
    () => {
        "id, user_id, token, previous_token, rotated_at, created_at, expires_at, ended_at, \
     ended_because, version"
    };
}
pub(crate) use session_columns;

macro_rules! api_key_columns {
    () => {
        "id, name, prefix, hash, scopes, created_by, expires_at, last_used_at, revoked_at, \
     version, created_at"
    };
}
pub(crate) use api_key_columns;

macro_rules! effect_columns {
    () => {
        "order_id, state, due_at, leased, epoch, tries, ask_first, reason, version, created_at, \
     updated_at, polls"
    };
}
pub(crate) use effect_columns;
/// How many these are: what is read beside them comes behind.
pub(crate) const EFFECT_COLUMNS: usize = 12;

macro_rules! notice_columns {
    () => {
        "id, provider, event_id, body_hash, kind, order_id, intent, seen, version, received_at"
    };
}
pub(crate) use notice_columns;

macro_rules! job_columns {
    () => {
        "id, queue, event, about, lane, replay, state, due_at, leased, epoch, tries, attempts, \
     version, created_at"
    };
}
pub(crate) use job_columns;
