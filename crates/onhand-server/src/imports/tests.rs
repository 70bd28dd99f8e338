//! What is read of a file, wherever it is cut into chunks: rows, and each fault with its place.

use onhand_core::imports::{Entry, Kind, LocationRef, Row};

use super::{FileFault, Format, Reading};
use crate::limits::IMPORT_RECORD_BYTES_MAX;

/// Rows, where each ended, and columns that were ignored.
type Found = (Vec<Entry>, Vec<(u64, String)>, Vec<String>);

/// Everything that is read of a file which arrives in chunks of so many bytes.
fn read_in(
    chunk: usize,
    file: &[u8],
    (kind, format, currency): (Kind, &str, Option<&str>),
) -> Result<Found, FileFault> {
    let format = Format::from_name(format).unwrap();
    let currency = currency.map(|code| code.parse().unwrap());
    let mut reading = Reading::new(kind, format, currency);
    let (mut entries, mut marks) = (Vec::new(), Vec::new());
    for chunk in file.chunks(chunk) {
        let mut rest = chunk;
        reading.head(&mut rest)?;
        while let Some(entry) = reading.next(&mut rest) {
            entries.push(entry);
            marks.push(reading.mark());
        }
    }
    let last = reading.finish()?;
    if last.is_some() {
        marks.push(reading.mark());
    }
    entries.extend(last);
    Ok((entries, marks, reading.ignored()))
}

/// The same whatever the chunks.
fn read(
    file: &[u8],
    how: (Kind, &str, Option<&str>),
) -> Result<(Vec<Entry>, Vec<String>), FileFault> {
    let whole = read_in(file.len().max(1), file, how);
    for chunk in [1, 2, 3, 7, 64] {
        assert_eq!(read_in(chunk, file, how), whole, "in chunks of {chunk}");
    }
    whole.map(|(entries, _, ignored)| (entries, ignored))
}

/// A row in words.
fn told(entry: &Entry) -> String {
    let line = entry.line;
    match &entry.content {
        Err(fault) => {
            let column = fault.column.as_deref().unwrap_or("-");
            format!("{line} {} {column}", fault.code)
        }
        Ok(Row::Product(row)) => {
            let name = row.name.as_ref().map_or("-", |name| name.as_str());
            let price = row.price.map_or("-".into(), |price| format!("{price:?}"));
            let price = price.replace("Money { amount: ", "").replace(", currency: ", " ");
            let on_hand = row.on_hand.map_or("-".into(), |units| units.to_string());
            let active = row.active.map_or("-".into(), |active| active.to_string());
            let price = price.replace(" }", "");
            format!("{line} {} {name} {price} {on_hand} {active}", row.sku)
        }
        Ok(Row::Stock(row)) => {
            let at = match &row.location {
                None => "-".to_owned(),
                Some(LocationRef::Id(id)) => id.to_string(),
                Some(LocationRef::Code(code)) => format!("`{code}`"),
            };
            format!("{line} {} {at} {:?} {:?}", row.sku, row.on_hand, row.safety_stock)
        }
    }
}

fn check(how: (Kind, &str, Option<&str>), file: &str, expected: &[&str]) {
    let (entries, _) = read(file.as_bytes(), how).unwrap();
    let found: Vec<_> = entries.iter().map(told).collect();
    assert_eq!(found, expected, "{file}");
}

const PRODUCTS: (Kind, &str, Option<&str>) = (Kind::Products, "csv", Some("INR"));
const STOCK: (Kind, &str, Option<&str>) = (Kind::Stock, "csv", None);

#[test]
fn rows_are_read_whatever_ends_and_quotes_them() {
    check(
        PRODUCTS,
        "\u{feff}sku,name,price,on_hand\r\ntea,Green tea,49900,5\r\n\r\n\
         cup,\"A \"\"big\"\", red cup\",1000,\r\n\"pot\",\"two\nlines\",7,0",
        &[
            "2 tea Green tea 49900 INR 5 -",
            "4 cup A \"big\", red cup 1000 INR - -",
            // The name may have no line break, and is told with the line on which its row begins.
            "5 validation_failed name",
        ],
    );
    check(
        PRODUCTS,
        "sku,price,currency\ntea,1,EUR\ncup,2,\n",
        &["2 tea - 1 EUR - -", "3 cup - 2 INR - -"],
    );
    check(
        PRODUCTS,
        "sku,name,active\na,it's 5\" wide,true\nb,'=1+1,FALSE\nc,=1+1,\n",
        &["2 a it's 5\" wide - - true", "3 b =1+1 - - false", "4 c =1+1 - - -"],
    );
    check(
        STOCK,
        "location,sku,on_hand,safety_stock\nloc_1,tea,5,2\nmain,tea,,\n,tea,0,\n",
        &["2 tea loc_1 Some(5) Some(2)", "3 tea `main` None None", "4 tea - Some(0) None"],
    );
}

#[test]
fn a_cell_that_cannot_be_read_is_told_with_its_line_and_column() {
    for wrong in ["12.5", "1 000", "-3", "+3", "1e3", "ten", "1000000001", "１"] {
        check(
            STOCK,
            &format!("sku,on_hand\ntea,{wrong}\ncup,1\n"),
            &["2 validation_failed on_hand", "3 cup - Some(1) None"],
        );
    }
    check(STOCK, "sku,on_hand\ntea,\" 12\"\n", &["2 validation_failed on_hand"]);
    check(
        STOCK,
        "sku,on_hand\na b,1\n,1\ntea\ntea,1,2\n",
        &[
            "2 validation_failed sku",
            "3 missing_value sku",
            "4 wrong_cell_count -",
            "5 wrong_cell_count -",
        ],
    );
    check((Kind::Products, "csv", None), "sku,price\ntea,5\n", &["2 missing_value currency"]);
    check(PRODUCTS, "sku,price,currency\ntea,5,inr\n", &["2 validation_failed currency"]);
    check(
        PRODUCTS,
        "sku,active,category_ids\na,yes,\nb,,cat_1;cat_2\n",
        &["2 validation_failed active", "3 validation_failed category_ids"],
    );
    check(STOCK, "sku,on_hand\ntea,\"1\ncup,2\n", &["2 quote_not_closed -"]);
    check(STOCK, "sku,on_hand\ntea,1\rcup,2\r", &["2 lone_carriage_return -"]);
    let (entries, _) = read(b"sku,on_hand\ntea,\xff\ncup,2\n", STOCK).unwrap();
    let found: Vec<_> = entries.iter().map(told).collect();
    assert_eq!(found, ["2 not_utf8 on_hand", "3 cup - Some(2) None"]);
}

#[test]
fn a_row_of_ten_megabytes_is_passed_over_and_not_kept() {
    let mut file = b"sku,name\ntea,".to_vec();
    file.resize(10 << 20, b'x');
    file.extend_from_slice(b"\ncup,Cup\n");
    let (entries, _, _) = read_in(64 << 10, &file, PRODUCTS).unwrap();
    let found: Vec<_> = entries.iter().map(told).collect();
    assert_eq!(found, ["2 row_too_long -", "3 cup Cup - - -"]);
    let mut reading = Reading::new(Kind::Products, Format::Csv, None);
    for mut chunk in file.chunks(64 << 10) {
        reading.head(&mut chunk).unwrap();
        while reading.next(&mut chunk).is_some() {}
        assert!(reading.splitter.record().len() <= IMPORT_RECORD_BYTES_MAX);
    }
}

#[test]
fn a_first_line_that_does_not_fit_refuses_the_file() {
    let check = |file: &str, how: (Kind, &str, Option<&str>), expected: &str| {
        let fault = read(file.as_bytes(), how).unwrap_err().to_string();
        assert!(fault.contains(expected), "{file}: {fault}");
    };
    check("", PRODUCTS, "the file is empty");
    check("\n\n", PRODUCTS, "the file is empty");
    check("name,price\ntea,1\n", PRODUCTS, "no column `sku`; there are `name`, `price`");
    check("sku;name\ntea;Tea\n", PRODUCTS, "no column `sku`; there are `sku;name`");
    check("sku,name,sku\n", PRODUCTS, "the column `sku` is there twice");
    check(
        "Variant SKU,Variant Price EUR,Variant Price USD\n",
        (Kind::Products, "medusa", None),
        "prices in EUR, USD",
    );
}

#[test]
fn columns_that_are_not_known_are_told() {
    let (entries, ignored) = read(b"sku,supplier,name,\ntea,x,Tea,y\n", PRODUCTS).unwrap();
    assert_eq!(told(&entries[0]), "2 tea Tea - - -");
    assert_eq!(ignored, ["supplier", ""]);
}

#[test]
fn a_line_of_json_has_the_same_fields() {
    const JSON: (Kind, &str, Option<&str>) = (Kind::Products, "ndjson", None);
    check(
        JSON,
        "{\"sku\":\"tea\",\"name\":\"Tea\",\"price\":49900,\"currency\":\"INR\",\"on_hand\":5}\n\
         {\"id\":\"prd_1\",\"object\":\"product\",\"sku\":\"cup\",\"version\":3,\
         \"price\":{\"amount\":7,\"currency\":\"EUR\"},\"category_ids\":[\"cat_1\"],\
         \"active\":false,\"description\":\"\",\"name\":null}\n",
        &["1 tea Tea 49900 INR 5 -", "2 cup - 7 EUR - false"],
    );
    check(
        JSON,
        "{\"sku\":\"tea\"\n[1]\n7\n{\"sku\":\"tea\",\"naem\":\"x\"}\n\
        {\"sku\":\"a\",\"sku\":\"b\"}\n{\"sku\":\"a\",\"on_hand\":1.5}\n{\"sku\":{}}\n{}\n",
        &[
            "1 malformed_json column 12",
            "2 malformed_json column 0",
            "3 malformed_json column 1",
            "4 unknown_field naem",
            "5 validation_failed sku",
            "6 validation_failed on_hand",
            "7 validation_failed sku",
            "8 missing_value sku",
        ],
    );
    let deep = format!("{{\"sku\":{}1{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    let (entries, _) = read(deep.as_bytes(), JSON).unwrap();
    assert!(told(&entries[0]).starts_with("1 malformed_json"));
}

#[test]
fn products_of_other_systems_are_read_in_their_own_words() {
    check(
        (Kind::Products, "shopify", Some("EUR")),
        "Handle,Title,Body (HTML),Vendor,Option1 Value,Option2 Value,Variant SKU,Variant Price,\
         Variant Inventory Qty,Image Src,Status\n\
         lamp,Lamp,<p>Bright</p>,Us,Red,Small,L-RS,19.99,4,a.png,active\n\
         lamp,,,,Red,Large,L-RL,25,0,,\n\
         lamp,,,,,,,,,b.png,\n\
         rug,Rug,,Us,Default Title,,R-1,100.5,2,,draft\n\
         rug,,,,Default Title,,,1.00,2,,\n",
        &[
            "2 L-RS Lamp - Red / Small 1999 EUR 4 true",
            "3 L-RL Lamp - Red / Large 2500 EUR 0 true",
            "5 R-1 Rug 10050 EUR 2 false",
            "6 missing_value SKU",
        ],
    );
    check(
        (Kind::Products, "medusa", Some("USD")),
        "Product Id,Product Handle,Product Title,Product Status,Variant Title,Variant SKU,\
         Variant Price EUR,Variant Price USD\n\
         prod_1,mug,Mug,published,Blue,M-B,10,12.5\nprod_1,mug,Mug,published,Red,M-R,10,12.505\n",
        &["2 M-B Mug - Blue 1250 USD - true", "3 validation_failed Variant Price USD"],
    );
    check(
        (Kind::Products, "vendure", Some("JPY")),
        "name , slug , optionValues , sku , price , stockOnHand\n\
         Laptop , laptop , 13 inch|8GB , L1 , 1299 , 10\n , , 15 inch|8GB , L2 , 1299.5 , 1\n\
         Mouse , mouse , , M1 , 20.00 , 3\n",
        &[
            "2 L1 Laptop - 13 inch / 8GB 1299 JPY 10 -",
            "3 validation_failed price",
            "4 M1 Mouse 20 JPY 3 -",
        ],
    );
}
