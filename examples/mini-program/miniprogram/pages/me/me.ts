import { showFailure, type User } from '../../client/index'
import { attempt, client } from '../../shop'

const PENDING: Record<string, string> = { nickName: '昵称', avatar: '头像' }

/** The user does without a profile: since 2022 `wx.getUserProfile` gives everybody the same name, so both are entered here. */
Page({
  data: {
    nickName: '',
    avatarUrl: '',
    phoneNumber: '',
    pending: '',
    isStaff: false,
    erased: false,
  },

  onShow() {
    if (!this.data.erased) return this.load()
  },

  load() {
    return attempt(async () => {
      const { user, pending } = await client.get('/api/user')
      this.show(user, pending)
    })
  },

  show(user: User, pending: string[] = []) {
    this.setData({
      nickName: user.nickName ?? '',
      avatarUrl: user.avatarUrl ?? '',
      phoneNumber: user.phoneNumber ?? '未绑定',
      isStaff: user.role === 'staff',
      pending: pending.map((name) => PENDING[name] ?? name).join('、'),
    })
  },

  async chooseAvatar(event: WechatMiniprogram.CustomEvent<{ avatarUrl: string }>) {
    await attempt(async () => {
      const avatarKey = await client.upload('avatar', event.detail.avatarUrl)
      const { user, pending } = await client.put('/api/user/profile', { avatarKey }, { repeatable: true })
      this.show(user, pending)
    })
  },

  writeName(event: WechatMiniprogram.Input) {
    this.setData({ nickName: event.detail.value })
  },

  async saveName() {
    await attempt(async () => {
      const { user, pending } = await client.put('/api/user/profile', { nickName: this.data.nickName }, { repeatable: true })
      this.show(user, pending)
      wx.showToast({ title: '已保存', icon: 'success' })
    })
  },

  /** The button gives a code; the number itself never passes through the phone. WeChat charges for each code, so none is asked for twice. */
  async bindPhone(event: WechatMiniprogram.CustomEvent<{ code?: string; errMsg: string }>) {
    const { code, errMsg } = event.detail
    if (!code) {
      showFailure({ errMsg: /user deny|cancel/.test(errMsg) ? 'getPhoneNumber:fail cancel' : errMsg })
      return
    }
    await attempt(async () => {
      await client.post('/api/decrypt-phone', { code })
      await this.load()
    })
  },

  async erase() {
    const { confirm } = await wx.showModal({ title: '注销账号', content: '个人信息将被删除，且无法恢复。' })
    if (!confirm) return
    await attempt(async () => {
      await client.eraseUser()
      this.setData({ erased: true })
    })
  },
})
