import { h } from './dom.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { button, card } from './parts.js';

/** A picture to choose without a file at hand: a circle of one colour, as PNG. */
async function drawPicture(colour) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 96, height: 96 });
  const pen = canvas.getContext('2d');
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 96, 96);
  pen.fillStyle = '#fff';
  pen.beginPath();
  pen.arc(48, 38, 17, 0, 7);
  pen.arc(48, 100, 36, 0, 7);
  pen.fill();
  return new Promise((done) => {
    canvas.toBlob(done, 'image/png');
  });
}

const COLOURS = ['#4f8a8b', '#d97b66', '#7a6bb8'];

const base64 = (blob) =>
  new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(',')[1]);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });

export default Page({
  data: { user: undefined, pending: [], nickName: '' },

  title: () => t('头像和昵称', 'Picture and name'),

  async onLoad() {
    const { user, pending = [] } = await this.api.get('/api/user');
    this.setData({ user, pending, nickName: user.nickName ?? '' });
  },

  async save(changes) {
    const { user, pending = [] } = await this.api.put('/api/user/profile', changes);
    this.setData({ user, pending });
    this.wx.showToast({ title: t('已保存', 'Saved') });
  },

  /** What <button open-type="chooseAvatar"> leads to: an upload straight into the bucket, and its key in the profile. */
  async choosePicture(file) {
    const { url, fields, objectKey } = await this.api.post('/api/uploads', {
      kind: 'avatar',
      contentType: file.type,
      size: file.size,
    });
    const { statusCode } = await this.wx.uploadFile({
      url,
      filePath: 'wxfile://tmp_avatar',
      name: 'file',
      formData: fields,
      fileContent: await base64(file),
    });
    if (statusCode !== 201) throw { errMsg: `uploadFile:fail ${statusCode}` };
    await this.save({ avatarKey: objectKey });
  },

  view() {
    const { user, pending, nickName } = this.data;
    const wait = (name) =>
      pending.includes(name) &&
      h('p', { class: 'note' }, t('微信审核中，暂时只有你能看到', 'WeChat is checking it; until then you alone see it'));
    return [
      card(
        h('h2', { class: 'card-title' }, t('头像', 'Picture')),
        h(
          'div',
          { class: 'pictures' },
          user?.avatarUrl
            ? h('img', { class: 'avatar big', src: user.avatarUrl, alt: t('现在的头像', 'The picture now') })
            : h('span', { class: 'avatar big grey', 'aria-hidden': 'true' }, '微'),
          COLOURS.map((colour, place) =>
            h('button', {
              type: 'button',
              class: 'picture',
              style: { background: colour },
              'aria-label': t(`第 ${place + 1} 个头像`, `Picture ${place + 1}`),
              onclick: this.tap(async () => this.choosePicture(await drawPicture(colour))),
            }),
          ),
          h(
            'label',
            { class: 'wx-button plain small' },
            t('选图片', 'Choose'),
            h('input', {
              type: 'file',
              class: 'hidden-file',
              accept: 'image/png,image/jpeg',
              onchange: this.tap(({ target }) => target.files[0] && this.choosePicture(target.files[0])),
            }),
          ),
        ),
        wait('avatar'),
      ),
      card(
        h('h2', { class: 'card-title' }, t('昵称', 'Name')),
        h('input', {
          class: 'field',
          'aria-label': t('昵称', 'Name'),
          maxlength: '32',
          value: nickName,
          oninput: ({ target }) => this.setData({ nickName: target.value }),
        }),
        wait('nickName'),
        h('p', { class: 'note' }, t('含“违规”的昵称不会通过审核', 'A name with 违规 in it is refused')),
        button(
          t('保存昵称', 'Save the name'),
          this.tap(() => this.save({ nickName: this.data.nickName })),
        ),
      ),
    ];
  },
});
