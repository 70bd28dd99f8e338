//! Tables of who may register and change what, and of what a caller is worth whose rights were
//! taken away after it was let in.

use onhand_core::accounts::{
    Access, Command, NewApiKey, NewUser, Role, Scope, Scopes, Standing, UserPatch,
};
use onhand_core::catalog::{self, NewCategory};
use onhand_core::command::Reply;
use onhand_core::ids::ApiKeyId;
use onhand_core::text::{KeyPrefix, Name};
use onhand_core::{Actor, Refusal, Timestamp};

use crate::members::{Members, email, new_user, password, token, user};

fn set(number: i64, standing: Standing) -> Command {
    Command::SetUser { id: user(number), expected_version: None, standing }
}

fn role(role: Role) -> Standing {
    Standing { role: Some(role), ..Standing::default() }
}

fn disabled(disabled: bool) -> Standing {
    Standing { disabled: Some(disabled), ..Standing::default() }
}

fn scopes(text: &str) -> Standing {
    Standing { scopes: Some(text.parse().unwrap()), ..Standing::default() }
}

fn new_key(scopes: &str) -> Command {
    Command::CreateKey(NewApiKey {
        name: Name::new("till").unwrap(),
        prefix: KeyPrefix::new("onk_12345678").unwrap(),
        hash: token(1),
        scopes: scopes.parse().unwrap(),
        expires_at: "2026-01-02T00:00:00Z".parse().ok(),
    })
}

#[test]
fn an_address_is_one_users() {
    let mut members = Members::with(&[Role::Customer, Role::Customer]);
    assert_eq!(members.code(&new_user("user1", Role::Customer)), "email_taken");
    let rename = |name: &str| {
        let patch = UserPatch { email: Some(email(name)), name: None };
        Command::UpdateMe { user_id: user(1), expected_version: None, patch }
    };
    for (name, wanted) in [("user2", "email_taken"), ("user1", "ok"), ("third", "ok")] {
        assert_eq!(members.code(&rename(name)), wanted, "{name}");
    }
    assert_eq!(members.code(&new_user("user1", Role::Customer)), "ok");
    assert_eq!(members.code(&new_user("third", Role::Customer)), "email_taken");
    assert_eq!(members.users[&user(1)].tokens_from, 1, "a new address takes nothing away");
}

#[test]
fn users_change_what_is_theirs_at_the_version_they_saw() {
    let mut members = Members::with(&[Role::Customer]);
    let rename = |expected_version, name: Option<&str>| {
        let name = Some(name.map(|name| Name::new(name).unwrap()));
        let patch = UserPatch { name, email: None };
        Command::UpdateMe { user_id: user(1), expected_version, patch }
    };
    let name = |members: &Members| members.users[&user(1)].name.clone();
    assert_eq!(members.code(&rename(Some(2), Some("Ada"))), "version_mismatch");
    assert_eq!(members.code(&rename(Some(1), Some("Ada"))), "ok");
    assert_eq!(name(&members), Name::new("Ada").ok());
    assert_eq!(members.code(&rename(None, None)), "ok");
    assert_eq!(name(&members), None);
    let nobody = Command::EndSessions { user_id: user(9) };
    assert_eq!(members.code(&nobody), "unknown_user");
}

#[test]
fn a_password_is_changed_by_who_knew_the_old_one_and_upgraded_without_a_word() {
    let mut members = Members::with(&[Role::Customer]);
    let user_id = user(1);
    let change = |seen, to| Command::ChangePassword { user_id, seen, new: password(to) };
    let upgrade = |seen, to| Command::UpgradePassword { user_id, seen, new: password(to) };
    let steps = [
        (change(2, 'b'), "version_mismatch", 'a', 1, 1),
        (upgrade(1, 'c'), "ok", 'c', 1, 1),
        (change(1, 'b'), "ok", 'b', 2, 2),
        (change(1, 'd'), "version_mismatch", 'b', 2, 2),
        // Whoever logs in with the old password at that moment does not bring it back.
        (upgrade(1, 'e'), "ok", 'b', 2, 2),
        (upgrade(2, 'f'), "ok", 'f', 2, 2),
    ];
    for (command, wanted, hash, version, tokens_from) in steps {
        let before = members.numbering.event;
        assert_eq!(members.code(&command), wanted, "{command:?}");
        let row = &members.users[&user_id];
        assert_eq!(row.password, Some(password(hash)), "{command:?}");
        assert_eq!((row.version, row.tokens_from), (version, tokens_from), "{command:?}");
        let is_told = matches!(command, Command::ChangePassword { .. }) && wanted == "ok";
        assert_eq!(members.numbering.event > before, is_told, "{command:?}");
    }
}

/// What becomes of the scopes of a user with a role, and how often rights have been taken away.
fn check_standing(before: Role, standing: Standing, wanted: Result<&str, &str>, rights: i64) {
    let mut members = Members::with(&[before, Role::Admin]);
    let came = match members.ask(&set(1, standing.clone())) {
        Ok(Reply::User(view)) => Ok(view.scopes),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code()),
    };
    let wanted = wanted.map(|text| text.parse::<Scopes>().unwrap());
    assert_eq!(came, wanted, "{before:?} {standing:?}");
    assert_eq!(members.numbering.rights, rights, "{before:?} {standing:?}");
    assert_eq!(members.users[&user(1)].tokens_from, rights, "{before:?} {standing:?}");
}

#[test]
fn what_a_user_may_do_follows_the_role() {
    use Role::{Admin, Customer, Operator};
    let works = Operator.scopes().to_string();
    check_standing(Customer, role(Operator), Ok(&works), 2);
    check_standing(Customer, role(Admin), Ok("admin"), 2);
    check_standing(Operator, role(Customer), Ok("orders:own"), 2);
    check_standing(Operator, scopes("orders:read"), Ok("orders:read"), 2);
    check_standing(Operator, scopes(""), Ok(""), 2);
    check_standing(Operator, disabled(true), Ok(&works), 2);
    // What changes nothing takes nothing away.
    check_standing(Operator, role(Operator), Ok(&works), 1);
    check_standing(Operator, scopes(&works), Ok(&works), 1);
    check_standing(Customer, disabled(false), Ok("orders:own"), 1);
    check_standing(Customer, Standing::default(), Ok("orders:own"), 1);
    check_standing(Customer, scopes("orders:read"), Err("unlawful_scopes"), 1);
    check_standing(Operator, scopes("admin"), Err("unlawful_scopes"), 1);
    check_standing(Operator, scopes("orders:own"), Err("unlawful_scopes"), 1);
    check_standing(Admin, scopes("orders:read"), Err("unlawful_scopes"), 1);
    let both = Standing { role: Some(Operator), ..scopes("stock:read") };
    check_standing(Admin, both, Ok("stock:read"), 2);
    let unlawful = Standing { role: Some(Customer), ..scopes("stock:read") };
    check_standing(Admin, unlawful, Err("unlawful_scopes"), 1);
}

#[test]
fn who_registers_gets_the_scopes_of_the_role() {
    let new = |role, scopes: Option<&str>| {
        let scopes = scopes.map(|text| text.parse().unwrap());
        Command::Register(NewUser { email: email("new"), name: None, password: None, role, scopes })
    };
    for (role, scopes, wanted) in [
        (Role::Customer, None, "ok"),
        (Role::Operator, Some("stock:read"), "ok"),
        (Role::Admin, None, "ok"),
        (Role::Customer, Some("admin"), "unlawful_scopes"),
        (Role::Operator, Some("orders:own"), "unlawful_scopes"),
    ] {
        assert_eq!(Members::none().code(&new(role, scopes)), wanted, "{role:?} {scopes:?}");
    }
}

#[test]
fn somebody_who_may_do_everything_is_left() {
    use Role::{Admin, Customer, Operator};
    let steps = [
        (set(1, role(Operator)), "ok"),
        (set(2, disabled(true)), "last_admin"),
        (set(2, role(Customer)), "last_admin"),
        (set(2, disabled(false)), "ok"),
        (set(1, role(Admin)), "ok"),
        (set(2, disabled(true)), "ok"),
        // One who is disabled does not count.
        (set(1, disabled(true)), "last_admin"),
        (set(2, role(Customer)), "ok"),
        (set(1, role(Operator)), "last_admin"),
    ];
    let mut members = Members::with(&[Admin, Admin, Customer]);
    for (command, wanted) in steps {
        assert_eq!(members.code(&command), wanted, "{command:?}");
    }
}

#[test]
fn nobody_is_let_into_a_disabled_account() {
    let mut members = Members::with(&[Role::Customer]);
    let start = Command::StartSession { user_id: user(1), token: token(1), life_secs: 60 };
    for (is_disabled, wanted) in [(true, "user_disabled"), (false, "ok")] {
        members.done(&set(1, disabled(is_disabled)));
        assert_eq!(members.code(&start), wanted);
    }
}

/// A command that needs nothing but the right to it.
fn category() -> onhand_core::Command {
    let new = NewCategory { name: Name::new("tea").unwrap(), parent_id: None };
    onhand_core::Command::Catalog(catalog::Command::CreateCategory(new))
}

fn access(rights: i64, tokens_from: i64, scope: Scope) -> Access {
    Access { rights, tokens_from, scopes: Scopes::of(&[scope]), own: None }
}

fn code_of(members: &Members, actor: Actor, access: Access) -> &'static str {
    match members.decide(actor, access, &category()) {
        Ok(_) => "ok",
        Err(refusal) => {
            assert_eq!(refusal, Refusal::Accounts(onhand_core::accounts::Refusal::RightsWithdrawn));
            assert!(!refusal.is_remembered());
            refusal.code()
        }
    }
}

/// What an operator who was let in before is worth after something happened to it: with the token
/// of then and one of now, and to whoever has seen the newest count of rights.
fn check_withdrawn(happened: &Command, old: &'static str, new: &'static str) {
    let mut members = Members::with(&[Role::Operator, Role::Admin]);
    let seen = members.numbering.rights;
    members.done(happened);
    let tokens_from = members.users[&user(1)].tokens_from;
    let actor = || Actor::User(user(1));
    let write = Scope::CatalogWrite;
    assert_eq!(code_of(&members, actor(), access(seen, 1, write)), old, "{happened:?}");
    assert_eq!(code_of(&members, actor(), access(seen, tokens_from, write)), new, "{happened:?}");
    let newest = access(members.numbering.rights, 0, write);
    assert_eq!(code_of(&members, actor(), newest), "ok", "{happened:?}");
    assert_eq!(code_of(&members, Actor::System, Access::WHOLE), "ok");
    assert_eq!(code_of(&members, Actor::Local, Access::WHOLE), "ok");
}

#[test]
fn what_was_taken_away_counts_at_once() {
    let (user_id, seen, new) = (user(1), 1, password('b'));
    let (no, ok) = ("unauthenticated", "ok");
    check_withdrawn(&set(1, disabled(true)), no, no);
    check_withdrawn(&set(1, scopes("orders:read")), no, no);
    check_withdrawn(&set(1, role(Role::Customer)), no, no);
    check_withdrawn(&set(1, role(Role::Admin)), no, ok);
    check_withdrawn(&set(1, scopes("catalog:write")), no, ok);
    check_withdrawn(&Command::ChangePassword { user_id, seen, new }, no, ok);
    check_withdrawn(&Command::EndSessions { user_id }, no, ok);
    // What happens to others is looked at and found to be nothing.
    check_withdrawn(&Command::EndSessions { user_id: user(2) }, ok, ok);
    check_withdrawn(&new_key("stock:read"), ok, ok);
}

#[test]
fn a_caller_without_a_right_of_its_own_is_never_let_in() {
    let members = Members::with(&[Role::Operator]);
    for actor in [Actor::User(user(1)), Actor::User(user(9)), Actor::Key(ApiKeyId::new(1).unwrap())]
    {
        assert_eq!(code_of(&members, actor, Access::WHOLE), "unauthenticated");
    }
}

#[test]
fn a_key_is_good_until_it_is_revoked_or_over_and_for_its_scopes() {
    let (id, key) = (ApiKeyId::new(1).unwrap(), Actor::Key(ApiKeyId::new(1).unwrap()));
    let mut members = Members::with(&[Role::Operator]);
    assert_eq!(members.code(&new_key("catalog:write orders:own")), "unlawful_scopes");
    assert_eq!(members.code(&Command::RevokeKey { id }), "unknown_api_key");
    members.done(&new_key("catalog:write"));
    // Something is taken away from somebody, so that the key is looked at.
    members.done(&Command::EndSessions { user_id: user(1) });
    let old = |scope| access(1, 0, scope);
    assert_eq!(code_of(&members, key.clone(), old(Scope::CatalogWrite)), "ok");
    assert_eq!(code_of(&members, key.clone(), old(Scope::StockWrite)), "unauthenticated");
    let mut later = members.clone();
    later.wait_secs(24 * 3600 - 1);
    assert_eq!(code_of(&later, key.clone(), old(Scope::CatalogWrite)), "ok");
    later.wait_secs(1);
    assert_eq!(code_of(&later, key.clone(), old(Scope::CatalogWrite)), "unauthenticated");
    for _ in 0..2 {
        assert_eq!(members.code(&Command::RevokeKey { id }), "ok");
        assert_eq!(members.numbering.rights, 3, "twice takes nothing more away");
        assert_eq!(code_of(&members, key.clone(), old(Scope::CatalogWrite)), "unauthenticated");
    }
}

fn at(second: i64) -> Timestamp {
    Members::none().now.checked_add(jiff::SignedDuration::from_secs(second)).unwrap()
}

#[test]
fn uses_of_keys_go_forward_only() {
    let mut members = Members::none();
    members.done(&new_key("stock:read"));
    let (id, other) = (ApiKeyId::new(1).unwrap(), ApiKeyId::new(2).unwrap());
    let events = members.numbering.event;
    for (uses, noted, last) in [
        (vec![(id, at(5)), (id, at(3)), (other, at(9))], 1, 5),
        (vec![(id, at(4))], 0, 5),
        (vec![(id, at(5))], 0, 5),
        (vec![(id, at(6)), (id, at(7))], 1, 7),
    ] {
        let reply = members.done(&Command::TouchKeys { uses });
        assert_eq!(reply, Reply::KeysTouched { keys: noted });
        assert_eq!(members.keys[&id].last_used_at, Some(at(last)));
    }
    assert_eq!(members.keys[&id].version, 3);
    assert_eq!(members.numbering.event, events, "a use is no event");
}
