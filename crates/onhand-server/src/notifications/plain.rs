//! A letter as plain text. Each thing is on a line of its own, so that no name can pass for the
//! next line: those of the core have no line breaks.

use std::fmt::Write;

use super::letter::Letter;

pub(super) fn render(letter: &Letter) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    _ = write(&mut text, letter);
    text
}

fn write(text: &mut String, letter: &Letter) -> std::fmt::Result {
    writeln!(text, "{}\n\n{}\n", letter.title, letter.lead)?;
    for (name, value) in &letter.facts {
        writeln!(text, "{name}: {value}")?;
    }
    if let Some(link) = &letter.link {
        writeln!(text, "{}: {}", link.label, link.url)?;
    }
    if let Some(table) = &letter.table {
        writeln!(text)?;
        for row in &table.rows {
            let (product, sku) = (&row.product, &row.sku);
            writeln!(text, "- {product} ({sku})")?;
            writeln!(text, "  {} x {} = {}", row.quantity, row.price, row.total)?;
        }
        if table.more > 0 {
            writeln!(text, "- and {} more lines", table.more)?;
        }
        writeln!(text, "Total: {}", table.total)?;
    }
    if !letter.address.is_empty() {
        writeln!(text, "\nShipping address:")?;
        for line in &letter.address {
            writeln!(text, "  {line}")?;
        }
    }
    if !letter.closing.is_empty() {
        writeln!(text, "\n{}", letter.closing)?;
    }
    Ok(())
}
