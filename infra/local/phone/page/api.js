// What every page of the mini program asks the back end with: one login for many calls, a new one when the token has ended, and
// errors that say what the back end said.

import { t } from './i18n.js';

/** A failure of a request: { status, code, message, requestId?, retryAfter? }. `status` is 0 if there was no answer; then nobody knows whether the request took effect. */
export class ApiError extends Error {
  constructor({ message, ...facts }) {
    super(message);
    Object.assign(this, facts);
  }
}

export function createApi(wx, base) {
  let login;

  /** Logs in once, however many callers wait for it. */
  function freshToken() {
    login ??= (async () => {
      try {
        const { code } = await wx.login().catch(({ errMsg }) => {
          throw noAnswer(errMsg);
        });
        const { token, userId, isNewUser } = await send('/api/login', { method: 'POST', data: { code } });
        wx.setStorageSync('token', token);
        wx.setStorageSync('userId', userId);
        return { token, userId, isNewUser };
      } finally {
        login = undefined;
      }
    })();
    return login;
  }

  const token = async () => wx.getStorageSync('token') || (await freshToken()).token;

  async function send(path, { method = 'GET', data, key, responseType }, bearer) {
    const header = { ...(bearer && { authorization: `Bearer ${bearer}` }), ...(key && { 'idempotency-key': key }) };
    const answer = await wx.request({ url: `${base}${path}`, method, data, header, responseType }).catch(({ errMsg }) => {
      throw noAnswer(errMsg);
    });
    if (answer.statusCode < 400) return answer.data;
    const { code, message, requestId } = answer.data ?? {};
    throw new ApiError({
      status: answer.statusCode,
      code: code ?? `HTTP_${answer.statusCode}`,
      message: message ?? t('服务异常，请稍后再试', 'The server failed; try again later'),
      requestId,
      retryAfter: Number(answer.header['retry-after']) || undefined,
    });
  }

  /**
   * Asks the back end as the user. A token that has ended is replaced, and the same request, with the same idempotency key, is sent
   * again. What only reads, or has such a key, is also sent again after a lost answer or a 5xx.
   */
  async function request(path, options = {}) {
    const mayRepeat = (options.method ?? 'GET') === 'GET' || options.key !== undefined;
    try {
      return await send(path, options, await token());
    } catch (error) {
      if (error.status === 401 && error.code === 'UNAUTHORIZED') return send(path, options, (await freshToken()).token);
      if (!mayRepeat || !(error.status === 0 || error.status >= 500)) throw error;
      await new Promise((wake) => {
        setTimeout(wake, 400);
      });
      return send(path, options, await token());
    }
  }

  /** Runs `work`, which gets data from WeChat and sends it. If its session has ended, logs in and gets the data again. */
  async function withSession(work) {
    await token();
    try {
      return await work();
    } catch (error) {
      if (error.code !== 'SESSION_EXPIRED') throw error;
      await freshToken();
      return work();
    }
  }

  return {
    request,
    withSession,
    login: freshToken,
    get: (path) => request(path),
    post: (path, data = {}, key = undefined) => request(path, { method: 'POST', data, key }),
    put: (path, data) => request(path, { method: 'PUT', data }),
  };
}

function noAnswer(errMsg) {
  return new ApiError({
    status: 0,
    code: 'NO_ANSWER',
    message: t('网络不给力，请稍后再试', 'No answer; check the network and try again'),
    detail: errMsg,
  });
}

/** A key that makes a repeated order the same order. */
export const newIdempotencyKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
