// Announces to a tracker with npm's bittorrent-tracker client, scrapes it, stops, and prints what the client understood.
// Usage: node announce_with_client.mjs ANNOUNCE_URL INFO_HASH PEER_ID PORT LEFT (hashes and ids as hex)
import Client from 'bittorrent-tracker'

const [announce, infoHash, peerId, port, left] = process.argv.slice(2)
const client = new Client({ announce: [announce], infoHash, peerId, port: Number(port) })
const told = { peers: [], warnings: [] }
const fail = error => {
  console.log(JSON.stringify({ ...told, error: error.message }))
  process.exit(1)
}
const deadline = setTimeout(() => fail(new Error('no answer')), 20_000)

client.on('error', fail)
client.on('warning', error => fail(error))
client.on('peer', peer => told.peers.push(peer))
client.once('update', update => {
  told.announce = { complete: update.complete, incomplete: update.incomplete }
  client.scrape()
})
client.once('scrape', scrape => {
  told.scrape = { complete: scrape.complete, incomplete: scrape.incomplete, downloaded: scrape.downloaded }
  clearTimeout(deadline)
  console.log(JSON.stringify(told))
  process.exit(0)
})
client.start({ left: Number(left), uploaded: 0, downloaded: 0, numwant: announce.startsWith('ws') ? 0 : 50 })
