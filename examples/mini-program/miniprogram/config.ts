/** The back end's address. A released mini program needs HTTPS and a domain that is entered in WeChat's console. */
export const API_BASE = 'http://127.0.0.1:3000'

/** The subscribe templates of the messages about orders; enter yours. */
export const ORDER_TEMPLATES = ['order-paid']

/** The shop's member card, as WeChat's console for cards names it. Empty if there is none. This one is the simulated WeChat's. */
export const MEMBER_CARD: string = 'pLocalMember-Card_0000000003'

/** The couriers that the shop sends with, by WeChat's `delivery_id` (`GET /api/admin/express-companies` lists them all). */
export const EXPRESS_COMPANIES = [
  { id: 'YTO', name: '圆通' },
  { id: 'ZTO', name: '中通' },
  { id: 'SF', name: '顺丰' },
]
