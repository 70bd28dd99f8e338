//! A letter as HTML. It shows well on light and dark screens, loads nothing from anywhere, and
//! whatever comes from outside is escaped by the library unless somebody says otherwise, which
//! here only the style sheet does.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::letter::{Letter, Table};

/// One column, readable on a telephone; colours for both kinds of screens.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;padding:24px;background:#f4f4f5;color:#18181b;\
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
main{max-width:600px;margin:0 auto;padding:24px;background:#fff;border-radius:8px}\
h1{margin:0 0 16px;font-size:22px}\
dl{margin:16px 0}dt{color:#52525b;font-size:14px}dd{margin:0 0 8px;overflow-wrap:anywhere}\
table{width:100%;border-collapse:collapse;margin:16px 0}\
th,td{padding:8px 4px;border-bottom:1px solid #d4d4d8;text-align:left;overflow-wrap:anywhere}\
.n{text-align:right;white-space:nowrap}\
small{color:#52525b}address{font-style:normal}a{color:#1d4ed8}\
@media (prefers-color-scheme:dark){body{background:#18181b;color:#f4f4f5}main{background:#27272a}\
dt,small{color:#a1a1aa}th,td{border-color:#52525b}a{color:#93c5fd}}";

pub(super) fn render(letter: &Letter, subject: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (subject) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (said(letter)) } }
        }
    };
    page.into_string()
}

fn said(letter: &Letter) -> Markup {
    html! {
        h1 { (letter.title) }
        p { (letter.lead) }
        dl {
            @for (name, value) in &letter.facts { dt { (name) } dd { (value) } }
            @if let Some(link) = &letter.link {
                dt { (link.label) }
                dd { a href=(link.url) rel="noreferrer" { (link.url) } }
            }
        }
        @if let Some(table) = &letter.table { (bought(table)) }
        @if !letter.address.is_empty() {
            h2 { "Shipping address" }
            address { @for line in &letter.address { (line) br; } }
        }
        @if !letter.closing.is_empty() { p { (letter.closing) } }
    }
}

fn bought(table: &Table) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Product" }
                    th scope="col" class="n" { "Quantity" }
                    th scope="col" class="n" { "Price" }
                    th scope="col" class="n" { "Total" }
                }
            }
            tbody {
                @for row in &table.rows {
                    tr {
                        td { (row.product) br; small { (row.sku) } }
                        td class="n" { (row.quantity) }
                        td class="n" { (row.price) }
                        td class="n" { (row.total) }
                    }
                }
                @if table.more > 0 {
                    tr { td colspan="4" { "and " (table.more) " more lines" } }
                }
            }
            tfoot {
                tr {
                    th scope="row" colspan="3" { "Total" }
                    td class="n" { strong { (table.total) } }
                }
            }
        }
    }
}
