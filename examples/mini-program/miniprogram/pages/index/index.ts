import { Cancellation, toFailure, type Product } from '../../client/index'
import { isSinglePage, shareMessage, shareTimeline } from '../../share'
import { cart, client, yuan } from '../../shop'

let products: Product[] = []
let opened = new Cancellation()

Page({
  data: {
    products: [] as { productId: string; name: string; price: string; quantity: number }[],
    count: 0,
    failed: '',
  },

  onLoad() {
    opened = new Cancellation()
    this.load()
  },

  onShow() {
    this.show()
  },

  onUnload() {
    opened.cancel()
  },

  onPullDownRefresh() {
    this.load().then(() => wx.stopPullDownRefresh())
  },

  onShareAppMessage() {
    return shareMessage('pages/index/index', '好物小店')
  },

  onShareTimeline() {
    return shareTimeline('pages/index/index', '好物小店')
  },

  async load() {
    if (isSinglePage()) {
      this.setData({ failed: '请点击下方“前往小程序”选购' })
      return
    }
    try {
      products = (await client.get('/api/products', { cancellation: opened })).products
      this.setData({ failed: '' })
      this.show()
    } catch (error) {
      const failure = toFailure(error)
      if (failure.kind !== 'cancelled') this.setData({ failed: failure.message })
    }
  },

  change(event: WechatMiniprogram.TouchEvent) {
    const { id, by } = event.currentTarget.dataset as { id: string; by: number }
    const most = products.find(({ productId }) => productId === id)?.maxPerOrder ?? 99
    const quantity = Math.min(most, Math.max(0, (cart.get(id) ?? 0) + Number(by)))
    if (quantity > 0) cart.set(id, quantity)
    else cart.delete(id)
    this.show()
  },

  checkOut() {
    wx.navigateTo({ url: '/pages/checkout/checkout' })
  },

  show() {
    const shown = products.map(({ productId, name, price }) => ({ productId, name, price: yuan(price), quantity: cart.get(productId) ?? 0 }))
    this.setData({ products: shown, count: [...cart.values()].reduce((sum, quantity) => sum + quantity, 0) })
  },
})
