//! A session: a family of refresh tokens, each good for one refresh, which makes its successor. A
//! token that is shown a second time has been copied, and nobody can tell who has the copy: the
//! family ends. Only a token whose reply may have been lost is answered again, for a few seconds.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::secret::TokenHash;
use super::user::UserView;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{SessionId, UserId};
use crate::limits::{REFRESH_GRACE_SECS, SESSION_LIFE_SECS_MAX, SESSIONS_PER_USER_MAX};
use crate::{Timestamp, Version};

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The user logged out.
    Logout,
    /// The password was changed.
    PasswordChanged,
    /// A token was shown that was good no more.
    Reuse,
    /// An operator ended it.
    ByOperator,
    /// The user was disabled.
    Disabled,
    /// The user logged in more often than sessions may be open.
    TooMany,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Logout,
        Self::PasswordChanged,
        Self::Reuse,
        Self::ByOperator,
        Self::Disabled,
        Self::TooMany,
    ];

    /// The stored and shown name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::PasswordChanged => "password_changed",
            Self::Reuse => "reuse",
            Self::ByOperator => "by_operator",
            Self::Disabled => "disabled",
            Self::TooMany => "too_many",
        }
    }

    /// Reads the stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A session as it stands. Only [`SessionView`] and [`SessionEntry`] of it ever leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who is logged in.
    pub user_id: UserId,
    /// The token that is good for the next refresh.
    pub current: TokenHash,
    /// The token before it.
    pub previous: Option<TokenHash>,
    /// When the current token was made.
    pub rotated_at: Timestamp,
    /// When somebody logged in.
    pub created_at: Timestamp,
    /// When it is over, however often it is refreshed.
    pub expires_at: Timestamp,
    /// When it ended before that.
    pub ended_at: Option<Timestamp>,
    /// Why it ended before that.
    pub ended_because: Option<EndReason>,
    /// How often it was changed.
    pub version: Version,
}

impl Session {
    /// Whether it can still be refreshed at `now`: it is over at `expires_at` itself.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// What a caller is told of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Who is logged in.
    pub user_id: UserId,
    /// When it was last refreshed.
    pub rotated_at: Timestamp,
    /// When somebody logged in.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// When it ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_because: Option<EndReason>,
}

impl SessionView {
    /// The view of a session.
    pub fn of(session: &Session) -> Self {
        let Session { id, user_id, rotated_at, created_at, expires_at, .. } = *session;
        let Session { ended_at, ended_because, .. } = *session;
        Self { id, user_id, rotated_at, created_at, expires_at, ended_at, ended_because }
    }
}

/// What the log says of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// Its id.
    pub id: SessionId,
    /// Who is logged in.
    pub user_id: UserId,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<EndReason>,
}

/// Lets a user in, who has shown who it is.
pub(super) fn start(
    draft: &mut Draft<'_>,
    user_id: UserId,
    token: TokenHash,
    life_secs: i64,
) -> Result<Reply, Stop> {
    let user = draft.user(user_id)?;
    if user.disabled {
        return Err(Refusal::UserDisabled { user_id }.into());
    }
    let open = draft.open_sessions(user_id)?;
    let too_many = (open.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
    for oldest in open.into_iter().take(too_many) {
        end(draft, oldest, EndReason::TooMany, "session.ended");
    }
    let now = draft.now();
    let session = Session {
        id: draft.next_session_id(),
        user_id,
        current: token,
        previous: None,
        rotated_at: now,
        created_at: now,
        expires_at: draft.after_secs(life_secs.min(SESSION_LIFE_SECS_MAX)),
        ended_at: None,
        ended_because: None,
        version: 1,
    };
    let view = SessionView::of(&session);
    emit(draft, "session.started", &session);
    draft.put_session(session);
    Ok(Reply::Session { session: view, user: UserView::of(&user) })
}

/// Takes a token for its successor. A token that was good once and is not the newest one ends the
/// session: that is a change, and so a reply and no refusal.
pub(super) fn refresh(
    draft: &mut Draft<'_>,
    id: SessionId,
    presented: TokenHash,
    successor: TokenHash,
    was_good: bool,
) -> Result<Reply, Stop> {
    let now = draft.now();
    let session = draft.find_session(id)?.filter(|session| session.is_good(now));
    let Some(mut session) = session else {
        return Err(Refusal::SessionEnded.into());
    };
    let user = draft.user(session.user_id)?;
    if user.disabled {
        return Err(Refusal::SessionEnded.into());
    }
    if presented == session.current {
        session.previous = Some(session.current);
        session.current = successor;
        session.rotated_at = now;
        session.version += 1;
        draft.put_session(session.clone());
    } else if !is_lost_reply(&session, now, presented, successor) {
        if !was_good && session.previous != Some(presented) {
            return Err(Refusal::SessionEnded.into());
        }
        let ended = end(draft, session, EndReason::Reuse, "session.reuse_detected");
        return Ok(Reply::SessionEnded(ended));
    }
    Ok(Reply::Session { session: SessionView::of(&session), user: UserView::of(&user) })
}

/// Whether somebody asks again for what the newest refresh has made already.
fn is_lost_reply(
    session: &Session,
    now: Timestamp,
    presented: TokenHash,
    successor: TokenHash,
) -> bool {
    let grace = jiff::SignedDuration::from_secs(REFRESH_GRACE_SECS);
    session.previous == Some(presented)
        && session.current == successor
        && now.duration_since(session.rotated_at) <= grace
}

/// Logs out whoever has the newest token, or the one before it. Twice is fine.
pub(super) fn log_out(
    draft: &mut Draft<'_>,
    id: SessionId,
    presented: TokenHash,
) -> Result<Reply, Stop> {
    log_out_of(draft, id, |session| {
        session.current == presented || session.previous == Some(presented)
    })
}

/// Logs out whoever has an access token of the session. Twice is fine.
pub(super) fn leave(draft: &mut Draft<'_>, id: SessionId, user_id: UserId) -> Result<Reply, Stop> {
    log_out_of(draft, id, |session| session.user_id == user_id)
}

fn log_out_of(
    draft: &mut Draft<'_>,
    id: SessionId,
    is_of: impl Fn(&Session) -> bool,
) -> Result<Reply, Stop> {
    match draft.find_session(id)?.filter(is_of) {
        None => Err(Refusal::SessionEnded.into()),
        Some(session) if session.ended_at.is_some() => {
            Ok(Reply::SessionEnded(SessionView::of(&session)))
        }
        Some(session) => {
            Ok(Reply::SessionEnded(end(draft, session, EndReason::Logout, "session.ended")))
        }
    }
}

/// Ends every open session of a user.
pub(super) fn end_all(
    draft: &mut Draft<'_>,
    user_id: UserId,
    because: EndReason,
) -> Result<(), Stop> {
    for session in draft.open_sessions(user_id)? {
        end(draft, session, because, "session.ended");
    }
    Ok(())
}

fn end(
    draft: &mut Draft<'_>,
    mut session: Session,
    because: EndReason,
    event: &'static str,
) -> SessionView {
    session.ended_at = Some(draft.now());
    session.ended_because = Some(because);
    session.version += 1;
    let view = SessionView::of(&session);
    emit(draft, event, &session);
    draft.put_session(session);
    view
}

fn emit(draft: &mut Draft<'_>, event: &'static str, session: &Session) {
    let Session { id, user_id, ended_because: because, .. } = *session;
    draft.emit(event, EventBody::Session(SessionEntry { id, user_id, because }));
}
