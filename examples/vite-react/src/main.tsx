// A live list of a shop, from another origin: VITE_URL=http://127.0.0.1:4444 VITE_SHOP=… npm run dev
// Before `npm install`, in the clone: npm run pack:client -- --out examples/vite-react
import { createRoot } from 'react-dom/client'
import { Shop, useListings } from 'cairn-client/react'

function Listings() {
  const { data = [], complete, verified, error } = useListings({ orderBy: 'title', published: true })
  const shown = complete ? `proven as of checkpoint ${verified?.seq}, nothing left out` : 'loading …'
  const titles = data.map(({ ID, Metadata }) => <p key={`${ID}`}>{Metadata.Title}</p>)
  return [<h1 key="">{error?.message ?? shown}</h1>, ...titles]
}

const { VITE_URL: url = 'http://127.0.0.1:4444', VITE_SHOP: shop, VITE_RELAY: relay = 'development' } = import.meta.env
const page = /^\d+$/u.test(shop) ? (
  <Shop url={url} shop={BigInt(shop)} relay={relay} children={<Listings />} />
) : (
  <p role="alert">
    VITE_SHOP is no number of a shop: set it, and VITE_URL, to what the relay printed, and start again.
  </p>
)
createRoot(document.querySelector('#root')!).render(page)
