//! `onhand.toml`: the settings in a file, each on one level under its one name. Whatever it does
//! not know it refuses, with the name that is nearest, and every problem is told at once, with its
//! line. It must not repeat a value that may be secret.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Command;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::secrets::VARIABLES;
use super::settings::{self, Setting};
use crate::limits::CONFIG_BYTES_MAX;

/// How much two names have to have in common for one to be taken for the other.
const SIMILAR: f64 = 0.75;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    /// By the variable that says the same: the values, and the line.
    said: BTreeMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    values: Vec<String>,
    line: usize,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or with all that is wrong in it.
    pub(super) fn open(path: &Path, command: &Command) -> Result<Self, ConfigError> {
        let said = |words: String| ConfigError::one(format!("{}: {words}", path.display()));
        let file = std::fs::File::open(path).map_err(|error| said(error.to_string()))?;
        let mut text = String::new();
        let mut bounded = file.take(CONFIG_BYTES_MAX + 1);
        bounded.read_to_string(&mut text).map_err(|error| said(error.to_string()))?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > CONFIG_BYTES_MAX) {
            return Err(said(format!("expected at most {CONFIG_BYTES_MAX} bytes")));
        }
        Self::parse(path, &text, command)
    }

    pub(super) fn parse(path: &Path, text: &str, command: &Command) -> Result<Self, ConfigError> {
        let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let name = path.display();
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            ConfigError::one(format!("{name}:{line}: {}", error.message()))
        })?;
        let settings = settings::all(command);
        let mut said = BTreeMap::new();
        let mut problems = Vec::new();
        for (key, value) in table.get_ref().iter() {
            let line = line_of(key.span().start);
            let key = key.get_ref();
            match read(key, value.get_ref(), &settings, command) {
                Ok((variable, values)) => {
                    said.insert(variable, Said { values, line });
                }
                Err(problem) => problems.push((line, problem)),
            }
        }
        if problems.is_empty() {
            return Ok(Self { path: path.to_owned(), said });
        }
        problems.sort();
        let told = problems.iter().map(|(line, problem)| format!("{name}:{line}: {problem}"));
        Err(ConfigError { problems: told.collect() })
    }

    /// What it says of what a variable stands for.
    pub(super) fn values(&self, variable: &str) -> Option<&[String]> {
        self.said.get(variable).map(|said| said.values.as_slice())
    }

    /// Where it says it.
    pub(super) fn place(&self, variable: &str) -> Option<String> {
        let said = self.said.get(variable)?;
        Some(format!("{}:{}", self.path.display(), said.line))
    }
}

/// The variable that a key stands for, and its values.
fn read(
    key: &str,
    value: &DeValue<'_>,
    settings: &[Setting],
    command: &Command,
) -> Result<(String, Vec<String>), String> {
    let Some(setting) = settings.iter().find(|setting| setting.key == key) else {
        return Err(unknown(key, value, settings));
    };
    let values = texts(setting, value).map_err(|wrong| format!("`{key}`: {wrong}"))?;
    let serve = command.find_subcommand("serve");
    let arg = setting.id.as_deref().zip(serve).and_then(|(id, serve)| {
        let arg = serve.get_arguments().find(|arg| arg.get_id() == id)?;
        Some((settings::deaf(serve.clone()), arg.clone()))
    });
    if let Some((serve, arg)) = arg {
        for value in &values {
            if let Some(why) = settings::refused(&serve, &arg, value) {
                let shown = if setting.is_secret { String::new() } else { format!("`{value}`: ") };
                return Err(format!("`{key}`: {shown}{why}"));
            }
        }
    }
    Ok((setting.variable.clone(), values))
}

/// The value as a flag would be given it.
fn texts(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    if let DeValue::Array(values) = value {
        if !setting.is_list {
            return Err("expected one value, not a list".to_owned());
        }
        return values.iter().map(|value| text(value.get_ref())).collect();
    }
    let one = text(value)?;
    if setting.is_list {
        return Ok(one.split(',').map(|part| part.trim().to_owned()).collect());
    }
    Ok(vec![one])
}

fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Boolean(is) => Ok(is.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("expected a decimal number".to_owned()),
        DeValue::Float(_) => Err("expected a whole number or a text".to_owned()),
        DeValue::Datetime(_) => Err("expected a text in quotes, not a date".to_owned()),
        DeValue::Array(_) | DeValue::Table(_) => {
            Err("expected a text, a number, true or false".to_owned())
        }
    }
}

fn unknown(key: &str, value: &DeValue<'_>, settings: &[Setting]) -> String {
    if matches!(value, DeValue::Table(_)) {
        return format!("`{key}` is a table: settings stand on one level, without one");
    }
    // As people write it who know the flag or the variable.
    let plain = key.to_lowercase().replace('-', "_");
    let plain = plain.trim_start_matches("onhand_");
    if let Some(known) = VARIABLES.iter().find(|one| one.is_secret && one.bare_key() == plain) {
        return format!(
            "`{key}` is a secret, and this is no place for secrets: set {}, or name its file here \
             with `{}`",
            known.name,
            known.key()
        );
    }
    let likeness = |setting: &&Setting| strsim::jaro_winkler(&setting.key, plain);
    let nearest = settings.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|setting| likeness(setting) >= SIMILAR) {
        Some(setting) => {
            format!("there is no setting `{key}`; there is one called `{}`", setting.key)
        }
        None => format!("there is no setting `{key}` (`onhand config sample` lists all)"),
    }
}
