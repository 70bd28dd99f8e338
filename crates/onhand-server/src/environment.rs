//! Names of the environment by which the replaced systems are configured. Each stands for one of
//! ours, and counts where ours is not set: a flag goes before `ONHAND_...`, and that before these.
//! The one table of them is here; what a value means is still read where ours is.

use std::ffi::OsStr;

use clap::{Arg, Command};

use crate::config;
use crate::limits::ACCESS_LIFE_SECS_MAX;

/// Looks a variable up.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A name of ours and how it is told from others.
struct Alias {
    ours: &'static str,
    /// Those that are looked at, the first that is set first.
    theirs: &'static [&'static str],
    /// What ours is then; `None` where theirs says nothing that can be used.
    read: fn(&str, Lookup<'_>) -> Option<String>,
}

const fn same(ours: &'static str, theirs: &'static [&'static str]) -> Alias {
    Alias { ours, theirs, read: |value, _| Some(value.to_owned()) }
}

const ALIASES: &[Alias] = &[
    same("ONHAND_DATABASE_URL", &["DATABASE_URL"]),
    Alias { ours: "ONHAND_LISTEN", theirs: &["PORT"], read: here },
    same("ONHAND_RAZORPAY_KEY_ID", &["RAZORPAY_KEY_ID"]),
    same("ONHAND_RAZORPAY_KEY_SECRET", &["RAZORPAY_KEY_SECRET"]),
    same("ONHAND_RAZORPAY_WEBHOOK_SECRET", &["RAZORPAY_WEBHOOK_SECRET"]),
    same("ONHAND_TOKEN_SECRET", &["JWT_SECRET"]),
    same("ONHAND_REFRESH_SECRET", &["JWT_REFRESH_SECRET"]),
    Alias {
        ours: "ONHAND_ACCESS_LIFE_SECS",
        theirs: &["JWT_EXPIRATION", "JWT_EXPIRES_IN"],
        read: access_life,
    },
    Alias {
        ours: "ONHAND_SESSION_LIFE_SECS",
        theirs: &["JWT_REFRESH_EXPIRATION"],
        read: |value, _| life(value).map(|secs| secs.to_string()),
    },
    Alias { ours: "ONHAND_REDIS_URL", theirs: &["REDIS_HOST"], read: redis_url },
    Alias { ours: "ONHAND_CACHE", theirs: &["REDIS_HOST"], read: |_, _| redis_cache() },
    same("ONHAND_REDIS_PASSWORD", &["REDIS_PASSWORD"]),
    same("ONHAND_MAIL_FROM", &["AWS_SES_SENDER_EMAIL"]),
];

/// The same of names that are read where ours are: they are judged in their own words.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ONHAND_WAREHOUSE_URL", "WAREHOUSE_API_URL"),
    ("ONHAND_WAREHOUSE_SCHEDULE", "CRON_SCHEDULE"),
    ("ONHAND_CACHE_TTL_SECS", "REDIS_CACHE_EXPIRATION"),
];

/// What is set and means nothing here, with why.
const IGNORED: &[(&str, &str)] = &[("MONGODB_URI", "there is no MongoDB: say ONHAND_DATABASE_URL")];

/// A port on this machine. Whoever is to be reached from others says so with ONHAND_LISTEN.
fn here(port: &str, _: Lookup<'_>) -> Option<String> {
    port.trim().parse::<u16>().ok().map(|port| format!("127.0.0.1:{port}"))
}

/// Seconds of a span like `15m`, `1h`, `7d` or, in seconds, `900`.
fn life(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 24 * 3_600,
        _ => return None,
    };
    digits.trim().parse::<i64>().ok()?.checked_mul(unit).filter(|secs| *secs > 0)
}

/// The life of access tokens, as long as they may live at most: a longer one would outlive what its
/// user may do.
fn access_life(text: &str, _: Lookup<'_>) -> Option<String> {
    life(text).map(|secs| secs.min(ACCESS_LIFE_SECS_MAX).to_string())
}

fn redis_url(host: &str, get: Lookup<'_>) -> Option<String> {
    let port = get("REDIS_PORT").unwrap_or_else(|| "6379".to_owned());
    Some(format!("redis://{}:{}/", host.trim(), port.trim()))
}

/// A build that cannot talk to Redis keeps its own cache.
fn redis_cache() -> Option<String> {
    cfg!(feature = "redis").then(|| "redis".to_owned())
}

/// What another name says of one of ours that is not set, with that name.
fn told(ours: &str, get: Lookup<'_>) -> Option<(&'static str, String)> {
    let said = |name: &str| get(name).filter(|value| !value.is_empty());
    if said(ours).is_some() {
        return None;
    }
    let alias = ALIASES.iter().find(|alias| alias.ours == ours)?;
    let mut theirs = alias.theirs.iter().filter_map(|name| Some((*name, said(name)?)));
    theirs.find_map(|(name, value)| Some((name, (alias.read)(&value, &said)?)))
}

fn here_and_now(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable of ours, by its name or by another one, or what the file of settings says of it.
pub fn variable(ours: &str) -> Option<String> {
    let own = here_and_now(ours).filter(|value| !value.is_empty());
    let told = || told(ours, &here_and_now).map(|(_, value)| value);
    own.or_else(told).or_else(|| config::in_file(ours))
}

/// The other name that says what one of ours is, where ours does not.
pub fn told_by(ours: &str) -> Option<&'static str> {
    let elsewhere = ELSEWHERE.iter().filter(|(known, _)| *known == ours);
    let mut elsewhere = elsewhere.map(|(_, theirs)| *theirs);
    let is_set = |name: &str| here_and_now(name).is_some_and(|value| !value.is_empty());
    let told = told(ours, &here_and_now).map(|(theirs, _)| theirs);
    told.or_else(|| elsewhere.find(|theirs| !is_set(ours) && is_set(theirs)))
}

/// The variable by which a secret of ours is set, if one is.
pub fn set_by(ours: &'static str) -> Option<&'static str> {
    let is_set = here_and_now(ours).is_some_and(|value| !value.is_empty());
    if is_set { Some(ours) } else { told_by(ours) }
}

/// The other names of one of ours.
pub fn also(ours: &str) -> Vec<&'static str> {
    let aliases = ALIASES.iter().filter(|alias| alias.ours == ours);
    let elsewhere = ELSEWHERE.iter().filter(|(known, _)| *known == ours).map(|(_, name)| *name);
    aliases.flat_map(|alias| alias.theirs).copied().chain(elsewhere).collect()
}

/// The command line with what other names say where nothing else is said.
pub fn with_aliases(command: Command) -> Command {
    with(command, &here_and_now)
}

fn with(command: Command, get: Lookup<'_>) -> Command {
    let aliased = |arg: Arg| {
        let ours = arg.get_env().and_then(OsStr::to_str);
        match ours.and_then(|ours| told(ours, get)) {
            // There may be a password in it.
            Some((_, value)) => arg.default_value(value).hide_default_value(true),
            None => arg,
        }
    };
    command.mut_args(aliased).mut_subcommands(|command| with(command, get))
}

/// Says which other names count, and which mean nothing. Their values may be secret.
pub fn report() {
    for alias in ALIASES {
        if let Some((theirs, _)) = told(alias.ours, &here_and_now) {
            tracing::info!(variable = theirs, "taken for {}", alias.ours);
        }
    }
    let life = |name: &&&str| here_and_now(name).and_then(|text| life(&text));
    let long = ["JWT_EXPIRATION", "JWT_EXPIRES_IN"];
    if long.iter().find(|name| life(name) > Some(ACCESS_LIFE_SECS_MAX)).is_some() {
        tracing::warn!(
            "access tokens live for {ACCESS_LIFE_SECS_MAX} s at most, and are refreshed"
        );
    }
    for (name, why) in IGNORED {
        if here_and_now(name).is_some() {
            tracing::warn!(variable = name, "ignored: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[arg(long, env = "ONHAND_LISTEN", default_value = "127.0.0.1:3000")]
        listen: String,
        #[arg(long, env = "ONHAND_ACCESS_LIFE_SECS", default_value_t = 900)]
        access_life_secs: i64,
        #[arg(long, env = "ONHAND_RAZORPAY_KEY_ID")]
        razorpay_key_id: Option<String>,
    }

    fn parse(set: &[(&str, &str)], flags: &[&str]) -> Line {
        use clap::{CommandFactory, FromArgMatches};
        let get = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let command = with(Line::command(), &get);
        let flags = std::iter::once(&"onhand").chain(flags);
        Line::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap()
    }

    #[test]
    fn other_names_count_where_nothing_else_is_said() {
        let line =
            parse(&[("PORT", "8123"), ("RAZORPAY_KEY_ID", "rzp"), ("JWT_EXPIRES_IN", "7d")], &[]);
        assert_eq!(line.listen, "127.0.0.1:8123");
        assert_eq!(line.razorpay_key_id.as_deref(), Some("rzp"));
        assert_eq!(line.access_life_secs, ACCESS_LIFE_SECS_MAX);
        let line = parse(&[("PORT", "8123")], &["--listen", "127.0.0.1:1"]);
        assert_eq!(line.listen, "127.0.0.1:1");
        for port in ["", "x", "99999", "0.0.0.0:80"] {
            assert_eq!(parse(&[("PORT", port)], &[]).listen, "127.0.0.1:3000", "{port}");
        }
        assert_eq!(told("ONHAND_LISTEN", &|_| Some("1".into())), None, "ours goes before theirs");
    }

    #[test]
    fn spans_are_read_as_the_others_write_them() {
        for (text, secs) in [
            ("900", Some(900)),
            ("15m", Some(900)),
            (" 1h ", Some(3_600)),
            ("7d", Some(604_800)),
            ("30s", Some(30)),
            ("0", None),
            ("-5m", None),
            ("1w", None),
            ("h", None),
            ("", None),
            ("1.5h", None),
            ("9223372036854775807d", None),
        ] {
            assert_eq!(life(text), secs, "{text}");
        }
    }

    #[test]
    fn a_redis_is_named_by_its_parts() {
        let get = |name: &str| match name {
            "REDIS_HOST" => Some("cache".to_owned()),
            "REDIS_PORT" => Some("6380".to_owned()),
            _ => None,
        };
        let (name, url) = told("ONHAND_REDIS_URL", &get).unwrap();
        assert_eq!((name, &*url), ("REDIS_HOST", "redis://cache:6380/"));
    }
}
