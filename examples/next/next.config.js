/** The client is bundled, so that its hooks and the page have one React; on the server it opens WebSockets by ws. */
export default { serverExternalPackages: ['ws'] }
