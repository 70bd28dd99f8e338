//! What the load consists of: order bodies, made before the clock starts, so that sending one costs
//! a pointer. It knows nothing of connections and of time; `round.rs` sends what is made here.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use bytes::Bytes;

use crate::random::Random;

/// How many different bodies one workload cycles through.
const BODIES_PREPARED: usize = 1 << 16;
/// Most units of one line.
const UNITS_PER_LINE_MAX: u64 = 3;
/// Most lines of one order: beyond it the load is no longer made of orders that anyone places.
const LINES_MAX: u32 = 20;

/// Which products are bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The first line is always product 1, the others are uniform.
    Hot,
    /// Every line is uniform over all products.
    Spread,
    /// Product n is bought in proportion to 1/n.
    Skew,
}

/// How many lines an order has: `2`, or `1-3` for a uniform choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCount {
    min: u32,
    max: u32,
}

impl LineCount {
    /// One line.
    pub(crate) const ONE: Self = Self { min: 1, max: 1 };
}

impl FromStr for LineCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<u32>().ok();
        match (number(min), number(max)) {
            (Some(min), Some(max)) if 1 <= min && min <= max && max <= LINES_MAX => {
                Ok(Self { min, max })
            }
            _ => Err(format!("a number or a range within 1-{LINES_MAX}, like `2` or `1-3`")),
        }
    }
}

impl fmt::Display for LineCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}-{}", self.min, self.max)
        }
    }
}

/// The SKU of a product; products count from 1.
pub(crate) fn sku(product: u32) -> String {
    format!("BENCH-{product:07}")
}

/// One line of a prepared order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The product's number, from 1.
    pub(crate) product: u32,
    /// The units.
    pub(crate) quantity: u32,
}

/// An order ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The JSON body.
    pub(crate) body: Bytes,
    /// What the body says, for the count at the end.
    pub(crate) lines: Box<[Line]>,
    /// Where it is sent, if that is not where all of them are.
    pub(crate) path: Option<Box<str>>,
    /// Where in the body there is room for a name that is made when it is sent: one that is used
    /// once.
    pub(crate) name_at: Option<usize>,
    /// What is read once it is placed, before the next one.
    pub(crate) then: Box<[String]>,
}

/// What stands in a body for a name that is made when it is sent.
pub(crate) const NAME: &str = "0000000000000000";

impl Prepared {
    /// A body that says this.
    pub(crate) fn new(body: impl Into<Bytes>, lines: impl Into<Box<[Line]>>) -> Self {
        let (body, lines) = (body.into(), lines.into());
        Self { body, lines, path: None, name_at: None, then: Box::default() }
    }

    /// The same with a name of its own, each time, where it says [`NAME`].
    pub(crate) fn named(self) -> Self {
        let name_at = self.body.windows(NAME.len()).position(|text| text == NAME.as_bytes());
        Self { name_at, ..self }
    }

    /// The body as it is sent.
    pub(crate) fn body(&self, random: &mut Random) -> Bytes {
        let Some(at) = self.name_at else { return self.body.clone() };
        let name = format!("{:016x}", random.below(u64::MAX));
        let after = at + NAME.len();
        [&self.body[..at], name.as_bytes(), &self.body[after..]].concat().into()
    }
}

/// The prepared orders of one workload.
#[derive(Debug)]
pub(crate) struct Orders(Vec<Prepared>);

impl Orders {
    /// Prepares orders of this shape over `products` products.
    pub(crate) fn prepare(
        shape: Shape,
        products: u32,
        lines: LineCount,
        random: &mut Random,
    ) -> Self {
        let buyer = Buyer::new(shape, products);
        Self((0..BODIES_PREPARED).map(|_| buyer.order(lines, random)).collect())
    }

    /// The same, to be paid: through a gateway of this name, or by hand.
    pub(crate) fn paid_through(&self, provider: &str) -> Self {
        let terms = format!(r#","payment":{{"provider":"{provider}"}}}}"#);
        self.map(|order| {
            let json = order.body.strip_suffix(b"}").unwrap_or(&order.body);
            let body = [json, terms.as_bytes()].concat();
            Prepared::new(body, order.lines.clone())
        })
    }

    /// The same said otherwise.
    pub(crate) fn map(&self, mut otherwise: impl FnMut(&Prepared) -> Prepared) -> Self {
        Self(self.0.iter().map(&mut otherwise).collect())
    }

    /// One of them.
    pub(crate) fn pick(&self, random: &mut Random) -> &Prepared {
        &self.0[random.index(self.0.len())]
    }
}

/// Chooses products.
struct Buyer {
    shape: Shape,
    products: u32,
    /// For `Skew`: the sum of 1/n up to each product.
    cumulated: Vec<f64>,
}

impl Buyer {
    fn new(shape: Shape, products: u32) -> Self {
        let mut sum = 0.0;
        let weighted = if shape == Shape::Skew { products } else { 0 };
        let add = |product| {
            sum += 1.0 / f64::from(product);
            sum
        };
        let cumulated = (1..=weighted).map(add).collect();
        Self { shape, products, cumulated }
    }

    fn order(&self, lines: LineCount, random: &mut Random) -> Prepared {
        let span = u64::from(lines.max - lines.min + 1);
        let wanted = lines.min + small(random.below(span));
        let mut chosen: Vec<Line> = Vec::new();
        for _ in 0..wanted.min(self.products) {
            let mut product = self.product(chosen.is_empty(), random);
            // An order names a product once.
            while chosen.iter().any(|line| line.product == product) {
                product = product % self.products + 1;
            }
            let quantity = 1 + small(random.below(UNITS_PER_LINE_MAX));
            chosen.push(Line { product, quantity });
        }
        Prepared::new(order_json(&chosen), chosen)
    }

    fn product(&self, first_line: bool, random: &mut Random) -> u32 {
        match self.shape {
            Shape::Hot if first_line => 1,
            Shape::Hot | Shape::Spread => 1 + small(random.below(u64::from(self.products))),
            Shape::Skew => {
                let total = self.cumulated.last().copied().unwrap_or(1.0);
                let point = random.fraction() * total;
                let below = self.cumulated.partition_point(|sum| *sum < point);
                small(below as u64 + 1).min(self.products)
            }
        }
    }
}

/// A number that is known to fit, because it was drawn below a `u32`.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The JSON of one order.
pub(crate) fn order_json(lines: &[Line]) -> String {
    let mut json = String::from(r#"{"items":["#);
    for (index, line) in lines.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let (sku, quantity) = (sku(line.product), line.quantity);
        // Writing to a string cannot fail.
        let _ = write!(json, r#"{comma}{{"sku":"{sku}","quantity":{quantity}}}"#);
    }
    json.push_str("]}");
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(shape: Shape, products: u32) -> Vec<Prepared> {
        let lines = "1-3".parse().unwrap();
        Orders::prepare(shape, products, lines, &mut Random::seeded(1)).0
    }

    #[test]
    fn a_body_says_what_its_lines_say() {
        let lines = [Line { product: 7, quantity: 2 }, Line { product: 8, quantity: 1 }];
        let expected = concat!(
            r#"{"items":[{"sku":"BENCH-0000007","quantity":2},"#,
            r#"{"sku":"BENCH-0000008","quantity":1}]}"#
        );
        assert_eq!(order_json(&lines), expected);
    }

    #[test]
    fn an_order_that_is_to_be_paid_buys_the_same() {
        let orders =
            Orders::prepare(Shape::Spread, 9, "1".parse().unwrap(), &mut Random::seeded(1));
        let (plain, paid) = (&orders.0[0], &orders.paid_through("razorpay").0[0]);
        assert_eq!(paid.lines, plain.lines);
        let (plain, paid): (serde_json::Value, serde_json::Value) = (
            serde_json::from_slice(&plain.body).unwrap(),
            serde_json::from_slice(&paid.body).unwrap(),
        );
        assert_eq!(paid["items"], plain["items"]);
        assert_eq!(paid["payment"]["provider"], "razorpay");
    }

    #[test]
    fn a_name_is_made_each_time_a_body_is_sent() {
        let mut random = Random::seeded(1);
        let plain = Prepared::new(r#"{"a":"b"}"#, Vec::new()).named();
        assert_eq!(plain.body(&mut random), plain.body);
        let named = Prepared::new(format!(r#"{{"name":"{NAME}","b":1}}"#), Vec::new()).named();
        let bodies = [named.body(&mut random), named.body(&mut random)];
        assert_ne!(bodies[0], bodies[1]);
        for body in bodies {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((body["name"].as_str().unwrap().len(), &body["b"]), (16, &1.into()));
        }
    }

    #[test]
    fn an_order_has_one_to_three_lines_and_names_a_product_once() {
        for shape in [Shape::Hot, Shape::Spread, Shape::Skew] {
            for products in [1, 2, 100] {
                for order in prepare(shape, products) {
                    let mut named: Vec<u32> = order.lines.iter().map(|line| line.product).collect();
                    named.sort_unstable();
                    named.dedup();
                    assert_eq!(named.len(), order.lines.len());
                    assert!((1..=3).contains(&named.len()));
                    assert!(named.iter().all(|product| (1..=products).contains(product)));
                }
            }
        }
    }

    #[test]
    fn hot_orders_start_with_product_one_and_skewed_ones_favour_it() {
        let first_is_one = |shape| {
            let orders = prepare(shape, 1000);
            orders.iter().filter(|order| order.lines[0].product == 1).count()
        };
        assert_eq!(first_is_one(Shape::Hot), BODIES_PREPARED);
        // 1/H(1000) of all orders is 13 %.
        assert!((7_000..10_000).contains(&first_is_one(Shape::Skew)));
        assert!(first_is_one(Shape::Spread) < 200);
    }

    #[test]
    fn the_number_of_lines_is_a_number_or_a_range() {
        assert_eq!("1-3".parse::<LineCount>().unwrap().to_string(), "1-3");
        assert_eq!("2".parse::<LineCount>().unwrap().to_string(), "2");
        for wrong in ["0", "3-1", "x", "1-", "1-21"] {
            assert!(wrong.parse::<LineCount>().is_err(), "{wrong}");
        }
    }
}
