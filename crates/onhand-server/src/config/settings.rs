//! The settings of the server, as the command line defines them: name, default, bounds and meaning
//! are asked of it, so that no list of them can fall behind. It must not know what one means.

use std::error::Error;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::secrets::VARIABLES;
use crate::environment;

/// One thing under three names.
pub(super) struct Setting {
    /// In the file of settings.
    pub(super) key: String,
    /// On the command line, if it may stand there.
    pub(super) flag: Option<String>,
    /// In the environment.
    pub(super) variable: String,
    /// Other names of the environment.
    pub(super) also: Vec<&'static str>,
    pub(super) section: String,
    pub(super) help: String,
    pub(super) default: Option<String>,
    /// What it may be, where that can be said shortly.
    pub(super) bounds: Option<String>,
    /// What it is called where a value stands for it.
    pub(super) takes: String,
    pub(super) is_list: bool,
    pub(super) is_switch: bool,
    /// Whether its value is never shown.
    pub(super) is_secret: bool,
    pub(super) id: Option<String>,
}

/// Those of `serve`, in the order in which its help lists them, and those that are no flags.
pub(super) fn all(command: &Command) -> Vec<Setting> {
    let Some(serve) = command.find_subcommand("serve") else { return Vec::new() };
    let serve = deaf(serve.clone());
    let named = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    let mut all: Vec<_> = named.filter_map(|arg| of_flag(&serve, arg)).collect();
    for known in VARIABLES {
        let setting = Setting {
            key: known.key(),
            flag: None,
            variable: known.variable(),
            also: if known.is_secret { own_and_other_names(known.name) } else { Vec::new() },
            section: known.section.to_owned(),
            help: known.help.to_owned(),
            default: (!known.is_secret).then(|| crate::telemetry::LOG_DEFAULT.to_owned()),
            bounds: None,
            takes: if known.is_secret { "FILE" } else { "FILTER" }.to_owned(),
            is_list: false,
            is_switch: false,
            is_secret: false,
            id: None,
        };
        // Behind the last one of its section.
        let at = all.iter().rposition(|one| one.section == setting.section);
        all.insert(at.map_or(all.len(), |at| at + 1), setting);
    }
    all
}

/// The variable that has a secret itself, and what others call it.
fn own_and_other_names(name: &'static str) -> Vec<&'static str> {
    std::iter::once(name).chain(environment::also(name)).collect()
}

/// The sections, in order.
pub(super) fn sections(settings: &[Setting]) -> Vec<&str> {
    let mut sections: Vec<&str> = Vec::new();
    for setting in settings {
        if !sections.contains(&setting.section.as_str()) {
            sections.push(&setting.section);
        }
    }
    sections
}

fn of_flag(serve: &Command, arg: &Arg) -> Option<Setting> {
    let variable = arg.get_env()?.to_str()?.to_owned();
    let default = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let default = default.collect::<Vec<_>>().join(",");
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
    let default = if is_switch { Some("false".to_owned()) } else { Some(default) };
    let takes = arg.get_value_names().and_then(|names| names.first());
    Some(Setting {
        key: arg.get_id().to_string(),
        flag: arg.get_long().map(|long| format!("--{long}")),
        also: environment::also(&variable),
        variable,
        section: arg.get_help_heading().unwrap_or("Process").to_owned(),
        help: arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default(),
        default: default.filter(|text| !text.is_empty()),
        bounds: if is_switch { Some("true or false".to_owned()) } else { bounds(serve, arg) },
        takes: takes.map_or_else(|| "VALUE".to_owned(), ToString::to_string),
        is_list: arg.get_value_delimiter().is_some(),
        is_switch,
        is_secret: arg.is_hide_env_values_set(),
        id: Some(arg.get_id().to_string()),
    })
}

/// The values that there are, or the bounds of a number: what the option itself says of one that
/// cannot be right.
fn bounds(serve: &Command, arg: &Arg) -> Option<String> {
    let names: Vec<_> =
        arg.get_possible_values().into_iter().filter(|one| !one.is_hide_set()).collect();
    if !names.is_empty() {
        return Some(
            names.iter().map(|one| format!("`{}`", one.get_name())).collect::<Vec<_>>().join(", "),
        );
    }
    [i64::MIN.to_string(), u64::MAX.to_string(), "?".to_owned()].iter().find_map(|probe| {
        let says = refused(serve, arg, probe)?;
        if let Some((_, range)) = says.split_once(" is not in ") {
            let (least, most) = range.split_once("..=")?;
            return Some(format!("{least} to {most}"));
        }
        let names = says.strip_prefix("expected one of ")?.split(", ");
        Some(names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
    })
}

/// Why an option does not take a value, or nothing where it does. The value is not repeated where
/// it may be secret.
pub(super) fn refused(serve: &Command, arg: &Arg, value: &str) -> Option<String> {
    let long = arg.get_long()?;
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
    if is_switch {
        let is_either = matches!(value, "true" | "false");
        return (!is_either).then(|| "expected true or false".to_owned());
    }
    let words = ["serve".to_owned(), format!("--{long}={value}")];
    let error = serve.clone().try_get_matches_from(words).err()?;
    let is_about_it = matches!(error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(name)) if name.contains(&format!("--{long} ")));
    // Of others nothing is known yet.
    if !is_about_it {
        return None;
    }
    if error.kind() == ErrorKind::ValueValidation {
        let why = error.source().map(ToString::to_string);
        return Some(why.unwrap_or_else(|| "it is not valid".to_owned()));
    }
    if error.kind() != ErrorKind::InvalidValue {
        return None;
    }
    if let Some(ContextValue::Strings(names)) = error.get(ContextKind::ValidValue) {
        return Some(format!("expected one of {}", names.join(", ")));
    }
    Some("a value is missing".to_owned())
}

/// The same command without an environment: what that says is another one's to judge.
pub(super) fn deaf(command: Command) -> Command {
    command.mut_args(|arg| arg.env(Resettable::Reset))
}
