// WeChat Pay v3 with wechatpay-axios-plugin: with platform certificates, or with the WeChat Pay public key (simulator.mode).
import { gunzipSync } from 'node:zlib';
import plugin from 'wechatpay-axios-plugin';
import { account, control, expectEqual, newNumber, notices, read, run, simulator } from './simulator.mjs';

const { Aes, Formatter, Hash, Rsa, Wechatpay } = plugin;
const hasPublicKey = simulator.mode === 'public key';
const receiver = await notices('', 'application/json');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nx3-', 'nx3-', 'nx3r-'].map(newNumber);
const privateKey = Rsa.from(read(account.private_key), Rsa.KEY_TYPE_PRIVATE);
const mchid = account.mch_id;
const client = (certs) => new Wechatpay({ mchid, serial: account.serial_no, privateKey, certs, baseURL: `${simulator.pay_url}/` });
let pay;
let keys;

const open = ({ ciphertext, nonce, associated_data: data }) => Aes.AesGcm.decrypt(ciphertext, account.api_v3_key, nonce, data);

/** Verifies the next notice with the client and decrypts it. */
async function verifyNotice() {
  const { headers, body } = await receiver.next();
  const signed = Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], body);
  expectEqual(Rsa.verify(signed, headers['wechatpay-signature'], keys[headers['wechatpay-serial']]), true);
  const notice = JSON.parse(body);
  return { event: notice.event_type, ...JSON.parse(open(notice.resource)) };
}

const prepay = (number) => pay.v3.pay.transactions.jsapi.post({
  appid: account.app_id, mchid, description: '矿泉水 550ml×2', out_trade_no: number, notify_url: receiver.url,
  amount: { total: 400, currency: 'CNY' }, payer: { openid: user.openid }, attach: 'a=1&b=二',
});
const query = (number) => pay.v3.pay.transactions.outTradeNo._out_trade_no_.get({ params: { mchid }, out_trade_no: number });

await run(`node wechatpay-axios-plugin, ${simulator.mode}`, {
  keys: async () => {
    if (hasPublicKey) {
      const key = (await control('platform_keys')).public_key;
      keys = { [key.id]: Rsa.from(key.pem, Rsa.KEY_TYPE_PUBLIC) };
    } else {
      // The first download can't be verified before it is decrypted.
      const first = client({ none: '' }).v3.certificates.get({ transformResponse: [(text) => JSON.parse(text)] });
      const { data: { data } } = await first;
      keys = Object.fromEntries(data.map((item) => [item.serial_no, Rsa.from(open(item.encrypt_certificate), Rsa.KEY_TYPE_PUBLIC)]));
    }
    pay = client(keys);
  },
  'prepay and pay': async () => {
    const { data } = await prepay(paid);
    const signed = { appId: account.app_id, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: `prepay_id=${data.prepay_id}` };
    const paySign = Rsa.sign(Formatter.joinedByLineFeed(...Object.values(signed)), privateKey);
    await control('wx/requestPayment', { openid: user.openid, ...signed, signType: 'RSA', paySign });
  },
  'notice of the payment': async () => {
    const fields = await verifyNotice();
    expectEqual([fields.event, fields.out_trade_no, fields.attach], ['TRANSACTION.SUCCESS', paid, 'a=1&b=二']);
  },
  query: async () => {
    const { data } = await query(paid);
    expectEqual([data.trade_state, data.amount.total], ['SUCCESS', 400]);
    const id = data.transaction_id;
    expectEqual((await pay.v3.pay.transactions.id._transaction_id_.get({ params: { mchid }, transaction_id: id })).data, data);
  },
  'refund and its query': async () => {
    const amount = { refund: 150, total: 400, currency: 'CNY' };
    const { data } = await pay.v3.refund.domestic.refunds.post({
      out_trade_no: paid, out_refund_no: refund, reason: '少发一瓶', notify_url: receiver.url, amount,
    });
    expectEqual(data.out_refund_no, refund);
    const found = await pay.v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: refund });
    expectEqual(found.data.status, 'SUCCESS');
  },
  'notice of the refund': async () => {
    const fields = await verifyNotice();
    expectEqual([fields.event, fields.out_refund_no], ['REFUND.SUCCESS', refund]);
  },
  close: async () => {
    await prepay(unpaid);
    const closed = await pay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post({ mchid }, { out_trade_no: unpaid });
    expectEqual(closed.status, 204);
    expectEqual((await query(unpaid)).data.trade_state, 'CLOSED');
  },
  bill: async () => {
    const { data: offer } = await pay.v3.bill.tradebill.get({ params: { bill_date: simulator.bill_date, tar_type: 'GZIP' } });
    const { pathname, searchParams } = new URL(offer.download_url);
    const file = await pay.client.v3.get(pathname.slice(1), { params: searchParams, responseType: 'arraybuffer', transformResponse: [(data) => data] });
    const text = gunzipSync(file.data);
    expectEqual(Hash.sha1(text), offer.hash_value);
    const { rows, summary } = Formatter.castCsvBill(text);
    expectEqual([rows[0]['商户订单号'], summary['总交易单数']], [simulator.bill_order, '1']);
  },
  'an error': async () => {
    const error = await query('never-ordered').catch((error) => error.response);
    expectEqual([error.status, error.data.code], [404, 'ORDER_NOT_EXIST']);
  },
});
