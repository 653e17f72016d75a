// `Page({ data, onLoad, … })` as mini programs write it, for a phone in the browser. Instead of WXML a page has `view()`, which makes the
// elements from `this.data`; `this.wx`, `this.api` and `this.phone` are those of the phone that shows it.

import { render } from './dom.js';

/** Defines a page. The phone makes an instance of it whenever somebody opens it. */
export function Page(definition) {
  return (phone) => Object.assign(Object.create(definition), {
    data: structuredClone(definition.data ?? {}),
    phone,
    wx: phone.wx,
    api: phone.api,
    element: undefined,
    isBusy: false,

    setData(changes) {
      Object.assign(this.data, changes);
      this.draw();
    },

    draw() {
      if (!this.element) return;
      this.element.setAttribute('aria-busy', String(this.isBusy));
      render(this.element, this.view());
    },

    /** Runs a function of the page. While it runs no other starts, so that two taps are one; a failure is shown on the phone. */
    async run(work) {
      if (this.isBusy) return;
      this.isBusy = true;
      this.draw();
      try {
        await work();
      } catch (error) {
        this.phone.showError(error);
      } finally {
        this.isBusy = false;
        this.draw();
      }
    },

    /** A handler of a touch that does `work`. */
    tap(work) {
      return (event) => { this.run(() => work(event)); };
    },
  });
}
