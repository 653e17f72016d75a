import { type Cancellation } from './cancellation'
import { Failure, cancelled } from './failure'

export interface HttpRequest {
  url: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  header: Record<string, string>
  data?: object
  timeoutMillis: number
}

/**
 * Sends one request and gives the body of its answer.
 *
 * @throws Failure unless the back end says `"success": true`.
 */
export function send(request: HttpRequest, cancellation?: Cancellation): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (cancellation?.cancelled) {
      reject(cancelled())
      return
    }
    const task = wx.request<string | WechatMiniprogram.IAnyObject>({
      url: request.url,
      method: request.method,
      header: request.header,
      data: request.data as WechatMiniprogram.IAnyObject | undefined,
      timeout: request.timeoutMillis,
      success: ({ statusCode, header, data }) => {
        try {
          resolve(read(statusCode, header as Record<string, unknown>, data))
        } catch (failure) {
          reject(failure)
        }
      },
      fail: ({ errMsg }) => reject(cancellation?.cancelled ? cancelled(errMsg) : withoutAnswer(errMsg)),
      complete: () => removeListener(),
    })
    const removeListener = cancellation?.onCancel(() => task.abort()) ?? (() => {})
  })
}

/** The failure of a request or an upload to which no answer came. */
export function withoutAnswer(errMsg: string): Failure {
  if (/timeout|timed out/i.test(errMsg)) return new Failure('timeout', '网络超时，请稍后再试', { errMsg })
  return new Failure('offline', '网络不可用，请检查网络后重试', { errMsg })
}

/** The failure that an answer with this status is. The message is the back end's; a gateway in front of it has none in Chinese. */
export function refusal(statusCode: number, header: Record<string, unknown>, data: unknown): Failure {
  const { success, code, message, requestId } = (data ?? {}) as Record<string, unknown>
  const ours = success === false && typeof code === 'string' && typeof message === 'string'
  const details = { code: ours ? code : '', statusCode, requestId: ours ? String(requestId ?? '') : '', retryAfterSeconds: retryAfter(header) }
  if (statusCode >= 500 && statusCode !== 501) return new Failure('unavailable', ours ? message : '服务异常，请稍后再试', details)
  if (ours) return new Failure('refused', message, details)
  if (statusCode === 429) return new Failure('refused', '操作太频繁，请稍后再试', details)
  if (statusCode >= 400) return new Failure('refused', '请求未被接受，请稍后再试', details)
  return new Failure('unreadable', '网络异常，请检查网络后重试', details)
}

function read(statusCode: number, header: Record<string, unknown>, data: unknown): unknown {
  const isSuccess = statusCode === 200 && (data as { success?: unknown } | null)?.success === true
  if (!isSuccess) throw refusal(statusCode, header, data)
  return data
}

/** Android and iOS differ in how they write the names of headers. The back end gives whole seconds, not a date. */
function retryAfter(header: Record<string, unknown>): number | undefined {
  const name = Object.keys(header ?? {}).find((key) => key.toLowerCase() === 'retry-after')
  const seconds = name === undefined ? NaN : Number(header[name])
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined
}
