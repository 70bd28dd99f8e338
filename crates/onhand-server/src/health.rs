//! `onhand health`: asks the server that has the same settings, on the same machine, whether it is
//! well, so that a container needs no other program for it. It sends nothing that is secret and
//! must not need a database.

#![expect(clippy::print_stdout, reason = "the answer is the command's answer")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio_rustls::rustls::crypto::ring;

use crate::serve::reachable;

/// Whom to ask, and what.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthOptions {
    /// Where to ask, instead of where the settings say that the server listens.
    #[arg(long)]
    url: Option<String>,
    /// Only ask whether it runs; otherwise whether it takes orders, the store included.
    #[arg(long)]
    live: bool,
    /// Seconds that it may take to answer.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout_secs: u64,
    /// Where the server listens.
    #[arg(long, env = "ONHAND_LISTEN", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where it serves the routes of operation.
    #[arg(long, env = "ONHAND_OPS_LISTEN")]
    ops_listen: Option<SocketAddr>,
    /// Its certificate: with one it speaks TLS.
    #[arg(long, env = "ONHAND_TLS_CERT")]
    tls_cert: Option<PathBuf>,
}

impl HealthOptions {
    fn url(&self) -> String {
        let base = self.url.clone().unwrap_or_else(|| {
            let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
            format!("{scheme}://{}", reachable(&self.ops_listen.unwrap_or(self.listen)))
        });
        let route = if self.live { "livez" } else { "readyz" };
        format!("{}/{route}", base.trim_end_matches('/'))
    }
}

/// Asks once. The exit code is 0 when the server is well and 1 when it is not, or says nothing.
pub(crate) async fn run(options: HealthOptions) -> anyhow::Result<ExitCode> {
    let url = options.url();
    let client = client(Duration::from_secs(options.timeout_secs))?;
    match client.get(&url).send().await {
        Ok(answer) if answer.status().is_success() => {
            println!("{url}: {}", answer.status());
            Ok(ExitCode::SUCCESS)
        }
        Ok(answer) => {
            println!("{url}: {}", answer.status());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            println!("{url}: {:#}", anyhow::Error::from(error.without_url()));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A client that does not ask who answers: the certificate is for another name than this machine's
/// own address, and an answer is believed no further than yes or no.
fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    // The whole process is this one question. It fails where somebody was faster, which is as good.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .context("making a client")
}
