//! Reads what is in `packaging/` and `.github/` with the tools of those who run it: the linter of
//! Dockerfiles, the schemas of compose files, workflows and Kubernetes, and systemd's own look at a
//! unit. It builds no image and starts nothing.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::tools;
use crate::services::Environment;

/// A program with its arguments, run in the root; none may complain. A file that ends in `*.yaml`
/// stands for all such files of its folder.
pub(super) type Checks = &'static [&'static [&'static str]];

const WORKFLOW: &str = ".github/workflows/ci.yml";

pub(super) const FILES: Checks = &[
    &["hadolint", "packaging/docker/Dockerfile"],
    &[
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "packaging/docker/compose.yaml",
    ],
    &["check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW],
    &["check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout", WORKFLOW],
    &["kubernetes-validate", "--strict", "packaging/kubernetes/*.yaml"],
];

/// How exposed the unit may be by systemd's own count, in tenths: it is 1.1 of 10.
const EXPOSURE_MAX: &str = "--threshold=11";
const UNIT_FILE: &str = "packaging/systemd/onhand.service";

/// Neither the program nor its manual page has to be installed where this runs: `verify` gets a
/// copy of the unit that starts something that is there.
pub(super) const UNIT: Checks = &[
    &["systemd-analyze", "security", "--offline=true", "--no-pager", EXPOSURE_MAX, UNIT_FILE],
    &["systemd-analyze", "verify", "--man=no", VERIFIED],
];
const VERIFIED: &str = "target/packaging/onhand.service";
const PROGRAM: &str = "/usr/local/bin/onhand";
/// Is everywhere where systemd is.
const SOMETHING: &str = "/bin/true";

/// Runs them all, also after one has complained. False when one did.
pub(super) fn check(root: &Path, environment: &Environment, checks: Checks) -> Result<bool> {
    let unit = fs::read_to_string(root.join(UNIT_FILE))?;
    let copy = root.join(VERIFIED);
    fs::create_dir_all(copy.parent().context("the copy has a folder")?)?;
    fs::write(copy, unit.replace(PROGRAM, SOMETHING))?;
    let mut is_good = true;
    for check in checks {
        let (program, arguments) = check.split_first().context("a check has a program")?;
        let mut command = tools::command(program);
        for argument in arguments {
            command.args(files(root, argument)?);
        }
        command.current_dir(root).envs(environment.iter().cloned());
        let status = command.status().with_context(|| format!("starting {program}"))?;
        if !status.success() {
            println!("NOT OK    {}", check.join(" "));
        }
        is_good &= status.success();
    }
    Ok(is_good)
}

/// What an argument stands for. What kubectl puts together (`kustomization.yaml`) is no object.
fn files(root: &Path, argument: &str) -> Result<Vec<OsString>> {
    let Some(folder) = argument.strip_suffix("*.yaml") else { return Ok(vec![argument.into()]) };
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let path = entry?.path();
        let is_object = path.extension().is_some_and(|ending| ending == "yaml")
            && path.file_stem().is_some_and(|name| name != "kustomization");
        if is_object {
            found.push(path.into_os_string());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_objects() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found = files(&root, "packaging/kubernetes/*.yaml").unwrap();
        assert!(found.len() > 4, "{found:?}");
        assert!(found.iter().all(|path| !path.to_string_lossy().contains("kustomization")));
        assert_eq!(files(&root, "a.yaml").unwrap(), ["a.yaml"]);
    }

    #[test]
    fn the_unit_starts_the_program_that_is_replaced() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let unit = fs::read_to_string(root.join(UNIT_FILE)).unwrap();
        assert_eq!(unit.matches(&format!("ExecStart={PROGRAM} ")).count(), 1);
    }
}
