'use client'

import type { ReactNode } from 'react'
import { Shop, useListings } from 'cairn-client/react'
import type { Place } from './proven.ts'

/** The children until the browser itself has proven the shop. */
export function Live({ children, ...place }: Place & { readonly children: ReactNode }) {
  return (
    <Shop {...place}>
      <Listings before={children} />
    </Shop>
  )
}

function Listings({ before }: { readonly before: ReactNode }) {
  const { data = [], complete, verified, error } = useListings({ orderBy: 'title', published: true })
  if (error) return <p role="alert">{error.message}</p>
  if (!complete) return before
  return (
    <>
      <h1>{`proven here as of checkpoint ${verified?.seq}, nothing left out`}</h1>
      {data.map(({ ID, Metadata }) => (
        <p key={`${ID}`}>{Metadata.Title}</p>
      ))}
    </>
  )
}
