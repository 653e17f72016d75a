//! The message that tells a user that the order is paid: the operator's template, filled with the order's values.

use std::collections::BTreeMap;

use shared::{
    host::{Host, HostError},
    store::Order,
    types::{OpenId, OrderId, OutTradeNo, TemplateId, UnixSeconds},
    wechat::subscribe::{Data, DataError, Lang, Message, Page, State},
};

/// The operator's template of the message, from the settings.
#[derive(Debug)]
pub(crate) struct PaidTemplate {
    id: TemplateId,
    data: BTreeMap<String, TextTemplate>,
    page: Option<TextTemplate>,
}

/// A text with placeholders.
#[derive(Debug, PartialEq, Eq)]
struct TextTemplate(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Placeholder(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Description,
    OrderId,
    OutTradeNo,
    PaidAt,
    TotalFee,
}

/// The values of an order that placeholders stand for.
struct PlaceholderValues {
    description: String,
    order_id: OrderId,
    out_trade_no: OutTradeNo,
    paid_at: UnixSeconds,
    total_fee: String,
}

impl PaidTemplate {
    /// Reads `PAID_TEMPLATE_ID`, `PAID_TEMPLATE_DATA` and `PAID_TEMPLATE_PAGE`; `None` if there is no `PAID_TEMPLATE_ID`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn read(host: &Host) -> Result<Option<Self>, HostError> {
        if host.optional_var("PAID_TEMPLATE_ID").is_none() {
            return Ok(None);
        }
        let id = host.parsed_var("PAID_TEMPLATE_ID", "the id of a template", TemplateId::parse)?;
        let data = host.parsed_var("PAID_TEMPLATE_DATA", DATA_FORMAT, |text| parse_data(text).ok_or(()))?;
        let page = match host.optional_var("PAID_TEMPLATE_PAGE") {
            Some(_) => {
                Some(host.parsed_var("PAID_TEMPLATE_PAGE", PAGE_FORMAT, |text| parse_page(text).ok_or(()))?)
            }
            None => None,
        };
        let template = Self { id, data, page };
        // WeChat would refuse a text that does not fit its keyword at every payment, so it is refused here.
        if Data::fitted(template.render(&PlaceholderValues::example())).is_err() {
            return Err(HostError::Invalid { name: "PAID_TEMPLATE_DATA", expected: DATA_FORMAT });
        }
        Ok(Some(template))
    }

    /// The message to `openid` that `order` is paid. The order's event happened at `happened_at`.
    ///
    /// # Errors
    /// [`DataError`]: a value of the order does not fit its keyword. Trying again does not help.
    pub(crate) fn message(
        &self,
        order: &Order,
        openid: &OpenId,
        happened_at: UnixSeconds,
    ) -> Result<Message, DataError> {
        let values = PlaceholderValues::new(order, happened_at);
        Ok(Message {
            openid: openid.clone(),
            template_id: self.id.clone(),
            data: Data::fitted(self.render(&values))?,
            page: self.page.as_ref().and_then(|page| Page::parse(&page.render(&values))),
            state: State::default(),
            lang: Lang::default(),
        })
    }

    fn render(&self, values: &PlaceholderValues) -> BTreeMap<String, String> {
        self.data.iter().map(|(key, text)| (key.clone(), text.render(values))).collect()
    }
}

fn parse_data(text: &str) -> Option<BTreeMap<String, TextTemplate>> {
    let data: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    data.into_iter().map(|(key, text)| Some((key, TextTemplate::parse(&text)?))).collect()
}

/// Reads the page's text, whose only placeholder is `{orderId}`.
fn parse_page(text: &str) -> Option<TextTemplate> {
    let page = TextTemplate::parse(text)?;
    let plain =
        page.0.iter().all(|part| matches!(part, Part::Literal(_) | Part::Placeholder(Placeholder::OrderId)));
    let valid = plain && Page::parse(&page.render(&PlaceholderValues::example())).is_some();
    valid.then_some(page)
}

impl TextTemplate {
    /// Reads the text; `None` if one of its braces belongs to no placeholder.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(Part::Placeholder(Placeholder::from_name(name)?));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        let stray = |part: &Part| matches!(part, Part::Literal(literal) if literal.contains('}'));
        (!parts.iter().any(stray)).then_some(Self(parts))
    }

    /// The text with the values in place of the placeholders. Braces within a value are plain text.
    fn render(&self, values: &PlaceholderValues) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Placeholder(placeholder) => values.value_of(*placeholder),
        });
        parts.collect()
    }
}

impl Placeholder {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "description" => Self::Description,
            "orderId" => Self::OrderId,
            "outTradeNo" => Self::OutTradeNo,
            "paidAt" => Self::PaidAt,
            "totalFee" => Self::TotalFee,
            _ => return None,
        })
    }
}

impl PlaceholderValues {
    fn new(order: &Order, happened_at: UnixSeconds) -> Self {
        let names = || order.items.iter().map(|line| line.name.as_str()).collect::<Vec<_>>().join("，");
        Self {
            // The description that the user saw while paying.
            description: order.terms.as_ref().map_or_else(names, |terms| terms.description.clone()),
            order_id: order.order_id,
            out_trade_no: order.out_trade_no,
            paid_at: order.paid_at.unwrap_or(happened_at),
            total_fee: order.total_fee.to_yuan(),
        }
    }

    /// Values such as a real order has.
    fn example() -> Self {
        let at = UnixSeconds::new(1_700_000_000);
        let order_id = OrderId::new(at, [0; 10]);
        Self {
            description: "矿泉水 550ml×1".to_owned(),
            order_id,
            out_trade_no: OutTradeNo::first(order_id),
            paid_at: at,
            total_fee: "128.00".to_owned(),
        }
    }

    fn value_of(&self, placeholder: Placeholder) -> String {
        match placeholder {
            Placeholder::Description => self.description.clone(),
            Placeholder::OrderId => self.order_id.to_string(),
            Placeholder::OutTradeNo => self.out_trade_no.to_string(),
            Placeholder::PaidAt => self.paid_at.to_message(),
            Placeholder::TotalFee => self.total_fee.clone(),
        }
    }
}

const DATA_FORMAT: &str = "a JSON object of 1 to 5 keywords and texts that fit them, with no other placeholders than {outTradeNo}, \
     {orderId}, {totalFee}, {description} and {paidAt}";
const PAGE_FORMAT: &str = "a page of the mini program, with no other placeholder than {orderId}";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;
    use shared::{
        host::{SystemClock, SystemRandomness},
        order::Status,
        store::{OrderLine, PrepayTerms},
        types::{Fen, ProductId},
    };

    use super::*;

    fn read(id: &str, data: &str, page: &str) -> Result<Option<PaidTemplate>, String> {
        let env = [("PAID_TEMPLATE_ID", id), ("PAID_TEMPLATE_DATA", data), ("PAID_TEMPLATE_PAGE", page)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let host = Host::new(env, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
        PaidTemplate::read(&host).map_err(|error| error.to_string())
    }

    fn order(description: Option<&str>) -> Order {
        let at = UnixSeconds::new(1_700_000_000);
        let order_id = OrderId::new(at, [7; 10]);
        let line = |name: &str| OrderLine {
            product_id: ProductId::parse("water").unwrap(),
            name: name.to_owned(),
            price: Fen::new(100).unwrap(),
            quantity: 1,
            delivery: Default::default(),
        };
        Order {
            order_id,
            user_id: None,
            openid: None,
            status: Status::Paid,
            total_fee: Fen::new(205).unwrap(),
            items: vec![line("矿泉水"), line("草莓蛋糕")],
            created_at: at,
            expires_at: at,
            out_trade_no: OutTradeNo::first(order_id),
            terms: description.map(|description| PrepayTerms {
                description: description.to_owned(),
                client_ip: "192.0.2.1".to_owned(),
                time_expire: None,
                offers_invoice: false,
            }),
            prepay: None,
            paid_at: Some(UnixSeconds::new(1_700_000_042)),
            transaction_id: None,
            paid_by: None,
            refunded_fee: 0,
            refunding_fee: 0,
            paid_withheld: false,
            refunds_known: false,
            details: None,
            refund_requests: Vec::new(),
            refund_request_state: None,
            refund_requested_at: None,
            reserved: None,
            shipping: None,
            asked_at: None,
            next_query_at: None,
            queries: 0,
            due_shard: None,
        }
    }

    const ALL: &str = r#"{"character_string1":"{outTradeNo}","thing2":"{description}","amount3":"¥{totalFee}元",
        "time4":"{paidAt}","phrase5":"支付成功"}"#;

    fn openid() -> OpenId {
        OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap()
    }

    fn data(template: &PaidTemplate, order: &Order) -> Data {
        template.message(order, &openid(), order.created_at).unwrap().data
    }

    fn expected(values: serde_json::Value) -> Data {
        Data::parse(serde_json::from_value(values).unwrap()).unwrap()
    }

    #[test]
    fn the_order_s_values_stand_where_the_placeholders_are() {
        let template = read("tmpl-paid", ALL, "pages/order?id={orderId}").unwrap().unwrap();
        let order = order(Some("矿泉水×1"));
        let message = template.message(&order, &openid(), order.created_at).unwrap();
        assert_eq!(
            message.data,
            expected(json!({
                "character_string1": "01HF7YAT000W3GE1R70W3GE1R701", "thing2": "矿泉水×1", "amount3": "¥2.05元",
                "time4": "2023年11月15日 6:14", "phrase5": "支付成功",
            }))
        );
        assert_eq!(message.page, Page::parse("pages/order?id=01HF7YAT000W3GE1R70W3GE1R7"));
        assert_eq!((message.openid, message.template_id.as_str()), (openid(), "tmpl-paid"));
    }

    #[test]
    fn a_long_description_is_cut_and_a_missing_one_is_made_of_the_goods() {
        let template = read("t", r#"{"thing1":"{description}"}"#, "").unwrap().unwrap();
        let cut = expected(json!({ "thing1": format!("{}...", "水".repeat(17)) }));
        assert_eq!(data(&template, &order(Some(&"水".repeat(40)))), cut);
        assert_eq!(data(&template, &order(None)), expected(json!({ "thing1": "矿泉水，草莓蛋糕" })));
    }

    #[test]
    fn without_an_id_there_is_no_message_and_no_other_setting_is_read() {
        assert!(read("", "nonsense", "nonsense {").unwrap().is_none());
    }

    #[test]
    fn the_error_names_the_malformed_setting() {
        assert!(read("a b", ALL, "").unwrap_err().starts_with("the environment variable PAID_TEMPLATE_ID"));
        assert_eq!(read("t", "", "").unwrap_err(), "the environment variable PAID_TEMPLATE_DATA is not set");
        for data in [
            "x",
            "[]",
            "{}",
            r#"{"thing1":1}"#,
            r#"{"thing1":""}"#,
            r#"{"thing":"x"}"#,
            r#"{"colour":"red"}"#,
            r#"{"thing1":"{openid}"}"#,
            r#"{"thing1":"{orderId"}"#,
            r#"{"thing1":"orderId}"}"#,
            r#"{"thing1":"{{orderId}}"}"#,
            r#"{"number1":"{description}"}"#,
            r#"{"time1":"{totalFee}"}"#,
            r#"{"thing1":"a","thing2":"a","thing3":"a","thing4":"a","thing5":"a","thing6":"a"}"#,
        ] {
            let error = read("t", data, "").unwrap_err();
            assert!(
                error.starts_with("the environment variable PAID_TEMPLATE_DATA is not a JSON"),
                "{data}: {error}"
            );
        }
        for page in ["https://example.com", "a b", "pages/{outTradeNo}", "pages/{orderId"] {
            let error = read("t", ALL, page).unwrap_err();
            assert!(error.starts_with("the environment variable PAID_TEMPLATE_PAGE"), "{page}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_a_text_without_braces_stays_as_it_is(text in ".{0,60}") {
            let parsed = TextTemplate::parse(&text);
            if !text.contains(['{', '}']) {
                prop_assert_eq!(parsed.unwrap().render(&PlaceholderValues::example()), text);
            }
        }

        #[test]
        fn a_description_is_never_read_as_a_placeholder(before in "[a-z ]{0,8}", description in ".{0,20}") {
            let text = TextTemplate::parse(&format!("{before}{{description}}!")).unwrap();
            let values = PlaceholderValues { description: description.clone(), ..PlaceholderValues::example() };
            prop_assert_eq!(text.render(&values), format!("{before}{description}!"));
        }

        #[test]
        fn any_description_makes_a_message_or_an_error(description in ".{0,200}") {
            let template = read("t", ALL, "").unwrap().unwrap();
            let made = template.message(&order(Some(&description)), &openid(), UnixSeconds::new(1));
            prop_assert!(made.is_ok() || description.trim().is_empty() || description.chars().all(char::is_control));
        }
    }
}
