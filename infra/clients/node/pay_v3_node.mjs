// WeChat Pay v3 with wechatpay-node-v3: with platform certificates, or with the WeChat Pay public key (simulator.mode).
import { readFileSync } from 'node:fs';
import WxPay from 'wechatpay-node-v3';
import { PayRequest } from 'wechatpay-node-v3/dist/lib/pay-request.js';
import { account, control, expectEqual, newNumber, notices, run, simulator } from './simulator.mjs';

/** The HTTP client of wechatpay-node-v3, sent to the simulator. */
class Local extends PayRequest {
  get(url, headers) { return super.get(Local.at(url), headers); }

  post(url, params, headers) { return super.post(Local.at(url), params, headers); }

  static at(url) { return url.replace('https://api.mch.weixin.qq.com', simulator.pay_url); }
}

const hasPublicKey = simulator.mode === 'public key';
const receiver = await notices('', 'application/json');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nn3-', 'nn3-', 'nn3r-'].map(newNumber);
// The client reads the serial number from the certificate.
const pay = new WxPay({
  appid: account.app_id, mchid: account.mch_id, publicKey: readFileSync(account.certificate),
  privateKey: readFileSync(account.private_key), key: account.api_v3_key,
});
pay.createHttp(new Local());

function ok(answer, status = 200) {
  if (answer.status !== status) throw new Error(`HTTP ${answer.status} ${answer.error}`);
  return answer.data;
}

/** Verifies the next notice with the client and decrypts it. */
async function verifyNotice() {
  const { headers, body } = await receiver.next();
  const [timestamp, nonce, serial, signature] = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => headers[`wechatpay-${name}`]);
  expectEqual(await pay.verifySign({ timestamp, nonce, serial, signature, body, apiSecret: account.api_v3_key }), true);
  const notice = JSON.parse(body);
  const { ciphertext, associated_data: data, nonce: resourceNonce } = notice.resource;
  return { event: notice.event_type, ...pay.decipher_gcm(ciphertext, data, resourceNonce, account.api_v3_key) };
}

const prepay = async (number) => ok(await pay.transactions_jsapi({
  description: '矿泉水 550ml×2', out_trade_no: number, notify_url: receiver.url,
  amount: { total: 400 }, payer: { openid: user.openid }, attach: 'a=1&b=二',
}));

await run(`node wechatpay-node-v3, ${simulator.mode}`, {
  keys: async () => {
    if (hasPublicKey) {
      const key = (await control('platform_keys')).public_key;
      // This client knows certificates only, so the public key is put in their place.
      WxPay.certificates = { [key.id]: key.pem };
    } else {
      expectEqual((await pay.get_certificates(account.api_v3_key)).length > 0, true);
    }
  },
  'prepay and pay': async () => {
    await control('wx/requestPayment', { openid: user.openid, ...await prepay(paid) });
  },
  'notice of the payment': async () => {
    const fields = await verifyNotice();
    expectEqual([fields.event, fields.out_trade_no, fields.attach], ['TRANSACTION.SUCCESS', paid, 'a=1&b=二']);
  },
  query: async () => {
    const data = ok(await pay.query({ out_trade_no: paid }));
    expectEqual([data.trade_state, data.amount.total], ['SUCCESS', 400]);
    expectEqual(ok(await pay.query({ transaction_id: data.transaction_id })), data);
  },
  'refund and its query': async () => {
    const amount = { refund: 150, total: 400, currency: 'CNY' };
    const created = await pay.refunds({ out_trade_no: paid, out_refund_no: refund, reason: '少发一瓶', notify_url: receiver.url, amount });
    expectEqual(ok(created).out_refund_no, refund);
    expectEqual(ok(await pay.find_refunds(refund)).status, 'SUCCESS');
  },
  'notice of the refund': async () => {
    const fields = await verifyNotice();
    expectEqual([fields.event, fields.out_refund_no], ['REFUND.SUCCESS', refund]);
  },
  close: async () => {
    await prepay(unpaid);
    ok(await pay.close(unpaid), 204);
    expectEqual(ok(await pay.query({ out_trade_no: unpaid })).trade_state, 'CLOSED');
  },
  bill: async () => {
    const offer = ok(await pay.tradebill({ bill_date: simulator.bill_date }));
    // The client signs what follows WeChat Pay's host in the URL.
    const file = ok(await pay.downloadBill(offer.download_url.replace(simulator.pay_url, 'https://api.mch.weixin.qq.com')));
    expectEqual(`${file}`.includes(simulator.bill_order), true);
  },
  'an error': async () => {
    const error = await pay.query({ out_trade_no: 'never-ordered' });
    expectEqual([error.status, JSON.parse(error.error).code], [404, 'ORDER_NOT_EXIST']);
  },
});
