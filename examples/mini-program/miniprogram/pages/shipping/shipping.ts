import { toFailure, type Answer } from '../../client/index'
import { EXPRESS_COMPANIES } from '../../config'
import { attempt, client } from '../../shop'

type StaffOrder = Answer<'/api/staff/orders', 'get'>['orders'][number]

/** For users with the role `staff`: what is paid and waits for its parcel. */
Page({
  data: {
    orders: [] as ReturnType<typeof view>[],
    cursor: '',
    companies: EXPRESS_COMPANIES,
    company: EXPRESS_COMPANIES[0]?.id ?? '',
    chosen: '',
    trackingNo: '',
    loaded: false,
    failed: '',
    busy: false,
  },

  onLoad() {
    this.load()
  },

  load() {
    return this.read([], '')
  },

  loadMore() {
    return this.read(this.data.orders, this.data.cursor)
  },

  async read(before: ReturnType<typeof view>[], cursor: string) {
    try {
      const page = await client.get('/api/staff/orders', { query: { state: 'TO_SHIP', ...(cursor ? { cursor } : {}) } })
      this.setData({ orders: [...before, ...page.orders.map(view)], cursor: page.cursor ?? '', loaded: true, failed: '' })
    } catch (error) {
      this.setData({ failed: toFailure(error).message })
    }
  },

  choose(event: WechatMiniprogram.TouchEvent) {
    this.setData({ chosen: event.currentTarget.dataset.id as string, trackingNo: '' })
  },

  chooseCompany(event: WechatMiniprogram.TouchEvent) {
    this.setData({ company: event.currentTarget.dataset.id as string })
  },

  writeTrackingNo(event: WechatMiniprogram.Input) {
    this.setData({ trackingNo: event.detail.value })
  },

  scan() {
    return attempt(async () => {
      const { result } = await wx.scanCode({})
      this.setData({ trackingNo: result })
    })
  },

  /** The same call again changes nothing, so it may be repeated after a lost answer. */
  async ship() {
    const { busy, chosen, company, orders, trackingNo } = this.data
    if (busy) return
    this.setData({ busy: true })
    await attempt(async () => {
      const itemDesc = (orders.find(({ orderId }) => orderId === chosen)?.summary ?? '').slice(0, 60)
      const parcel = { trackingNo: trackingNo.trim(), expressCompany: company, itemDesc }
      await client.post('/api/orders/{orderId}/ship', { logisticsType: 1, packages: [parcel] }, { path: { orderId: chosen }, repeatable: true })
      wx.showToast({ title: '已发货', icon: 'success' })
      this.setData({ chosen: '', trackingNo: '' })
      await this.load()
    })
    this.setData({ busy: false })
  },
})

function view({ orderId, items, address, remark }: StaffOrder) {
  return {
    orderId,
    summary: items.map(({ name, quantity }) => `${name} × ${quantity}`).join('，'),
    address: address ? `${address.userName} ${address.telNumber} ${address.provinceName}${address.cityName}${address.countyName}${address.detailInfo}` : '没有收货地址',
    remark: remark ?? '',
  }
}
