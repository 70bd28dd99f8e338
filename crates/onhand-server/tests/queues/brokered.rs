//! Brokers as houses of the work of orders, with a lease that tests wait for.

use crate::flow::{House, POISON};
use crate::world::{Form, LONG, SHORT};

/// A broker that a server can be told of.
pub(crate) trait Broker: Form {
    /// What names it, beside the lease.
    fn named(&self) -> Vec<String>;
}

impl<B: Broker> House for B {
    async fn furnish() -> Self {
        // The lease of those who look at it from here; the server's own is below.
        Self::fresh(LONG).await
    }

    fn arguments(&self) -> Vec<String> {
        let lease = format!("--queue-lease-secs={}", SHORT.as_secs());
        self.named().into_iter().chain([lease]).collect()
    }

    async fn poison(&self, _: &str) {
        assert!(self.send_bare(POISON).await);
    }
}
