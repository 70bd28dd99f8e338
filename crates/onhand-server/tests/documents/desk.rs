//! Where a reader sits: an empty folder, a shell, and what is in its path. Programs that serve go
//! on behind the shell until the reader gets up. Addresses of this machine that a document names
//! stand for free ones, so that documents can be read side by side.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Block, Purpose};

/// Longest time for the commands of a block.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(240);
/// How often, and how long apart, it is looked for what a server says that listens already.
const GREETING_LOOKS_MAX: usize = 1_000;
const GREETING_PAUSE: Duration = Duration::from_millis(10);

/// What a reader's server says when it serves, whichever it is.
const SERVES: &str = "^listening on|^working|^  fake gateway|^simulated gateway";

/// `onhand` as a reader calls it; what serves is left running behind, and the one before it ends.
const ONHAND: &str = r#"#!/bin/bash
case "$1" in serve|work|fake-gateway) ;; *) exec "$DESK_ONHAND" "$@" ;; esac
kept="$DESK/$1"
if [ -e "$kept.pid" ]; then
    kill "$(cat "$kept.pid")"
    while kill -0 "$(cat "$kept.pid")" 2>/dev/null; do /bin/sleep 0.1; done
fi
"$DESK_ONHAND" "$@" >"$kept.log" 2>&1 &
echo $! >"$kept.pid"
for _ in $(seq 600); do
    if grep -Eq "$DESK_SERVES" "$kept.log"; then exit 0; fi
    if ! kill -0 $! 2>/dev/null; then cat "$kept.log" >&2; wait $!; exit $?; fi
    /bin/sleep 0.1
done
cat "$kept.log" >&2
exit 1
"#;

/// `curl` that notes each answer; what never ends (`-N`) ends soon.
const CURL: &str = r#"#!/bin/bash
limit=30
case " $* " in *" -N "*) limit=2 ;; esac
tell='%{stderr}\n@@%{http_code} %{url_effective}\n'
"$DESK_CURL" --max-time $limit -w "$tell" "$@" 2>>"$DESK/asked"
code=$?
if [ $limit = 2 ] && [ $code = 28 ]; then exit 0; fi
exit $code
"#;

/// A moment for a reader is longer on a machine with other work.
const SLEEP: &str = "#!/bin/bash\nexec /bin/sleep \"$(($1 * 3))\"\n";

/// What of a command failed is noted with its line.
const TRAP: &str = r#"trap 'echo "$LINENO $?" >>"$DESK/failed"' ERR"#;

pub(crate) struct Desk {
    folder: TempDir,
    /// What documents say, and what it stands for here.
    stands_for: Vec<(String, String)>,
    environment: Vec<(String, OsString)>,
    /// The groups of processes that were started.
    groups: Vec<Pid>,
    is_served: bool,
}

impl Desk {
    /// An empty one, for somebody who has nothing but `onhand` and `curl`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        let folders = ["beside", "alone", "desk"].map(|name| folder.path().join(name));
        for folder in [&bin].into_iter().chain(&folders) {
            std::fs::create_dir(folder).unwrap();
        }
        for (name, text) in [("onhand", ONHAND), ("curl", CURL), ("sleep", SLEEP)] {
            let path = bin.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let (listen, flow) = (free_address(), free_address());
        let usual = std::env::var_os("PATH").unwrap();
        let curl = std::env::split_paths(&usual).map(|folder| folder.join("curl"));
        let curl = curl.into_iter().find(|path| path.exists()).expect("curl is missing");
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&usual)));
        let environment: Vec<(&str, OsString)> = vec![
            ("PATH", path.unwrap()),
            ("DESK", folder.path().join("desk").into()),
            ("DESK_ONHAND", env!("CARGO_BIN_EXE_onhand").into()),
            ("DESK_CURL", curl.into()),
            ("DESK_SERVES", SERVES.into()),
            ("ONHAND_LISTEN", listen.clone().into()),
            ("ONHAND_URL", format!("http://{listen}").into()),
        ];
        let environment =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let stands_for = vec![
            ("cargo run --release -- ".to_owned(), "onhand ".to_owned()),
            ("127.0.0.1:3000".to_owned(), listen),
            ("127.0.0.1:3008".to_owned(), flow),
        ];
        Self { folder, stands_for, environment, groups: Vec::new(), is_served: false }
    }

    /// The same for somebody who has something more.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The same for somebody who has further programs, or others of the same names.
    pub(crate) fn in_path(mut self, folder: impl Into<PathBuf>) -> Self {
        let path = self.environment.iter_mut().find(|(name, _)| name == "PATH").unwrap();
        let further = [folder.into()].into_iter();
        path.1 = std::env::join_paths(further.chain(std::env::split_paths(&path.1))).unwrap();
        self
    }

    /// The same where what a document says stands for something else.
    pub(crate) fn where_it_says(mut self, said: &str, here: impl Into<String>) -> Self {
        self.stands_for.push((said.to_owned(), here.into()));
        self
    }

    /// Runs a block to its end; panics where something is not as the block says.
    pub(crate) async fn run(&mut self, block: &Block) {
        if block.purpose == Purpose::Beside && !self.is_served {
            self.serve().await;
        }
        let text = self.translated(&block.text);
        let folder = if block.purpose == Purpose::Beside { "beside" } else { "alone" };
        let (failed, said) = self.shell(folder, &text).await;
        if block.purpose != Purpose::Beside {
            // It may have served something else at the same address.
            self.is_served = false;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (line, code) in failed {
            let content = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
            let is_told = content.contains(&format!("exit code {code}"));
            assert!(is_told, "{}: exit code {code} of `{content}`\n{said}", block.place);
        }
        for answer in self.noted("asked") {
            let Some((status, url)) =
                answer.split_once("@@").and_then(|(_, answer)| answer.split_once(' '))
            else {
                continue;
            };
            let comments = block.text.lines().filter_map(|line| line.split_once('#'));
            let is_told = comments.map(|(_, said)| said).any(|said| said.contains(status));
            let is_good = status.starts_with('2') || is_told;
            assert!(is_good, "{}: {status} of {url}\n{said}", block.place);
        }
    }

    /// Starts the server with the demo's data, and gives the reader a key for it.
    async fn serve(&mut self) {
        let flow = self.stands_for.iter().find(|(said, _)| said == "127.0.0.1:3008").unwrap();
        let flow = format!("flow={}", flow.1);
        let make = "onhand migrate up && onhand keys create --name reader --scopes admin";
        let (failed, said) = self.shell("beside", make).await;
        assert!(failed.is_empty(), "{said}");
        let key = said.lines().find(|line| line.starts_with("onk_")).unwrap().to_owned();
        self.environment.push(("KEY".into(), key.clone().into()));
        self.environment.push(("ONHAND_TOKEN".into(), key.into()));
        let serve = format!("onhand serve --demo --dialect {flow}");
        let (failed, said) = self.shell("beside", &serve).await;
        assert!(failed.is_empty(), "{said}");
        let gateway = self.greeted("fake gateway     http://").await;
        self.stands_for.push(("127.0.0.1:PORT".into(), gateway));
        self.is_served = true;
    }

    /// What the server says behind these words. It listens before it says anything.
    async fn greeted(&self, words: &str) -> String {
        for _ in 0..GREETING_LOOKS_MAX {
            let log = std::fs::read_to_string(self.path("desk/serve.log")).unwrap();
            let mut lines = log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some((_, said)) = lines.find_map(|line| line.split_once(words)) {
                return said.to_owned();
            }
            tokio::time::sleep(GREETING_PAUSE).await;
        }
        panic!("the server does not say `{words}`");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A text with what stands here for what it says.
    fn translated(&mut self, text: &str) -> String {
        let known =
            |address: &str, all: &[(String, String)]| all.iter().any(|(said, _)| said == address);
        for (at, _) in text.match_indices("127.0.0.1:") {
            let rest = &text[at + "127.0.0.1:".len()..];
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let address = format!("127.0.0.1:{port}");
            if !port.is_empty() && !known(&address, &self.stands_for) {
                let here = free_address();
                let free = here.rsplit_once(':').unwrap().1;
                // Python wants the port alone.
                let python = |port: &str| format!("http.server {port}");
                self.stands_for.push((python(&port), python(free)));
                self.stands_for.push((address, here));
            }
        }
        // Longest first: an address may be the beginning of another one.
        let mut all: Vec<_> = self.stands_for.iter().collect();
        all.sort_by_key(|(said, _)| std::cmp::Reverse(said.len()));
        all.into_iter()
            .fold(text.to_owned(), |text, (said, here)| text.replace(said.as_str(), here))
    }

    /// Runs commands in a folder: the lines that failed with their exit codes, and all that was
    /// said.
    async fn shell(&mut self, folder: &str, text: &str) -> (Vec<(usize, i32)>, String) {
        for name in ["desk/failed", "desk/asked", "desk/said"] {
            std::fs::write(self.path(name), "").unwrap();
        }
        std::fs::write(self.path("desk/block"), format!("{TRAP}\n{text}\n")).unwrap();
        // A file, which programs that go on may hold open.
        let said = std::fs::File::options().append(true).open(self.path("desk/said")).unwrap();
        let mut shell = Command::new("bash")
            .arg(self.path("desk/block"))
            .current_dir(self.path(folder))
            .env_clear()
            .envs(
                ["HOME", "LANG", "TZ"]
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .process_group(0)
            .spawn()
            .unwrap();
        self.groups.extend(Pid::from_raw(i32::try_from(shell.id().unwrap()).unwrap()));
        let ended = timeout(BLOCK_TIMEOUT, shell.wait()).await;
        let said = std::fs::read_to_string(self.path("desk/said")).unwrap();
        assert!(ended.is_ok(), "it does not end:\n{text}\n{said}");
        let failed = self.noted("failed").into_iter().filter_map(|line| {
            let (line, code) = line.split_once(' ')?;
            // The first line is ours.
            Some((line.parse::<usize>().ok()?.saturating_sub(1), code.parse().ok()?))
        });
        (failed.collect(), said)
    }

    fn noted(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("desk").join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for group in &self.groups {
            // Most have ended by themselves.
            let _ = kill_process_group(*group, Signal::KILL);
        }
    }
}

/// An address of this machine that nobody listens to.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
