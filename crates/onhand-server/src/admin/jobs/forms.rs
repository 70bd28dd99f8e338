//! What can be done about background work.

use super::super::form::Form;

static REQUEUE: Form = Form {
    name: "requeue",
    title: "Try again",
    button: "Try it again",
    hint: "It is tried at once, and as often as a new one.",
    route: "/v1/jobs/{job}/requeue",
    done: "It is tried again.",
    ..Form::PLAIN
};

static SKIP: Form = Form {
    name: "skip",
    title: "Give up",
    button: "Give it up",
    hint: "Nobody will do it any more: for what was seen to otherwise, or is not needed.",
    is_dangerous: true,
    route: "/v1/jobs/{job}/skip",
    done: "It is given up.",
    ..Form::PLAIN
};

/// What can be done about a dead job.
pub(super) static OF_JOB: &[&Form] = &[&REQUEUE, &SKIP];

pub(super) static RUN: Form = Form {
    name: "run",
    title: "Run now",
    button: "Run it now",
    hint: "A worker begins it within a second or so, unless a run is on.",
    route: "/v1/schedules/{schedule}/run",
    done: "It will be done. This page shows when it has begun and ended.",
    ..Form::PLAIN
};

/// What stands on the page of the schedules.
pub(super) static OF_SCHEDULES: &[&Form] = &[&RUN];
