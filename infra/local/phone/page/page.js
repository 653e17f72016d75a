// `Page({ data, onLoad, … })` as mini programs write it, for a phone in the browser. Instead of WXML a page has `view()`, which makes the
// elements from `this.data`; `this.wx`, `this.api` and `this.phone` are those of the phone that shows it.

import { render } from './dom.js';

/** Defines a page. The phone makes an instance of it whenever somebody opens it. */
export function Page(definition) {
  return (phone) =>
    Object.assign(Object.create(definition), {
      data: structuredClone(definition.data ?? {}),
      phone,
      wx: phone.wx,
      api: phone.api,
      element: undefined,
      loading: 0,
      isActing: false,

      setData(changes) {
        Object.assign(this.data, changes);
        this.draw();
      },

      isBusy() {
        return this.loading > 0;
      },

      draw() {
        if (!this.element) return;
        this.element.setAttribute('aria-busy', String(this.isBusy()));
        render(this.element, this.view());
      },

      /** Runs what loads the page. The user can go on meanwhile; a failure is shown on the phone. */
      async load(work) {
        this.loading += 1;
        this.draw();
        try {
          await work();
        } catch (error) {
          this.phone.showError(error);
        } finally {
          this.loading -= 1;
          this.draw();
        }
      },

      /** Runs what a touch began. While it runs no other begins, so that two taps are one. */
      async run(work) {
        if (this.isActing) return;
        this.isActing = true;
        this.phone.hideProblem();
        await this.load(work);
        this.isActing = false;
      },

      /** A handler of a touch that does `work`. */
      tap(work) {
        return (event) => {
          this.run(() => work(event));
        };
      },
    });
}
