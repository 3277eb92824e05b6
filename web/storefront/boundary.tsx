/** What is shown in the place of a page that could not be shown. */

import { Component, type ReactNode } from 'react'
import { Reason } from './proof.js'
import { hrefTo } from './route.js'

interface Props {
  readonly children: ReactNode
}

/** Links are loaded anew: what broke is not gone on with. */
export class Boundary extends Component<Props, { readonly error: Error | undefined }> {
  override readonly state = { error: undefined }

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render() {
    const { error } = this.state as { readonly error: Error | undefined }
    if (error === undefined) return this.props.children
    return (
      <main className="narrow">
        <h1>This page could not be shown</h1>
        <p role="alert">That is our fault, not yours. What you ordered is safe, and your cart and your key are kept.</p>
        <div className="actions">
          <a href={hrefTo({})} className="primary">
            Back to the shop
          </a>
          <a href={hrefTo({ view: 'orders' })}>Your orders</a>
        </div>
        <Reason text={error.message} />
      </main>
    )
  }
}
