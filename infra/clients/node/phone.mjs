// Checks the results of the simulated `wx` APIs, and the arguments that the back end makes for them, against WeChat's own types
// (miniprogram-api-typings): a field that is missing, of another type or unknown is a compiler error.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import ts from 'typescript';
import { account, control, run, simulator } from './simulator.mjs';

const user = await control('users', { nickName: '小明' });
const phone = (api, more) => control(`wx/${api}`, { openid: user.openid, ...more });

async function wechat(path, body) {
  return (await fetch(`${simulator.url}${path}`, body && { method: 'POST', body: JSON.stringify(body) })).json();
}

async function officialToken() {
  const request = { grant_type: 'client_credential', appid: account.official_app_id, secret: account.official_app_secret };
  return (await wechat('/cgi-bin/stable_token', request)).access_token;
}

async function cards() {
  const [{ card_id: cardId }, token] = [await control('cards', {}), await officialToken()];
  const { ticket } = await wechat(`/cgi-bin/ticket/getticket?type=wx_card&access_token=${token}`);
  const timestamp = `${Math.floor(Date.now() / 1000)}`;
  const signature = createHash('sha1').update([ticket, timestamp, cardId].sort().join('')).digest('hex');
  const added = await phone('addCard', { cardList: [{ cardId, cardExt: JSON.stringify({ timestamp, signature }) }] });
  const { code } = await wechat(`/card/code/decrypt?access_token=${token}`, { encrypt_code: added.cardList[0].code });
  return [added, await phone('openCard', { cardList: [{ cardId, code }] })];
}

async function backEnd() {
  const call = async (path, body, token) => (await fetch(`${simulator.bundle}${path}`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  })).json();
  const { code } = await phone('login');
  const { token } = await call('/api/login', { code });
  const { outTradeNo } = await call('/api/orders', { productId: 'water', quantity: 2 }, token);
  const { payParams } = await call('/api/pay/unified-order', { outTradeNo }, token);
  return [payParams, await phone('requestPayment', payParams)];
}

/** Throws unless the value has this type. An argument of `wx` may have more fields than the type. */
function check(type, value, mayHaveMore = false) {
  const literal = JSON.stringify(value);
  const text = mayHaveMore ? `const value = ${literal} as const; const checked: ${type} = value; export { checked };`
    : `const checked: ${type} = ${literal}; export { checked };`;
  writeFileSync('phone.ts', `/// <reference types="miniprogram-api-typings" />\n${text}\n`);
  const program = ts.createProgram(['phone.ts'], { strict: true, noEmit: true, skipLibCheck: true, types: [], lib: ['lib.es2020.d.ts'] });
  const [first] = ts.getPreEmitDiagnostics(program);
  if (first) throw new Error(ts.flattenDiagnosticMessageText(first.messageText, ' '));
}

const general = 'WechatMiniprogram.GeneralCallbackResult';
const result = (api) => `WechatMiniprogram.${api}SuccessCallbackResult`;
const soter = { requestAuthModes: ['fingerPrint'], challenge: '123', authContent: '付款' };

await run('miniprogram-api-typings', {
  login: async () => check(result('Login'), await phone('login')),
  checkSession: async () => {
    // The session is valid only after a server has exchanged the code.
    const { app_id: appid, app_secret: secret } = account;
    const request = new URLSearchParams({ appid, secret, js_code: (await phone('login')).code, grant_type: 'authorization_code' });
    await wechat(`/sns/jscode2session?${request}`);
    check(general, await phone('checkSession'));
  },
  getUserInfo: async () => check(result('GetUserInfo'), await phone('getUserInfo')),
  getUserProfile: async () => check(result('GetUserProfile'), await phone('getUserProfile')),
  getPhoneNumber: async () => check("WechatMiniprogram.ButtonGetPhoneNumber['detail']", await phone('getPhoneNumber')),
  getWeRunData: async () => check(result('GetWeRunData'), await phone('getWeRunData')),
  requestSubscribeMessage: async () => check(result('RequestSubscribeMessage'), await phone('requestSubscribeMessage', { tmplIds: ['a', 'b', 'c', 'd', 'e'] })),
  'addCard and openCard': async () => {
    const [added, opened] = await cards();
    check(result('AddCard'), added);
    check(general, opened);
  },
  checkIsSupportSoterAuthentication: async () => check(result('CheckIsSupportSoterAuthentication'), await phone('checkIsSupportSoterAuthentication')),
  checkIsSoterEnrolledInDevice: async () => check(result('CheckIsSoterEnrolledInDevice'), await phone('checkIsSoterEnrolledInDevice', { checkAuthMode: 'fingerPrint' })),
  startSoterAuthentication: async () => check(result('StartSoterAuthentication'), await phone('startSoterAuthentication', soter)),
  'payParams and requestPayment': async () => {
    const [payParams, paid] = await backEnd();
    check('WechatMiniprogram.RequestPaymentOption', payParams, true);
    check(general, paid);
  },
});
