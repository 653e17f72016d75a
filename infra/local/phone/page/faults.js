// What WeChat can be made to do wrong from the page, as POST /_wechat/faults takes it. The full list stands in docs/simulator.md.

import { t } from './i18n.js';

const PREPAY = { v2: '/pay/unifiedorder', v3: '/v3/pay/transactions/jsapi' };

/** `payApi` is the interface of WeChat Pay that the functions call, v2 or v3. */
export const faults = (payApi, openid) => [
  {
    title: t('支付通知', 'Payment notices'),
    faults: [
      {
        text: t('丢失', 'Lost'),
        about: t('通知和重发都不到：等清扫来补', 'It and its repetitions never come: the sweep repairs it'),
        fault: { fault: 'notice_lost' },
      },
      {
        text: t('来五次', 'Five times'),
        about: t('同一条通知同时来五次，只生效一次', 'The same notice five times at once has one effect'),
        fault: { fault: 'notice_duplicate', copies: 4 },
      },
      {
        text: t('伪造一条', 'Forge one'),
        about: t('真通知之前先来一条签名错误的', 'One with a wrong signature comes before the real one'),
        fault: { fault: 'notice_forged' },
      },
      {
        text: t('晚五秒', 'Five seconds late'),
        about: t('手机先成功，通知后到', 'The phone succeeds before the notice comes'),
        fault: { fault: 'notice_delayed', millis: 5000 },
      },
      {
        text: t('缺一半', 'Cut in half'),
        about: t('第一次只到一半，微信会重发', 'The first delivery has half of its body; WeChat repeats it'),
        fault: { fault: 'notice_cut' },
      },
    ],
  },
  {
    title: t('微信支付', 'WeChat Pay'),
    faults: [
      {
        text: t('余额不足', 'Balance not enough'),
        about: t('下单时微信回 NOTENOUGH', 'WeChat refuses the prepay with NOTENOUGH'),
        fault: { fault: 'err_code', path: PREPAY[payApi], err_code: payApi === 'v3' ? 'NOT_ENOUGH' : 'NOTENOUGH' },
      },
      {
        text: t('系统忙', 'Busy'),
        about: t('下单三次都忙：应答 503', 'Busy for three calls: the answer is 503'),
        fault: { fault: 'busy', path: PREPAY[payApi], times: 3 },
      },
      {
        text: t('应答丢失', 'Answer lost'),
        about: t('下单生效了，但没有应答', 'The prepay takes effect and nobody hears of it'),
        fault: { fault: 'timeout_after', path: PREPAY[payApi] },
      },
      {
        text: t('签名错误', 'Wrong signature'),
        about: t('应答的签名不对', 'The answer has a wrong signature'),
        fault: { fault: 'bad_sign', path: PREPAY[payApi] },
      },
      {
        text: t('网关 502', 'Gateway 502'),
        about: t('微信的网关回一页 HTML', "WeChat's gateway answers with a page of HTML"),
        fault: { fault: 'http_status', path: PREPAY[payApi], status: 502 },
      },
      {
        text: t('更换证书', 'Rotate certificates'),
        about: t('平台证书就此更换', "WeChat Pay's certificate is replaced for good"),
        fault: { fault: 'key_rotation' },
      },
    ],
  },
  {
    title: t('退款与账单', 'Refunds and the bill'),
    faults: [
      {
        text: t('退款停住', 'Refund stalls'),
        about: t('退款一直处理中', 'A refund stays PROCESSING'),
        fault: { fault: 'refund_stalled' },
      },
      {
        text: t('退款异常', 'Refund abnormal'),
        about: t('退款以 ABNORMAL 结束', 'A refund ends as ABNORMAL'),
        fault: { fault: 'refund_outcome', status: 'ABNORMAL' },
      },
      {
        text: t('商户余额不足', 'Merchant has no money'),
        about: t('商户的余额不够退', "The merchant's balance does not suffice"),
        fault: { fault: 'refund_balance' },
      },
      {
        text: t('账单未生成', 'Bill not ready'),
        about: t('次日账单还没有', "The next day's bill is not there yet"),
        fault: { fault: 'bill_not_ready' },
      },
    ],
  },
  {
    title: t('登录与消息', 'Login and messages'),
    faults: [
      {
        text: t('登录时忙', 'Busy at login'),
        about: t('code2session 三次都忙', 'code2session is busy three times'),
        fault: { fault: 'busy', path: '/sns/jscode2session', times: 3 },
      },
      {
        text: t('拦截登录', 'Block the login'),
        about: t('这个用户被微信拦截 (40226)', 'WeChat blocks this user (40226)'),
        fault: { fault: 'login_blocked', openid },
      },
      {
        text: t('令牌失效', 'Access token dies'),
        about: t('接口令牌突然失效 (40001)', 'All access tokens die at once (40001)'),
        fault: { fault: 'token_revoked' },
      },
      {
        text: t('消息未送达', 'Message undelivered'),
        about: t('微信收下订阅消息却不送', 'WeChat takes a subscribe message and does not deliver it'),
        fault: { fault: 'message_undelivered' },
      },
      {
        text: t('内容违规', 'Risky content'),
        about: t('下一次内容检查判违规', 'The next content check says risky'),
        fault: { fault: 'verdict', suggest: 'risky' },
      },
    ],
  },
];
