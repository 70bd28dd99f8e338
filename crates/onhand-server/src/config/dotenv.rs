//! `.env` of the folder in which the command was started: variables for those that the environment
//! does not have. It must not look in other folders, and an error must not repeat a line of it.

use std::path::Path;

use super::ConfigError;

/// Sets what is in the file and not in the environment; the names of those.
///
/// # Errors
/// When it is there and cannot be read: nothing is set then.
pub(super) fn load(path: &Path) -> Result<Vec<String>, ConfigError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |error: dotenvy::Error| {
        if let dotenvy::Error::LineParse(line, _) = &error {
            return wrong(path, line);
        }
        // Other words may have what the file says.
        let io = if let dotenvy::Error::Io(error) = &error { Some(error) } else { None };
        let words = io.map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
        ConfigError::one(format!("{}: {words}", path.display()))
    };
    let mut names = Vec::new();
    for pair in dotenvy::from_path_iter(path).map_err(unreadable)? {
        let (name, _) = pair.map_err(unreadable)?;
        if std::env::var_os(&name).is_none() {
            names.push(name);
        }
    }
    dotenvy::from_path(path).map_err(unreadable)?;
    Ok(names)
}

fn wrong(path: &Path, line: &str) -> ConfigError {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let at = text.lines().position(|one| one.trim() == line.trim());
    let at = at.map_or_else(String::new, |at| format!(":{}", at + 1));
    ConfigError::one(format!("{}{at}: expected NAME=value on a line", path.display()))
}
