//! Mails about what has happened: which event calls for which, and what it says. Everything here is
//! a function of an event and of who writes, so that the same event makes the same mail whenever it
//! is written. Whether a mail is owed is remembered by the engine; how it is handed over is in
//! `adapters/mail/`. Start with `templates.rs`.

pub mod channel;
pub(crate) mod cli;
mod html;
mod letter;
mod operators;
pub mod options;
mod orders;
mod plain;
pub mod samples;
pub mod templates;
mod warehouse;

use onhand_core::Timestamp;
use sha2::{Digest, Sha256};

use crate::adapters::mail::address::{AddressError, Domain, Mailbox};
use crate::adapters::mail::message::{Body, Mail, MailError, MessageId, Subject, hex};

pub use self::templates::{Audience, Facts, TEMPLATES, Template};

/// Hexadecimal digits of a recipient's hash in a Message-ID: 64 bits.
const RECIPIENT_DIGITS: usize = 16;

/// Who writes all mails.
#[derive(Debug, Clone)]
pub struct Sender {
    /// In `From`.
    pub from: Mailbox,
    /// After which messages are named.
    pub domain: Domain,
}

/// One event as it concerns one recipient.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The event's place in the log; for what is no event, a number of its own that never comes
    /// back, together with the template.
    pub event_seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who gets it, by a name that stays when the address changes: `cus_7`, or the address itself
    /// for operators.
    pub recipient_key: &'a str,
    /// Where it goes.
    pub to: &'a Mailbox,
}

/// What a mail is called that tells a recipient of an event by a template: the same whenever it is
/// asked, and another one for every other event, template or recipient. Of the recipient it has a
/// hash.
///
/// # Errors
/// [`AddressError`] when the template's name is not one that fits.
pub fn message_id(
    event_seq: i64,
    template: &str,
    recipient_key: &str,
    domain: &Domain,
) -> Result<MessageId, AddressError> {
    let recipient = hex(&Sha256::digest(recipient_key), RECIPIENT_DIGITS);
    MessageId::new(&format!("evt_{event_seq}.{template}.{recipient}"), domain)
}

/// Writes a mail. `None` when the template has nothing to say about these facts: they are of
/// another kind, or it has been said often enough.
///
/// # Errors
/// [`MailError`] when something in it would not stay in its line.
pub fn write(
    sender: &Sender,
    template: &Template,
    facts: &Facts<'_>,
    notice: &Notice<'_>,
) -> Result<Option<Mail>, MailError> {
    let Some(content) = template.render(facts) else { return Ok(None) };
    let Notice { event_seq, at, recipient_key, to } = *notice;
    Ok(Some(Mail {
        message_id: message_id(event_seq, template.name, recipient_key, &sender.domain)?,
        template: template.name,
        from: sender.from.clone(),
        to: to.clone(),
        subject: Subject::new(&content.subject)?,
        text: Body::new(&content.text),
        html: Body::new(&content.html),
        date: at,
    }))
}

#[cfg(test)]
mod tests;
