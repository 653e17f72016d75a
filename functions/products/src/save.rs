//! `PUT /api/admin/products/{productId}`: an operator saves a product, new or known.

use serde::{Deserialize, Deserializer};
use shared::{
    api::{ApiError, Code, request},
    runtime::{Body, Request, Response},
    store::{ProductChange, Shelf, StockChange},
    types::{Delivery, Fen, ProductId},
};

use crate::{ProductsFunction, list::parse_shelf, view};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaveBody {
    name: Option<String>,
    /// Fen.
    price: Option<u64>,
    shelf: Option<String>,
    delivery: Option<String>,
    /// `None` if the field is absent, and `Some(None)` if it is `null`.
    #[serde(default, deserialize_with = "read_present")]
    stock: Option<Option<u64>>,
    stock_rows: Option<u16>,
    max_per_order: Option<u32>,
}

impl ProductsFunction {
    pub(crate) async fn save_product(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let product_id =
            ProductId::parse(&request::path(request, "productId")?).map_err(|_| Code::NotFound)?;
        let change = parse(request::json(request)?)?;
        let operator = request::operator(request)?;
        Ok(view::answer(self.products.save(&product_id, &change, &operator).await?))
    }
}

fn parse(body: SaveBody) -> Result<ProductChange, ApiError> {
    let name = request::required("name", body.name)?;
    let name = name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err(ApiError::invalid("name", "须为 1 到 60 个字"));
    }
    let price = Fen::new(request::required("price", body.price)?)
        .map_err(|error| ApiError::invalid("price", "须为 1 到 1000000000 分").with_cause(error))?;
    let stock = match body.stock {
        None => StockChange::Keep,
        Some(None) => StockChange::Uncounted,
        Some(Some(count @ ..=MAX_STOCK)) => StockChange::Set(count),
        Some(Some(_)) => return Err(ApiError::invalid("stock", "须为 0 到 1000000000")),
    };
    if body.stock_rows.is_some_and(|rows| !(1..=MAX_STOCK_ROWS).contains(&rows)) {
        return Err(ApiError::invalid("stockRows", "须为 1 到 256"));
    }
    if body.max_per_order.is_some_and(|most| !(1..=MAX_QUANTITY).contains(&most)) {
        return Err(ApiError::invalid("maxPerOrder", "须为 1 到 99"));
    }
    Ok(ProductChange {
        name: name.to_owned(),
        price,
        shelf: body.shelf.map_or(Ok(Shelf::Off), |shelf| parse_shelf(&shelf))?,
        delivery: body.delivery.map_or(Ok(Delivery::Express), |name| parse_delivery(&name))?,
        stock,
        stock_rows: body.stock_rows,
        max_per_order: body.max_per_order,
    })
}

fn parse_delivery(name: &str) -> Result<Delivery, ApiError> {
    Delivery::named(name)
        .ok_or_else(|| ApiError::invalid("delivery", "须为 express、city、virtual 或 pickup"))
}

/// Reads a field that is present, so that `null` differs from an absent field.
fn read_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Characters of a name, which a phone shows on one line or two.
const MAX_NAME: usize = 60;
/// The largest number of goods.
const MAX_STOCK: u64 = 1_000_000_000;
/// The largest number of rows of stock, which is enough for ten thousand orders a second.
const MAX_STOCK_ROWS: u16 = 256;
/// How many of a product any order can have.
const MAX_QUANTITY: u32 = 99;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<ProductChange, ApiError> {
        parse(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn a_stock_that_is_absent_stays_and_null_ends_the_counting() {
        for (body, stock) in [
            (json!({ "name": "水", "price": 200 }), StockChange::Keep),
            (json!({ "name": "水", "price": 200, "stock": null }), StockChange::Uncounted),
            (json!({ "name": "水", "price": 200, "stock": 0 }), StockChange::Set(0)),
            (json!({ "name": "水", "price": 200, "stock": MAX_STOCK }), StockChange::Set(MAX_STOCK)),
        ] {
            assert_eq!(read(body).unwrap().stock, stock);
        }
    }

    #[test]
    fn a_product_without_a_shelf_is_not_for_sale() {
        let change = read(json!({ "name": " 矿泉水 ", "price": 200 })).unwrap();
        assert_eq!((change.name.as_str(), change.shelf), ("矿泉水", Shelf::Off));
        let change = read(json!({ "name": "水", "price": 200, "shelf": "sale" })).unwrap();
        assert_eq!(change.shelf, Shelf::Sale);
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (body, field) in [
            (json!({ "price": 1 }), "name"),
            (json!({ "name": "  ", "price": 1 }), "name"),
            (json!({ "name": "字".repeat(61), "price": 1 }), "name"),
            (json!({ "name": "a\nb", "price": 1 }), "name"),
            (json!({ "name": "水" }), "price"),
            (json!({ "name": "水", "price": 0 }), "price"),
            (json!({ "name": "水", "price": 1_000_000_001 }), "price"),
            (json!({ "name": "水", "price": 1, "shelf": "top" }), "shelf"),
            (json!({ "name": "水", "price": 1, "delivery": "drone" }), "delivery"),
            (json!({ "name": "水", "price": 1, "stock": MAX_STOCK + 1 }), "stock"),
            (json!({ "name": "水", "price": 1, "stockRows": 0 }), "stockRows"),
            (json!({ "name": "水", "price": 1, "stockRows": 257 }), "stockRows"),
            (json!({ "name": "水", "price": 1, "maxPerOrder": 0 }), "maxPerOrder"),
            (json!({ "name": "水", "price": 1, "maxPerOrder": 100 }), "maxPerOrder"),
        ] {
            let error = read(body.clone()).unwrap_err();
            assert!(error.message().starts_with(&format!("参数有误：{field} ")), "{body}: {error:?}");
        }
    }
}
