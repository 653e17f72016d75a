import { isFailure } from './failure'

interface StoredKey {
  key: string
  purpose: string
  body: string
  /** Milliseconds since 1970. */
  madeAt: number
}

/**
 * The keys of requests that must have one effect. A key is stored before its request is sent and removed when its outcome is certain, so the
 * same request has the same key also after a lost answer and after a restart of the mini program.
 */
export class IdempotencyKeys {
  private readonly running = new Map<string, Promise<unknown>>()

  /** Runs the request with its key. Two taps at once are one request. */
  once<T>(purpose: string, body: object, request: (key: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(body)
    const name = `${purpose} ${text}`
    const running = this.running.get(name) as Promise<T> | undefined
    if (running) return running
    const started = this.run(purpose, text, request).finally(() => this.running.delete(name))
    this.running.set(name, started)
    return started
  }

  private async run<T>(purpose: string, body: string, request: (key: string) => Promise<T>): Promise<T> {
    const key = this.keyOf(purpose, body)
    try {
      const answer = await request(key)
      this.forget(key)
      return answer
    } catch (error) {
      const isCertain = isFailure(error) && !error.mayHaveHappened && ![401, 429].includes(error.statusCode)
      if (isCertain) this.forget(key)
      throw error
    }
  }

  private keyOf(purpose: string, body: string): string {
    const keys = stored()
    const found = keys.find((one) => one.purpose === purpose && one.body === body)
    if (found) return found.key
    const key = newKey()
    wx.setStorageSync(STORAGE_KEY, [...keys, { key, purpose, body, madeAt: Date.now() }])
    return key
  }

  private forget(key: string): void {
    wx.setStorageSync(STORAGE_KEY, stored().filter((one) => one.key !== key))
  }
}

/** Keys that are too old are left out: an order can be paid for 30 minutes, so its key must not find an order that has expired. */
function stored(): StoredKey[] {
  const keys = wx.getStorageSync<StoredKey[] | ''>(STORAGE_KEY) || []
  return keys.filter((one) => Math.abs(Date.now() - one.madeAt) < LIFETIME_MILLIS)
}

/** A key must differ from the other keys of the same user, and need not be secret. */
function newKey(): string {
  const random = (): string => Math.random().toString(36).slice(2, 12).padEnd(10, '0')
  return `${Date.now().toString(36)}-${random()}${random()}`
}

const STORAGE_KEY = 'client.idempotency'
const LIFETIME_MILLIS = 20 * 60 * 1000
