import type { NewOrder } from '../../client/index'
import { ORDER_TEMPLATES } from '../../config'
import { attempt, cart, client } from '../../shop'

let address: NewOrder['address']
let invoiceTitle: NewOrder['invoiceTitle']

Page({
  data: {
    lines: [] as { productId: string; name: string; quantity: number }[],
    addressText: '请选择',
    invoiceText: '不开发票',
    remark: '',
    busy: false,
  },

  async onLoad() {
    address = undefined
    invoiceTitle = undefined
    await attempt(async () => {
      const { products } = await client.get('/api/products')
      const lines = products.filter(({ productId }) => cart.has(productId))
      this.setData({ lines: lines.map(({ productId, name }) => ({ productId, name, quantity: cart.get(productId) ?? 0 })) })
    })
  },

  async chooseAddress() {
    await attempt(async () => {
      const chosen = await wx.chooseAddress()
      address = chosen
      this.setData({ addressText: `${chosen.userName} ${chosen.cityName}${chosen.countyName}${chosen.detailInfo}` })
    })
  },

  async chooseInvoiceTitle() {
    await attempt(async () => {
      const chosen = await wx.chooseInvoiceTitle({})
      invoiceTitle = chosen
      this.setData({ invoiceText: chosen.title })
    })
  },

  writeRemark(event: WechatMiniprogram.Input) {
    this.setData({ remark: event.detail.value })
  },

  /** The phone sends what it wants and how much of it. Prices and user are the back end's matter. */
  async place() {
    if (this.data.busy) return
    this.setData({ busy: true })
    const order: NewOrder = { items: [...cart].map(([productId, quantity]) => ({ productId, quantity })) }
    if (address) order.address = address
    if (invoiceTitle) order.invoiceTitle = invoiceTitle
    if (this.data.remark) order.remark = this.data.remark
    // WeChat allows this dialog only in answer to a tap, so it comes first. The order goes on whatever the user answers.
    await askToSubscribe()
    await attempt(async () => {
      const placed = await client.placeOrder(order)
      cart.clear()
      // The detail page pays, so that a user who cancels is where the order can be paid later.
      wx.redirectTo({ url: `/pages/order/order?orderId=${placed.orderId}&pay=1` })
    })
    this.setData({ busy: false })
  },
})

async function askToSubscribe(): Promise<void> {
  try {
    const answers = await wx.requestSubscribeMessage({ tmplIds: ORDER_TEMPLATES })
    const accepted = ORDER_TEMPLATES.filter((id) => answers[id] === 'accept')
    if (accepted.length > 0) await client.post('/api/subscribe', { tmplIds: accepted })
  } catch {
    // Messages are an addition: without them the user reads the order.
  }
}
