//! Every sequence of six things that can happen to a session, each step followed by every promise;
//! and how many sessions there may be.

use onhand_core::accounts::{Command, EndReason, Role, Standing};
use onhand_core::command::Reply;
use onhand_core::ids::SessionId;
use onhand_core::limits::{REFRESH_GRACE_SECS, SESSION_LIFE_SECS_MAX, SESSIONS_PER_USER_MAX};
use onhand_core::{Actor, accounts};

use crate::members::{Members, password, token, user};

const DEPTH: u32 = 6;
const LIFE_SECS: i64 = 50;
const FIRST: u8 = 100;
/// A token that was never given out.
const UNKNOWN: u8 = 7;

/// What can happen to a session.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A refresh with the token so many steps before the newest.
    Refresh(u8),
    RefreshWithUnknown,
    Wait(i64),
    LogOut,
    Disable,
}

const HAPPENINGS: [Happening; 8] = [
    Happening::Refresh(0),
    Happening::Refresh(1),
    Happening::Refresh(2),
    Happening::RefreshWithUnknown,
    Happening::Wait(5),
    Happening::Wait(20),
    Happening::LogOut,
    Happening::Disable,
];

/// The rules of a session once more, in the most naive form there is.
#[derive(Debug, Clone)]
struct Model {
    newest: u8,
    age_secs: i64,
    since_refresh_secs: i64,
    ended: Option<EndReason>,
}

impl Model {
    fn is_good(&self) -> bool {
        self.ended.is_none() && self.age_secs < LIFE_SECS
    }

    /// Whether a token is answered with a new one.
    fn gives(&self, number: u8) -> bool {
        let is_lost_reply = self.newest > FIRST
            && number == self.newest - 1
            && self.since_refresh_secs <= REFRESH_GRACE_SECS;
        self.is_good() && (number == self.newest || is_lost_reply)
    }
}

fn session() -> SessionId {
    SessionId::new(1).unwrap()
}

fn refresh(number: u8) -> Command {
    let (presented, successor) = (token(number), token(number + 1));
    let was_good = number != UNKNOWN;
    Command::Refresh { session_id: session(), presented, successor, was_good }
}

/// Whether a token would be answered with a new one.
fn gives(members: &Members, number: u8) -> bool {
    let command = onhand_core::Command::Accounts(refresh(number));
    let decided = members.decide(Actor::System, accounts::Access::WHOLE, &command);
    matches!(decided.map(|decision| decision.reply), Ok(Reply::Session { .. }))
}

fn happen(members: &mut Members, model: &mut Model, happening: Happening) {
    match happening {
        Happening::Refresh(back) => show(members, model, model.newest.max(FIRST + back) - back),
        Happening::RefreshWithUnknown => show(members, model, UNKNOWN),
        Happening::Wait(secs) => {
            members.wait_secs(secs);
            model.age_secs += secs;
            model.since_refresh_secs += secs;
        }
        Happening::LogOut => {
            let (session_id, presented) = (session(), token(model.newest));
            members.done(&Command::EndSession { session_id, presented });
            model.ended.get_or_insert(EndReason::Logout);
        }
        Happening::Disable => {
            let standing = Standing { disabled: Some(true), ..Standing::default() };
            let (id, expected_version) = (user(1), None);
            members.done(&Command::SetUser { id, expected_version, standing });
            model.ended.get_or_insert(EndReason::Disabled);
        }
    }
}

/// Shows a token, and what comes of it.
fn show(members: &mut Members, model: &mut Model, number: u8) {
    let (is_good, gives) = (model.is_good(), model.gives(number));
    let before = members.sessions[&session()].clone();
    match members.ask(&refresh(number)) {
        Ok(Reply::Session { session: view, user }) => {
            assert!(gives, "{number} {model:?}");
            assert_eq!((view.user_id, user.disabled), (user.id, false));
            let after = &members.sessions[&session()];
            assert_eq!(after.current, token(number + 1));
            if number == model.newest {
                (model.newest, model.since_refresh_secs) = (number + 1, 0);
            } else {
                assert_eq!(*after, before, "a lost reply changes nothing");
            }
        }
        Ok(Reply::SessionEnded(view)) => {
            assert!(is_good && !gives && number != UNKNOWN, "{number} {model:?}");
            assert_eq!(view.ended_because, Some(EndReason::Reuse));
            model.ended = Some(EndReason::Reuse);
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => {
            assert!(!is_good || number == UNKNOWN, "{number} {model:?}: {refusal:?}");
            assert_eq!(members.sessions[&session()], before, "a refusal changes nothing");
            assert_eq!(refusal.code(), "session_ended");
        }
    }
}

/// The promises of a session.
fn check(members: &Members, model: &Model) {
    let row = &members.sessions[&session()];
    assert_eq!(row.ended_because, model.ended, "{model:?}");
    let all: Vec<u8> = (FIRST..=model.newest).chain([UNKNOWN, model.newest + 1]).collect();
    let good: Vec<u8> = all.iter().copied().filter(|number| gives(members, *number)).collect();
    let wanted: Vec<u8> = all.iter().copied().filter(|number| model.gives(*number)).collect();
    assert_eq!(good, wanted, "{model:?}");
    assert!(good.iter().all(|number| model.newest - number <= 1), "{good:?} {model:?}");
    assert!(good.is_empty() || model.is_good(), "{good:?} {model:?}");
}

/// Goes every way from here.
fn go_on(members: &Members, model: &Model, depth: u32, ends: &mut Vec<Option<EndReason>>) {
    if depth == 0 {
        ends.push(model.ended);
        return;
    }
    for happening in HAPPENINGS {
        let (mut members, mut model) = (members.clone(), model.clone());
        happen(&mut members, &mut model, happening);
        check(&members, &model);
        go_on(&members, &model, depth - 1, ends);
    }
}

fn logged_in(life_secs: i64) -> Members {
    let mut members = Members::with(&[Role::Customer]);
    members.done(&Command::StartSession { user_id: user(1), token: token(FIRST), life_secs });
    members
}

#[test]
fn no_sequence_of_six_happenings_gives_two_tokens() {
    let first = Model { newest: FIRST, age_secs: 0, since_refresh_secs: 0, ended: None };
    let mut ends = Vec::new();
    go_on(&logged_in(LIFE_SECS), &first, DEPTH, &mut ends);
    assert_eq!(ends.len(), HAPPENINGS.len().pow(DEPTH));
    for end in [None, Some(EndReason::Logout), Some(EndReason::Reuse), Some(EndReason::Disabled)] {
        assert!(ends.contains(&end), "never seen: {end:?}");
    }
}

#[test]
fn a_lost_reply_is_repeated_to_the_second_and_with_the_same_token_only() {
    for (secs, successor, wanted) in [
        (0, FIRST + 1, "again"),
        (REFRESH_GRACE_SECS, FIRST + 1, "again"),
        (REFRESH_GRACE_SECS + 1, FIRST + 1, "ended"),
        (0, FIRST + 2, "ended"),
    ] {
        let mut members = logged_in(1_000);
        members.done(&refresh(FIRST));
        members.wait_secs(secs);
        let (presented, successor) = (token(FIRST), token(successor));
        let (session_id, was_good) = (session(), true);
        let again = Command::Refresh { session_id, presented, successor, was_good };
        let came = match members.ask(&again) {
            Ok(Reply::Session { .. }) => "again",
            Ok(Reply::SessionEnded(_)) => "ended",
            other => panic!("{other:?}"),
        };
        assert_eq!(came, wanted, "{secs} s");
    }
}

#[test]
fn a_session_is_over_at_its_time_and_never_lives_longer_than_it_may() {
    for (asked, lives) in [(50, 50), (SESSION_LIFE_SECS_MAX + 1, SESSION_LIFE_SECS_MAX)] {
        let mut members = logged_in(asked);
        members.wait_secs(lives - 1);
        assert!(gives(&members, FIRST), "{asked}");
        members.wait_secs(1);
        assert!(!gives(&members, FIRST), "{asked}");
        assert_eq!(members.code(&refresh(FIRST)), "session_ended");
    }
}

#[test]
fn logging_out_takes_the_token_and_twice_is_fine() {
    let mut members = logged_in(1_000);
    let log_out = |number| {
        let (session_id, presented) = (session(), token(number));
        Command::EndSession { session_id, presented }
    };
    members.done(&refresh(FIRST));
    members.done(&refresh(FIRST + 1));
    for (number, wanted) in [(UNKNOWN, "session_ended"), (FIRST, "session_ended")] {
        assert_eq!(members.code(&log_out(number)), wanted);
        assert!(gives(&members, FIRST + 2), "nobody was logged out");
    }
    for number in [FIRST + 1, FIRST + 2, FIRST + 1] {
        assert_eq!(members.code(&log_out(number)), "ok", "{number}");
        assert!(!gives(&members, FIRST + 2));
    }
    let reason = members.sessions[&session()].ended_because;
    assert_eq!(reason, Some(EndReason::Logout));
}

#[test]
fn leaving_a_session_takes_its_owner_and_twice_is_fine() {
    let mut members = logged_in(1_000);
    let leave = |number| {
        let (session_id, user_id) = (session(), user(number));
        Command::LeaveSession { session_id, user_id }
    };
    assert_eq!(members.code(&leave(2)), "session_ended");
    assert!(gives(&members, FIRST), "nobody was logged out");
    for _ in 0..2 {
        assert_eq!(members.code(&leave(1)), "ok");
        assert!(!gives(&members, FIRST));
    }
    let reason = members.sessions[&session()].ended_because;
    assert_eq!(reason, Some(EndReason::Logout));
}

#[test]
fn one_session_too_many_ends_the_oldest() {
    let mut members = Members::with(&[Role::Customer, Role::Customer]);
    let start = |number, token_number| {
        let (user_id, token) = (user(number), token(token_number));
        Command::StartSession { user_id, token, life_secs: 1_000 }
    };
    members.done(&start(2, 0));
    for number in 0..SESSIONS_PER_USER_MAX + 2 {
        members.done(&start(1, u8::try_from(number).unwrap()));
    }
    let ended: Vec<_> = members.sessions.values().filter(|row| row.ended_at.is_some()).collect();
    let ids: Vec<_> = ended.iter().map(|row| row.id.number()).collect();
    assert_eq!(ids, [2, 3]);
    assert!(ended.iter().all(|row| row.ended_because == Some(EndReason::TooMany)));
    assert_eq!(members.open(user(2)).count(), 1);
}

/// A command that ends every session of a user, and why.
fn check_ends_all(command: &Command, because: EndReason) {
    let mut members = Members::with(&[Role::Customer, Role::Customer]);
    for (number, life_secs) in [(1, 10), (1, 1_000), (2, 1_000)] {
        let (user_id, token) = (user(number), token(FIRST));
        members.done(&Command::StartSession { user_id, token, life_secs });
    }
    // One of them is over and has not ended.
    members.wait_secs(20);
    members.done(command);
    let reasons: Vec<_> = members.sessions.values().map(|row| row.ended_because).collect();
    assert_eq!(reasons, [Some(because), Some(because), None], "{command:?}");
    assert_eq!(members.users[&user(1)].tokens_from, 2);
    assert_eq!(members.numbering.rights, 2);
}

#[test]
fn a_new_password_an_operator_and_a_disabled_account_end_every_session() {
    let (user_id, seen, new) = (user(1), 1, password('b'));
    check_ends_all(&Command::ChangePassword { user_id, seen, new }, EndReason::PasswordChanged);
    check_ends_all(&Command::EndSessions { user_id }, EndReason::ByOperator);
    let standing = Standing { disabled: Some(true), ..Standing::default() };
    let disable = Command::SetUser { id: user_id, expected_version: None, standing };
    check_ends_all(&disable, EndReason::Disabled);
}
