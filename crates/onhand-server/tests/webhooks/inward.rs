//! Messages that somebody wants to have sent inward: a name that leads here the second time it is
//! asked for, a redirect, a proxy from the environment.

use onhand_server::adapters::webhooks::guard::{Forbidden, Guard};
use onhand_server::adapters::webhooks::send::{Failure, Sender};

use crate::world::{Names, PATIENT, Then, allowances, at_home, http, receiver, send, sender};

fn asking(names: &std::sync::Arc<Names>, networks: &[&str]) -> Sender {
    sender(Guard::asking(allowances(networks), names.clone()), PATIENT)
}

#[tokio::test]
async fn a_name_that_leads_inside_the_second_time_is_refused_then() {
    let closed = Then::Write(http("200 OK", "Connection: close\r\n", ""));
    let (at, mut hears) = receiver(closed).await;
    let url = format!("http://rebinding.example:{}/", at.port());
    // The receiver's address stands for one outside.
    for inside in ["127.0.0.2", "::1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1"] {
        let names = Names::of(&[&["127.0.0.1"], &[inside]]);
        let sender = asking(&names, &["127.0.0.1/32"]);
        assert_eq!(send(&sender, &url).await.status, Some(200));
        hears.recv().await.unwrap();
        let second = send(&sender, &url).await;
        assert!(matches!(second.failure, Some(Failure::Forbidden(_))), "{inside} {second:?}");
        assert_eq!(names.asked(), 2, "once for each sending");
    }
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let (at, mut hears) = receiver(Then::Write(http("200 OK", "Connection: close\r\n", ""))).await;
    let url = format!("http://rebinding.example:{}/", at.port());
    // Whoever asked once more between judging and connecting would get somewhere else.
    let names = Names::of(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let sender = asking(&names, &["127.0.0.1/32"]);
    assert_eq!(send(&sender, &url).await.status, Some(200));
    assert_eq!(names.asked(), 1);
    let again = send(&sender, &url).await;
    assert_eq!(again.failure, Some(Failure::Forbidden(Forbidden::Loopback)));
    let heard = hears.recv().await.unwrap();
    assert!(heard.to_lowercase().contains("host: rebinding.example"), "{heard}");
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn one_bad_address_spoils_a_name() {
    let (at, mut hears) = receiver(Then::Write(http("200 OK", "", ""))).await;
    let url = format!("http://both.example:{}/", at.port());
    for addresses in [["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"], ["::1", "2606::1"]] {
        let answer = send(&asking(&Names::of(&[&addresses]), &[]), &url).await;
        assert_eq!(answer.failure, Some(Failure::Forbidden(Forbidden::Loopback)), "{addresses:?}");
    }
    let answer = send(&asking(&Names::of(&[&[]]), &[]), &url).await;
    assert_eq!(answer.failure, Some(Failure::Unreachable));
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn this_machine_is_not_reached_under_any_name() {
    let (at, mut hears) = receiver(Then::Write(http("200 OK", "", ""))).await;
    let sender = sender(Guard::new(allowances(&[])), PATIENT);
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let answer = send(&sender, &format!("http://{host}:{}/", at.port())).await;
        assert!(matches!(answer.failure, Some(Failure::Forbidden(_))), "{host} {answer:?}");
    }
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let (inside, mut inside_hears) = receiver(Then::Write(http("200 OK", "", ""))).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: http://{inside}/secrets\r\nRefresh: 0; url=/\r\n");
        let (at, _hears) = receiver(Then::Write(http(status, &location, ""))).await;
        let answer = send(&at_home(PATIENT), &format!("http://{at}/")).await;
        assert_eq!(answer.status.map(|status| status / 100), Some(3), "{answer:?}");
    }
    assert!(inside_hears.try_recv().is_err());
}
