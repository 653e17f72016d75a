// WeChat Pay v2 with wechatpay-axios-plugin, signed with MD5 or HMAC-SHA256 (world.mode).
import plugin from 'wechatpay-axios-plugin';
import { account, control, equal, newNumber, notices, read, run, world } from './world.mjs';

const { Aes, Formatter, Hash, Rsa, Transformer, Wechatpay } = plugin;
const receiver = await notices('<xml><return_code>SUCCESS</return_code></xml>', 'text/xml');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nx2-', 'nx2-', 'nx2r-'].map(newNumber);
const common = { appid: account.app_id, mch_id: account.mch_id, sign_type: world.mode };
const pay = new Wechatpay({
  mchid: account.mch_id, serial: account.serial_no, privateKey: read(account.private_key), certs: { none: '' },
  secret: account.api_v2_key, merchant: { cert: read(account.certificate), key: read(account.private_key) }, baseURL: `${world.pay_url}/`,
});
const sign = (fields) => Hash.sign(world.mode, fields, account.api_v2_key);

const prepay = (number) => pay.v2.pay.unifiedorder.post({
  ...common, body: '矿泉水 550ml×2', out_trade_no: number, total_fee: 400, spbill_create_ip: '127.0.0.1', notify_url: receiver.url,
  trade_type: 'JSAPI', openid: user.openid, attach: 'a=1&b=二',
});
const query = (fields) => pay.v2.pay.orderquery.post({ ...common, ...fields });

await run(`node wechatpay-axios-plugin, ${world.mode}`, {
  'prepay and pay': async () => {
    const { data } = await prepay(paid);
    const signed = {
      appId: account.app_id, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
      package: `prepay_id=${data.prepay_id}`, signType: world.mode,
    };
    await control('wx/requestPayment', { openid: user.openid, ...signed, paySign: sign(signed) });
  },
  'notice of the payment': async () => {
    const told = Transformer.toObject((await receiver.next()).body);
    equal(sign(told), told.sign);
    equal([told.out_trade_no, told.total_fee, told.attach], [paid, '400', 'a=1&b=二']);
  },
  query: async () => {
    const { data } = await query({ out_trade_no: paid });
    equal([data.trade_state, data.total_fee], ['SUCCESS', '400']);
    equal((await query({ transaction_id: data.transaction_id })).data.out_trade_no, paid);
  },
  'refund and its query': async () => {
    const { data } = await pay.v2.secapi.pay.refund.post({
      ...common, out_trade_no: paid, out_refund_no: refund, total_fee: 400, refund_fee: 150, refund_desc: '少发一瓶', notify_url: receiver.url,
    }, { security: true });
    equal(data.out_refund_no, refund);
    const found = await pay.v2.pay.refundquery.post({ ...common, out_refund_no: refund });
    equal([found.data.refund_status_0, found.data.refund_fee_0], ['SUCCESS', '150']);
  },
  'notice of the refund': async () => {
    const { req_info: sealed } = Transformer.toObject((await receiver.next()).body);
    const told = Transformer.toObject(Aes.AesEcb.decrypt(sealed, Hash.md5(account.api_v2_key)));
    equal([told.out_refund_no, told.refund_status], [refund, 'SUCCESS']);
  },
  close: async () => {
    await prepay(unpaid);
    await pay.v2.pay.closeorder.post({ ...common, out_trade_no: unpaid });
    equal((await query({ out_trade_no: unpaid })).data.trade_state, 'CLOSED');
  },
  bill: async () => {
    const asked = { ...common, bill_date: world.bill_date.replaceAll('-', ''), bill_type: 'ALL' };
    const file = await pay.v2.pay.downloadbill.post(asked, { responseType: 'arraybuffer', transformResponse: [(data) => data] });
    equal(Formatter.castCsvBill(file.data).rows[0]['商户订单号'], world.bill_order);
  },
  'a refusal': async () => {
    const refused = await query({ out_trade_no: 'never-ordered' }).catch((error) => error.response);
    equal(refused.data.err_code, 'ORDERNOTEXIST');
  },
});
