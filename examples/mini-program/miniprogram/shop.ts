/** What the pages share: the client, the cart, and how things are written. */
import { Client, showFailure, type Order } from './client/index'
import { API_BASE } from './config'

export const client = new Client({ base: API_BASE })

/** How many of each product the user wants, by `productId`. Prices are the back end's, so there are none in here. */
export const cart = new Map<string, number>()

/** 1234 fen as `12.34`. */
export const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`

/** The time of the back end (UTC) as the phone's. */
export function localTime(rfc3339: string): string {
  const at = new Date(rfc3339)
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`
}

const STATUS: Record<Order['status'], string> = {
  UNPAID: '待支付', PAID: '已支付', REFUNDING: '退款中', REFUNDED: '已退款', CLOSED: '已关闭',
}

const SHIPPING: Record<NonNullable<Order['shipping']>['state'], string> = {
  NONE: '待发货', SHIPPING: '发货中', SHIPPED: '已发货', RECEIVED: '已收货', SETTLED: '已完成', REFUSED: '',
}

/** An order as pages show it. Absent fields are empty texts, because some engines print `null`. */
export function orderView(order: Order) {
  const { address, refundRequest, shipping } = order
  return {
    orderId: order.orderId,
    outTradeNo: order.outTradeNo,
    status: order.status,
    statusText: STATUS[order.status],
    total: yuan(order.totalFee),
    summary: order.items.map(({ name, quantity }) => `${name} × ${quantity}`).join('，'),
    items: order.items.map((item) => ({ productId: item.productId, name: item.name, quantity: item.quantity, price: yuan(item.price) })),
    createdAt: localTime(order.createdAt),
    paidAt: order.paidAt ? localTime(order.paidAt) : '',
    refunded: order.refundedFee ? yuan(order.refundedFee) : '',
    address: address ? `${address.userName} ${address.telNumber} ${address.provinceName}${address.cityName}${address.countyName}${address.detailInfo}` : '',
    invoice: order.invoiceTitle ? order.invoiceTitle.title : '',
    remark: order.remark ?? '',
    shippingText: shipping ? SHIPPING[shipping.state] : '',
    parcels: (shipping?.packages ?? []).map(({ trackingNo = '', expressCompany = '' }) => ({ trackingNo, expressCompany })),
    refundText: refundRequest ? refundText(refundRequest.state, refundRequest.note) : '',
    canPay: order.status === 'UNPAID',
    canAskRefund: order.status === 'PAID' && refundRequest?.state !== 'REQUESTED',
  }
}

export type OrderView = ReturnType<typeof orderView>

function refundText(state: string, note?: string): string {
  const text = { REQUESTED: '退款申请处理中', APPROVED: '退款申请已通过', REJECTED: '退款申请未通过' }[state] ?? state
  return note ? `${text}：${note}` : text
}

/** Runs an action and shows its failure; whether it succeeded. */
export async function attempt(action: () => Promise<void>): Promise<boolean> {
  try {
    await action()
    return true
  } catch (error) {
    showFailure(error)
    return false
  }
}
