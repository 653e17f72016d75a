//! The rules for the value of a keyword, by the keyword's kind (订阅消息参数值内容限制说明).
//!
//! Lengths are in characters. A value that WeChat's page does not clearly forbid is accepted here. If WeChat refuses it (47003), its
//! message names the key. WeChat has more kinds than its page lists, `short_thing` for example. Their rules are not known, so their
//! values are sent unchecked.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html>

/// A kind of keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Amount,
    CarNumber,
    CharacterString,
    Const,
    Date,
    EnumString,
    Letter,
    Name,
    Number,
    PhoneNumber,
    Phrase,
    Symbol,
    Thing,
    Time,
    /// A kind that WeChat's page does not list.
    Unlisted,
}

impl Kind {
    /// The kind whose keywords begin with `name`.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "amount" => Self::Amount,
            "car_number" => Self::CarNumber,
            "character_string" => Self::CharacterString,
            "const" => Self::Const,
            "date" => Self::Date,
            "enum" | "enum_string" => Self::EnumString,
            "letter" => Self::Letter,
            "name" => Self::Name,
            "number" => Self::Number,
            "phone_number" => Self::PhoneNumber,
            "phrase" => Self::Phrase,
            "symbol" => Self::Symbol,
            "thing" => Self::Thing,
            "time" => Self::Time,
            _ => Self::Unlisted,
        }
    }

    /// The rule for values of this kind, in Chinese.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Amount => "须为金额：1 个币种符号和 10 位以内数字，可带小数和“元”",
            Self::CarNumber => "须为 8 位以内车牌号",
            Self::CharacterString => "须为 32 位以内数字、字母或符号",
            Self::Const | Self::Thing => "须为 20 个以内字符",
            Self::Date => "须为日期，如 2019年10月1日、10月1日 或 2019年10月1日 15:01",
            Self::EnumString => "须为模板所列的值之一",
            Self::Letter => "须为 32 位以内字母",
            Self::Name => "须为 10 个以内汉字或 20 个以内字母、符号",
            Self::Number => "须为 32 位以内数字，可带小数",
            Self::PhoneNumber => "须为 17 位以内数字、符号",
            Self::Phrase => "须为 5 个以内汉字",
            Self::Symbol => "须为 5 位以内符号",
            Self::Time => "须为 24 小时制时间，如 15:01 或 2019年10月1日 15:01",
            Self::Unlisted => "须为 200 个以内字符",
        }
    }

    /// The value, cut to the length of the kind and without characters that the kind does not allow. A number, an amount or a time
    /// is not cut, because its half would say something else; such a value may fail [`Kind::admits`].
    pub(super) fn cut(self, value: &str) -> String {
        // A line break becomes a blank, because a message is one line.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let value = value.trim();
        let first = |most: usize, keep: fn(char) -> bool| -> String {
            value.chars().filter(|c| keep(*c)).take(most).collect()
        };
        let cut = match self {
            Self::CharacterString => first(32, |c| c.is_ascii() || !c.is_alphanumeric()),
            Self::Const | Self::Thing if value.chars().count() > 20 => first(17, |_| true) + "...",
            Self::Letter => first(32, |c| c.is_ascii_alphabetic()),
            Self::Name => {
                let name = first(20, |c| !c.is_ascii_digit());
                if name.is_ascii() { name } else { name.chars().take(10).collect() }
            }
            Self::Phrase => first(5, is_chinese),
            Self::Symbol => first(5, |c| !c.is_alphanumeric()),
            _ => value.to_owned(),
        };
        cut.trim().to_owned()
    }

    /// Whether the value is valid for this kind.
    pub(super) fn admits(self, value: &str) -> bool {
        if value.trim().is_empty() || value.chars().any(char::is_control) {
            return false;
        }
        let length = value.chars().count();
        let all = |each: fn(char) -> bool| value.chars().all(each);
        match self {
            Self::Amount => is_amount(value),
            Self::CarNumber => length <= 8 && is_car_number(value),
            Self::CharacterString => length <= 32 && all(|c| c.is_ascii() || !c.is_alphanumeric()),
            Self::Const | Self::Thing => length <= 20,
            Self::Date => is_period(value, |moment| moment.date, |_| true),
            // Only WeChat knows the template's list of values.
            Self::EnumString => true,
            Self::Letter => length <= 32 && all(|c| c.is_ascii_alphabetic()),
            Self::Name => length <= if value.is_ascii() { 20 } else { 10 } && all(|c| !c.is_ascii_digit()),
            Self::Number => is_decimal(value, 32),
            Self::PhoneNumber => length <= 17 && all(|c| c.is_ascii_digit() || !c.is_alphanumeric()),
            Self::Phrase => length <= 5 && all(is_chinese),
            Self::Symbol => length <= 5 && all(|c| !c.is_alphanumeric()),
            Self::Time => is_period(value, |moment| moment.time, |moment| moment.time),
            Self::Unlisted => length <= 200,
        }
    }
}

/// Whether the text is a number of at most `most` digits, with at most as many decimals.
fn is_decimal(text: &str, most: usize) -> bool {
    let digits =
        |part: &str| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => digits(text),
        Some((whole, decimals)) => digits(whole) && digits(decimals),
    }
}

fn is_amount(text: &str) -> bool {
    let text = text.strip_suffix('元').unwrap_or(text);
    let number = text.strip_prefix(|c: char| !c.is_alphanumeric()).unwrap_or(text);
    is_decimal(number, 10)
}

fn is_car_number(text: &str) -> bool {
    let last = text.chars().count().saturating_sub(1);
    let mut characters = text.chars().enumerate();
    characters.all(|(at, c)| c.is_ascii_alphanumeric() || (at == 0 || at == last) && is_chinese(c))
}

fn is_chinese(c: char) -> bool {
    matches!(c, '〇' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The parts that a point in time has.
struct Moment {
    date: bool,
    time: bool,
}

/// Whether the text is one point in time that satisfies `first`, or two joined by `~`, of which the other satisfies `second`.
fn is_period(text: &str, first: fn(&Moment) -> bool, second: fn(&Moment) -> bool) -> bool {
    match text.split_once('~') {
        None => moment(text).as_ref().is_some_and(first),
        Some((begin, end)) => {
            moment(begin).as_ref().is_some_and(first) && moment(end).as_ref().is_some_and(second)
        }
    }
}

/// A date, a time of the day, or both.
fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let after_date = date(text);
    let (date, rest) = (after_date.is_some(), after_date.unwrap_or(text));
    let rest = rest.trim_start();
    let time = is_time(rest);
    (time || date && rest.is_empty()).then_some(Moment { date, time })
}

/// The text after the date that it begins with. WeChat's page has `y年m月d日`, `y年m月` and `m月d日`, and the same with `-`, `/`
/// or `.` between the numbers: `2018-01-01`, `2018-01`, `01-01`.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = match number(text)? {
        (year @ 1000..=9999, rest) => (Some(year), rest.strip_prefix(['年', '-', '/', '.'])?),
        _ => (None, text),
    };
    let (_, rest) = number(rest).filter(|(month, _)| (1..=12).contains(month))?;
    let after_month = rest.strip_prefix(['月', '-', '/', '.']);
    match after_month.and_then(number) {
        Some((day, rest)) if (1..=31).contains(&day) => Some(rest.strip_prefix('日').unwrap_or(rest)),
        Some(_) => None,
        // A month without a day needs its year. After it there is `月` or nothing.
        None if year.is_some() => Some(rest.strip_prefix('月').unwrap_or(rest)),
        None => None,
    }
}

/// `15:01` or `15:01:30`.
fn is_time(text: &str) -> bool {
    let mut parts = text.split(':');
    let mut part = |most: u32, widths: &[usize]| {
        let part = parts.next()?;
        let (value, rest) = number(part)?;
        (rest.is_empty() && value <= most && widths.contains(&part.len())).then_some(())
    };
    let hours_and_minutes = part(23, &[1, 2]).and_then(|()| part(59, &[2])).is_some();
    let seconds = text.matches(':').count() < 2 || part(59, &[2]).is_some();
    hours_and_minutes && seconds && parts.next().is_none()
}

/// The number of at most four digits that the text begins with, and the text after it.
fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() <= 4)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Kind, values that it takes, values that it does not.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        (
            "thing",
            &["张三的订单😀", "一二三四五六七八九十一二三四五六七八九十"],
            &["一二三四五六七八九十一二三四五六七八九十一"],
        ),
        (
            "number",
            &["0", "12.50", "12345678901234567890123456789012"],
            &["123456789012345678901234567890123", "1.", "1,000", "一"],
        ),
        ("letter", &["Abc"], &["Abc1", "字", "abcdefghijklmnopqrstuvwxyzabcdefg"]),
        ("symbol", &["*#-!", "，。"], &["a", "1", "字", "******"]),
        ("character_string", &["2019-A#1", "No. 12：3"], &["订单1", "123456789012345678901234567890123"]),
        (
            "time",
            &[
                "15:01",
                "2019年10月1日 15:01",
                "2019-10-01 15:01:59",
                "9:00~17:30",
                "2019年10月1日 15:01~16:00",
                "8月11日 15:01",
                "2026-08-11 12:00:00",
                "08/11 9:00~08/12 18:00",
            ],
            &[
                "24:00",
                "15:60",
                "15:1",
                "2019年10月1日",
                "15:01:",
                "15:01:02:03",
                "tomorrow",
                "~15:01",
                "9:00~~10:00",
                "12345:00",
            ],
        ),
        (
            "date",
            &[
                "2019年10月1日",
                "2019年10月1日 15:01",
                "2019年10月1日15:01:30",
                "2019年10月1日~2019年10月7日",
                "2018-01-01",
                "2018/01/01",
                "2018.01.01",
                "2019/10/1",
                "2018年1月",
                "2018年01月",
                "2018-01",
                "2018/01",
                "2018.1",
                "8月11日",
                "01-01",
                "1/1",
                "01.01",
                "2018年1月~2018年3月",
                "8月11日 ~ 8月12日",
                "8月11日 15:01",
            ],
            &[
                "15:01",
                "2019年13月1日",
                "2019年10月32日",
                "13月1日",
                "8月32日",
                "8月",
                "2018年",
                "2018",
                "01-",
                "2018-",
                "8月11日~",
                "2019年10月1日 下午",
                "2019年10月1日2日",
            ],
        ),
        (
            "amount",
            &["¥100元", "100", "$0.50", "￥1234567890.99元"],
            &["12345678901", "¥¥1", "元", "¥", "RMB1", "1.2.3"],
        ),
        ("phone_number", &["+86-0766-66888866", "13800138000"], &["1380013800013800138", "电话", "call me"]),
        ("car_number", &["粤A8Z888挂", "粤A12345"], &["粤A8Z8888挂", "粤粤A8Z88"]),
        (
            "name",
            &["张三", "John Smith-Brown", "一二三四五六七八九十"],
            &["一二三四五六七八九十一", "张三3", "abcdefghijklmnopqrstu", "张abcdefghij"],
        ),
        ("phrase", &["配送中", "一二三四五"], &["一二三四五六", "ok", "配送中!"]),
        ("enum_string", &["已发货"], &[]),
        ("const", &["欢迎"], &["一二三四五六七八九十一二三四五六七八九十一"]),
        ("short_thing", &["水", "anything: 1，2！"], &[]),
    ];

    #[test]
    fn each_kind_takes_what_wechat_s_table_says() {
        for (name, good, bad) in CASES {
            let kind = Kind::named(name);
            for value in *good {
                assert!(kind.admits(value), "{name} {value}");
            }
            for value in *bad {
                assert!(!kind.admits(value), "{name} {value}");
            }
            for value in ["", " ", "a\nb", "\u{7}"] {
                assert!(!kind.admits(value), "{name} {value:?}");
            }
        }
    }

    #[test]
    fn a_kind_that_is_not_listed_has_a_loose_limit() {
        for name in ["short_thing", "things", "keyword"] {
            let kind = Kind::named(name);
            assert_eq!(kind, Kind::Unlisted, "{name}");
            assert!(kind.admits(&"水".repeat(200)) && !kind.admits(&"水".repeat(201)));
        }
    }

    #[test]
    fn texts_are_cut_and_numbers_are_not() {
        let cut = |kind, value| Kind::named(kind).cut(value);
        assert_eq!(
            cut("thing", "一二三四五六七八九十一二三四五六七八九十一"),
            "一二三四五六七八九十一二三四五六七..."
        );
        assert_eq!(cut("thing", " 两行\n文字 "), "两行 文字");
        assert_eq!(cut("character_string", "订单 A-1"), "A-1");
        assert_eq!(cut("name", "张三3 abcdefghijklmn"), "张三 abcdefg");
        assert_eq!(cut("phrase", "已支付，请等待发货"), "已支付请等");
        assert_eq!(cut("number", "123456789012345678901234567890123").len(), 33);
        assert_eq!(cut("amount", "¥12345678901"), "¥12345678901");
    }

    proptest! {
        #[test]
        fn a_text_that_is_cut_is_admitted_unless_nothing_is_left(value in ".{0,60}") {
            for name in ["character_string", "const", "letter", "name", "phrase", "symbol", "thing"] {
                let kind = Kind::named(name);
                let cut = kind.cut(&value);
                prop_assert!(cut.is_empty() || kind.admits(&cut), "{name} {cut:?}");
            }
        }

        #[test]
        fn an_accepted_keyword_is_not_cut(value in "[ -~一-龥，。]{0,40}") {
            for (name, _, _) in CASES {
                let kind = Kind::named(name);
                if kind.admits(&value) {
                    prop_assert_eq!(kind.cut(&value), value.trim());
                }
            }
        }

        #[test]
        fn judging_any_value_never_panics(value in ".{0,60}") {
            for (name, _, _) in CASES {
                let _ = Kind::named(name).admits(&value);
            }
        }
    }
}
