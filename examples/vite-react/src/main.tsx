// A live list of a shop, from another origin: VITE_URL=http://127.0.0.1:4444 VITE_SHOP=… npm run dev
import { createRoot } from 'react-dom/client'
import { Shop, useListings } from 'cairn-client/react'

function Listings() {
  const { data = [], complete, verified } = useListings({ orderBy: 'title' })
  const proof = complete ? `proven as of checkpoint ${verified?.seq}, nothing left out` : 'loading …'
  return [<h1 key="">{proof}</h1>, ...data.map(({ ID, Metadata }) => <p key={`${ID}`}>{Metadata.Title}</p>)]
}

const { VITE_URL: url, VITE_SHOP: shop, VITE_RELAY: relay = 'development' } = import.meta.env
const page = createRoot(document.querySelector('#root')!)
page.render(<Shop url={url} shop={BigInt(shop)} relay={relay} children={<Listings />} />)
