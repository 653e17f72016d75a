import { h } from './dom.js';
import { clockTime, t } from './i18n.js';
import { Page } from './page.js';
import { templates } from './pages.js';
import { button, card, empty } from './parts.js';
import { control } from './wx.js';

export default Page({
  data: { subscriptions: [], messages: [] },

  title: () => t('订阅消息', 'Subscribe messages'),

  async onLoad() {
    const { subscriptions } = await this.api.get('/api/subscribe');
    this.setData({ subscriptions });
    await this.onMessage();
  },

  /** What WeChat shows as service notifications is no business of the mini program: this page reads it from the simulated WeChat. */
  async onMessage() {
    const { messages } = await control('messages');
    this.setData({ messages: messages.filter(({ openid }) => openid === this.phone.user.openid).reverse() });
  },

  async ask() {
    const tmplIds = templates().map(({ id }) => id);
    const { errMsg, ...choices } = await this.wx.requestSubscribeMessage({ tmplIds });
    const accepted = tmplIds.filter((id) => choices[id] === 'accept');
    if (accepted.length === 0) return;
    const { subscriptions } = await this.api.post('/api/subscribe', { tmplIds: accepted });
    this.setData({ subscriptions });
  },

  view() {
    const { subscriptions, messages } = this.data;
    const remaining = (id) => subscriptions.find(({ templateId }) => templateId === id)?.remaining ?? 0;
    return [
      card(
        h('h2', { class: 'card-title' }, t('每次同意，可以收到一条', 'Each consent allows one message')),
        h(
          'ul',
          { class: 'counts' },
          templates().map(({ id, title }) =>
            h('li', {}, h('span', {}, title), h('strong', {}, t(`剩 ${remaining(id)} 条`, `${remaining(id)} left`))),
          ),
        ),
        button(
          t('订阅', 'Subscribe'),
          this.tap(() => this.ask()),
        ),
      ),
      card(
        h('h2', { class: 'card-title' }, t('服务通知', 'Service notifications')),
        messages.length === 0
          ? empty('bell', t('还没有消息', 'No messages yet'))
          : h(
              'ul',
              { class: 'notifications' },
              messages.map((message) =>
                h(
                  'li',
                  {},
                  h('strong', {}, this.phone.templateTitle(message.template_id ?? message.templateId)),
                  h(
                    'dl',
                    {},
                    Object.entries(message.data ?? {}).map(([key, value]) => [
                      h('dt', {}, key),
                      h('dd', {}, value?.value ?? value),
                    ]),
                  ),
                  message.time && h('small', {}, clockTime(message.time)),
                ),
              ),
            ),
      ),
    ];
  },
});
