//! The errcodes of the order-shipping management.

use crate::base::platform::Errcode;

pub(super) const PAYMENT_UNKNOWN: Errcode = Errcode::new(10_060_001, "支付单不存在");
pub(super) const ALL_SHIPPED: Errcode = Errcode::new(10_060_002, "支付单已完成发货，无法继续发货");
pub(super) const CHANGE_USED: Errcode = Errcode::new(10_060_003, "支付单已使用重新发货机会");
pub(super) const NOT_SHIPPABLE: Errcode = Errcode::new(10_060_004, "支付单处于不可发货的状态");
pub(super) const LOGISTICS_TYPE: Errcode = Errcode::new(10_060_005, "物流类型有误");
pub(super) const SPLIT_NOT_EXPRESS: Errcode = Errcode::new(10_060_006, "非快递发货时不允许分拆发货");
pub(super) const ALL_DELIVERED_MISSING: Errcode =
    Errcode::new(10_060_007, "分拆发货必须填写 is_all_delivered 字段");
pub(super) const DESCRIPTION_EMPTY: Errcode = Errcode::new(10_060_008, "商品描述 item_desc 字段不能为空");
pub(super) const DESCRIPTION_LONG: Errcode = Errcode::new(10_060_009, "商品描述 item_desc 字段太长");
pub(super) const LAST_INDEX: Errcode = Errcode::new(10_060_011, "last_index 错误");
pub(super) const BAD_ARGUMENT: Errcode = Errcode::new(10_060_014, "参数错误");
pub(super) const UNCHANGED: Errcode = Errcode::new(10_060_023, "发货信息未更新");
pub(super) const LIST_LONG: Errcode = Errcode::new(10_060_024, "物流信息列表太长");
pub(super) const COMPANY_LONG: Errcode = Errcode::new(10_060_025, "物流公司编码太长");
pub(super) const NUMBER_LONG: Errcode = Errcode::new(10_060_026, "物流单号太长");
pub(super) const NOT_SHIPPED: Errcode = Errcode::new(10_060_028, "支付单未发货");
pub(super) const RECEIVED_TIME: Errcode = Errcode::new(10_060_029, "签收时间有误");
pub(super) const REMINDER_USED: Errcode = Errcode::new(10_060_030, "已使用提醒机会");
pub(super) const OTHER_PAYER: Errcode = Errcode::new(10_060_031, "支付者 openid 与支付单不一致");
pub(super) const NOT_EXPRESS: Errcode = Errcode::new(10_060_032, "非快递发货的支付单不能提醒");
pub(super) const PATH: Errcode = Errcode::new(10_060_035, "无效的 path");
pub(super) const NUMBER_TYPE: Errcode = Errcode::new(268_485_194, "订单单号类型非法");
pub(super) const TRANSACTION_MISSING: Errcode = Errcode::new(268_485_195, "微信支付单号不能为空");
pub(super) const TRADE_NO_MISSING: Errcode = Errcode::new(268_485_196, "商户单号不能为空");
pub(super) const MCHID_MISSING: Errcode = Errcode::new(268_485_197, "商户号不能为空");
pub(super) const UPLOAD_TIME: Errcode = Errcode::new(268_485_216, "上传时间非法，请按照 RFC 3339 格式填写");
pub(super) const DELIVERY_MODE: Errcode = Errcode::new(268_485_224, "发货模式非法");
pub(super) const NUMBER_MISSING: Errcode = Errcode::new(268_485_226, "物流单号不能为空");
pub(super) const COMPANY: Errcode = Errcode::new(268_485_227, "物流公司编号不能为空");
pub(super) const LIST_LENGTH: Errcode = Errcode::new(268_485_228, "物流信息列表长度非法");
