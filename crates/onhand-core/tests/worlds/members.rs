//! A world in memory for the rules of accounts: answers what a decision misses, carries out what it
//! decides, and checks after every step what holds of accounts whatever happens. Cheap to clone, so
//! that a test can go every way from one point.

use std::collections::BTreeMap;
use std::sync::Arc;

use onhand_core::accounts::{
    Access, ApiKey, Command, Email, NewUser, PasswordHash, Role, Session, TokenHash, User,
};
use onhand_core::command::{Context, Decision, Numbering, Reply};
use onhand_core::events::EventBody;
use onhand_core::ids::{ApiKeyId, SessionId, UserId};
use onhand_core::limits::SESSIONS_PER_USER_MAX;
use onhand_core::{Actor, Needs, Refusal, State, Stop, Timestamp, decide};

/// Everything that is remembered of accounts.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    pub(crate) now: Timestamp,
    pub(crate) numbering: Numbering,
    pub(crate) users: BTreeMap<UserId, Arc<User>>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) keys: BTreeMap<ApiKeyId, ApiKey>,
}

pub(crate) fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}

pub(crate) fn email(name: &str) -> Email {
    Email::new(&format!("{name}@example.com")).unwrap()
}

/// A token; the successor of each is the next.
pub(crate) fn token(number: u8) -> TokenHash {
    TokenHash::new([number; 32])
}

/// The hash of a password, from which it can be told.
pub(crate) fn password(output: char) -> PasswordHash {
    let (salt, output) = ("c2FsdHNhbHRzYWx0c2FsdA", output.to_string().repeat(43));
    PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}")).unwrap()
}

pub(crate) fn new_user(name: &str, role: Role) -> Command {
    let password = Some(password('a'));
    Command::Register(NewUser { email: email(name), name: None, password, role, scopes: None })
}

impl Members {
    /// Nobody at all.
    pub(crate) fn none() -> Self {
        Self {
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            numbering: Numbering::FIRST,
            users: BTreeMap::new(),
            sessions: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Users with these roles, the first with number 1.
    pub(crate) fn with(roles: &[Role]) -> Self {
        let mut members = Self::none();
        for (number, role) in (1..).zip(roles) {
            members.done(&new_user(&format!("user{number}"), *role));
        }
        members
    }

    pub(crate) fn wait_secs(&mut self, secs: i64) {
        self.now = self.now.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap();
    }

    /// What would be decided; nothing is carried out.
    pub(crate) fn decide(
        &self,
        actor: Actor,
        access: Access,
        command: &onhand_core::Command,
    ) -> Result<Decision, Refusal> {
        let mut state = State::default();
        let (now, numbering) = (self.now, self.numbering);
        let context = Context { now, actor, access, numbering, policy: Arc::default() };
        loop {
            match decide(&state, command, &context) {
                Ok(decision) => return Ok(decision),
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Missing(needs)) => self.load(&needs, &mut state),
            }
        }
    }

    /// Asks for a decision, carries it out and checks what always holds.
    pub(crate) fn ask(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let command = onhand_core::Command::Accounts(command.clone());
        let decision = self.decide(Actor::Local, Access::WHOLE, &command)?;
        self.carry_out(&decision);
        self.check();
        Ok(decision.reply)
    }

    /// Asks for what must be done.
    pub(crate) fn done(&mut self, command: &Command) -> Reply {
        self.ask(command).unwrap()
    }

    /// The code of the refusal, or `ok`.
    pub(crate) fn code(&mut self, command: &Command) -> &'static str {
        match self.ask(command) {
            Ok(_) => "ok",
            Err(refusal) => refusal.code(),
        }
    }

    fn load(&self, needs: &Needs, state: &mut State) {
        assert!(!needs.is_empty(), "a rule misses nothing and yet does not decide");
        for id in &needs.users {
            state.load_user(*id, self.users.get(id).map(|user| (**user).clone()));
        }
        for email in &needs.emails {
            let user = self.users.values().find(|user| user.email == *email);
            state.load_email(email.clone(), user.map(|user| user.id));
        }
        if needs.enabled_admins {
            state.load_enabled_admins(self.enabled_admins());
        }
        for id in &needs.sessions {
            state.load_session(*id, self.sessions.get(id).cloned());
        }
        for id in &needs.open_sessions {
            state.load_open_sessions(*id, self.open(*id).cloned().collect());
        }
        for id in &needs.api_keys {
            state.load_api_key(*id, self.keys.get(id).cloned());
        }
    }

    fn carry_out(&mut self, decision: &Decision) {
        let changes = &decision.changes;
        for event in &decision.events {
            let body = format!("{:?}", event.body);
            assert!(!body.contains('@') && !body.contains("argon2"), "{body}");
            assert!(onhand_core::events::TYPES.contains(&event.kind), "{}", event.kind);
            if let EventBody::User(entry) = &event.body {
                assert_eq!(changes.users[&entry.id].version, entry.version);
            }
        }
        let rights = (self.numbering.rights, decision.numbering.rights);
        for (id, after) in &changes.users {
            let Some(before) = self.users.get(id) else { continue };
            let standing =
                |user: &User| (user.role, user.scopes, user.disabled, user.password.clone());
            let is_void = after.tokens_from > before.tokens_from;
            assert_eq!(is_void, rights.1 > rights.0, "{before:?} {after:?}");
            // A stronger hash of the same password is no change that anybody is told of.
            let is_upgrade = after.version == before.version;
            assert!(is_upgrade || is_void || standing(before) == standing(after));
        }
        self.users.extend(changes.users.clone());
        self.sessions.extend(changes.sessions.clone());
        self.keys.extend(changes.api_keys.clone());
        self.numbering = decision.numbering;
    }

    pub(crate) fn open(&self, id: UserId) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter(move |row| row.user_id == id && row.ended_at.is_none())
    }

    fn enabled_admins(&self) -> i64 {
        self.users.values().map(|user| i64::from(user.is_enabled_admin())).sum()
    }

    fn check(&self) {
        for (id, user) in &self.users {
            let open = self.open(*id).count();
            assert!(open <= if user.disabled { 0 } else { SESSIONS_PER_USER_MAX }, "{user:?}");
            let of_address = self.users.values().filter(|other| other.email == user.email);
            assert_eq!(of_address.count(), 1, "{user:?}");
        }
        let has_admins = self.users.values().any(|user| user.role == Role::Admin);
        assert!(!has_admins || self.enabled_admins() > 0, "nobody may do everything any more");
        for session in self.sessions.values() {
            assert_eq!(session.ended_at.is_some(), session.ended_because.is_some());
        }
    }
}
