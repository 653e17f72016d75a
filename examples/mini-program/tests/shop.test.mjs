// The shop's pages against the local stack: every step is a tap, and what is compared is what the page shows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { control } from '../tools/wx.mjs'
import { BASE, openShop } from './window.mjs'

const ADDRESS = {
  errMsg: 'chooseAddress:ok', userName: '张三', telNumber: '020-81167888', provinceName: '广东省', cityName: '广州市', countyName: '海珠区',
  detailInfo: '新港中路397号', postalCode: '510000', nationalCode: '510000', nationalCodeFull: '440105', streetName: '', detailInfoNew: '397号',
}
const INVOICE = { errMsg: 'chooseInvoiceTitle:ok', type: '1', title: '李四', taxNumber: '', companyAddress: '', telephone: '', bankName: '', bankAccount: '' }

const fault = (body) => control({ base: BASE }, 'faults', body)
const sent = ({ phone }, method, path) => phone.requests.filter((one) => one.method === method && one.path.startsWith(path))

test('a user orders to an address, pays and sees PAID', async () => {
  const shop = await openShop({ nickName: '小明' })
  shop.phone.answers = { chooseAddress: ADDRESS, chooseInvoiceTitle: INVOICE }
  shop.open('/pages/index/index')
  await shop.until(() => shop.all('.product').length >= 4)
  const water = shop.texts('.product').findIndex((text) => text.includes('矿泉水'))
  await shop.tap('.more', water)
  await shop.tap('.more', water)
  await shop.sees('.bar', '已选 2 件')
  await shop.tap('.checkout')
  await shop.sees('.line', '矿泉水')
  await shop.tap('.address')
  await shop.sees('.address', '新港中路')
  await shop.tap('.invoice')
  await shop.sees('.invoice', '李四')
  await shop.type('.remark', '请放门口')
  await shop.tap('.place')
  await shop.toast('支付成功')
  await shop.sees('.status', '已支付')
  assert.deepEqual([shop.text('.total'), shop.text('.remark')], ['¥4.00', '备注 请放门口'])
  assert.match(shop.text('.address'), /张三 020-81167888 广东省广州市海珠区新港中路397号/)
  assert.equal(shop.phone.calls.filter((name) => name === 'login').length, 1)
  const [order] = sent(shop, 'POST', '/api/orders')
  assert.deepEqual(order.data.items, [{ productId: 'water', quantity: 2 }])
  shop.open('/pages/orders/orders')
  await shop.sees('.order', '已支付')
  shop.close()
})

test('a user who cancels the cashier pays later', async () => {
  const shop = await openShop()
  shop.phone.choices.requestPayment = 'cancel'
  await shop.order()
  await shop.toast('已取消支付')
  assert.equal(shop.text('.status'), '待支付')
  shop.phone.choices = {}
  await shop.tap('.pay')
  await shop.sees('.status', '已支付')
  shop.close()
})

test('a user cancels an order', async () => {
  const shop = await openShop()
  shop.phone.choices.requestPayment = 'cancel'
  shop.phone.answers.showModal = { confirm: true }
  await shop.order()
  await shop.toast('已取消支付')
  await shop.tap('.cancel')
  await shop.sees('.status', '已关闭')
  assert.equal(shop.all('.pay').length, 0)
  shop.close()
})

test('two taps at once place one order', async () => {
  const shop = await openShop()
  shop.open('/pages/index/index')
  await shop.tap('.more')
  await shop.tap('.checkout')
  await shop.until(() => shop.all('.line').length === 1)
  await shop.tap('.place')
  await shop.tap('.place')
  await shop.toast('支付成功')
  assert.equal(sent(shop, 'POST', '/api/orders').length, 1)
  shop.close()
})

test('a user without enough money is told, and the order stays', async () => {
  const shop = await openShop()
  await fault({ fault: 'err_code', path: '/pay/unifiedorder', err_code: 'NOTENOUGH' })
  await shop.order()
  await shop.toast('余额不足，请更换支付方式')
  await shop.sees('.status', '待支付')
  await shop.until(() => shop.all('.pay.busy').length === 0)
  await shop.tap('.pay')
  await shop.sees('.status', '已支付')
  shop.close()
})

test('a user asks for a refund', async () => {
  const shop = await openShop()
  await shop.order()
  await shop.sees('.status', '已支付')
  await shop.tap('.refund')
  await shop.until(() => shop.phone.toasts.some((toast) => toast.includes('reason')))
  await shop.type('.reason', '买多了')
  await shop.tap('.refund')
  await shop.sees('.refund-state', '退款申请处理中')
  assert.equal(shop.all('.refund').length, 0)
  shop.close()
})

test('what a user accepted is reported before the order is placed', async () => {
  const shop = await openShop()
  shop.phone.choices.requestSubscribeMessage = { 'order-paid': 'reject' }
  await shop.order()
  assert.equal(sent(shop, 'POST', '/api/subscribe').length, 0)
  shop.close()
  const other = await openShop()
  await other.order()
  assert.deepEqual(sent(other, 'POST', '/api/subscribe')[0].data, { tmplIds: ['order-paid'] })
  other.close()
})

test('an order whose answer was lost is the same order after a restart', async () => {
  const shop = await openShop()
  shop.open('/pages/index/index')
  await shop.tap('.more')
  await shop.tap('.checkout')
  await shop.until(() => shop.all('.line').length === 1)
  // The order reaches the back end, and both answers are lost.
  let lost = 0
  shop.phone.network = async ({ method, path, data, header }) => {
    if (method !== 'POST' || path !== '/api/orders') return undefined
    lost += 1
    await fetch(`${BASE}${path}`, { method, headers: header, body: JSON.stringify(data) })
    throw { errMsg: 'request:fail' }
  }
  await shop.tap('.place')
  await shop.toast('网络不可用，请检查网络后重试')
  assert.equal(lost, 2)
  shop.close()
  shop.phone.network = () => {}
  const again = await openShop({}, shop.phone)
  again.open('/pages/index/index')
  await again.tap('.more')
  await again.tap('.checkout')
  await again.until(() => again.all('.line').length === 1)
  await again.tap('.place')
  await again.toast('支付成功')
  again.open('/pages/orders/orders')
  await again.sees('.order', '已支付')
  assert.equal(again.all('.order').length, 1)
  again.close()
})

test('a token that ends in the middle of an order is replaced', async () => {
  const shop = await openShop()
  shop.open('/pages/index/index')
  await shop.tap('.more')
  await shop.tap('.checkout')
  await shop.until(() => shop.all('.line').length === 1)
  const stored = JSON.parse(shop.phone.storage['client.token'])
  shop.phone.storage['client.token'] = JSON.stringify({ ...stored, token: `${stored.token}x` })
  await shop.tap('.place')
  await shop.toast('支付成功')
  assert.equal(shop.phone.calls.filter((name) => name === 'login').length, 2)
  shop.close()
})

test('a phone without a network says so, and loads when asked again', async () => {
  const shop = await openShop()
  shop.phone.network = () => { throw { errMsg: 'request:fail' } }
  shop.open('/pages/index/index')
  await shop.sees('.failure', '网络不可用')
  shop.phone.network = () => {}
  await shop.tap('.retry')
  await shop.until(() => shop.all('.product').length >= 4)
  assert.equal(shop.all('.failure').length, 0)
  shop.close()
})

test('a 503 is repeated once, and then shown with the server’s message', async () => {
  const shop = await openShop()
  let busy = 1
  const answer = { statusCode: 503, data: { success: false, code: 'UPSTREAM_BUSY', message: '系统繁忙，请稍后再试', requestId: 'r' } }
  shop.phone.network = ({ path }) => (path === '/api/products' && busy-- > 0 ? answer : undefined)
  shop.open('/pages/index/index')
  await shop.until(() => shop.all('.product').length >= 4)
  busy = 2
  await shop.host.top.page.load()
  await shop.sees('.failure', '系统繁忙')
  shop.close()
})

test('a page that closes while it waits for the payment stops asking', async () => {
  const shop = await openShop()
  await fault({ fault: 'notice_delayed', millis: 3000 })
  shop.phone.network = ({ method, path }) => (method === 'GET' && /^\/api\/orders\/./.test(path) && shop.phone.calls.includes('requestPayment')
    ? { statusCode: 503, data: '' } : undefined)
  await shop.order()
  await shop.until(() => shop.phone.calls.includes('requestPayment'))
  shop.host.back()
  const before = shop.phone.requests.length
  await new Promise((wake) => { setTimeout(wake, 1500) })
  assert.ok(shop.phone.requests.length <= before + 1)
  shop.close()
})
