//! What can be done with an order from its page. Each is a route of `/v1`, and which of them are
//! shown follows from the order's state and its payment.

use onhand_core::orders::{Action, Order, allowed};
use onhand_core::payments::Status as PaymentStatus;
use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind, whole};

const REASON: Field = Field {
    name: "reason",
    label: "Reason",
    hint: "One of customer_request, damaged, fraud …, or your own as custom:words",
    kind: Kind::Line(64),
    is_required: false,
};

pub(super) static CONFIRM: Form = Form {
    name: "confirm",
    title: "Confirm",
    button: "Confirm the order",
    hint: "It needs no further payment: its stock is kept for it without an end.",
    route: "/v1/orders/{id}/confirm",
    done: "The order is confirmed.",
    ..Form::PLAIN
};

pub(super) static CANCEL: Form = Form {
    name: "cancel",
    title: "Cancel",
    button: "Cancel the order",
    hint: "Its stock is free at once, and what was paid goes back.",
    is_dangerous: true,
    route: "/v1/orders/{id}/cancel",
    fields: &[REASON],
    done: "The order is cancelled.",
    ..Form::PLAIN
};

pub(super) static FULFIL: Form = Form {
    name: "fulfil",
    title: "Fulfil",
    button: "It has left",
    hint: "Units leave the shelf. Leave a line at 0 to send it later.",
    route: "/v1/orders/{id}/fulfilments",
    fields: &[
        Field {
            name: "tracking/carrier",
            label: "Carrier",
            hint: "",
            kind: Kind::Line(200),
            is_required: false,
        },
        Field {
            name: "tracking/number",
            label: "Tracking number",
            hint: "",
            kind: Kind::Line(200),
            is_required: false,
        },
    ],
    complete: with_lines,
    done: "The units have left.",
    ..Form::PLAIN
};

pub(super) static DELIVER: Form = Form {
    name: "deliver",
    title: "Deliver",
    button: "It has arrived",
    route: "/v1/orders/{id}/deliver",
    done: "The order has arrived.",
    ..Form::PLAIN
};

pub(super) static RETURN: Form = Form {
    name: "return",
    title: "Take back",
    button: "It came back",
    hint: "Money does not go back by itself: refund it as well where it should.",
    route: "/v1/orders/{id}/returns",
    fields: &[
        Field {
            name: "restock",
            label: "Put it back on the shelf",
            hint: "",
            kind: Kind::Check,
            is_required: false,
        },
        REASON,
        Field {
            name: "reference",
            label: "Reference",
            hint: "Such as the number of the return",
            kind: Kind::Line(128),
            is_required: false,
        },
    ],
    complete: with_lines,
    done: "The units are back.",
    ..Form::PLAIN
};

pub(super) static CAPTURE: Form = Form {
    name: "capture",
    title: "Capture",
    button: "Take the money",
    hint: "All that is set aside is taken.",
    route: "/v1/payments/{payment}/capture",
    done: "The gateway is asked to take the money.",
    ..Form::PLAIN
};

pub(super) static VOID: Form = Form {
    name: "void",
    title: "Void",
    button: "Let the money go",
    hint: "What is set aside is let go, and the order is cancelled.",
    is_dangerous: true,
    route: "/v1/payments/{payment}/void",
    fields: &[REASON],
    done: "The gateway is asked to let the money go.",
    ..Form::PLAIN
};

pub(super) static REFUND: Form = Form {
    name: "refund",
    title: "Refund",
    button: "Give money back",
    hint: "The order stays as it is.",
    is_dangerous: true,
    route: "/v1/payments/{payment}/refunds",
    fields: &[
        Field {
            name: "amount",
            label: "Amount",
            hint: "All that is left when empty",
            kind: Kind::Money,
            is_required: false,
        },
        REASON,
    ],
    done: "The gateway is asked to give the money back.",
    ..Form::PLAIN
};

pub(super) static CHECK: Form = Form {
    name: "check",
    title: "Ask the gateway",
    button: "Ask now",
    hint: "How things stand there is taken over.",
    route: "/v1/payments/{payment}/check",
    done: "The gateway is asked.",
    ..Form::PLAIN
};

pub(in super::super) static REQUEUE: Form = Form {
    name: "requeue",
    title: "Resume",
    button: "Try again",
    hint: "The gateway is asked first what the tries before have done.",
    route: "/v1/effects/{effect}/requeue",
    done: "It is tried again.",
    ..Form::PLAIN
};

pub(in super::super) static SKIP: Form = Form {
    name: "skip",
    title: "Give up",
    button: "Give it up",
    hint: "It ends as if the gateway had declined it: for what was seen to outside.",
    is_dangerous: true,
    route: "/v1/effects/{effect}/skip",
    done: "It is given up.",
    ..Form::PLAIN
};

/// All that stand on the page of an order.
pub(super) static ALL: &[&Form] = &[
    &CONFIRM, &FULFIL, &DELIVER, &RETURN, &CAPTURE, &REFUND, &CHECK, &CANCEL, &VOID, &REQUEUE,
    &SKIP,
];

/// The fields and the lines that something is to happen to: those with units.
fn with_lines(mut body: Value, fields: &Fields) -> Value {
    let lines = fields.below("line.").filter(|(_, units)| !matches!(units.trim(), "" | "0"));
    let lines =
        lines.map(|(line, units)| json!({"line": whole(line), "quantity": whole(units.trim())}));
    body["lines"] = lines.collect();
    body
}

/// What may be done with an order as it stands.
pub(super) fn of(order: &Order) -> Vec<&'static Form> {
    let mut forms = Vec::new();
    for arrow in allowed(order.status) {
        let form = match arrow.action {
            Action::Confirm => &CONFIRM,
            Action::Cancel => &CANCEL,
            Action::Fulfil => &FULFIL,
            Action::Deliver => &DELIVER,
            Action::ReturnPartly => &RETURN,
            Action::Process
            | Action::Expire
            | Action::Revive
            | Action::FulfilPartly
            | Action::Return
            | Action::Update => continue,
        };
        forms.push(form);
    }
    forms
}

/// What may be done with the money of an order.
pub(super) fn of_payment(status: PaymentStatus) -> Vec<&'static Form> {
    match status {
        PaymentStatus::Authorized => vec![&CAPTURE, &VOID, &CHECK],
        PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Underpaid => {
            vec![&REFUND, &CHECK]
        }
        PaymentStatus::Created
        | PaymentStatus::AwaitingPayment
        | PaymentStatus::Failed
        | PaymentStatus::Refunded
        | PaymentStatus::Cancelled => vec![&CHECK],
    }
}
