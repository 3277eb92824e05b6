// A shop that the server proves before it renders: URL=http://127.0.0.1:4444 SHOP=… npm run dev
// Before `npm install`, in the clone: npm run pack:client -- --out examples/next
import { Live } from './live.tsx'
import { place, provenListings } from './proven.ts'

/** Made anew for each request. */
export const dynamic = 'force-dynamic'

const MISSING = 'SHOP is no number of a shop: set it, and URL, to what the relay printed, and start again.'

/** First what the server proved, then the same shop live, proven in the reader's own browser. */
export default async function Page() {
  const where = place()
  if (where === undefined) return <p role="alert">{MISSING}</p>
  const { listings, verified } = await provenListings(where)
  return (
    <Live {...where}>
      <h1>{`proven by the server as of checkpoint ${verified?.seq}, nothing left out`}</h1>
      {listings.map(({ ID, Metadata }) => (
        <p key={`${ID}`}>{Metadata.Title}</p>
      ))}
    </Live>
  )
}
