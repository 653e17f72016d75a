//! The public template library, from which `addtemplate` chooses.

use serde_json::{Value, json};

/// A template of the library.
#[derive(Debug)]
pub(super) struct LibraryTemplate {
    pub(super) tid: u32,
    pub(super) title: &'static str,
    pub(super) category_id: u32,
    pub(super) keywords: &'static [Keyword],
}

/// A keyword that a template may contain.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) kid: u32,
    pub(super) name: &'static str,
    pub(super) example: &'static str,
    pub(super) rule: &'static str,
    /// The values of an enumeration; empty for any other rule.
    pub(super) values: &'static [&'static str],
}

/// The template type "one-time": the user's consent allows one message.
pub(super) const ONE_TIME: u32 = 2;

/// The account's categories: number and name.
pub(super) const CATEGORIES: [(u32, &str); 2] = [(307, "服装/鞋/箱包"), (616, "线下超市/便利店")];

pub(super) const LIBRARY: [LibraryTemplate; 3] = [
    LibraryTemplate {
        tid: 1221,
        title: "订单支付成功通知",
        category_id: 307,
        keywords: &[
            keyword(1, "订单号", "20190628123456", "character_string"),
            keyword(2, "支付金额", "￥100.00", "amount"),
            keyword(3, "支付时间", "2019年10月1日 15:01", "date"),
            keyword(4, "商品名称", "矿泉水", "thing"),
            keyword(5, "备注", "请尽快取货", "thing"),
        ],
    },
    LibraryTemplate {
        tid: 1476,
        title: "取货提醒",
        category_id: 616,
        keywords: &[
            keyword(1, "取货码", "8001", "number"),
            keyword(2, "门店", "人民路店", "thing"),
            keyword(3, "取货时间", "09:00~18:00", "time"),
            keyword(4, "联系电话", "0766-66888866", "phone_number"),
            Keyword { values: &["上午", "下午"], ..keyword(5, "时段", "上午", "enum") },
        ],
    },
    LibraryTemplate {
        tid: 1451,
        title: "退款通知",
        category_id: 307,
        keywords: &[
            keyword(1, "退款状态", "退款成功", "phrase"),
            keyword(2, "退款金额", "￥1.01", "amount"),
            keyword(3, "收款人", "张三", "name"),
        ],
    },
];

impl LibraryTemplate {
    pub(super) fn find(tid: u32) -> Option<&'static Self> {
        LIBRARY.iter().find(|public| public.tid == tid)
    }

    pub(super) fn title_json(&self) -> Value {
        json!({
            "tid": self.tid,
            "title": self.title,
            "type": ONE_TIME,
            "categoryId": self.category_id.to_string(),
        })
    }
}

impl Keyword {
    /// The name in the message's `data`, for example `thing4`.
    pub(super) fn key(&self) -> String {
        format!("{}{}", self.rule, self.kid)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"kid": self.kid, "name": self.name, "example": self.example, "rule": self.rule})
    }
}

const fn keyword(kid: u32, name: &'static str, example: &'static str, rule: &'static str) -> Keyword {
    Keyword { kid, name, example, rule, values: &[] }
}
