import { reportShareEntry } from './share'

App({
  /** Runs for each entry, also when the mini program was only in the background. */
  onShow({ query }: WechatMiniprogram.App.LaunchShowOption) {
    reportShareEntry(query)
  },
})
