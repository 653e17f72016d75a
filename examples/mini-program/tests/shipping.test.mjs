// Shipping against the local stack: the page of staff, and what the user sees of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStaff, openShop } from './window.mjs'

test('staff ship an order, and its user sees the parcel', async () => {
  const shop = await openShop()
  await shop.order()
  await shop.sees('.status', '已支付')
  const { orderId } = shop.host.top.page
  const staff = await openShop()
  await makeStaff(staff)
  staff.phone.answers.scanCode = { result: 'YT8800001' }
  staff.open('/pages/shipping/shipping')
  // The oldest orders come first, and other tests have bought too.
  const mine = () => staff.host.top.page.data.orders.findIndex((order) => order.orderId === orderId)
  await staff.until(() => staff.all('.to-ship').length > 0)
  while (mine() < 0) {
    const shown = staff.all('.to-ship').length
    await staff.tap('.more')
    await staff.until(() => staff.all('.to-ship').length > shown)
  }
  await staff.tap('.choose', mine())
  await staff.tap('.company', 1)
  await staff.tap('.scan')
  await staff.until(() => staff.all('.tracking')[0].value === 'YT8800001')
  await staff.tap('.ship')
  await staff.toast('已发货')
  await staff.until(() => mine() < 0)
  assert.deepEqual(staff.phone.requests.find(({ path }) => path.endsWith('/ship')).data,
    { logisticsType: 1, packages: [{ trackingNo: 'YT8800001', expressCompany: 'ZTO', itemDesc: '矿泉水 550ml × 1' }] })
  await shop.host.top.page.load()
  await shop.sees('.shipping', '发货')
  await shop.sees('.parcel', 'ZTO YT8800001')
  staff.close()
  shop.close()
})
