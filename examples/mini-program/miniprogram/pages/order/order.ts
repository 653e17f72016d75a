import { Cancellation, showFailure, toFailure, type Order } from '../../client/index'
import { attempt, client, orderView, type OrderView } from '../../shop'

let opened = new Cancellation()
let order: Order | undefined

Page({
  data: {
    order: undefined as OrderView | undefined,
    reason: '',
    busy: false,
    failed: '',
  },

  orderId: '',
  outTradeNo: '',

  /** WeChat's own pages of orders come back with a number of the payment instead of the id. */
  async onLoad(query: Record<string, string | undefined>) {
    opened = new Cancellation()
    order = undefined
    this.orderId = query.orderId ?? ''
    this.outTradeNo = query.outTradeNo ?? query.out_trade_no ?? ''
    await this.load()
    if (query.pay === '1' && order) await this.pay()
  },

  onUnload() {
    opened.cancel()
  },

  async load() {
    try {
      if (!this.orderId) {
        const found = await client.get('/api/orders', { query: { outTradeNo: this.outTradeNo }, cancellation: opened })
        this.orderId = found.orders[0]?.orderId ?? ''
      }
      this.show((await client.get('/api/orders/{orderId}', { path: { orderId: this.orderId }, cancellation: opened })).order)
    } catch (error) {
      const failure = toFailure(error)
      if (failure.kind !== 'cancelled') this.setData({ failed: failure.message })
    }
  },

  show(now: Order) {
    order = now
    this.setData({ order: orderView(now), failed: '' })
  },

  async pay() {
    if (!order || this.data.busy) return
    this.setData({ busy: true })
    try {
      const payment = await client.pay(order, opened)
      this.show(payment.order)
      wx.showToast({ title: payment.message, icon: payment.outcome === 'paid' ? 'success' : 'none' })
    } catch (error) {
      showFailure(error)
      // The order may have been closed, paid or changed in the meantime.
      if (!opened.cancelled) await this.load()
    }
    this.setData({ busy: false })
  },

  async cancel() {
    const { confirm } = await wx.showModal({ title: '取消订单', content: '确定取消这个订单吗？' })
    if (!confirm) return
    await attempt(async () => {
      const { orderId } = this
      this.show((await client.post('/api/orders/{orderId}/cancel', undefined, { path: { orderId }, repeatable: true })).order)
    })
  },

  writeReason(event: WechatMiniprogram.Input) {
    this.setData({ reason: event.detail.value })
  },

  async askRefund() {
    await attempt(async () => {
      await client.requestRefund(this.orderId, { reason: this.data.reason })
      wx.showToast({ title: '已提交', icon: 'success' })
      await this.load()
    })
  },
})
