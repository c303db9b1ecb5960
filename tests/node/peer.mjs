// A page that shares torrents with npm's WebTorrent; a test calls what it puts on the window.
import WebTorrent from './webtorrent.min.js'

// No server outside helps two peers to find a way to each other: they are on one machine.
const client = new WebTorrent({ dht: false, lsd: false, utPex: false, tracker: { rtcConfig: { iceServers: [] } } })
const warnings = []
client.on('error', error => warnings.push(error.message))

const torrents = new Map()
const heard = torrent => torrent.on('warning', warning => warnings.push(warning.message ?? String(warning)))
const hex = buffer => Array.from(new Uint8Array(buffer), byte => byte.toString(16).padStart(2, '0')).join('')
const digest = async bytes => hex(await crypto.subtle.digest('SHA-256', bytes))

// Makes up bytes and seeds them.
window.seed = async (name, sizeBytes, announce) => {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  const torrent = heard(client.seed(new File([bytes], name), { name, announce }))
  await new Promise(resolve => torrent.once('seed', resolve))
  torrents.set(torrent.infoHash, torrent)
  return { infoHash: torrent.infoHash, magnet: torrent.magnetURI, digest: await digest(bytes) }
}

// Begins to fetch a magnet link, or a .torrent file given in hex.
window.fetchTorrent = async given => {
  const id = given.startsWith('magnet:') ? given : Uint8Array.from(given.match(/../g), byte => parseInt(byte, 16))
  const torrent = heard(client.add(id))
  if (!torrent.infoHash) await new Promise(resolve => torrent.once('infoHash', resolve))
  torrents.set(torrent.infoHash, torrent)
  return torrent.infoHash
}

window.state = infoHash => {
  const { done, uploaded, downloaded } = torrents.get(infoHash)
  return { done, uploaded, downloaded, warnings }
}

// Tells the digest of each file by its path.
window.digests = async infoHash => {
  const files = torrents.get(infoHash).files.map(async file => [file.path, await digest(await file.arrayBuffer())])
  return Object.fromEntries(await Promise.all(files))
}

window.leave = infoHash => new Promise(resolve => torrents.get(infoHash).destroy(resolve))
window.isReady = true
