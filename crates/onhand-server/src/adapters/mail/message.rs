//! A mail as it is sent. Its parts are of types that can hold nothing which would end a line too
//! early, and its bytes follow from it alone: sent twice, it is the same mail, and whoever gets
//! both can tell by the Message-ID.

use std::fmt;
use std::time::SystemTime;

use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
};
use lettre::message::{Message, MultiPart, SinglePart};
use onhand_core::Timestamp;
use sha2::{Digest, Sha256};

use super::address::{AddressError, Domain, Mailbox, check_line};
use crate::limits::{MAIL_BYTES_MAX, MAIL_MESSAGE_ID_CHARS_MAX, MAIL_SUBJECT_CHARS_MAX};

/// What a mail is called, the same whenever it is sent: `<evt_108.order_placed.9f86d081@domain>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The id of what is in front of the `@`, letters, digits and `._-` of ASCII, at a domain.
    ///
    /// # Errors
    /// [`AddressError`] when there are other characters in it, or too many.
    pub fn new(local: &str, domain: &Domain) -> Result<Self, AddressError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if local.is_empty() || !local.chars().all(allowed) {
            return Err(AddressError::Control("Message-ID"));
        }
        let text = format!("<{local}@{}>", domain.as_str());
        check_line(&text, "Message-ID", MAIL_MESSAGE_ID_CHARS_MAX)?;
        Ok(Self(text))
    }

    /// With its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without them: as the name of a file.
    pub(super) fn bare(&self) -> &str {
        self.0.trim_matches(['<', '>'])
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mail is about, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Takes one line.
    ///
    /// # Errors
    /// [`AddressError`] when it is more than one line, or too long.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        check_line(text, "subject", MAIL_SUBJECT_CHARS_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is written in a mail: text whose lines end as those of mail do, without other control
/// characters than tabs. A lone carriage return could end a mail for one server and not for the
/// next, and smuggle in a second one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

impl Body {
    /// Takes any text.
    pub fn new(text: &str) -> Self {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let clean = |c: char| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c };
        Self(lines.chars().map(clean).collect())
    }

    /// The text; its lines end with `\n`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In ASCII and short lines, which every server passes on as they are and people can still
    /// read. The library would end the lines one insertion at a time.
    fn part(&self, kind: ContentType) -> SinglePart {
        let part = SinglePart::builder().header(kind);
        let part = part.header(ContentTransferEncoding::QuotedPrintable);
        part.body(self.0.replace('\n', "\r\n"))
    }
}

/// Why there is no mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// A part of it would not stay in its line.
    #[error(transparent)]
    Line(#[from] AddressError),
    /// It is larger than servers take.
    #[error("the mail has {0} bytes, expected at most {MAIL_BYTES_MAX}")]
    TooLarge(usize),
    /// It cannot be put together.
    #[error("the mail cannot be put together: {0}")]
    Unwritable(String),
}

/// One mail to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// What it is called.
    pub message_id: MessageId,
    /// By which template it was written; for the log, which must not tell more.
    pub template: &'static str,
    /// Who writes.
    pub from: Mailbox,
    /// Who gets it.
    pub to: Mailbox,
    /// What it is about.
    pub subject: Subject,
    /// The same for programs without HTML.
    pub text: Body,
    /// What is shown by most.
    pub html: Body,
    /// When what it tells of has happened.
    pub date: Timestamp,
}

/// Says nothing of whom it is for and what is in it.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mail");
        shown.field("message_id", &self.message_id).field("template", &self.template);
        shown.finish_non_exhaustive()
    }
}

impl Mail {
    /// The mail as it goes over the wire, headers first, lines ended by CR and LF, ASCII unless an
    /// address is not.
    ///
    /// # Errors
    /// [`MailError`] when it is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, MailError> {
        self.written(&[])
    }

    /// The same with our Message-ID in a header of ours as well, for a service that puts its own in
    /// the place of it.
    ///
    /// # Errors
    /// [`MailError`] when it is too large.
    pub fn to_bytes_with_own_header(&self) -> Result<Vec<u8>, MailError> {
        self.written(&[OwnId::name()])
    }

    fn written(&self, more: &[HeaderName]) -> Result<Vec<u8>, MailError> {
        let said = self.text.0.len() + self.html.0.len();
        if said > MAIL_BYTES_MAX {
            return Err(MailError::TooLarge(said));
        }
        // Parts are told apart by a text that follows from the id, not by a random one.
        let boundary = hex(&Sha256::digest(self.message_id.as_str()), 20);
        let parts = MultiPart::alternative()
            .boundary(format!("onhand-{boundary}"))
            .singlepart(self.text.part(ContentType::TEXT_PLAIN))
            .singlepart(self.html.part(ContentType::TEXT_HTML));
        let mut message = Message::builder()
            .message_id(Some(self.message_id.0.clone()))
            .date(SystemTime::from(self.date))
            .from(self.from.to_lettre())
            .to(self.to.to_lettre())
            .subject(self.subject.as_str())
            // Programs that answer mail by themselves leave this one alone.
            .header(AutoSubmitted);
        if !more.is_empty() {
            message = message.header(OwnId(self.message_id.0.clone()));
        }
        let message = message.multipart(parts);
        let message = message.map_err(|error| MailError::Unwritable(error.to_string()))?;
        let bytes = message.formatted();
        if bytes.len() > MAIL_BYTES_MAX {
            return Err(MailError::TooLarge(bytes.len()));
        }
        Ok(bytes)
    }
}

/// The first digits of a hash in hexadecimal.
pub(crate) fn hex(hash: &[u8], digits: usize) -> String {
    let mut text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}

/// Says that no person wrote it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Our Message-ID where nobody replaces it.
#[derive(Clone)]
struct OwnId(String);

impl Header for OwnId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Onhand-Message-ID")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        // One line: an id that was folded would not be found any more.
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::address::Address;
    use super::*;

    /// A mail with something in it that needs care.
    pub(crate) fn mail() -> Mail {
        let domain = Domain::new("shop.example").unwrap();
        Mail {
            message_id: MessageId::new("evt_108.order_placed.9f86d081", &domain).unwrap(),
            template: "order_placed",
            from: "The Shop <orders@shop.example>".parse().unwrap(),
            to: Mailbox::named("Ada", Address::new("ada@example.com").unwrap()).unwrap(),
            subject: Subject::new("Order Placed: ord_42").unwrap(),
            text: Body::new("Tea\n.\n..\nFrom here on: Grüße\n"),
            html: Body::new("<p>Tea</p>"),
            date: "2026-11-21T05:48:16Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_mail_is_the_same_whenever_it_is_written() {
        let bytes = mail().to_bytes().unwrap();
        assert_eq!(bytes, mail().to_bytes().unwrap());
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap().replace('\r', ""), @r#"
    Message-ID: <evt_108.order_placed.9f86d081@shop.example>
    Date: Sat, 21 Nov 2026 05:48:16 +0000
    From: "The Shop" <orders@shop.example>
    To: Ada <ada@example.com>
    Subject: Order Placed: ord_42
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: multipart/alternative; boundary="onhand-04eb8a974d2d1316d586"

    --onhand-04eb8a974d2d1316d586
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    Tea
    .
    ..
    From here on: Gr=C3=BC=C3=9Fe

    --onhand-04eb8a974d2d1316d586
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <p>Tea</p>
    --onhand-04eb8a974d2d1316d586--
    "#);
    }

    #[test]
    fn our_id_stays_where_a_service_replaces_it() {
        let bytes = String::from_utf8(mail().to_bytes_with_own_header().unwrap()).unwrap();
        let id = "<evt_108.order_placed.9f86d081@shop.example>";
        assert!(bytes.contains(&format!("\r\nX-Onhand-Message-ID: {id}\r\n")), "{bytes}");
    }

    #[test]
    fn what_would_end_a_line_is_refused_or_becomes_a_line() {
        let domain = Domain::new("shop.example").unwrap();
        for wrong in ["", "a b", "a\r\nBcc: e@x.example", "a@b", "a>"] {
            assert!(MessageId::new(wrong, &domain).is_err(), "{wrong:?}");
        }
        for wrong in ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\u{2028}b", "\0"] {
            assert_eq!(Subject::new(wrong), Err(AddressError::Control("subject")), "{wrong:?}");
        }
        assert!(Subject::new(&"x".repeat(MAIL_SUBJECT_CHARS_MAX + 1)).is_err());
        assert_eq!(Body::new("a\r\n.\rb\u{1b}c\td\0").as_str(), "a\n.\nb c\td ");
    }

    #[test]
    fn a_mail_that_is_too_large_is_refused() {
        let large = Mail { text: Body::new(&"x\n".repeat(MAIL_BYTES_MAX)), ..mail() };
        assert!(matches!(large.to_bytes(), Err(MailError::TooLarge(_))));
    }

    #[test]
    fn a_mail_tells_the_log_nothing_about_people() {
        let shown = format!("{:?}", mail());
        assert!(!shown.contains("ada") && !shown.contains("ord_42"), "{shown}");
    }
}
