import { Failure } from '../../client/index'
import { attempt, client } from '../../shop'

type Mode = 'fingerPrint' | 'facial'

const TEXTS: Record<Mode, string> = { fingerPrint: '验证指纹', facial: '验证面容' }

Page({
  data: {
    supported: false,
    modes: [] as { mode: Mode; text: string }[],
    result: '',
    busy: false,
  },

  async onLoad() {
    await attempt(async () => {
      const { supportMode } = await wx.checkIsSupportSoterAuthentication()
      const modes = (['fingerPrint', 'facial'] as const).filter((mode) => supportMode.includes(mode))
      this.setData({ supported: modes.length > 0, modes: modes.map((mode) => ({ mode, text: TEXTS[mode] })) })
    })
  },

  /** The challenge is the back end's and comes first: one that the phone made up would prove nothing. It is good for one try. */
  async verify(event: WechatMiniprogram.TouchEvent) {
    if (this.data.busy) return
    const mode = event.currentTarget.dataset.mode as Mode
    this.setData({ busy: true, result: '' })
    await attempt(async () => {
      const { isEnrolled } = await wx.checkIsSoterEnrolledInDevice({ checkAuthMode: mode })
      if (!isEnrolled) throw new Failure('phone', '请先在系统设置中录入')
      const { challenge } = await client.post('/api/soter/challenge', { purpose: 'confirm' }, { repeatable: true })
      const { resultJSON, resultJSONSignature } = await wx.startSoterAuthentication({ requestAuthModes: [mode], challenge, authContent: '请验证身份' })
      const { message } = await client.post('/api/verify-fingerprint', { resultJSON, resultJSONSignature })
      this.setData({ result: message })
    })
    this.setData({ busy: false })
  },
})
