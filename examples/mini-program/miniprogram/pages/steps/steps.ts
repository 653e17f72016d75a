import { shareMessage } from '../../share'
import { attempt, client } from '../../shop'

Page({
  data: {
    total: 0,
    bars: [] as { date: string; percent: number }[],
    chartLabel: '',
    rank: [] as { place: number; rank: number; nickname: string; step: number; isMe: boolean }[],
    openGId: '',
    busy: false,
  },

  async onLoad() {
    // Only a card in a group can be shared so that the group is known when somebody opens it.
    wx.showShareMenu({ withShareTicket: true })
    await this.load()
    if (wx.getEnterOptionsSync().shareTicket) await this.enterGroup()
  },

  onShareAppMessage() {
    return shareMessage('pages/steps/steps', '看看今天谁走得最多')
  },

  load() {
    return attempt(async () => {
      const { totalSteps, chartData } = await client.get('/api/werun/summary', { query: { days: 7 } })
      const steps = chartData.series[0]?.data ?? []
      const most = Math.max(1, ...steps)
      const bars = chartData.categories.map((date, day) => ({ date: date.slice(-5), percent: Math.round((100 * (steps[day] ?? 0)) / most) }))
      this.setData({ total: totalSteps, bars, chartLabel: chartData.categories.map((date, day) => `${date} ${steps[day] ?? 0}步`).join('，') })
    })
  },

  async sync() {
    if (this.data.busy) return
    this.setData({ busy: true })
    await attempt(async () => {
      await client.postOpenData('/api/werun/decrypt', async () => {
        const { encryptedData, iv } = await wx.getWeRunData()
        return { encryptedData, iv }
      })
      await this.load()
      wx.showToast({ title: '已同步', icon: 'success' })
    })
    this.setData({ busy: false })
  },

  /** Tells the back end from which group the user comes. Only its members see its ranking. */
  enterGroup() {
    return attempt(async () => {
      const { openGId } = await client.postOpenData('/api/share/group', async () => {
        // WeChat's types say that nothing comes back.
        const { encryptedData, iv } = await wx.getGroupEnterInfo({}) as unknown as { encryptedData: string; iv: string }
        return { encryptedData, iv }
      })
      this.setData({ openGId })
      await this.loadRank()
    })
  },

  loadRank() {
    return attempt(async () => {
      const { rankList } = await client.get('/api/werun/rank', { query: { openGId: this.data.openGId } })
      this.setData({ rank: rankList.map(({ rank, nickname, step, isMe }, place) => ({ place, rank, nickname, step, isMe })) })
    })
  },
})
