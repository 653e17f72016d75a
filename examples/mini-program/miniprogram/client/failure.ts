/**
 * Why a call failed.
 * - `refused`: the back end answered with one of its codes and a status below 500, or with 501.
 * - `unavailable`: the back end, or a gateway in front of it, answered with a status of 500 or above.
 * - `offline`: no answer came. The request may have had its effect.
 * - `timeout`: no answer came in time. The request may have had its effect.
 * - `cancelled`: the page has cancelled the call, or the user has closed WeChat's dialog.
 * - `unreadable`: the answer is not one of the back end, for example the login page of a hotel's Wi-Fi.
 * - `phone`: WeChat's own API on the phone failed.
 */
export type FailureKind = 'refused' | 'unavailable' | 'offline' | 'timeout' | 'cancelled' | 'unreadable' | 'phone'

interface FailureDetails {
  /** The back end's code, such as `OUT_OF_STOCK`; empty if there is none. */
  code?: string
  statusCode?: number
  /** Finds the line in the back end's log. */
  requestId?: string
  /** What `Retry-After` says. */
  retryAfterSeconds?: number
  /** What WeChat's API on the phone said. */
  errMsg?: string
}

/** A failed call. `message` is Chinese and short enough for `wx.showToast`. */
export class Failure extends Error {
  readonly kind: FailureKind
  readonly code: string
  readonly statusCode: number
  readonly requestId: string
  readonly retryAfterSeconds: number | undefined
  readonly errMsg: string

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message)
    this.name = 'Failure'
    this.kind = kind
    this.code = details.code ?? ''
    this.statusCode = details.statusCode ?? 0
    this.requestId = details.requestId ?? ''
    this.retryAfterSeconds = details.retryAfterSeconds
    this.errMsg = details.errMsg ?? ''
  }

  /** Whether the request may have had its effect although it failed. */
  get mayHaveHappened(): boolean {
    return this.kind !== 'refused'
  }
}

export const isFailure = (error: unknown): error is Failure => error instanceof Failure

/** The failure that this error is. What is no failure yet comes from WeChat's APIs on the phone: `{errMsg: 'login:fail …'}`. */
export function toFailure(error: unknown): Failure {
  if (isFailure(error)) return error
  const errMsg = String((error as { errMsg?: unknown } | null)?.errMsg ?? (error as Error | null)?.message ?? error)
  if (/\bcancel\b/.test(errMsg)) return cancelled(errMsg)
  return new Failure('phone', /auth deny|auth denied|authorize no response|privacy/.test(errMsg) ? '未获得授权，可在设置中开启' : '操作未完成，请稍后再试', { errMsg })
}

export const cancelled = (errMsg = ''): Failure => new Failure('cancelled', '已取消', { errMsg })

/** Shows the failure to the user. What the user has cancelled needs no message. */
export function showFailure(error: unknown): void {
  const failure = toFailure(error)
  if (failure.kind !== 'cancelled') wx.showToast({ title: failure.message, icon: 'none', duration: 3000 })
}
