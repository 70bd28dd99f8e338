//! Refusals in words, for people. Programs read the code and the facts.

use onhand_core::{
    Refusal, accounts, catalog, effects, imports, inventory, jobs, orders, payments, warehouse,
    webhooks,
};

/// A refusal in one sentence.
pub(super) fn of(refusal: &Refusal) -> String {
    match refusal {
        Refusal::VersionMismatch { expected, actual } => {
            format!("the object is at version {actual}, not {expected}: read it again")
        }
        Refusal::InBatch { index, refusal } => {
            format!("order {index} of the batch was refused: {}", of(refusal))
        }
        Refusal::Catalog(refusal) => catalog_words(refusal),
        Refusal::Inventory(refusal) => inventory_words(refusal),
        Refusal::Orders(refusal) => order_words(refusal),
        Refusal::Accounts(refusal) => account_words(refusal),
        Refusal::Payments(refusal) => payment_words(refusal),
        Refusal::Effects(refusal) => effect_words(refusal),
        Refusal::Jobs(refusal) => job_words(refusal),
        Refusal::Webhooks(refusal) => webhook_words(refusal),
        Refusal::Imports(refusal) => import_words(refusal),
        Refusal::Warehouse(refusal) => warehouse_words(refusal),
    }
}

fn catalog_words(refusal: &catalog::Refusal) -> String {
    use catalog::Refusal as R;
    match refusal {
        R::UnknownSku { sku } => format!("no product has the SKU `{sku}`"),
        R::UnknownProduct { product_id } => format!("there is no product {product_id}"),
        R::UnknownCategory { category_id } => format!("there is no category {category_id}"),
        R::SkuTaken { sku, product_id } => format!("`{sku}` is the SKU of {product_id}"),
        R::ProductInUse { sku, on_hand, reserved } => {
            format!("`{sku}` still has {on_hand} on hand and {reserved} reserved")
        }
        R::CategoryInUse { category_id, uses } => {
            format!("{uses} products or categories are filed under {category_id}")
        }
        R::CategoryCycle { category_id } => {
            format!("{category_id} would become its own ancestor")
        }
    }
}

fn inventory_words(refusal: &inventory::Refusal) -> String {
    use inventory::Refusal as R;
    match refusal {
        R::UnknownLocation { location_id } => format!("there is no location {location_id}"),
        R::NoLocation => "there is no active location: create one first".into(),
        R::LocationCodeTaken { location_code, location_id } => {
            format!("`{location_code}` is the code of {location_id}")
        }
        R::TooManyLocations { most } => {
            format!("there are {most} locations, the most there may be")
        }
        R::OccurredInFuture { occurred_at, now } => {
            format!("occurred_at {occurred_at} lies in the future: it is {now}")
        }
        R::ChangeFromQuantityStale { sku, change_from_quantity, on_hand } => {
            format!("`{sku}` has {on_hand} on hand, not {change_from_quantity}: look again")
        }
        R::CountBelowReserved { sku, counted, reserved } => {
            format!("`{sku}` would have {counted} on hand, and {reserved} are reserved")
        }
        R::QuantityTooLarge { sku, most } => {
            format!("`{sku}` would have more than {most} on hand")
        }
        R::UnknownReservation { reservation_id } => {
            format!("there is no reservation {reservation_id}")
        }
        R::ReservationOfOrder { reservation_id, order_id } => {
            format!("{reservation_id} belongs to {order_id}: change the order")
        }
        R::ReservationEnded { reservation_id, state } => {
            format!("{reservation_id} is {}", state.as_str())
        }
        R::ReservationExpired { expires_at } => format!("the hold ran out at {expires_at}"),
        R::MoreThanHeld { reservation_id, requested, held } => {
            format!("{reservation_id} holds {held}, not {requested}")
        }
        R::HoldsAlready { reference, sku, requested, promised } => {
            format!("`{reference}` was promised {promised} of `{sku}`, not {requested}")
        }
        R::HoldsLess { reference, sku, requested, held } => {
            format!("`{reference}` holds {held} of `{sku}`, not {requested}")
        }
        R::InsufficientStock { items } => {
            let items = items.iter().map(|item| {
                format!(
                    "`{}`: {} asked for, {} available",
                    item.sku, item.requested, item.available
                )
            });
            items.collect::<Vec<_>>().join("; ")
        }
    }
}

fn order_words(refusal: &orders::Refusal) -> String {
    use orders::Refusal as R;
    match refusal {
        R::UnknownOrder { order_id } => format!("there is no order {order_id}"),
        R::ForbiddenCustomer { customer_id } => {
            format!("an order for {customer_id} is not yours to place: leave the customer out")
        }
        R::ExternalReferenceTaken { external_reference, order_id: Some(order_id) } => {
            format!("`{external_reference}` is the external reference of {order_id}")
        }
        R::ExternalReferenceTaken { external_reference, order_id: None } => {
            format!("`{external_reference}` is the external reference of another order")
        }
        R::ProductInactive { sku } => format!("`{sku}` is not for sale"),
        R::CurrencyMismatch { expected, actual, sku } => {
            format!("`{sku}` costs {actual} and the lines before it {expected}")
        }
        R::LineTooLarge { sku, most } => {
            format!("the lines of `{sku}` together exceed {most} units")
        }
        R::TotalTooLarge => "the total exceeds what an amount can say".into(),
        R::TotalMismatch { expected_total, total, currency } => {
            format!("the order costs {total} {currency} in minor units, not {expected_total}")
        }
        R::TooManyOpenOrders {
            open_orders,
            most_orders,
            held_units,
            requested_units,
            most_units,
        } => format!(
            "{open_orders} orders with {held_units} units wait for your payment, and this one has \
             {requested_units}: there may be {most_orders} with {most_units}; pay for one or \
             cancel it"
        ),
        R::InvalidTransition { status, action, allowed } => {
            let allowed: Vec<_> = allowed.iter().map(|action| action.as_str()).collect();
            let instead =
                if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            format!(
                "an order that is {} cannot be moved by {}; possible: {instead}",
                status.as_str(),
                action.as_str()
            )
        }
        R::UnknownLine { line, lines } => {
            format!("the order has no line {line}: its lines are 1 to {lines}")
        }
        R::MoreThanLeft { line, requested, left } => {
            format!("line {line} has {left} units left, not {requested}")
        }
        R::NothingLeft { status } => {
            format!("the order is {} and has no units left for this", status.as_str())
        }
        R::TooManyFulfilments { most } => format!("the order has {most} fulfilments, the most"),
    }
}

fn account_words(refusal: &accounts::Refusal) -> String {
    use accounts::Refusal as R;
    match refusal {
        R::RightsWithdrawn => "what you came in with is no longer good: log in again".into(),
        R::UnknownUser { user_id } => format!("there is no user {user_id}"),
        R::UnknownApiKey { api_key_id } => format!("there is no API key {api_key_id}"),
        R::UnlawfulScopes { role: Some(role), scopes } => {
            format!("the role {} cannot have the scopes `{scopes}`", role.as_str())
        }
        R::UnlawfulScopes { role: None, scopes } if scopes.is_empty() => {
            "an API key needs a scope, or it opens nothing".into()
        }
        R::ExpiresInPast { expires_at, now } => {
            format!("the key would be over at {expires_at}, and it is {now}")
        }
        R::UnlawfulScopes { role: None, scopes } => {
            format!("an API key cannot have the scopes `{scopes}`: it has no orders of its own")
        }
        R::EmailTaken { email } => format!("`{email}` is the address of another account"),
        R::LastAdmin { user_id } => {
            format!("{user_id} is the last admin: let somebody else be one first")
        }
        R::UserDisabled { user_id } => format!("{user_id} is disabled"),
        R::SessionEnded => "the session has ended: log in again".into(),
    }
}

fn payment_words(refusal: &payments::Refusal) -> String {
    use payments::Refusal as R;
    match refusal {
        R::NoPayment { order_id } => format!("{order_id} is not paid through a gateway"),
        R::PaymentExists { payment_id, status } => {
            format!("{payment_id} is {}: the order can be paid by it", status.as_str())
        }
        R::AlreadyPaid { payment_id } => format!("all that is due was paid by {payment_id}"),
        R::NotPayable { status } => {
            format!("an order that is {} is not to be paid", status.as_str())
        }
        R::NotAuthorized { status } => {
            format!("the payment is {}: no money is set aside", status.as_str())
        }
        R::NotPaid { status } => {
            format!("the payment is {}: no money was taken", status.as_str())
        }
        R::PaymentCurrencyMismatch { expected, actual } => {
            format!("the payment is in {expected}, not in {actual}")
        }
        R::RefundTooLarge { requested, left } => {
            format!("{left} in minor units are left to give back, not {requested}")
        }
        R::CaptureAmountMismatch { requested, authorized } => {
            format!("{authorized} in minor units are set aside, not {requested}")
        }
        R::TooManyRefunds { most } => format!("the payment has {most} refunds, the most"),
    }
}

fn effect_words(refusal: &effects::Refusal) -> String {
    use effects::Refusal as R;
    match refusal {
        R::UnknownEffect { effect_id } => format!("there is no effect {effect_id}"),
        R::EffectNotDead { state } => {
            format!("the effect is {}: it goes on by itself", state.as_str())
        }
    }
}

fn job_words(refusal: &jobs::Refusal) -> String {
    use jobs::Refusal as R;
    match refusal {
        R::UnknownQueue { queue } => format!("nobody reads the log for the queue `{queue}`"),
        R::CursorMoved { expected, actual } => {
            format!("the consumer is at {actual}, not {expected}: somebody else was faster")
        }
        R::NotInLog { from, to, newest } => format!(
            "from {from} to {to} is no part of the log that was told: expected 1 to {newest}, the \
             first not behind the last"
        ),
        R::QueueFull { room } => format!("only {room} more jobs may wait in this queue"),
        R::ReplayRunning { cursor, to } => {
            format!("a replay is running: it is at {cursor} of {to}")
        }
        R::UnknownJob { job_id } => format!("there is no job {job_id}"),
        R::JobNotDead { state } => format!("the job is {}: it goes on by itself", state.as_str()),
    }
}

fn import_words(refusal: &imports::Refusal) -> String {
    use imports::Refusal as R;
    match refusal {
        R::UnknownImport { import_id } => format!("there is no import {import_id}"),
        R::ImportEnded { import_id, state } => {
            format!("{import_id} is {}: it takes no more rows", state.as_str())
        }
        R::ImportMoved { expected, actual } => format!(
            "the import has taken {actual} rows, not {expected}: somebody else sends it, too"
        ),
        R::ImportFileDiffers { import_id, rows } => format!(
            "the file does not begin with the {rows} rows that {import_id} has taken: send the \
             same file, or begin a new import"
        ),
        R::TooManyRows { most } => format!("expected at most {most} rows at once"),
        R::UnknownLocationCode { location_code } => {
            format!("no location has the code `{location_code}`")
        }
        R::NewProductIncomplete { sku, field } => {
            format!("there is no product `{sku}` yet, and a new one needs a `{field}`")
        }
    }
}

fn webhook_words(refusal: &webhooks::Refusal) -> String {
    use webhooks::Refusal as R;
    match refusal {
        R::UnknownEndpoint { endpoint_id } => format!("there is no endpoint {endpoint_id}"),
        R::TooManyEndpoints { most } => {
            format!("there are {most} webhook endpoints, the most there may be")
        }
    }
}

fn warehouse_words(refusal: &warehouse::Refusal) -> String {
    use warehouse::Refusal as R;
    match refusal {
        R::UnknownSync { sync_id } => format!("there is no run {sync_id}"),
        R::SyncRunning { sync_id, status } => {
            format!("{sync_id} is {}: one run is open at a time", status.as_str())
        }
        R::SyncState { status } => format!("the run is {}", status.as_str()),
        R::SyncMoved { expected, actual } => {
            format!("{actual} rows were received, not {expected}: somebody else was faster")
        }
        R::TooManySyncRows { most } => format!("at most {most} rows are taken"),
        R::UnknownSyncRow { row } => format!("the run has no row {row}"),
        R::SyncRowNotHeld { row, action } => {
            format!("row {row} is {}: only one that is held is decided", action.as_str())
        }
    }
}
