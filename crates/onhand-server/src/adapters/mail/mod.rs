//! Mail: one mail is handed to whoever delivers it, and what came of that is said. Nothing is
//! tried twice in here, nothing is remembered, and nothing of a person is logged. What a mail says
//! is written by `notifications/`.

pub mod address;
pub mod folder;
pub mod message;
#[cfg(feature = "aws")]
pub mod ses;
pub mod smtp;

use std::time::Duration;

use onhand_core::text::Text;

use self::folder::Folder;
use self::message::Mail;
#[cfg(feature = "aws")]
use self::ses::Ses;
use self::smtp::Smtp;
use crate::limits::MAIL_REASON_CHARS_MAX;

/// Whose fault it is that a mail has to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody's mail gets through: the server is not there, not well, or does not know us.
    Server,
    /// The server answers, and does not take this mail now.
    Message,
}

/// What came of sending a mail. Reasons are for operators; a server may name an address in them, so
/// that they belong beside the mail and not into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The server has taken it and sees to it from now on.
    Done,
    /// It has not been taken; trying again may help.
    Retry {
        /// Why.
        reason: Text,
        /// How long the server asked us to wait, where it said so.
        after: Option<Duration>,
        /// Whose fault it is.
        trouble: Trouble,
    },
    /// The server will never take it: the address does not exist, or the mail is not to its taste.
    Declined(Text),
    /// It was handed over and nothing was heard since. It may be delivered; sent again it has the
    /// same Message-ID, by which many servers deliver only one.
    Unknown(Text),
}

impl Sent {
    /// Whether the server was there to answer. A breaker counts the others.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Done | Self::Declined(_) | Self::Retry { trouble: Trouble::Message, .. } => true,
            Self::Retry { trouble: Trouble::Server, .. } | Self::Unknown(_) => false,
        }
    }

    pub(super) fn retry(trouble: Trouble, reason: &str) -> Self {
        Self::Retry { reason: bounded(reason), after: None, trouble }
    }

    pub(super) fn declined(reason: &str) -> Self {
        Self::Declined(bounded(reason))
    }

    pub(super) fn unknown(reason: &str) -> Self {
        Self::Unknown(bounded(reason))
    }
}

/// Text of the outside, in one line and not too long.
fn bounded(text: &str) -> Text {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.trim().chars().take(MAIL_REASON_CHARS_MAX).map(clean).collect();
    Text::new(text.trim()).unwrap_or_default()
}

/// Whoever delivers mail.
#[derive(Debug)]
pub enum Mailer {
    /// Nobody: a line in the log says that there would have been a mail, and nothing about whom.
    Log,
    /// A folder.
    Folder(Folder),
    /// A mail server.
    Smtp(Box<Smtp>),
    /// Amazon SES.
    #[cfg(feature = "aws")]
    Ses(Ses),
}

impl Mailer {
    /// Hands over one mail. Ends within a bounded time, and can be dropped at any point: the mail
    /// may then have been sent.
    pub async fn send(&self, mail: &Mail) -> Sent {
        match self {
            Self::Log => log(mail),
            Self::Folder(folder) => folder.send(mail).await,
            Self::Smtp(smtp) => smtp.send(mail).await,
            #[cfg(feature = "aws")]
            Self::Ses(ses) => ses.send(mail).await,
        }
    }
}

fn log(mail: &Mail) -> Sent {
    match mail.to_bytes() {
        Ok(bytes) => {
            let (message_id, template) = (mail.message_id.as_str(), mail.template);
            tracing::info!(message_id, template, bytes = bytes.len(), "a mail, to nobody");
            Sent::Done
        }
        Err(error) => Sent::declined(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_does_not_answer_counts_against_it() {
        for (sent, wanted) in [
            (Sent::Done, true),
            (Sent::declined("550 no such user"), true),
            (Sent::retry(Trouble::Message, "451 later"), true),
            (Sent::retry(Trouble::Server, "refused"), false),
            (Sent::unknown("lost"), false),
        ] {
            assert_eq!(sent.is_answer(), wanted, "{sent:?}");
        }
    }

    #[test]
    fn reasons_are_one_short_line() {
        let Sent::Declined(reason) = Sent::declined(&format!("a\r\nb{}", "x".repeat(1_000))) else {
            unreachable!()
        };
        assert!(reason.as_str().starts_with("a  bx"), "{reason}");
        assert_eq!(reason.as_str().len(), MAIL_REASON_CHARS_MAX);
    }
}
