//! `onhand mail preview`: every mail as it would be sent, written into a folder, with what a sample
//! of its kind says. Nothing is sent and no database is opened.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use onhand_core::Timestamp;

use super::samples::sample;
use super::{Notice, Sender, TEMPLATES, Template, write};
use crate::adapters::mail::address::Mailbox;

/// When the samples happened.
const HAPPENED_AT: &str = "2026-11-21T05:48:16Z";
/// The sample's place in the log.
const EVENT_SEQ: i64 = 108;

/// What to do with mails.
#[derive(Debug, Subcommand)]
pub(crate) enum MailAction {
    /// Write every mail with sample data as `.html`, `.txt` and `.eml`.
    Preview {
        /// Only this one.
        #[arg(long)]
        template: Option<String>,
        /// The folder to write into.
        #[arg(long)]
        out: PathBuf,
        /// Who writes.
        #[arg(long, env = "ONHAND_MAIL_FROM", default_value = "The Shop <orders@shop.example>")]
        mail_from: Mailbox,
    },
}

/// `onhand mail`.
///
/// # Errors
/// In words for the operator.
pub(crate) fn mail(action: MailAction) -> anyhow::Result<ExitCode> {
    let MailAction::Preview { template, out, mail_from } = action;
    let templates: Vec<&Template> = match &template {
        None => TEMPLATES.iter().collect(),
        Some(name) => match Template::named(name) {
            Some(template) => vec![template],
            None => {
                let names: Vec<_> = TEMPLATES.iter().map(|one| one.name).collect();
                bail!("--template `{name}`: expected one of {}", names.join(", "));
            }
        },
    };
    let domain = mail_from.address().domain();
    let sender = Sender { from: mail_from, domain };
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    for template in templates {
        preview(template, &sender, &out)?;
        let (name, audience) = (template.name, template.audience.as_str());
        println!("{name:26} to {audience:9} when {}", template.tells);
    }
    println!("written to {}", out.display());
    Ok(ExitCode::SUCCESS)
}

fn preview(template: &Template, sender: &Sender, out: &Path) -> anyhow::Result<()> {
    let name = template.name;
    let sample = sample(name)?.with_context(|| format!("there is no sample of {name}"))?;
    let to: Mailbox = "Ada <ada@customer.example>".parse()?;
    let at: Timestamp = HAPPENED_AT.parse()?;
    let notice = Notice { event_seq: EVENT_SEQ, at, recipient_key: "cus_7", to: &to };
    let mail = write(sender, template, &sample.facts(), &notice)?;
    let mail = mail.with_context(|| format!("{name} says nothing about its sample"))?;
    let files = [
        ("html", mail.html.as_str().as_bytes().to_vec()),
        ("txt", mail.text.as_str().as_bytes().to_vec()),
        ("eml", mail.to_bytes()?),
    ];
    for (ending, bytes) in files {
        let path = out.join(format!("{name}.{ending}"));
        std::fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(template: Option<&str>, out: &Path) -> anyhow::Result<ExitCode> {
        let mail_from = "The Shop <orders@shop.example>".parse().unwrap();
        let template = template.map(str::to_owned);
        mail(MailAction::Preview { template, out: out.to_owned(), mail_from })
    }

    #[test]
    fn a_preview_has_every_mail_in_three_forms() {
        let there = tempfile::tempdir().unwrap();
        let out = there.path().join("preview");
        run(None, &out).unwrap();
        for template in TEMPLATES {
            for ending in ["html", "txt", "eml"] {
                let path = out.join(format!("{}.{ending}", template.name));
                assert!(path.metadata().unwrap().len() > 100, "{}", path.display());
            }
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3 * TEMPLATES.len());
        let one = there.path().join("one");
        run(Some("low_stock"), &one).unwrap();
        assert_eq!(std::fs::read_dir(&one).unwrap().count(), 3);
        let error = run(Some("nothing"), &one).unwrap_err().to_string();
        assert!(error.contains("expected one of order_placed, "), "{error}");
    }
}
