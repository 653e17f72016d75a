import { toFailure } from '../../client/index'
import { attempt, client } from '../../shop'

/** For users with the role `staff`. The back end looks at the role, so hiding the page is a courtesy only. */
Page({
  data: {
    code: '',
    result: '',
    busy: false,
  },

  writeCode(event: WechatMiniprogram.Input) {
    this.setData({ code: event.detail.value })
  },

  async scan() {
    const scanned = await attempt(async () => {
      const { result } = await wx.scanCode({})
      this.setData({ code: result })
    })
    if (scanned) await this.verify()
  },

  /** Not repeated by itself: after a lost answer the card may be consumed, and the clerk should see what the back end says then. */
  async verify() {
    if (this.data.busy) return
    this.setData({ busy: true, result: '' })
    try {
      const { message, cardInfo } = await client.post('/api/cards/verify', { code: this.data.code.trim() })
      this.setData({ result: `${message} ${cardInfo.code}`, code: '' })
    } catch (error) {
      const failure = toFailure(error)
      const hint = failure.kind === 'refused' || failure.kind === 'cancelled' ? '' : '，结果未知，请再次核销确认'
      this.setData({ result: `${failure.message}${hint}` })
    }
    this.setData({ busy: false })
  },
})
