//! The demo data: what the demo data of the replaced systems has. Loaded through the same commands
//! as everything else, under fixed keys, so that loading it twice changes nothing; and what is
//! there when the keys are forgotten gets nothing more.

use anyhow::{Context, bail};
use onhand_core::accounts::{self, Email, NewUser, PasswordHash, Role};
use onhand_core::catalog::{self, NewCategory, NewProduct, ProductRef};
use onhand_core::command::Reply;
use onhand_core::ids::{CustomerId, UserId};
use onhand_core::inventory::{self, Adjustment, NewLocation};
use onhand_core::limits::HOLD_SECS_MAX;
use onhand_core::orders::{self, Address, PaymentTerms, PlaceItem, PlaceOrder};
use onhand_core::text::{Name, Reason, Reference, Sku, Text};
use onhand_core::{Actor, Command, Money, Quantity};
use onhand_engine::IdempotencyKey;
use onhand_engine::Reader;
use onhand_engine::committer::Submit;
use sha2::{Digest, Sha256};

use crate::auth::passwords::hash_known;
use crate::limits::START_WAITS_MAX;
use crate::notifications::channel;

/// SKU, name, price in paise, units, whether it is filed under Electronics.
const PRODUCTS: &[(&str, &str, i64, i64, bool)] = &[
    ("123", "Sample product", 1_999, 5, false),
    ("smartphone", "Smartphone", 8_399_999, 100, true),
    ("laptop", "Laptop", 12_999_999, 50, true),
    ("headphones", "Headphones", 739_999, 109, true),
    ("smartwatch", "Smartwatch", 2_994_999, 75, true),
    ("tablet", "Tablet", 34_999, 10, true),
];

/// E-mail, password and role of those who can log in. Everybody knows them: never in production.
pub const USERS: &[(&str, &str, Role)] = &[
    ("admin@example.com", "admin123", Role::Admin),
    ("user@example.com", "user123", Role::Customer),
];

/// Whether somebody could come in with what everybody knows.
///
/// # Errors
/// When it cannot be looked up.
pub async fn has_users(reader: &Reader) -> anyhow::Result<bool> {
    for (email, ..) in USERS {
        let user = reader.user_of_email(Email::new(email)?).await?;
        if user.is_some_and(|user| !user.disabled) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes sure that there is a location to put stock into.
///
/// # Errors
/// When the committer gives no answer.
pub async fn ensure_location(submit: &Submit) -> anyhow::Result<()> {
    let location = NewLocation {
        code: Name::new("main")?,
        name: Name::new("Main")?,
        priority: 0,
        active: true,
    };
    let command = inventory::Command::CreateLocation(location);
    put(submit, "location main", Command::Inventory(command)).await.map(|_| ())
}

/// Loads the demo data; what is there already stays as it is.
///
/// # Errors
/// When the committer gives no answer or refuses something else than a repeat.
pub async fn load(submit: &Submit) -> anyhow::Result<()> {
    load_all(submit).await.map(|_| ())
}

/// The same; answers who can log in, where they are new or were added lately.
async fn load_all(submit: &Submit) -> anyhow::Result<Vec<Option<UserId>>> {
    ensure_location(submit).await?;
    let category = NewCategory { name: Name::new("Electronics")?, parent_id: None };
    let category = catalog::Command::CreateCategory(category);
    let electronics = match put(submit, "category", Command::Catalog(category)).await? {
        Some(Reply::Category(category)) => category.id,
        other => bail!("the category was answered with {other:?}"),
    };
    for (sku, name, paise, units, is_electronic) in PRODUCTS {
        let product = NewProduct {
            sku: Sku::new(*sku)?,
            name: Name::new(*name)?,
            description: Text::default(),
            price: Money::new(*paise, "INR".parse()?),
            category_ids: if *is_electronic { vec![electronics] } else { Vec::new() },
            active: true,
        };
        let product = catalog::Command::CreateProduct(product);
        let product = put(submit, &format!("product {sku}"), Command::Catalog(product)).await?;
        if product.is_none() {
            // It was loaded so long ago that its keys are forgotten, and has its stock.
            continue;
        }
        let stock = Adjustment {
            product: ProductRef::Sku(Sku::new(*sku)?),
            location_id: None,
            delta: *units,
            reason: Reason::new("received")?,
            reference: None,
            occurred_at: None,
        };
        let stock = inventory::Command::Adjust(vec![stock]);
        put(submit, &format!("stock {sku}"), Command::Inventory(stock)).await?;
    }
    add_users(submit).await
}

async fn add_users(submit: &Submit) -> anyhow::Result<Vec<Option<UserId>>> {
    let mut ids = Vec::with_capacity(USERS.len());
    for (email, password, role) in USERS {
        let new = NewUser {
            email: Email::new(email)?,
            name: None,
            password: Some(PasswordHash::new(hash_known(password)?)?),
            role: *role,
            scopes: None,
        };
        let register = accounts::Command::Register(new);
        ids.push(
            match put(submit, &format!("user {email}"), Command::Accounts(register)).await? {
                Some(Reply::User(user)) => Some(user.id),
                Some(_) | None => None,
            },
        );
    }
    Ok(ids)
}

/// An order of the demo's customer.
struct DemoOrder {
    name: &'static str,
    /// SKUs, one unit of each.
    skus: &'static [&'static str],
    /// Street, city, state and postal code.
    address: [&'static str; 4],
    payment_method: &'static str,
    /// Whether it was taken up; if not it waits for its payment.
    is_processed: bool,
}

const ORDERS: &[DemoOrder] = &[
    DemoOrder {
        name: "demo-order-1",
        skus: &["smartphone", "headphones"],
        address: ["123 Main St", "New York", "NY", "10001"],
        payment_method: "Credit Card",
        is_processed: true,
    },
    DemoOrder {
        name: "demo-order-2",
        skus: &["laptop"],
        address: ["456 Oak Ave", "Los Angeles", "CA", "90001"],
        payment_method: "PayPal",
        is_processed: false,
    },
];

/// Loads the demo data with the orders of its customer.
///
/// # Errors
/// As [`load`].
pub async fn load_with_orders(submit: &Submit) -> anyhow::Result<()> {
    let customer = load_all(submit).await?.into_iter().zip(USERS);
    let customer = customer.filter(|(_, (_, _, role))| *role == Role::Customer);
    // Whoever was there before has the orders, too.
    for customer in customer.filter_map(|(id, _)| id) {
        for order in ORDERS {
            place(submit, CustomerId::of_user(customer), order).await?;
        }
    }
    Ok(())
}

async fn place(submit: &Submit, customer: CustomerId, new: &DemoOrder) -> anyhow::Result<()> {
    let item = |sku: &&str| {
        let quantity = Quantity::new(1).context("one is no quantity")?;
        anyhow::Ok(PlaceItem { product: ProductRef::Sku(Sku::new(*sku)?), quantity })
    };
    let [street, city, state, postal_code] = new.address;
    let payment = if new.is_processed {
        PaymentTerms::NotRequired
    } else {
        // For as long as there is: somebody may want to look at it.
        PaymentTerms::Awaited { hold_secs: HOLD_SECS_MAX, through: None }
    };
    let order = PlaceOrder {
        items: new.skus.iter().map(item).collect::<Result<_, _>>()?,
        customer_id: Some(customer),
        payment,
        payment_method: Some(Name::new(new.payment_method)?),
        shipping_address: Some(Address {
            name: None,
            street: Name::new(street)?,
            city: Name::new(city)?,
            state: Some(Name::new(state)?),
            postal_code: Some(Name::new(postal_code)?),
            country: Name::new("USA")?,
        }),
        expected_total: None,
        external_reference: Some(Reference::new(new.name)?),
        metadata: channel::entry(channel::PROCESSING),
    };
    let order = Command::Orders(orders::Command::Place(order));
    let Some(Reply::Order(order)) = put(submit, new.name, order).await? else { return Ok(()) };
    if new.is_processed {
        let process = Command::Orders(orders::Command::Process { id: order.id });
        put(submit, &format!("{} taken up", new.name), process).await?;
    }
    Ok(())
}

/// Refusals of what was loaded before.
const THERE_ALREADY: [&str; 5] = [
    "sku_taken",
    "location_code_taken",
    "email_taken",
    "external_reference_taken",
    // A worker was quicker to take an order up.
    "invalid_transition",
];

/// Submits under a key of its own; a refusal that says that it is there already is no failure.
async fn put(submit: &Submit, name: &str, command: Command) -> anyhow::Result<Option<Reply>> {
    let digest: [u8; 32] = Sha256::digest(format!("demo {name}")).into();
    let key = std::array::from_fn(|at| digest[at]);
    let key = IdempotencyKey { key, scope: 0, fingerprint: digest };
    let answer = submit.submit_within(START_WAITS_MAX, command, Actor::System, Some(key)).await;
    match answer.with_context(|| format!("loading {name}"))?.outcome {
        Ok(reply) => Ok(Some(reply)),
        Err(refusal) if THERE_ALREADY.contains(&refusal.code()) => Ok(None),
        Err(refusal) => bail!("loading {name}: refused: {}", refusal.code()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onhand_engine::committer::Config;
    use onhand_engine::database::Schema;
    use onhand_engine::limits::OUTCOME_WINDOW_SECS;
    use onhand_engine::{Database, Location, ManualClock};

    use super::*;

    #[tokio::test]
    async fn what_was_loaded_before_gets_nothing_more_however_long_ago() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("onhand.db"));
        let database = Database::open(&location, Schema::MigrateIfAlone).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let config = Config { clock: clock.clone(), crash: None, policy: Arc::default() };
        let reader = database.reader().unwrap();
        let (submit, running, _) = database.start(config).unwrap();
        for _ in 0..4 {
            load(&submit).await.unwrap();
            let product = ProductRef::Sku(Sku::new("123").unwrap());
            let stock = reader.stock(product, None).await.unwrap().unwrap();
            assert_eq!(stock.levels.iter().map(|level| level.on_hand).sum::<i64>(), 5);
            clock.advance_secs(OUTCOME_WINDOW_SECS + 1);
        }
        drop((submit, reader));
        tokio::task::spawn_blocking(move || running.join()).await.unwrap().unwrap().unwrap();
    }
}
