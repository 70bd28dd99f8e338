//! Making, changing and giving up endpoints.

use alloc::vec::Vec;

use super::{
    Endpoint, EndpointEntry, EndpointPatch, EndpointState, NewEndpoint, Refusal, SealedSecret,
};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::EndpointId;
use crate::limits::{ENDPOINT_SECRETS_MAX, ENDPOINTS_MAX, SUCCESS_NOTED_SECS};
use crate::text::{Text, constant_text};
use crate::{Timestamp, Version, jobs};

pub(super) fn create(draft: &mut Draft<'_>, new: &NewEndpoint) -> Result<Reply, Stop> {
    if draft.endpoint_count()? >= ENDPOINTS_MAX {
        return Err(Refusal::TooManyEndpoints { most: ENDPOINTS_MAX }.into());
    }
    let endpoint = Endpoint {
        id: draft.next_endpoint_id(),
        url: new.url.clone(),
        description: new.description.clone(),
        filter: new.filter.clone(),
        secrets: alloc::vec![new.secret.clone()],
        state: EndpointState::Enabled,
        disabled_reason: None,
        succeeded_at: None,
        version: 0,
        created_at: draft.now(),
        updated_at: draft.now(),
        deleted_at: None,
    };
    jobs::begin_for(draft, endpoint.id)?;
    Ok(save(draft, endpoint, "webhook_endpoint.created"))
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: EndpointId,
    expected_version: Option<Version>,
    patch: &EndpointPatch,
) -> Result<Reply, Stop> {
    let mut endpoint = draft.endpoint_at(id, expected_version)?;
    if let Some(url) = &patch.url {
        endpoint.url = url.clone();
    }
    if let Some(description) = &patch.description {
        endpoint.description = description.clone();
    }
    if let Some(filter) = &patch.filter {
        endpoint.filter = filter.clone();
    }
    let said = match patch.state {
        Some(state) if state != endpoint.state => set_state(&mut endpoint, state),
        Some(_) | None => "webhook_endpoint.updated",
    };
    Ok(save(draft, endpoint, said))
}

fn set_state(endpoint: &mut Endpoint, state: EndpointState) -> &'static str {
    endpoint.state = state;
    match state {
        EndpointState::Enabled => {
            endpoint.disabled_reason = None;
            "webhook_endpoint.enabled"
        }
        EndpointState::Disabled => {
            endpoint.disabled_reason = Some(constant_text("disabled by an operator"));
            "webhook_endpoint.disabled"
        }
    }
}

/// The new secret signs from now on; those before it as well, until everybody has the new one.
pub(super) fn rotate(
    draft: &mut Draft<'_>,
    id: EndpointId,
    expected_version: Option<Version>,
    secret: &SealedSecret,
    keep_secs: i64,
) -> Result<Reply, Stop> {
    let mut endpoint = draft.endpoint_at(id, expected_version)?;
    let (now, end) = (draft.now(), draft.after_secs(keep_secs));
    let earlier = endpoint.secrets.into_iter().filter(|one| signs(one, now)).map(|one| {
        let expires_at = Some(one.expires_at.map_or(end, |at| at.min(end)));
        SealedSecret { expires_at, ..one }
    });
    endpoint.secrets = core::iter::once(secret.clone())
        .chain(earlier.filter(|one| signs(one, now)))
        .take(ENDPOINT_SECRETS_MAX)
        .collect::<Vec<_>>();
    Ok(save(draft, endpoint, "webhook_endpoint.updated"))
}

fn signs(secret: &SealedSecret, now: Timestamp) -> bool {
    secret.expires_at.is_none_or(|at| now < at)
}

/// Stops telling it anything. Twice is fine.
pub(super) fn disable(draft: &mut Draft<'_>, id: EndpointId, reason: &Text) -> Result<Reply, Stop> {
    let mut endpoint = draft.endpoint_at(id, None)?;
    if endpoint.state == EndpointState::Disabled {
        return Ok(Reply::Endpoint(EndpointEntry::of(&endpoint)));
    }
    endpoint.state = EndpointState::Disabled;
    endpoint.disabled_reason = Some(reason.clone());
    Ok(save(draft, endpoint, "webhook_endpoint.disabled"))
}

pub(super) fn delete(
    draft: &mut Draft<'_>,
    id: EndpointId,
    expected_version: Option<Version>,
) -> Result<Reply, Stop> {
    let mut endpoint = draft.endpoint_at(id, expected_version)?;
    (endpoint.state, endpoint.deleted_at) = (EndpointState::Disabled, Some(draft.now()));
    endpoint.secrets.clear();
    Ok(save(draft, endpoint, "webhook_endpoint.deleted"))
}

pub(super) fn replay(
    draft: &mut Draft<'_>,
    id: EndpointId,
    from: i64,
    to: i64,
) -> Result<Reply, Stop> {
    draft.endpoint_at(id, None)?;
    jobs::replay(draft, id, from, to).map(Reply::Consumer)
}

/// Something has reached it. Noted now and then, and not for each message.
pub(crate) fn note_success(draft: &mut Draft<'_>, id: EndpointId) -> Result<(), Stop> {
    let now = draft.now();
    let Some(mut endpoint) = draft.find_endpoint(id)? else { return Ok(()) };
    let is_known = endpoint
        .succeeded_at
        .is_some_and(|at| now.duration_since(at).as_secs() < SUCCESS_NOTED_SECS);
    if is_known || endpoint.deleted_at.is_some() {
        return Ok(());
    }
    endpoint.succeeded_at = Some(now);
    draft.save_endpoint(endpoint);
    Ok(())
}

/// One of its messages is given up. Where nothing at all has reached it since that message was due
/// for the first time, it is disabled: nobody is there.
pub(crate) fn note_death(
    draft: &mut Draft<'_>,
    id: EndpointId,
    since: Timestamp,
) -> Result<(), Stop> {
    let Some(endpoint) = draft.find_endpoint(id)? else { return Ok(()) };
    let has_succeeded = endpoint.succeeded_at.is_some_and(|at| at >= since);
    if !has_succeeded && endpoint.deleted_at.is_none() {
        disable(draft, id, &constant_text("nothing has reached it in all the time it was tried"))?;
    }
    Ok(())
}

/// Stores a new or changed endpoint with the event that says so.
fn save(draft: &mut Draft<'_>, endpoint: Endpoint, event: &'static str) -> Reply {
    let entry = EndpointEntry::of(&draft.save_endpoint(endpoint));
    draft.emit(event, EventBody::Endpoint(entry.clone()));
    Reply::Endpoint(entry)
}
