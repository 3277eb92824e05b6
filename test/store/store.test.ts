import { memoryStore } from '../../src/store/memory.js'
import { DiskStore } from '../fixtures/store-directory.js'
import { storeSuite } from './store.suite.js'

storeSuite('the store in memory', async () => {
  const store = memoryStore()
  return { store, reopen: () => Promise.resolve(undefined), dispose: () => store.close() }
})

storeSuite('the store on disk', () => DiskStore.make())
