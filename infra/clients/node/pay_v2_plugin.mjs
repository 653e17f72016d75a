// WeChat Pay v2 with wechatpay-axios-plugin, signed with MD5 or HMAC-SHA256 (simulator.mode).
import plugin from 'wechatpay-axios-plugin';
import { account, control, expectEqual, newNumber, notices, read, run, simulator } from './simulator.mjs';

const { Aes, Formatter, Hash, Rsa, Transformer, Wechatpay } = plugin;
const receiver = await notices('<xml><return_code>SUCCESS</return_code></xml>', 'text/xml');
const user = await control('users', {});
const [paid, unpaid, refund] = ['nx2-', 'nx2-', 'nx2r-'].map(newNumber);
const common = { appid: account.app_id, mch_id: account.mch_id, sign_type: simulator.mode };
const pay = new Wechatpay({
  mchid: account.mch_id, serial: account.serial_no, privateKey: read(account.private_key), certs: { none: '' },
  secret: account.api_v2_key, merchant: { cert: read(account.certificate), key: read(account.private_key) }, baseURL: `${simulator.pay_url}/`,
});
const sign = (fields) => Hash.sign(simulator.mode, fields, account.api_v2_key);

const prepay = (number) => pay.v2.pay.unifiedorder.post({
  ...common, body: '矿泉水 550ml×2', out_trade_no: number, total_fee: 400, spbill_create_ip: '127.0.0.1', notify_url: receiver.url,
  trade_type: 'JSAPI', openid: user.openid, attach: 'a=1&b=二',
});
const query = (fields) => pay.v2.pay.orderquery.post({ ...common, ...fields });

await run(`node wechatpay-axios-plugin, ${simulator.mode}`, {
  'prepay and pay': async () => {
    const { data } = await prepay(paid);
    const signed = {
      appId: account.app_id, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
      package: `prepay_id=${data.prepay_id}`, signType: simulator.mode,
    };
    await control('wx/requestPayment', { openid: user.openid, ...signed, paySign: sign(signed) });
  },
  'notice of the payment': async () => {
    const fields = Transformer.toObject((await receiver.next()).body);
    expectEqual(sign(fields), fields.sign);
    expectEqual([fields.out_trade_no, fields.total_fee, fields.attach], [paid, '400', 'a=1&b=二']);
  },
  query: async () => {
    const { data } = await query({ out_trade_no: paid });
    expectEqual([data.trade_state, data.total_fee], ['SUCCESS', '400']);
    expectEqual((await query({ transaction_id: data.transaction_id })).data.out_trade_no, paid);
  },
  'refund and its query': async () => {
    const { data } = await pay.v2.secapi.pay.refund.post({
      ...common, out_trade_no: paid, out_refund_no: refund, total_fee: 400, refund_fee: 150, refund_desc: '少发一瓶', notify_url: receiver.url,
    }, { security: true });
    expectEqual(data.out_refund_no, refund);
    const found = await pay.v2.pay.refundquery.post({ ...common, out_refund_no: refund });
    expectEqual([found.data.refund_status_0, found.data.refund_fee_0], ['SUCCESS', '150']);
  },
  'notice of the refund': async () => {
    const { req_info: encrypted } = Transformer.toObject((await receiver.next()).body);
    const fields = Transformer.toObject(Aes.AesEcb.decrypt(encrypted, Hash.md5(account.api_v2_key)));
    expectEqual([fields.out_refund_no, fields.refund_status], [refund, 'SUCCESS']);
  },
  close: async () => {
    await prepay(unpaid);
    await pay.v2.pay.closeorder.post({ ...common, out_trade_no: unpaid });
    expectEqual((await query({ out_trade_no: unpaid })).data.trade_state, 'CLOSED');
  },
  bill: async () => {
    const request = { ...common, bill_date: simulator.bill_date.replaceAll('-', ''), bill_type: 'ALL' };
    const file = await pay.v2.pay.downloadbill.post(request, { responseType: 'arraybuffer', transformResponse: [(data) => data] });
    expectEqual(Formatter.castCsvBill(file.data).rows[0]['商户订单号'], simulator.bill_order);
  },
  'an error': async () => {
    const error = await query({ out_trade_no: 'never-ordered' }).catch((error) => error.response);
    expectEqual(error.data.err_code, 'ORDERNOTEXIST');
  },
});
