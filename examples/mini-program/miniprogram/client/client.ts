import { type Cancellation } from './cancellation'
import { type Failure, isFailure } from './failure'
import { IdempotencyKeys } from './idempotency'
import { pay, type Payment, type PayableOrder } from './payment'
import { Session } from './session'
import { send } from './transport'
import type { Answer, Body, Method, NewOrder, PathOf, PathParameters, PlacedOrder, Query, UploadKind } from './types'
import { uploadFile } from './upload'

export interface CallOptions {
  /** Stops the call, for example when its page closes. */
  cancellation?: Cancellation
  /** Whether the request may be sent again after a lost answer, because the route gives a repeated request no second effect. */
  repeatable?: boolean
  /** The header `Idempotency-Key`, which makes a request repeatable. */
  idempotencyKey?: string
  /** `none` sends no token, for routes that anybody may call. `same` takes no 401 for a reason to log in anew. */
  login?: 'none' | 'same'
}

type Parameters<P extends string, M extends Method> = CallOptions & { query?: Query<P & keyof import('./schema').paths, M> }
  & ({} extends PathParameters<P> ? { path?: undefined } : { path: PathParameters<P> })
type Options<P extends string, M extends Method> = {} extends PathParameters<P> ? [options?: Parameters<P, M>] : [options: Parameters<P, M>]

export interface ClientSettings {
  /** The back end's address without a slash at its end, such as `https://api.example.com`. */
  base: string
  timeoutMillis?: number
  /** Waits so many milliseconds; for tests. */
  wait?: (millis: number) => Promise<void>
}

/** The back end's routes, for the pages of a mini program. README.md has a table of what it does on which failure. */
export class Client {
  private readonly base: string
  private readonly timeoutMillis: number
  private readonly waitMillis: (millis: number) => Promise<void>
  private readonly keys = new IdempotencyKeys()
  private readonly payments = new Map<string, Promise<Payment>>()
  private readonly session = new Session(async (code) => this.post('/api/login', { code }, { login: 'none', repeatable: true }))

  constructor({ base, timeoutMillis = 10_000, wait = sleep }: ClientSettings) {
    this.base = base
    this.timeoutMillis = timeoutMillis
    this.waitMillis = wait
  }

  get<P extends PathOf<'get'>>(path: P, ...[options]: Options<P, 'get'>): Promise<Answer<P, 'get'>> {
    return this.call('GET', path, undefined, { repeatable: true, ...options }) as Promise<Answer<P, 'get'>>
  }

  post<P extends PathOf<'post'>>(path: P, body: Body<P, 'post'>, ...[options]: Options<P, 'post'>): Promise<Answer<P, 'post'>> {
    return this.call('POST', path, body, options) as Promise<Answer<P, 'post'>>
  }

  put<P extends PathOf<'put'>>(path: P, body: Body<P, 'put'>, ...[options]: Options<P, 'put'>): Promise<Answer<P, 'put'>> {
    return this.call('PUT', path, body, options) as Promise<Answer<P, 'put'>>
  }

  /**
   * Posts what WeChat encrypts for this mini program. `getData` runs after the login whose key WeChat encrypts with, and again after a new
   * login, because data of the old key can't be decrypted any more.
   */
  async postOpenData<P extends PathOf<'post'>>(path: P, getData: () => Promise<Body<P, 'post'>>, options: CallOptions = {}): Promise<Answer<P, 'post'>> {
    const attempt = async (token: string): Promise<Answer<P, 'post'>> =>
      await this.sendWithToken('POST', path, await getData(), token, options) as Answer<P, 'post'>
    const token = await this.session.tokenWithKey()
    try {
      return await attempt(token)
    } catch (error) {
      const isStale = isFailure(error) && (error.statusCode === 401 || error.code === 'WATERMARK_MISMATCH')
      if (!isStale) throw error
      return attempt(await this.session.renew(token))
    }
  }

  /** Places an order once, however often it is tapped and whatever answer is lost. */
  placeOrder(order: NewOrder, cancellation?: Cancellation): Promise<PlacedOrder> {
    return this.keys.once('order', order, (idempotencyKey) => this.post('/api/orders', order, { idempotencyKey, cancellation }))
  }

  /** Asks for money back. The back end takes the same request of an order for one, so a repeated one needs no key. */
  requestRefund(orderId: string, body: Body<'/api/orders/{orderId}/refund-request', 'post'>): Promise<Answer<'/api/orders/{orderId}/refund-request', 'post'>> {
    return this.keys.once(`refund-request ${orderId}`, body, () =>
      this.post('/api/orders/{orderId}/refund-request', body, { path: { orderId }, repeatable: true }))
  }

  /** Lets the user pay, and waits until the back end knows the payment. A second call for the same order gets the first one's result. */
  pay(order: PayableOrder, cancellation?: Cancellation): Promise<Payment> {
    const running = this.payments.get(order.orderId)
    if (running) return running
    const started = pay(this, order, cancellation).finally(() => this.payments.delete(order.orderId))
    this.payments.set(order.orderId, started)
    return started
  }

  /** Uploads a file of the phone; the key names it in later requests. */
  upload(kind: UploadKind, filePath: string, cancellation?: Cancellation): Promise<string> {
    return uploadFile(this, kind, filePath, cancellation)
  }

  /** Erases the user. A new login after a lost answer would make a new user, so the request is repeated with its token alone. */
  async eraseUser(): Promise<void> {
    await this.call('DELETE', '/api/user', undefined, { repeatable: true, login: 'same' })
    this.session.forget()
  }

  /** Waits until the time is over or the call is cancelled; a request after that is not sent. */
  async wait(millis: number, cancellation?: Cancellation): Promise<void> {
    let removeListener = (): void => {}
    const cancelling = new Promise<void>((resolve) => {
      removeListener = cancellation?.onCancel(resolve) ?? removeListener
    })
    await Promise.race([this.waitMillis(millis), cancelling])
    removeListener()
  }

  private async call(method: HttpMethod, path: string, body: unknown, options: AnyOptions = {}): Promise<unknown> {
    if (options.login === 'none') return this.sendWithToken(method, path, body, '', options)
    const token = await this.session.token()
    try {
      return await this.sendWithToken(method, path, body, token, options)
    } catch (error) {
      if (!isFailure(error) || error.statusCode !== 401 || options.login === 'same') throw error
      // A request that is refused with 401 has had no effect.
      return this.sendWithToken(method, path, body, await this.session.renew(token), options)
    }
  }

  /** Sends a request, and once more if it may be repeated. */
  private async sendWithToken(method: HttpMethod, path: string, body: unknown, token: string, options: AnyOptions): Promise<unknown> {
    const header: Record<string, string> = { 'content-type': 'application/json' }
    if (token) header.authorization = `Bearer ${token}`
    if (options.idempotencyKey) header['idempotency-key'] = options.idempotencyKey
    const request = { url: this.base + address(path, options), method, header, data: body as object | undefined, timeoutMillis: this.timeoutMillis }
    try {
      return await send(request, options.cancellation)
    } catch (error) {
      const pause = pauseBeforeRetry(error as Failure, Boolean(options.repeatable || options.idempotencyKey))
      if (pause === undefined) throw error
      await this.wait(pause, options.cancellation)
      return send(request, options.cancellation)
    }
  }
}

type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'
type AnyOptions = CallOptions & { path?: Record<string, string>; query?: Record<string, unknown> }

/** How many milliseconds to wait before the one retry; nothing if the request must not or need not be sent again. */
function pauseBeforeRetry(failure: Failure, repeatable: boolean): number | undefined {
  const asked = failure.retryAfterSeconds
  if (asked !== undefined && asked > MAX_RETRY_AFTER_SECONDS) return undefined
  // A request that came too often has had no effect, so every one of them may be sent again.
  if (failure.statusCode === 429) return (asked ?? 1) * 1000
  const mayBeRepeated = repeatable && ['unavailable', 'offline', 'timeout'].includes(failure.kind)
  if (!mayBeRepeated) return undefined
  // Phones that lost the network at the same time do not come back at the same time.
  return asked !== undefined ? asked * 1000 : 300 + Math.random() * 700
}

/** The path with its parameters in place, and the query. */
function address(path: string, { path: parameters = {}, query = {} }: AnyOptions): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''))
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')
  return text ? `${filled}?${text}` : filled
}

function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, millis)
  })
}

/** Users do not wait longer than this for a retry that they can't see. */
const MAX_RETRY_AFTER_SECONDS = 5
