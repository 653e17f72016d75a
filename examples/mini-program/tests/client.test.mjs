// The client with a fake `wx`: logins, retries, keys, cancelling.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancellation, Client, showFailure } from '../build/client.mjs'
import { fakeWx, ok, refused, withLogin } from './fake-wx.mjs'

const waits = []
const newClient = () => {
  waits.length = 0
  return new Client({ base: 'http://api', wait: async (millis) => { waits.push(millis) } })
}
const paths = (calls) => calls.requests.map(({ path }) => path)
const failing = (promise) => promise.then(() => assert.fail('it succeeded'), (error) => error)

test('ten simultaneous first calls log in once', async () => {
  const calls = fakeWx(withLogin(() => ok({ products: [] })))
  const client = newClient()
  await Promise.all(Array.from({ length: 10 }, () => client.get('/api/products')))
  assert.equal(calls.logins, 1)
  assert.equal(paths(calls).filter((path) => path === '/api/login').length, 1)
})

test('ten calls with an ended token log in once more', async () => {
  const calls = fakeWx(withLogin(({ header }) => (header.authorization === 'Bearer token-1' ? refused(401, 'UNAUTHORIZED') : ok({}))))
  const client = newClient()
  await Promise.all(Array.from({ length: 10 }, () => client.get('/api/orders')))
  assert.equal(calls.logins, 2)
})

test('a call that is refused after others renewed the token logs in no more', async () => {
  let release
  const held = new Promise((resolve) => { release = resolve })
  const calls = fakeWx(withLogin(async ({ path, header }) => {
    if (header.authorization !== 'Bearer token-1') return ok({})
    if (path === '/api/user') await held
    return refused(401, 'UNAUTHORIZED')
  }))
  const client = newClient()
  const slow = client.get('/api/user')
  await client.get('/api/orders')
  release()
  await slow
  assert.equal(calls.logins, 2)
})

test('a user without a valid token is refused after one new login', async () => {
  const calls = fakeWx(withLogin(() => refused(401, 'UNAUTHORIZED', '请先登录')))
  const error = await failing(newClient().get('/api/user'))
  assert.deepEqual([error.code, error.message, calls.logins], ['UNAUTHORIZED', '请先登录', 2])
})

test('a failed login is tried again by the next call', async () => {
  let down = true
  const calls = fakeWx((request, all) => {
    if (down) throw { errMsg: 'request:fail' }
    return withLogin(() => ok({}))(request, all)
  })
  const client = newClient()
  assert.equal((await failing(client.get('/api/user'))).kind, 'offline')
  down = false
  await client.get('/api/user')
  assert.equal(calls.logins, 2)
})

test('a code that was spent by a lost answer is replaced', async () => {
  const logins = []
  fakeWx(({ path, data }) => {
    if (path !== '/api/login') return ok({})
    logins.push(data.code)
    if (logins.length === 1) throw { errMsg: 'request:fail timeout' }
    return logins.length === 2 ? refused(400, 'CODE_INVALID') : ok({ token: 't', expiresIn: 600 })
  })
  await newClient().get('/api/user')
  assert.deepEqual(logins, ['code-1', 'code-1', 'code-2'])
})

test('a stored token is used after a restart, and not when it is about to end', async () => {
  const calls = fakeWx(withLogin(() => ok({})))
  await newClient().get('/api/user')
  await newClient().get('/api/user')
  assert.equal(calls.logins, 1)
  wx.setStorageSync('client.token', { token: 'old', expiresAt: Date.now() + 30_000 })
  await newClient().get('/api/user')
  assert.equal(calls.logins, 2)
})

test('open data of an expired session is fetched again after the new login', async () => {
  const order = []
  fakeWx(withLogin(({ data, header }) => {
    order.push(`${header.authorization} ${data.iv}`)
    return data.iv === 'iv-2' ? ok({ stepInfoList: [] }) : refused(401, 'SESSION_EXPIRED')
  }), { login: async () => { order.push('login'); return { code: 'c' } } })
  wx.setStorageSync('client.token', { token: 'old', expiresAt: Date.now() + 600_000 })
  let fetched = 0
  await newClient().postOpenData('/api/werun/decrypt', async () => {
    fetched += 1
    order.push('data')
    return { encryptedData: 'e', iv: `iv-${fetched}` }
  })
  assert.deepEqual(order, ['data', 'Bearer old iv-1', 'login', 'data', 'Bearer token-0 iv-2'])
})

test('open data is fetched after a login if WeChat knows the key no more', async () => {
  const order = []
  fakeWx(withLogin(() => ok({ stepInfoList: [] })), {
    checkSession: async () => { throw { errMsg: 'checkSession:fail' } },
    login: async () => { order.push('login'); return { code: 'c' } },
  })
  wx.setStorageSync('client.token', { token: 'old', expiresAt: Date.now() + 600_000 })
  await newClient().postOpenData('/api/werun/decrypt', async () => { order.push('data'); return { encryptedData: 'e', iv: 'i' } })
  assert.deepEqual(order, ['login', 'data'])
})

for (const [what, broken] of [
  ['UPSTREAM_BUSY', () => refused(503, 'UPSTREAM_BUSY')],
  ['a gateway’s page', () => ({ statusCode: 502, data: '<html>' })],
  ['a lost network', () => { throw { errMsg: 'request:fail' } }],
  ['a timeout', () => { throw { errMsg: 'request:fail timeout' } }],
]) {
  test(`a GET is repeated once after ${what}, and a POST without a key never`, async () => {
    let left = 1
    const calls = fakeWx(withLogin(() => (left-- > 0 ? broken() : ok({}))))
    const client = newClient()
    await client.get('/api/products')
    assert.deepEqual(paths(calls), ['/api/login', '/api/products', '/api/products'])
    assert.ok(waits.length === 1 && waits[0] >= 300 && waits[0] <= 1000)
    left = 2
    await failing(client.get('/api/products'))
    assert.equal(calls.requests.length, 5)
    left = 1
    await failing(client.post('/api/cards/verify', { code: '1' }))
    assert.equal(calls.requests.length, 6)
  })
}

test('Retry-After is kept to, and a long one is left to the user', async () => {
  let seconds = '2'
  let left = 1
  const calls = fakeWx(withLogin(() => (left-- > 0 ? refused(429, 'RATE_LIMITED', '操作太频繁', { 'retry-after': seconds }) : ok({}))))
  const client = newClient()
  await client.post('/api/subscribe', { tmplIds: [] })
  assert.deepEqual(waits, [2000])
  seconds = '60'
  left = 1
  const error = await failing(client.get('/api/products'))
  assert.deepEqual([error.message, error.retryAfterSeconds, calls.requests.length], ['操作太频繁', 60, 4])
})

test('what the configuration lacks is not asked for again', async () => {
  const calls = fakeWx(withLogin(() => refused(501, 'NOT_CONFIGURED', '该功能暂未开通')))
  assert.equal((await failing(newClient().get('/api/cards'))).message, '该功能暂未开通')
  assert.equal(calls.requests.length, 2)
})

test('two taps at once make one order, and a later one another', async () => {
  const calls = fakeWx(withLogin(({ number }) => ok({ orderId: `o-${number}`, outTradeNo: 'n', totalFee: 1 })))
  const client = newClient()
  const order = { productId: 'water', quantity: 1 }
  const [first, second] = await Promise.all([client.placeOrder(order), client.placeOrder(order)])
  assert.equal(first.orderId, second.orderId)
  assert.equal(calls.requests.length, 2)
  await client.placeOrder(order)
  const keys = calls.requests.slice(1).map(({ header }) => header['idempotency-key'])
  assert.equal(new Set(keys).size, 2)
})

test('an order keeps its key through a retry and a restart, not through a refusal', async () => {
  let broken = true
  let code = ''
  const calls = fakeWx(withLogin(() => {
    if (broken) throw { errMsg: 'request:fail' }
    return code ? refused(409, code) : ok({ orderId: 'o' })
  }))
  const order = { items: [{ productId: 'water', quantity: 1 }], remark: '谢谢' }
  await failing(newClient().placeOrder(order))
  broken = false
  code = 'OUT_OF_STOCK'
  await failing(newClient().placeOrder(order))
  code = ''
  await newClient().placeOrder({ ...order, remark: '' })
  await newClient().placeOrder(order)
  const keys = calls.requests.filter(({ path }) => path === '/api/orders').map(({ header }) => header['idempotency-key'])
  assert.equal(keys.length, 5)
  assert.equal(new Set(keys.slice(0, 3)).size, 1)
  assert.equal(new Set(keys).size, 3)
})

test('an order whose outcome is unknown keeps its key from other orders', async () => {
  let broken = true
  const calls = fakeWx(withLogin(() => { if (broken) throw { errMsg: 'request:fail' }; return ok({ orderId: 'o' }) }))
  const client = newClient()
  await failing(client.placeOrder({ productId: 'water', quantity: 1 }))
  broken = false
  await client.placeOrder({ productId: 'water', quantity: 2 })
  await client.placeOrder({ productId: 'water', quantity: 1 })
  const [first, second, other, again] = calls.requests.slice(1).map(({ header }) => header['idempotency-key'])
  assert.deepEqual([second, again], [first, first])
  assert.notEqual(other, first)
})

test('a token that ends in the middle of an order is replaced, with the same key', async () => {
  const calls = fakeWx(withLogin(({ header }) => (header.authorization === 'Bearer token-1' ? refused(401, 'UNAUTHORIZED') : ok({ orderId: 'o' }))))
  await newClient().placeOrder({ productId: 'water', quantity: 1 })
  const orders = calls.requests.filter(({ path }) => path === '/api/orders')
  assert.deepEqual(orders.map(({ header }) => header.authorization), ['Bearer token-1', 'Bearer token-2'])
  assert.equal(orders[0].header['idempotency-key'], orders[1].header['idempotency-key'])
})

test('a page that closes stops its request and says nothing', async () => {
  const calls = fakeWx(withLogin(() => new Promise(() => {})))
  const cancellation = new Cancellation()
  const promise = newClient().get('/api/products', { cancellation })
  while (calls.requests.length < 2) await new Promise((wake) => { setTimeout(wake, 1) })
  cancellation.cancel()
  const error = await failing(promise)
  assert.equal(error.kind, 'cancelled')
  showFailure(error)
  assert.deepEqual(calls.toasts, [])
  await failing(newClient().get('/api/products', { cancellation }))
  assert.equal(calls.requests.length, 2)
})

test('a page that closes before the retry sends none', async () => {
  const cancellation = new Cancellation()
  const calls = fakeWx(withLogin(() => { throw { errMsg: 'request:fail' } }))
  const client = new Client({ base: 'http://api', wait: () => new Promise(() => {}) })
  setTimeout(() => cancellation.cancel(), 20)
  assert.equal((await failing(client.get('/api/products', { cancellation }))).kind, 'cancelled')
  assert.equal(calls.requests.length, 2)
})

test('an erasure that is refused makes no new user', async () => {
  const calls = fakeWx(withLogin(() => refused(401, 'UNAUTHORIZED')))
  await failing(newClient().eraseUser())
  assert.equal(calls.logins, 1)
})

test('an erased user is not made anew after a lost answer', async () => {
  let left = 1
  const calls = fakeWx(withLogin(() => { if (left-- > 0) throw { errMsg: 'request:fail' }; return ok({}) }))
  const client = newClient()
  await client.eraseUser()
  assert.equal(calls.logins, 1)
  assert.equal(wx.getStorageSync('client.token'), '')
})

test('messages are the server’s, or kind ones where it has none', async () => {
  const messages = []
  for (const answer of [refused(409, 'OUT_OF_STOCK', '库存不足'), { statusCode: 502, data: 'Bad Gateway' }, { statusCode: 200, data: '<html>' },
    { statusCode: 403, data: { message: 'Forbidden' } }, { throws: 'request:fail timeout' }, { throws: 'request:fail net::ERR' }]) {
    fakeWx(withLogin(() => { if (answer.throws) throw { errMsg: answer.throws }; return answer }))
    messages.push((await failing(newClient().get('/api/products'))).message)
  }
  assert.deepEqual(messages, ['库存不足', '服务异常，请稍后再试', '网络异常，请检查网络后重试', '请求未被接受，请稍后再试', '网络超时，请稍后再试', '网络不可用，请检查网络后重试'])
})

test('paths and queries are encoded', async () => {
  const calls = fakeWx(withLogin(() => ok({})))
  await newClient().get('/api/orders/{orderId}', { path: { orderId: 'a/b' } })
  await newClient().get('/api/orders', { query: { outTradeNo: 'a&b', cursor: undefined } })
  assert.deepEqual(paths(calls).slice(1), ['/api/orders/a%2Fb', '/api/orders?outTradeNo=a%26b'])
})
