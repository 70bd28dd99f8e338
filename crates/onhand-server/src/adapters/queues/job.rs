//! What a message asks a worker to do: the one message of the `processing` dialect, which other
//! programs send too. Fields that we do not know are let through, so that its senders may grow;
//! whatever else is not as it should be is refused with a reason for the dead letter. Nothing here
//! asks whether there is such an order.

use onhand_core::ids::OrderId;
use serde::{Deserialize, Serialize};

use crate::limits::{JOB_BYTES_MAX, JOB_WORD_CHARS_MAX};

/// The one action there is.
const PROCESS_ORDER: &str = "PROCESS_ORDER";

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// See to an order that was confirmed.
    ProcessOrder(OrderId),
}

/// Why a message asks for nothing that we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It is too long to be one.
    #[error("the message is longer than {JOB_BYTES_MAX} bytes")]
    TooLong,
    /// It is no object of JSON with both fields, each once.
    #[error("the message is not `{{\"action\":\"PROCESS_ORDER\",\"orderId\":42}}`")]
    Malformed,
    /// It asks for something else.
    #[error("the action `{0}` is not known")]
    Action(String),
    /// It names no order.
    #[error("`orderId` is no id of an order")]
    Order,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    action: std::borrow::Cow<'a, str>,
    #[serde(rename = "orderId")]
    order_id: serde_json::Value,
}

impl Job {
    /// Reads a message.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn read(body: &[u8]) -> Result<Self, JobError> {
        if body.len() > JOB_BYTES_MAX {
            return Err(JobError::TooLong);
        }
        // Of a list, serde would take the fields in their order.
        let is_object = body.trim_ascii_start().first() == Some(&b'{');
        let wire = serde_json::from_slice::<Wire<'_>>(body).ok().filter(|_| is_object);
        let wire = wire.ok_or(JobError::Malformed)?;
        if wire.action != PROCESS_ORDER {
            let plain = |c: &char| c.is_ascii_graphic();
            let word = wire.action.chars().filter(plain).take(JOB_WORD_CHARS_MAX).collect();
            return Err(JobError::Action(word));
        }
        Ok(Self::ProcessOrder(order_id(&wire.order_id).ok_or(JobError::Order)?))
    }

    /// The message that asks for it.
    pub fn body(self) -> String {
        let Self::ProcessOrder(id) = self;
        format!(r#"{{"action":"{PROCESS_ORDER}","orderId":"{}"}}"#, id.number())
    }

    /// The same for every try to queue it.
    pub fn dedup_id(self) -> String {
        let Self::ProcessOrder(id) = self;
        format!("process-{id}")
    }
}

/// As the dialect shows it, a number or its text; or as `/v1` does.
fn order_id(value: &serde_json::Value) -> Option<OrderId> {
    if let Some(number) = value.as_i64() {
        return OrderId::new(number);
    }
    let text = value.as_str()?;
    let digits = text.strip_prefix("ord_").unwrap_or(text);
    let id = OrderId::new(digits.parse().ok()?)?;
    // One spelling: no sign, no leading zero.
    (id.number().to_string() == digits).then_some(id)
}

#[cfg(test)]
mod tests {
    use onhand_core::ids::ID_MAX;

    use super::*;

    fn check(body: &[u8], expected: Result<i64, JobError>) {
        let read = Job::read(body).map(|Job::ProcessOrder(id)| id.number());
        assert_eq!(read, expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn an_order_is_named_in_three_ways() {
        for body in [
            r#"{"action":"PROCESS_ORDER","orderId":42}"#,
            r#"{"action":"PROCESS_ORDER","orderId":"42"}"#,
            r#"{"action":"PROCESS_ORDER","orderId":"ord_42"}"#,
            r#" { "orderId" : 42 , "action" : "PROCESS\u005fORDER" } "#,
            r#"{"action":"PROCESS_ORDER","orderId":42,"traceId":"x","nested":{"a":[1,2]}}"#,
        ] {
            check(body.as_bytes(), Ok(42));
        }
        check(format!(r#"{{"action":"PROCESS_ORDER","orderId":{ID_MAX}}}"#).as_bytes(), Ok(ID_MAX));
    }

    #[test]
    fn what_names_no_order_is_refused() {
        for id in [
            "0",
            "-1",
            "42.0",
            "4.2",
            "1e3",
            "9007199254740992",
            "1e400",
            "null",
            "true",
            "[42]",
            "{}",
            r#""""#,
            r#""042""#,
            r#""+42""#,
            r#"" 42""#,
            r#""0x2a""#,
            r#""usr_42""#,
            r#""ord_""#,
            r#""ord_-1""#,
            r#""ORD_42""#,
            r#""9007199254740992""#,
        ] {
            let body = format!(r#"{{"action":"PROCESS_ORDER","orderId":{id}}}"#);
            let malformed = id == "1e400";
            let expected = if malformed { JobError::Malformed } else { JobError::Order };
            check(body.as_bytes(), Err(expected));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for body in [
            &b""[..],
            b"null",
            b"42",
            b"PROCESS_ORDER",
            br#"["PROCESS_ORDER",42]"#,
            br#"{"action":"PROCESS_ORDER"}"#,
            br#"{"orderId":42}"#,
            br#"{"action":"PROCESS_ORDER","orderid":42}"#,
            br#"{"action":7,"orderId":42}"#,
            br#"{"action":null,"orderId":42}"#,
            br#"{"action":"PROCESS_ORDER","orderId":42"#,
            br#"{"action":"PROCESS_ORDER","orderId":42} {}"#,
            br#"{"action":"PROCESS_ORDER","orderId":1,"orderId":2}"#,
            br#"{"action":"X","action":"PROCESS_ORDER","orderId":2}"#,
            b"\xef\xbb\xbf{\"action\":\"PROCESS_ORDER\",\"orderId\":42}",
            b"{\"action\":\"PROCESS_ORDER\xff\",\"orderId\":42}",
            b"\xff\xfe\x00",
        ] {
            check(body, Err(JobError::Malformed));
        }
    }

    #[test]
    fn depth_harms_nobody() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let beside = format!(r#"{{"action":"PROCESS_ORDER","orderId":42,"x":{deep}}}"#);
        check(beside.as_bytes(), Ok(42));
        let within = format!(r#"{{"action":"PROCESS_ORDER","orderId":{deep}}}"#);
        check(within.as_bytes(), Err(JobError::Malformed));
    }

    #[test]
    fn another_action_is_named_and_cannot_write_into_the_log() {
        for (action, word) in [
            ("CANCEL_ORDER", "CANCEL_ORDER"),
            ("process_order", "process_order"),
            ("", ""),
            (r"A\nB\u0007 C", "ABC"),
        ] {
            let body = format!(r#"{{"action":"{action}","orderId":42}}"#);
            check(body.as_bytes(), Err(JobError::Action(word.to_owned())));
        }
        let long = format!(r#"{{"action":"{}","orderId":42}}"#, "x".repeat(1_000));
        check(long.as_bytes(), Err(JobError::Action("x".repeat(JOB_WORD_CHARS_MAX))));
    }

    #[test]
    fn a_message_has_a_longest_length() {
        let body = r#"{"action":"PROCESS_ORDER","orderId":42}"#;
        let padded = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
        check(padded(JOB_BYTES_MAX).as_bytes(), Ok(42));
        check(padded(JOB_BYTES_MAX + 1).as_bytes(), Err(JobError::TooLong));
        check(&vec![b'['; 1 << 20], Err(JobError::TooLong));
    }

    #[test]
    fn what_we_send_we_read() {
        let job = Job::ProcessOrder(OrderId::new(42).unwrap());
        assert_eq!(job.body(), r#"{"action":"PROCESS_ORDER","orderId":"42"}"#);
        assert_eq!(Job::read(job.body().as_bytes()), Ok(job));
        assert_eq!(job.dedup_id(), "process-ord_42");
    }
}
