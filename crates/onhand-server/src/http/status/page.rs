//! What the page says: the head that stays, and the figures that are put anew each second. All of
//! it is ours; nothing that somebody has sent is on it.

use maud::{DOCTYPE, Markup, html};

use super::chart::{Series, chart};
use crate::app::App;
use crate::metrics::history::{Point, Span};

/// The whole page.
pub(super) fn whole(app: &App, span: Span) -> Markup {
    let here = format!("/status?minutes={}", span.minutes());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "onhand: status" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/status/status.css";
                script defer src="/status/status.js" {}
            }
            body {
                header {
                    h1 { "onhand " small { "version " (env!("CARGO_PKG_VERSION")) } }
                    nav aria-label="Span" {
                        @for one in Span::ALL {
                            a href=(format!("/status?minutes={}", one.minutes()))
                                aria-current=[(one == span).then_some("page")] {
                                (one.minutes()) " min"
                            }
                        }
                        a #reload href=(here) { "Reload" }
                        button #pause type="button" hidden { "Pause" }
                    }
                }
                main #figures data-live=(format!("/status/live?minutes={}", span.minutes())) {
                    (figures(app, span))
                }
                footer {
                    p {
                        "Figures of this process, of the last " (span.minutes())
                        " min; those of orders and jobs that wait are of the whole database. "
                        "For alerts and longer spans there is " code { "/metrics" } "."
                    }
                }
            }
        }
    }
}

/// What changes.
pub(super) fn figures(app: &App, span: Span) -> Markup {
    let points = app.metrics.history().points(span);
    html! {
        (summary(app))
        div.cards { (charts(&points)) }
    }
}

fn summary(app: &App) -> Markup {
    let now = app.metrics.now(app);
    let sounding = app.metrics.sounding();
    let backlog = sounding.as_ref().map(|sounding| &*sounding.backlog);
    let dead = backlog.map(|backlog| {
        backlog.effects_dead + backlog.queues.iter().map(|queue| queue.dead).sum::<u64>()
    });
    let unmatched = backlog.map(|backlog| backlog.notices_unmatched);
    let shortfalls = backlog.map(|backlog| backlog.shortfalls);
    let age = sounding
        .as_ref()
        .map_or(0, |sounding| app.clock.now().duration_since(sounding.at).as_secs().max(0));
    let committer = if now.is_up { "takes orders" } else { "has ended" };
    html! {
        dl.summary {
            (told("Committer", committer, !now.is_up))
            (told("Up", &up(now.up_secs), false))
            (told("In flight", &now.in_flight.to_string(), false))
            (told("Waiting", &now.waiting.to_string(), false))
            (counted("Dead letters", dead))
            (counted("Money of no order", unmatched))
            (counted("Shortfalls", shortfalls))
            @if age > OLD_SECS {
                (told("Database", &format!("not read for {age} s"), true))
            }
        }
    }
}

/// From how many seconds on what was read of the database is told to be old.
const OLD_SECS: i64 = 30;

fn told(name: &str, value: &str, is_bad: bool) -> Markup {
    html! {
        div class=[is_bad.then_some("bad")] {
            dt { (name) }
            dd { (value) }
        }
    }
}

/// Something of which there should be none.
fn counted(name: &str, count: Option<u64>) -> Markup {
    let value = count.map_or_else(|| "–".to_owned(), |count| count.to_string());
    told(name, &value, count.is_some_and(|count| count > 0))
}

fn up(secs: u64) -> String {
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn charts(points: &[Point]) -> Markup {
    let one = |name, of: fn(&Point) -> Option<f64>| Series {
        name,
        values: points.iter().map(of).collect(),
    };
    let class = |name, class: usize| Series {
        name,
        values: points.iter().map(|point| point.per_second.get(class).copied()).collect(),
    };
    let requests = one("all", |point| Some(point.per_second.iter().sum()));
    html! {
        (chart("Requests", "per second", &[requests]))
        (chart("Response times", "ms", &[
            one("p50", |point| point.p50_ms),
            one("p99", |point| point.p99_ms),
        ]))
        (chart("Status codes", "per second", &[
            class("2xx", 1), class("3xx", 2), class("4xx", 3), class("5xx", 4),
        ]))
        (chart("Committer: batch", "commands", &[one("mean", |point| point.batch_size)]))
        (chart("Committer: commit", "ms", &[
            one("p50", |point| point.commit_p50_ms),
            one("p99", |point| point.commit_p99_ms),
        ]))
        (chart("Committer: queue", "commands", &[one("most", |point| Some(point.waiting))]))
        (chart("Backlog", "open", &[
            one("effects", |point| Some(point.effects_waiting)),
            one("jobs", |point| Some(point.jobs_open)),
        ]))
        (chart("Event loop", "ms late", &[one("most", |point| Some(point.loop_delay_ms))]))
        (chart("CPU", "% of one", &[one("used", |point| Some(point.cpu_percent))]))
        (chart("Memory", "MiB", &[one("resident", |point| Some(point.rss_mib))]))
    }
}
