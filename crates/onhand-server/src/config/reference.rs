//! The settings written down: a sample of `onhand.toml` and the page docs/configuration.md. Both
//! are made of what the command line defines, and of nothing else.

use std::fmt::Write;

use clap::Command;

use super::settings::{self, Setting};

/// Values for those that have no default. An example need not fit to the others.
const EXAMPLES: &[(&str, &str)] = &[
    ("ops_listen", "127.0.0.1:3001"),
    ("tls_cert", "/etc/onhand/fullchain.pem"),
    ("tls_key", "/etc/onhand/privkey.pem"),
    ("trusted_proxies", "10.0.0.0/24"),
    ("cors_origins", "https://shop.example"),
    ("secret_dir", "/var/lib/onhand"),
    ("razorpay_key_id", "rzp_live_0123456789abcd"),
    ("stripe_publishable_key", "pk_live_0123456789abcd"),
    ("payment_poll_secs", "60,300,900"),
    ("payment_tries", "10"),
    ("webhook_allow_private", "10.1.0.0/16"),
    ("mail_from", "The Shop <orders@shop.example>"),
    ("mail_domain", "shop.example"),
    ("mail_user", "orders"),
    ("operator_mail", "operators@shop.example"),
    ("sqs_queue_url", "https://sqs.eu-central-1.amazonaws.com/123456789012/onhand.fifo"),
    ("sqs_dead_letter_url", "https://sqs.eu-central-1.amazonaws.com/123456789012/onhand-dead.fifo"),
    ("sqs_endpoint_url", "http://127.0.0.1:4566"),
    ("nats_user", "onhand"),
    ("nats_credentials_file", "/etc/onhand/nats.creds"),
    ("relay", "nats:shop.events"),
    ("cache_ttl_secs", "600"),
    ("warehouse_url", "https://warehouse.example/stock"),
    ("warehouse_schedule", "0 * * * *"),
    ("warehouse_hold_units", "100"),
    ("warehouse_hold_percent", "50"),
    ("warehouse_allow_private", "10.2.0.0/16"),
    ("dialects", "oms=off,flow=127.0.0.1:3008"),
    ("replica_url", "postgresql://onhand@standby.example/shop"),
];

/// A complete file of settings in which everything is commented out.
pub(super) fn sample(command: &Command) -> String {
    let settings = settings::all(command);
    let mut text = "\
# onhand.toml: the settings of `onhand serve` and of every other command that asks for them.
# A flag goes before this file, and so do the environment and `.env`. What is commented out here
# shows the default, or, where there is none, an example. `onhand config check` says what counts.
"
    .to_owned();
    for section in settings::sections(&settings) {
        let _ = write!(text, "\n\n# ==== {section} ====\n");
        for setting in settings.iter().filter(|setting| setting.section == section) {
            text.push('\n');
            for line in folded(&setting.help, 94) {
                let _ = writeln!(text, "# {line}");
            }
            let _ = writeln!(text, "# {}", names(setting));
            let _ = writeln!(text, "#{} = {}", setting.key, value(setting));
        }
    }
    text
}

/// Where else it can be said, and what it may be.
fn names(setting: &Setting) -> String {
    let mut words: Vec<String> = setting.flag.iter().cloned().collect();
    words.push(setting.variable.clone());
    if let Some(bounds) = &setting.bounds {
        words.push(bounds.replace('`', ""));
    }
    if setting.default.is_none() {
        words.push("no default".to_owned());
    }
    words.join("; ")
}

/// The default, or an example, as TOML.
fn value(setting: &Setting) -> String {
    let example = EXAMPLES.iter().find(|(key, _)| *key == setting.key).map(|(_, value)| *value);
    let text = setting.default.as_deref().or(example);
    let invented = || match setting.key.strip_suffix("_file") {
        Some(secret) => format!("/etc/onhand/{secret}"),
        None => format!("<{}>", setting.takes),
    };
    let text = text.map_or_else(invented, ToOwned::to_owned);
    let one = |text: &str| {
        let is_bare = setting.is_switch
            || matches!(text, "true" | "false")
            || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
        if is_bare { text.to_owned() } else { format!("{text:?}") }
    };
    if setting.is_list {
        format!("[{}]", text.split(',').map(one).collect::<Vec<_>>().join(", "))
    } else {
        one(&text)
    }
}

/// A text in lines of at most so many characters.
fn folded(text: &str, chars_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= chars_max => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What stands above the tables.
const HEAD: &str = include_str!("head.md");

/// The page docs/configuration.md.
pub(super) fn page(command: &Command) -> String {
    let settings = settings::all(command);
    let mut text = HEAD.to_owned();
    for section in settings::sections(&settings) {
        let _ = write!(text, "\n## {section}\n\n");
        text.push_str("| Key | Flag, variable | Default | Meaning |\n|---|---|---|---|\n");
        for setting in settings.iter().filter(|setting| setting.section == section) {
            text.push_str(&row(setting));
        }
    }
    text + &of_commands(command, &settings)
}

fn row(setting: &Setting) -> String {
    let mut names: Vec<_> = setting.flag.iter().map(|flag| format!("`{flag}`")).collect();
    names.push(format!("`{}`", setting.variable));
    names.extend(setting.also.iter().map(|name| format!("also `{name}`")));
    let default = setting.default.as_ref().map_or_else(String::new, |text| format!("`{text}`"));
    let help = setting.help.split_whitespace().collect::<Vec<_>>().join(" ");
    let bounds = setting.bounds.as_ref().filter(|_| !setting.is_switch);
    let bounds = bounds.map_or_else(String::new, |bounds| format!(" ({bounds})"));
    let meaning = format!("{help}{bounds}").replace('|', "\\|");
    format!("| `{}` | {} | {default} | {meaning} |\n", setting.key, names.join(", "))
}

/// Variables of commands that are no settings of the server.
fn of_commands(command: &Command, settings: &[Setting]) -> String {
    let mut text = "\n## Variables of commands\n\n".to_owned();
    text.push_str("| Variable | Command | Meaning |\n|---|---|---|\n");
    let mut rows: Vec<(String, String, Vec<String>)> = Vec::new();
    collect(command, &mut Vec::new(), settings, &mut rows);
    for (variable, help, commands) in rows {
        let commands: Vec<_> = commands.iter().map(|name| format!("`{name}`")).collect();
        let commands = commands.join(", ");
        let _ = writeln!(text, "| `{variable}` | {commands} | {help} |");
    }
    text
}

fn collect(
    command: &Command,
    path: &mut Vec<String>,
    settings: &[Setting],
    rows: &mut Vec<(String, String, Vec<String>)>,
) {
    for arg in command.get_arguments() {
        let Some(variable) = arg.get_env().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        if settings.iter().any(|setting| setting.variable == variable) {
            continue;
        }
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let name = if path.is_empty() { "onhand".to_owned() } else { path.join(" ") };
        match rows.iter_mut().find(|(known, ..)| *known == variable) {
            Some((_, _, commands)) => commands.push(name),
            None => rows.push((variable, help, vec![name])),
        }
    }
    for command in command.get_subcommands() {
        path.push(command.get_name().to_owned());
        collect(command, path, settings, rows);
        path.pop();
    }
}
