/** Stops the requests that were begun with it, such as those of a page that closes. */
export class Cancellation {
  private isCancelled = false
  private readonly listeners = new Set<() => void>()

  get cancelled(): boolean {
    return this.isCancelled
  }

  cancel(): void {
    this.isCancelled = true
    const listeners = [...this.listeners]
    this.listeners.clear()
    listeners.forEach((listener) => listener())
  }

  /** Runs `listener` when the cancellation comes, or at once if it has come. The returned function removes the listener. */
  onCancel(listener: () => void): () => void {
    if (this.isCancelled) {
      listener()
      return () => {}
    }
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
