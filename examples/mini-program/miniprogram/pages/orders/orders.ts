import { toFailure } from '../../client/index'
import { client, orderView, type OrderView } from '../../shop'

Page({
  data: {
    orders: [] as OrderView[],
    cursor: '',
    loaded: false,
    failed: '',
  },

  onShow() {
    this.load()
  },

  load() {
    return this.read([], '')
  },

  loadMore() {
    return this.read(this.data.orders, this.data.cursor)
  },

  async read(before: OrderView[], cursor: string) {
    try {
      const page = await client.get('/api/orders', { query: cursor ? { cursor } : {} })
      this.setData({ orders: [...before, ...page.orders.map(orderView)], cursor: page.cursor ?? '', loaded: true, failed: '' })
    } catch (error) {
      this.setData({ failed: toFailure(error).message })
    }
  },

  open(event: WechatMiniprogram.TouchEvent) {
    wx.navigateTo({ url: `/pages/order/order?orderId=${event.currentTarget.dataset.id}` })
  },
})
