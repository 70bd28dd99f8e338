//! Where settings come from: flags, then the environment, then `.env`, then `onhand.toml`, then the
//! defaults. The command line (`cli.rs`) is the one list of them; nothing is said twice, and no
//! value that may be secret is ever shown. Read on in `settings.rs` and `file.rs`.

pub mod check;
mod cli;
mod dotenv;
mod file;
mod reference;
mod secrets;
mod settings;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};

pub use cli::{ConfigAction, run};
pub use secrets::in_file;

use crate::environment;
use file::ConfigFile;

/// The file that is read where none is named.
const FILE: &str = "onhand.toml";
/// `EX_CONFIG`.
const EXIT_CONFIG: i32 = 78;

/// What is wrong with where settings come from: a line for each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    fn one(problem: String) -> Self {
        Self { problems: vec![problem] }
    }

    /// Says it and ends the process, before anything has begun.
    pub fn exit(&self) -> ! {
        let mut words = std::io::stderr().lock();
        for problem in &self.problems {
            // Nobody is left to tell where this cannot be written.
            let _ = writeln!(words, "error: {problem}");
        }
        std::process::exit(EXIT_CONFIG)
    }
}

/// What is said below the environment.
#[derive(Debug, Default)]
pub struct Layers {
    /// Variables that `.env` has set.
    dotenv: Vec<String>,
    file: ConfigFile,
}

impl Layers {
    /// Reads `.env` into the environment, and then the file of settings. To be called before there
    /// is a second thread: the environment is everybody's.
    ///
    /// # Errors
    /// [`ConfigError`], with all that is wrong in one of them.
    pub fn read(command: &Command) -> Result<Self, ConfigError> {
        let dotenv = dotenv::load(Path::new(".env"))?;
        let named = named(std::env::args_os().skip(1)).or_else(|| {
            let named = std::env::var_os("ONHAND_CONFIG").filter(|path| !path.is_empty());
            named.map(PathBuf::from)
        });
        let file = match named {
            Some(path) => ConfigFile::open(&path, command)?,
            None if Path::new(FILE).exists() => ConfigFile::open(Path::new(FILE), command)?,
            None => ConfigFile::default(),
        };
        secrets::remember(&file);
        Ok(Self { dotenv, file })
    }

    /// The command line with what the file says where neither a flag nor the environment does.
    pub fn over(&self, command: Command) -> Command {
        let filled = |arg: Arg| {
            let variable = arg.get_env().and_then(OsStr::to_str).map(str::to_owned);
            let said = variable.as_deref().and_then(|variable| self.file.values(variable));
            match said {
                Some(values) if !is_aliased(variable.as_deref()) => {
                    let takes_one = arg.get_action().takes_values();
                    let arg = arg.default_values(values.to_vec());
                    // There may be a password in it.
                    if takes_one { arg.hide_default_value(true) } else { arg }
                }
                Some(_) | None => arg,
            }
        };
        command.mut_args(filled).mut_subcommands(|command| self.over(command))
    }
}

/// Whether another name of the environment says it: that goes before the file.
fn is_aliased(variable: Option<&str>) -> bool {
    variable.is_some_and(|variable| environment::told_by(variable).is_some())
}

/// The file that the command line names, which has to be known before the rest can be read.
fn named(mut words: impl Iterator<Item = std::ffi::OsString>) -> Option<PathBuf> {
    loop {
        let word = words.next()?;
        match word.to_str() {
            Some("--") => return None,
            Some("--config") => return words.next().map(PathBuf::from),
            Some(text) if text.starts_with("--config=") => {
                return text.strip_prefix("--config=").map(PathBuf::from);
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests;
