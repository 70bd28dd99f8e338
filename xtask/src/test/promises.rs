//! Holds a running server to its own description: schemathesis reads it, sends what it allows and
//! what it does not, and looks whether each answer is one that it names. What it is told to look
//! for is here; what it may find lawful, in `schemathesis.toml`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{self, Command};

use anyhow::{Context, Result};

use super::program;
use crate::bench::child::Server;
use crate::services::Environment;
use crate::services::process::{ANSWER_MAX, output};

pub(super) const PROGRAM: &str = "schemathesis";
const SETTINGS: &str = "xtask/src/test/schemathesis.toml";
const HOOKS: &str = "xtask/src/test/schemathesis.py";
/// Requests of each kind and route beyond those that follow from the description alone. More of
/// them find more, and take longer: by hand, choose another seed and hundreds.
const EXAMPLES: &str = "10";
const SEED: &str = "1";
/// The route that ends keys, which would end the one that asks: it is asked with a key of its own.
const ENDS_KEYS: &str = "revoke_key";
/// Whoever is on this machine reads figures without a key, and here everybody is: its own tests ask
/// for them.
const OPEN_HERE: &str = "/metrics";
/// What a rule refuses is allowed by the form: a version that has passed, a key for idempotency
/// that was used, a password that everybody has.
const NOT_LOOKED_FOR: &str = "positive_data_acceptance";
/// Nobody waits for their turn.
const UNLIMITED: [&str; 8] =
    ["--rate-reads", "0", "--rate-writes", "0", "--rate-checkout", "0", "--rate-auth", "0"];

/// Serves a fresh database and lets the program at it. False when a promise was broken.
pub(super) fn hold(root: &Path, environment: &Environment) -> Result<bool> {
    let onhand = program::build(root)?;
    let folder = env::temp_dir().join(format!("onhand-promises-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let held = hold_in(root, environment, &onhand, &folder);
    fs::remove_dir_all(&folder)?;
    held
}

fn hold_in(root: &Path, environment: &Environment, onhand: &Path, folder: &Path) -> Result<bool> {
    let url = format!("sqlite:{}", folder.join("onhand.db").display());
    let command = |arguments: &[&str]| {
        let mut command = Command::new(onhand);
        command.args(arguments).args(["--database-url", &url]);
        command
    };
    output(command(&["migrate", "up"]), ANSWER_MAX)?;
    let key = || -> Result<String> {
        let create = ["keys", "create", "--name", "promises", "--scopes", "admin"];
        let said = output(command(&create), ANSWER_MAX)?;
        let key = said.lines().find(|line| line.starts_with("onk_"));
        Ok(key.context("no API key was made")?.to_owned())
    };
    let keys = [key()?, key()?];
    let mut serve = command(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    serve.args(UNLIMITED);
    let server = Server::start(serve)?;
    let mut held = true;
    for (key, scope) in keys.iter().zip(["--exclude-operation-id", "--include-operation-id"]) {
        let mut ask = Command::new(PROGRAM);
        ask.envs(environment.iter().cloned()).env("SCHEMATHESIS_HOOKS", root.join(HOOKS));
        // It keeps what it has learned in the folder that it runs in.
        ask.current_dir(folder).arg("--config-file").arg(root.join(SETTINGS));
        ask.arg("run").arg(format!("{}/openapi.json", server.door().url));
        ask.arg("--header").arg(format!("Authorization: Bearer {key}"));
        ask.args(["--checks", "all", "--exclude-checks", NOT_LOOKED_FOR]);
        ask.args(["--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure"]);
        ask.args(["--warnings", "off", "--no-color", "--exclude-path", OPEN_HERE]);
        ask.args([scope, ENDS_KEYS]);
        let status = ask.status().context("starting schemathesis")?;
        held &= status.success();
    }
    server.stop()?;
    Ok(held)
}
