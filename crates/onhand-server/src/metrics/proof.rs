//! What the proof beside the work has found, as figures. It is read from what this process knows
//! of it (`workers/verify/state.rs`); a scrape asks the database nothing.

use std::collections::BTreeMap;

use super::families as f;
use super::sheet::Sheet;
use crate::workers::verify::state::Verification;

pub(super) fn put(verification: &Verification, sheet: &mut Sheet) {
    let seen = verification.state();
    sheet.count(&f::PROOF_SLICES, &[], seen.slices);
    sheet.level(&f::PROOF_WORKED, &[], seen.worked.as_secs_f64());
    if let Some(holds) = seen.is_clean() {
        sheet.level(&f::PROOF_HOLDS, &[], f64::from(u8::from(holds)));
    }
    // An open round finds again what the last one has found.
    let mut broken: BTreeMap<&str, u64> = BTreeMap::new();
    for found in seen.broken() {
        let most = broken.entry(found.check.as_str()).or_default();
        *most = found.violations.max(*most);
    }
    for (check, violations) in broken {
        sheet.count(&f::PROOF_BROKEN, &[("check", check)], violations);
    }
    if let Some(last) = &seen.last {
        sheet.level(&f::PROOF_ENDED, &[], last.ended_at.as_second() as f64);
    }
    let newest = seen.open.as_ref().or(seen.last.as_ref().map(|last| &last.progress));
    if let Some(newest) = newest {
        sheet.count(&f::PROOF_ROWS, &[], newest.rows);
    }
}
