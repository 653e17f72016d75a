// A `wx` whose network and dialogs are functions of the test. What a test did not set throws, so no test passes by accident.

/** @param answer gets `{url, method, header, data, number}` and gives `{statusCode, data, header}`, or throws `{errMsg}`. */
export function fakeWx(answer, more = {}) {
  const calls = { requests: [], logins: 0, toasts: [] }
  const storage = new Map()
  const wx = {
    login: async () => {
      calls.logins += 1
      return { code: `code-${calls.logins}` }
    },
    checkSession: async () => ({}),
    getStorageSync: (key) => (storage.has(key) ? JSON.parse(storage.get(key)) : ''),
    setStorageSync: (key, value) => storage.set(key, JSON.stringify(value)),
    removeStorageSync: (key) => storage.delete(key),
    showToast: ({ title }) => calls.toasts.push(title),
    request: ({ url, method, header, data, success, fail, complete }) => {
      const request = { path: url.replace('http://api', ''), method, header, data, number: calls.requests.length }
      calls.requests.push(request)
      let aborted = false
      const end = (callback, value) => {
        callback?.(value)
        complete?.(value)
      }
      Promise.resolve().then(() => answer(request, calls)).then(
        (given) => !aborted && end(success, { statusCode: 200, header: {}, ...given }),
        (error) => !aborted && end(fail, { errMsg: 'request:fail', ...error }),
      )
      return { abort: () => { aborted = true; end(fail, { errMsg: 'request:fail abort' }) } }
    },
    ...more,
  }
  globalThis.wx = new Proxy(wx, {
    get(target, name) {
      if (name in target) return target[name]
      throw new Error(`the test has no wx.${String(name)}`)
    },
  })
  return calls
}

export const ok = (data) => ({ statusCode: 200, data: { success: true, ...data } })
export const refused = (statusCode, code, message = code, header = {}) =>
  ({ statusCode, header, data: { success: false, code, message, requestId: 'r-1' } })

/** Answers logins with `token-1`, `token-2` …, and all else with `answer`. */
export const withLogin = (answer) => (request, calls) =>
  (request.path === '/api/login' ? ok({ token: `token-${calls.logins}`, expiresIn: 604800 }) : answer(request, calls))
