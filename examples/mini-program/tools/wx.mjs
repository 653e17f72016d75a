// The object `wx` of one phone: WeChat's calls go to the simulated WeChat of the local stack (`/_wechat/wx/…`), requests to its functions.
// An API that is not in here throws, so no test passes because of a stub. It runs in Node and in a browser.

const API_BASE = 'http://127.0.0.1:3000'
const SIMULATED = [
  'login', 'checkSession', 'getWeRunData', 'requestSubscribeMessage', 'requestPayment', 'addCard', 'openCard', 'getGroupEnterInfo',
  'checkIsSupportSoterAuthentication', 'checkIsSoterEnrolledInDevice', 'startSoterAuthentication',
]

/**
 * @param phone `base` is the local stack's address, `openid` the user. The test answers dialogs (`choices` by the name of the API: `cancel`,
 *   `reject` …), gives what other dialogs result in (`answers`), files (`files`), and disturbs the network (`network(request)` gives an
 *   answer, throws `{errMsg}`, or gives nothing). The phone keeps `toasts`, `calls` and `storage`.
 * @param host opens pages.
 */
export function makeWx(phone, host) {
  const api = (name, run) => (options = {}) => {
    phone.calls.push(name)
    const promise = Promise.resolve().then(() => run(options)).then((value) => ({ errMsg: `${name}:ok`, ...value }))
    if (!options.success && !options.fail && !options.complete) return promise
    promise.then((value) => { options.success?.(value); options.complete?.(value) }, (error) => { options.fail?.(error); options.complete?.(error) })
    return undefined
  }
  const simulated = (name) => api(name, ({ success, fail, complete, ...options }) => control(phone, `wx/${name}`, { openid: phone.openid, userChoice: phone.choices[name], ...options }))
  const answered = (name) => api(name, (options) => {
    const answer = phone.answers[name]
    if (answer === undefined) throw { errMsg: `${name}:fail cancel` }
    return typeof answer === 'function' ? answer(options) : answer
  })
  const wx = {
    ...Object.fromEntries(SIMULATED.map((name) => [name, simulated(name)])),
    ...Object.fromEntries(['chooseAddress', 'chooseInvoiceTitle', 'scanCode', 'showModal'].map((name) => [name, answered(name)])),
    // The other mini program is the form of a member card. WeChat tells what came of it when the user is back.
    navigateToMiniProgram: api('navigateToMiniProgram', async ({ success, fail, complete, ...options }) => {
      const { extraData } = await control(phone, 'wx/navigateToMiniProgram', { openid: phone.openid, userChoice: phone.choices.navigateToMiniProgram, ...options })
      phone.enterOptions = { scene: 1038, path: '', query: {}, referrerInfo: { appId: options.appId, extraData } }
    }),
    getStorageSync: (key) => (key in phone.storage ? JSON.parse(phone.storage[key]) : ''),
    setStorageSync: (key, value) => { phone.storage[key] = JSON.stringify(value) },
    removeStorageSync: (key) => { delete phone.storage[key] },
    showToast: ({ title }) => { phone.toasts.push(title) },
    showShareMenu: () => {},
    stopPullDownRefresh: () => {},
    navigateTo: ({ url }) => { host().open(url) },
    redirectTo: ({ url }) => { host().redirect(url) },
    getEnterOptionsSync: () => phone.enterOptions,
    getFileSystemManager: () => ({ readFile: ({ filePath, success, fail }) => {
      const bytes = phone.files[filePath]
      if (bytes) success({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) })
      else fail({ errMsg: 'readFile:fail no such file' })
    } }),
    uploadFile: (options) => {
      const { success, fail, complete, ...rest } = options
      const fileContent = btoa(String.fromCharCode(...phone.files[rest.filePath]))
      api('uploadFile', () => control(phone, 'wx/uploadFile', { openid: phone.openid, fileContent, ...rest }))({ success, fail, complete })
      return { abort: () => {} }
    },
    request: (options) => request(phone, options),
  }
  return new Proxy(wx, {
    get(target, name) {
      if (name in target) return target[name]
      throw new Error(`wx.${String(name)} is not on this phone`)
    },
  })
}

/** A new phone of a new user. */
export async function newPhone(base, user = {}) {
  const phone = { base, choices: {}, answers: {}, files: {}, network: () => {}, toasts: [], calls: [], requests: [], storage: {}, enterOptions: { scene: 1001, path: '', query: {} } }
  return { ...phone, ...await control(phone, 'users', user) }
}

/** A call to the simulated WeChat, which throws what WeChat's fail callback gets. */
export async function control({ base }, path, body) {
  const answer = await fetch(`${base}/_wechat/${path}`, { method: 'POST', body: JSON.stringify(body) })
  const value = await answer.json()
  if (!answer.ok) throw value
  return value
}

function request(phone, { url, method = 'GET', data, header = {}, success, fail, complete }) {
  const stop = new AbortController()
  const sent = { path: url.replace(API_BASE, ''), method, data: data && JSON.parse(JSON.stringify(data)), header: { ...header } }
  phone.requests.push(sent)
  const run = async () => {
    const disturbed = await phone.network(sent)
    if (disturbed) return { header: {}, ...disturbed }
    const answer = await fetch(url.replace(API_BASE, phone.base), {
      method, signal: stop.signal, headers: { 'content-type': 'application/json', ...header }, body: data && JSON.stringify(data),
    })
    const text = await answer.text()
    let body = text
    try { body = JSON.parse(text) } catch { /* WeChat gives what is no JSON as a text. */ }
    return { statusCode: answer.status, header: Object.fromEntries(answer.headers), data: body }
  }
  run().then((value) => { success?.(value); complete?.(value) }, (error) => {
    const failure = { errMsg: stop.signal.aborted ? 'request:fail abort' : error.errMsg ?? `request:fail ${error.message}` }
    fail?.(failure)
    complete?.(failure)
  })
  return { abort: () => stop.abort() }
}
