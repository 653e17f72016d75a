// What glass-easel's adapter leaves to its host: lifecycles and the stack of pages, events, values of fields, buttons with an open-type.
import * as easel from 'glass-easel'
import { MiniProgramEnv } from 'glass-easel-miniprogram-adapter'

const BASE_CSS = 'body{margin:0}view,form,navigator,open-data{display:block}image{display:inline-block;background-size:cover}[hidden]{display:none!important}'

export class Host {
  constructor(appCss) {
    const environment = new MiniProgramEnv()
    const backend = new easel.CurrentWindowBackendContext()
    this.space = environment.createCodeSpace('', true)
    this.associated = environment.associateBackend(backend)
    this.stack = []
    this.registerCss('app', BASE_CSS + appCss.replace(/(^|[},\s])page(?=[\s{,.:])/g, '$1body'))
    backend.onEvent((target, type, detail, options) => this.dispatch(target, type, detail, options))
    // A typed field ignores a later `value=""` in the DOM, unlike WeChat's.
    new MutationObserver((changes) => changes.forEach(({ target }) => {
      const value = target.getAttribute('value')
      if ('value' in target && target.value !== value) target.value = value
    })).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ['value'] })
    Object.assign(globalThis, {
      App: (options) => { this.app = options },
      getApp: () => this.app,
      getCurrentPages: () => this.stack.map(({ page }) => page),
    })
  }

  dispatch(target, type, detail, options) {
    const element = options.originalEvent?.target
    if (element && /^(INPUT|TEXTAREA)$/.test(element.tagName) && /^(input|change|focus|blur)$/.test(type)) detail = { value: element.value }
    // Events that only WeChat's own buttons have; a test sends them to the DOM with their detail.
    if (options.originalEvent?.detail && typeof options.originalEvent.detail === 'object') detail = options.originalEvent.detail
    if (type === 'tap') {
      const navigator = element?.closest?.('navigator')
      if (navigator) this.open(navigator.getAttribute('url') ?? navigator.__url)
    }
    const event = new easel.Event(type, detail, options)
    easel.Event.dispatchEvent(target, event)
    return event.defaultPrevented() ? easel.EventBubbleStatus.NoDefault : easel.EventBubbleStatus.Normal
  }

  registerCss(name, text) {
    this.associated.registerStyleSheetContent(name, text)
    this.space.addStyleSheet(name, name)
  }

  define({ page, json, css }, templates, load) {
    this.space.addComponentStaticConfig(page, json)
    this.registerCss(page, css)
    this.space.addCompiledTemplate(page, { groupList: templates, content: templates[page], fallbackListenerOnNativeNode: true })
    this.space.globalComponentEnv(globalThis, page, load)
  }

  launch(load) {
    load()
    this.app.onLaunch?.({ query: {} })
  }

  get top() {
    return this.stack[this.stack.length - 1]
  }

  setVisible(isVisible) {
    if (!this.top) return
    this.top.dom.hidden = !isVisible
    this.top.page[isVisible ? 'onShow' : 'onHide']?.()
  }

  /** Opens a page on top, as `wx.navigateTo` does. */
  open(url) {
    const [name, query = ''] = url.replace(/^\//, '').split('?')
    this.setVisible(false)
    const root = this.associated.createRoot('page', this.space, name)
    const page = root.get()
    root.attach(document.body, document.body.appendChild(document.createElement('i')))
    this.stack.push({ root, page, dom: root.getComponent().getBackendElement() })
    page.route = name
    page.onLoad?.(Object.fromEntries(new URLSearchParams(query)))
    this.setVisible(true)
    page.onReady?.()
    return page
  }

  close() {
    const { page, root, dom } = this.stack.pop()
    page.onUnload?.()
    root.release()
    dom.remove()
  }

  back() {
    this.close()
    this.setVisible(true)
  }

  /** Opens a page in place of the one on top, as `wx.redirectTo` does. */
  redirect(url) {
    this.close()
    this.open(url)
  }

  /** The user leaves the mini program and comes back, for example by a card in a group. */
  enter(options) {
    this.app.onShow?.({ query: {}, ...options })
  }
}
