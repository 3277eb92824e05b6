/** The merchant's console: a static page that knows a shop through the SDK alone, with the merchant's own key card. */

import { createRoot } from 'react-dom/client'
import { App } from './app.js'

createRoot(document.querySelector('#root')!).render(<App />)
