// Profile, steps, fingerprint, cards and staff against the local stack.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { control } from '../tools/wx.mjs'
import { BASE, makeStaff, openShop } from './window.mjs'

const PNG = new Uint8Array(Buffer.from('89504e470d0a1a0a', 'hex'))

test('a user uploads a picture and chooses a name', async () => {
  const shop = await openShop()
  shop.phone.files['wxfile://tmp_1.jpeg'] = PNG
  shop.open('/pages/me/me')
  await shop.sees('.phone', '未绑定')
  await shop.fire('.avatar', 'chooseavatar', { avatarUrl: 'wxfile://tmp_1.jpeg' })
  await shop.sees('.pending', '头像')
  assert.deepEqual(shop.phone.requests.find(({ path }) => path === '/api/uploads').data, { kind: 'avatar', contentType: 'image/png', size: 8 })
  await shop.type('.nickname', '明明')
  await shop.tap('.save')
  await shop.toast('已保存')
  assert.equal(shop.all('.nickname')[0].value, '明明')
  shop.close()
})

test('a user binds the phone number by a code', async () => {
  const shop = await openShop({ phoneNumber: '13812345678' })
  shop.open('/pages/me/me')
  await shop.sees('.phone', '未绑定')
  const { code, errMsg } = await control({ base: BASE }, 'wx/getPhoneNumber', { openid: shop.phone.openid })
  await shop.fire('.bind-phone', 'getphonenumber', { code, errMsg })
  await shop.until(() => /^138\*+5678$/.test(shop.text('.phone')))
  await shop.fire('.bind-phone', 'getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
  assert.deepEqual(shop.phone.toasts, [])
  shop.close()
})

test('an erased user stays erased', async () => {
  const shop = await openShop()
  shop.phone.answers.showModal = { confirm: true }
  shop.open('/pages/me/me')
  await shop.sees('.phone', '未绑定')
  await shop.tap('.erase')
  await shop.sees('.erased', '账号已注销')
  shop.host.setVisible(false)
  shop.host.setVisible(true)
  await new Promise((wake) => { setTimeout(wake, 50) })
  assert.equal(shop.phone.calls.filter((name) => name === 'login').length, 1)
  shop.close()
})

test('steps are shown as a chart and as the ranking of a group', async () => {
  const shop = await openShop({ nickName: '小红' })
  await control({ base: BASE }, 'wx/shareToGroup', { openid: shop.phone.openid, group: `walkers-${shop.phone.openid}` })
  shop.phone.enterOptions = { scene: 1044, path: 'pages/steps/steps', query: {}, shareTicket: 'ticket' }
  shop.open('/pages/steps/steps')
  await shop.until(() => shop.all('.rank').length === 1)
  await shop.tap('.sync')
  await shop.toast('已同步')
  assert.equal(shop.all('.day').length, 7)
  assert.ok(Number(shop.text('.total').split(' ')[0]) > 0)
  await shop.tap('.rank')
  await shop.sees('.member', '（我）')
  shop.close()
})

test('steps whose key WeChat replaced are fetched again after a new login', async () => {
  const shop = await openShop()
  shop.open('/pages/steps/steps')
  await shop.until(() => shop.all('.day').length > 0 || shop.phone.requests.length > 1)
  let refused = 0
  shop.phone.network = ({ path }) => (path === '/api/werun/decrypt' && refused++ === 0
    ? { statusCode: 401, data: { success: false, code: 'SESSION_EXPIRED', message: '登录状态已过期，请重新登录', requestId: 'r' } } : undefined)
  await shop.tap('.sync')
  await shop.toast('已同步')
  const order = shop.phone.calls.filter((name) => ['login', 'getWeRunData'].includes(name))
  assert.deepEqual(order, ['login', 'getWeRunData', 'login', 'getWeRunData'])
  shop.close()
})

test('a fingerprint is verified with the back end’s challenge', async () => {
  const shop = await openShop()
  shop.open('/pages/secure/secure')
  await shop.tap('.fingerPrint')
  await shop.until(() => shop.all('.result').length === 1)
  assert.deepEqual(shop.phone.requests.map(({ path }) => path), ['/api/login', '/api/soter/challenge', '/api/verify-fingerprint'])
  await shop.tap('.facial')
  await shop.until(() => shop.phone.requests.length === 5 && shop.all('.result').length === 1)
  shop.phone.choices.startSoterAuthentication = 'cancel'
  await shop.tap('.fingerPrint')
  await shop.until(() => shop.all('.result').length === 0 && shop.all('.busy').length === 0)
  assert.deepEqual(shop.phone.toasts, [])
  shop.close()
})

test('a shared page carries an id, and an entry by it is reported without a login', async () => {
  const shop = await openShop()
  shop.open('/pages/index/index')
  await shop.until(() => shop.all('.product').length > 0)
  const { path, promise } = shop.host.top.page.onShareAppMessage()
  assert.equal(path, '/pages/index/index')
  const [, shareId] = (await promise).path.split('?shareId=')
  assert.ok(shareId)
  const visitor = await openShop()
  visitor.host.enter({ query: { shareId } })
  await visitor.until(() => visitor.phone.requests.length === 1)
  assert.deepEqual([visitor.phone.requests[0].path, visitor.phone.requests[0].header.authorization], ['/api/share/entry', undefined])
  visitor.close()
  shop.close()
})

test('a page shared to Moments carries an id from the second time on', async () => {
  const shop = await openShop()
  shop.open('/pages/index/index')
  await shop.until(() => shop.all('.product').length > 0)
  assert.equal(shop.host.top.page.onShareTimeline().query, '')
  await shop.until(() => shop.phone.storage['share.timeline'])
  const { query } = shop.host.top.page.onShareTimeline()
  assert.match(query, /^shareId=.+/)
  await shop.until(() => shop.phone.requests.filter(({ path }) => path === '/api/record-share').length === 2)
  assert.equal(`shareId=${JSON.parse(shop.phone.storage['share.timeline'])}`, query)
  const visitor = await openShop()
  visitor.phone.enterOptions = { scene: 1154, path: 'pages/index/index', query: {} }
  visitor.host.enter({ query: { shareId: query.slice(8) } })
  visitor.open('/pages/index/index')
  await visitor.sees('.failure', '前往小程序')
  assert.deepEqual([visitor.phone.calls, visitor.phone.requests.map(({ path }) => path)], [[], ['/api/share/entry']])
  visitor.close()
  shop.close()
})

test('a user takes a card, and staff consume it once', async () => {
  const shop = await openShop()
  shop.open('/pages/cards/cards')
  await shop.tap('.add')
  await shop.until(() => shop.all('.code').length > 0)
  const code = shop.text('.code')
  await shop.tap('.open')
  await shop.until(() => shop.phone.calls.includes('openCard'))
  shop.close()

  const staff = await openShop()
  staff.phone.answers.scanCode = { result: code }
  staff.open('/pages/staff/staff')
  await staff.tap('.scan')
  await staff.sees('.result', '没有权限')
  await makeStaff(staff)
  staff.open('/pages/me/me')
  await staff.until(() => staff.all('.staff').length === 1)
  staff.open('/pages/staff/staff')
  await staff.tap('.scan')
  await staff.sees('.result', code)
  await staff.tap('.scan')
  await staff.sees('.result', '已')
  assert.equal(staff.phone.requests.filter(({ path }) => path === '/api/cards/verify').length, 3)
  staff.close()
})

test('a user becomes a member by WeChat’s form', async () => {
  const shop = await openShop()
  shop.open('/pages/cards/cards')
  await shop.until(() => shop.all('.add').length === 1)
  await shop.tap('.member')
  await shop.until(() => shop.phone.enterOptions.referrerInfo)
  const comeBack = () => {
    shop.host.setVisible(false)
    shop.host.setVisible(true)
  }
  comeBack()
  await shop.until(() => shop.phone.toasts.some((toast) => /^会员号 \d{16}$/.test(toast)))
  await shop.until(() => shop.all('.code').length === 1)
  comeBack()
  await new Promise((wake) => { setTimeout(wake, 100) })
  assert.equal(shop.phone.requests.filter(({ path }) => path === '/api/cards/member/activate').length, 1)
  shop.close()
})
