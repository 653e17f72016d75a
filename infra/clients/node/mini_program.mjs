// Page code of a mini program, with WeChat's calls and callbacks as pages write them, against the back end: login, sharing, the rankings of
// a group, name and picture, an order with an address, a refund that the user asks for.
import { control, expectEqual, run, simulator } from './simulator.mjs';

const base = simulator.bundle;

/** The object `wx` of one phone, as far as the pages below call it. */
function phone(openid) {
  const storage = new Map();
  const api = (name) => ({ success, fail, complete, ...options } = {}) => control(`wx/${name}`, { openid, ...options })
    .then((result) => success?.(result), (error) => fail?.({ errMsg: `${name}:fail ${error.message}` })).finally(() => complete?.());
  return {
    ...Object.fromEntries(['login', 'getWeRunData', 'getGroupEnterInfo', 'shareToGroup', 'requestPayment', 'uploadFile'].map((name) => [name, api(name)])),
    setStorageSync: (key, value) => storage.set(key, value),
    getStorageSync: (key) => storage.get(key) ?? '',
    request: ({ url, method = 'GET', data, header = {}, success, fail }) => fetch(url, {
      method, headers: { 'content-type': 'application/json', ...header }, body: data && JSON.stringify(data),
    }).then(async (answer) => success?.({ statusCode: answer.status, data: await answer.json() }), (error) => fail?.({ errMsg: error.message })),
  };
}

/** A mini program that a user has opened. */
async function open(nickName) {
  const { openid } = await control('users', { nickName });
  const wx = phone(openid);
  const promised = (call, options = {}) => new Promise((success, fail) => { call({ ...options, success, fail: (error) => fail(new Error(error.errMsg)) }); });
  const request = async (path, data, method = data ? 'POST' : 'GET') => {
    const header = { authorization: `Bearer ${wx.getStorageSync('token')}` };
    const { statusCode, data: answer } = await promised(wx.request, { url: `${base}${path}`, method, data, header });
    if (!answer.success) throw new Error(`${path}: ${statusCode} ${answer.code} ${answer.message}`);
    return answer;
  };
  const { code } = await promised(wx.login);
  wx.setStorageSync('token', (await request('/api/login', { code })).token);
  return { openid, wx, promised, request };
}

const [ming, hong] = [await open('小明'), await open('小红')];

/** Opens the mini program from the card in the group, and tells the back end; the group's id. */
async function enterGroup({ wx, promised, request }) {
  await promised(wx.shareToGroup, { group: 'family' });
  const { encryptedData, iv } = await promised(wx.getGroupEnterInfo);
  return (await request('/api/share/group', { encryptedData, iv })).openGId;
}

async function syncSteps({ wx, promised, request }) {
  const { encryptedData, iv } = await promised(wx.getWeRunData);
  return (await request('/api/werun/decrypt', { encryptedData, iv })).stepInfoList;
}

await run('mini program', {
  'records a share and its entries': async () => {
    const page = { type: 'appMessage', page: 'pages/index/index', timestamp: Date.now() };
    const { shareId } = await ming.request('/api/record-share', page);
    // A page that opens in Moments has no token.
    const answer = await ming.promised(ming.wx.request, { url: `${base}/api/share/entry`, method: 'POST', data: { shareId } });
    expectEqual([answer.statusCode, answer.data.success], [200, true]);
  },
  'shows the ranking of a group by steps': async () => {
    const steps = await syncSteps(ming);
    expectEqual(steps.length, 31);
    const openGId = await enterGroup(ming);
    expectEqual(await enterGroup(hong), openGId);
    await syncSteps(hong);
    const { myRank, myStep, rankList } = await hong.request(`/api/werun/rank?openGId=${encodeURIComponent(openGId)}`);
    const mine = rankList.find((row) => row.isMe);
    expectEqual([rankList.length, mine.rank, mine.step], [2, myRank, myStep]);
    expectEqual(Object.keys(mine).sort(), ['avatarUrl', 'isMe', 'nickname', 'rank', 'step']);
  },
  'chooses a name that the group sees': async () => {
    await ming.request('/api/user/profile', { nickName: '明明' }, 'PUT');
    const openGId = await enterGroup(hong);
    const { rankList } = await hong.request(`/api/werun/rank?openGId=${encodeURIComponent(openGId)}`);
    expectEqual(rankList.some((row) => row.nickname === '明明'), true);
  },
  'uploads a picture and chooses it': async () => {
    const picture = Buffer.from('89504e470d0a1a0a', 'hex');
    const form = await ming.request('/api/uploads', { kind: 'avatar', contentType: 'image/png', size: picture.length });
    const uploaded = await ming.promised(ming.wx.uploadFile, {
      url: form.url, filePath: 'wxfile://tmp_avatar.png', name: 'file', formData: form.fields, fileContent: picture.toString('base64'),
    });
    expectEqual(uploaded.statusCode, 201);
    const { user, pending } = await ming.request('/api/user/profile', { avatarKey: form.objectKey }, 'PUT');
    expectEqual([typeof user.avatarUrl, pending], ['string', ['avatar']]);
  },
  'orders to an address, pays, and asks for a refund': async () => {
    const address = {
      errMsg: 'chooseAddress:ok', userName: '张三', telNumber: '020-81167888', provinceName: '广东省', cityName: '广州市', countyName: '海珠区',
      detailInfo: '新港中路397号', postalCode: '510000', nationalCode: '510000', nationalCodeFull: '440105', streetName: '', detailInfoNew: '397号',
    };
    const { orderId, outTradeNo } = await ming.request('/api/orders', { productId: 'water', quantity: 2, address, remark: '请放门口' });
    const { payParams } = await ming.request('/api/pay/unified-order', { outTradeNo });
    await ming.promised(ming.wx.requestPayment, payParams);
    // The notice may come after the phone's success, and reading the order asks for it.
    let order;
    for (let tries = 0; tries < 50 && order?.status !== 'PAID'; tries += 1) {
      await new Promise((wake) => { setTimeout(wake, 100); });
      ({ order } = await ming.request(`/api/orders/${orderId}`));
    }
    expectEqual([order.status, order.address.userName, order.remark], ['PAID', '张三', '请放门口']);
    const { refundRequest } = await ming.request(`/api/orders/${orderId}/refund-request`, { reason: '买多了' });
    expectEqual([refundRequest.state, refundRequest.refundFee], ['REQUESTED', 400]);
  },
});
