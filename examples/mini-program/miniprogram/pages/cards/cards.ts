import { MEMBER_CARD } from '../../config'
import { attempt, client } from '../../shop'

/** How many cards one report takes. */
const MAX_CARDS = 20

/** The ticket of the last form of WeChat's that was passed on, because the options of an entry stay until the next one. */
let usedTicket = ''

Page({
  data: {
    offered: 0,
    cards: [] as { cardId: string; code: string }[],
    hasMemberCard: MEMBER_CARD !== '',
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
      this.setData({ offered: Math.min(offers.cardList.length, MAX_CARDS) })
    })
  },

  /** The back end signs each offer anew, because a signature is for one user and a short time. */
  async add() {
    if (this.data.busy) return
    this.setData({ busy: true })
    await attempt(async () => {
      const { cardList } = await client.get('/api/cards')
      const added = await wx.addCard({ cardList: cardList.slice(0, MAX_CARDS) })
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
  becomeMember() {
    return attempt(async () => {
      const { appId, extraData } = await client.get('/api/cards/member/activation', { query: { cardId: MEMBER_CARD } })
      await wx.navigateToMiniProgram({ appId, extraData: { ...extraData } })
    })
  },

  finishActivation() {
    const back = (wx.getEnterOptionsSync().referrerInfo?.extraData ?? {}) as { activate_ticket?: string; card_id?: string; code?: string }
    const { activate_ticket: activateTicket = '', card_id: cardId = '', code = '' } = back
    if (!activateTicket || activateTicket === usedTicket) return undefined
    return attempt(async () => {
      // The same ticket again gives the same number.
      const { membershipNumber } = await client.post('/api/cards/member/activate', { activateTicket, cardId, code }, { repeatable: true })
      usedTicket = activateTicket
      wx.showToast({ title: `会员号 ${membershipNumber}`, icon: 'none' })
      await this.load()
    })
  },
})
