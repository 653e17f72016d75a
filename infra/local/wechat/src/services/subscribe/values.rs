//! The rules for a message's values. The letters of the keyword before its number name the rule.
//!
//! Documentation: "Send subscribe message", table of parameter limits (订阅消息参数值内容限制说明). Lengths are in characters. The formats of
//! dates and times are below that page's table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::account_templates::AccountTemplate;

/// Parses the values by keyword. If the account has added the template, all of its keywords must be present.
///
/// # Errors
///
/// The text of WeChat's `errmsg` that names the wrong value.
pub(super) fn parse_values(
    data: Option<&Map<String, Value>>,
    template: Option<&AccountTemplate>,
) -> Result<BTreeMap<String, String>, String> {
    let data = data.filter(|data| !data.is_empty()).ok_or("data invalid")?;
    let keywords = template.map(AccountTemplate::keywords).unwrap_or_default();
    if let Some(missing) = keywords.iter().find(|keyword| !data.contains_key(*keyword)) {
        return Err(format!("data.{missing} is empty"));
    }
    data.iter()
        .map(|(keyword, value)| {
            let value = value.get("value").and_then(Value::as_str).unwrap_or_default();
            let allowed = template.map(|template| template.enum_values(keyword)).unwrap_or_default();
            if is_valid(keyword, value, allowed) {
                Ok((keyword.clone(), value.to_owned()))
            } else {
                Err(format!("data.{keyword}.value invalid"))
            }
        })
        .collect()
}

fn is_valid(keyword: &str, value: &str, allowed: &[&str]) -> bool {
    let kind = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    let length = value.chars().count();
    if kind == keyword || length == 0 || value.chars().any(char::is_control) {
        return false;
    }
    match kind {
        "thing" | "const" => length <= 20,
        "number" => length <= 33 && is_decimal(value, 32),
        "letter" => length <= 32 && value.chars().all(|c| c.is_ascii_alphabetic()),
        "symbol" => length <= 5 && value.chars().all(is_symbol),
        "character_string" => length <= 32 && value.chars().all(|c| c.is_ascii_graphic()),
        "time" => is_range(value, is_time),
        "date" => is_range(value, is_date),
        "amount" => is_amount(value),
        "phone_number" => {
            length <= 17 && value.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation())
        }
        "car_number" => length <= 8 && is_car_number(value),
        "name" => is_name(value, length),
        "phrase" => length <= 5 && value.chars().all(is_chinese),
        "enum" | "enum_string" => allowed.is_empty() || allowed.contains(&value),
        // WeChat has rules that the table does not list, such as `short_thing`; their limits are unknown.
        _ => true,
    }
}

/// Whether the text is digits with at most one point between them.
fn is_decimal(text: &str, most_digits: usize) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits <= most_digits
        && match text.split_once('.') {
            Some((whole, fraction)) => is_number(whole) && is_number(fraction),
            None => is_number(text),
        }
}

/// Whether the text is a decimal number, with an optional currency symbol before it and an optional 元 behind it.
fn is_amount(text: &str) -> bool {
    let text = text.strip_prefix(['¥', '￥', '$', '€', '£', '₩', '₽', '฿', '₫', '₹']).unwrap_or(text);
    is_decimal(text.strip_suffix('元').unwrap_or(text), 10)
}

/// Whether the text is one value, or two values joined by `~`.
fn is_range(text: &str, is_one: fn(&str) -> bool) -> bool {
    text.split_once('~').map_or_else(|| is_one(text), |(from, to)| is_one(from) && is_one(to))
}

/// Whether the text is a time such as `15:01`, with or without a date before it.
fn is_time(text: &str) -> bool {
    match text.split_once(' ') {
        Some((day, clock)) => is_day(day) && is_clock(clock),
        None => is_clock(text),
    }
}

/// Whether the text is a date such as `2019年10月1日`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    match text.split_once(' ') {
        Some((day, clock)) => is_day(day) && is_clock(clock),
        None => is_day(text),
    }
}

/// Whether the text is `y年m月d日`, `y年m月` or `m月d日`, or the same numbers joined by `-`, `/` or `.`.
fn is_day(text: &str) -> bool {
    let words = text.replace(['年', '月'], "-").replace('日', "");
    let has_words = text.contains(['年', '月', '日']);
    let joined = if has_words { words.trim_end_matches('-').to_owned() } else { text.to_owned() };
    if has_words && !(text.ends_with('日') || text.ends_with('月') && text.contains('年')) {
        return false;
    }
    let separator = if has_words { '-' } else { joined.chars().find(|c| "-/.".contains(*c)).unwrap_or('-') };
    let parts: Vec<&str> = joined.split(separator).collect();
    let is_year = |year: &str| year.len() == 4 && is_between(year, 1, 9999);
    let is_month = |month: &str| month.len() <= 2 && is_between(month, 1, 12);
    let is_day = |day: &str| day.len() <= 2 && is_between(day, 1, 31);
    match parts.as_slice() {
        [year, month, day] => is_year(year) && is_month(month) && is_day(day),
        [first, second] => is_year(first) && is_month(second) || is_month(first) && is_day(second),
        _ => false,
    }
}

/// Whether the text is a time of 24 hours, with or without seconds.
fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [hours, rest @ ..] if (1..=2).contains(&rest.len()) => {
            is_between(hours, 0, 23) && rest.iter().all(|part| part.len() == 2 && is_between(part, 0, 59))
        }
        _ => false,
    }
}

fn is_between(digits: &str, least: u32, most: u32) -> bool {
    digits.len() <= 4
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.parse().is_ok_and(|number| (least..=most).contains(&number))
}

/// Whether the text is letters and digits. The first and last character may be Chinese.
fn is_car_number(text: &str) -> bool {
    let last = text.chars().count().saturating_sub(1);
    text.chars()
        .enumerate()
        .all(|(at, c)| c.is_ascii_alphanumeric() || (is_chinese(c) && (at == 0 || at == last)))
}

/// Whether the text is a name: at most 10 characters if one of them is Chinese, otherwise at most 20.
fn is_name(text: &str, length: usize) -> bool {
    let most = if text.chars().any(is_chinese) { 10 } else { 20 };
    length <= most && !text.chars().any(char::is_numeric)
}

fn is_symbol(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace()
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}' | '〇')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_takes_what_the_documentation_says() {
        for (keyword, good, bad) in [
            ("thing1", vec!["店".repeat(20), "a b+!".to_owned()], vec!["店".repeat(21), "a\nb".to_owned()]),
            (
                "number2",
                vec!["1".repeat(32), "3.14".to_owned()],
                vec!["1".repeat(33), "1.".to_owned(), "-1".to_owned(), "一".to_owned()],
            ),
            ("letter3", vec!["a".repeat(32)], vec!["a".repeat(33), "a1".to_owned()]),
            ("symbol4", vec!["@#￥".to_owned()], vec!["@@@@@@".to_owned(), "a".to_owned()]),
            ("character_string5", vec!["A-1_#".to_owned()], vec!["A".repeat(33), "单号1".to_owned()]),
            (
                "time6",
                ["15:01", "2019年10月1日 15:01", "15:01~16:00", "9:30:59"].map(str::to_owned).to_vec(),
                ["24:00", "15:1", "15", "2019年10月1日", "15:01~"].map(str::to_owned).to_vec(),
            ),
            (
                "date7",
                [
                    "2019年10月1日",
                    "2019年10月01日 15:01",
                    "2019年10月1日~2019年11月1日",
                    "2018年1月",
                    "8月11日",
                    "2018-01-01",
                    "2018/01/01",
                    "2018.01.01",
                    "2018-01",
                    "01-01",
                ]
                .map(str::to_owned)
                .to_vec(),
                ["2019年13月1日", "19年1月1日", "15:01", "2019年10月1", "8月", "2018年", "2018", "13-01"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            (
                "amount8",
                ["￥1.01", "$100", "99元", "1234567890"].map(str::to_owned).to_vec(),
                ["12345678901", "￥￥1", "1,000", "元"].map(str::to_owned).to_vec(),
            ),
            ("phone_number9", vec!["+86-0766-66888866".to_owned()], vec!["1".repeat(18), "电话".to_owned()]),
            (
                "car_number10",
                vec!["粤A8Z888挂".to_owned()],
                vec!["粤粤A8Z888".to_owned(), "粤A8Z888888".to_owned()],
            ),
            (
                "name11",
                vec!["张".repeat(10), "a".repeat(20)],
                vec!["张".repeat(11), "张aaaaaaaaaaa".to_owned(), "张3".to_owned()],
            ),
            ("phrase12", vec!["已经付款了".to_owned()], vec!["已经付款了吗".to_owned(), "ok".to_owned()]),
            ("const13", vec!["任意".to_owned()], vec!["x".repeat(21)]),
        ] {
            for value in good {
                assert!(is_valid(keyword, &value, &[]), "{keyword} {value}");
            }
            for value in bad {
                assert!(!is_valid(keyword, &value, &[]), "{keyword} {value}");
            }
            assert!(!is_valid(keyword, "", &[]), "{keyword}");
        }
        assert!(is_valid("enum14", "早", &["早", "晚"]) && !is_valid("enum14", "午", &["早", "晚"]));
        assert!(!is_valid("thing", "x", &[]) && is_valid("short_thing1", "x", &[]));
    }

    #[test]
    fn the_keyword_at_fault_is_named() {
        for (data, what) in [
            (json!({"thing1": {"value": ""}}), "data.thing1.value invalid"),
            (json!({"thing1": {"value": 1}}), "data.thing1.value invalid"),
            (json!({"thing1": "x"}), "data.thing1.value invalid"),
            (json!({}), "data invalid"),
        ] {
            assert_eq!(parse_values(data.as_object(), None), Err(what.to_owned()));
        }
    }
}
