//! What is promised of users, sessions and API keys, asked through the committer.

use onhand_core::accounts::{
    Access, Command as Account, Email, EndReason, NewApiKey, NewUser, PasswordHash, Role, Scope,
    Scopes, Standing, TokenHash, UserPatch,
};
use onhand_core::catalog::{self, NewCategory};
use onhand_core::command::Reply;
use onhand_core::ids::{ApiKeyId, SessionId, UserId};
use onhand_core::limits::SESSIONS_PER_USER_MAX;
use onhand_core::text::{KeyPrefix, Name};
use onhand_core::{Actor, Command};
use onhand_engine::query::UserFilter;

use crate::backend::Backend;
use crate::world::{Asked, Verdict, World, code, codes, key};

pub(crate) fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}

pub(crate) fn session(number: i64) -> SessionId {
    SessionId::new(number).unwrap()
}

pub(crate) fn api_key(number: i64) -> ApiKeyId {
    ApiKeyId::new(number).unwrap()
}

pub(crate) fn email(name: &str) -> Email {
    Email::new(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn token(number: u8) -> TokenHash {
    TokenHash::new([number; 32])
}

/// The hash of a password, from which it can be told.
pub(crate) fn password(output: char) -> PasswordHash {
    let (salt, output) = ("c2FsdHNhbHRzYWx0c2FsdA", output.to_string().repeat(43));
    PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}")).unwrap()
}

pub(crate) fn register(email: Email, role: Role) -> Account {
    let (name, password) = (Name::new("Somebody").ok(), Some(password('a')));
    Account::Register(NewUser { email, name, password, role, scopes: None })
}

pub(crate) fn new_key(number: u8) -> Account {
    Account::CreateKey(NewApiKey {
        name: Name::new("till").unwrap(),
        prefix: KeyPrefix::new(format!("onk_{number}")).unwrap(),
        hash: token(number),
        scopes: Scopes::of(&[Scope::CatalogWrite, Scope::StockRead]),
        expires_at: "2027-01-01T00:00:00Z".parse().ok(),
    })
}

fn start(number: i64, shown: u8) -> Account {
    Account::StartSession { user_id: user(number), token: token(shown), life_secs: 1_000 }
}

fn refresh(shown: u8, successor: u8) -> Account {
    let (presented, successor) = (token(shown), token(successor));
    Account::Refresh { session_id: session(1), presented, successor }
}

fn set(number: i64, standing: Standing) -> Account {
    Account::SetUser { id: user(number), expected_version: None, standing }
}

fn role(role: Role) -> Standing {
    Standing { role: Some(role), ..Standing::default() }
}

fn rename(number: i64, name: &str) -> Account {
    let patch = UserPatch { email: Some(email(name)), name: None };
    Account::UpdateMe { user_id: user(number), expected_version: None, patch }
}

/// A command that needs nothing but the right to it.
fn category() -> Command {
    let new = NewCategory { name: Name::new("tea").unwrap(), parent_id: None };
    Command::Catalog(catalog::Command::CreateCategory(new))
}

/// Somebody who was let in with the right to write to the catalogue.
fn writer(actor: Actor, rights: i64, tokens_from: i64) -> Asked {
    let scopes = Scopes::of(&[Scope::CatalogWrite]);
    let access = Access { rights, tokens_from, scopes, own: None };
    Asked { actor, access, command: category(), key: None }
}

fn local(command: Account) -> Asked {
    let command = Command::Accounts(command);
    Asked { actor: Actor::Local, access: Access::WHOLE, command, key: None }
}

async fn in_one_batch<B: Backend>(world: &World<B>, commands: Vec<Account>) -> Vec<Verdict> {
    world.together(|_| {}, commands.into_iter().map(local).collect()).await
}

/// Users of these roles, named `user1` and so on.
async fn with_users<B: Backend>(roles: &[Role]) -> World<B> {
    let world = World::<B>::with(&[]).await;
    for (number, role) in (1..).zip(roles) {
        world.account(register(email(&format!("user{number}")), *role)).await;
    }
    world
}

/// What came of a refresh: a session that goes on, or one that has ended.
fn went_on(answer: &Verdict) -> bool {
    match &answer.as_ref().unwrap().outcome {
        Ok(Reply::Session { session: view, .. }) => view.ended_at.is_none(),
        Ok(Reply::SessionEnded(_)) => false,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn one_token_has_one_successor_however_often_it_is_shown_at_once<B: Backend>() {
    let world = with_users::<B>(&[Role::Customer]).await;
    world.account(start(1, 10)).await;
    let twice = in_one_batch(&world, vec![refresh(10, 11), refresh(10, 11)]).await;
    assert!(went_on(&twice[0]) && twice[0] == twice[1], "{twice:?}");
    // The reply was lost: another batch, and another process after this one.
    let again = world.ask(Command::Accounts(refresh(10, 11))).await;
    assert_eq!(again.as_ref().unwrap().outcome, twice[0].as_ref().unwrap().outcome);
    let world = world.reopened().await;
    let row = world.reader.0.session(session(1)).await.unwrap().unwrap();
    assert_eq!((row.current, row.previous), (token(11), Some(token(10))));
    assert!(went_on(&world.ask(Command::Accounts(refresh(11, 12))).await));
    world.close().await;
}

pub(crate) async fn a_token_that_is_shown_with_another_successor_ends_the_session<B: Backend>() {
    for is_one_batch in [true, false] {
        let world = with_users::<B>(&[Role::Customer]).await;
        world.account(start(1, 10)).await;
        let twice = [refresh(10, 11), refresh(10, 12)];
        let answers = if is_one_batch {
            in_one_batch(&world, twice.into()).await
        } else {
            let [first, second] = twice.map(|command| world.ask(Command::Accounts(command)));
            vec![first.await, second.await]
        };
        assert_eq!(answers.iter().map(went_on).collect::<Vec<_>>(), [true, false]);
        let ended = world.reader.0.session(session(1)).await.unwrap().unwrap();
        assert_eq!(ended.ended_because, Some(EndReason::Reuse));
        for shown in [10, 11, 12] {
            let command = Command::Accounts(refresh(shown, shown + 1));
            assert_eq!(code(&world.ask(command).await), "session_ended", "{shown}");
        }
        world.close().await;
    }
}

pub(crate) async fn a_right_that_was_taken_away_counts_in_the_same_batch<B: Backend>() {
    let world = with_users::<B>(&[Role::Operator, Role::Admin]).await;
    world.account(new_key(1)).await;
    let seen = world.reader.0.rights().await.unwrap();
    let operator = || writer(Actor::User(user(1)), seen, 1);
    let program = || writer(Actor::Key(api_key(1)), seen, 0);
    let less = Standing { scopes: Some(Scopes::NONE), ..Standing::default() };
    let revoke = Account::RevokeKey { id: api_key(1) };
    let asked = vec![
        operator(),
        program(),
        local(set(1, less)),
        operator(),
        program(),
        local(revoke),
        program(),
    ];
    let answers = world.together(|_| {}, asked).await;
    let (no, ok) = ("unauthenticated", "ok");
    assert_eq!(codes(&answers), [ok, ok, ok, no, ok, ok, no]);
    assert_eq!(world.reader.0.rights().await.unwrap(), seen + 2);
    let world = world.reopened().await;
    for asked in [operator(), program()] {
        assert_eq!(codes(&world.together(|_| {}, vec![asked]).await), [no]);
    }
    world.close().await;
}

pub(crate) async fn who_was_not_let_in_may_come_again_under_the_same_key<B: Backend>() {
    let world = with_users::<B>(&[Role::Operator]).await;
    let seen = world.reader.0.rights().await.unwrap();
    world.account(Account::EndSessions { user_id: user(1) }).await;
    let come = |tokens_from| {
        let asked = writer(Actor::User(user(1)), seen, tokens_from);
        world.together(|_| {}, vec![Asked { key: Some(key(1)), ..asked }])
    };
    assert_eq!(codes(&come(1).await), ["unauthenticated"]);
    let answers = come(2).await;
    assert!(!answers[0].as_ref().unwrap().replayed && codes(&answers) == ["ok"], "{answers:?}");
    assert!(come(2).await[0].as_ref().unwrap().replayed);
    world.close().await;
}

pub(crate) async fn an_address_is_one_users_also_in_one_batch<B: Backend>() {
    let world = with_users::<B>(&[Role::Customer, Role::Customer]).await;
    let new = |name| register(email(name), Role::Customer);
    let answers = in_one_batch(
        &world,
        vec![
            new("ada"),
            new("ada"),
            // One that is given up is free, and one that is taken is not.
            rename(1, "eve"),
            new("user1"),
            rename(2, "eve"),
            rename(2, "user1"),
        ],
    )
    .await;
    let (ok, taken) = ("ok", "email_taken");
    assert_eq!(codes(&answers), [ok, taken, ok, ok, taken, taken]);
    // Two that change places, by way of a third.
    let places = vec![rename(1, "third"), rename(2, "eve"), rename(1, "user2")];
    assert_eq!(codes(&in_one_batch(&world, places).await), [ok, ok, ok]);
    let world = world.reopened().await;
    for (name, number) in [("user2", Some(1)), ("eve", Some(2)), ("third", None)] {
        let found = world.reader.0.user_of_email(email(name)).await.unwrap();
        assert_eq!(found.map(|user| user.id.number()), number, "{name}");
    }
    world.close().await;
}

pub(crate) async fn an_admin_is_left_whoever_asks_at_once<B: Backend>() {
    let world = with_users::<B>(&[Role::Admin, Role::Admin]).await;
    let each_other = vec![set(1, role(Role::Operator)), set(2, role(Role::Operator))];
    let answers = in_one_batch(&world, each_other).await;
    assert_eq!(codes(&answers), ["ok", "last_admin"]);
    // One who is made in the same batch counts, before anybody has asked how many there are.
    let third = vec![register(email("third"), Role::Admin), set(2, role(Role::Operator))];
    assert_eq!(codes(&in_one_batch(&world, third).await), ["ok", "ok"]);
    assert_eq!(
        code(&world.ask(Command::Accounts(set(3, role(Role::Operator)))).await),
        "last_admin"
    );
    world.close().await;
}

/// The sessions of the first user that have not ended.
async fn open<B: Backend>(world: &World<B>) -> Vec<i64> {
    let rows = world.reader.0.open_sessions(user(1)).await.unwrap();
    rows.iter().map(|row| row.id.number()).collect()
}

pub(crate) async fn the_oldest_session_gives_way_also_in_one_batch<B: Backend>() {
    let world = with_users::<B>(&[Role::Customer]).await;
    world.account(start(1, 0)).await;
    let most = u8::try_from(SESSIONS_PER_USER_MAX).unwrap();
    let started = in_one_batch(&world, (1..=most).map(|shown| start(1, shown)).collect()).await;
    assert!(started.iter().all(|answer| code(answer) == "ok"), "{started:?}");
    let all: Vec<i64> = (2..=i64::from(most) + 1).collect();
    assert_eq!(open(&world).await, all);
    // One that ends in the batch makes room for one more.
    let end = Account::EndSession { session_id: session(9), presented: token(8) };
    assert_eq!(codes(&in_one_batch(&world, vec![end, start(1, 99)]).await), ["ok", "ok"]);
    let mut all: Vec<i64> = all.into_iter().filter(|number| *number != 9).collect();
    all.push(i64::from(most) + 2);
    assert_eq!(open(&world).await, all);
    world.account(Account::EndSessions { user_id: user(1) }).await;
    assert_eq!(open(&world).await, Vec::<i64>::new());
    world.close().await;
}

pub(crate) async fn accounts_are_found_as_they_were_left_also_after_a_restart<B: Backend>() {
    let world = with_users::<B>(&[Role::Admin]).await;
    for command in [start(1, 10), refresh(10, 11), new_key(1), new_key(2)] {
        world.account(command).await;
    }
    world.account(Account::RevokeKey { id: api_key(2) }).await;
    world.account(Account::UpgradePassword { user_id: user(1), seen: 1, new: password('b') }).await;
    let used = "2026-01-01T00:00:09Z".parse().unwrap();
    world.account(Account::TouchKeys { uses: vec![(api_key(1), used)] }).await;
    let mut found = Vec::new();
    let mut world = world;
    for _ in 0..2 {
        let reader = &world.reader.0;
        let user = reader.user(user(1)).await.unwrap().unwrap();
        assert_eq!(reader.user_of_email(user.email.clone()).await.unwrap(), Some(user.clone()));
        assert_eq!((&user.password, user.version), (&Some(password('b')), 1));
        let row = reader.session(session(1)).await.unwrap().unwrap();
        assert_eq!(reader.open_sessions(user.id).await.unwrap(), std::slice::from_ref(&row));
        assert_eq!((row.current, row.previous), (token(11), Some(token(10))));
        let keys = reader.api_keys(None, 9).await.unwrap().rows;
        for key in &keys {
            assert_eq!(reader.api_key(key.id).await.unwrap().as_ref(), Some(key));
            assert_eq!(reader.api_key_of_hash(key.hash).await.unwrap().as_ref(), Some(key));
        }
        assert_eq!(keys.len(), 2);
        assert_eq!((keys[1].last_used_at, keys[1].version), (Some(used), 2));
        assert!(keys[0].revoked_at.is_some() && keys[0].created_by == Actor::Local);
        found.push((user, row, keys, reader.rights().await.unwrap()));
        assert_eq!(reader.user(self::user(2)).await.unwrap(), None);
        assert_eq!(reader.api_key_of_hash(token(9)).await.unwrap(), None);
        world = world.reopened().await;
    }
    assert_eq!(found[0], found[1]);
    world.close().await;
}

pub(crate) async fn users_are_listed_as_the_filter_says<B: Backend>() {
    let world = with_users::<B>(&[Role::Admin, Role::Customer, Role::Customer]).await;
    world.account(set(3, Standing { disabled: Some(true), ..Standing::default() })).await;
    world.account(rename(2, "100%_sure")).await;
    let all = UserFilter::default();
    let with_role = |role| UserFilter { role: Some(role), ..all.clone() };
    let disabled = |disabled| UserFilter { disabled: Some(disabled), ..all.clone() };
    let named = |text: &str| UserFilter { email_prefix: Some(text.into()), ..all.clone() };
    for (filter, wanted) in [
        (all.clone(), vec![3, 2, 1]),
        (with_role(Role::Customer), vec![3, 2]),
        (with_role(Role::Operator), vec![]),
        (disabled(true), vec![3]),
        (disabled(false), vec![2, 1]),
        (named("user"), vec![3, 1]),
        (named("100%_"), vec![2]),
        (named("1%"), vec![]),
        (UserFilter { role: Some(Role::Customer), ..disabled(false) }, vec![2]),
    ] {
        let (mut ids, mut before) = (Vec::new(), None);
        loop {
            let page = world.reader.0.users(filter.clone(), before, 1).await.unwrap();
            ids.extend(page.rows.iter().map(|user| user.id.number()));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(ids, wanted, "{filter:?}");
    }
    world.close().await;
}
