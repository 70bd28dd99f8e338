//! What an answer of a mail server, or the lack of one, is worth. What concerns one recipient or
//! one mail is told apart from what would meet every mail: that a server will not have our address
//! or password says nothing about the mail, which must not be lost by it.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use super::super::{Sent, Trouble};

/// How far a mail had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Connecting, greeting and encrypting.
    Connect,
    /// User and password.
    Login,
    /// From whom.
    Sender,
    /// To whom, until the server wants to have the mail.
    Recipient,
    /// The mail itself.
    Message,
}

/// The server wants to have the mail.
pub(super) const GO_ON: u16 = 354;
/// The server goes away.
const CLOSING: u16 = 421;
/// It wants to know who we are, or does not believe it.
const LOGIN_NEEDED: [u16; 4] = [530, 534, 535, 538];

pub(super) fn judge(step: Step, error: &Error) -> Sent {
    let Some(code) = error.status().map(u16::from) else {
        return lost(step, error);
    };
    // What is said about a password may repeat it.
    let said = match error.source() {
        Some(said) if step != Step::Login => format!("{code} {said}"),
        Some(_) | None => code.to_string(),
    };
    let is_for_good = error.is_permanent();
    if code == CLOSING {
        return Sent::retry(Trouble::Server, &said);
    }
    if LOGIN_NEEDED.contains(&code) {
        let reason = format!("the mail server does not accept user and password ({said})");
        return Sent::retry(Trouble::Server, &reason);
    }
    match step {
        Step::Connect => Sent::retry(Trouble::Server, &said),
        Step::Login => {
            let reason = format!("the mail server does not let us log in ({said})");
            Sent::retry(Trouble::Server, &reason)
        }
        // All mails have this sender.
        Step::Sender if is_for_good => {
            let reason = format!("the mail server takes no mail from our address: {said}");
            Sent::retry(Trouble::Server, &reason)
        }
        Step::Recipient | Step::Message if is_for_good => Sent::declined(&said),
        Step::Sender | Step::Recipient | Step::Message => Sent::retry(Trouble::Message, &said),
    }
}

/// Nothing was answered, or nothing that could be read.
fn lost(step: Step, error: &Error) -> Sent {
    match step {
        // In the words of the system or of TLS, which know no secret.
        Step::Connect => {
            let reason = format!("the mail server cannot be used: {error}");
            Sent::retry(Trouble::Server, &reason)
        }
        Step::Login => Sent::retry(Trouble::Server, "the mail server has no way to log in"),
        Step::Sender | Step::Recipient => {
            Sent::retry(Trouble::Server, "the connection was lost before the mail was handed over")
        }
        Step::Message => Sent::unknown("the connection was lost after the mail was handed over"),
    }
}

/// The server says yes, and not to what it was asked.
pub(super) fn out_of_turn(step: Step) -> Sent {
    let reason = "the mail server answers out of turn";
    match step {
        Step::Connect | Step::Login | Step::Sender | Step::Recipient => {
            Sent::retry(Trouble::Server, reason)
        }
        Step::Message => Sent::unknown(reason),
    }
}

/// The time for a step is up.
pub(super) fn timed_out(step: Step) -> Sent {
    match step {
        Step::Connect | Step::Login | Step::Sender | Step::Recipient => {
            Sent::retry(Trouble::Server, "no answer of the mail server in time")
        }
        Step::Message => Sent::unknown("no answer in time after the mail was handed over"),
    }
}
