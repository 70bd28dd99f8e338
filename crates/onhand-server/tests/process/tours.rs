//! Every line of the tours in docs/dialects, run by a shell against a server with the demo's data,
//! as a reader would. Below each line stands what its answer contains.

use std::path::Path;

use tokio::process::Command;

use crate::server::Server;

/// The lines of a document's last block, each with what is said of it.
fn lines(name: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects");
    let text = std::fs::read_to_string(root.join(name)).unwrap();
    let tour = text.rsplit_once("```sh\n").unwrap().1;
    let lines: Vec<_> = tour.lines().take_while(|line| *line != "```").collect();
    let pairs = lines.chunks(2).map(|pair| {
        let wanted = pair[1].strip_prefix("# ").unwrap_or_else(|| panic!("{name}: {pair:?}"));
        (pair[0].to_owned(), wanted.to_owned())
    });
    pairs.collect()
}

/// The address of a listener, as the server has printed it.
async fn listener(server: &Server, name: &str) -> String {
    let printed = server.output_with(&format!("  {name} ")).await;
    let line = printed.lines().find(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("{name} is not in {printed}"));
    line.split_whitespace().next_back().unwrap().to_owned()
}

async fn check(name: &str) {
    check_with(name, "false").await;
}

/// The same on a server whose demo has orders, or has none.
async fn check_with(name: &str, has_orders: &str) {
    let folder = tempfile::tempdir().unwrap();
    let orders = [("ONHAND_DEMO_ORDERS", has_orders.into())];
    let server = Server::start_with(folder.path(), &[], &orders).await;
    // What a reader's shell remembers from one line to the next.
    let mut token = String::new();
    let flow = listener(&server, "flow").await;
    let lines = lines(name);
    assert!(lines.len() > 10, "{name} has {} lines", lines.len());
    for (line, wanted) in lines {
        let here = line
            .replace("http://127.0.0.1:3000", &server.url)
            .replace("http://127.0.0.1:3008", &flow);
        let is_token = here.starts_with("TOKEN=$(curl -s");
        assert!((is_token || here.starts_with("curl -s")) && here != line, "{name}: {line}");
        let here = if is_token { format!("{here}; printf %s \"$TOKEN\"") } else { here };
        let ran = Command::new("sh").arg("-c").arg(&here).env("TOKEN", &token).output();
        let ran = ran.await.unwrap();
        let answer = String::from_utf8_lossy(&ran.stdout);
        if is_token {
            token = answer.clone().into_owned();
        }
        assert!(ran.status.success() && answer.contains(&wanted), "{name}: {line}\n{answer}");
    }
}

#[tokio::test]
async fn the_tour_of_stock_runs() {
    check("stock.md").await;
}

#[tokio::test]
async fn the_tour_of_storefront_runs() {
    check("storefront.md").await;
}

#[tokio::test]
async fn the_tour_of_flow_runs() {
    check("flow.md").await;
}

#[tokio::test]
async fn the_tour_of_processing_runs() {
    check_with("processing.md", "true").await;
}

#[tokio::test]
async fn the_tour_of_oms_runs() {
    check_with("oms.md", "true").await;
}
