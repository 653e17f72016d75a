/** What is told to the back end when a page is shared, and when somebody comes by a share. */
import { client } from './shop'

/** What `onShareAppMessage` returns. The card carries the id by which the back end counts who comes. WeChat waits three seconds for the promise. */
export function shareMessage(page: string, title: string): WechatMiniprogram.Page.ICustomShareContent {
  const plain = { title, path: `/${page}` }
  const promise = client.post('/api/record-share', { type: 'appMessage', page, timestamp: Date.now() })
    .then(({ shareId }) => ({ title, path: `/${page}?shareId=${shareId}` }), () => plain)
  return { ...plain, promise } as WechatMiniprogram.Page.ICustomShareContent
}

/**
 * What `onShareTimeline` returns. WeChat waits for no promise here, so the card carries the id of the last time, which stays the same for the
 * same page; only the very first one has none.
 */
export function shareTimeline(page: string, title: string): WechatMiniprogram.Page.ICustomTimelineContent {
  const known = wx.getStorageSync<string>(TIMELINE_ID)
  const intent = { type: 'timeline' as const, page, timestamp: Date.now(), ...(known ? { shareId: known } : {}) }
  client.post('/api/record-share', intent).then(({ shareId }) => wx.setStorageSync(TIMELINE_ID, shareId), () => {})
  return { title, query: known ? `shareId=${known}` : '' }
}

/** Whether the page was opened in Moments, where WeChat lets nobody log in. */
export const isSinglePage = (): boolean => wx.getEnterOptionsSync().scene === 1154

const TIMELINE_ID = 'share.timeline'

/** Counts an entry. A page that opens in Moments can't log in, so the route takes no token. A failure must not disturb the user. */
export function reportShareEntry(query: Record<string, string | undefined>): void {
  const { shareId } = query
  if (shareId) client.post('/api/share/entry', { shareId }, { login: 'none' }).catch(() => {})
}
