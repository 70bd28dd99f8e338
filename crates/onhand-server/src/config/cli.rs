//! `onhand config`: a sample of the file of settings, what counts where, and the page about all of
//! them. It must show no value that may be secret.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

use super::secrets::VARIABLES;
use super::settings::{self, Setting};
use super::{Layers, check, reference};
use crate::environment;
use crate::serve::ServeOptions;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print a complete onhand.toml in which everything is commented out.
    Sample,
    /// Say what is set, by whom, and whether the server could start with it. Nothing is started.
    Check {
        /// Show the defaults, too.
        #[arg(long)]
        all: bool,
        /// Flags as `onhand serve` would be given them, behind `--`.
        #[arg(last = true, value_name = "FLAGS OF SERVE")]
        flags: Vec<OsString>,
    },
    /// Print the page about every setting that is in docs/configuration.md.
    Reference,
}

/// Runs it; `command` is the whole command line as it is defined.
///
/// # Errors
/// When flags cannot be read.
pub async fn run(
    action: ConfigAction,
    command: Command,
    layers: &Layers,
) -> anyhow::Result<ExitCode> {
    match action {
        // Whoever reads may have enough of it.
        ConfigAction::Sample => {
            std::io::stdout().write_all(reference::sample(&command).as_bytes())?;
        }
        ConfigAction::Reference => {
            std::io::stdout().write_all(reference::page(&command).as_bytes())?;
        }
        ConfigAction::Check { all, flags } => {
            return check_all(command, layers, flags, all).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn check_all(
    command: Command,
    layers: &Layers,
    flags: Vec<OsString>,
    all: bool,
) -> anyhow::Result<ExitCode> {
    let refused = ExitCode::from(check::EXIT_CONFIG);
    let settings = settings::all(&command);
    let full = layers.over(environment::with_aliases(command));
    let words = ["onhand".into(), "serve".into()].into_iter().chain(flags);
    let matches = match full.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            error.print()?;
            return Ok(refused);
        }
    };
    let Some(serve) = matches.subcommand_matches("serve") else { return Ok(refused) };
    let width = settings.iter().map(|setting| setting.key.len()).max().unwrap_or_default();
    for setting in &settings {
        if let Some((value, source)) = told(setting, serve, layers, all) {
            println!("{:width$}  {value}  ({source})", setting.key);
        }
    }
    for known in VARIABLES.iter().filter(|known| known.is_secret) {
        if let Some(name) = environment::set_by(known.name) {
            println!("{:width$}  is set  ({})", known.bare_key(), named(name, layers));
        }
    }
    let problems = check::problems(&ServeOptions::from_arg_matches(serve)?).await;
    for problem in &problems {
        tracing::error!("{problem:#}");
    }
    if problems.is_empty() {
        println!("the server could start with this");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(refused)
    }
}

/// What a setting is, and who says so; nothing where it is the default and nobody asks.
fn told(
    setting: &Setting,
    serve: &ArgMatches,
    layers: &Layers,
    all: bool,
) -> Option<(String, String)> {
    let Some(id) = setting.id.as_deref() else { return told_of_variable(setting, layers, all) };
    let by_file = || layers.file.place(&setting.variable);
    let by_alias = || environment::told_by(&setting.variable).map(|name| named(name, layers));
    let source = match serve.value_source(id) {
        Some(ValueSource::CommandLine) => "flag".to_owned(),
        Some(ValueSource::EnvVariable) => named(&setting.variable, layers),
        Some(_) | None => match by_alias().or_else(by_file) {
            Some(source) => source,
            None if all => "default".to_owned(),
            None => return None,
        },
    };
    let raw = serve.get_raw(id).into_iter().flatten();
    let raw: Vec<_> = raw.map(|value| value.to_string_lossy()).collect();
    let value = match raw.as_slice() {
        [] => "nothing".to_owned(),
        _ if setting.is_secret && source != "default" => "is set".to_owned(),
        values => values.join(","),
    };
    Some((value, source))
}

/// The same of what is no flag: the value is the name of a file, or what is logged.
fn told_of_variable(setting: &Setting, layers: &Layers, all: bool) -> Option<(String, String)> {
    let variable = &setting.variable;
    if let Some(value) = std::env::var(variable).ok().filter(|value| !value.is_empty()) {
        return Some((value, named(variable, layers)));
    }
    if let Some(value) = super::in_file(variable) {
        return Some((value, layers.file.place(variable)?));
    }
    let value = setting.default.clone().unwrap_or_else(|| "nothing".to_owned());
    all.then(|| (value, "default".to_owned()))
}

/// A variable as the source of a value.
fn named(variable: &str, layers: &Layers) -> String {
    if layers.dotenv.iter().any(|name| name == variable) {
        format!("{variable} in .env")
    } else {
        variable.to_owned()
    }
}
