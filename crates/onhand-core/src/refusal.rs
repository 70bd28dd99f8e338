//! A lawful no: data with a stable code and the facts, never an error. Each feature has its own;
//! this is their union, with what all of them share.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::{
    Version, accounts, catalog, effects, imports, inventory, jobs, orders, payments, warehouse,
    webhooks,
};

/// Why a command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The object is not at the version that the caller named.
    VersionMismatch {
        /// What the caller named.
        expected: Version,
        /// What it is.
        actual: Version,
    },
    /// The catalogue refuses.
    Catalog(catalog::Refusal),
    /// The inventory refuses.
    Inventory(inventory::Refusal),
    /// The order's rules refuse.
    Orders(orders::Refusal),
    /// The rules of accounts refuse.
    Accounts(accounts::Refusal),
    /// The payment's rules refuse.
    Payments(payments::Refusal),
    /// The rules of what is owed to the outside refuse.
    Effects(effects::Refusal),
    /// The rules of what follows from the log refuse.
    Jobs(jobs::Refusal),
    /// The rules of webhook endpoints refuse.
    Webhooks(webhooks::Refusal),
    /// The rules of runs against the external warehouse refuse.
    Warehouse(warehouse::Refusal),
    /// The rules of imports refuse.
    Imports(imports::Refusal),
    /// One order of a `reject_all` batch was refused, and with it the batch.
    InBatch {
        /// Position of the order in the batch.
        index: u64,
        /// Why it was refused.
        refusal: Box<Refusal>,
    },
}

impl Refusal {
    /// The stable code that clients may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::Catalog(refusal) => refusal.code(),
            Self::Inventory(refusal) => refusal.code(),
            Self::Orders(refusal) => refusal.code(),
            Self::Accounts(refusal) => refusal.code(),
            Self::Payments(refusal) => refusal.code(),
            Self::Effects(refusal) => refusal.code(),
            Self::Jobs(refusal) => refusal.code(),
            Self::Webhooks(refusal) => refusal.code(),
            Self::Warehouse(refusal) => refusal.code(),
            Self::Imports(refusal) => refusal.code(),
            Self::InBatch { refusal, .. } => refusal.code(),
        }
    }

    /// Whether the same key is to get the same answer again. Not where nobody was let in: the
    /// command itself was never looked at.
    pub fn is_remembered(&self) -> bool {
        match self {
            Self::Accounts(refusal) => *refusal != accounts::Refusal::RightsWithdrawn,
            Self::InBatch { refusal, .. } => refusal.is_remembered(),
            Self::VersionMismatch { .. }
            | Self::Catalog(_)
            | Self::Inventory(_)
            | Self::Orders(_)
            | Self::Payments(_)
            | Self::Effects(_)
            | Self::Jobs(_)
            | Self::Webhooks(_)
            | Self::Warehouse(_)
            | Self::Imports(_) => true,
        }
    }

    pub(crate) fn in_batch(self, index: u64) -> Self {
        Self::InBatch { index, refusal: Box::new(self) }
    }
}

impl catalog::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSku { .. } => "unknown_sku",
            Self::UnknownProduct { .. } => "unknown_product",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::SkuTaken { .. } => "sku_taken",
            Self::ProductInUse { .. } => "product_in_use",
            Self::CategoryInUse { .. } => "category_in_use",
            Self::CategoryCycle { .. } => "category_cycle",
        }
    }
}

impl inventory::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownLocation { .. } => "unknown_location",
            Self::NoLocation => "no_location",
            Self::LocationCodeTaken { .. } => "location_code_taken",
            Self::TooManyLocations { .. } => "too_many_locations",
            Self::OccurredInFuture { .. } => "occurred_in_future",
            Self::ChangeFromQuantityStale { .. } => "change_from_quantity_stale",
            Self::CountBelowReserved { .. } => "count_below_reserved",
            Self::QuantityTooLarge { .. } => "quantity_too_large",
            Self::UnknownReservation { .. } => "unknown_reservation",
            Self::ReservationOfOrder { .. } => "reservation_of_order",
            Self::ReservationEnded { .. } => "reservation_ended",
            Self::ReservationExpired { .. } => "reservation_expired",
            Self::MoreThanHeld { .. } => "more_than_held",
            Self::HoldsAlready { .. } => "holds_already",
            Self::HoldsLess { .. } => "holds_less",
            Self::InsufficientStock { .. } => "insufficient_stock",
        }
    }
}

impl orders::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownOrder { .. } => "unknown_order",
            Self::ForbiddenCustomer { .. } => "forbidden_customer",
            Self::ExternalReferenceTaken { .. } => "external_reference_taken",
            Self::ProductInactive { .. } => "product_inactive",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::LineTooLarge { .. } => "line_too_large",
            Self::TotalTooLarge => "total_too_large",
            Self::TotalMismatch { .. } => "total_mismatch",
            Self::TooManyOpenOrders { .. } => "too_many_open_orders",
            Self::InvalidTransition { .. } => "invalid_transition",
            Self::UnknownLine { .. } => "unknown_line",
            Self::MoreThanLeft { .. } => "more_than_left",
            Self::NothingLeft { .. } => "nothing_left",
            Self::TooManyFulfilments { .. } => "too_many_fulfilments",
        }
    }
}

impl accounts::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RightsWithdrawn => "unauthenticated",
            Self::UnknownUser { .. } => "unknown_user",
            Self::UnknownApiKey { .. } => "unknown_api_key",
            Self::UnlawfulScopes { .. } => "unlawful_scopes",
            Self::ExpiresInPast { .. } => "expires_in_past",
            Self::EmailTaken { .. } => "email_taken",
            Self::LastAdmin { .. } => "last_admin",
            Self::UserDisabled { .. } => "user_disabled",
            Self::SessionEnded => "session_ended",
        }
    }
}

impl payments::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPayment { .. } => "no_payment",
            Self::PaymentExists { .. } => "payment_exists",
            Self::AlreadyPaid { .. } => "already_paid",
            Self::NotPayable { .. } => "not_payable",
            Self::NotAuthorized { .. } => "not_authorized",
            Self::NotPaid { .. } => "not_paid",
            Self::PaymentCurrencyMismatch { .. } => "payment_currency_mismatch",
            Self::RefundTooLarge { .. } => "refund_too_large",
            Self::CaptureAmountMismatch { .. } => "capture_amount_mismatch",
            Self::TooManyRefunds { .. } => "too_many_refunds",
        }
    }
}

impl effects::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownEffect { .. } => "unknown_effect",
            Self::EffectNotDead { .. } => "effect_not_dead",
        }
    }
}

impl jobs::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownQueue { .. } => "unknown_queue",
            Self::CursorMoved { .. } => "cursor_moved",
            Self::NotInLog { .. } => "not_in_log",
            Self::QueueFull { .. } => "queue_full",
            Self::ReplayRunning { .. } => "replay_running",
            Self::UnknownJob { .. } => "unknown_job",
            Self::JobNotDead { .. } => "job_not_dead",
        }
    }
}

impl webhooks::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownEndpoint { .. } => "unknown_webhook_endpoint",
            Self::TooManyEndpoints { .. } => "too_many_webhook_endpoints",
        }
    }
}

impl warehouse::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSync { .. } => "unknown_sync",
            Self::SyncRunning { .. } => "sync_running",
            Self::SyncState { .. } => "sync_state",
            Self::SyncMoved { .. } => "sync_moved",
            Self::TooManySyncRows { .. } => "too_many_sync_rows",
            Self::UnknownSyncRow { .. } => "unknown_sync_row",
            Self::SyncRowNotHeld { .. } => "sync_row_not_held",
        }
    }
}

impl imports::Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownImport { .. } => "unknown_import",
            Self::ImportEnded { .. } => "import_ended",
            Self::ImportMoved { .. } => "import_moved",
            Self::ImportFileDiffers { .. } => "import_file_differs",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::UnknownLocationCode { .. } => "unknown_location_code",
            Self::NewProductIncomplete { .. } => "new_product_incomplete",
        }
    }
}

impl From<imports::Refusal> for Refusal {
    fn from(refusal: imports::Refusal) -> Self {
        Self::Imports(refusal)
    }
}

impl From<catalog::Refusal> for Refusal {
    fn from(refusal: catalog::Refusal) -> Self {
        Self::Catalog(refusal)
    }
}

impl From<inventory::Refusal> for Refusal {
    fn from(refusal: inventory::Refusal) -> Self {
        Self::Inventory(refusal)
    }
}

impl From<orders::Refusal> for Refusal {
    fn from(refusal: orders::Refusal) -> Self {
        Self::Orders(refusal)
    }
}

impl From<accounts::Refusal> for Refusal {
    fn from(refusal: accounts::Refusal) -> Self {
        Self::Accounts(refusal)
    }
}

impl From<payments::Refusal> for Refusal {
    fn from(refusal: payments::Refusal) -> Self {
        Self::Payments(refusal)
    }
}

impl From<effects::Refusal> for Refusal {
    fn from(refusal: effects::Refusal) -> Self {
        Self::Effects(refusal)
    }
}

impl From<jobs::Refusal> for Refusal {
    fn from(refusal: jobs::Refusal) -> Self {
        Self::Jobs(refusal)
    }
}

impl From<webhooks::Refusal> for Refusal {
    fn from(refusal: webhooks::Refusal) -> Self {
        Self::Webhooks(refusal)
    }
}

impl From<warehouse::Refusal> for Refusal {
    fn from(refusal: warehouse::Refusal) -> Self {
        Self::Warehouse(refusal)
    }
}
