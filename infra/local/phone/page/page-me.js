import { h } from './dom.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { card, cell } from './parts.js';

export default Page({
  data: { user: undefined },

  title: () => t('我的', 'Me'),

  async onShow() {
    const { user } = await this.api.get('/api/user');
    this.setData({ user });
  },

  async addPhoneNumber() {
    await this.api.withSession(async () => {
      const { code } = await this.wx.getPhoneNumber();
      await this.api.post('/api/decrypt-phone', { code });
    });
    await this.onShow();
  },

  view() {
    const { user } = this.data;
    const go = (name) => this.tap(() => this.wx.navigateTo({ url: `/pages/${name}/${name}` }));
    return [
      h(
        'button',
        { type: 'button', class: 'card me-head', onclick: go('profile') },
        user?.avatarUrl
          ? h('img', { class: 'avatar big', src: user.avatarUrl, alt: '' })
          : h('span', { class: 'avatar big grey', 'aria-hidden': 'true' }, (user?.nickName ?? '微').slice(0, 1)),
        h(
          'span',
          { class: 'me-name' },
          h('strong', {}, user?.nickName ?? t('微信用户', 'WeChat user')),
          h('small', {}, t('设置头像和昵称', 'Choose a picture and a name')),
        ),
        user?.role === 'staff' && h('span', { class: 'status status-paid' }, t('店员', 'Staff')),
      ),
      card(
        cell({
          mark: 'phone',
          text: t('手机号', 'Phone number'),
          value: user?.phoneNumber ?? t('未绑定', 'Not given'),
          onclick: this.tap(() => this.addPhoneNumber()),
        }),
        cell({ mark: 'finger', text: t('指纹验证', 'Fingerprint'), onclick: go('fingerprint') }),
      ),
      card(
        cell({ mark: 'card', text: t('卡券', 'Cards'), onclick: go('cards') }),
        cell({ mark: 'bell', text: t('订阅消息', 'Subscribe messages'), onclick: go('subscribe') }),
        cell({ mark: 'service', text: t('联系客服', 'Customer service'), onclick: go('service') }),
      ),
    ];
  },
});
