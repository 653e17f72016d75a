import { h } from './dom.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { button, card } from './parts.js';

export default Page({
  data: { summary: undefined, rank: undefined },

  title: () => t('步数', 'Steps'),

  async onShow() {
    const summary = await this.api.get('/api/werun/summary?days=7');
    this.setData({ summary });
    await this.showRank();
  },

  async sync() {
    await this.api.withSession(async () => {
      const { encryptedData, iv } = await this.wx.getWeRunData();
      await this.api.post('/api/werun/decrypt', { encryptedData, iv });
    });
    await this.onShow();
  },

  async showRank() {
    const openGId = this.wx.getStorageSync('openGId');
    if (openGId) this.setData({ rank: await this.api.get(`/api/werun/rank?openGId=${encodeURIComponent(openGId)}`) });
  },

  async share() {
    if (await this.phone.shareToGroup()) await this.showRank();
  },

  view() {
    const { summary, rank } = this.data;
    const hasSteps = summary && summary.totalSteps > 0;
    return [
      card(
        h(
          'div',
          { class: 'steps-head' },
          h(
            'div',
            {},
            h('small', {}, t('今日步数', 'Steps today')),
            h('strong', { class: 'steps-today' }, hasSteps ? summary.stepInfoList[0].step.toLocaleString() : '—'),
          ),
          button(
            hasSteps ? t('再同步', 'Sync again') : t('同步微信运动', 'Sync WeRun'),
            this.tap(() => this.sync()),
            'green small',
          ),
        ),
        hasSteps && this.chart(summary),
      ),
      card(
        h('h2', { class: 'card-title' }, t('群排行', 'Group ranking')),
        !rank &&
          h(
            'p',
            { class: 'note' },
            t(
              '把小程序分享到一个群，从群里打开它，就能看到同群的人走了多少步。',
              'Share the mini program to a group and open it there to see how far its members walked.',
            ),
          ),
        rank &&
          (rank.rankList.length > 0
            ? h(
                'ol',
                { class: 'ranking' },
                rank.rankList.map((row) => this.row(row)),
              )
            : h('p', { class: 'note' }, t('今天还没有人同步步数', 'Nobody has synced today'))),
        h(
          'div',
          { class: 'buttons' },
          button(
            t('分享到群', 'Share to a group'),
            this.tap(() => this.share()),
            rank ? 'plain wide' : 'green wide',
          ),
          rank &&
            button(
              t('刷新排行', 'Refresh'),
              this.tap(() => this.showRank()),
              'text wide',
            ),
        ),
      ),
    ];
  },

  chart({ chartData, maxSteps, averageSteps }) {
    const {
      categories,
      series: [{ data }],
    } = chartData;
    const text = categories.map((day, place) => `${day}: ${data[place]}`).join(', ');
    return [
      h(
        'div',
        { class: 'chart', role: 'img', 'aria-label': text },
        categories.map((day, place) =>
          h(
            'div',
            { class: 'chart-day' },
            h('small', {}, data[place] > 0 ? `${(data[place] / 1000).toFixed(1)}k` : ''),
            h('i', {
              style: { height: `${Math.max(3, Math.round((72 * data[place]) / Math.max(1, maxSteps)))}px` },
              class: place === categories.length - 1 ? 'today' : '',
            }),
            h('small', {}, day),
          ),
        ),
      ),
      h(
        'p',
        { class: 'note' },
        t(`七天平均 ${averageSteps.toLocaleString()} 步`, `Seven days' average: ${averageSteps.toLocaleString()}`),
      ),
    ];
  },

  row({ rank, nickname, avatarUrl, step, isMe }) {
    return h(
      'li',
      { class: isMe ? 'me' : '' },
      h('span', { class: 'rank' }, rank),
      avatarUrl
        ? h('img', { class: 'avatar', src: avatarUrl, alt: '' })
        : h('span', { class: 'avatar grey', 'aria-hidden': 'true' }, nickname.slice(0, 1)),
      h('span', { class: 'rank-name' }, nickname, isMe && h('small', {}, t('（我）', ' (me)'))),
      h('strong', {}, step.toLocaleString()),
    );
  },
});
