//! What forms are made of. A form is data: which route of `/v1` it stands for, and which fields of
//! that route's body it asks for. From it follow the page's HTML, the body that is sent, and where
//! an error of that route is shown.

mod body;

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

pub(super) use self::body::{body_of, instant, whole};
use super::fields::Fields;
use super::site::Page;
use super::trouble::{self, Trouble};
use super::visit::Visit;
use super::{csrf, parts};
use crate::random;

/// Completes the body that the fields say, out of what was sent.
pub(super) type Complete = fn(Value, &Fields) -> Value;

/// A form, and the route that it stands for.
#[derive(Debug)]
pub(super) struct Form {
    /// The last part of the path that it is sent to.
    pub(super) name: &'static str,
    /// What it does, as a heading.
    pub(super) title: &'static str,
    /// What its button says.
    pub(super) button: &'static str,
    /// What is to be known before the button is pressed.
    pub(super) hint: &'static str,
    /// Whether it cannot be taken back.
    pub(super) is_dangerous: bool,
    /// The method and path at `/v1`; names in braces are parts of the page's path, or fields.
    pub(super) method: axum::http::Method,
    pub(super) route: &'static str,
    pub(super) fields: &'static [Field],
    /// What the body has beside the fields.
    pub(super) complete: Complete,
    /// What is said when it is done.
    pub(super) done: &'static str,
    /// Where to go then; to the same page where nothing is said.
    pub(super) then: Option<fn(&Value) -> String>,
    /// What is shown once, in place of going anywhere.
    pub(super) reveals: Option<fn(&Visit, &Value) -> Page>,
}

impl Form {
    /// What a form is unless it says otherwise.
    pub(super) const PLAIN: Self = Self {
        name: "",
        title: "",
        button: "Save",
        hint: "",
        is_dangerous: false,
        method: axum::http::Method::POST,
        route: "",
        fields: &[],
        complete: |body, _| body,
        done: "Saved.",
        then: None,
        reveals: None,
    };
}

/// What somebody is asked for.
#[derive(Debug)]
pub(super) struct Field {
    /// Where it stands in the body, as a JSON pointer without the first slash: errors name it so.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A line of at most so many characters.
    Line(u16),
    /// Several lines of at most so many characters.
    Text(u16),
    /// A secret, which is not shown again.
    Secret,
    /// A whole number.
    Whole,
    /// A whole number with its sign.
    Signed,
    /// An amount and its currency, as `{amount, currency}` in minor units.
    Money,
    /// A date and time in UTC.
    Instant,
    /// One of these: the value and what it is called.
    OneOf(&'static [(&'static str, &'static str)]),
    /// One of those that the page hands over.
    OneOfThese,
    /// Yes or no.
    Check,
    /// A list of words, separated by spaces or lines.
    Words,
    /// Said by the page, in [`Filling::hidden`]: nobody is asked for it.
    Given,
}

impl Kind {
    /// Whether there is something to fill in.
    const fn is_asked_for(self) -> bool {
        !matches!(self, Self::Given)
    }
}

/// What the page knows beside the form itself.
#[derive(Debug, Default)]
pub(super) struct Filling<'a> {
    /// What the object is at now: the form is refused when somebody else was quicker.
    pub(super) version: Option<u64>,
    /// What fields show at first.
    pub(super) values: Vec<(&'a str, String)>,
    /// What [`Kind::OneOfThese`] offers, by field: values and what they are called.
    pub(super) choices: Vec<(&'a str, Vec<(String, String)>)>,
    /// Fields that nobody sees, for names in the route and for [`Kind::Given`].
    pub(super) hidden: Vec<(&'a str, String)>,
    /// More to fill in, that [`Form::complete`] reads.
    pub(super) more: Option<Markup>,
}

/// A form that was sent and refused.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) form: &'static Form,
    pub(super) fields: Fields,
    pub(super) trouble: Trouble,
}

impl Attempt {
    /// What is wrong with a field.
    fn error_of(&self, name: &str) -> Option<&str> {
        let mut errors = self.trouble.errors.iter().filter(|error| {
            let below = error.pointer.trim_start_matches('/').strip_prefix(name);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        errors.next().map(|error| error.detail.as_str())
    }

    /// What went wrong, with what was typed: the form may not stand on the page any more.
    pub(super) fn alert(&self) -> Markup {
        let typed = |field: &&Field| !matches!(field.kind, Kind::Secret);
        let typed = self.form.fields.iter().filter(typed);
        let typed = typed.filter_map(|field| Some((field.label, self.fields.get(field.name)?)));
        let typed: Vec<_> = typed.map(|(label, value)| (label, html! { (value) })).collect();
        html! {
            (trouble::alert(self.form.title, &self.trouble))
            @if !typed.is_empty() {
                details class="action" { summary { "What you typed" } (parts::facts(&typed)) }
            }
        }
    }

    /// Whether the same key has to be sent again: nobody knows what came of it.
    fn keeps_key(&self) -> bool {
        self.trouble.status.is_server_error()
    }
}

impl Visit {
    /// A form on this page. It is opened where it has just failed.
    pub(super) fn form(&self, form: &'static Form, filling: &Filling<'_>) -> Markup {
        let attempt = self.attempt_at(form, filling);
        let tone = if form.is_dangerous { "action danger" } else { "action" };
        html! {
            details class=(tone) open[attempt.is_some()] {
                summary { (form.title) }
                (self.open_form(form, filling, attempt))
            }
        }
    }

    /// A form of nothing but its button, for a row of a list.
    pub(super) fn button(&self, form: &'static Form, filling: &Filling<'_>) -> Markup {
        let attempt = self.attempt_at(form, filling);
        let tone = if form.is_dangerous { "quiet danger" } else { "quiet" };
        html! {
            form method="post" action={ (self.path()) "/" (form.name) } {
                (self.unseen(filling, attempt))
                button type="submit" class=(tone) { (form.button) }
            }
        }
    }

    /// What has just failed with a form about these things: it may stand on the page several times.
    fn attempt_at(&self, form: &'static Form, filling: &Filling<'_>) -> Option<&Attempt> {
        let attempt = self.tried(form)?;
        let is_same =
            |(name, value): &(&str, String)| attempt.fields.raw(name) == Some(value.as_str());
        filling.hidden.iter().all(is_same).then_some(attempt)
    }

    /// What a form says and nobody sees: whose it is, its key, the version, where to come back to.
    fn unseen(&self, filling: &Filling<'_>, attempt: Option<&Attempt>) -> Markup {
        let kept = attempt.filter(|attempt| attempt.keeps_key());
        let key = kept.and_then(|attempt| attempt.fields.raw("key")).map(str::to_owned);
        let key = key.unwrap_or_else(|| random::request_id().simple().to_string());
        // What was typed was typed at a version: only who is told that it is stale gets a new one.
        let is_stale =
            |attempt: &&Attempt| attempt.trouble.status == StatusCode::PRECONDITION_FAILED;
        let seen = attempt.filter(|attempt| !is_stale(attempt));
        let seen = seen.and_then(|attempt| attempt.fields.get("version")).map(str::to_owned);
        let version = seen.or_else(|| filling.version.map(|version| version.to_string()));
        html! {
            input type="hidden" name=(csrf::FIELD) value=(self.visitor().csrf);
            input type="hidden" name="key" value=(key);
            @if let Some(version) = version {
                input type="hidden" name="version" value=(version);
            }
            @for (name, value) in &filling.hidden {
                input type="hidden" name=(name) value=(value);
            }
            @let back = self.query().to_query(&["done"]);
            @if !back.is_empty() { input type="hidden" name="back" value=(back); }
        }
    }

    /// A form that stands open.
    pub(super) fn open_form(
        &self,
        form: &'static Form,
        filling: &Filling<'_>,
        attempt: Option<&Attempt>,
    ) -> Markup {
        html! {
            form method="post" action={ (self.path()) "/" (form.name) } {
                (self.unseen(filling, attempt))
                @if !form.hint.is_empty() { p class="hint" { (form.hint) } }
                @for field in form.fields.iter().filter(|field| field.kind.is_asked_for()) {
                    (input(form, field, filling, attempt))
                }
                @if let Some(more) = &filling.more { (more) }
                p class="buttons" {
                    button type="submit" class=[form.is_dangerous.then_some("danger")] {
                        (form.button)
                    }
                }
            }
        }
    }
}

/// A field with its label, its hint and what is wrong with it.
fn input(form: &Form, field: &Field, filling: &Filling<'_>, attempt: Option<&Attempt>) -> Markup {
    let id = format!("{}-{}", form.name, field.name.replace('/', "-"));
    let error = attempt.and_then(|attempt| attempt.error_of(field.name));
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let mut told = Vec::new();
    if !field.hint.is_empty() {
        told.push(hint_id.as_str());
    }
    if error.is_some() {
        told.push(error_id.as_str());
    }
    let described = (!told.is_empty()).then(|| told.join(" "));
    let value = |name: &str| -> String {
        match attempt {
            Some(attempt) => attempt.fields.raw(name).unwrap_or_default().to_owned(),
            None => {
                let given = filling.values.iter().find(|(known, _)| *known == name);
                given.map(|(_, value)| value.clone()).unwrap_or_default()
            }
        }
    };
    let control = Control {
        id: &id,
        name: field.name,
        described: described.as_deref(),
        is_wrong: error.is_some(),
        is_required: field.is_required,
    };
    html! {
        div class="field" {
            label for=(id) {
                (field.label)
                @if !field.is_required && !matches!(field.kind, Kind::Check) {
                    span class="optional" { " (optional)" }
                }
            }
            (control.of(field.kind, &value, filling))
            @if !field.hint.is_empty() { p class="hint" id=(hint_id) { (field.hint) } }
            @if let Some(error) = error { p class="wrong" id=(error_id) { (error) } }
        }
    }
}

/// What all inputs have in common.
struct Control<'a> {
    id: &'a str,
    name: &'a str,
    described: Option<&'a str>,
    is_wrong: bool,
    is_required: bool,
}

impl Control<'_> {
    fn of(&self, kind: Kind, value: &dyn Fn(&str) -> String, filling: &Filling<'_>) -> Markup {
        let shown = value(self.name);
        match kind {
            Kind::Line(most) => self.line("text", &shown, Some(most), None),
            Kind::Secret => self.line("password", "", None, None),
            Kind::Whole => self.line("text", &shown, Some(20), Some("numeric")),
            // Keypads of digits have no sign.
            Kind::Signed => self.line("text", &shown, Some(20), None),
            Kind::Instant => self.line("datetime-local", &shown, None, None),
            Kind::Text(most) => self.area(&shown, Some(most)),
            Kind::Words => self.area(&shown, None),
            Kind::Given => html! {},
            Kind::Money => self.money(&shown, &value(&format!("{}/currency", self.name))),
            Kind::OneOf(choices) => self.select(choices.iter().copied(), &shown),
            Kind::OneOfThese => {
                let of = |(name, _): &&(&str, Vec<_>)| *name == self.name;
                let choices = filling.choices.iter().find(of).map(|(_, choices)| choices);
                let pairs = choices.into_iter().flatten();
                self.select(pairs.map(|(value, label)| (value.as_str(), label.as_str())), &shown)
            }
            Kind::Check => html! {
                input type="checkbox" id=(self.id) name=(self.name) value="yes"
                    checked[!shown.is_empty()] aria-describedby=[self.described];
            },
        }
    }

    fn line(&self, kind: &str, value: &str, most: Option<u16>, mode: Option<&str>) -> Markup {
        html! {
            input type=(kind) id=(self.id) name=(self.name) value=(value) maxlength=[most]
                inputmode=[mode] required[self.is_required] autocomplete="off"
                step=[(kind == "datetime-local").then_some("1")]
                aria-describedby=[self.described] aria-invalid=[self.is_wrong.then_some("true")];
        }
    }

    fn area(&self, value: &str, most: Option<u16>) -> Markup {
        html! {
            textarea id=(self.id) name=(self.name) rows="3" maxlength=[most]
                required[self.is_required] aria-describedby=[self.described]
                aria-invalid=[self.is_wrong.then_some("true")] { (value) }
        }
    }

    fn money(&self, amount: &str, currency: &str) -> Markup {
        html! {
            span class="money" {
                (self.line("text", amount, Some(20), Some("decimal")))
                input type="text" name={ (self.name) "/currency" } value=(currency) size="3"
                    maxlength="3" aria-label="Currency" required[self.is_required];
            }
        }
    }

    fn select<'c>(
        &self,
        choices: impl Iterator<Item = (&'c str, &'c str)>,
        chosen: &str,
    ) -> Markup {
        html! {
            select id=(self.id) name=(self.name) required[self.is_required]
                aria-describedby=[self.described] aria-invalid=[self.is_wrong.then_some("true")] {
                @if !self.is_required { option value="" { "—" } }
                @for (value, label) in choices {
                    option value=(value) selected[value == chosen] { (label) }
                }
            }
        }
    }
}
