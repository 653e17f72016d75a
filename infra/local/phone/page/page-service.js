import { h } from './dom.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { button } from './parts.js';
import { control } from './wx.js';

// WeChat's own chat, which <button open-type="contact"> opens. The mini program sees none of it.
export default Page({
  data: { sent: [], answers: [], text: '' },

  title: () => t('客服', 'Customer service'),

  async onLoad() {
    await this.wx.openCustomerServiceConversation({ sessionFrom: 'phone-page' });
    this.data.sent = this.wx.getStorageSync('conversation') || [];
    await this.onMessage();
  },

  async onMessage() {
    const { messages } = await control('customer_messages');
    this.setData({ answers: messages.filter(({ openid }) => openid === this.phone.user.openid) });
  },

  async send() {
    const content = this.data.text.trim();
    if (!content) return;
    await this.wx.sendCustomerMessage({ msgtype: 'text', content });
    const sent = [...this.data.sent, { content, time: this.phone.now() }];
    this.wx.setStorageSync('conversation', sent);
    this.setData({ sent, text: '' });
  },

  view() {
    const { sent, answers, text } = this.data;
    const lines = [
      ...sent.map(({ content, time }) => ({ time, mine: true, content })),
      ...answers.map(({ msgtype, content, time }) => ({ time, mine: false, content: content?.content ?? msgtype })),
    ].sort((one, other) => one.time - other.time);
    return [
      h(
        'ol',
        { class: 'chat', 'aria-live': 'polite' },
        h('li', { class: 'chat-note' }, t('店家在右边的“运营者”里回复', 'The shop answers under “Operator” beside this phone')),
        lines.map(({ mine, content }) => h('li', { class: mine ? 'mine' : 'theirs' }, h('span', {}, content))),
      ),
      h(
        'form',
        {
          class: 'bottom-bar chat-form',
          onsubmit: (event) => {
            event.preventDefault();
            this.run(() => this.send());
          },
        },
        h('input', {
          class: 'field',
          'aria-label': t('说点什么', 'Say something'),
          placeholder: t('说点什么', 'Say something'),
          value: text,
          oninput: ({ target }) => this.setData({ text: target.value }),
        }),
        button(t('发送', 'Send'), undefined, 'green', { type: 'submit' }),
      ),
    ];
  },
});
