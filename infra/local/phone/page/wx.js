// The object `wx` of one phone, with WeChat's names, arguments and results. What a real phone asks WeChat for, this one asks the
// simulated WeChat for (POST /_wechat/wx/{api}); what WeChat draws over a mini program, dialogs.js draws.

import { allow, cashier, chooseAddress, chooseInvoiceTitle, fingerprint, modal, subscribe } from './dialogs.js';
import { t } from './i18n.js';

/** Calls a control of the simulated WeChat, or an API of its phone. */
export async function control(path, body, method = body === undefined ? 'GET' : 'POST') {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(`/_wechat/${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let result;
  try {
    result = JSON.parse(text);
  } catch {
    result = {};
  }
  if (answer.ok) return result;
  throw Object.assign(new Error(result.errMsg ?? result.error ?? `${path}: HTTP ${answer.status}`), {
    status: answer.status,
    ...result,
  });
}

/**
 * Gives a call WeChat's two forms: with `success`, `fail` or `complete` it calls back, without them it returns a promise.
 * `work` answers the result without `errMsg`, or throws { errMsg, errCode }.
 */
function api(name, work) {
  return (options = {}) => {
    const { success, fail, complete, ...rest } = options;
    const done = work(rest).then(
      (result) => ({ errMsg: `${name}:ok`, ...result }),
      ({ errMsg, message, errCode, errno }) => {
        throw { errMsg: errMsg ?? `${name}:fail ${message}`, errCode, errno };
      },
    );
    if (!success && !fail && !complete) return done;
    done.then(
      (result) => {
        success?.(result);
        complete?.(result);
      },
      (error) => {
        fail?.(error);
        complete?.(error);
      },
    );
    return undefined;
  };
}

const cancelled = (name) => ({ errMsg: `${name}:fail cancel` });

export function createWx(phone) {
  const simulated = (name, options = {}) => {
    if (phone.isOffline) throw { errMsg: `${name}:fail network is unavailable`, errCode: -1 };
    return control(`wx/${name}`, { openid: phone.user.openid, ...options });
  };
  const passed = (name) => api(name, async (options) => simulated(name, options));
  const key = (name) => `${phone.id}:${name}`;

  return {
    login: passed('login'),
    checkSession: passed('checkSession'),
    getShareInfo: passed('getShareInfo'),
    getGroupEnterInfo: passed('getGroupEnterInfo'),
    openCard: passed('openCard'),
    checkIsSupportSoterAuthentication: passed('checkIsSupportSoterAuthentication'),
    checkIsSoterEnrolledInDevice: passed('checkIsSoterEnrolledInDevice'),
    request: api('request', (options) => request(phone, options)),
    uploadFile: api('uploadFile', async (options) => simulated('uploadFile', options)),

    getWeRunData: api('getWeRunData', async () => {
      const yes = await allow(phone, t('获取你的微信运动步数', 'get your WeRun steps'), 'scope.werun');
      if (!yes) throw { errMsg: 'getWeRunData:fail auth deny' };
      return simulated('getWeRunData');
    }),
    // The button <button open-type="getPhoneNumber"> has this result; real phones have no call of this name.
    getPhoneNumber: api('getPhoneNumber', async () => {
      const yes = await allow(phone, t('获取你的手机号', 'get your phone number'));
      return simulated('getPhoneNumber', { userChoice: yes ? 'accept' : 'reject' });
    }),
    // `totalFee` is for the cashier to show. Real phones do not have it, because WeChat knows what the prepay_id is for.
    requestPayment: api('requestPayment', async ({ totalFee, ...options }) => {
      const userChoice = await cashier(phone, totalFee);
      return simulated('requestPayment', { ...options, userChoice });
    }),
    requestSubscribeMessage: api('requestSubscribeMessage', async ({ tmplIds }) => {
      const userChoice = await subscribe(phone, tmplIds);
      return simulated('requestSubscribeMessage', { tmplIds, userChoice });
    }),
    addCard: api('addCard', async ({ cardList }) => {
      const yes = await allow(
        phone,
        t(`将 ${cardList.length} 张卡券放入卡包`, `put ${cardList.length} card(s) into your wallet`),
      );
      return simulated('addCard', { cardList, userChoice: yes ? 'accept' : 'cancel' });
    }),
    startSoterAuthentication: api('startSoterAuthentication', async (options) => {
      const userChoice = await fingerprint(phone, options.authContent);
      return simulated('startSoterAuthentication', { ...options, userChoice });
    }),
    navigateToMiniProgram: api('navigateToMiniProgram', async (options) => {
      const yes = await allow(phone, t('打开会员卡开卡组件并提交资料', 'open the member card form and submit it'));
      return simulated('navigateToMiniProgram', { ...options, userChoice: yes ? 'accept' : 'cancel' });
    }),
    // Of WeChat's own pages the one that is drawn here is that where a buyer confirms the receipt of the goods.
    openBusinessView: api('openBusinessView', async (options) => {
      const yes = await allow(phone, t('确认已收到商品，货款将结算给商家', 'confirm that the goods have come; the shop gets the money'));
      return simulated('openBusinessView', { ...options, userChoice: yes ? 'accept' : 'cancel' });
    }),
    openCustomerServiceConversation: passed('openCustomerServiceConversation'),
    sendCustomerMessage: passed('sendCustomerMessage'),
    shareToGroup: passed('shareToGroup'),
    shareToTimeline: passed('shareToTimeline'),
    enterByShare: passed('enterByShare'),

    chooseAddress: api('chooseAddress', async () => (await chooseAddress(phone)) ?? Promise.reject(cancelled('chooseAddress'))),
    chooseInvoiceTitle: api(
      'chooseInvoiceTitle',
      async () => (await chooseInvoiceTitle(phone)) ?? Promise.reject(cancelled('chooseInvoiceTitle')),
    ),
    showModal: api('showModal', async (options) => modal(phone, options)),
    showToast: api('showToast', async (options) => phone.showToast(options)),
    hideToast: api('hideToast', async () => phone.hideToast()),
    showLoading: api('showLoading', async (options) => phone.showToast({ ...options, icon: 'loading', duration: 60_000 })),
    hideLoading: api('hideLoading', async () => phone.hideToast()),

    navigateTo: api('navigateTo', async ({ url }) => phone.navigateTo(url)),
    redirectTo: api('redirectTo', async ({ url }) => phone.redirectTo(url)),
    navigateBack: api('navigateBack', async () => phone.navigateBack()),
    switchTab: api('switchTab', async ({ url }) => phone.switchTab(url)),

    setStorageSync: (name, value) => sessionStorage.setItem(key(name), JSON.stringify(value)),
    getStorageSync: (name) => JSON.parse(sessionStorage.getItem(key(name)) ?? '""'),
    removeStorageSync: (name) => sessionStorage.removeItem(key(name)),
  };
}

/** As wx.request: every status is a success, and only a missing answer is a failure. */
async function request(phone, { url, method = 'GET', data, header = {}, timeout = 60_000, responseType = 'text' }) {
  if (phone.isOffline) throw { errMsg: 'request:fail errcode:-106 net::ERR_INTERNET_DISCONNECTED', errno: 600001 };
  const query = method === 'GET' && data ? `?${new URLSearchParams(data)}` : '';
  let answer;
  try {
    answer = await fetch(`${url}${query}`, {
      method,
      headers: { 'content-type': 'application/json', ...header },
      body: method === 'GET' || data === undefined ? undefined : JSON.stringify(data),
      signal: AbortSignal.timeout(timeout),
    });
    const bytes = await answer.arrayBuffer();
    const body = responseType === 'arraybuffer' ? bytes : parsed(new TextDecoder().decode(bytes));
    return { statusCode: answer.status, data: body, header: Object.fromEntries(answer.headers), cookies: [] };
  } catch (error) {
    throw { errMsg: error.name === 'TimeoutError' ? 'request:fail timeout' : `request:fail ${error.message}`, errno: 600001 };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
