//! Whether a server could start with its settings: everything that `serve` looks at before it opens
//! the database, at once and without opening anything. What only the start can know, such as who
//! already listens there, it does not say.

use onhand_core::payments::Receipts;
use tracing_subscriber::EnvFilter;

use crate::accounts::options::AccountsError;
use crate::environment;
use crate::serve::ServeOptions;

/// `EX_CONFIG`.
pub const EXIT_CONFIG: u8 = 78;

/// All that is wrong.
pub async fn problems(options: &ServeOptions) -> Vec<anyhow::Error> {
    let mut problems = Vec::new();
    let mut note = |result: Result<(), anyhow::Error>| problems.extend(result.err());
    let looked = options.parts();
    let dialects = looked.dialects.read(looked.edge.listen, looked.is_demo);
    let alone: Vec<_> = dialects.iter().flat_map(|all| all.alone()).map(|(_, at)| at).collect();
    note(dialects.map(drop).map_err(Into::into));
    note(looked.edge.clone().read(alone.into_iter()).map(drop).map_err(Into::into));
    let is_production = looked.accounts.is_production();
    if looked.is_demo && is_production {
        note(Err(AccountsError::Demo("").into()));
    }
    note(looked.accounts.check_configured().map_err(Into::into));
    // Of whom gateways hear depends on the database, which is not asked here.
    let receipts = Receipts::of(&[0; 32]);
    note(looked.payments.gateways(is_production, &receipts).map(drop).map_err(Into::into));
    note(looked.work.means().await.map(drop));
    note(looked.warehouse.plan().map(drop).map_err(Into::into));
    match looked.database.location() {
        Ok(location) => note(looked.cache.plan(&location).map(drop).map_err(Into::into)),
        Err(error) => note(Err(error)),
    }
    if let Some(filter) = environment::variable("ONHAND_LOG") {
        let read = EnvFilter::try_new(filter).map(drop);
        note(read.map_err(|error| anyhow::anyhow!("ONHAND_LOG: {error}")));
    }
    problems
}
