//! How an operator says whom webhooks may be sent to beyond the public web.

use ipnet::IpNet;

use super::guard::Allowances;
use crate::edge::network;

/// Whom webhooks may be sent to.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookOptions {
    /// Send webhooks over plain HTTP too, where everybody on the way can read them.
    #[arg(long, env = "ONHAND_WEBHOOK_ALLOW_HTTP")]
    webhook_allow_http: bool,
    /// Networks or addresses that webhooks may be sent to although they are not public, such as
    /// those of an intranet.
    #[arg(long = "webhook-allow-private", env = "ONHAND_WEBHOOK_ALLOW_PRIVATE",
        value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    webhook_allow_private: Vec<IpNet>,
}

impl WebhookOptions {
    /// What is allowed.
    pub fn allowances(&self) -> Allowances {
        let networks = self.webhook_allow_private.clone();
        Allowances { http: self.webhook_allow_http, networks }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: WebhookOptions,
    }

    /// What is allowed by these words, as text; nothing when they are refused.
    fn check(arguments: &str, wanted: Option<(bool, &[&str])>) {
        let words = ["onhand"].into_iter().chain(arguments.split_whitespace());
        let found = Line::try_parse_from(words).ok().map(|line| line.options.allowances());
        let wanted = wanted.map(|(http, networks)| Allowances {
            http,
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        });
        assert_eq!(found, wanted, "{arguments}");
    }

    #[test]
    fn nothing_is_allowed_that_nobody_has_named() {
        check("", Some((false, &[])));
        check("--webhook-allow-http", Some((true, &[])));
        check("--webhook-allow-private 10.0.0.0/8,::1", Some((false, &["10.0.0.0/8", "::1/128"])));
        for wrong in ["intranet", "10.0.0.0/33", "10.0.0.256"] {
            check(&format!("--webhook-allow-private {wrong}"), None);
        }
    }
}
