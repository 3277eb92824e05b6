/** Node loads the client as it is: with its own WebSocket, or that of ws. */
export default { serverExternalPackages: ['cairn-client'] }
