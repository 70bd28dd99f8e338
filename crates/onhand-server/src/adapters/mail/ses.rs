//! Mail through Amazon SES, by its second API. It is given the whole mail as it is, but puts a
//! Message-ID of its own in the place of ours, and its own date. Ours is therefore in
//! `X-Onhand-Message-ID` as well; SES delivers a mail that it is given twice twice.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use aws_smithy_http_client::{Builder, tls};

use super::message::Mail;
use super::{Sent, Trouble};

/// Where SES is, and how long it has.
#[derive(Debug, Clone)]
pub struct SesConfig {
    /// The region; that of the environment or the machine when absent.
    pub region: Option<String>,
    /// Another address than that of AWS.
    pub endpoint: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Nobody says where SES is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no region is known; expected `ses:REGION`, or AWS_REGION in the environment")]
pub struct NoRegion;

/// Amazon SES, as whoever the environment, the profile or the machine says that we are.
#[derive(Debug)]
pub struct Ses {
    client: Client,
    credentials: Option<SharedCredentialsProvider>,
    timeout: Duration,
}

impl Ses {
    /// Reads the credentials' whereabouts. Nothing is asked of SES yet.
    ///
    /// # Errors
    /// [`NoRegion`].
    pub async fn new(config: SesConfig) -> Result<Self, NoRegion> {
        let SesConfig { region, endpoint, timeout } = config;
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(timeout / 2)
            .operation_attempt_timeout(timeout)
            .operation_timeout(timeout);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(provider).build_https())
            .timeout_config(timeouts.build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // Whoever tries again does so with patience, and remembers it.
            .retry_config(RetryConfig::disabled());
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let loaded = loader.load().await;
        if loaded.region().is_none() {
            return Err(NoRegion);
        }
        let credentials = loaded.credentials_provider();
        Ok(Self { client: Client::new(&loaded), credentials, timeout })
    }

    pub(super) async fn send(&self, mail: &Mail) -> Sent {
        let bytes = match mail.to_bytes_with_own_header() {
            Ok(bytes) => bytes,
            Err(error) => return Sent::declined(&error.to_string()),
        };
        let raw = match RawMessage::builder().data(Blob::new(bytes)).build() {
            Ok(raw) => raw,
            Err(error) => return Sent::declined(&error.to_string()),
        };
        let to = Destination::builder().to_addresses(mail.to.address().as_str()).build();
        // Who writes is in the mail, where it is encoded as it has to be.
        let content = EmailContent::builder().raw(raw).build();
        match self.client.send_email().destination(to).content(content).send().await {
            Ok(_) => Sent::Done,
            Err(SdkError::DispatchFailure(_)) if !self.has_credentials().await => {
                Sent::retry(Trouble::Server, "there are no credentials for SES")
            }
            Err(error) => judge(&error),
        }
    }

    /// Whether a request could be signed. The library does not tell one that was never sent from
    /// one whose connection was lost.
    async fn has_credentials(&self) -> bool {
        let Some(credentials) = &self.credentials else { return false };
        let provided = tokio::time::timeout(self.timeout, credentials.provide_credentials()).await;
        matches!(provided, Ok(Ok(_)))
    }
}

/// What came back instead of a yes.
fn judge<R: std::fmt::Debug + 'static>(error: &SdkError<SendEmailError, R>) -> Sent {
    match error {
        SdkError::ServiceError(said) => judge_answer(said.err()),
        SdkError::ConstructionFailure(_) => {
            Sent::retry(Trouble::Server, "SES cannot be asked as it is configured")
        }
        SdkError::DispatchFailure(failure) if was_refused(error) || failure.is_user() => {
            Sent::retry(Trouble::Server, "SES cannot be reached")
        }
        SdkError::DispatchFailure(_) => {
            Sent::unknown("the connection to SES was lost before the answer was there")
        }
        SdkError::TimeoutError(_) => Sent::unknown("no answer of SES in time"),
        SdkError::ResponseError(_) => Sent::unknown("an answer of SES that cannot be read"),
        _ => Sent::unknown("SES could not be asked to the end"),
    }
}

/// Whether nobody listened, so that nothing was sent.
fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = error.source();
    }
    false
}

fn judge_answer(error: &SendEmailError) -> Sent {
    let code = error.code().unwrap_or("no code");
    let said = format!("{code}: {}", error.message().unwrap_or_default());
    // What is said of an address that nobody has verified concerns the account: it may send to
    // strangers once AWS lets it out of its sandbox.
    let is_for_good = error.is_message_rejected() || error.is_bad_request_exception();
    if is_for_good && !said.contains("not verified") {
        return Sent::declined(&said);
    }
    // Credentials that are not accepted, an account that may not send now, and faults of SES.
    Sent::retry(Trouble::Server, &said)
}
