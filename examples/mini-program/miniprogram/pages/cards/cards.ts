import { attempt, client } from '../../shop'

interface Offer {
  cardId: string
  cardExt: string
}

let activating = { cardId: '', code: '' }

Page({
  data: {
    offered: 0,
    cards: [] as { cardId: string; code: string }[],
    busy: false,
  },

  async onShow() {
    await this.load()
    await this.finishActivation()
  },

  load() {
    return attempt(async () => {
      const { cardList } = await client.get('/api/user/cards')
      this.setData({ cards: cardList })
      const offers = await client.get('/api/cards')
      this.setData({ offered: offers.cardList.length })
    })
  },

  /** The back end signs each offer anew, because a signature is for one user and a short time. */
  async add() {
    if (this.data.busy) return
    this.setData({ busy: true })
    await attempt(async () => {
      const { cardList } = await client.get('/api/cards')
      const added = await wx.addCard({ cardList: cardList as Offer[] })
      const addedCards = added.cardList.map(({ cardId, code, cardExt, isSuccess }) => ({ cardId, code, cardExt, isSuccess }))
      await client.post('/api/cards/report', { addedCards }, { repeatable: true })
      await this.load()
    })
    this.setData({ busy: false })
  },

  open(event: WechatMiniprogram.TouchEvent) {
    const { card, code } = event.currentTarget.dataset as { card: string; code: string }
    attempt(async () => {
      await wx.openCard({ cardList: [{ cardId: card, code }] })
    })
  },

  /** WeChat's own mini program asks for what a member card needs, and comes back with a ticket. */
  activate(event: WechatMiniprogram.TouchEvent) {
    const { card, code } = event.currentTarget.dataset as { card: string; code: string }
    activating = { cardId: card, code }
    attempt(async () => {
      const { appId, extraData } = await client.get('/api/cards/member/activation', { query: { cardId: card } })
      await wx.navigateToMiniProgram({ appId, extraData: { ...extraData } })
    })
  },

  finishActivation() {
    const { activate_ticket: activateTicket } = (wx.getEnterOptionsSync().referrerInfo?.extraData ?? {}) as { activate_ticket?: string }
    if (!activateTicket || !activating.cardId) return undefined
    const { cardId, code } = activating
    activating = { cardId: '', code: '' }
    return attempt(async () => {
      const { membershipNumber } = await client.post('/api/cards/member/activate', { activateTicket, cardId, code })
      wx.showToast({ title: `会员号 ${membershipNumber}`, icon: 'none' })
    })
  },
})
