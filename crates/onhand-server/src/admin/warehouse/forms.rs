//! What can be done with runs: begin one, and decide about what is held. The server then goes on by
//! itself.

use super::super::form::{Field, Form, Kind};
use super::PATH;

pub(super) static START: Form = Form {
    name: "start-run",
    title: "Ask the warehouse now",
    button: "Ask now",
    hint: "One run is open at a time. Its page shows what comes of it.",
    route: "/v1/warehouse/syncs",
    fields: &[Field {
        name: "dry_run",
        label: "Only tell the differences",
        hint: "Nothing is counted then",
        kind: Kind::Check,
        is_required: false,
    }],
    done: "The run has begun.",
    then: Some(|answer| format!("{PATH}/runs/{}", answer["id"].as_str().unwrap_or_default())),
    ..Form::PLAIN
};

pub(super) static APPROVE: Form = Form {
    name: "approve",
    title: "Approve all that is held",
    button: "Approve",
    hint: "The figures of the warehouse are counted. Where the whole run is held, rows that differ \
           by too much are still held afterwards.",
    route: "/v1/warehouse/syncs/{id}/approve",
    done: "The run is approved and goes on.",
    ..Form::PLAIN
};

pub(super) static REJECT: Form = Form {
    name: "reject",
    title: "Reject all that is held",
    button: "Reject",
    hint: "Nothing more of this run is counted.",
    is_dangerous: true,
    route: "/v1/warehouse/syncs/{id}/reject",
    done: "The run is rejected.",
    ..Form::PLAIN
};

pub(super) static APPROVE_ROW: Form = Form {
    name: "approve-row",
    title: "Approve the row",
    button: "Approve",
    route: "/v1/warehouse/syncs/{id}/rows/{row}/approve",
    done: "The row is approved and counted.",
    ..Form::PLAIN
};

pub(super) static REJECT_ROW: Form = Form {
    name: "reject-row",
    title: "Reject the row",
    button: "Reject",
    is_dangerous: true,
    route: "/v1/warehouse/syncs/{id}/rows/{row}/reject",
    done: "The row is rejected.",
    ..Form::PLAIN
};

/// Those beside the list of runs.
pub(super) static OF_ALL: &[&Form] = &[&START];
/// Those of one run.
pub(super) static OF_ONE: &[&Form] = &[&APPROVE, &REJECT, &APPROVE_ROW, &REJECT_ROW];
