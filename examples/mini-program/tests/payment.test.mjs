// Paying and uploading with a fake `wx`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancellation, Client } from '../build/client.mjs'
import { fakeWx, ok, refused, withLogin } from './fake-wx.mjs'

const newClient = () => new Client({ base: 'http://api', wait: async () => {} })
const failing = (promise) => promise.then(() => assert.fail('it succeeded'), (error) => error)
const ORDER = { orderId: 'o-1', outTradeNo: 'n-1', totalFee: 400 }

/** A back end whose order has these states, one a read; the last one stays. */
const backEnd = (states, prepay = () => ok({ payParams: { package: 'prepay_id=1' } })) => withLogin(({ path, data }) => {
  if (path === '/api/pay/unified-order') return prepay(data)
  const state = states.length > 1 ? states.shift() : states[0]
  if (state === 'busy') return refused(503, 'UPSTREAM_BUSY')
  return ok({ order: { orderId: 'o-1', status: state } })
})

test('a payment is waited for until the order is PAID', async () => {
  const calls = fakeWx(backEnd(['UNPAID', 'busy', 'busy', 'UNPAID', 'PAID']), { requestPayment: async () => ({}) })
  const { outcome, order, message } = await newClient().pay(ORDER)
  assert.deepEqual([outcome, order.status, message], ['paid', 'PAID', '支付成功'])
  assert.equal(calls.requests.filter(({ path }) => path === '/api/orders/o-1').length, 5)
})

test('waiting for a payment ends, and says that it is being confirmed', async () => {
  const calls = fakeWx(backEnd(['UNPAID']), { requestPayment: async () => ({}) })
  assert.equal((await newClient().pay(ORDER)).outcome, 'confirming')
  assert.ok(calls.requests.length < 15)
})

test('cancelling and failing are told apart', async () => {
  fakeWx(backEnd(['UNPAID']), { requestPayment: async () => { throw { errMsg: 'requestPayment:fail cancel' } } })
  assert.deepEqual(await newClient().pay(ORDER).then(({ outcome, message }) => [outcome, message]), ['cancelled', '已取消支付'])
  fakeWx(backEnd(['UNPAID']), { requestPayment: async () => { throw { errMsg: 'requestPayment:fail banned' } } })
  assert.equal((await newClient().pay(ORDER)).outcome, 'failed')
})

test('a payment that the phone calls failed is paid if the order says so', async () => {
  fakeWx(backEnd(['PAID']), { requestPayment: async () => { throw { errMsg: 'requestPayment:fail' } } })
  assert.equal((await newClient().pay(ORDER)).outcome, 'paid')
})

test('an order that closed while its user paid is told as closed', async () => {
  fakeWx(backEnd(['UNPAID', 'CLOSED']), { requestPayment: async () => ({}) })
  assert.equal((await newClient().pay(ORDER)).outcome, 'closed')
})

test('an order that is paid already opens no cashier', async () => {
  fakeWx(backEnd(['PAID'], () => refused(409, 'ORDER_PAID')))
  assert.equal((await newClient().pay(ORDER)).outcome, 'paid')
})

test('a refused payment has the server’s message', async () => {
  fakeWx(backEnd(['UNPAID'], () => refused(409, 'BALANCE_NOT_ENOUGH', '余额不足，请更换支付方式')))
  assert.equal((await failing(newClient().pay(ORDER))).message, '余额不足，请更换支付方式')
})

test('two taps on pay open one cashier', async () => {
  let opened = 0
  fakeWx(backEnd(['PAID']), { requestPayment: async () => { opened += 1 } })
  const client = newClient()
  await Promise.all([client.pay(ORDER), client.pay(ORDER)])
  assert.equal(opened, 1)
})

test('a page that closes stops waiting for the payment', async () => {
  const cancellation = new Cancellation()
  const calls = fakeWx(backEnd(['UNPAID']), { requestPayment: async () => { cancellation.cancel() } })
  assert.equal((await failing(newClient().pay(ORDER, cancellation))).kind, 'cancelled')
  assert.equal(calls.requests.length, 2)
})

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).buffer
const files = (bytes) => ({ getFileSystemManager: () => ({ readFile: ({ success }) => success({ data: bytes }) }) })
const formOf = withLogin(() => ok({ url: 'https://bucket', fields: { key: 'k', policy: 'p' }, objectKey: 'k' }))

/** `wx.uploadFile` with these results, one a call: a status or an errMsg. */
function uploads(results, seen = []) {
  return { seen, uploadFile: ({ success, fail, complete, ...options }) => {
    seen.push(options)
    const result = results.shift()
    Promise.resolve().then(() => (typeof result === 'number' ? success({ statusCode: result }) : fail({ errMsg: result }))).then(() => complete?.())
    return { abort: () => {} }
  } }
}

test('a file is uploaded with its size, type and form', async () => {
  const { seen, uploadFile } = uploads([201])
  const calls = fakeWx(formOf, { ...files(PNG), uploadFile })
  assert.equal(await newClient().upload('avatar', 'wxfile://a'), 'k')
  assert.deepEqual(calls.requests[1].data, { kind: 'avatar', contentType: 'image/png', size: 8 })
  assert.deepEqual(seen, [{ url: 'https://bucket', filePath: 'wxfile://a', name: 'file', formData: { key: 'k', policy: 'p' } }])
})

test('an upload that the bucket refuses fails although WeChat calls it a success', async () => {
  fakeWx(formOf, { ...files(PNG), uploadFile: uploads([403]).uploadFile })
  assert.equal((await failing(newClient().upload('avatar', 'wxfile://a'))).message, '文件上传失败，请重新选择')
})

test('an upload is repeated once after a lost network', async () => {
  const { seen, uploadFile } = uploads(['uploadFile:fail', 201])
  fakeWx(formOf, { ...files(PNG), uploadFile })
  await newClient().upload('avatar', 'wxfile://a')
  assert.equal(seen.length, 2)
})

test('a file of another kind is refused on the phone', async () => {
  const calls = fakeWx(formOf, files(new Uint8Array([1, 2, 3, 4]).buffer))
  assert.equal((await failing(newClient().upload('avatar', 'wxfile://a'))).message, '不支持该文件格式')
  assert.equal(calls.requests.length, 0)
})
