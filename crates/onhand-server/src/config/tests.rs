//! The file of settings against the real command line: what is written is taken, what is wrong is
//! refused with its line, and the sample and the page are what the code says.

use std::path::Path;

use clap::CommandFactory;

use super::file::ConfigFile;
use super::{Layers, reference, secrets, settings};
use crate::cli::Cli;

fn parse(text: &str) -> Result<ConfigFile, Vec<String>> {
    let read = ConfigFile::parse(Path::new("onhand.toml"), text, &Cli::command());
    read.map_err(|error| error.to_string().lines().map(str::to_owned).collect())
}

/// What `serve` is told of a setting by a file and by flags.
fn served(text: &str, flags: &[&str], id: &str) -> Vec<String> {
    let layers = Layers { file: parse(text).unwrap(), ..Layers::default() };
    let words = ["onhand", "serve"].iter().chain(flags);
    let matches = layers.over(Cli::command()).try_get_matches_from(words).unwrap();
    let raw = matches.subcommand_matches("serve").unwrap().get_raw(id).into_iter().flatten();
    raw.map(|value| value.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_file_says_what_no_flag_does() {
    let text = r#"
        listen = "127.0.0.1:4000"
        payment_hold_secs = 900
        migrate = true
        trusted_proxies = ["10.0.0.0/8", "192.0.2.7"]
        cors_origins = "https://a.example, https://b.example"
        payment_poll_secs = [60, 120]
        processing = "off"
    "#;
    for (flags, id, wanted) in [
        (&[][..], "listen", &["127.0.0.1:4000"][..]),
        (&["--listen", "127.0.0.1:1"], "listen", &["127.0.0.1:1"]),
        (&[], "payment_hold_secs", &["900"]),
        (&[], "migrate", &["true"]),
        (&[], "trusted_proxies", &["10.0.0.0/8", "192.0.2.7"]),
        (&["--trusted-proxy", "::1"], "trusted_proxies", &["::1"]),
        (&[], "cors_origins", &["https://a.example", "https://b.example"]),
        (&[], "payment_poll_secs", &["60", "120"]),
        (&[], "processing", &["off"]),
        (&[], "cache_bytes", &[&crate::limits::CACHE_BYTES_DEFAULT.to_string()]),
    ] {
        assert_eq!(served(text, flags, id), wanted, "{flags:?} {id}");
    }
}

#[test]
fn a_file_counts_for_every_command() {
    let file = parse("database_url = \"sqlite:elsewhere.db\"\nproduction = true").unwrap();
    let layers = Layers { file, ..Layers::default() };
    for words in [&["verify"][..], &["users", "list"], &["backup", "--to", "x"]] {
        let words = ["onhand"].iter().chain(words);
        let matches = layers.over(Cli::command()).try_get_matches_from(words).unwrap();
        let mut last = &matches;
        while let Some((_, next)) = last.subcommand() {
            last = next;
        }
        let url = last.get_raw("database_url").unwrap().next().unwrap();
        assert_eq!(url, "sqlite:elsewhere.db");
    }
    let words = ["onhand", "clear-data", "--yes"];
    let matches = layers.over(Cli::command()).try_get_matches_from(words).unwrap();
    assert!(matches.subcommand_matches("clear-data").unwrap().get_flag("production"));
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_line() {
    for (text, wanted) in [
        ("\nlisten = 7\n", "onhand.toml:2: `listen`: `7`: invalid socket address syntax"),
        (
            "payment_hold_secs = 0",
            "onhand.toml:1: `payment_hold_secs`: `0`: 0 is not in 1..=2678400",
        ),
        (
            "payment_hold_secs = 1.5",
            "onhand.toml:1: `payment_hold_secs`: expected a whole number or a text",
        ),
        (
            "payment_hold_secs = 0x10",
            "onhand.toml:1: `payment_hold_secs`: expected a decimal number",
        ),
        (
            "payment_hold_secs = [60]",
            "onhand.toml:1: `payment_hold_secs`: expected one value, not a list",
        ),
        (
            "trusted_proxies = [[]]",
            "onhand.toml:1: `trusted_proxies`: expected a text, a number, true or false",
        ),
        ("migrate = \"yes\"", "onhand.toml:1: `migrate`: `yes`: expected true or false"),
        (
            "queue = \"kafka\"",
            "onhand.toml:1: `queue`: `kafka`: expected one of database, sqs, nats",
        ),
        (
            "late_payment = \"keep\"",
            "onhand.toml:1: `late_payment`: `keep`: expected one of reserve, refund",
        ),
        ("listen = 2026-01-01", "onhand.toml:1: `listen`: expected a text in quotes, not a date"),
        (
            "paymnt_hold_secs = 1",
            "onhand.toml:1: there is no setting `paymnt_hold_secs`; \
             there is one called `payment_hold_secs`",
        ),
        (
            "payment-hold-secs = 1",
            "onhand.toml:1: there is no setting `payment-hold-secs`; \
             there is one called `payment_hold_secs`",
        ),
        (
            "ONHAND_LISTEN = 1",
            "onhand.toml:1: there is no setting `ONHAND_LISTEN`; there is one called `listen`",
        ),
        ("zzz = 1", "onhand.toml:1: there is no setting `zzz` (`onhand config sample` lists all)"),
        (
            "[network]\nlisten = 1",
            "onhand.toml:1: `network` is a table: settings stand on one level, without one",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err(), [wanted], "{text}");
    }
    let broken = parse("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"").unwrap_err();
    assert!(broken[0].starts_with("onhand.toml:2: duplicate key"), "{broken:?}");
    let both = parse("queue = 1\nlisten = 1\n").unwrap_err();
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].contains(":1: `queue`") && both[1].contains(":2: `listen`"), "{both:?}");
}

#[test]
fn a_secret_is_neither_taken_from_the_file_nor_repeated() {
    for (text, wanted) in [
        ("token_secret = 'hunter2'", "name its file here with `token_secret_file`"),
        ("mail-password = 'hunter2'", "set ONHAND_MAIL_PASSWORD"),
        ("ONHAND_STRIPE_SECRET_KEY = 'hunter2'", "is a secret"),
        ("mail_pasword = 'hunter2'", "there is one called `mail_password_file`"),
        ("redis_url = ['hunter2']", "expected one value"),
    ] {
        let refused = parse(text).unwrap_err().join("\n");
        assert!(refused.contains(wanted), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
    let file = parse("token_secret_file = '/run/secrets/token'\nlog = 'warn'").unwrap();
    assert_eq!(file.values("ONHAND_TOKEN_SECRET_FILE").unwrap(), ["/run/secrets/token"]);
    assert_eq!(file.values("ONHAND_LOG").unwrap(), ["warn"]);
}

#[test]
fn keys_are_called_as_their_variables_are() {
    for setting in settings::all(&Cli::command()) {
        if let Some(name) = setting.variable.strip_prefix("ONHAND_") {
            assert_eq!(setting.key, name.to_lowercase());
        }
        assert!(!setting.help.is_empty(), "{} has no meaning", setting.key);
    }
}

#[test]
fn the_sample_with_everything_in_it_is_a_file_of_settings() {
    let sample = reference::sample(&Cli::command());
    assert!(parse(&sample).unwrap().values("ONHAND_LISTEN").is_none(), "all is commented out");
    let settings = settings::all(&Cli::command());
    let is_setting =
        |line: &&str| settings.iter().any(|one| line.starts_with(&format!("#{} = ", one.key)));
    let lines: Vec<_> = sample.lines().filter(is_setting).map(|line| &line[1..]).collect();
    assert_eq!(lines.len(), settings.len());
    let read = parse(&lines.join("\n"));
    let file = read.expect("what has no default needs an example in `reference.rs`");
    for setting in &settings {
        let said = file.values(&setting.variable).unwrap().join(",");
        if let Some(default) = &setting.default {
            assert_eq!(&said, default, "{}", setting.key);
        }
    }
}

#[test]
fn the_page_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap();
    let page = reference::page(&Cli::command());
    for (written, generated) in written.lines().zip(page.lines()) {
        assert_eq!(
            written, generated,
            "make it again: onhand config reference > docs/configuration.md"
        );
    }
    assert_eq!(written, page, "make it again: onhand config reference > docs/configuration.md");
}

/// Every `ONHAND_...` that the sources read is on the page.
#[test]
fn no_variable_is_secret() {
    let page = reference::page(&Cli::command());
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for name in text.split('"').filter(|part| part.starts_with("ONHAND_")) {
                let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                if is_name && name != "ONHAND_" {
                    found += 1;
                    assert!(page.contains(&format!("`{name}`")), "{name} of {}", path.display());
                }
            }
        }
    }
    assert!(found > 80 && secrets::VARIABLES.len() > 10, "{found}");
}
