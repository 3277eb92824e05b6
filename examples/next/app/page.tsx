import { Live } from './live.tsx'
import { place, provenListings } from './proven.ts'

/** Made anew for each request. */
export const dynamic = 'force-dynamic'

/** First what the server proved, then the same shop live, proven in the reader's own browser. */
export default async function Page() {
  const { listings, verified } = await provenListings()
  return (
    <Live {...place()}>
      <h1>{`proven by the server as of checkpoint ${verified?.seq}, nothing left out`}</h1>
      {listings.map(({ ID, Metadata }) => (
        <p key={`${ID}`}>{Metadata.Title}</p>
      ))}
    </Live>
  )
}
