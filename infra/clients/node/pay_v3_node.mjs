// WeChat Pay v3 with wechatpay-node-v3: with platform certificates, or with the WeChat Pay public key (world.mode).
import { readFileSync } from 'node:fs';
import WxPay from 'wechatpay-node-v3';
import { PayRequest } from 'wechatpay-node-v3/dist/lib/pay-request.js';
import { account, control, equal, newNumber, notices, run, world } from './world.mjs';

/** The client's own HTTP, at another address. */
class Local extends PayRequest {
  get(url, headers) { return super.get(Local.at(url), headers); }

  post(url, params, headers) { return super.post(Local.at(url), params, headers); }

  static at(url) { return url.replace('https://api.mch.weixin.qq.com', world.pay_url); }
}

const hasPublicKey = world.mode === 'public key';
const receiver = await notices('', 'application/json');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nn3-', 'nn3-', 'nn3r-'].map(newNumber);
// The serial number is the one that the client reads from the certificate.
const pay = new WxPay({
  appid: account.app_id, mchid: account.mch_id, publicKey: readFileSync(account.certificate),
  privateKey: readFileSync(account.private_key), key: account.api_v3_key,
});
pay.createHttp(new Local());

function ok(answer, status = 200) {
  if (answer.status !== status) throw new Error(`HTTP ${answer.status} ${answer.error}`);
  return answer.data;
}

/** What the notice says, if the client believes it. */
async function believed() {
  const { headers, body } = await receiver.next();
  const [timestamp, nonce, serial, signature] = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => headers[`wechatpay-${name}`]);
  equal(await pay.verifySign({ timestamp, nonce, serial, signature, body, apiSecret: account.api_v3_key }), true);
  const notice = JSON.parse(body);
  const { ciphertext, associated_data: data, nonce: sealed } = notice.resource;
  return { event: notice.event_type, ...pay.decipher_gcm(ciphertext, data, sealed, account.api_v3_key) };
}

const prepay = async (number) => ok(await pay.transactions_jsapi({
  description: '矿泉水 550ml×2', out_trade_no: number, notify_url: receiver.url,
  amount: { total: 400 }, payer: { openid: user.openid }, attach: 'a=1&b=二',
}));

await run(`node wechatpay-node-v3, ${world.mode}`, {
  keys: async () => {
    if (hasPublicKey) {
      const key = (await control('platform_keys')).public_key;
      // The client knows certificates only: the key is put where it looks for theirs.
      WxPay.certificates = { [key.id]: key.pem };
    } else {
      equal((await pay.get_certificates(account.api_v3_key)).length > 0, true);
    }
  },
  'prepay and pay': async () => {
    await control('wx/requestPayment', { openid: user.openid, ...await prepay(paid) });
  },
  'notice of the payment': async () => {
    const told = await believed();
    equal([told.event, told.out_trade_no, told.attach], ['TRANSACTION.SUCCESS', paid, 'a=1&b=二']);
  },
  query: async () => {
    const data = ok(await pay.query({ out_trade_no: paid }));
    equal([data.trade_state, data.amount.total], ['SUCCESS', 400]);
    equal(ok(await pay.query({ transaction_id: data.transaction_id })), data);
  },
  'refund and its query': async () => {
    const amount = { refund: 150, total: 400, currency: 'CNY' };
    const made = await pay.refunds({ out_trade_no: paid, out_refund_no: refund, reason: '少发一瓶', notify_url: receiver.url, amount });
    equal(ok(made).out_refund_no, refund);
    equal(ok(await pay.find_refunds(refund)).status, 'SUCCESS');
  },
  'notice of the refund': async () => {
    const told = await believed();
    equal([told.event, told.out_refund_no], ['REFUND.SUCCESS', refund]);
  },
  close: async () => {
    await prepay(unpaid);
    ok(await pay.close(unpaid), 204);
    equal(ok(await pay.query({ out_trade_no: unpaid })).trade_state, 'CLOSED');
  },
  bill: async () => {
    const offer = ok(await pay.tradebill({ bill_date: world.bill_date }));
    // It signs whatever stands behind WeChat Pay's own host.
    const file = ok(await pay.downloadBill(offer.download_url.replace(world.pay_url, 'https://api.mch.weixin.qq.com')));
    equal(`${file}`.includes(world.bill_order), true);
  },
  'a refusal': async () => {
    const refused = await pay.query({ out_trade_no: 'never-ordered' });
    equal([refused.status, JSON.parse(refused.error).code], [404, 'ORDER_NOT_EXIST']);
  },
});
