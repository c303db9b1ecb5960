// Takes torrents through all four events, each with a client of npm's bittorrent-tracker, all in one process; scrapes them together.
// Prints what the clients were told after each event, and the scrape after `completed`.
// Usage: node events_with_clients.mjs ANNOUNCE_URL PEER_ID INFO_HASH... (ids and hashes as hex)
import Client from 'bittorrent-tracker'

const [announce, peerId, ...infoHashes] = process.argv.slice(2)
const told = {}
const fail = error => {
  console.log(JSON.stringify({ ...told, error: error.message }))
  process.exit(1)
}
setTimeout(() => fail(new Error('no answer')), 30_000)

const clients = infoHashes.map(infoHash => new Client({ announce: [announce], infoHash, peerId, port: 6881 }))
for (const client of clients) {
  client.on('error', fail)
  client.on('warning', fail)
}
const updated = (client, act) => new Promise(resolve => {
  client.once('update', ({ complete, incomplete }) => resolve([complete, incomplete]))
  act(client)
})
const everyone = act => Promise.all(clients.map(client => updated(client, act)))
const numwant = announce.startsWith('ws') ? 0 : 50

told.started = await everyone(client => client.start({ left: 7, uploaded: 0, downloaded: 0, numwant }))
told.updated = await everyone(client => client.update({ left: 3, uploaded: 0, downloaded: 4, numwant }))
told.completed = await everyone(client => client.complete({ left: 0, uploaded: 0, downloaded: 7, numwant }))
// Over UDP, the client sends the names of several torrents as they are given.
const named = announce.startsWith('udp') ? infoHashes.map(infoHash => Buffer.from(infoHash, 'hex')) : infoHashes
told.scraped = await new Promise(resolve => {
  Client.scrape({ announce, infoHash: named }, (error, found) => {
    if (error) fail(error)
    else resolve(infoHashes.map(infoHash => [found[infoHash].complete, found[infoHash].incomplete, found[infoHash].downloaded]))
  })
})
told.stopped = await everyone(client => client.stop({ left: 0, uploaded: 0, downloaded: 7, numwant }))
console.log(JSON.stringify(told))
process.exit(0)
