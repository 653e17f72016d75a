import { type Cancellation } from './cancellation'
import { type Client } from './client'
import { isFailure, toFailure } from './failure'
import type { Order } from './types'

export interface PayableOrder {
  orderId: string
  outTradeNo: string
  /** Fen, as the user saw it. The back end compares it with the order's. */
  totalFee?: number
}

/**
 * How a payment ended.
 * - `paid`: the back end knows the payment.
 * - `confirming`: the phone says that the user has paid, and the back end does not know it yet. It will.
 * - `cancelled`: the user closed the cashier. The order can be paid later.
 * - `failed`: WeChat could not take the money. The order can be paid later.
 * - `closed`: the order can't be paid any more. Money that was taken goes back by itself.
 */
export type Outcome = 'paid' | 'confirming' | 'cancelled' | 'failed' | 'closed'

export interface Payment {
  outcome: Outcome
  order: Order
  /** What to tell the user. */
  message: string
}

/** @throws Failure if the payment could not begin, for example with the code `BALANCE_NOT_ENOUGH`, or if it is cancelled by the page. */
export async function pay(client: Client, order: PayableOrder, cancellation?: Cancellation): Promise<Payment> {
  const { orderId, outTradeNo, totalFee } = order
  const readOrder = async (): Promise<Order> => (await client.get('/api/orders/{orderId}', { path: { orderId }, cancellation })).order
  try {
    // The same order again gives the same payment.
    const { payParams } = await client.post('/api/pay/unified-order', { outTradeNo, totalFee }, { repeatable: true, cancellation })
    await wx.requestPayment(payParams)
  } catch (error) {
    if (isFailure(error) && error.code !== 'ORDER_PAID') throw error
    // What the phone says is no proof, so the order decides.
    const now = await readOrder()
    if (isPaid(now)) return ended('paid', now)
    return ended(toFailure(error).kind === 'cancelled' ? 'cancelled' : 'failed', now)
  }
  // The success of `wx.requestPayment` is no proof either. WeChat's notice usually comes within a second.
  let now: Order | undefined
  for (const pause of PAUSES_MILLIS) {
    await client.wait(pause, cancellation)
    try {
      now = await readOrder()
    } catch (error) {
      const mayPass = isFailure(error) && ['offline', 'timeout', 'unavailable'].includes(error.kind)
      if (!mayPass) throw error
      continue
    }
    if (isPaid(now)) return ended('paid', now)
    if (now.status === 'CLOSED') return ended('closed', now)
  }
  return ended('confirming', now ?? await readOrder())
}

const isPaid = (order: Order): boolean => ['PAID', 'REFUNDING', 'REFUNDED'].includes(order.status)

const ended = (outcome: Outcome, order: Order): Payment => ({ outcome, order, message: MESSAGES[outcome] })

const MESSAGES: Record<Outcome, string> = {
  paid: '支付成功',
  confirming: '支付结果确认中，请稍后查看',
  cancelled: '已取消支付',
  failed: '支付未完成，请稍后再试',
  closed: '订单已关闭，已付款项将原路退回',
}

/** Half a minute in all. */
const PAUSES_MILLIS = [200, 300, 500, 1000, 1000, 2000, 3000, 5000, 8000, 9000]
