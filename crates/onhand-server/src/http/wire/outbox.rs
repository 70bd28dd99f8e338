//! What follows from the log as `/v1` shows it: webhook endpoints, jobs, who reads the log, and
//! what is done from time to time.

use onhand_core::Timestamp;
use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Attempt, Consumer, DeadLetter, Job, JobState, Queue};
use onhand_core::schedules::{Schedule, ScheduleName};
use onhand_core::webhooks::{EndpointEntry, EndpointState};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Shown, values};

/// A webhook endpoint: an address that is told what happens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint, example = endpoint_example)]
pub struct EndpointView<'a> {
    /// Its id.
    #[schema(value_type = values::EndpointId)]
    id: Shown<EndpointId>,
    #[schema(pattern = "^webhook_endpoint$")]
    object: &'static str,
    /// Where it listens.
    #[schema(value_type = values::Url)]
    url: &'a str,
    /// For people.
    #[schema(value_type = values::Text)]
    description: &'a str,
    /// What it is told: types of events, or families like `order.*`; everything when empty.
    #[schema(value_type = Vec<values::EventFilter>)]
    event_types: Vec<&'a str>,
    /// Whether it is told anything.
    #[schema(value_type = values::EndpointStatus)]
    status: EndpointState,
    /// Why not.
    #[schema(value_type = Option<values::Text>, required)]
    disabled_reason: Option<&'a str>,
    /// When something last reached it, to within a minute.
    #[schema(value_type = Option<values::Instant>, required)]
    succeeded_at: Option<Timestamp>,
    /// How many secrets sign its messages.
    #[schema(minimum = 0)]
    secrets: u64,
    /// A secret, shown this once: `whsec_` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<values::Token>)]
    secret: Option<&'a str>,
    /// How often it was changed.
    #[schema(minimum = 1)]
    version: u64,
    /// When it was made.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

fn endpoint_example() -> serde_json::Value {
    json!({
        "id": "whe_7", "object": "webhook_endpoint", "url": "https://example.com/hooks",
        "description": "the shop's mailer", "event_types": ["order.*", "stock.low"],
        "status": "enabled", "disabled_reason": null,
        "succeeded_at": "2026-11-21T05:48:16.120394Z", "secrets": 1, "version": 3,
        "created_at": "2026-11-21T05:40:00Z", "updated_at": "2026-11-21T05:48:16.120394Z"
    })
}

impl<'a> EndpointView<'a> {
    /// The view of an endpoint.
    pub fn of(row: &'a EndpointEntry) -> Self {
        Self {
            id: Shown(row.id),
            object: "webhook_endpoint",
            url: row.url.as_str(),
            description: row.description.as_str(),
            event_types: row.filter.kinds().iter().map(|kind| kind.as_str()).collect(),
            status: row.state,
            disabled_reason: row.disabled_reason.as_ref().map(|text| text.as_str()),
            succeeded_at: row.succeeded_at,
            secrets: row.secrets,
            secret: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// The same, with a secret that is shown this once.
    #[must_use]
    pub fn with_secret(self, secret: Option<&'a str>) -> Self {
        Self { secret, ..self }
    }
}

/// Something to be done once: a mail, a delivery to an endpoint, an order to take up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job, example = job_example)]
pub struct JobView<'a> {
    /// Its id.
    #[schema(value_type = values::JobId)]
    id: Shown<JobId>,
    #[schema(pattern = "^job$")]
    object: &'static str,
    /// Where it belongs: `processing`, `mail`, or the id of a webhook endpoint.
    #[schema(value_type = values::Queue)]
    queue: Shown<Queue>,
    /// The event that it follows from; none for a message of a broker.
    #[schema(value_type = Option<values::EventId>, required)]
    event_id: Option<String>,
    /// What is to be done: an order's id, the type of an event, a template and who gets it.
    #[schema(value_type = values::Reference)]
    about: &'a str,
    /// The object whose jobs of this queue are done one after the other.
    #[schema(value_type = Option<values::Reference>, required)]
    subject: Option<&'a str>,
    /// Whether it belongs to a replay.
    is_replay: bool,
    /// Where it is.
    #[schema(value_type = values::JobStatus)]
    status: JobState,
    /// When it is tried next, or until when somebody has it, or when it ended.
    #[schema(value_type = values::Instant)]
    due_at: Timestamp,
    /// Whether somebody is at it.
    is_leased: bool,
    /// How often it was tried since it was last requeued.
    tries: u32,
    /// The newest tries, oldest first.
    attempts: Vec<AttemptView<'a>>,
    /// How often it was changed.
    #[schema(minimum = 1)]
    version: u64,
    /// When it was made.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
}

/// A job that died, as it was told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter, example = dead_letter_example)]
pub struct DeadLetterView {
    #[schema(pattern = "^dead_letter$")]
    object: &'static str,
    /// Which one; what it was about and why it died is there.
    #[schema(value_type = values::JobId)]
    job: Shown<JobId>,
    /// Where it belongs.
    #[schema(value_type = values::Queue)]
    queue: Shown<Queue>,
    /// How often it was tried.
    tries: u32,
    /// What was answered to the last try: a status of HTTP or SMTP.
    #[schema(required)]
    status: Option<u16>,
    /// How many others of its queue have died since somebody was last told.
    #[schema(minimum = 0)]
    others: u64,
}

fn dead_letter_example() -> serde_json::Value {
    json!({"object": "dead_letter", "job": "job_7", "queue": "mail", "tries": 1, "status": 550,
        "others": 0})
}

impl DeadLetterView {
    /// The view of a dead letter.
    pub fn of(letter: &DeadLetter) -> Self {
        let DeadLetter { job_id, queue, tries, status, others } = *letter;
        let (job, queue) = (Shown(job_id), Shown(queue));
        Self { object: "dead_letter", job, queue, tries, status, others }
    }
}

/// A try.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobAttempt, example = attempt_example)]
pub struct AttemptView<'a> {
    /// When it ended.
    #[schema(value_type = values::Instant)]
    at: Timestamp,
    /// Why it did not succeed; nothing when it did.
    #[schema(value_type = Option<values::Text>, required)]
    reason: Option<&'a str>,
    /// What was answered: a status of HTTP or SMTP.
    #[schema(required)]
    status: Option<u16>,
    /// Milliseconds that it took.
    #[schema(minimum = 0)]
    took_ms: u64,
}

fn attempt_example() -> serde_json::Value {
    json!({"at": "2026-11-21T05:48:21Z", "reason": "the answer was 503", "status": 503,
        "took_ms": 41})
}

fn job_example() -> serde_json::Value {
    json!({
        "id": "job_12", "object": "job", "queue": "whe_7", "event_id": "evt_108",
        "about": "order.placed", "subject": "ord_42", "is_replay": false, "status": "waiting",
        "due_at": "2026-11-21T05:53:21Z", "is_leased": false, "tries": 2,
        "attempts": [attempt_example()], "version": 5, "created_at": "2026-11-21T05:48:16Z"
    })
}

impl<'a> AttemptView<'a> {
    /// The view of a try.
    pub fn of(row: &'a Attempt) -> Self {
        Self {
            at: row.at,
            reason: row.reason.as_ref().map(|text| text.as_str()),
            status: row.status,
            took_ms: row.took_ms,
        }
    }
}

impl<'a> JobView<'a> {
    /// The view of a job.
    pub fn of(row: &'a Job) -> Self {
        Self {
            id: Shown(row.id),
            object: "job",
            queue: Shown(row.queue),
            event_id: (row.event > 0).then(|| format!("evt_{}", row.event)),
            about: row.about.as_str(),
            subject: row.lane.as_ref().map(|lane| lane.as_str()),
            is_replay: row.replay > 0,
            status: row.state,
            due_at: row.due_at,
            is_leased: row.leased,
            tries: row.tries,
            attempts: row.attempts.iter().map(AttemptView::of).collect(),
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// Who reads the log, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consumer, example = consumer_example)]
pub struct ConsumerView {
    #[schema(pattern = "^consumer$")]
    object: &'static str,
    /// The queue that it fills.
    #[schema(value_type = values::Queue)]
    queue: Shown<Queue>,
    /// The last event that it has taken in.
    #[schema(minimum = 0)]
    cursor: i64,
    /// A part of the log that is being delivered once more.
    #[schema(required)]
    replay: Option<ReplayView>,
    /// How many jobs of the queue wait or are being done.
    #[schema(minimum = 0)]
    open: u64,
    /// When it was last moved on.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

/// A part of the log that is being delivered once more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Replay, example = json!({"cursor": 90, "to_seq": 108}))]
pub struct ReplayView {
    /// The last event of it that has been taken in.
    #[schema(minimum = 0)]
    cursor: i64,
    /// The last event of it.
    #[schema(minimum = 1)]
    to_seq: i64,
}

fn consumer_example() -> serde_json::Value {
    json!({"object": "consumer", "queue": "whe_7", "cursor": 108,
        "replay": {"cursor": 90, "to_seq": 108}, "open": 2,
        "updated_at": "2026-11-21T05:48:16.120394Z"})
}

impl ConsumerView {
    /// The view of a consumer.
    pub fn of(row: &Consumer) -> Self {
        Self {
            object: "consumer",
            queue: Shown(row.queue),
            cursor: row.cursor,
            replay: row.replay.map(|(cursor, to_seq)| ReplayView { cursor, to_seq }),
            open: row.open,
            updated_at: row.updated_at,
        }
    }
}

/// What is done from time to time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Schedule, example = schedule_example)]
pub struct ScheduleView<'a> {
    #[schema(pattern = "^schedule$")]
    object: &'static str,
    /// What is done.
    #[schema(value_type = values::ScheduleName)]
    name: ScheduleName,
    /// When it is due next.
    #[schema(value_type = values::Instant)]
    due_at: Timestamp,
    /// Whether a run is on.
    is_running: bool,
    /// How often it was begun.
    #[schema(minimum = 0)]
    runs: u64,
    /// When it was last begun.
    #[schema(value_type = Option<values::Instant>, required)]
    began_at: Option<Timestamp>,
    /// When it last ended.
    #[schema(value_type = Option<values::Instant>, required)]
    ended_at: Option<Timestamp>,
    /// What came of it.
    #[schema(value_type = Option<values::Text>, required)]
    outcome: Option<&'a str>,
}

fn schedule_example() -> serde_json::Value {
    json!({"object": "schedule", "name": "retention", "due_at": "2026-11-21T06:48:16Z",
        "is_running": false, "runs": 7, "began_at": "2026-11-21T05:48:16Z",
        "ended_at": "2026-11-21T05:48:17Z", "outcome": "1200 ended jobs were forgotten"})
}

impl<'a> ScheduleView<'a> {
    /// The view of a schedule.
    pub fn of(row: &'a Schedule) -> Self {
        Self {
            object: "schedule",
            name: row.name,
            due_at: row.due_at,
            is_running: row.runs_until.is_some(),
            runs: row.runs,
            began_at: row.began_at,
            ended_at: row.ended_at,
            outcome: row.outcome.as_ref().map(|text| text.as_str()),
        }
    }
}

/// That something will be done before its time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduleAsked, example = json!({"object": "schedule_asked", "name": "retention"}))]
pub struct AskedView {
    #[schema(pattern = "^schedule_asked$")]
    object: &'static str,
    /// What is done.
    #[schema(value_type = values::ScheduleName)]
    name: ScheduleName,
}

impl AskedView {
    /// The view of what was asked for.
    pub fn of(name: ScheduleName) -> Self {
        Self { object: "schedule_asked", name }
    }
}
