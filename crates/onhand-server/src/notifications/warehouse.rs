//! What operators are told of runs against the external warehouse: that one waits for them, and
//! that less is there than is promised. One mail a run, however many rows it has: the rows are read
//! where the mail says.

use onhand_core::warehouse::{Action, Guard, ShortfallPolicy, Sync};

use super::letter::{Letter, one_line};
use super::templates::Facts;

/// A run is held. What it has found missing so far is told with it.
pub(super) fn held(facts: &Facts<'_>) -> Option<Letter> {
    let Facts::Sync(sync) = facts else { return None };
    let guard = sync.guard.as_ref().filter(|_| sync.is_guarded());
    let lead = if guard.is_some() {
        "The warehouse's answer would empty so much of the shop that nothing of it was counted. \
         Look whether it can be true, then approve or reject it."
    } else {
        "These figures of the warehouse differ by so much that they were not counted. Look at \
         them, then approve or reject them: one by one, or all together."
    };
    let mut facts = of_run(sync);
    match guard {
        Some(Guard { emptied, stocked, .. }) => {
            facts.push(("Would be empty", format!("{emptied} of {stocked} with stock")));
        }
        None => facts.push(("Rows that wait", sync.count(Action::Held).to_string())),
    }
    facts.extend(missing(sync));
    let which = if guard.is_some() { "" } else { " --action held" };
    facts.push(("Look", format!("onhand warehouse show {}{which}", sync.id)));
    facts.push(("Decide", format!("onhand warehouse approve {}, or reject", sync.id)));
    Some(letter("Warehouse run held", lead, facts))
}

/// A run has come to its end, and found missing what was not told when it was held.
pub(super) fn shortfall(facts: &Facts<'_>) -> Option<Letter> {
    let Facts::Sync(sync) = facts else { return None };
    if sync.new_shortfalls.untold() == 0 {
        return None;
    }
    let lead = match sync.policy.shortfall {
        ShortfallPolicy::Report => {
            "The warehouse has less than is promised to orders. None of it is sold; the orders \
             stay as they are until somebody decides."
        }
        ShortfallPolicy::Backorder => {
            "The warehouse has less than is promised to orders. None of it is sold; the newest \
             orders that are not covered are told that they have to wait."
        }
        ShortfallPolicy::CancelNewest => {
            "The warehouse has less than is promised to orders. The newest orders that are not \
             covered are cancelled."
        }
    };
    let mut facts = of_run(sync);
    facts.extend(missing(sync));
    facts.push(("Look", format!("onhand warehouse show {} --action shortfall", sync.id)));
    Some(letter("Less is there than is promised", lead, facts))
}

fn letter(title: &str, lead: &str, facts: Vec<(&'static str, String)>) -> Letter {
    Letter { title: title.to_owned(), lead: lead.to_owned(), facts, ..Letter::default() }
}

fn of_run(sync: &Sync) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Run", sync.id.to_string())];
    let source = sync.source.as_ref().map(|source| one_line(source.as_str()));
    facts.extend(source.map(|source| ("Warehouse", source)));
    facts
}

/// What is missing that was not known to be.
fn missing(sync: &Sync) -> Option<(&'static str, String)> {
    let found = sync.new_shortfalls;
    let units = || format!("{} units, in {} rows", found.units, found.rows);
    (!found.is_none()).then(|| ("Newly missing", units()))
}
