import { isFailure } from './failure'

interface StoredToken {
  token: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

interface LoginAnswer {
  token: string
  expiresIn: number
}

/**
 * The token of the user. Many calls at once log in once, because each `wx.login` replaces the `session_key` with which WeChat encrypts, and
 * because WeChat limits how often a mini program may log in.
 */
export class Session {
  private login: Promise<string> | undefined

  /** @param exchange `POST /api/login` with a code of `wx.login`. */
  constructor(private readonly exchange: (code: string) => Promise<LoginAnswer>) {}

  /** The stored token, or the token of a new login. */
  token(): Promise<string> {
    const stored = wx.getStorageSync<StoredToken | ''>(STORAGE_KEY)
    // A token that is about to end would be refused on its way. The back end decides, because the phone's clock may be wrong.
    if (!this.login && stored && stored.expiresAt > Date.now() + MARGIN_MILLIS) return Promise.resolve(stored.token)
    return this.logIn()
  }

  /** A token other than the one that was refused. If another call has already logged in anew, no login is needed. */
  renew(refused: string): Promise<string> {
    const stored = wx.getStorageSync<StoredToken | ''>(STORAGE_KEY)
    if (!this.login && stored && stored.token !== refused) return Promise.resolve(stored.token)
    return this.logIn()
  }

  /** A token whose `session_key` WeChat still knows, so that what WeChat encrypts from now on can be decrypted. */
  async tokenWithKey(): Promise<string> {
    const token = await this.token()
    const isValid = await wx.checkSession().then(() => true, () => false)
    return isValid ? token : this.renew(token)
  }

  /** Forgets the token, after the user was erased. */
  forget(): void {
    wx.removeStorageSync(STORAGE_KEY)
  }

  private logIn(): Promise<string> {
    this.login ??= this.newToken().finally(() => {
      this.login = undefined
    })
    return this.login
  }

  private async newToken(): Promise<string> {
    const exchangeNewCode = async (): Promise<LoginAnswer> => this.exchange((await wx.login()).code)
    const answer = await exchangeNewCode().catch((error: unknown) => {
      // A code lives for five minutes and is good for one exchange, of which the answer may have been lost.
      if (isFailure(error) && error.code === 'CODE_INVALID') return exchangeNewCode()
      throw error
    })
    const stored: StoredToken = { token: answer.token, expiresAt: Date.now() + answer.expiresIn * 1000 }
    wx.setStorageSync(STORAGE_KEY, stored)
    return answer.token
  }
}

const STORAGE_KEY = 'client.token'
const MARGIN_MILLIS = 60_000
