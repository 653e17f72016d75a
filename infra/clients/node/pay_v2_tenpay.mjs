// WeChat Pay v2 with tenpay, signed with MD5 or HMAC-SHA256 (simulator.mode).
import { execFileSync } from 'node:child_process';
import Payment from 'tenpay';
import { account, control, expectEqual, newNumber, notices, run, simulator } from './simulator.mjs';

const isHmac = simulator.mode === 'HMAC-SHA256';
const receiver = await notices('<xml><return_code>SUCCESS</return_code></xml>', 'text/xml');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nt2-', 'nt2-', 'nt2r-'].map(newNumber);
// WeChat gives merchants a file with certificate and key; its password is the merchant's number.
const pfx = execFileSync('openssl', [
  'pkcs12', '-export', '-in', account.certificate, '-inkey', account.private_key, '-passout', `pass:${account.mch_id}`,
]);
const pay = new Payment({
  appid: account.app_id, mchid: account.mch_id, partnerKey: account.api_v2_key, pfx, notify_url: receiver.url, refund_url: receiver.url,
});
for (const [name, url] of Object.entries(pay.urls)) pay.urls[name] = url.replace('https://api.mch.weixin.qq.com', simulator.pay_url);
const signType = { sign_type: simulator.mode };
const prepay = (number) => ({ ...signType, out_trade_no: number, body: '矿泉水 550ml×2', total_fee: 400, openid: user.openid, attach: 'a=1&b=二' });

/** Passes the next notice through the client's middleware; returns what it parsed. */
async function parseNotice(kind) {
  const request = await receiver.next();
  const response = { header() {}, send(text) { throw new Error(text); } };
  await pay.middlewareForExpress(kind)(request, response, () => {});
  return request.weixin;
}

await run(`node tenpay, ${simulator.mode}`, {
  'prepay and pay': async () => {
    await control('wx/requestPayment', { openid: user.openid, ...await pay.getPayParams(prepay(paid)) });
  },
  'notice of the payment': async () => {
    // The middleware verifies with MD5 only, because a notice does not name its sign type; `_parse` takes the sign type.
    const fields = isHmac ? await pay._parse((await receiver.next()).body, 'notice', simulator.mode) : await parseNotice('pay');
    expectEqual([fields.out_trade_no, fields.total_fee, fields.attach], [paid, '400', 'a=1&b=二']);
  },
  query: async () => {
    const found = await pay.orderQuery({ ...signType, out_trade_no: paid });
    expectEqual([found.trade_state, found.total_fee], ['SUCCESS', '400']);
    expectEqual((await pay.orderQuery({ ...signType, transaction_id: found.transaction_id })).out_trade_no, paid);
  },
  'refund and its query': async () => {
    const created = await pay.refund({ ...signType, out_trade_no: paid, out_refund_no: refund, total_fee: 400, refund_fee: 150, refund_desc: '少发一瓶' });
    expectEqual(created.out_refund_no, refund);
    const found = await pay.refundQuery({ ...signType, out_refund_no: refund });
    expectEqual([found.refund_status_0, found.refund_fee_0], ['SUCCESS', '150']);
  },
  'notice of the refund': async () => {
    const { req_info: fields } = await parseNotice('refund');
    expectEqual([fields.out_refund_no, fields.refund_status], [refund, 'SUCCESS']);
  },
  close: async () => {
    await pay.unifiedOrder(prepay(unpaid));
    await pay.closeOrder({ ...signType, out_trade_no: unpaid });
    expectEqual((await pay.orderQuery({ ...signType, out_trade_no: unpaid })).trade_state, 'CLOSED');
  },
  bill: async () => {
    const bill = await pay.downloadBill({ ...signType, bill_date: simulator.bill_date.replaceAll('-', '') }, true);
    expectEqual(bill.list_data[0][bill.list_title.indexOf('商户订单号')], simulator.bill_order);
  },
  'an error': async () => {
    const error = await pay.orderQuery({ ...signType, out_trade_no: 'never-ordered' }).catch((error) => error);
    expectEqual(error.message, 'ORDERNOTEXIST');
  },
});
