export async function relayFaults() {}
